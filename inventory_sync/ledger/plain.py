"""The short way through the fold, for levels where only deltas arrive and each of them counts.

There are two ways on purpose. The general one (folding.py) decides corrections, counts, figures and what is
absorbed, and makes half a dozen objects an event for it. This one adds, by the rule of domain/plain.py, and
makes nothing but the movement. Which levels may take it is decided here, level by level; whatever is not
plain goes the general way, and both lead to the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from inventory_sync.domain.levels import LevelState
from inventory_sync.domain.plain import add_plain, counts_later_than
from inventory_sync.domain.reports import Counterpart
from inventory_sync.ledger.movements import COUNTERPARTS, kind_of, movement
from inventory_sync.ledger.ports import NewMovement, Place, Recorded, Recording
from inventory_sync.ledger.types import EventKind, LevelKey


@dataclass(frozen=True, slots=True)
class Plain:
    """What the plain levels of a batch change, and the rest of the recording, which is not plain."""

    movements: tuple[NewMovement, ...] = ()
    on_hand: Mapping[LevelKey, Decimal] = field(default_factory=dict)
    rest: Recording = field(default_factory=Recording)


def fold_plain(
    recording: Recording,
    levels: Mapping[LevelKey, LevelState],
    legs: Mapping[Counterpart, int],
    places: Mapping[int, Place],
) -> Plain:
    """Fold what is plain of a recording; the levels are given and locked. legs: the virtual locations."""
    keys = [(event.item_id, event.location_id) for _, event in recording.new]
    levels = {key: levels[key] for key in {*keys}}
    odd = _not_plain(recording, keys, levels, places)
    others = {reason: legs[counterpart] for reason, counterpart in COUNTERPARTS.items()}
    kinds = {reason: kind_of(reason) for reason in COUNTERPARTS}
    movements: list[NewMovement] = []
    on_hand: dict[LevelKey, Decimal] = {}
    rest: list[Recorded] = []
    for key, recorded in zip(keys, recording.new, strict=True):
        event = recorded.event
        quantity = event.quantity
        if key in odd:
            rest.append(recorded)
        elif quantity:
            before = on_hand[key] if key in on_hand else levels[key].on_hand
            on_hand[key] = add_plain(before, quantity)
            movements.append(movement(recorded, key, quantity, others[event.reason], kinds[event.reason]))
    changed = {key: on_hand[key] for key in sorted(on_hand) if on_hand[key] != levels[key].on_hand}
    return Plain(tuple(movements), changed, replace(recording, new=tuple(rest), lines=()))


def _not_plain(
    recording: Recording,
    keys: Sequence[LevelKey],
    levels: Mapping[LevelKey, LevelState],
    places: Mapping[int, Place],
) -> set[LevelKey]:
    """Return the levels that something happens to which is more than a delta that counts."""
    replaced = recording.replaced
    odd = {(old.event.item_id, old.event.location_id) for old in replaced.values()}
    later_than = {key: counts_later_than(level, places[key[1]].tenures) for key, level in levels.items()}
    for key, (_, event) in zip(keys, recording.new, strict=True):
        if (
            event.kind is not EventKind.DELTA
            or event.condition
            or event.occurred_at <= later_than[key]
            or (replaced and (event.connection_id, event.key) in replaced)
        ):
            odd.add(key)
    return odd
