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
    """Have nothing known at a location after its authority or mode changed, until it is told anew.

    Levels of which something was told already that belongs to the new tenure (a clock ran ahead, the act is
    dated back) are worked out again; the others rest on what they did. The caller keeps others from posting
    there (catalog.authorities.hold_gate).
    """
    place = store.places([location_id])[location_id]
    began = place.lived.all[-1]
    keys = store.level_keys([location_id])
    told = store.told_since(keys, at=began.starts_at or now, above=began.after_reading)
    return apply_batch(
        (), (), store=store, now=now, anew=told, untold=[key for key in keys if key not in told]
    )


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
