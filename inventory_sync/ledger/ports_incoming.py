"""What the ledger's store keeps of announcements, picks and periods. Part of LedgerStore (ports.py)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from inventory_sync.domain.external import ExpectationKind, ExpectationStatus
from inventory_sync.ledger.expectation_types import ExpectationKey, Pick

EventName = tuple[int, str]  # (connection id, event key)
OrderName = tuple[int, str]  # (connection id, order ref)
PickedOf = Mapping[str, Mapping[int, Decimal]]  # line → item → quantity


@dataclass(frozen=True, slots=True)
class HeldAnnounced:
    """One line of an announcement as kept."""

    line_ref: str
    item_id: int
    quantity: Decimal
    due_at: datetime | None
    arrived: Decimal = Decimal(0)
    open: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class HeldExpectation:
    """An announcement as kept, locked. version −1: only an arrival has named it."""

    connection_id: int
    ref: str
    version: int = -1
    kind: ExpectationKind | None = None
    status: ExpectationStatus | None = None
    location_id: int | None = None
    origin_id: int | None = None
    due_at: datetime | None = None
    reference: str = ""
    differs: bool = False
    over: bool = False
    delivery_id: int | None = None
    correlation_id: str = ""
    lines: tuple[HeldAnnounced, ...] = ()

    @property
    def key(self) -> ExpectationKey:
        return (self.connection_id, self.ref)


@dataclass(frozen=True, slots=True)
class ArrivalRow:
    """What one event says arrived, in its highest revision."""

    connection_id: int
    event_key: str
    revision: int
    source_id: int
    ref: str
    item_id: int
    location_id: int
    quantity: Decimal
    damaged: bool
    paper: Decimal | None
    final: bool

    @property
    def name(self) -> EventName:
        return (self.connection_id, self.event_key)

    @property
    def of(self) -> ExpectationKey:
        return (self.source_id, self.ref)


@dataclass(frozen=True, slots=True)
class Late:
    """An event of a closed period, posted in another."""

    event_id: int
    connection_id: int
    event_key: str
    item_id: int
    location_id: int
    origin: str
    period: str


class IncomingStore(Protocol):
    """Set-based reads and writes of the rows in models_incoming.py."""

    def arrivals_named(self, names: Collection[EventName]) -> dict[EventName, ArrivalRow]:
        """Return what these events said until now; their event keys are locked."""

    def lock_expectations(
        self, keys: Collection[ExpectationKey], *, now: datetime
    ) -> dict[ExpectationKey, HeldExpectation]:
        """Get or create the announcements and lock them in key order, with their lines."""

    def save_arrivals(self, rows: Sequence[ArrivalRow]) -> None:
        """Keep what events say arrived, in place of what they said before."""

    def arrivals_of(self, keys: Collection[ExpectationKey]) -> dict[ExpectationKey, list[ArrivalRow]]:
        """Return everything that arrived of these announcements."""

    def save_expectations(self, rows: Sequence[HeldExpectation], *, now: datetime) -> None:
        """Write announcements that are locked, with exactly the lines given."""

    def record_picks(self, picks: Sequence[Pick]) -> list[Pick]:
        """Keep the picks in key order, each in its highest revision; return those that are new or changed."""

    def picked(self, keys: Collection[OrderName]) -> dict[OrderName, PickedOf]:
        """Return what was picked of each line of these orders, where something was."""

    def closed_periods(self) -> frozenset[str]:
        """Return the periods that are closed, and keep anybody from closing another until the end of the
        transaction.
        """

    def note_late(self, rows: Sequence[Late], *, now: datetime) -> None:
        """Note which events are posted outside the period they happened in."""
