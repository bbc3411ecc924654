"""Everything the steps are given: stores, connectors, clock and limits, as one argument.

wiring.py fills it for production, tests/sim with an in-memory world.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from inventory_sync.availability.ports import AvailabilityStore
from inventory_sync.catalog.resolve import CatalogReader
from inventory_sync.domain.periods import LatePolicy
from inventory_sync.domain.ports import Capabilities, Client, Clock, Connector, Exchange
from inventory_sync.intake.ports import IntakeStore
from inventory_sync.ledger.ports import LedgerStore
from inventory_sync.propagation.ports import LaneStore


class CaseBook(Protocol):
    """Where failures someone must own are written; inside the caller's transaction."""

    def open(
        self, code: str, kind: str, subject: str, summary: str, *, connection: str, correlation_id: str = ""
    ) -> None: ...

    def close(self, kind: str, subjects: Collection[str], resolution: str) -> None:
        """Resolve the open cases of these subjects: a later run succeeded."""


class CursorStore(Protocol):
    """How far each stream of a connection was read."""

    def load(self, connection_id: int, stream: str) -> str: ...

    def save(self, connection_id: int, stream: str, value: str, *, now: datetime, done: bool) -> None: ...

    def next_reading(self) -> int:
        """Return the hub's next reading number, taken before the reading begins."""


@dataclass(frozen=True, slots=True)
class Account:
    """One connection, opened. `exchanges` collects its calls while it is open, for the push history."""

    id: int
    code: str
    capabilities: Capabilities
    client: Client
    exchanges: list[Exchange]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the steps; see docs/settings.md."""

    batch_rows: int = 500
    lease: timedelta = timedelta(seconds=20)
    max_attempts: int = 5
    future_tolerance: timedelta = timedelta(seconds=300)
    late_movements: LatePolicy = LatePolicy.POST
    dirty_items: int = 500
    near_zero: Decimal = Decimal(2)
    push_lease: timedelta = timedelta(seconds=60)
    push_max_attempts: int = 8
    verify_every: timedelta = timedelta(0)  # none: no round of checks is ever due
    evidence_daily: bool = False


@dataclass(frozen=True, slots=True)
class Ports:
    intake: IntakeStore
    ledger: LedgerStore
    availability: AvailabilityStore
    lanes: LaneStore
    catalog: CatalogReader
    cases: CaseBook
    cursors: CursorStore
    account: Callable[[int], Account]
    misconfigured: Callable[[int, str], None]
    connector: Callable[[str], Connector]
    config: Callable[[int], Any]
    clock: Clock
    jitter: Callable[[], float]
    new_id: Callable[[], str]
    pause: Callable[[float], None]
    limits: Limits = Limits()
