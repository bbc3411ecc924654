"""A database in memory: tables are dicts of immutable rows, and a transaction can be taken back.

One transaction runs at a time and nothing else runs inside it, so locks are only sorting. What a store
changes it changes through `put` and `drop`; stores that keep their state otherwise join the transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class DatabaseLost(Exception):
    """The connection broke: the caller cannot know whether its transaction was committed."""


class Member(Protocol):
    """A store with a state of its own that takes part in transactions."""

    def begin(self) -> None: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...


class Database:
    def __init__(self) -> None:
        self.members: list[Member] = []
        self.on_commit: list[Callable[[], None]] = []
        self._journal: list[Callable[[], None]] | None = None

    @property
    def in_transaction(self) -> bool:
        return self._journal is not None

    @contextmanager
    def transaction(self, *, refuse: bool = False) -> Iterator[None]:
        """Commit at the end, or take everything back: on any exception, and if the commit is refused."""
        assert self._journal is None, "a transaction inside a transaction"
        self._journal = []
        for member in self.members:
            member.begin()
        try:
            yield
            if refuse:
                raise DatabaseLost("The connection broke before the commit.")
        except BaseException:
            journal, self._journal = self._journal, None
            for undo in reversed(journal):
                undo()
            for member in self.members:
                member.rollback()
            raise
        self._journal = None
        for member in self.members:
            member.commit()
        for tell in self.on_commit:
            tell()

    def put(self, table: MutableMapping[K, V], key: K, row: V) -> None:
        self._note(table, key)
        table[key] = row

    def drop(self, table: MutableMapping[K, Any], key: K) -> None:
        self._note(table, key)
        del table[key]

    def _note(self, table: MutableMapping[K, V], key: K) -> None:
        assert self._journal is not None, "a write outside of a transaction"
        if key in table:
            before = table[key]
            self._journal.append(lambda: table.__setitem__(key, before))
        else:
            self._journal.append(lambda: table.__delitem__(key))
