"""Reads of lanes. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from inventory_sync.connections.models import Budget, Connection
from inventory_sync.connections.registry import connector
from inventory_sync.domain import lane
from inventory_sync.propagation import waiting
from inventory_sync.propagation.waiting import STAYS

_OWED = f"""
SELECT due.connection_id, bool_or(due.urgent) FROM (
    SELECT connection_id, urgent FROM propagation_listing
    WHERE state = 'owed' AND (run_at IS NULL OR run_at <= %(now)s)
        AND (lease_until IS NULL OR lease_until <= %(now)s)
    UNION ALL
    SELECT c.id, aside.state = 'waiting' FROM connections_connection c
    CROSS JOIN LATERAL (
        SELECT l.state FROM propagation_listing l
        WHERE l.connection_id = c.id AND l.state IN ('shadow', 'waiting')
            AND ((l.state = 'shadow' AND c.writing = 'live') OR (l.state = 'waiting' AND NOT {STAYS}))
        LIMIT 1
    ) AS aside
) AS due JOIN connections_connection c ON c.id = due.connection_id AND c.writing <> 'read_only'
GROUP BY due.connection_id ORDER BY bool_or(due.urgent) DESC, due.connection_id
"""  # noqa: S608


def connections_owed(now: datetime) -> list[tuple[int, bool]]:
    """Return the connections with a listing due now, and whether one of them is urgent.

    Read-only ones are left out. What was set aside is due once its reason is gone, as the claim sees it too.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OWED, waiting.values(now))
        return [(row[0], row[1]) for row in cursor.fetchall()]


_URGENT = """
SELECT given.id FROM unnest(%s::bigint[]) AS given (id) WHERE EXISTS (
    SELECT 1 FROM propagation_listing l WHERE l.connection_id = given.id AND l.state = 'owed' AND l.urgent)
"""


def urgent_among(connection_ids: Collection[int]) -> frozenset[int]:
    """Return which of these connections are owed something urgent: one index probe each."""
    with connection.cursor() as cursor:
        cursor.execute(_URGENT, [sorted(connection_ids)])
        return frozenset(row[0] for row in cursor.fetchall())


@dataclass(frozen=True, slots=True)
class Bounds:
    """How old a figure of one channel may get while things go on as they are; see domain.lane.bound.

    `owed` and `urgent` are listings now; `oldest` is how long one has waited. The bounds are of what is owed
    now: a lane drains within them whatever the rate of events.
    """

    owed: int
    urgent: int
    oldest: timedelta
    every: timedelta
    soonest: timedelta


_BOUNDS = """
SELECT count(*), count(*) FILTER (WHERE urgent), min(dirty_since) FROM propagation_listing
WHERE connection_id = %(connection)s AND state = 'owed'
"""
_SERVICE = """
SELECT coalesce(extract(epoch FROM max(finished_at - at)), 0) FROM (
    SELECT a.at, a.finished_at FROM propagation_pushattempt a
    JOIN propagation_listing l ON l.id = a.listing_id
    WHERE l.connection_id = %(connection)s AND a.at >= %(since)s AND a.finished_at IS NOT NULL
    ORDER BY a.at DESC LIMIT 200
) AS lately
"""


def bounds(connection_id: int, *, now: datetime, calls_per_flight: int) -> Bounds:
    """Return the bound of each class of a channel: all that is owed, and what is urgent."""
    row = Connection.objects.get(pk=connection_id)
    capabilities = connector(row.connector).capabilities
    budget = Budget.objects.filter(connection_id=connection_id).first()
    rate = budget.rate_per_s if budget is not None and budget.rate_per_s else capabilities.calls_per_s
    with connection.cursor() as cursor:
        cursor.execute(_BOUNDS, {"connection": connection_id})
        owed, urgent, oldest = cursor.fetchone()
        cursor.execute(_SERVICE, {"connection": connection_id, "since": now - timedelta(hours=1)})
        service = timedelta(seconds=float(cursor.fetchone()[0]))
    flights = rate / calls_per_flight
    return Bounds(
        owed=owed,
        urgent=urgent,
        oldest=timedelta(0) if oldest is None else max(timedelta(0), now - oldest),
        every=lane.bound(owed, lines=capabilities.batch_lines, flights_per_s=flights, service=service),
        soonest=lane.bound(urgent, lines=capabilities.batch_lines, flights_per_s=flights, service=service),
    )
