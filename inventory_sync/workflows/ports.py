"""What working off copies of orders needs of its store. PostgreSQL in production, memory in the tests.

A copy's row is written by two hands: following orders sets what is wanted, the writer everything else. Each
locks the row first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from inventory_sync.connections.writers import Writer
from inventory_sync.domain.commands import CopySeen, OrderCopy
from inventory_sync.domain.ports import Exchange


class State(StrEnum):
    """SETTLED: the target was read to have what is wanted. REFUSED waits for a person or a new version."""

    OWED = "owed"
    SETTLED = "settled"
    REFUSED = "refused"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Row:
    """One copy as it is worked on; `copy` is what is wanted, in version `version`.

    known: a reading has shown it at the target. may_revive: the hub cancelled it, or a person wants it again.
    not_before: a call may still land until then, so nothing is written. attempts: steps since it was last as
    wanted. failures: calls in a row that came to nothing. run_at: when it is due, None for never.
    """

    id: int
    copy: OrderCopy
    version: int
    done_version: int = 0
    state: State = State.OWED
    seen: CopySeen | None = None
    known: bool = False
    may_revive: bool = False
    step: str = ""
    attempts: int = 0
    failures: int = 0
    run_at: datetime | None = None
    not_before: datetime | None = None
    error_code: str = ""
    error_detail: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one step did for one copy, for people to read."""

    copy_id: int
    version: int
    step: str
    outcome: str
    started_at: datetime
    finished_at: datetime
    error_code: str = ""
    error_detail: str = ""
    document: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """The attempts of one call and the call's own requests and answers."""

    attempts: Sequence[Attempt]
    exchanges: Sequence[Exchange] = field(default=())


class CopyStore(Protocol):
    def transaction(self) -> AbstractContextManager[None]:
        """Commit at the end, or roll back on any exception."""

    def claim_writer(self, connection_id: int, *, now: datetime, until: datetime) -> Writer | None:
        """Return the right to write, or None while somebody else writes; own transaction."""

    def renew_writer(self, writer: Writer, *, until: datetime) -> Writer:
        """Raises FenceLost; own transaction."""

    def release_writer(self, writer: Writer) -> None: ...

    def due(self, connection_id: int, *, now: datetime, limit: int) -> list[Row]:
        """Return the copies that are due and that no call under way may change: owed ones, the oldest first,
        then settled ones it is time to read again. Locks nothing."""

    def lock(self, writer: Writer, ids: Collection[int]) -> list[Row]:
        """Lock these rows in id order and return them as they are now. Raises FenceLost."""

    def save(self, rows: Sequence[Row], *, now: datetime) -> None:
        """Write locked rows back; what is wanted is left as it is."""

    def record(self, connection_id: int, made: Made) -> None:
        """Keep what was done, for the history."""


class CaseBook(Protocol):
    """Where failures someone must own are written; inside the caller's transaction."""

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
    ) -> None: ...

    def close(self, kind: str, subjects: Collection[str], resolution: str) -> None: ...
