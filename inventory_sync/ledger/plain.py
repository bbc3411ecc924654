"""The short way through the fold, for levels where only deltas arrive and each of them counts.

There are two ways on purpose. The general one (folding.py) decides corrections, counts, figures and what is
absorbed, and makes half a dozen objects an event for it. This one adds, by the rule of domain/plain.py, and
makes nothing but the movement. Which levels may take it is decided here, level by level; whatever is not
plain goes the general way, and both lead to the same rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from inventory_sync.domain.levels import LevelState
from inventory_sync.domain.plain import add_plain, counts_later_than
from inventory_sync.domain.reports import Counterpart
from inventory_sync.ledger.movements import COUNTERPARTS, kind_of, movement
from inventory_sync.ledger.ports import NewMovement, Recorded, Recording
from inventory_sync.ledger.types import EventKind, LevelKey


@dataclass(frozen=True, slots=True)
class Plain:
    """What the plain levels of a batch change, and the rest of the recording, which is not plain."""

    movements: tuple[NewMovement, ...] = ()
    on_hand: Mapping[LevelKey, Decimal] = field(default_factory=dict)
    rest: Recording = field(default_factory=Recording)


def fold_plain(
    recording: Recording, levels: Mapping[LevelKey, LevelState], legs: Mapping[Counterpart, int]
) -> Plain:
    """Fold what is plain of a recording; the levels are given and locked. legs: the virtual locations."""
    groups: dict[LevelKey, list[Recorded]] = defaultdict(list)
    for recorded in recording.new:
        event = recorded.event
        groups[event.item_id, event.location_id].append(recorded)
    left = {(old.event.item_id, old.event.location_id) for old in recording.replaced.values()}

    others = {reason: legs[counterpart] for reason, counterpart in COUNTERPARTS.items()}
    movements: list[NewMovement] = []
    on_hand: dict[LevelKey, Decimal] = {}
    rest: list[Recorded] = []
    for key in sorted(groups):
        group, level = groups[key], levels[key]
        if key in left or not _is_plain(group, level, recording.replaced):
            rest += group
            continue
        after = add_plain(level.on_hand, [recorded.event.quantity for recorded in group])
        if after != level.on_hand:
            on_hand[key] = after
        movements += [
            movement(recorded, key, recorded.event.quantity, others[recorded.event.reason], kind_of(recorded))
            for recorded in group
            if recorded.event.quantity
        ]
    return Plain(tuple(movements), on_hand, replace(recording, new=tuple(rest)))


def _is_plain(group: list[Recorded], level: LevelState, replaced: Mapping[tuple[int, str], Recorded]) -> bool:
    later_than = counts_later_than(level)
    for _, event in group:
        if event.kind is not EventKind.DELTA or event.occurred_at <= later_than or event.condition:
            return False
    return not replaced or all((event.connection_id, event.key) not in replaced for _, event in group)
