"""The small tools every part of the PostgreSQL store uses."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection

from inventory_sync.support.columns import unzip as unzip

_BY_INDEX = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;"
_AS_BEFORE = "RESET enable_hashjoin; RESET enable_mergejoin"


class _Unsent(threading.local):
    """Statements of this thread's transaction that are still to be sent; None: each is sent at once."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, Sequence[Any]]] | None = None


_unsent = _Unsent()


@contextmanager
def in_one_message() -> Iterator[None]:
    """Send the statements noted in this block together at its end: one trip to the server instead of many.

    They run in their order, each with a snapshot of its own, and before any statement that is executed.
    """
    outer = _unsent.statements
    if outer is not None:
        yield
        return
    _unsent.statements = []
    try:
        yield
        _send()
    finally:
        _unsent.statements = None


def note(sql: str, params: Sequence[Any] = ()) -> None:
    """Run a statement that returns nothing, now or with others at the end of in_one_message()."""
    if _unsent.statements is None:
        execute(sql, params)
    else:
        _unsent.statements.append((sql, params))


def _send() -> None:
    if not (statements := _unsent.statements):
        return
    _unsent.statements = []
    with connection.cursor() as cursor:
        cursor.execute(
            ";".join(sql for sql, _ in statements), [each for _, params in statements for each in params]
        )


def execute(sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement in the caller's transaction and return its rows, if it has any."""
    _send()
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description is not None else []


def execute_by_index(sql: str, params: Sequence[Any] = ()) -> None:
    """Run one statement that joins the rows given to a table, looking each of them up by its index.

    The planner believes that reading a whole table of some hundred thousand cached rows is cheaper than a
    thousand look-ups in it; it is several times dearer. All in one message, for this statement alone.
    """
    execute(f"{_BY_INDEX}{sql};{_AS_BEFORE}", params)
