"""A connection that keeps its plans: what it sends is prepared once, and planned anew as the tables grow."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from inventory_sync.support.lookups import keep_plans

ASKED = "SELECT count(*) FROM kept WHERE number = %s AND word = %s"


@pytest.fixture
def own_connection(transactional_db: None) -> Any:
    """This thread's connection, which is thrown away afterwards: other tests want it as it was."""
    yield connection
    connection.close()


def rows(sql: str, *params: int | str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def make_table() -> None:
    """A table with two indexes, between which only its rows decide."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE kept (number int, word text)")
        cursor.execute("CREATE INDEX by_number ON kept (number)")
        cursor.execute("CREATE INDEX by_word ON kept (word)")


def prepared() -> list[tuple[Any, ...]]:
    return rows(
        "SELECT name, generic_plans FROM pg_prepared_statements WHERE starts_with(statement, %s)",
        "SELECT count(*) FROM kept",
    )


@pytest.mark.usefixtures("own_connection")
def test_a_statement_is_prepared_once_and_carried_out_by_one_plan():
    keep_plans()
    make_table()

    for number in range(4):
        assert rows(ASKED, number, "a") == [(0,)]

    assert [plans for _, plans in prepared()] == [4]


@pytest.mark.usefixtures("own_connection")
def test_plans_are_kept_until_they_are_asked_for_anew():
    keep_plans()
    make_table()
    rows(ASKED, 1, "a")
    ((name, _),) = prepared()
    first = plan(name)

    with connection.cursor() as cursor:  # stands for tables that have grown: another plan is better now
        cursor.execute("SET enable_bitmapscan = off")
    assert plan(name) == first
    keep_plans()
    assert plan(name) != first


def plan(name: str) -> str:
    return "\n".join(line for (line,) in rows(f"EXPLAIN EXECUTE {name} (1, 'a')"))


@pytest.mark.usefixtures("own_connection")
def test_an_empty_table_is_not_read_whole():
    make_table()
    joined = "EXPLAIN SELECT * FROM kept a JOIN kept b ON b.word = a.word WHERE a.number = 1"
    before = "\n".join(line for (line,) in rows(joined))

    keep_plans()
    after = "\n".join(line for (line,) in rows(joined))

    assert "Seq Scan" not in after, before
    assert "Hash Join" not in after
    assert "Merge Join" not in after
