"""Whether people are told: what each route is owed, what it wrote that nobody took, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory_sync.pipeline.gauges.rows import rows

LOOKS_BACK = timedelta(days=7)

# A try that failed is only old news once a later message was taken.
_TELLING = """
SELECT r.id, r.name, coalesce(n.waiting, 0), n.due, coalesce(m.unsent, 0), m.fails
FROM cases_route r
LEFT JOIN (
    SELECT route_id, count(*) AS waiting, min(due_at) FILTER (WHERE due_at <= %(now)s) AS due
    FROM cases_notice WHERE state = 'waiting' GROUP BY route_id
) n ON n.route_id = r.id
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'waiting') AS unsent,
        min(at) FILTER (WHERE state <> 'sent' AND attempts > 0 AND at > coalesce(taken, '-infinity')) AS fails
    FROM (SELECT at, state, attempts, max(at) FILTER (WHERE state = 'sent') OVER () AS taken
        FROM cases_message WHERE route_id = r.id AND at > %(since)s AND NOT is_test) AS lately
) m ON true
WHERE r.active ORDER BY r.name
"""
_UNSETTLED = "SELECT min(at) FROM cases_happening WHERE routed_at IS NULL"


@dataclass(frozen=True, slots=True)
class Telling:
    """One route that is on. `waiting`: what it is owed, for whatever reason it waits. `due`: since when the
    oldest of it should have been written. `unsent`: messages under way. `fails`: since when nobody takes any.
    """

    id: int
    name: str
    waiting: int
    due: datetime | None
    unsent: int
    fails: datetime | None


def telling(*, now: datetime) -> tuple[Telling, ...]:
    return tuple(Telling(*row) for row in rows(_TELLING, {"now": now, "since": now - LOOKS_BACK}))


def unsettled() -> datetime | None:
    """Return when the oldest thing happened of which nobody settled whom it is owed to."""
    found: datetime | None = rows(_UNSETTLED)[0][0]
    return found
