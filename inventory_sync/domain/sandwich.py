"""How an absolute figure is written without overwriting a sale, and when it counts as shown.

A shop lowers its own figure when it sells; a figure computed before that order reached us would raise it
again. So every write is a sandwich, per batch: read, pull orders, compute, write, read, pull orders.

    begin → note_read → owe → aim → decide_write → settle

Pure: time is an argument. Does not call the channel or store anything (propagation).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from inventory_sync.domain.lane import Aim, Fall, ListingState, Pending, later, may_have_landed
from inventory_sync.domain.reports import ZERO


class Outcome(StrEnum):
    """What became of one write."""

    ACCEPTED = "accepted"
    AMBIGUOUS = "ambiguous"  # no answer, or one that does not tell: it may land later
    REFUSED = "refused"  # surely not applied
    NOT_SENT = "not_sent"  # nothing to write, or the decision forbade it


class Owed(StrEnum):
    """Why a listing is still owed after a call."""

    FENCED = "fenced"  # the call belongs to an older owner: its report settles nothing
    UNKNOWN = "unknown"  # there is no figure to publish
    REFUSED = "refused"
    UNREAD = "unread"
    SUPERSEDED = "superseded"  # another figure is wanted by now
    ORDER_NEWS = "order_news"
    READS_OTHERWISE = "reads_otherwise"
    UNEXPLAINED_FALL = "unexplained_fall"
    AMBIGUOUS = "ambiguous"  # a request may still land
    PENDING = "pending"  # accepted, which is not applied


class End(StrEnum):
    """What became of a write that was accepted."""

    APPLIED = "applied"
    REFUSED = "refused"  # surely not applied
    LOST = "lost"  # nobody told in time: it may yet land


class HoldReason(StrEnum):
    """Why nothing may be written now."""

    UNKNOWN = "unknown"  # the figure wanted is unknown; unknown is not zero
    UNREAD = "unread"  # the channel was not read in this flight
    CLOSED = "closed"  # nothing is written to this connection now
    STALE = "stale"  # order news or a report came after the figure was computed: compute again


@dataclass(frozen=True, slots=True)
class Write:
    """Write this absolute figure; expected is what compare-and-set compares with, read before the pull."""

    figure: Decimal
    expected: Decimal


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """The channel shows the wanted figure; it is still read back after another pull of orders."""

    figure: Decimal


@dataclass(frozen=True, slots=True)
class PullAgain:
    """A sale not yet visible may explain the fall: pull again after this time, before raising anything."""

    unexplained: Decimal
    after: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    reason: HoldReason


class AsideReason(StrEnum):
    """Why a figure that would be written is not, until there is news of it or somebody decides."""

    SHADOW = "shadow"  # the connection is only watched
    FIRST_SYNC = "held_first_sync"  # the first figure for a listing that shows another
    BLAST_RADIUS = "held_blast_radius"  # one of too many that would change at once


@dataclass(frozen=True, slots=True)
class Aside:
    """Would be written, and is not."""

    figure: Decimal
    reason: AsideReason


WriteDecision = Write | AlreadyThere | PullAgain | Hold | Aside


@dataclass(frozen=True, slots=True)
class ReadNoted:
    """The listing after the first read and pull; drift is a fall given up on: somebody edited the channel."""

    state: ListingState
    drift: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Report:
    """What one call found.

    read_after: the figure read after the write, None if that read failed; it must have begun after the
    write's answer. news_after: the listing's order news once orders had been pulled after that read.
    """

    token: int
    outcome: Outcome
    read_after: Decimal | None
    news_after: int


@dataclass(frozen=True, slots=True)
class Settled:
    """The channel shows the figure and nothing speaks against it."""

    figure: Decimal


@dataclass(frozen=True, slots=True)
class StillOwed:
    reason: Owed


@dataclass(frozen=True, slots=True)
class Settling:
    state: ListingState
    verdict: Settled | StillOwed


def note_read(
    state: ListingState,
    read: Decimal,
    *,
    now: datetime,
    pulled_at: datetime,
    visible_within: timedelta,
) -> ReadNoted:
    """Return the listing after it was read and orders were pulled, in that order.

    read: the figure, in the channel's unit. What the orders known since the last read lowered explains a
    fall. More is a sale not yet visible, until a pull begun later than visible_within (how long the channel
    may hide an order from a pull) after it was seen still finds nothing; then it is drift. pulled_at: when
    this pull began. While a request may still land, a fall is seen anew by every read: it may have landed
    and been sold from between two of them.
    """
    may_land = state.ambiguous_until is not None and now < state.ambiguous_until
    last = state.observed if state.observed is not None else state.acknowledged
    change = ZERO if last is None else last - read
    if change < 0 and may_land:
        change = ZERO  # a request landing late, not the sale undone
    pending = ZERO if state.fall is None else state.fall.quantity
    quantity = max(ZERO, pending + change - state.lowered)
    since = now if state.fall is None else state.fall.seen_at
    seen = replace(state, observed=read, lowered=ZERO, fall=None)
    if not quantity:
        return ReadNoted(seen)
    anew = change > 0 or may_land
    if state.fall is not None and not anew and pulled_at > since + visible_within:
        return ReadNoted(seen, drift=quantity)
    return ReadNoted(replace(seen, fall=Fall(now if anew else since, quantity)))


def decide_write(state: ListingState, *, visible_within: timedelta) -> WriteDecision:
    """Return what to do with a listing that was read, pulled and computed.

    While a fall is unexplained the figure may fall further, never rise. A figure computed before the newest
    order news is not written at all.
    """
    if state.desired is None:
        return Hold(HoldReason.UNKNOWN)
    if state.observed is None:
        return Hold(HoldReason.UNREAD)
    if state.desired_news != state.news:
        return Hold(HoldReason.STALE)
    if state.fall is not None and state.desired >= state.observed:
        return PullAgain(state.fall.quantity, state.fall.seen_at + visible_within)
    if state.desired == state.observed:
        return AlreadyThere(state.desired)
    return Write(state.desired, expected=state.observed)


def stand_down(state: ListingState, token: int, *, until: datetime) -> ListingState:
    """Return the listing with its flight ended before anything was sent (PullAgain, Hold); owed as before.

    A token of an older owner changes nothing.
    """
    if state.in_flight is None or state.in_flight.token != token:
        return state
    return replace(state, in_flight=None, run_at=until)


def await_end(
    state: ListingState,
    token: int,
    receipt: str,
    *,
    until: datetime,
    look_at: datetime,
    longest_life: timedelta,
) -> ListingState:
    """Return the listing after its write was accepted; until its end is known nothing else is written.

    The write of an older owner is not ours to follow: it may land until `until` and its longest life.
    """
    flight = state.in_flight
    if flight is None or flight.token != token or flight.aim is None:
        return replace(state, ambiguous_until=later(state.ambiguous_until, until + longest_life))
    pending = Pending(receipt, flight.aim, until)
    return replace(state, in_flight=None, unanswered=None, pending=pending, run_at=look_at, attempts=0)


def note_end(state: ListingState, end: End, *, now: datetime, longest_life: timedelta) -> ListingState:
    """Return the listing with the end of its accepted write; the next reading is held against what it was.

    One that nobody tells about is a write whose answer was lost, and is treated as every such one. When it
    was applied is not told either: what known orders lowered meanwhile may be from before, and explains no
    fall from the figure that landed.
    """
    if state.pending is None:
        return state
    aim = state.pending.aim
    state = replace(state, pending=None)
    if end is End.APPLIED:
        return replace(state, observed=aim.figure, lowered=ZERO)
    if end is End.REFUSED:
        return state
    return replace(
        may_have_landed(state, aim),
        unanswered=aim,
        ambiguous_until=later(state.ambiguous_until, now + longest_life),
    )


def settle(
    state: ListingState,
    report: Report,
    *,
    now: datetime,
    longest_life: timedelta,
    retry_in: timedelta = timedelta(0),
) -> Settling:
    """Return the listing after a call, settled or still owed.

    longest_life: how long after sending a request may still land. retry_in: the wait before the next call if
    it is still owed. The report of an older owner settles nothing; that its request may land is remembered.
    """
    flight = state.in_flight
    if report.outcome is Outcome.AMBIGUOUS:
        state = replace(state, ambiguous_until=later(state.ambiguous_until, now + longest_life))
    if flight is None or report.token != flight.token:
        return Settling(state, StillOwed(Owed.FENCED))

    state = replace(state, in_flight=None, unanswered=_still_unanswered(state, flight.aim, report.outcome))
    if report.outcome is Outcome.ACCEPTED and flight.aim is not None:
        state = replace(state, observed=flight.aim.figure)
    elif report.outcome is Outcome.AMBIGUOUS and flight.aim is not None:
        state = may_have_landed(state, flight.aim)
    if report.read_after is not None:
        state = _note_read_after(state, report, now)
    reason = _why_owed(state, flight.aim, report, now)
    if reason is None and flight.aim is not None:
        settled = replace(
            state,
            acknowledged=flight.aim.figure,
            unanswered=None,
            ambiguous_until=None,
            dirty_since=None,
            urgent=False,
            attempts=0,
            run_at=None,
        )
        return Settling(settled, Settled(flight.aim.figure))
    failed = report.outcome in {Outcome.AMBIGUOUS, Outcome.REFUSED} or report.read_after is None
    since = now if state.dirty_since is None and state.desired is not None else state.dirty_since
    owed = replace(
        state,
        attempts=state.attempts + 1 if failed else 0,
        run_at=now + retry_in,
        dirty_since=since,
    )
    return Settling(owed, StillOwed(reason or Owed.UNREAD))


def _note_read_after(state: ListingState, report: Report, now: datetime) -> ListingState:
    """Return the listing after the second read; a fall from what may have been shown needs an order too.

    A write that reads as if it had not landed may have landed and been sold from. An order known only from
    the pull after this read may not be in it: its fall will need a second look, which costs time; letting it
    explain another sale would cost stock.
    """
    assert report.read_after is not None
    fall = state.fall
    if state.observed is not None:
        unexplained = state.observed - report.read_after - state.lowered
        if unexplained > 0:
            fall = Fall(now, unexplained + (ZERO if fall is None else fall.quantity))
    return replace(state, observed=report.read_after, lowered=ZERO, fall=fall)


def _still_unanswered(state: ListingState, aim: Aim | None, outcome: Outcome) -> Aim | None:
    """Return the write that must keep its key; an answer ends that, a write not sent changes nothing."""
    if outcome is Outcome.NOT_SENT:
        return state.unanswered
    return aim if outcome is Outcome.AMBIGUOUS else None


def _why_owed(state: ListingState, aim: Aim | None, report: Report, now: datetime) -> Owed | None:
    if state.desired is None:
        return Owed.UNKNOWN
    if report.outcome is Outcome.REFUSED:
        return Owed.REFUSED
    if report.read_after is None or aim is None:
        return Owed.UNREAD
    if state.desired != aim.figure:
        return Owed.SUPERSEDED
    if report.news_after != aim.news or state.news != aim.news:
        return Owed.ORDER_NEWS
    if report.read_after != aim.figure:
        return Owed.READS_OTHERWISE
    if state.ambiguous_until is not None and now < state.ambiguous_until:
        return Owed.AMBIGUOUS
    if state.fall is not None:
        return Owed.UNEXPLAINED_FALL
    return None
