"""From recorded events to movements and new levels, by the rules of domain/levels.py.

Plain code over the store port: the levels are locked already. Every posting becomes one movement between the
location and the virtual location of its counterpart. Decides nothing about orders (demand.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from inventory_sync.domain.external import Reason
from inventory_sync.domain.levels import (
    LevelState,
    Mode,
    Posting,
    PostingKind,
    RefusalReason,
    fold,
)
from inventory_sync.domain.reports import (
    ZERO,
    BookFigure,
    Count,
    Counterpart,
    Delta,
    Position,
    Report,
    latest_count,
)
from inventory_sync.ledger.movements import COUNTERPARTS, kind_of, movement
from inventory_sync.ledger.ports import LedgerStore, NewMovement, Place, Recorded, Recording
from inventory_sync.ledger.types import EventKind, LevelKey, Refused, StockEvent


@dataclass(frozen=True, slots=True)
class Folded:
    """What folding a batch changes: lines to append, levels to write, items whose figure must be read."""

    movements: tuple[NewMovement, ...] = ()
    levels: Mapping[LevelKey, LevelState] = field(default_factory=dict)
    read_again: tuple[int, ...] = ()


def sift_events(
    events: Iterable[StockEvent],
    places: Mapping[int, Place],
    *,
    now: datetime,
    tolerance: timedelta,
) -> tuple[list[StockEvent], list[Refused]]:
    """Part events that may be recorded from those refused: from the future, foreign to the place's mode.

    Only a shipment, and only where movements decide, takes anything off an order line: elsewhere the line
    waits for a figure that contains it.
    """
    latest = now + tolerance
    accepted: list[StockEvent] = []
    refused: list[Refused] = []
    for event in events:
        mode = places[event.location_id].mode
        foreign = EventKind.FIGURE if mode is Mode.MOVEMENTS else EventKind.COUNT
        if event.kind is foreign:
            refused.append(Refused(event, RefusalReason.MIXED_KINDS))
        elif event.kind is not EventKind.FIGURE and event.occurred_at > latest:
            refused.append(Refused(event, RefusalReason.FUTURE))
        elif event.fulfils is None or (mode is Mode.MOVEMENTS and event.reason is Reason.SHIPMENT):
            accepted.append(event)
        else:
            accepted.append(replace(event, fulfils=None))
    return accepted, refused


def level_of(event: StockEvent) -> LevelKey:
    return (event.item_id, event.location_id)


def levels_of(recording: Recording) -> set[LevelKey]:
    """Return every level a recording changes, those of replaced events included."""
    kept = (*recording.new, *recording.replaced.values())
    return {level_of(each.event) for each in kept}


def fold_levels(
    recording: Recording,
    levels: Mapping[LevelKey, LevelState],
    legs: Mapping[Counterpart, int],
    store: LedgerStore,
) -> Folded:
    """Fold what was recorded into its levels, all of which are given and locked.

    A level whose count was corrected away is counted afresh, from the count that rules then.
    """
    work = _sorted_out(recording)
    recount = {
        level_of(old.event) for old in recording.replaced.values() if old.event.kind is EventKind.COUNT
    }
    ruling = store.latest_counts(recount) if recount else {}
    complete = store.places({place for _, place in recount}) if recount else {}
    counts: dict[LevelKey, Count] = {}
    for key, each in work.items():
        found = [report for report in each.reports if isinstance(report, Count)]
        if key in ruling:
            rule = ruling[key]
            found.append(_count(rule.event))
            each.reports.append(found[-1])
            each.sources[fold_key(rule.event)] = rule
        newest = latest_count(found)
        if newest is not None:
            counts[key] = newest
    positions: dict[LevelKey, Position | None] = {key: count.at for key, count in counts.items()}
    positions |= dict.fromkeys(recount - counts.keys())
    sums = store.deltas_after(positions) if positions else {}

    movements: list[NewMovement] = []
    after: dict[LevelKey, LevelState] = {}
    read_again: set[int] = set()
    for key in sorted(work):
        each, before = work[key], levels[key]
        state = replace(before, count=None) if key in recount else before
        outcome = fold(
            state,
            each.reports,
            deltas_after=_answering(sums.get(key, ZERO)),
            superseded=each.superseded,
        )
        postings, state = outcome.postings, outcome.state
        if key in recount and key not in counts:
            uncounted = replace(state, on_hand=sums[key], known=complete[key[1]].complete)
            missing = uncounted.on_hand - state.on_hand
            if missing:
                leg = Posting(Counterpart.ADJUSTMENT, missing, each.recount_key, PostingKind.COUNT)
                postings = (*postings, leg)
            state = uncounted
        movements += [_movement(key, posting, each.sources[posting.key], legs) for posting in postings]
        if state != before:
            after[key] = (
                state if state.version > before.version else replace(state, version=before.version + 1)
            )
        if outcome.read_again:
            read_again.add(key[0])
    return Folded(tuple(movements), after, tuple(sorted(read_again)))


def fold_key(event: StockEvent) -> str:
    """Return the key that tells the event apart from those of other connections at the same level."""
    return f"{event.connection_id}:{event.key}"


@dataclass(slots=True)
class _Work:
    """What one level has to fold, and which recorded event stands behind each key."""

    reports: list[Report] = field(default_factory=list)
    superseded: dict[str, Delta] = field(default_factory=dict)
    sources: dict[str, Recorded] = field(default_factory=dict)
    recount_key: str = ""


def _sorted_out(recording: Recording) -> dict[LevelKey, _Work]:
    work: dict[LevelKey, _Work] = defaultdict(_Work)
    for recorded in recording.new:
        event = recorded.event
        name = fold_key(event)
        own = work[level_of(event)]
        own.reports.append(_report(event, name))
        own.sources[name] = recorded
        old = recording.replaced.get((event.connection_id, event.key))
        if old is None:
            continue
        there = work[level_of(old.event)]
        there.sources[name] = recorded
        there.recount_key = name
        if old.event.kind is EventKind.DELTA:
            there.superseded[name] = _delta(old.event, name)
            if there is not own or event.kind is not EventKind.DELTA:
                # The truth moved elsewhere: here nothing of it remains.
                there.reports.append(replace(_delta(event, name), quantity=ZERO))
    return work


def _answering(after_newest_count: Decimal) -> Callable[[Position], Decimal]:
    """Answer the fold's one question, which was asked for all levels at once."""
    return lambda _: after_newest_count


def _report(event: StockEvent, name: str) -> Report:
    if event.kind is EventKind.DELTA:
        return _delta(event, name)
    if event.kind is EventKind.COUNT:
        return _count(event)
    if event.reading is None:
        raise ValueError(f"a book figure needs its reading number: {event.key}")
    return BookFigure(key=name, reading=event.reading, quantity=event.quantity)


def _delta(event: StockEvent, name: str) -> Delta:
    at = Position(event.occurred_at, event.sequence)
    return Delta(name, event.revision, event.quantity, at, COUNTERPARTS[event.reason])


def _count(event: StockEvent) -> Count:
    return Count(fold_key(event), event.quantity, Position(event.occurred_at, event.sequence))


def _movement(
    key: LevelKey, posting: Posting, recorded: Recorded, legs: Mapping[Counterpart, int]
) -> NewMovement:
    kind = kind_of(recorded) if posting.kind is PostingKind.DELTA else posting.kind.value
    return movement(recorded, key, posting.quantity, legs[posting.counterpart], kind)
