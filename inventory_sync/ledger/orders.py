"""Decide orders: reservations and their allocations.

The same version decided twice changes nothing. Does not move stock: a shipment of the authority does
(post.py), and closes the line with it. The steps are in apply.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.ports import LedgerStore
from inventory_sync.ledger.types import Decided, OrderEvent


def decide_orders(orders: Sequence[OrderEvent], *, store: LedgerStore, now: datetime) -> Decided:
    """Decide a batch without stock events, in the caller's transaction, which makes no other such call."""
    return apply_batch((), orders, store=store, now=now).decided


def expire_holds(*, store: LedgerStore, now: datetime, limit: int = 200) -> Decided:
    """End the holds whose time is over, the longest overdue first, at most `limit` orders; in the caller's
    transaction. Their demand is free again; a strictly newer version of an order brings it back.
    """
    return apply_batch((), (), store=store, now=now, due=store.due_holds(now=now, limit=limit)).decided
