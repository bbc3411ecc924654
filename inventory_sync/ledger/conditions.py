"""Stock that is there and cannot be sold: how its amount changes, and how that is posted.

Unavailable is the sum of what came in under a condition or was moved to one, less what left it. A sum, so the
order of the reports does not matter; a correction takes back what its lower revision said. It counts only
where movements decide: a book figure brings its own.

A change of condition leaves on hand alone: it is posted as two lines against adjustments, out of one
condition and into the other, so that the movements of a level add up per lot, owner and condition.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal

from inventory_sync.domain.levels import LevelState, Mode
from inventory_sync.domain.reports import ZERO
from inventory_sync.ledger.movements import movement
from inventory_sync.ledger.ports import NewMovement, Recorded, Recording
from inventory_sync.ledger.types import EventKind, LevelKey, StockEvent

CHANGE = "condition"
TAKEN_BACK = "correction"


def unavailable_changes(
    recording: Recording, levels: Mapping[LevelKey, LevelState]
) -> dict[LevelKey, Decimal]:
    """Return by how much what cannot be sold changes at each level that is kept by movements."""
    changes: dict[LevelKey, Decimal] = defaultdict(Decimal)
    signed = [(1, each.event) for each in recording.new]
    signed += [(-1, each.event) for each in recording.replaced.values()]
    for sign, event in signed:
        level = (event.item_id, event.location_id)
        if levels[level].mode is Mode.MOVEMENTS and (change := _kept_from_sale(event)):
            changes[level] += sign * change
    return {level: change for level, change in changes.items() if change}


def condition_movements(
    recording: Recording, levels: Mapping[LevelKey, LevelState], adjustment_id: int
) -> Iterator[NewMovement]:
    """Yield the lines of changes of condition, those that take back a lower revision included."""
    for recorded in recording.new:
        event = recorded.event
        old = recording.replaced.get((event.connection_id, event.key))
        if old is not None and old.event.kind is EventKind.CONDITION:
            yield from _lines(recorded, old.event, levels, adjustment_id, back=True)
        if event.kind is EventKind.CONDITION:
            yield from _lines(recorded, event, levels, adjustment_id, back=False)


def _lines(
    recorded: Recorded,
    event: StockEvent,
    levels: Mapping[LevelKey, LevelState],
    adjustment_id: int,
    *,
    back: bool,
) -> Iterator[NewMovement]:
    level = (event.item_id, event.location_id)
    if not event.quantity or levels[level].mode is not Mode.MOVEMENTS:
        return
    left, entered = (event.condition, event.was) if back else (event.was, event.condition)
    kind = TAKEN_BACK if back else CHANGE
    for sign, condition in ((-1, left), (1, entered)):
        line = movement(recorded, level, sign * event.quantity, adjustment_id, kind)
        yield line._replace(lot=event.lot, owner=event.owner, condition=condition)


def _kept_from_sale(event: StockEvent) -> Decimal:
    if event.kind is EventKind.DELTA:
        return event.quantity if event.condition else ZERO
    if event.kind is EventKind.CONDITION:
        return (event.quantity if event.condition else ZERO) - (event.quantity if event.was else ZERO)
    return ZERO
