"""Months of ledger_event and ledger_movement, made ahead of the time that needs them (support/months.py)."""

from __future__ import annotations

from datetime import datetime

from inventory_sync.support.months import Monthly, months_from

TABLES = ("ledger_event", "ledger_movement")
MONTHS_AHEAD = 3


def make_ahead(*, now: datetime, months: int = MONTHS_AHEAD) -> int:
    """Make the partitions of this month and the next ones, and of rows that found none; return how many."""
    return sum(_monthly(table).make_months(months_from(now, months + 1)) for table in TABLES)


def partitions_of(table: str) -> list[str]:
    """Return the names of a table's partitions, oldest first, the default last."""
    return _monthly(table).partitions()


def _monthly(table: str) -> Monthly:
    return Monthly(
        table=table,
        rest=f"{table}_default",
        dated_by="recorded_at",
        make=f"ledger_make_partition('{table}', month)",
        guard="ledger_guard_partition",
    )
