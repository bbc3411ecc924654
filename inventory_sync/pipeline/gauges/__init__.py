"""What is measured: the metrics and the control room both read it here, so that they cannot disagree.

Reads only, from rows that state a debt or a counter; never counts a history.
"""

from inventory_sync.pipeline.gauges.look import Look as Look
