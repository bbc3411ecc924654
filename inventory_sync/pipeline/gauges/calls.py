"""Whether each connection is called and answers, and how its budget of calls is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from inventory_sync.pipeline.gauges.rows import rows

_CALLS = """
SELECT c.id, c.code, c.label, c.state, c.writing, coalesce(k.phase, 'closed'), k.since,
    coalesce(k.openings, 0), least(b.burst, b.tokens + b.rate_per_s * b.eased
        * greatest(0, extract(epoch FROM %(now)s - b.refilled_at)))::float8,
    b.burst, b.rate_per_s * b.eased, b.eased, coalesce(b.calls, 0), coalesce(b.refusals, 0), b.waits_since
FROM connections_connection c
LEFT JOIN connections_breaker k ON k.connection_id = c.id
LEFT JOIN connections_budget b ON b.connection_id = c.id
ORDER BY c.code
"""


@dataclass(frozen=True, slots=True)
class Calls:
    """One connection. `calls` and `refusals` count since the beginning; without a budget the floats are None.

    `eased` is the share of the vendor's rate that is used after it found us too fast.
    """

    id: int
    code: str
    label: str
    state: str
    writing: str
    breaker: str
    breaker_since: datetime | None
    openings: int
    tokens: float | None
    burst: float | None
    rate_per_s: float | None
    eased: float | None
    calls: int
    refusals: int
    waits_since: datetime | None


def calls(*, now: datetime) -> tuple[Calls, ...]:
    return tuple(Calls(*row) for row in rows(_CALLS, {"now": now}))
