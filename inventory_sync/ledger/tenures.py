"""Acts that change what is sure of a whole location: a tenure begins, or a fault is noticed.

Both work on the levels there are, in the caller's transaction, which makes no other such call. Who may do
it, and the record of it, is for the rooms that call (catalog/authorities.py, the console, the readers).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.ports import LedgerStore, OpenGap
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


def note_missing(
    connection_id: int,
    location_id: int,
    numbers: Mapping[int, int],
    *,
    store: LedgerStore,
    now: datetime,
) -> None:
    """Say that numbers of a feed have not come: what came after them is unknown until they do (gaps.py).

    numbers: each with a reading number freshly taken for it. The caller keeps others from posting at the
    location (store.hold_gates). A number that came, or was missing before, changes nothing.
    """
    store.note_gaps(connection_id, location_id, numbers, now=now)
    marks = set(numbers.values())
    noted = [gap for gap in store.open_gaps([location_id]) if gap.since in marks]
    if noted:
        apply_batch((), (), store=store, now=now, missing=noted)


def give_up(gap: OpenGap, *, reason: str, store: LedgerStore, now: datetime) -> Applied:
    """Close a gap whose number will not come: what only it held is known again. The caller records who."""
    applied = apply_batch((), (), store=store, now=now, lost=gap)
    store.close_gaps([gap.id], state="lost", reason=reason, now=now)
    return applied
