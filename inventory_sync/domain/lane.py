"""The lane of one connection: which listings are owed a figure, and which the next call carries.

State, not messages: a listing holds the newest figure wanted and nothing else; figures are absolute, never
differences. One call is in flight per listing, guarded by a token. How a write is made and when it settles is
in sandwich.py.

Pure: time and jitter are arguments. Does not read, write or store (propagation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from inventory_sync.domain.reports import ZERO


@dataclass(frozen=True, slots=True)
class Aim:
    """What a call under way wants shown, and the order news its figure was computed with.

    write_key is the idempotency key: the same for every repetition of the same write whose outcome is not
    known, another for every other write; it contains no quantity and no clock.
    """

    figure: Decimal
    version: int
    news: int
    write_key: str


@dataclass(frozen=True, slots=True)
class Flight:
    """A call under way: its owner's token and lease; aim is None until the figure was computed."""

    token: int
    started_at: datetime
    lease_until: datetime
    aim: Aim | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """A write the channel accepted and has not applied: its receipt, and until when its end is awaited."""

    receipt: str
    aim: Aim
    until: datetime


@dataclass(frozen=True, slots=True)
class Fall:
    """By how much the shown figure fell without an order to explain it, and since when."""

    seen_at: datetime
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class ListingState:
    """One listing of the lane; figures in the channel's own unit.

    desired: the figure wanted (None: unknown, nothing is owed), of availability version desired_version,
    computed when desired_news was the listing's order news.
    observed: the figure last read. acknowledged: the last figure settled.
    news: how many orders, cancellations and restocking refunds touched the listing.
    lowered: by how much known orders lowered the channel's own figure since it was last read.
    unanswered: the write whose outcome is not known; ambiguous_until: until then it may still land.
    pending: the write that was accepted; nothing else is written before its end is known.
    dirty_since: owed since, None if not owed. run_at: not before. token: the fence, grows with each flight.
    writes: distinct writes so far, for their idempotency keys.
    """

    key: str
    desired: Decimal | None = None
    desired_version: int = 0
    desired_news: int = 0
    observed: Decimal | None = None
    acknowledged: Decimal | None = None
    news: int = 0
    lowered: Decimal = ZERO
    in_flight: Flight | None = None
    unanswered: Aim | None = None
    ambiguous_until: datetime | None = None
    pending: Pending | None = None
    fall: Fall | None = None
    dirty_since: datetime | None = None
    urgent: bool = False
    attempts: int = 0
    run_at: datetime | None = None
    token: int = 0
    writes: int = 0

    @property
    def is_settled(self) -> bool:
        """Say whether the channel is known to show what is wanted."""
        return self.dirty_since is None and self.desired is not None and self.desired == self.acknowledged


class InFlight(ValueError):
    """A second call was begun for a listing whose lease still runs."""


def owe(
    state: ListingState,
    figure: Decimal | None,
    version: int,
    *,
    now: datetime,
    news: int | None = None,
    near_zero: Decimal = ZERO,
) -> ListingState:
    """Return the listing owing the figure of an availability version; older versions are ignored.

    news: the listing's order news the figure was computed with (None: all of it). Call it after news even if
    the figure is unchanged. An unknown figure (None) is not owed: the channel keeps what it shows.
    """
    if version <= state.desired_version:
        return state
    was_settled = state.is_settled and state.desired == figure
    computed_with = state.news if news is None else news
    after = replace(state, desired=figure, desired_version=version, desired_news=computed_with)
    if figure is None:
        return replace(after, dirty_since=None, urgent=False)
    return after if was_settled else unsettle(after, now=now, near_zero=near_zero)


def note_news(
    state: ListingState, *, now: datetime, lowered: Decimal = ZERO, near_zero: Decimal = ZERO
) -> ListingState:
    """Return the listing after an order, a cancellation or a restocking refund touched it.

    It is owed again even if the wanted figure did not change: the channel may have changed its own. lowered:
    by how much the channel lowers its own figure for it (0 for an unpaid order, negative when it restocks).
    """
    told = replace(state, news=state.news + 1, lowered=state.lowered + lowered)
    return unsettle(told, now=now, near_zero=near_zero)


def observe(
    state: ListingState, figure: Decimal, *, now: datetime, near_zero: Decimal = ZERO
) -> ListingState:
    """Return the listing after a sweep read it: one that shows something else is owed again."""
    if state.desired is None or figure == state.desired or state.dirty_since is not None:
        return state
    return unsettle(state, now=now, near_zero=near_zero, shown=figure)


def unsettle(
    state: ListingState, *, now: datetime, near_zero: Decimal = ZERO, shown: Decimal | None = None
) -> ListingState:
    """Return the listing owed, since now unless it already was; nothing is owed while it is unknown."""
    if state.desired is None:
        return state
    seen = shown if shown is not None else state.observed
    since = now if state.dirty_since is None else state.dirty_since
    return replace(state, dirty_since=since, urgent=is_urgent(state.desired, seen, near_zero))


def is_urgent(figure: Decimal, shown: Decimal | None, near_zero: Decimal = ZERO) -> bool:
    """Say whether a figure goes to or near zero while the channel shows, or may show, more."""
    return figure <= near_zero and (shown is None or shown > figure)


def pick(
    listings: Sequence[ListingState], limit: int, *, now: datetime, turn: int = 0
) -> tuple[ListingState, ...]:
    """Return what the next call should carry: at most half the most urgent, the rest oldest first.

    Waiting and in-flight listings are passed over unless their lease has run out. When limit is odd the odd
    line goes to the urgent on odd turns, so calls of one line alternate. Places the urgent cannot fill go to
    the oldest; no listing waits behind an endless stream of urgent ones.
    """
    due = [(each.dirty_since, each.key, each) for each in listings if each.dirty_since and is_due(each, now)]
    oldest_first = [each for _, _, each in sorted(due, key=lambda row: row[:2])]
    urgent = [each for each in oldest_first if each.urgent][: (limit + turn % 2) // 2]
    taken = {each.key for each in urgent}
    rest = [each for each in oldest_first if each.key not in taken]
    return (*urgent, *rest[: limit - len(urgent)])


def is_due(state: ListingState, now: datetime) -> bool:
    """Say whether a call may carry the listing now."""
    if state.dirty_since is None or state.desired is None:
        return False
    if state.run_at is not None and now < state.run_at:
        return False
    return state.in_flight is None or now >= state.in_flight.lease_until


def begin(state: ListingState, *, now: datetime, lease: timedelta, longest_life: timedelta) -> ListingState:
    """Return the listing claimed by a new flight, with a new token.

    A flight whose lease ran out may have written: its request can land until its longest life is over.
    Raises InFlight while a lease runs.
    """
    lost = state.in_flight
    if lost is not None and now < lost.lease_until:
        raise InFlight(state.key)
    if lost is not None and lost.aim is not None:
        state = replace(
            may_have_landed(state, lost.aim),
            unanswered=lost.aim,
            ambiguous_until=later(state.ambiguous_until, now + longest_life),
        )
    token = state.token + 1
    return replace(state, in_flight=Flight(token, now, now + lease), token=token)


def aim(state: ListingState) -> ListingState:
    """Return the listing with its flight aimed at the figure wanted now: call it before writing.

    Repeating a write whose outcome is not known keeps its idempotency key; anything else is another write.
    What known orders lowered is in the figure aimed at; it explains no fall after it.
    """
    state = replace(state, lowered=ZERO)
    flight = state.in_flight
    if flight is None or state.desired is None:
        raise ValueError(f"{state.key}: no flight, or no figure to aim at")
    again = state.unanswered
    if again is not None and (again.figure, again.news) == (state.desired, state.desired_news):
        aimed = replace(again, version=state.desired_version)
        return replace(state, in_flight=replace(flight, aim=aimed))
    writes = state.writes + 1
    aimed = Aim(state.desired, state.desired_version, state.desired_news, f"{state.key}:{writes}")
    return replace(state, in_flight=replace(flight, aim=aimed), writes=writes)


def retry_after(
    attempts: int,
    jitter: float,
    *,
    base: timedelta = timedelta(seconds=1),
    cap: timedelta = timedelta(minutes=5),
) -> timedelta:
    """Return how long to wait after a number of failed attempts: doubling, capped, spread by jitter (0..1).

    The wait lies between half the doubled time and the whole of it.
    """
    doublings = min(max(attempts - 1, 0), 30)
    whole = min(cap.total_seconds(), base.total_seconds() * 2.0**doublings)
    return timedelta(seconds=whole * (0.5 + 0.5 * jitter))


def bound(listings: int, *, lines: int, flights_per_s: float, service: timedelta) -> timedelta:
    """Return how old a figure gets at most while so many listings of its class are owed: 2K/(B·r) + s.

    Half the lines of a flight are for each class, so K of them need 2K/B flights of r a second, and one more
    to be under way for s.
    """
    return timedelta(seconds=2 * listings / (lines * flights_per_s)) + service


def may_have_landed(state: ListingState, sent: Aim) -> ListingState:
    """Return the listing after a write that landed at a moment nobody knows, or not at all.

    `observed` becomes the most it may have shown: a sale since would be a fall from there, and reckoned from
    the figure read before the write no fall at all. What known orders lowered may have been before the write
    landed: it explains no fall from the figure sent.
    """
    known = sent.figure if state.observed is None else max(state.observed - state.lowered, sent.figure)
    return replace(state, observed=known, lowered=ZERO)


def later(one: datetime | None, other: datetime) -> datetime:
    """Return the later of two times, the first of which may be unset."""
    return other if one is None else max(one, other)
