"""The twin's tables: rows by model and id, indexes over them, and transactions that can be undone.

A row is never changed in place: writing puts a new one, so a row once handed out stays as it was read.
Knows nothing of hooks, rights or the wire.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from connectors.base.twinkit import Books, Doc
from connectors.odoo.twin_model import MODELS

Key = tuple[str, int]


class Store:
    """Every table of one database. One lock: a call is one transaction, and they run one by one."""

    def __init__(self, version: int, books: Books | None = None) -> None:
        self.version, self.books = version, books or Books()
        self.lock = threading.RLock()
        self.tables: dict[str, dict[int, Doc]] = defaultdict(dict)
        self.index: dict[tuple[str, str], dict[Any, set[int]]] = defaultdict(lambda: defaultdict(set))
        self.locked: set[Key] = set()
        """Rows that transactions not yet committed have written."""
        self._indexed: dict[str, list[str]] = {}
        self._last: dict[str, int] = defaultdict(int)
        for model in MODELS:
            for row in self.books.all(model):
                self.put(model, int(row["id"]), row)
        for name, doc in self.books.table("sequence").items():
            self._last[name] = int(doc["last"])

    def get(self, model: str, number: int) -> Doc | None:
        return self.tables[model].get(number)

    def put(self, model: str, number: int, row: Doc | None) -> Doc | None:
        """Put a row, or take it away with None; return the one that was there."""
        table = self.tables[model]
        old = table.get(number)
        for name in self._indexes(model):
            before, after = (old or {}).get(name), (row or {}).get(name)
            if old is not None and row is not None and before == after:
                continue
            index = self.index[(model, name)]
            for value in _values(before) if old is not None else ():
                index[value].discard(number)
            for value in _values(after) if row is not None else ():
                index[value].add(number)
        if row is None:
            table.pop(number, None)
        else:
            table[number] = row
            self._last[model] = max(self._last[model], number)
        return old

    def next_number(self, sequence: str) -> int:
        """Return the next number of a model or a named sequence; a rollback does not give it back."""
        self._last[sequence] += 1
        self.books.put("sequence", sequence, {"last": self._last[sequence]})
        return self._last[sequence]

    def keep(self, keys: Iterator[Key] | list[Key]) -> None:
        """Write committed rows to the books."""
        with self.books.transaction():
            for model, number in keys:
                row = self.get(model, number)
                if row is None:
                    self.books.drop(model, number)
                else:
                    self.books.put(model, number, row)

    def _indexes(self, model: str) -> list[str]:
        found = self._indexed.get(model)
        if found is None:
            fields = MODELS[model].fields if model in MODELS else {}
            found = [name for name, one in fields.items() if one.is_indexed and self.version in one.versions]
            self._indexed[model] = found
        return found


class Transaction:
    """What one call has changed so far, and how to take it back."""

    def __init__(self, store: Store, now: datetime) -> None:
        self.store, self.now = store, now
        self.undo: dict[Key, Doc | None] = {}
        self._outer: list[dict[Key, Doc | None]] = []  # what was changed before each open savepoint
        self.after_commit: list[Callable[[], None]] = []
        self.after_rollback: list[Callable[[], None]] = []

    def put(self, model: str, number: int, row: Doc | None) -> None:
        old = self.store.put(model, number, row)
        self.undo.setdefault((model, number), old)

    def before(self, model: str, number: int) -> Doc | None:
        """Return the row as it was when the transaction began."""
        key = (model, number)
        for layer in (*self._outer, self.undo):
            if key in layer:
                return layer[key]
        return self.store.get(model, number)

    def changes(self) -> dict[Key, Doc | None]:
        return {key: self.store.get(*key) for key in self.undo}

    def all_before(self) -> dict[Key, Doc | None]:
        """Return every row this transaction changed, as it was when it began."""
        found: dict[Key, Doc | None] = {}
        for layer in (*self._outer, self.undo):
            for key, row in layer.items():
                found.setdefault(key, row)
        return found

    def forget(self) -> None:
        """Leave the tables as they are now: somebody has already taken back what was done."""
        for layer in (*self._outer, self.undo):
            layer.clear()

    def rollback(self) -> None:
        for (model, number), row in reversed(self.undo.items()):
            self.store.put(model, number, row)
        self.undo.clear()
        self.after_commit.clear()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Take back what the block did if it raises."""
        waiting = list(self.after_commit)
        self._outer.append(self.undo)
        self.undo = {}
        try:
            yield
        except BaseException:
            for (model, number), row in reversed(self.undo.items()):
                self.store.put(model, number, row)
            self.undo, self.after_commit = self._outer.pop(), waiting
            raise
        inner, self.undo = self.undo, self._outer.pop()
        for key, row in inner.items():
            self.undo.setdefault(key, row)


def _values(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
