"""A past for the ledger, made by SQL in seconds: twelve months of sales of every item at one place.

Each row of the past is a movement with its event and its key, spread evenly over the months before this one.
A month is filled as a table of its own and attached, so its indexes are built at once from sorted rows.
Levels are left alone: what one more event costs does not depend on them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

MONTHS = 12
_EXISTS = "SELECT to_regclass(%s) IS NOT NULL"
_ITEMS = "SELECT min(id), count(*) FROM catalog_item WHERE kind = 'stocked'"
_NAMES = "SELECT code, id FROM catalog_location"
_EVENT = """
INSERT INTO {table} (id, recorded_at, connection_id, item_id, location_id, occurred_at, delivery_id, sequence,
    revision, effective, kind, quantity, key, reason, reference, correlation_id)
SELECT n, %(at)s + (n - %(first)s) * %(step)s, %(connection)s, %(items)s + (n * 7919) %% %(count)s,
    %(place)s, %(at)s + (n - %(first)s) * %(step)s, n, n, 0, true, 'delta', -1,
    'H-' || lpad(n::text, 12, '0'), 'sale', 'receipt/H-' || n / 3, 'past-' || n
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""
_MOVEMENT = """
INSERT INTO {table} (id, recorded_at, event_id, item_id, source_id, destination_id, occurred_at, quantity,
    kind, period, reference, correlation_id)
SELECT n, %(at)s + (n - %(first)s) * %(step)s, n, %(items)s + (n * 7919) %% %(count)s,
    %(place)s, %(customer)s, %(at)s + (n - %(first)s) * %(step)s, 1, 'sale',
    %(period)s, 'receipt/H-' || n / 3, 'past-' || n
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""
_KEY = """
INSERT INTO ledger_eventkey (connection_id, key, revision, event_id, recorded_at)
SELECT %(connection)s, 'H-' || lpad(n::text, 12, '0'), 0, n, %(at)s + (n - %(first)s) * %(step)s
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""


PARTED = {"ledger_event": _EVENT, "ledger_movement": _MOVEMENT}


def fill(connection: Any, rows: int, *, till: int, place: str, now: datetime) -> None:
    """Give the ledger `rows` movements of the twelve months before `now`. `connection` is Django's.

    Events are written by one thread, movements and keys by another, each over a connection of its own.
    """
    with ThreadPoolExecutor(2) as pool:
        parts = [("ledger_event",), ("ledger_movement", "ledger_eventkey")]
        for part in [
            pool.submit(_fill, connection, tables, rows, till=till, place=place, now=now) for tables in parts
        ]:
            part.result()


def _fill(
    connection: Any, tables: tuple[str, ...], rows: int, *, till: int, place: str, now: datetime
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '1GB'")
        cursor.execute(_ITEMS)
        first_item, items = cursor.fetchone()
        cursor.execute(_NAMES)
        places = dict(cursor.fetchall())
        months = _months_before(now)
        each = rows // len(months)
        for nth, (begins, ends) in enumerate(months):
            values = {
                "first": nth * each + 1,
                "last": (nth + 1) * each,
                "at": begins,
                "step": (ends - begins) / (each + 1),
                "period": f"{begins:%Y-%m}",
                "connection": till,
                "items": first_item,
                "count": items,
                "place": places[place],
                "customer": places["V-CUSTOMER"],
            }
            for table in tables:
                if table in PARTED:
                    _fill_month(cursor, table, PARTED[table], begins, ends, values)
                else:
                    cursor.execute(_KEY, values)
        for table in tables:
            if table in PARTED:
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence(%s, 'id'), (SELECT max(id) FROM {table}))", [table]
                )
            cursor.execute(f"VACUUM ANALYZE {table}")
    connection.close()


def _fill_month(
    cursor: Any, parent: str, statement: str, begins: datetime, ends: datetime, values: dict[str, Any]
) -> None:
    month = f"{parent}_{begins:%Y_%m}"
    cursor.execute(_EXISTS, [month])
    if cursor.fetchone()[0]:
        cursor.execute(statement.format(table=parent), values)
        return
    cursor.execute(f"CREATE TABLE {month} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    cursor.execute(statement.format(table=month), values)
    cursor.execute(
        f"ALTER TABLE {parent} ATTACH PARTITION {month} FOR VALUES FROM (%s) TO (%s)", [begins, ends]
    )


def _months_before(now: datetime) -> list[tuple[datetime, datetime]]:
    this = now.astimezone(UTC)
    count = this.year * 12 + this.month - 1
    starts = [date((count - back) // 12, (count - back) % 12 + 1, 1) for back in range(MONTHS, -1, -1)]
    moments = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in starts]
    return list(pairwise(moments))
