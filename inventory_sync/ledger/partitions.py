"""Months of ledger_event and ledger_movement, made ahead of the time that needs them.

Whoever posts never makes one: rows of a month that nobody made go into the default partition, and are moved
into their month here. Months are those of UTC. Detaching old ones is an operator's act (docs/operations.md).
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.db import transaction

from inventory_sync.ledger.rows import execute

TABLES = ("ledger_event", "ledger_movement")
MONTHS_AHEAD = 3

_STRAYS = """
SELECT DISTINCT date_trunc('month', recorded_at AT TIME ZONE 'UTC')::date FROM {table}_default ORDER BY 1
"""


def make_ahead(*, now: datetime, months: int = MONTHS_AHEAD) -> int:
    """Make the partitions of this month and the next ones, and of rows that found none; return how many.

    Waits at most two seconds for a lock and fails then, rather than have everybody who posts wait behind it.
    """
    made = 0
    for table in TABLES:
        with transaction.atomic():
            execute("SET LOCAL lock_timeout = '2s'")
            wanted = _months(now, months)
            strays = [row[0] for row in execute(_STRAYS.format(table=table))]
            if strays:
                made += _move_strays(table, sorted({*wanted, *strays}))
            else:
                made += _make(table, wanted)
    return made


def partitions_of(table: str) -> list[str]:
    """Return the names of a table's partitions, oldest first, the default last."""
    return [
        row[0]
        for row in execute(
            "SELECT relid::regclass::text FROM pg_partition_tree(%s) WHERE isleaf ORDER BY 1", (table,)
        )
    ]


def _months(now: datetime, ahead: int) -> list[date]:
    first = now.astimezone(UTC)
    count = first.year * 12 + first.month - 1
    return [date((count + n) // 12, (count + n) % 12 + 1, 1) for n in range(ahead + 1)]


def _make(table: str, months: list[date]) -> int:
    sql = "SELECT count(*) FILTER (WHERE ledger_make_partition(%s, month)) FROM unnest(%s::date[]) AS month"
    return int(execute(sql, (table, months))[0][0])


def _move_strays(table: str, months: list[date]) -> int:
    """Put rows of the default partition where they belong, under a lock: it is long only if they are many."""
    execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    execute(f"ALTER TABLE {table} DETACH PARTITION {table}_default")
    made = _make(table, months)
    execute(f"INSERT INTO {table} SELECT * FROM {table}_default ORDER BY id")  # noqa: S608
    execute(f"DROP TABLE {table}_default")
    execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
    execute("SELECT ledger_guard_partition(%s)", (f"{table}_default",))
    return made
