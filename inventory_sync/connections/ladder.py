"""How far down each connection stands: live, throttled, degraded, held, stopped; with a sentence, since when.

Read from the rows that decide what is called, so that a page, a metric and an alert say the same. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from inventory_sync.connections import registry
from inventory_sync.connections.models import Breaker, Budget, Connection, Cursor, Maintenance
from inventory_sync.connections.running import under_maintenance
from inventory_sync.domain.errors import Misconfigured
from inventory_sync.domain.ports import Stream
from inventory_sync.domain.writing import Writing

MISSED = 3  # rounds of a stream that may be late before it counts as stale
LEAST_LATE = timedelta(minutes=2)
WAITS_LONG = timedelta(seconds=30)  # a call that waits its turn is no event


class Rung(IntEnum):
    """From well to stopped; the number is what the metrics carry."""

    LIVE = 0
    THROTTLED = 1
    DEGRADED = 2
    HELD = 3
    STOPPED = 4


@dataclass(frozen=True, slots=True)
class Standing:
    """One connection. since: when it came there, where a row says so. next_at: when it is tried again."""

    connection: Connection
    rung: Rung
    sentence: str
    since: datetime | None = None
    next_at: datetime | None = None
    breaker: str = Breaker.Phase.CLOSED.value

    @property
    def tone(self) -> str:
        return ("good", "wait", "bad", "wait", "bad")[self.rung]


def ladder(now: datetime, connections: Iterable[Connection] | None = None) -> list[Standing]:
    """Return where every connection (or these) stands, the worst first."""
    found = Connection.objects.select_related("breaker", "budget").prefetch_related("cursors")
    if connections is not None:
        found = found.filter(pk__in=[row.pk for row in connections])
    windows = {each.connection_id: each for each in under_maintenance(now).order_by("ends_at")}
    stands = [_stand(row, windows.get(row.pk), now) for row in found]
    return sorted(stands, key=lambda each: (-each.rung, each.connection.code))


def is_late(stream: Stream, cursor: Cursor, *, now: datetime) -> bool:
    """Say whether a stream was last read whole too long ago for how often it is read."""
    allowed = max(LEAST_LATE, timedelta(seconds=MISSED * stream.every_s))
    return cursor.swept_at is not None and now - cursor.swept_at > allowed


def _stand(row: Connection, window: Maintenance | None, now: datetime) -> Standing:
    breaker: Breaker | None = getattr(row, "breaker", None)
    phase = Breaker.Phase.CLOSED.value if breaker is None else str(breaker.phase)
    rung, sentence, since, next_at = (
        _held(row, window)
        or _silent(breaker)
        or _stale(row, now)
        or _throttled(getattr(row, "budget", None), now)
        or (Rung.LIVE, "Read and written as planned.", row.state_since, None)
    )
    return Standing(row, rung, sentence, since, next_at, phase)


Found = tuple[Rung, str, datetime | None, datetime | None]


def _held(row: Connection, window: Maintenance | None) -> Found | None:
    """Staff's own word, or a vendor that refuses us."""
    why = f" {row.state_reason}" if row.state_reason else ""
    if row.state == Connection.State.MISCONFIGURED:
        return Rung.STOPPED, f"It refuses us.{why}", row.state_since, None
    if row.state == Connection.State.PAUSED:
        return Rung.STOPPED, f"Paused by staff.{why}", row.state_since, None
    if window is not None:
        until = f"{window.ends_at:%Y-%m-%d %H:%M} UTC"
        sentence = f"Under maintenance until {until}. {window.reason}"
        return Rung.STOPPED, sentence, window.starts_at, window.ends_at
    if row.state == Connection.State.DRAINING:
        return Rung.HELD, f"Draining: what is owed is finished, then it pauses.{why}", row.state_since, None
    if row.writing == Writing.READ_ONLY:
        return Rung.HELD, "Read-only: what is owed to it waits.", None, None
    if row.writing == Writing.SHADOW:
        return Rung.HELD, "Shadow: figures are worked out and recorded, and not sent.", None, None
    return None


def _silent(breaker: Breaker | None) -> Found | None:
    if breaker is None or breaker.phase == Breaker.Phase.CLOSED:
        return None
    tried = "is being tried with one call" if breaker.phase == Breaker.Phase.HALF_OPEN else "is tried again"
    sentence = f"It does not answer and {tried}. Last: {breaker.error_detail}"
    return Rung.DEGRADED, sentence, breaker.since, breaker.next_at


def _stale(row: Connection, now: datetime) -> Found | None:
    try:
        declared = {stream.name: stream for stream in registry.connector(row.connector).capabilities.streams}
    except Misconfigured:
        return Rung.STOPPED, "Its connector is not installed.", None, None
    late = [
        cursor
        for cursor in row.cursors.all()
        if cursor.stream in declared and is_late(declared[cursor.stream], cursor, now=now)
    ]
    if not late:
        return None
    names = ", ".join(sorted(cursor.stream for cursor in late))
    oldest = min(cursor.swept_at for cursor in late if cursor.swept_at is not None)
    return Rung.DEGRADED, f"Read too long ago: {names}.", oldest, None


def _throttled(budget: Budget | None, now: datetime) -> Found | None:
    if budget is None:
        return None
    if budget.closed_until is not None and budget.closed_until > now:
        sentence = f"It asked us to wait until {budget.closed_until:%H:%M:%S} UTC."
        return Rung.THROTTLED, sentence, budget.eased_at, budget.closed_until
    if budget.waits_since is not None and now - budget.waits_since > WAITS_LONG:
        return Rung.THROTTLED, "More is owed than its limit lets through.", budget.waits_since, None
    return None
