"""Months of the history of figures, made ahead of the time that needs them (support/months.py)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from inventory_sync.support.months import Monthly

HISTORY = Monthly(
    table="availability_figurehistory",
    rest="availability_figurehistory_rest",
    dated_by="computed_at",
    make="availability_make_part(month)",
    guard="availability_guard_part",
)


def make_months(moments: Iterable[datetime]) -> int:
    """Make the partitions for the months of these moments, and of rows that found none; return how many."""
    return HISTORY.make_months(moments)
