"""Months of the history of figures, made ahead of the time that needs them.

Whoever computes never makes one: rows of a month that nobody made go into the default partition, and are
moved into their month here. Months are those of UTC. Detaching old ones is an operator's act
(docs/operations.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

from django.db import connection, transaction

TABLE = "availability_figurehistory"
REST = f"{TABLE}_rest"

_STRAYS = f"SELECT DISTINCT date_trunc('month', computed_at AT TIME ZONE 'UTC')::date FROM {REST}"  # noqa: S608
_MAKE = "SELECT count(*) FILTER (WHERE availability_make_part(month)) FROM unnest(%s::date[]) AS month"
_MOVE = f"""
INSERT INTO {TABLE} SELECT * FROM {REST} ORDER BY id;
DROP TABLE {REST};
CREATE TABLE {REST} PARTITION OF {TABLE} DEFAULT;
SELECT availability_guard_part('{REST}')
"""  # noqa: S608


def make_months(moments: Iterable[datetime]) -> int:
    """Make the partitions for the months of these moments, and of rows that found none; return how many.

    Waits at most two seconds for a lock and fails then, rather than have all who compute wait behind it.
    """
    months = {date(moment.year, moment.month, 1) for moment in (each.astimezone(UTC) for each in moments)}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        cursor.execute(_STRAYS)
        strays = {month for (month,) in cursor.fetchall()}
        if strays:  # a month cannot be attached while its rows lie in the default partition
            cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
            cursor.execute(f"ALTER TABLE {TABLE} DETACH PARTITION {REST}")
        cursor.execute(_MAKE, [sorted(months | strays)])
        made = int(cursor.fetchone()[0])
        if strays:
            cursor.execute(_MOVE)
        cursor.execute("SET LOCAL lock_timeout = DEFAULT")
    return made
