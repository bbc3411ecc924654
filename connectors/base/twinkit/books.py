"""The books of a twin: named tables of JSON documents, kept in memory and in SQLite.

Every change made inside `transaction()` is on disk before it ends, so kill -9 loses nothing that
was answered. Without a path the books live in memory only. Knows nothing of what it stores.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Doc = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS doc (tab TEXT, k TEXT, body TEXT NOT NULL, PRIMARY KEY (tab, k)) WITHOUT ROWID
"""


class Books:
    """Tables of documents under one lock; whoever changes a document says `put`."""

    def __init__(self, path: Path | None = None) -> None:
        self.lock = threading.RLock()
        self._depth = 0
        self._tables: dict[str, dict[str, Doc]] = defaultdict(dict)
        self._dirty: dict[tuple[str, str], Doc | None] = {}
        self._disk: sqlite3.Connection | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._disk = sqlite3.connect(path, check_same_thread=False, timeout=10)
            self._disk.execute("PRAGMA journal_mode=WAL")
            self._disk.execute("PRAGMA synchronous=NORMAL")
            self._disk.execute(_SCHEMA)
            self._disk.commit()
            in_order = "SELECT tab, k, body FROM doc ORDER BY tab, length(k), k"  # numbers as they were given
            for tab, key, body in self._disk.execute(in_order):
                self._tables[tab][key] = json.loads(body)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock; write what was put to disk when the outermost block ends."""
        with self.lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._flush()

    def table(self, tab: str) -> dict[str, Doc]:
        return self._tables[tab]

    def get(self, tab: str, key: int | str) -> Doc | None:
        return self._tables[tab].get(str(key))

    def all(self, tab: str) -> list[Doc]:
        return list(self._tables[tab].values())

    def put(self, tab: str, key: int | str, doc: Doc) -> None:
        self._tables[tab][str(key)] = doc
        self._dirty[(tab, str(key))] = doc

    def drop(self, tab: str, key: int | str) -> None:
        self._tables[tab].pop(str(key), None)
        self._dirty[(tab, str(key))] = None

    def next_number(self, sequence: str, *, start: int = 1) -> int:
        """Return the next number of a named sequence; never the same one twice, crash or not."""
        doc = self._tables["sequence"].get(sequence)
        number = max(start, int(doc["next"])) if doc else start
        self.put("sequence", sequence, {"next": number + 1})
        return number

    def close(self) -> None:
        with self.lock:
            self._flush()
            if self._disk is not None:
                self._disk.close()
                self._disk = None

    def _flush(self) -> None:
        if not self._dirty:
            return
        if self._disk is not None:
            rows = [(tab, key, json.dumps(doc)) for (tab, key), doc in self._dirty.items() if doc is not None]
            gone = [(tab, key) for (tab, key), doc in self._dirty.items() if doc is None]
            self._disk.executemany("INSERT OR REPLACE INTO doc VALUES (?, ?, ?)", rows)
            self._disk.executemany("DELETE FROM doc WHERE tab = ? AND k = ?", gone)
            self._disk.commit()
        self._dirty.clear()
