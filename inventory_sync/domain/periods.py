"""Accounting periods: which one a moment belongs to, and where what comes late is posted.

A period is a month of UTC. What happened in a closed one is either posted in the next open period, keeping
its own time, or waits for a person; stock itself does not depend on periods.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache


class LatePolicy(StrEnum):
    """What becomes of a movement that happened in a closed period."""

    POST = "post"  # in the first open period after it
    PARK = "park"  # until the period is opened again


def period_of(moment: datetime) -> str:
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return _named(utc.year, utc.month)


@lru_cache(maxsize=1024)
def _named(year: int, month: int) -> str:
    return f"{year:04}-{month:02}"


def next_period(period: str) -> str:
    year, month = int(period[:4]), int(period[5:])
    return f"{year + month // 12:04}-{month % 12 + 1:02}"


def posting_period(period: str, closed: Collection[str]) -> str:
    """Return the period itself while it is open, else the first open one after it."""
    while period in closed:
        period = next_period(period)
    return period
