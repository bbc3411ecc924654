"""From recorded events to movements and new levels, by the rules of domain/levels.py.

Plain code over the store port: the levels are locked already. Every posting becomes one movement between the
location and the virtual location of its counterpart. Decides nothing about orders (demand.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
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
from inventory_sync.domain.periods import period_of
from inventory_sync.domain.reports import (
    ZERO,
    Count,
    Counterpart,
    Delta,
    Position,
    Report,
    latest_count,
)
from inventory_sync.ledger.conditions import condition_movements, unavailable_changes
from inventory_sync.ledger.holdings import Told, delivered_in, figures_of, lines_of, says_other
from inventory_sync.ledger.movements import COUNTERPARTS, kind_of, movement
from inventory_sync.ledger.ports import LedgerStore, NewMovement, Place, Recorded, Recording
from inventory_sync.ledger.resting import Recalled, count_of, figure_of, fold_key, recall, settle_anew
from inventory_sync.ledger.types import EventKind, FigureFacts, LevelKey, LineHeld, Refused, StockEvent


@dataclass(frozen=True, slots=True)
class Folded:
    """What folding a batch changes: lines to append, levels to write, items whose figure must be read.

    told: what new figures hold of order lines, and what those that rule anew hold. read_again: the items,
    each with the reading that the oldest figure of the levels concerned comes from, 0 if one is not known.
    """

    movements: tuple[NewMovement, ...] = ()
    levels: Mapping[LevelKey, LevelState] = field(default_factory=dict)
    read_again: Mapping[int, int] = field(default_factory=dict)
    told: Told = field(default_factory=Told)


def sift_events(
    events: Iterable[StockEvent],
    places: Mapping[int, Place],
    *,
    now: datetime,
    tolerance: timedelta,
    shut: Collection[str] = (),
) -> tuple[list[StockEvent], list[Refused]]:
    """Part events that may be recorded from those refused: from the future, foreign to their tenure's mode.

    shut: periods in which nothing may have happened any more. Only a shipment takes anything off an order
    line, and only where movements decide: elsewhere the line waits for a figure that contains it.
    """
    latest = now + tolerance
    accepted: list[StockEvent] = []
    refused: list[Refused] = []
    for event in events:
        kind = event.kind
        if kind is not EventKind.DELTA and _is_foreign(event, places[event.location_id]):
            refused.append(Refused(event, RefusalReason.MIXED_KINDS))
        elif kind is not EventKind.FIGURE and event.occurred_at > latest:
            refused.append(Refused(event, RefusalReason.FUTURE))
        elif shut and kind is not EventKind.FIGURE and period_of(event.occurred_at) in shut:
            refused.append(Refused(event, RefusalReason.PERIOD_CLOSED))
        elif event.fulfils is None or event.reason is Reason.SHIPMENT:
            accepted.append(event)
        else:
            accepted.append(replace(event, fulfils=None))
    return accepted, refused


def contradictions(accepted: Iterable[StockEvent], recording: Recording, store: LedgerStore) -> list[Refused]:
    """Return the figures that say other things than the same reading said before: the first stands.

    A delivery that is applied again does not contradict itself, whatever its names mean by now.
    """
    said = {(each.event.connection_id, each.event.key): each.event for each in recording.new}
    figures = figures_of(accepted)
    said |= store.originals({(each.connection_id, each.key) for each in figures} - said.keys())
    return [
        Refused(event, RefusalReason.CONTRADICTION)
        for event in figures
        if says_other(event, first := said[event.connection_id, event.key])
        and (event.delivery_id is None or event.delivery_id != first.delivery_id)
    ]


def level_of(event: StockEvent) -> LevelKey:
    return (event.item_id, event.location_id)


def levels_of(recording: Recording) -> set[LevelKey]:
    """Return every level a recording changes, those of replaced events included."""
    kept = (*recording.new, *recording.replaced.values())
    return {level_of(each.event) for each in kept}


def shifting(recording: Recording, places: Mapping[int, Place]) -> set[LevelKey]:
    """Return levels where a count may take over from a figure, or give way to it: in a later tenure."""
    kept = (*recording.new, *recording.replaced.values())
    return {
        level_of(each.event)
        for each in kept
        if each.event.kind is EventKind.COUNT and places[each.event.location_id].tenures is not None
    }


def fold_levels(
    recording: Recording,
    levels: Mapping[LevelKey, LevelState],
    legs: Mapping[Counterpart, int],
    places: Mapping[int, Place],
    store: LedgerStore,
    anew: Collection[LevelKey] = (),
) -> Folded:
    """Fold what was recorded into its levels, all of which are given and locked.

    anew: levels to work out again from what was recorded, as are those whose count or figure was corrected
    away and those of places that lived through several tenures (resting.py).
    """
    work = _sorted_out(recording)
    for key in anew:
        work.setdefault(key, _Work())
    renewed = {key for key, each in work.items() if key in anew or each.rests_anew(places[key[1]])}
    recalled = recall(renewed, places, store)
    positions: dict[LevelKey, Position | None] = {
        key: latest.at
        for key, each in work.items()
        if key not in renewed and (latest := latest_count(each.counts)) is not None
    }
    sums = store.deltas_after(positions) if positions else {}

    unavailable = unavailable_changes(recording, levels)
    movements: list[NewMovement] = []
    after: dict[LevelKey, LevelState] = {}
    read_again: dict[int, int] = {}
    newest: dict[LevelKey, tuple[LineHeld, ...]] = {}
    for key in sorted(work):
        each, before, place = work[key], levels[key], places[key[1]]
        outcome = fold(
            before,
            each.deltas if key in renewed else each.reports,
            deltas_after=_answering(sums.get(key, ZERO)),
            superseded=each.superseded,
            tenures=place.tenures,
        )
        postings, state = outcome.postings, outcome.state
        if key in renewed:
            cause = each.cause(recalled[key])
            rested = settle_anew(state, recalled[key], place, key=cause)
            postings, state = (*postings, *rested.postings), rested.state
            if (figure := recalled[key].figure) is not None:
                newest[key] = lines_of(figure.event.figure)
        elif outcome.contained is not None:
            newest[key] = lines_of(each.figure_of(state.reading))
        if key in unavailable and (key not in renewed or recalled[key].unavailable is None):
            state = replace(state, unavailable=state.unavailable + unavailable[key])
        movements += [_movement(key, posting, each, legs) for posting in postings]
        if state != before:
            after[key] = (
                state if state.version > before.version else replace(state, version=before.version + 1)
            )
        if outcome.read_again or (each.explains and state.mode is Mode.FIGURES):
            told_in = (state.reading or 0) if state.known else 0
            read_again[key[0]] = min(told_in, read_again.get(key[0], told_in))
    movements += condition_movements(recording, levels, legs[Counterpart.ADJUSTMENT]) if work else ()
    told = Told(newest, delivered_in(figures_of(each.event for each in recording.new)))
    return Folded(tuple(movements), after, read_again, told)


@dataclass(slots=True)
class _Work:
    """What one level has to fold, and which recorded event stands behind each key.

    before: what a key said until now. explains: something changed its condition, which a figure may hold.
    """

    deltas: list[Delta] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    figures: list[Recorded] = field(default_factory=list)
    superseded: dict[str, Delta] = field(default_factory=dict)
    sources: dict[str, Recorded] = field(default_factory=dict)
    before: dict[str, StockEvent] = field(default_factory=dict)
    recount_key: str = ""
    lost: bool = False
    explains: bool = False

    @property
    def reports(self) -> list[Report]:
        return [*self.deltas, *self.counts, *(figure_of(each.event) for each in self.figures)]

    def rests_anew(self, place: Place) -> bool:
        """Say whether the level cannot be folded on: what it rested on is gone, or the place has a past."""
        several = place.tenures is not None and bool(self.counts or self.figures or self.explains)
        return self.lost or several

    def cause(self, recalled: Recalled) -> str:
        """Return the key of the event to name for a difference, which is among the sources afterwards."""
        told = recalled.told
        if told is None:
            return self.recount_key
        name = fold_key(told.event)
        self.sources.setdefault(name, told)
        return name

    def figure_of(self, reading: int | None) -> FigureFacts | None:
        return next((each.event.figure for each in self.figures if each.event.reading == reading), None)


def _sorted_out(recording: Recording) -> dict[LevelKey, _Work]:
    work: dict[LevelKey, _Work] = defaultdict(_Work)
    for recorded in recording.new:
        event = recorded.event
        name = fold_key(event)
        own = work[level_of(event)]
        if event.kind is EventKind.CONDITION:
            own.explains = True
        elif event.kind is EventKind.DELTA:
            own.deltas.append(_delta(event, name))
        elif event.kind is EventKind.COUNT:
            own.counts.append(count_of(event))
        else:
            own.figures.append(recorded)
        own.sources[name] = recorded
        old = recording.replaced.get((event.connection_id, event.key))
        if old is None:
            continue
        there = work[level_of(old.event)]
        there.sources[name] = recorded
        there.before[name] = old.event
        there.recount_key = name
        if old.event.kind is EventKind.DELTA:
            there.superseded[name] = _delta(old.event, name)
            if there is not own or event.kind is not EventKind.DELTA:
                # The truth moved elsewhere: here nothing of it remains.
                there.deltas.append(replace(_delta(event, name), quantity=ZERO))
        else:
            there.lost = there.lost or old.event.kind is not EventKind.CONDITION
    return work


def _answering(after_newest_count: Decimal) -> Callable[[Position], Decimal]:
    """Answer the fold's one question, which was asked for all levels at once."""
    return lambda _: after_newest_count


def _is_foreign(event: StockEvent, place: Place) -> bool:
    """Say whether a report of the whole stock is of the other mode than its tenure's."""
    if event.kind is EventKind.COUNT:
        return not place.lived.takes_count(event.occurred_at)
    return event.kind is EventKind.FIGURE and not place.lived.takes_figure(event.reading or 0)


def _delta(event: StockEvent, name: str) -> Delta:
    at = Position(event.occurred_at, event.sequence)
    return Delta(name, event.revision, event.quantity, at, COUNTERPARTS[event.reason])


def _movement(key: LevelKey, posting: Posting, work: _Work, legs: Mapping[Counterpart, int]) -> NewMovement:
    """Return the line of a posting. What is taken back leaves the lot, owner and condition it came to.

    A count finds everything together: what it holds already is neutralised outside any lot or condition.
    """
    recorded = work.sources[posting.key]
    kind = kind_of(recorded.event.reason) if posting.kind is PostingKind.DELTA else posting.kind.value
    line = movement(recorded, key, posting.quantity, legs[posting.counterpart], kind)
    if posting.kind is PostingKind.ABSORPTION:
        return line._replace(lot="", owner="", condition="")
    if posting.kind is PostingKind.CORRECTION:
        old = work.before[posting.key]
        return line._replace(lot=old.lot, owner=old.owner, condition=old.condition)
    return line
