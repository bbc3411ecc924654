"""Who is told of what, and when: routes, quiet hours, digests, storms, patience. Pure rules.

Knows no case, no mail and no table: facts in, moments and bundles out. Moments are UTC; wall time is
only ever that of a route's own zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

SEVERITIES = ("low", "normal", "urgent")
URGENT = "urgent"
NEVER = "never"  # as "breaks through from": nothing does

UTC_ZONE = ZoneInfo("UTC")

MOST_AT_ONCE = 3  # groups that get a message each; more become one digest
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(minutes=30)
MOST_ATTEMPTS = 10  # about two and a half hours


class Occasion(StrEnum):
    """What there is to tell of a case."""

    OPENED = "opened"
    WORSENED = "worsened"
    REOPENED = "reopened"
    HANDED_OVER = "handed_over"
    CLOSED = "closed"
    ALERT = "alert"  # of no case: told once, nobody acknowledges it


class Digest(StrEnum):
    AT_ONCE = "at_once"
    HOURLY = "hourly"
    DAILY = "daily"


def rank(severity: str) -> int:
    return SEVERITIES.index(severity)


@dataclass(frozen=True, slots=True)
class Fact:
    """What a route looks at."""

    team: str
    severity: str
    code: str
    connection: str = ""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of the wall clock in which a route is spared, but for what breaks through."""

    begins: time
    ends: time
    breaks_from: str = "urgent"

    def spares(self, severity: str) -> bool:
        return self.breaks_from == NEVER or rank(severity) < rank(self.breaks_from)

    def holds_at(self, wall: time) -> bool:
        if self.begins <= self.ends:
            return self.begins <= wall < self.ends
        return wall >= self.begins or wall < self.ends


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one route. An empty team, prefix or connection means any."""

    team: str = ""
    least: str = "low"
    code_prefix: str = ""
    connection: str = ""
    zone: ZoneInfo = UTC_ZONE
    quiet: Quiet | None = None
    digest: Digest = Digest.AT_ONCE
    digest_at: time = time(8)


def why_not(terms: Terms, fact: Fact) -> str:
    """Return why a route does not take this, in words; empty when it does."""
    if terms.team and terms.team != fact.team:
        return f"it is for the team {terms.team}"
    if rank(fact.severity) < rank(terms.least):
        return f"it takes what is {terms.least} or worse"
    if not fact.code.startswith(terms.code_prefix):
        return f"it takes codes that begin with {terms.code_prefix}"
    if terms.connection and terms.connection != fact.connection:
        return f"it is for the connection {terms.connection}"
    return ""


def due_at(terms: Terms, severity: str, at: datetime) -> datetime:
    """Return the first moment from `at` on at which this may be told.

    What is urgent is kept for no digest. Quiet hours spare what does not break through them; a digest
    that falls into them is told when they end.
    """
    moment = at
    if severity != URGENT:
        if terms.digest is Digest.HOURLY:
            moment = _next_hour(terms.zone, at)
        elif terms.digest is Digest.DAILY:
            moment = next_wall(terms.zone, terms.digest_at, at)
    return out_of_quiet(terms, severity, moment)


def out_of_quiet(terms: Terms, severity: str, at: datetime) -> datetime:
    """Return `at`, or when the quiet hours end that it lies in and that spare this severity."""
    quiet = terms.quiet
    if quiet is not None and quiet.spares(severity) and quiet.holds_at(_wall(terms.zone, at)):
        return next_wall(terms.zone, quiet.ends, at)
    return at


def next_wall(zone: ZoneInfo, wall: time, after: datetime) -> datetime:
    """Return the first moment after `after` at which clocks of the zone show `wall`.

    A time that is skipped when clocks go forward counts as so long after the change as it would have
    been; one that comes twice when they go back counts each time.
    """
    day = after.astimezone(zone).date()
    moments = []
    for ahead in (0, 1, 2):
        first = datetime.combine(day + timedelta(days=ahead), wall, tzinfo=zone)
        second = first.replace(fold=1)
        moments.append(first.astimezone(UTC))
        if second.astimezone(UTC) > first.astimezone(UTC):  # clocks go back: it comes twice
            moments.append(second.astimezone(UTC))
    return min(moment for moment in moments if moment > after)


def _next_hour(zone: ZoneInfo, at: datetime) -> datetime:
    wall = at.astimezone(zone)
    past = timedelta(minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond)
    return at + (timedelta(hours=1) - past)


def _wall(zone: ZoneInfo, at: datetime) -> time:
    return at.astimezone(zone).time()


@dataclass(frozen=True, slots=True)
class Owed:
    """One thing a route is owed word of: `over` says the good news, `escalated` that nobody came."""

    id: int
    code: str
    connection: str
    over: bool = False
    escalated: bool = False
    urgent: bool = False

    @property
    def group(self) -> tuple[bool, bool, str, str]:
        return (self.over, self.escalated, self.code, self.connection)


def bundles(owed: Iterable[Owed], *, left: int, digest: Digest) -> list[tuple[Owed, ...]]:
    """Part what is due into messages: each id in exactly one of them, at most `left` of them.

    Nothing when none is left: it stays owed. One message per group while groups are few; one for
    everything when they are many, when a route wants digests, or when it is about to say too much.
    """
    groups: dict[tuple[bool, bool, str, str], list[Owed]] = {}
    for each in owed:
        groups.setdefault(each.group, []).append(each)
    if not groups or left <= 0:
        return []
    urgent = [tuple(group) for group in groups.values() if any(each.urgent for each in group)]
    rest = [tuple(group) for group in groups.values() if not any(each.urgent for each in group)]
    parted = [*urgent, *([_joined(rest)] if digest is not Digest.AT_ONCE and rest else rest)]
    # The last message that may be sent takes whatever is there: nobody knows what comes after it.
    return parted if len(parted) <= min(MOST_AT_ONCE, left) else [_joined([*urgent, *rest])]


def _joined(groups: Sequence[tuple[Owed, ...]]) -> tuple[Owed, ...]:
    return tuple(each for group in groups for each in group)


def retry_at(attempts: int, *, now: datetime, jitter: float, asked_s: float | None = None) -> datetime | None:
    """Return when to try again after so many attempts, None to give up. `jitter` is 0 to 1."""
    if attempts >= MOST_ATTEMPTS:
        return None
    wait: timedelta = min(FIRST_RETRY * 2 ** (attempts - 1), LONGEST_RETRY) * (0.75 + jitter / 2)
    return now + max(wait, timedelta(seconds=asked_s or 0))
