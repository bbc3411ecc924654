"""The small tools every part of the PostgreSQL store uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection

from inventory_sync.support.columns import unzip as unzip

_BY_INDEX = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;"
_AS_BEFORE = "RESET enable_hashjoin; RESET enable_mergejoin"


def execute(sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement in the caller's transaction and return its rows, if it has any."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description is not None else []


@contextmanager
def unanswered() -> Iterator[None]:
    """Send what the block executes without waiting for the answers, which are there when it ends.

    For writes: a read in it would find nothing yet. What fails is raised at the end of the block.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def execute_by_index(sql: str, params: Sequence[Any] = ()) -> None:
    """Run one statement that joins the rows given to a table, looking each of them up by its index.

    The planner believes that reading a whole table of some hundred thousand cached rows is cheaper than a
    thousand look-ups in it; it is several times dearer. All in one message, for this statement alone.
    """
    execute(f"{_BY_INDEX}{sql};{_AS_BEFORE}", params)
