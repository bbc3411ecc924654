"""Everything the steps are given: stores, connectors, clock and limits, as one argument.

wiring.py fills it for production, tests/sim with an in-memory world.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from inventory_sync.availability.ports import AvailabilityStore
from inventory_sync.catalog.resolve import CatalogReader
from inventory_sync.domain.failures import Failure
from inventory_sync.domain.periods import LatePolicy
from inventory_sync.domain.ports import Capabilities, Client, Clock, Connector, Exchange
from inventory_sync.domain.writing import Writing
from inventory_sync.intake.ports import IntakeStore
from inventory_sync.ledger.ports import LedgerStore
from inventory_sync.ledger.types import LevelKey
from inventory_sync.propagation.ports import Guard, LaneStore, nothing_is_held


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
        item_id: int | None = None,
        order: str = "",
        units: Decimal | None = None,
    ) -> None:
        """Open or count one. `units`: base units that may be sold twice or not at all meanwhile."""

    def open_all(self, failures: Collection[Failure]) -> None:
        """Open or count many at once."""

    def hold(self, kind: str, subjects: Collection[str], *, code: str) -> None:
        """Lock these cases, so that nobody else opens or closes them before this transaction ends."""

    def close(
        self, kind: str, subjects: Collection[str], resolution: str, *, code: str | None = None
    ) -> None:
        """Resolve the open cases of these subjects, all or those of a code: a later run succeeded."""


class CursorStore(Protocol):
    """How far each stream of a connection was read."""

    def load(self, connection_id: int, stream: str) -> str: ...

    def save(
        self, connection_id: int, stream: str, value: str, *, now: datetime, done: bool, skipped: bool = False
    ) -> int:
        """Note that a page was stored, or skipped; returns how many were skipped since the stream began."""

    def next_reading(self) -> int:
        """Return the hub's next reading number, taken before the reading begins."""


class Turn(Protocol):
    """The right to read one connection's books, until its holder lets go or its session is lost."""

    def held(self) -> bool:
        """Say whether it is still ours; asked inside the transaction that stores what was read."""


class Turns(Protocol):
    """One reading of a connection's books at a time, so that the higher number is the later reading."""

    def take(self, connection_id: int) -> AbstractContextManager[Turn]:
        """Wait for the turn no longer than one reading takes, in the order of asking; raises NotOurTurn."""


class NoteMoved(Protocol):
    """Told of the levels a batch moves, in its transaction: somebody may keep a copy of them."""

    def __call__(self, levels: Collection[LevelKey], *, now: datetime) -> int:
        """Return how many are owed to a mirror now that were not before."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A listing that a flight settled: since when it was owed, for what cause, and whether it was urgent."""

    owed_since: datetime
    cause: str
    urgent: bool


class CountFlight(Protocol):
    """Told what became of a flight, in the transaction that settles it."""

    def __call__(
        self,
        connection_id: int,
        outcomes: Mapping[str, int],
        settled: Sequence[Acknowledged],
        *,
        now: datetime,
    ) -> None:
        """Count the attempts by outcome, and how old the figures acknowledged are."""


def nobody_counts(
    connection_id: int, outcomes: Mapping[str, int], settled: Sequence[Acknowledged], *, now: datetime
) -> None:
    return None


def nobody_mirrors(levels: Collection[LevelKey], *, now: datetime) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Account:
    """One connection, opened. `exchanges` collects its calls while it is open, for the push history."""

    id: int
    code: str
    capabilities: Capabilities
    client: Client
    exchanges: list[Exchange]
    writing: Writing = Writing.LIVE


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
    mirror_lines: int = 100  # of one call, and of one document
    mirror_compare_every: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Ports:
    intake: IntakeStore
    ledger: LedgerStore
    availability: AvailabilityStore
    lanes: LaneStore
    catalog: CatalogReader
    cases: CaseBook
    cursors: CursorStore
    turns: Turns
    account: Callable[[int], Account]
    misconfigured: Callable[[int, str], None]
    connector: Callable[[str], Connector]
    config: Callable[[int], Any]
    clock: Clock
    jitter: Callable[[], float]
    new_id: Callable[[], str]
    pause: Callable[[float], None]
    limits: Limits = Limits()
    note_moved: NoteMoved = nobody_mirrors
    guard: Guard = nothing_is_held
    count_flight: CountFlight = nobody_counts
