"""Tables of one side: kept as they are at the opening, brought back before every pair, compared by digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from psycopg import sql

KEPT = "bench_opening"

# Every table that is not a partition of another: emptying the parent empties its partitions.
NAMES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""


class Tables:
    """The tables whose names begin with one of `rooms`. `connection` is Django's."""

    def __init__(self, connection: Any, rooms: Sequence[str], left_alone: Sequence[str] = ()) -> None:
        self._connection = connection
        self._rooms, self._left_alone = tuple(rooms), frozenset(left_alone)

    def keep(self) -> None:
        """Remember what the tables hold now."""
        with self._connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {KEPT} CASCADE")
            cursor.execute(f"CREATE SCHEMA {KEPT}")
            for name in self._names(cursor):
                cursor.execute(_say("SELECT EXISTS (SELECT FROM {table})", name))
                if cursor.fetchone()[0]:
                    cursor.execute(_say("CREATE TABLE {kept} AS TABLE {table}", name))

    def reset(self) -> None:
        """Bring the tables back, their dead rows and statistics too."""
        with self._connection.cursor() as cursor:
            names = self._names(cursor)
            cursor.execute(f"SELECT relname FROM pg_class WHERE relnamespace = '{KEPT}'::regnamespace")
            kept = {row[0] for row in cursor.fetchall()}
            cursor.execute("SET session_replication_role = replica")
            every = sql.SQL(", ").join(sql.Identifier(name) for name in names)
            cursor.execute(sql.SQL("TRUNCATE {}").format(every))
            for name in names:
                if name in kept:
                    cursor.execute(_say("INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE {kept}", name))
            cursor.execute("RESET session_replication_role")
            cursor.execute(sql.SQL("VACUUM ANALYZE {}").format(every))

    def _names(self, cursor: Any) -> list[str]:
        cursor.execute(NAMES)
        names = [row[0] for row in cursor.fetchall()]
        return [name for name in names if name.startswith(self._rooms) and name not in self._left_alone]


def _say(statement: str, name: str) -> sql.Composed:
    return sql.SQL(statement).format(table=sql.Identifier(name), kept=sql.Identifier(KEPT, name))


def digest(rows: Iterable[Sequence[str]]) -> dict[str, Any]:
    """Return what tells two sets of rows apart: their number, a hash, and a few to show. Numbers by value."""
    lines = sorted(" ".join(_plain(value) for value in row) for row in rows)
    return {
        "rows": len(lines),
        "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        "some": lines[:3],
    }


def _plain(value: str) -> str:
    """Write 5.000000 as 5; names stay."""
    head = value.lstrip("-")
    if not head.replace(".", "", 1).isdigit():
        return value
    return f"{Decimal(value).normalize():f}"
