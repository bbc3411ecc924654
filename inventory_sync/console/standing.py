"""How a connection is doing, in sentences: per stream, and for its credentials. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory_sync.connections import registry
from inventory_sync.connections.expiry import Ends, calendar
from inventory_sync.connections.ladder import is_late, ladder
from inventory_sync.connections.models import Connection, Cursor
from inventory_sync.console.deeds import many
from inventory_sync.console.formats import age, span
from inventory_sync.domain.errors import Misconfigured
from inventory_sync.domain.ports import Stream

REMEDIES = {
    Connection.State.ACTIVE: "",
    Connection.State.DRAINING: "Nothing to do: it pauses by itself when what it was owed is paid.",
    Connection.State.PAUSED: "Resume it when it may be read and written again; what it sends waits.",
    Connection.State.MISCONFIGURED: "Correct its settings below and save: it is tried again at once. If "
    "nothing is wrong with them, resume it.",
}


@dataclass(frozen=True, slots=True)
class StreamStands:
    """One stream: when it was last read whole, what went wrong last, and when it is tried again."""

    name: str
    sentence: str
    tone: str
    read: str
    next_try: str
    error_code: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Stands:
    """A whole connection: its rung of the ladder, why, since when, and what somebody has to do."""

    rung: str
    why: str
    since: str
    next_try: str
    remedy: str
    tone: str
    streams: tuple[StreamStands, ...]
    ends: tuple[Ends, ...]
    windows: tuple[str, ...] = ()


def standing(row: Connection, *, now: datetime) -> Stands:
    """Return how a connection stands, also one whose connector is gone or whose settings do not build."""
    try:
        declared: Sequence[Stream] = registry.connector(row.connector).capabilities.streams
    except Misconfigured:
        declared = ()
    cursors = {cursor.stream: cursor for cursor in row.cursors.all()}
    active = row.state == Connection.State.ACTIVE
    streams = [_stream(each, cursors.get(each.name), active=active, now=now) for each in declared]
    bad = any(each.tone == "bad" for each in streams)
    stand = ladder(now, [row])[0]
    soon = (
        ""
        if stand.next_at is None
        else "at once"
        if stand.next_at <= now
        else f"in {span(stand.next_at - now)}"
    )
    return Stands(
        rung=stand.rung.name.lower(),
        why=stand.sentence,
        since=f"{stand.since:%Y-%m-%d %H:%M} UTC" if stand.since else "",
        next_try=soon,
        remedy=REMEDIES[Connection.State(row.state)],
        tone="bad" if bad and stand.tone == "good" else stand.tone,
        streams=tuple(streams),
        ends=tuple(calendar(today=now.date(), connections=[row])),
        windows=_windows(row, now=now),
    )


def _windows(row: Connection, *, now: datetime) -> tuple[str, ...]:
    """Return the maintenance windows that come: the next one, and the rules of those of every week."""
    coming = row.maintenances.filter(closed_at__isnull=True, starts_at__gt=now).order_by("starts_at").first()
    words = () if coming is None else (f"Next maintenance window: {coming}.",)
    weekly = row.weekly_windows.filter(ended_at__isnull=True)
    return words + tuple(f"Every week: {each} ({each.reason})." for each in weekly)


def _stream(stream: Stream, cursor: Cursor | None, *, active: bool, now: datetime) -> StreamStands:
    if cursor is None:
        return StreamStands(stream.name, "never read yet", "wait", "—", _next(None, active=active, now=now))
    sentence, tone = _sentence(stream, cursor, now=now)
    return StreamStands(
        name=stream.name,
        sentence=sentence,
        tone=tone,
        read=f"{age(cursor.swept_at, now=now)} ago" if cursor.swept_at else "never to its end",
        next_try=_next(cursor, active=active, now=now),
        error_code=cursor.error_code,
        error=cursor.error_detail,
    )


def _sentence(stream: Stream, cursor: Cursor, *, now: datetime) -> tuple[str, str]:
    if cursor.error_code:
        times = f"{many(cursor.failures, 'try', 'tries')} in a row" if cursor.failures > 1 else "the last try"
        return f"{times} failed", "bad"
    if cursor.skipped:
        return f"{many(cursor.skipped, 'page')} of this round left out: they cannot be read", "bad"
    if cursor.swept_at is None:
        return "being read for the first time", "wait"
    if is_late(stream, cursor, now=now):
        return f"late: it is read every {span(timedelta(seconds=stream.every_s))}", "wait"
    return "read as planned", "good"


def _next(cursor: Cursor | None, *, active: bool, now: datetime) -> str:
    if not active:
        return "when the connection runs again"
    if cursor is None or cursor.run_at is None:
        return "at once"
    if cursor.lease_until is not None and cursor.lease_until > now:
        return "being read now"
    return "at once" if cursor.run_at <= now else f"in {span(cursor.run_at - now)}"
