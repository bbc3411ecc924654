"""The store of copies in memory, and a case book beside it; both roll back with their transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from inventory_sync.connections.writers import Writer
from inventory_sync.domain.commands import OrderCopy
from inventory_sync.domain.errors import FenceLost
from inventory_sync.workflows.ports import Made, Row, State
from tests.workflows.erp import Killed


class Memory:
    """See workflows.ports.CopyStore. `die` is asked at every call; a dead worker's calls change nothing."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.cases: dict[tuple[str, str], str] = {}
        self.made: list[Made] = []
        self.token = 0
        self.lease_until: datetime | None = None
        self.dead = False
        self.die = lambda: False

    def want(self, copy_id: int, copy: OrderCopy, *, now: datetime) -> None:
        """Owe what is wanted now, as following orders does."""
        row = self.rows.get(copy_id)
        if row is None:
            self.rows[copy_id] = Row(copy_id, copy, 1, run_at=now)
        elif row.copy != copy:
            state = row.state if row.state is State.GIVEN_UP else State.OWED
            self.rows[copy_id] = replace(
                row, copy=copy, version=row.version + 1, state=state, attempts=0, run_at=now
            )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._live()
        before = dict(self.rows), dict(self.cases), list(self.made)
        try:
            yield
            self._live()
        except BaseException:
            self.rows, self.cases, self.made = before
            raise
        if self.die():
            self.dead = True
            raise Killed

    def claim_writer(self, connection_id: int, *, now: datetime, until: datetime) -> Writer | None:
        self._live()
        if self.lease_until is not None and self.lease_until > now:
            return None
        self.token, self.lease_until = self.token + 1, until
        return Writer(connection_id, self.token, "orders", until)

    def renew_writer(self, writer: Writer, *, until: datetime) -> Writer:
        self._live()
        self._fenced(writer)
        self.lease_until = until
        return replace(writer, lease_until=until)

    def release_writer(self, writer: Writer) -> None:
        if not self.dead and writer.token == self.token:
            self.lease_until = None

    def due(self, connection_id: int, *, now: datetime, limit: int) -> list[Row]:
        self._live()
        found = [
            row
            for row in self.rows.values()
            if row.state is not State.GIVEN_UP
            and row.run_at is not None
            and row.run_at <= now
            and (row.not_before is None or row.not_before <= now)
        ]
        return sorted(found, key=lambda row: (row.state is not State.OWED, row.run_at, row.id))[:limit]

    def lock(self, writer: Writer, ids: Collection[int]) -> list[Row]:
        self._live()
        self._fenced(writer)
        return [self.rows[each] for each in sorted(ids)]

    def save(self, rows: Sequence[Row], *, now: datetime) -> None:
        self._live()
        for row in rows:
            kept = self.rows[row.id]
            self.rows[row.id] = replace(row, copy=kept.copy, version=kept.version)

    def record(self, connection_id: int, made: Made) -> None:
        self.made.append(made)

    def open(
        self,
        code: str,
        kind: str,
        subject: str,
        summary: str,
        *,
        connection: str,
        correlation_id: str = "",
        order: str = "",
    ) -> None:
        self.cases[code, subject] = summary

    def close(self, kind: str, subjects: Collection[str], resolution: str) -> None:
        for key in [key for key in self.cases if key[1] in subjects]:
            del self.cases[key]

    def _live(self) -> None:
        if self.dead or self.die():
            self.dead = True
            raise Killed

    def _fenced(self, writer: Writer) -> None:
        if writer.token != self.token:
            raise FenceLost("another writes")
