"""Columns as array literals: what the server reads back is what was given."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from inventory_sync.domain.external import Reason
from inventory_sync.support.columns import unzip

AT = datetime(2026, 3, 1, 12, 30, 0, 250, tzinfo=UTC)


def test_no_rows_are_empty_columns():
    assert unzip([], 2) == ("{}", "{}")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", ["plain", "with, comma", "{braces}", "NULL", ""]),
        ("text", ['one "quoted"', "plain"]),
        ("text", ['"', '","', "back\\slash"]),
        ("text", ["tab\tand\nline", None, "Größe"]),
        ("text", [Reason.SALE, Reason.RETURN]),
        ("bigint", [1, -2, None]),
        ("numeric", [Decimal("1.50"), None, Decimal("-1E+3")]),
        ("timestamptz", [AT, None]),
        ("boolean", [True, False]),
    ],
)
def test_a_column_comes_back_as_it_was_given(kind: str, values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM unnest(%s::{kind}[])", unzip([(value,) for value in values], 1))
        assert [row[0] for row in cursor.fetchall()] == values
