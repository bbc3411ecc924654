"""A live check of what came in: every delivery is pending, done, parked or rejected, and means it.

Takes a span of delivery ids and returns what violates the rule there. Reads only.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from inventory_sync.domain.invariants import LISTED, Span, Violation

_FATES = """
SELECT d.id, c.code, d.topic, d.state, open_lines.number, CASE
    WHEN d.state NOT IN ('pending', 'done', 'parked', 'rejected') THEN 'that is no fate'
    WHEN d.state = 'done' AND open_lines.number > 0 THEN 'a line of it still waits for a person'
    WHEN d.state = 'parked' AND open_lines.number = 0 AND d.error_code = '' THEN 'nothing of it waits'
    WHEN d.state = 'rejected' AND d.error_code = '' THEN 'nothing says why'
    WHEN d.state <> 'pending' AND d.finished_at IS NULL THEN 'nothing says when it was finished'
    END AS wrong
FROM intake_delivery d JOIN connections_connection c ON c.id = d.connection_id
CROSS JOIN LATERAL (
    SELECT count(*) AS number FROM intake_parkedline p
    WHERE p.delivery_id = d.id AND p.resolved_at IS NULL AND d.state <> 'pending'
) AS open_lines
WHERE d.id > %(after)s AND d.id <= %(upto)s
"""
_LOOK = f"SELECT * FROM ({_FATES}) AS fates WHERE wrong IS NOT NULL ORDER BY id LIMIT %(limit)s"  # noqa: S608


def every_delivery_has_a_fate(span: Span) -> Sequence[Violation]:
    """There is no fifth fate: what was stored is yet to come, applied, refused, or waits for a person."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, {"after": span.after, "upto": span.upto, "limit": LISTED})
        rows = cursor.fetchall()
    return [
        Violation(
            f"delivery {number}",
            f"Delivery {number} ({code}, {topic}) is {state} with {lines} open lines: {wrong}.",
            "a fate",
            state,
        )
        for number, code, topic, state, lines, wrong in rows
    ]
