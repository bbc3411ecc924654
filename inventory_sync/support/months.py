"""Tables that are parted by months of UTC: their months are made ahead of the time that needs them.

Whoever writes never makes one: rows of a month that nobody made go into the default partition, and are moved
into their month here. How a partition is made and guarded each room says itself, in functions of its
migrations. Detaching old months is an operator's act (docs/operations.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db import connection, transaction


@dataclass(frozen=True, slots=True)
class Monthly:
    """One table. rest: its default partition. dated_by: the column that says whose month a row is of.

    make: the call that makes the partition of `month`, true if there was none; guard: the function that puts
    the triggers of the table on a partition.
    """

    table: str
    rest: str
    dated_by: str
    make: str
    guard: str

    def make_months(self, moments: Iterable[datetime]) -> int:
        """Make the partitions for the months of these moments, and of rows that found none; return how many.

        Waits at most two seconds for a lock and fails then, rather than have all who write wait behind it.
        The table is locked as long as strays are moved: long only if they are many.
        """
        months = {date(moment.year, moment.month, 1) for moment in (each.astimezone(UTC) for each in moments)}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            month_of = f"date_trunc('month', {self.dated_by} AT TIME ZONE 'UTC')::date"
            cursor.execute(f"SELECT DISTINCT {month_of} FROM {self.rest}")  # noqa: S608
            strays = {month for (month,) in cursor.fetchall()}
            if strays:  # a month cannot be attached while its rows lie in the default partition
                cursor.execute(f"LOCK TABLE {self.table} IN ACCESS EXCLUSIVE MODE")
                cursor.execute(f"ALTER TABLE {self.table} DETACH PARTITION {self.rest}")
            cursor.execute(
                f"SELECT count(*) FILTER (WHERE {self.make}) FROM unnest(%s::date[]) AS month",  # noqa: S608
                [sorted(months | strays)],
            )
            made = int(cursor.fetchone()[0])
            if strays:
                cursor.execute(f"INSERT INTO {self.table} SELECT * FROM {self.rest} ORDER BY id")  # noqa: S608
                cursor.execute(f"DROP TABLE {self.rest}")
                cursor.execute(f"CREATE TABLE {self.rest} PARTITION OF {self.table} DEFAULT")
                cursor.execute(f"SELECT {self.guard}(%s)", [self.rest])
            cursor.execute("SET LOCAL lock_timeout = DEFAULT")
        return made

    def partitions(self) -> list[str]:
        """Return the names of its partitions, oldest first, the default last."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT relid::regclass::text FROM pg_partition_tree(%s) WHERE isleaf ORDER BY 1",
                [self.table],
            )
            return [row[0] for row in cursor.fetchall()]


def months_from(now: datetime, count: int) -> list[datetime]:
    """Return a moment in this month and in each of the next: no step of days meets every February."""
    first = now.astimezone(UTC).replace(day=1)
    months = first.year * 12 + first.month - 1
    return [first.replace(year=(months + nth) // 12, month=(months + nth) % 12 + 1) for nth in range(count)]
