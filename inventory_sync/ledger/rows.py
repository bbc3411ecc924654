"""The two small tools every part of the PostgreSQL store uses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection


def execute(sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement in the caller's transaction and return its rows, if it has any."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description is not None else []


def unzip(rows: Iterable[Sequence[Any]], width: int) -> tuple[list[Any], ...]:
    """Turn rows into one list per column, as unnest wants them; `width` columns even without rows."""
    columns: tuple[list[Any], ...] = tuple([] for _ in range(width))
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    return columns
