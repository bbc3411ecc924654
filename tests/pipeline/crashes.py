"""Death at any boundary: before or after a commit, before or after a call to another system.

A dead process neither commits nor cleans up: from the crash on, no statement of it reaches the database until
`reborn`. Boundaries are numbered as they are passed, so that a test may die at each of them in turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from connectors.base.http import HttpClient


class Killed(BaseException):
    """The process is gone. No `except Exception` survives it."""


class Reaper:
    """Counts boundaries and kills at the one it is told; 0 never kills."""

    def __init__(self) -> None:
        self.at = 0
        self.passed = 0
        self.died: Counter[str] = Counter()
        self._dead = False

    def boundary(self, where: str) -> None:
        self.passed += 1
        if self.passed == self.at:
            self._dead = True
            self.died[where] += 1
            raise Killed(where)

    def statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """Stand between a dead process and its database."""
        if self._dead:
            raise Killed("a dead process asks the database")
        return execute(sql, params, many, context)

    @property
    def deaths(self) -> int:
        return self.died.total()

    @property
    def killed(self) -> bool:
        return self._dead

    def reborn(self) -> None:
        """Let another process take over; the sessions of the dead one are gone."""
        connection.close()
        self._dead = False


@contextmanager
def mortal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reaper]:
    """Make this process die where the reaper says; committing and calling are its boundaries."""
    reaper = Reaper()
    leave, call = transaction.Atomic.__exit__, HttpClient.call

    def leaving(atomic: transaction.Atomic, kind: Any, error: Any, trace: Any) -> None:
        outermost = not connection.in_atomic_block or len(connection.atomic_blocks) == 1
        if kind is not None or not outermost or reaper.killed:
            leave(atomic, kind, error, trace)
            return
        try:
            reaper.boundary("before a commit")
        except Killed as killed:
            leave(atomic, Killed, killed, None)
            raise
        leave(atomic, None, None, None)
        reaper.boundary("after a commit")

    def calling(client: HttpClient, method: str, path: str, *more: Any, **named: Any) -> Any:
        reaper.boundary(f"before {method} {path}")
        answer = call(client, method, path, *more, **named)
        reaper.boundary(f"after {method} {path}")
        return answer

    with monkeypatch.context() as patch, connection.execute_wrapper(reaper.statement):
        patch.setattr(transaction.Atomic, "__exit__", leaving)
        patch.setattr(HttpClient, "call", calling)
        yield reaper
