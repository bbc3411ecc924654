"""Reads of lanes. Writes nothing."""

from __future__ import annotations

from datetime import datetime

from django.db import connection


def connections_owed(now: datetime) -> list[tuple[int, bool]]:
    """Return the connections with a listing due now, and whether one of them is urgent."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT connection_id, bool_or(urgent) FROM propagation_listing"
            " WHERE state = 'owed' AND (run_at IS NULL OR run_at <= %s)"
            " AND (lease_until IS NULL OR lease_until <= %s)"
            " GROUP BY connection_id ORDER BY bool_or(urgent) DESC, connection_id",
            [now, now],
        )
        return [(row[0], row[1]) for row in cursor.fetchall()]
