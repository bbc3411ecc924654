"""Post stock events to the ledger.

Posting the same event twice changes nothing. Does not resolve external ids (catalog) or decide what may be
sold (availability). The steps are in apply.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from inventory_sync.ledger.apply import TOLERANCE, apply_batch
from inventory_sync.ledger.ports import LedgerStore
from inventory_sync.ledger.types import Posted, StockEvent


def post_events(
    events: Sequence[StockEvent],
    *,
    store: LedgerStore,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> Posted:
    """Post a batch that holds no orders, in the caller's transaction, which makes no other such call."""
    return apply_batch(events, (), store=store, now=now, tolerance=tolerance).posted
