"""The breaker of a connection: whoever does not answer is asked ever more rarely, one call at a time.

    closed ──(failures in a row, or most calls of a window)──▶ open ──(its time is up)──▶ half-open
       ▲                                                         ▲                            │
       └────────────────────(the probe is answered)──────────────┼──────(it is not)───────────┘

Pure: the caller keeps the Breaker in a row, tells the time and brings the chance. A failure is a call that
got no usable answer; a refusal of one line or of too many calls is an answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Phase(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Rules:
    """in_a_row failures open it, or share_percent of at least least_calls within a window.

    first: how long it stays open the first time; doubled each time, up to longest. forgets: how long it must
    have been closed until the next opening counts as a first one. probe: how long a probe may take.
    """

    in_a_row: int = 5
    share_percent: int = 50
    least_calls: int = 10
    window: timedelta = timedelta(seconds=60)
    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(seconds=60)
    forgets: timedelta = timedelta(minutes=5)
    probe: timedelta = timedelta(seconds=30)

    @property
    def at_most(self) -> timedelta:
        """The longest anybody is ever asked to wait."""
        return max(self.longest, self.probe)


USUAL = Rules()


@dataclass(frozen=True, slots=True)
class Breaker:
    """failures: in a row. calls and failed: of the window that began with a failure at window_from.

    since: when it last left or came back to closed. next_at: when the next probe may go; while one is under
    way, when it is given up. openings: how often in a row, for the doubling.
    """

    phase: Phase = Phase.CLOSED
    failures: int = 0
    window_from: datetime | None = None
    calls: int = 0
    failed: int = 0
    openings: int = 0
    since: datetime | None = None
    next_at: datetime | None = None

    @property
    def remembers(self) -> bool:
        """Whether a call that is answered changes anything; if not, nobody has to write it down."""
        return self.phase is not Phase.CLOSED or self.failures > 0 or self.failed > 0


def wait(breaker: Breaker, now: datetime, rules: Rules = USUAL) -> timedelta:
    """Return zero when a call may go, else the time until it is worth asking again.

    A moment further off than any breaker waits was set by a clock that has been set back since.
    """
    if breaker.phase is Phase.CLOSED or breaker.next_at is None:
        return timedelta()
    left = breaker.next_at - now
    return left if timedelta() < left <= rules.at_most else timedelta()


def begin(breaker: Breaker, now: datetime, rules: Rules) -> Breaker:
    """Return the breaker with a call under way that `wait` allowed: where it was open, the probe."""
    if breaker.phase is Phase.CLOSED:
        return breaker
    return replace(breaker, phase=Phase.HALF_OPEN, next_at=now + rules.probe)


def answered(breaker: Breaker, now: datetime, rules: Rules) -> Breaker:
    """Return the breaker after an answer; one that an open breaker hears was asked for before it opened."""
    match breaker.phase:
        case Phase.OPEN:
            return breaker
        case Phase.HALF_OPEN:
            return Breaker(openings=breaker.openings, since=now)
        case Phase.CLOSED:
            fresh = _in_window(breaker, now, rules)
            if not fresh.failed:
                return replace(fresh, failures=0, calls=0, window_from=None)
            return replace(fresh, failures=0, calls=fresh.calls + 1)


def failed(breaker: Breaker, now: datetime, rules: Rules, chance: float) -> Breaker:
    """Return the breaker after a failure; chance (0 to 1) spreads the probes of many connections."""
    if breaker.phase is Phase.OPEN:
        return breaker
    if breaker.phase is Phase.HALF_OPEN:
        return _open(breaker, now, rules, chance)
    fresh = _in_window(breaker, now, rules)
    counted = replace(
        fresh,
        failures=fresh.failures + 1,
        calls=fresh.calls + 1,
        failed=fresh.failed + 1,
        window_from=fresh.window_from or now,
    )
    most = counted.failed * 100 >= rules.share_percent * counted.calls
    if counted.failures >= rules.in_a_row or (counted.calls >= rules.least_calls and most):
        return _open(counted, now, rules, chance)
    return counted


def _open(breaker: Breaker, now: datetime, rules: Rules, chance: float) -> Breaker:
    was_closed = breaker.phase is Phase.CLOSED
    long_ago = was_closed and (breaker.since is None or now - breaker.since > rules.forgets)
    openings = 1 if long_ago else breaker.openings + 1
    stays = min(rules.longest, rules.first * 2 ** min(openings - 1, 16)) * (0.5 + chance / 2)
    return replace(
        breaker,
        phase=Phase.OPEN,
        openings=openings,
        since=now if was_closed else breaker.since,
        next_at=now + stays,
    )


def _in_window(breaker: Breaker, now: datetime, rules: Rules) -> Breaker:
    start = breaker.window_from
    if start is None or start <= now < start + rules.window:
        return breaker
    return replace(breaker, window_from=None, calls=0, failed=0)
