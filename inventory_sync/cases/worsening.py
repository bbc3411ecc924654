"""Raise by themselves the cases that got worse without being seen again: who waits, and how much is at stake.

A code says how bad its failure is at first. What it cannot know is how many units hang on this one, that an
order of a customer waits for it, or that nobody has looked at it for a day. What is acknowledged or hidden is
in somebody's hands and is left, unless so much is at risk. Nothing grows milder here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db import connection

MANY_UNITS: Final = Decimal(100)
ORDER_WAITS: Final = timedelta(hours=4)
NOBODY_LOOKED: Final = timedelta(days=1)
AT_ONCE: Final = 1_000

_RAISE = """
WITH worse AS (
    SELECT c.id, CASE WHEN c.units_at_risk >= %(many)s THEN %(by_units)s
        WHEN c.order_ref <> '' AND c.created_at < %(order_since)s THEN %(by_order)s
        ELSE %(by_age)s END AS because
    FROM cases_case c
    WHERE c.state = 'open' AND c.severity <> 'urgent' AND (
        c.units_at_risk >= %(many)s
        OR c.severity = 'normal' AND c.acknowledged_at IS NULL
            AND (c.snoozed_until IS NULL OR c.snoozed_until <= %(now)s)
            AND (c.created_at < %(unseen_since)s OR c.order_ref <> '' AND c.created_at < %(order_since)s))
    ORDER BY c.code, c.subject_kind, c.subject_id LIMIT %(most)s FOR UPDATE
)
UPDATE cases_case c SET severity = 'urgent', raised_because = worse.because, snoozed_until = NULL,
    updated_at = %(now)s
FROM worse WHERE c.id = worse.id
"""


def raise_worse(*, now: datetime) -> int:
    """Make urgent what got worse; return how many. Whoever is told of urgent cases is told of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            _RAISE,
            {
                "now": now,
                "many": MANY_UNITS,
                "order_since": now - ORDER_WAITS,
                "unseen_since": now - NOBODY_LOOKED,
                "by_units": f"{MANY_UNITS} units or more are at risk",
                "by_order": f"an order has waited for {_hours(ORDER_WAITS)} hours, and nobody has seen it",
                "by_age": f"nobody has seen it for {_hours(NOBODY_LOOKED)} hours",
                "most": AT_ONCE,
            },
        )
        return cursor.rowcount


def _hours(length: timedelta) -> int:
    return int(length / timedelta(hours=1))
