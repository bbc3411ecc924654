"""Cursors and cases in memory: the two small stores of the simulation."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from inventory_sync.domain.errors import NotOurTurn
from inventory_sync.domain.failures import Failure
from tests.sim.stores.database import Database
from tests.sim.stores.intake import CursorRow, IntakeTables


class MemoryCursors:
    """See pipeline.ports.CursorStore."""

    def __init__(self, database: Database, tables: IntakeTables) -> None:
        self._database = database
        self._tables = tables

    def load(self, connection_id: int, stream: str) -> str:
        return self._tables.cursors.get((connection_id, stream), CursorRow()).value

    def save(
        self, connection_id: int, stream: str, value: str, *, now: datetime, done: bool, skipped: bool = False
    ) -> int:
        key = (connection_id, stream)
        row = self._tables.cursors.get(key, CursorRow())
        total = row.skipped + skipped
        row = replace(
            row,
            value=value,
            reads=row.reads + 1,
            swept_at=now if done else row.swept_at,
            skipped=0 if done else total,
        )
        self._database.put(self._tables.cursors, key, row)
        return total

    def next_reading(self) -> int:
        self._tables.readings += 1
        return self._tables.readings


@dataclass(slots=True, eq=False)
class MemoryTurn:
    """See pipeline.ports.Turn."""

    connection_id: int
    holders: dict[int, MemoryTurn]

    def held(self) -> bool:
        return self.holders.get(self.connection_id) is self


@dataclass(slots=True)
class MemoryTurns:
    """See pipeline.ports.Turns. Nobody waits: who comes second is told at once."""

    holders: dict[int, MemoryTurn] = field(default_factory=dict)

    @contextmanager
    def take(self, connection_id: int) -> Iterator[MemoryTurn]:
        if connection_id in self.holders:
            raise NotOurTurn("Another reading goes on.")
        turn = self.holders[connection_id] = MemoryTurn(connection_id, self.holders)
        try:
            yield turn
        finally:
            if turn.held():
                del self.holders[connection_id]

    def end_session(self, connection_id: int) -> None:
        """Have the holder lose its session, and with it its turn, without being told."""
        self.holders.pop(connection_id, None)


@dataclass(slots=True)
class MemoryCases:
    """See pipeline.ports.CaseBook."""

    database: Database
    open_cases: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def open(
        self,
        code: str,
        kind: str,
        subject: str,
        summary: str,
        *,
        connection: str,
        correlation_id: str = "",
        item_id: int | None = None,
        order: str = "",
        units: Decimal | None = None,
    ) -> None:
        self.database.put(self.open_cases, (kind, subject, code), summary)

    def open_all(self, failures: Collection[Failure]) -> None:
        for each in failures:
            key = (each.subject_kind, each.subject_id, each.code)
            self.database.put(self.open_cases, key, each.summary)

    def hold(self, kind: str, subjects: Collection[str], *, code: str) -> None:
        """Nobody else is at it: one transaction runs at a time."""

    def close(
        self, kind: str, subjects: Collection[str], resolution: str, *, code: str | None = None
    ) -> None:
        for key in list(self.open_cases):
            if key[0] == kind and key[1] in subjects and code in (None, key[2]):
                self.database.drop(self.open_cases, key)
