"""One look at all that decides a call: the budget, the breaker and staff's word, and the database's clock.

One statement reads it, one writes it back, and that one counts only if nobody wrote meanwhile (xmin, the
transaction a row was last written by). So no lock outlives a statement: a worker that dies or is stopped
between the two holds nobody up. Decides nothing (domain/allowance.py, domain/breaker.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection as database

from inventory_sync.connections.models import Budget, Connection
from inventory_sync.connections.registry import connector
from inventory_sync.domain import breaker as breaking
from inventory_sync.domain.allowance import Allowance, Slot
from inventory_sync.domain.breaker import Phase
from inventory_sync.domain.budget import Bucket
from inventory_sync.domain.writing import Writing

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_LOOK = """
SELECT c.code, c.label, c.connector, c.state, c.writing, w.ends_at, coalesce(%(now)s, clock_timestamp()),
       b.xmin::text, b.tokens, b.refilled_at, b.rate_per_s, b.burst, b.closed_until, b.recent::text,
       b.slots::text, b.eased, b.eased_at, b.waits_since,
       r.xmin::text, r.phase, r.failures, r.window_from, r.calls, r.failed, r.openings, r.since, r.next_at
FROM connections_connection c
LEFT JOIN connections_budget b ON b.connection_id = c.id
LEFT JOIN connections_breaker r ON r.connection_id = c.id
LEFT JOIN LATERAL (
    SELECT max(m.ends_at) AS ends_at FROM connections_maintenance m
    WHERE m.connection_id = c.id AND m.closed_at IS NULL
      AND m.starts_at <= coalesce(%(now)s, clock_timestamp())
      AND m.ends_at > coalesce(%(now)s, clock_timestamp())
) w ON true
WHERE c.id = %(connection)s
"""
_WRITE = """
UPDATE connections_budget
SET tokens = %(tokens)s, refilled_at = %(refilled_at)s, rate_per_s = %(rate_per_s)s, burst = %(burst)s,
    closed_until = %(closed_until)s, recent = %(recent)s::jsonb, slots = %(slots)s::jsonb, eased = %(eased)s,
    eased_at = %(eased_at)s, waits_since = %(waits_since)s, calls = calls + %(calls)s,
    refusals = refusals + %(refusals)s
WHERE connection_id = %(connection)s AND xmin = %(stamp)s::xid
"""


@dataclass(frozen=True, slots=True)
class Look:
    """What was there at a moment. held_until: the end of the maintenance window that is open."""

    connection_id: int
    at: datetime
    code: str
    label: str
    connector: str
    state: str
    writing: Writing
    held_until: datetime | None
    budget: Allowance
    waits_since: datetime | None
    stamp: str
    breaker: breaking.Breaker
    breaker_stamp: str


def look(connection_id: int, *, now: datetime | None = None) -> Look:
    """Return what is there, with a budget if nobody has called there yet. now: None is the database's."""
    row = _row(connection_id, now)
    if row[7] is None:
        _make_budget(connection_id, connector_code=row[2], at=row[6])
        row = _row(connection_id, now)
    code, label, connector_code, state, writing, held_until, at, stamp = row[:8]
    return Look(
        connection_id=connection_id,
        at=at,
        code=code,
        label=label,
        connector=connector_code,
        state=state,
        writing=Writing(writing),
        held_until=held_until,
        budget=_allowance(*row[8:17]),
        waits_since=row[17],
        stamp=stamp,
        breaker=breaking.Breaker(Phase(row[19]), *row[20:]) if row[18] else breaking.Breaker(),
        breaker_stamp=row[18] or "",
    )


def write(
    seen: Look, state: Allowance, *, waits_since: datetime | None, calls: int = 0, refusals: int = 0
) -> bool:
    """Write the budget back; False, and nothing is written, when somebody else wrote since the look."""
    bucket = state.bucket
    values: dict[str, Any] = {
        "connection": seen.connection_id,
        "stamp": seen.stamp,
        "tokens": float(bucket.tokens),
        "refilled_at": bucket.as_of,
        "rate_per_s": float(bucket.per_s),
        "burst": float(bucket.capacity),
        "closed_until": bucket.shut_until,
        "recent": json.dumps([_stored(at) for at in state.recent]),
        "slots": json.dumps([[slot.holder, _stored(slot.until)] for slot in state.slots]),
        "eased": float(state.eased),
        "eased_at": state.eased_at,
        "waits_since": waits_since,
        "calls": calls,
        "refusals": refusals,
    }
    with database.cursor() as cursor:
        cursor.execute(_WRITE, values)
        return cursor.rowcount == 1


def database_now() -> datetime:
    with database.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def _row(connection_id: int, now: datetime | None) -> tuple[Any, ...]:
    with database.cursor() as cursor:
        cursor.execute(_LOOK, {"connection": connection_id, "now": now})
        row: tuple[Any, ...] | None = cursor.fetchone()
    if row is None:
        raise Connection.DoesNotExist(f"There is no connection {connection_id}.")
    return row


def _make_budget(connection_id: int, *, connector_code: str, at: datetime) -> None:
    can = connector(connector_code).capabilities
    new = Budget(
        connection_id=connection_id,
        tokens=float(can.burst),
        refilled_at=at,
        rate_per_s=can.calls_per_s,
        burst=float(can.burst),
    )
    Budget.objects.bulk_create([new], ignore_conflicts=True)


def _allowance(
    tokens: float,
    refilled_at: datetime,
    rate_per_s: float,
    burst: float,
    closed_until: datetime | None,
    recent: str,
    slots: str,
    eased: float,
    eased_at: datetime | None,
) -> Allowance:
    return Allowance(
        bucket=Bucket(
            capacity=Decimal(str(burst)),
            per_s=Decimal(str(rate_per_s)),
            tokens=Decimal(str(tokens)),
            as_of=refilled_at,
            shut_until=closed_until,
        ),
        recent=tuple(EPOCH + each * MICROSECOND for each in json.loads(recent)),
        slots=tuple(Slot(holder, EPOCH + until * MICROSECOND) for holder, until in json.loads(slots)),
        eased=Decimal(str(eased)),
        eased_at=eased_at,
    )


def _stored(at: datetime) -> int:
    """Return a moment as JSON keeps it exactly."""
    return (at - EPOCH) // MICROSECOND
