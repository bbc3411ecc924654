"""Reads of what came in. Writes nothing."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from inventory_sync.intake.models import Delivery


def pending_count() -> int:
    """Return how many deliveries wait to be applied."""
    return Delivery.objects.filter(state=Delivery.State.PENDING).count()


def waiting_by_tier(now: datetime) -> list[tuple[str, int, float]]:
    """Return per tier how many deliveries wait, and for how many seconds the oldest due one does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tier, count(*), coalesce(extract(epoch FROM %s - min(run_at)"
            " FILTER (WHERE run_at <= %s)), 0)::float8 FROM intake_delivery"
            " WHERE state = 'pending' GROUP BY tier",
            [now, now],
        )
        return [(tier, int(rows), float(oldest)) for tier, rows, oldest in cursor.fetchall()]


def database_bytes() -> int:
    """Return how much room the whole database takes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def due_tiers(now: datetime) -> set[str]:
    """Return the tiers in which a delivery is due: one index probe per tier and shard, however many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT s.tier FROM intake_shard s WHERE EXISTS (SELECT 1 FROM intake_delivery d"
            " WHERE d.state = 'pending' AND d.tier = s.tier AND d.shard = s.number AND d.run_at <= %s)",
            [now],
        )
        return {row[0] for row in cursor.fetchall()}


def oldest_due(now: datetime) -> datetime | None:
    """Return since when the oldest due delivery waits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(oldest.run_at) FROM intake_shard s CROSS JOIN LATERAL (SELECT d.run_at"
            " FROM intake_delivery d WHERE d.state = 'pending' AND d.tier = s.tier AND d.shard = s.number"
            " AND d.run_at <= %s ORDER BY d.id LIMIT 1) AS oldest",
            [now],
        )
        row = cursor.fetchone()
    return row[0] if row else None
