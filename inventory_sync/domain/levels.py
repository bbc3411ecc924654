"""What the reports about one item at one location add up to.

Pure rules of the stock level: three kinds of report, two modes, one result that depends neither on the
order in which reports arrive nor on how often. A location declares one mode:

- *movements mode*: on hand = latest shelf count + every delta that occurred after it. Only for sources whose
  counts and deltas carry one clock.
- *figures mode*: on hand = the book figure of the newest reading, by the hub's own reading number, never by
  a time. Deltas explain such a figure and cause a fresh reading; they are never added to it.

Every change of on hand is a posting, so the postings of a level always sum to its on hand.

Does not store, lock or look anything up (ledger), and knows nothing of reservations or availability.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

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
    is_after,
    latest_count,
    plain,
)


class Mode(StrEnum):
    """How a location's authority reports its stock."""

    MOVEMENTS = "movements"
    FIGURES = "figures"


class PostingKind(StrEnum):
    """Why a posting exists."""

    DELTA = "delta"  # a movement happened
    CORRECTION = "correction"  # an earlier revision of the same movement is taken back
    ABSORPTION = "absorption"  # the movement is contained in a later count: its effect is neutralised
    COUNT = "count"  # difference between what was found and what was expected
    FIGURE = "figure"  # difference between two book figures


class RefusalReason(StrEnum):
    """Why a report is not folded; the caller parks it."""

    FUTURE = "report_from_the_future"
    MIXED_KINDS = "report_kind_foreign_to_mode"
    CONTRADICTION = "same_reading_other_figure"


@dataclass(frozen=True, slots=True)
class LevelState:
    """The level of one (item, location); quantities in base units.

    known is False until something told the whole stock: an opening balance or count in movements mode, a
    complete reading in figures mode. version counts changes and is no part of the state's meaning.
    unknown_since is the reading number at which a fault was noticed: only a later reading cures it.
    """

    mode: Mode
    on_hand: Decimal = ZERO
    known: bool = False
    version: int = 0
    count: Count | None = None
    reading: int | None = None
    reserved: Decimal = ZERO
    unknown_since: int | None = None


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
    item and location), None when no figure was applied. read_again asks for a fresh reading of the item.
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


def sift(state: LevelState, reports: Iterable[Report], *, now: datetime, tolerance: timedelta) -> Sifted:
    """Part what may be folded from what is refused.

    Refused: a report dated later than now + tolerance; a count in figures mode or a book figure in movements
    mode (each is an observation there); a figure that contradicts one already applied for its reading.
    """
    accepted: list[Report] = []
    refused: list[Refusal] = []
    for report in reports:
        reason = _refusal(state, report, now + tolerance)
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
) -> Fold:
    """Return the level after reports that were not folded before, with the postings that lead there.

    deltas_after(position): sum of the effective quantities of all recorded deltas after that position, the
    new ones included. It is called at most once, and only when a newer count arrives.
    superseded: for each key among the new deltas, its effective delta before this batch, if there was one.
    Any split of the same reports into batches, in any order, leads to the same level and the same totals per
    counterpart. Repeated statements inside the batch are harmless; a statement folded in an earlier batch
    must be in superseded or left out.

    Raises MixedKinds for a report foreign to the level's mode.
    """
    if state.mode is Mode.FIGURES:
        return _fold_figures(state, new)
    return _fold_movements(state, new, deltas_after, superseded)


def mark_unknown(state: LevelState, *, since_reading: int) -> LevelState:
    """Return the level after a fault (lost page, dead feed): unknown until a reading begun later.

    since_reading is a number freshly taken from the same sequence as readings.
    """
    since = since_reading if state.unknown_since is None else max(since_reading, state.unknown_since)
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
        )
        digest.update(repr(facts).encode())
    for place in sorted(totals or {}):
        if totals and totals[place] != 0:
            digest.update(repr((*place[:2], place[2].value, plain(totals[place]))).encode())
    return digest.hexdigest()


def _refusal(state: LevelState, report: Report, latest: datetime) -> RefusalReason | None:
    if isinstance(report, BookFigure):
        if state.mode is not Mode.FIGURES:
            return RefusalReason.MIXED_KINDS
        same_reading = report.reading == state.reading
        if same_reading and (report.quantity != state.on_hand or report.reserved != state.reserved):
            return RefusalReason.CONTRADICTION
        return None
    if isinstance(report, Count) and state.mode is not Mode.MOVEMENTS:
        return RefusalReason.MIXED_KINDS
    return RefusalReason.FUTURE if report.at.occurred_at > latest else None


def _fold_figures(state: LevelState, new: Sequence[Report]) -> Fold:
    """Apply the newest figure as a whole; deltas only ask for another reading."""
    newest: BookFigure | None = None
    read_again = False
    for report in new:
        if isinstance(report, Count):
            raise MixedKinds("a shelf count in figures mode is an observation")
        if isinstance(report, Delta):
            read_again = True
        elif newest is None or report.reading > newest.reading:
            newest = report
    if newest is None or (state.reading is not None and newest.reading <= state.reading):
        return Fold(state, read_again=read_again)

    cured = state.unknown_since is None or newest.reading > state.unknown_since
    after = replace(
        state,
        on_hand=newest.quantity,
        reserved=newest.reserved,
        reading=newest.reading,
        known=cured,
        unknown_since=None if cured else state.unknown_since,
        version=state.version + 1,
    )
    difference = newest.quantity - state.on_hand
    posting = Posting(Counterpart.ADJUSTMENT, difference, newest.key, PostingKind.FIGURE)
    return Fold(after, (posting,) if difference else (), newest.contained, read_again)


def _fold_movements(
    state: LevelState,
    new: Sequence[Report],
    deltas_after: Callable[[Position], Decimal],
    superseded: Mapping[str, Delta],
) -> Fold:
    """Post the deltas against the old count, then move to the newest count and post the difference."""
    deltas: list[Delta] = []
    counts: list[Count] = [] if state.count is None else [state.count]
    for report in new:
        if isinstance(report, BookFigure):
            raise MixedKinds("a book figure in movements mode is an observation")
        if isinstance(report, Delta):
            deltas.append(report)
        else:
            counts.append(report)

    postings: list[Posting] = []
    known, unknown_since = state.known, state.unknown_since
    for key, delta in sorted(effective(deltas).items()):
        earlier = superseded.get(key)
        if earlier is not None and earlier.revision >= delta.revision:
            continue
        known = known or delta.counterpart is Counterpart.OPENING
        if earlier is not None:
            taken_back = replace(earlier, quantity=-earlier.quantity)
            postings += _legs(taken_back, state.count, PostingKind.CORRECTION)
        postings += _legs(delta, state.count, PostingKind.DELTA)
    on_hand = state.on_hand + sum((posting.quantity for posting in postings), ZERO)

    count = latest_count(counts)
    if count is not None and count != state.count:
        found = count.quantity + deltas_after(count.at)
        if found != on_hand:
            postings.append(Posting(Counterpart.ADJUSTMENT, found - on_hand, count.key, PostingKind.COUNT))
        on_hand = found
        known, unknown_since = True, None

    after = replace(state, on_hand=on_hand, known=known, unknown_since=unknown_since, count=count)
    if after != state:
        after = replace(after, version=state.version + 1)
    return Fold(after, tuple(postings))


def _legs(delta: Delta, count: Count | None, kind: PostingKind) -> list[Posting]:
    """Return the posting of a delta and, when the count already holds it, the one that neutralises it."""
    if not delta.quantity:
        return []
    legs = [Posting(delta.counterpart, delta.quantity, delta.key, kind)]
    if count is not None and not is_after(delta.at, count.at):
        legs.append(Posting(Counterpart.ADJUSTMENT, -delta.quantity, delta.key, PostingKind.ABSORPTION))
    return legs
