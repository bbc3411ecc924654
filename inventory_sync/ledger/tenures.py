"""Acts that change what is sure of a whole location: a tenure begins, or a fault is noticed.

Both work on the levels there are, in the caller's transaction, which makes no other such call. Who may do
it, and the record of it, is for the rooms that call (catalog/authorities.py, the console, the readers).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.ports import LedgerStore
from inventory_sync.ledger.types import Applied, CutReading


def begin_tenure(location_id: int, *, store: LedgerStore, now: datetime) -> Applied:
    """Work every level of a location out again after its authority or mode changed.

    The caller keeps others from posting there (catalog.authorities.hold_gate). What was known is unknown
    until the whole stock is told in the new tenure.
    """
    return apply_batch((), (), store=store, now=now, anew=store.level_keys([location_id]))


def mark_unknown(
    location_ids: Collection[int],
    *,
    since_reading: int,
    item_ids: Collection[int] | None = None,
    connection_id: int = 0,
    store: LedgerStore,
    now: datetime,
) -> Applied:
    """Declare levels unknown since a reading number freshly taken; those read since are known already.

    item_ids: None for all that have a level there.
    """
    items = item_ids
    if items is None:
        items = {item for item, _ in store.level_keys(location_ids)}
    cut = CutReading(connection_id, since_reading, tuple(sorted(items)), tuple(sorted(location_ids)))
    return apply_batch((), (), store=store, now=now, cut=[cut])
