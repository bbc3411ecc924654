"""The store the ledger's algorithms run against: PostgreSQL in production, memory in the simulation.

Every call belongs to the caller's transaction. The algorithms make their calls in one order, which is the
lock order of the whole platform (apply.py); a store locks in sorted order inside each call. Both stores pass
the same contract: every test in tests/ledger that asks for a `world`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from inventory_sync.domain.containment import Allocation
from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.levels import LevelState, Mode
from inventory_sync.domain.modes import Tenures
from inventory_sync.domain.reports import ZERO, Counterpart, Position
from inventory_sync.domain.reservations import LineStatus
from inventory_sync.domain.routing import ReserveMode, Rule
from inventory_sync.ledger.holdings import Holding, Told
from inventory_sync.ledger.ports_incoming import IncomingStore
from inventory_sync.ledger.types import LevelKey, OrderKey, StockEvent


@dataclass(frozen=True, slots=True)
class Place:
    """What the ledger must know of a location. `complete`: an item without a level there is known to be 0.

    tenures: the modes it has lived in, None for a place that never changed.
    """

    mode: Mode
    code: str = ""
    complete: bool = False
    tenures: Tenures | None = None

    @property
    def lived(self) -> Tenures:
        return self.tenures or Tenures.only(self.mode)


class Recorded(NamedTuple):
    """An event that is kept now, with its row id. A tuple, for there is one per event."""

    id: int
    event: StockEvent


@dataclass(frozen=True, slots=True)
class Recording:
    """What recording a batch found.

    new: events never seen before that count. stale: how many were kept without effect, because a higher
    revision is there already. duplicates: how many were known. replaced: per (connection, key) of a new event
    the lower revision that counted until now. lines: the rows of what is new, where they are written already.
    """

    new: tuple[Recorded, ...] = ()
    stale: int = 0
    duplicates: int = 0
    replaced: Mapping[tuple[int, str], Recorded] = field(default_factory=dict)
    lines: tuple[str, ...] = field(default=(), repr=False, compare=False)


class NewMovement(NamedTuple):
    """One line to append: quantity > 0 leaves source and arrives at destination."""

    event_id: int
    item_id: int
    source_id: int
    destination_id: int
    quantity: Decimal
    kind: str
    occurred_at: datetime
    reference: str
    period: str
    correlation_id: str
    lot: str = ""
    owner: str = ""
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """One line of a kit's recipe."""

    item_id: int
    per_kit: Decimal


@dataclass(frozen=True, slots=True)
class HeldLine:
    """One order line as kept. Allocations name item and location by the text of their ids.

    asked: what a request asked for, where that is not what is promised; None: an order of a channel. routing:
    JSON that says why it stands where it does.
    """

    line_ref: str
    item_id: int
    demand: Decimal
    status: LineStatus
    fulfilled: Decimal = ZERO
    expires_at: datetime | None = None
    reason: str = ""
    allocations: tuple[Allocation, ...] = ()
    asked: Decimal | None = None
    routing: str = ""


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """What effective shipments of the authority took off a line, summed per item, location and tenure.

    Only those of movements tenures: in figures mode a shipment explains, and the figure decides.
    """

    line_ref: str
    item_id: int
    location_id: int
    quantity: Decimal
    tenure: int = 0


@dataclass(frozen=True, slots=True)
class HeldOrder:
    """An order as kept, locked. `seen` is False for one known only from a shipment: it has no version yet.

    reading, begun, set_back: see domain/order_versions.py; the last reading by id that showed it, the last
    that had begun when its newest version came in, and whether its stamps were seen to go back.
    gone: the reading that found it missing at its source, 0 when the source announced it, None when it is
    there. fulfilments hold also what was shipped before the order or the line was known. requested: asked of
    the hub, which may refuse, in this mode; review: kept, and no sale before somebody approves. made: its row
    if it was made just now, by this transaction.
    """

    connection_id: int
    order_ref: str
    seen: bool = False
    number: str = ""
    status: OrderStatus = OrderStatus.COMMITTED
    stamp: int = 0
    reading: int = 0
    begun: int = 0
    set_back: bool = False
    fingerprint: str = ""
    gone: int | None = None
    incomplete: bool = False
    placed_at: datetime | None = None
    correlation_id: str = ""
    lines: Mapping[str, HeldLine] = field(default_factory=dict)
    fulfilments: tuple[Fulfilment, ...] = ()
    holdings: tuple[Holding, ...] = ()
    requested: bool = False
    review: bool = False
    mode: ReserveMode = ReserveMode.RECORD
    made: int = field(default=0, compare=False)

    @property
    def key(self) -> OrderKey:
        return (self.connection_id, self.order_ref)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Open demand of one channel at one level; backordered: the part of it that nothing was free for."""

    item_id: int
    location_id: int
    connection_id: int
    quantity: Decimal
    backordered: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Stock:
    """What is free at the levels of some items, below zero where more is owed, and which are unknown."""

    free: Mapping[LevelKey, Decimal]
    unknown: frozenset[LevelKey] = frozenset()

    def doubtful(self, falls: Mapping[LevelKey, Decimal]) -> dict[LevelKey, Decimal]:
        """Return those of the falls that are at an unknown level: its ceiling falls with them."""
        return {level: fall for level, fall in falls.items() if level in self.unknown}


@dataclass(frozen=True, slots=True)
class OpenGap:
    """A number of a feed that has not come. since: the reading number that marks the levels it holds."""

    id: int
    connection_id: int
    location_id: int
    sequence: int
    since: int


class LedgerStore(IncomingStore, Protocol):
    """Set-based reads and writes of the ledger's rows."""

    # ── what does not change under us ────────────────────────────────────────────────────────────────
    def places(self, location_ids: Collection[int]) -> Mapping[int, Place]:
        """Return what is known of each location."""

    def counterparts(self) -> Mapping[Counterpart, int]:
        """Return the virtual location at the other end of a posting, for every counterpart."""

    def connection_ids(self, codes: Collection[str]) -> Mapping[str, int]:
        """Return the ids of the connections that exist."""

    def recipes(self, item_ids: Collection[int]) -> Mapping[int, tuple[Component, ...]]:
        """Return the recipes of those items that are kits, components in id order."""

    def share_gates(self, location_ids: Collection[int]) -> None:
        """Keep authority and mode of these locations as they are until the transaction ends."""

    def hold_gates(self, location_ids: Collection[int]) -> None:
        """Let nobody post at these locations before the transaction ends; those who do are waited for."""

    def hold_figures(self, location_ids: Collection[int]) -> None:
        """Let no other session apply figures of these locations before the transaction ends."""

    # ── 1. events ────────────────────────────────────────────────────────────────────────────────────
    def record_events(self, events: Sequence[StockEvent], *, now: datetime) -> Recording:
        """Keep the events in key order, each once; take the effect from revisions that are replaced.

        What an effective event fulfils is kept with it. Two sessions recording the same key wait for each
        other. The rows of those that are new are there after writing_events().
        """

    def writing_events(self, recording: Recording, *, now: datetime) -> AbstractContextManager[None]:
        """Write the rows of what is new, while the block works out what follows from it.

        The block makes no call of the store.
        """

    def originals(self, keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], StockEvent]:
        """Return the events that count, by (connection, key)."""

    def note_observations(self, events: Sequence[StockEvent], *, now: datetime) -> None:
        """Keep what those said who do not decide, each once, to be compared: nothing of it is posted."""

    def open_gaps(self, location_ids: Collection[int]) -> list[OpenGap]:
        """Return the open gaps of feeds about these locations, locked in order of their ids."""

    def levels_marked(self, marks: Sequence[int]) -> dict[LevelKey, int]:
        """Return the levels that are unknown since one of these reading numbers."""

    def close_gaps(self, gap_ids: Collection[int], *, state: str, now: datetime, reason: str = "") -> None:
        """Close gaps that are locked: filled, or lost."""

    def missed(self, connection_id: int, location_id: int, numbers: Collection[int]) -> set[int]:
        """Return those of a feed's numbers that were missed before, whatever became of them."""

    def note_gaps(
        self, connection_id: int, location_id: int, numbers: Mapping[int, int], *, now: datetime
    ) -> None:
        """Keep gaps (number to its mark), but of numbers that came, or were missed before."""

    def highest_numbers(self, connection_id: int, location_id: int, *, above: int) -> dict[LevelKey, int]:
        """Return the levels with an effective delta of the feed above a number, and its highest number."""

    # ── 2. orders ────────────────────────────────────────────────────────────────────────────────────
    def lock_orders(
        self, keys: Collection[OrderKey], *, now: datetime, create: Collection[OrderKey] | None = None
    ) -> dict[OrderKey, HeldOrder]:
        """Lock the orders in key order, with their lines, allocations, fulfilments and holdings.

        create: those that are made where missing (None: all of them); others that are missing are left out.
        """

    def due_holds(self, *, now: datetime, limit: int) -> list[OrderKey]:
        """Return orders with a held line whose time is over, the longest overdue first."""

    def save_orders(
        self,
        orders: Sequence[HeldOrder],
        *,
        now: datetime,
        before: Mapping[OrderKey, HeldOrder] | None = None,
        heads: Mapping[OrderKey, HeldOrder] | None = None,
    ) -> None:
        """Write orders, lines and allocations as given; lines and allocations are never removed.

        before: the orders as they were locked; lines that are the same need not be written again. heads: what
        open_requests made, apart from lines.
        """

    def open_requests(
        self, keys: Collection[OrderKey], *, heads: Mapping[OrderKey, HeldOrder], now: datetime
    ) -> dict[OrderKey, HeldOrder]:
        """Lock the orders in key order; missing ones that have a head are made, and returned as unseen.

        A head is what an order will be, apart from its lines, if it is accepted.
        """

    def backordered(self, item_ids: Collection[int] | None, *, limit: int) -> list[OrderKey]:
        """Return orders with lines that wait for stock of these items (None: of any), the oldest first."""

    def routing_rules(self, connection_ids: Collection[int]) -> Mapping[int, tuple[Rule, ...]]:
        """Return the rules of those channels that have declared some."""

    def note_seen(self, keys: Collection[OrderKey], *, now: datetime) -> None:
        """Remember that these orders were just shown to us as they are; they are locked."""

    def orders_held_at(self, keys: Collection[LevelKey], *, shipped: bool) -> set[OrderKey]:
        """Return orders of which the newest figures of these levels hold something.

        shipped: also those that took goods from there in a tenure that is not the first.
        """

    def holdings(self, orders: Collection[OrderKey]) -> Mapping[OrderKey, tuple[Holding, ...]]:
        """Return what the figures hold of these orders, as the levels stand now."""

    # ── 3. levels ────────────────────────────────────────────────────────────────────────────────────
    def lock_levels(
        self, keys: Collection[LevelKey], *, create: Collection[LevelKey]
    ) -> Mapping[LevelKey, LevelState]:
        """Lock levels in (item, location) order; `create` are made where missing, others left out."""

    def deltas_after(self, positions: Mapping[LevelKey, Position | None]) -> dict[LevelKey, Decimal]:
        """Return per level the sum of effective deltas after a position; None: of all of them."""

    def latest_counts(self, keys: Collection[LevelKey]) -> dict[LevelKey, Recorded]:
        """Return per level the effective count that rules, where there is one: the latest that belongs to
        its tenure's mode.
        """

    def newest_figures(self, keys: Collection[LevelKey]) -> dict[LevelKey, Recorded]:
        """Return per level the effective figure of the highest reading that belongs to its tenure's mode."""

    def told_since(self, keys: Collection[LevelKey], *, at: datetime, above: int) -> set[LevelKey]:
        """Return the levels of which an effective event happened at that time or later, or was read above."""

    def latest_events(self, keys: Collection[LevelKey]) -> dict[LevelKey, Recorded]:
        """Return per level the effective event that happened last, where there is one."""

    def conditions_after(self, positions: Mapping[LevelKey, Position | None]) -> dict[LevelKey, Decimal]:
        """Return per level by how much effective events after a position changed what cannot be sold."""

    def level_keys(
        self, location_ids: Collection[int], item_ids: Collection[int] | None = None
    ) -> list[LevelKey]:
        """Return the levels there are at these locations, of these items or of all, in order."""

    def owed(self, keys: Collection[LevelKey]) -> dict[LevelKey, Decimal]:
        """Return Σ max(0, D − c) of the open allocations at each level, zero where there are none."""

    def free(self, keys: Collection[LevelKey]) -> dict[LevelKey, Decimal]:
        """Return on hand − unavailable − reserved − unassigned − owed at each of these levels.

        One without a level has only what it owes, below zero: a sale may be recorded where nothing ever
        stood.
        """

    def lock_stock(self, keys: Collection[LevelKey]) -> Stock:
        """Lock these levels in (item, location) order, then return what is free of their items everywhere.

        As free() has it, but at every location, locked or not. An unknown level counts at most what it last
        had; one without a level only what it owes.
        """

    def waiting(self, keys: Collection[LevelKey]) -> list[Waiting]:
        """Return the open demand at each of these levels by channel, where there is any."""

    def writing_movements(
        self, movements: Sequence[NewMovement], *, now: datetime
    ) -> AbstractContextManager[None]:
        """Append the lines, those of an item in the order given, while the block does what needs no store."""

    def save_levels(self, levels: Mapping[LevelKey, LevelState], *, now: datetime) -> None:
        """Write levels that are locked. One that is no longer known keeps what was free until now."""

    def save_on_hand(self, on_hand: Mapping[LevelKey, Decimal], *, now: datetime) -> None:
        """Write levels that are locked and of which only on hand changes; their versions rise by one."""

    def lower_last_known(self, falls: Mapping[LevelKey, Decimal]) -> None:
        """Lower what these unknown levels may count at most; they are locked."""

    def save_holdings(self, told: Told) -> None:
        """Keep what figures hold of lines, known or not; the orders and levels are locked."""

    # ── 4. dirty items ───────────────────────────────────────────────────────────────────────────────
    def mark_dirty(
        self,
        touched: Mapping[LevelKey, str],
        *,
        now: datetime,
        on_hand: Mapping[LevelKey, Decimal] | None = None,
    ) -> None:
        """Mark the items of these levels for recomputing, in item order; values are correlation ids.

        Urgent where on hand − owed at a touched level is at or near zero. on_hand: what has just been saved,
        so that it need not be read again.
        """
