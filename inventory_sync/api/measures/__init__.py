"""What /metrics tells, family by family; docs/metrics.md explains each, and a test holds both together.

The figures the control room shows are read by the same functions (pipeline/gauges). None counts a history.
"""

from inventory_sync.api.measures.channels import CHANNELS
from inventory_sync.api.measures.intake import INTAKE
from inventory_sync.api.measures.running import RUNNING

MEASURES = (*INTAKE, *CHANNELS, *RUNNING)
