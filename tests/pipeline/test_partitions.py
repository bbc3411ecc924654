"""Months are there before they are needed, from whatever day one looks ahead."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection

from inventory_sync.pipeline.partitions import keep_partitions, months_from


@pytest.mark.parametrize("day", [1, 28, 29, 30, 31])
def test_no_month_is_left_out_whatever_the_day(day: int) -> None:
    months = months_from(datetime(2026, 12, day, 23, 59, tzinfo=UTC), 4)

    assert [(each.year, each.month) for each in months] == [(2026, 12), (2027, 1), (2027, 2), (2027, 3)]


@pytest.mark.django_db(transaction=True)
def test_a_month_whose_rows_found_no_room_does_not_keep_the_other_rooms_from_theirs() -> None:
    now = datetime(2031, 1, 31, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO availability_figurehistory (computed_at, connection_id, item_id, version,"
            " policy_version, verdict, correlation_id, terms) VALUES (%s, 1, 1, 1, 0, 'unknown', '', '[]')",
            [now],
        )
    try:
        made = keep_partitions(now=now)
        assert made["partitions"] > 0
        assert "dropped" in made
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE availability_figurehistory_rest")
            cursor.execute(
                "SELECT relname FROM pg_class WHERE relkind = 'r'"
                " AND relname ~ '^(ledger_(event|movement)|availability_figurehistory)_2031_..$'"
            )
            for (part,) in cursor.fetchall():
                cursor.execute(f"DROP TABLE {part}")
