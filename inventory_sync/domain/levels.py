"""What the reports about one item at one location add up to.

Pure rules of the stock level: three kinds of report, two modes, one result that depends neither on the
order in which reports arrive nor on how often. A location declares one mode, in each tenure (modes.py):

- *movements mode*: on hand = latest shelf count + every delta that occurred after it. Only for sources whose
  counts and deltas carry one clock.
- *figures mode*: on hand = the book figure of the newest reading, by the hub's own reading number, never by
  a time. Deltas explain such a figure and cause a fresh reading; they are never added to it.

Of several tenures the latest that was told the whole stock rules: on hand = its count or figure + every delta
of a movements tenure that came after. It is known only when that is the tenure in force.

Every delta is posted, in either mode, and neutralised where on hand does not count it: so the postings of a
level always sum to its on hand, and those to a counterpart to what truly went there.

Does not store, lock or look anything up (ledger), and knows nothing of reservations or availability.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from inventory_sync.domain.basis import Basis
from inventory_sync.domain.modes import Mode as Mode
from inventory_sync.domain.modes import Tenures
from inventory_sync.domain.reports import (
    ZERO,
    BookFigure,
    Count,
    Counterpart,
    Delta,
    LineContained,
    Position,
    Report,
    effective,
    latest_count,
    plain,
)


class PostingKind(StrEnum):
    """Why a posting exists."""

    DELTA = "delta"  # a movement happened
    CORRECTION = "correction"  # an earlier revision of the same movement is taken back
    ABSORPTION = "absorption"  # a later count or a figure decides: the movement's effect is neutralised
    COUNT = "count"  # difference between what was found and what was expected
    FIGURE = "figure"  # difference between two book figures


class RefusalReason(StrEnum):
    """Why a report is not folded; the caller parks it."""

    FUTURE = "report_from_the_future"
    MIXED_KINDS = "report_kind_foreign_to_mode"
    CONTRADICTION = "same_reading_other_figure"
    PERIOD_CLOSED = "period_is_closed"
    KEY_REUSED = "same_key_other_content"


@dataclass(frozen=True, slots=True)
class LevelState:
    """The level of one (item, location); quantities in base units.

    known is False until something told the whole stock in the mode in force: a count in movements mode, a
    complete reading in figures mode. An opening balance tells nothing: it keeps the sum of lines archived.
    version counts changes and is no part of the state's meaning. unknown_since is the reading number at which
    a fault was noticed: only a later reading cures it.
    count is the latest shelf count, reading the newest book figure, of whatever tenure; reserved and
    unassigned came with the figure if that rules, unavailable with the newest (a count tells no condition).
    last_known_free is the ceiling of what may count while it is unknown; no part of the meaning either.
    """

    mode: Mode
    on_hand: Decimal = ZERO
    known: bool = False
    version: int = 0
    count: Count | None = None
    reading: int | None = None
    reserved: Decimal = ZERO
    unknown_since: int | None = None
    unavailable: Decimal = ZERO
    unassigned: Decimal = ZERO
    last_known_free: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """One leg at the location, seen from the location; the other leg is the counterpart's, negated."""

    counterpart: Counterpart
    quantity: Decimal
    key: str
    kind: PostingKind


@dataclass(frozen=True, slots=True)
class Fold:
    """The outcome of folding reports into one level.

    contained is what a newly applied figure holds of each line (replacing all earlier statements for this
    item and location), None when no figure was the newest. read_again asks for a fresh reading of the item.
    """

    state: LevelState
    postings: tuple[Posting, ...] = ()
    contained: tuple[LineContained, ...] | None = None
    read_again: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A report that must not be folded, and why; the caller parks it."""

    report: Report
    reason: RefusalReason


@dataclass(frozen=True, slots=True)
class Sifted:
    """Reports parted into those that may be folded and those refused, order kept."""

    accepted: tuple[Report, ...]
    refused: tuple[Refusal, ...]


class MixedKinds(ValueError):
    """A report of the other mode reached the fold: sift() was skipped."""


def sift(
    state: LevelState,
    reports: Iterable[Report],
    *,
    now: datetime,
    tolerance: timedelta,
    tenures: Tenures | None = None,
) -> Sifted:
    """Part what may be folded from what is refused.

    Refused: a report dated later than now + tolerance; a count of a figures tenure or a book figure of a
    movements tenure (each is an observation there); a figure that contradicts one applied for its reading.
    """
    accepted: list[Report] = []
    refused: list[Refusal] = []
    for report in reports:
        reason = _refusal(state, report, now + tolerance, tenures or Tenures.only(state.mode))
        if reason is None:
            accepted.append(report)
        else:
            refused.append(Refusal(report, reason))
    return Sifted(tuple(accepted), tuple(refused))


def fold(
    state: LevelState,
    new: Sequence[Report],
    *,
    deltas_after: Callable[[Position], Decimal],
    superseded: Mapping[str, Delta],
    tenures: Tenures | None = None,
) -> Fold:
    """Return the level after reports that were not folded before, with the postings that lead there.

    deltas_after(position): sum of the effective quantities of all recorded deltas after that position which
    belong to movements tenures, the new ones included. It is called at most once, and only when another
    report of the whole stock rules than before.
    superseded: for each key among the new deltas, its effective delta before this batch, if there was one.
    tenures: the location's modes, if there was more than the one of the state.
    Any split of the same reports into batches, in any order, leads to the same level and the same totals per
    counterpart. Repeated statements inside the batch are harmless; a statement folded in an earlier batch
    must be in superseded or left out.

    Raises MixedKinds for a report foreign to its tenure.
    """
    tenures = tenures or Tenures.only(state.mode)
    deltas, counts, figures = _parted(new, tenures)
    before = Basis.of(state.count, state.reading, tenures)

    postings: list[Posting] = []
    known, unknown_since = state.known, state.unknown_since
    for key, delta in sorted(effective(deltas).items()):
        earlier = superseded.get(key)
        if earlier is not None and earlier.revision >= delta.revision:
            continue
        if earlier is not None:
            taken_back = replace(earlier, quantity=-earlier.quantity)
            postings += _legs(taken_back, before, PostingKind.CORRECTION)
        postings += _legs(delta, before, PostingKind.DELTA)
    on_hand = state.on_hand + sum((posting.quantity for posting in postings), ZERO)

    newest = max(figures, key=lambda figure: figure.reading, default=None)
    if newest is not None and state.reading is not None and newest.reading <= state.reading:
        newest = None
    after = replace(
        state,
        mode=tenures.mode,
        count=latest_count(counts if state.count is None else [state.count, *counts]),
        reading=state.reading if newest is None else newest.reading,
        unavailable=state.unavailable if newest is None else newest.unavailable,
    )
    rules = Basis.of(after.count, after.reading, tenures)
    if rules != before:
        told: Count | BookFigure | None = newest if rules.count is None else rules.count
        if told is None:
            raise ValueError("the figure that rules is not among the reports")
        start = rules.counted_from()
        found = told.quantity + (ZERO if start is None else deltas_after(start))
        if found != on_hand:
            kind = PostingKind.COUNT if isinstance(told, Count) else PostingKind.FIGURE
            postings.append(Posting(Counterpart.ADJUSTMENT, found - on_hand, told.key, kind))
        on_hand = found
        after = _with_facts(after, told)
        if rules.is_current and _cures(told, unknown_since):
            known, unknown_since = True, None

    after = replace(after, on_hand=on_hand, known=known, unknown_since=unknown_since)
    if after != state:
        after = replace(after, version=state.version + 1)
    return Fold(
        after,
        tuple(postings),
        None if newest is None else newest.contained,
        read_again=bool(deltas) and tenures.mode is Mode.FIGURES,
    )


def rest_anew(
    state: LevelState,
    *,
    count: Count | None,
    figure: BookFigure | None,
    deltas: Decimal,
    tenures: Tenures,
    unavailable: Decimal,
    complete: bool = False,
    key: str,
) -> Fold:
    """Return the level worked out again from what it rests on: its mode changed, or a count was withdrawn.

    count, figure: the latest and the newest of those that belong to their tenures, None when there is none.
    deltas: the sum over Basis.windows() of what they make. unavailable: what the newest figure said, and the
    changes of condition since. complete: nothing told here is known to be none. key: what to name as the
    cause of the difference. Nothing of the result depends on how the level stood before.
    """
    rules = Basis.of(count, None if figure is None else figure.reading, tenures)
    told: Count | BookFigure | None = count if rules.count is not None else figure
    on_hand = deltas + (ZERO if told is None else told.quantity)
    cured = told is not None and rules.is_current and _cures(told, state.unknown_since)
    fine = state.unknown_since is None and complete
    after = replace(
        state,
        mode=tenures.mode,
        on_hand=on_hand,
        count=count,
        reading=None if figure is None else figure.reading,
        known=cured or fine,
        unknown_since=None if cured else state.unknown_since,
        unavailable=unavailable,
    )
    after = _with_facts(after, told)
    if after != state:
        after = replace(after, version=state.version + 1)
    difference = on_hand - state.on_hand
    kind = PostingKind.FIGURE if isinstance(told, BookFigure) else PostingKind.COUNT
    leg = Posting(Counterpart.ADJUSTMENT, difference, key, kind)
    return Fold(after, (leg,) if difference else (), None if figure is None else figure.contained)


def mark_unknown(state: LevelState, *, since_reading: int) -> LevelState:
    """Return the level after a fault (lost page, dead feed): unknown until a reading begun later.

    since_reading is a number freshly taken from the same sequence as readings; a reading above it that is
    here already has cured the fault before it was noted.
    """
    if state.reading is not None and state.reading > since_reading:
        return state
    since = since_reading if state.unknown_since is None else max(since_reading, state.unknown_since)
    if not state.known and since == state.unknown_since:
        return state
    return replace(state, known=False, unknown_since=since, version=state.version + 1)


def state_hash(
    levels: Mapping[tuple[str, str], LevelState],
    totals: Mapping[tuple[str, str, Counterpart], Decimal] | None = None,
) -> str:
    """Return a digest of what the levels mean, equal for equal meaning whatever path led there.

    totals: optional sums of postings per (item, location, counterpart); zero sums are ignored.
    """
    digest = hashlib.sha256()
    for pair in sorted(levels):
        level = levels[pair]
        count = level.count
        facts = (
            *pair,
            level.mode,
            plain(level.on_hand),
            str(level.known),
            "" if count is None else f"{count.key}@{count.at.occurred_at.timestamp()}/{count.at.sequence}",
            str(level.reading),
            plain(level.reserved),
            plain(level.unassigned),
            plain(level.unavailable),
        )
        digest.update(repr(facts).encode())
    for place in sorted(totals or {}):
        if totals and totals[place] != 0:
            digest.update(repr((*place[:2], place[2].value, plain(totals[place]))).encode())
    return digest.hexdigest()


def _refusal(state: LevelState, report: Report, latest: datetime, tenures: Tenures) -> RefusalReason | None:
    if isinstance(report, BookFigure):
        if not tenures.takes_figure(report.reading):
            return RefusalReason.MIXED_KINDS
        same_reading = report.reading == state.reading and state.count is None
        if same_reading and (report.quantity != state.on_hand or report.reserved != state.reserved):
            return RefusalReason.CONTRADICTION
        return None
    if isinstance(report, Count) and not tenures.takes_count(report.at.occurred_at):
        return RefusalReason.MIXED_KINDS
    return RefusalReason.FUTURE if report.at.occurred_at > latest else None


def _parted(new: Sequence[Report], tenures: Tenures) -> tuple[list[Delta], list[Count], list[BookFigure]]:
    deltas: list[Delta] = []
    counts: list[Count] = []
    figures: list[BookFigure] = []
    for report in new:
        if isinstance(report, Delta):
            deltas.append(report)
        elif isinstance(report, Count):
            if not tenures.takes_count(report.at.occurred_at):
                raise MixedKinds("a shelf count in figures mode is an observation")
            counts.append(report)
        else:
            if not tenures.takes_figure(report.reading):
                raise MixedKinds("a book figure in movements mode is an observation")
            figures.append(report)
    return deltas, counts, figures


def _legs(delta: Delta, basis: Basis, kind: PostingKind) -> list[Posting]:
    """Return the posting of a delta and, where on hand does not count it, the one that neutralises it."""
    if not delta.quantity:
        return []
    legs = [Posting(delta.counterpart, delta.quantity, delta.key, kind)]
    if not basis.counts(delta.at):
        legs.append(Posting(Counterpart.ADJUSTMENT, -delta.quantity, delta.key, PostingKind.ABSORPTION))
    return legs


def _cures(told: Count | BookFigure, unknown_since: int | None) -> bool:
    return isinstance(told, Count) or unknown_since is None or told.reading > unknown_since


def _with_facts(state: LevelState, told: Count | BookFigure | None) -> LevelState:
    """Return the state with what the authority holds back in its books: nothing, unless a figure rules."""
    if isinstance(told, BookFigure):
        return replace(state, reserved=told.reserved, unassigned=told.unassigned)
    return replace(state, reserved=ZERO, unassigned=ZERO)
