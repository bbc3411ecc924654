"""Cursors and cases in memory: the two small stores of the simulation."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from tests.sim.stores.database import Database
from tests.sim.stores.intake import CursorRow, IntakeTables


class MemoryCursors:
    """See pipeline.ports.CursorStore."""

    def __init__(self, database: Database, tables: IntakeTables) -> None:
        self._database = database
        self._tables = tables
        self._readings = 0

    def load(self, connection_id: int, stream: str) -> str:
        return self._tables.cursors.get((connection_id, stream), CursorRow()).value

    def save(self, connection_id: int, stream: str, value: str, *, now: datetime, done: bool) -> None:
        key = (connection_id, stream)
        row = self._tables.cursors.get(key, CursorRow())
        row = replace(row, value=value, reads=row.reads + 1, swept_at=now if done else row.swept_at)
        self._database.put(self._tables.cursors, key, row)

    def next_reading(self) -> int:
        """Like a sequence of PostgreSQL: a number is never given twice, whatever rolls back."""
        self._readings += 1
        return self._readings


@dataclass(slots=True)
class MemoryCases:
    """See pipeline.ports.CaseBook."""

    database: Database
    open_cases: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def open(
        self, code: str, kind: str, subject: str, summary: str, *, connection: str, correlation_id: str = ""
    ) -> None:
        self.database.put(self.open_cases, (kind, subject, code), summary)

    def close(self, kind: str, subjects: Collection[str], resolution: str) -> None:
        for key in [key for key in self.open_cases if key[0] == kind and key[1] in subjects]:
            self.database.drop(self.open_cases, key)
