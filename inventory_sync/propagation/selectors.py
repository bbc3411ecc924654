"""Reads of lanes. Writes nothing."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

_OWED = """
SELECT due.connection_id, bool_or(due.urgent) FROM (
    SELECT connection_id, urgent FROM propagation_listing
    WHERE state = 'owed' AND (run_at IS NULL OR run_at <= %(now)s)
        AND (lease_until IS NULL OR lease_until <= %(now)s)
    UNION ALL
    SELECT c.id, aside.state = 'waiting' FROM connections_connection c
    CROSS JOIN LATERAL (
        SELECT l.state FROM propagation_listing l
        WHERE l.connection_id = c.id AND l.state IN ('shadow', 'waiting')
            AND ((l.state = 'shadow' AND c.writing = 'live') OR (l.state = 'waiting' AND NOT EXISTS (
                SELECT FROM propagation_writehold h WHERE h.connection_id = c.id
                    AND (h.state IN ('gathering', 'waiting')
                        OR (h.state = 'rejected' AND h.ends_at > %(now)s)))))
        LIMIT 1
    ) AS aside
) AS due JOIN connections_connection c ON c.id = due.connection_id AND c.writing <> 'read_only'
GROUP BY due.connection_id ORDER BY bool_or(due.urgent) DESC, due.connection_id
"""


def connections_owed(now: datetime) -> list[tuple[int, bool]]:
    """Return the connections with a listing due now, and whether one of them is urgent.

    Read-only ones are left out. What was set aside is due once its reason is gone, as the claim sees it too.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OWED, {"now": now})
        return [(row[0], row[1]) for row in cursor.fetchall()]
