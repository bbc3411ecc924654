"""Rows of a query, for the other modules of this folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection


def rows(query: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()
