"""What goes into the ledger and what comes out: plain values in our own ids.

The pipeline makes these from external events and hands them to apply.py. Quantities are in the item's base
unit, times are aware. Nothing here knows rows, locks or Django.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from inventory_sync.domain.external import OrderLineRef, OrderStatus, Reason
from inventory_sync.domain.levels import RefusalReason
from inventory_sync.ledger.expectation_types import Expected, ReceiptOf

OrderKey = tuple[int, str]  # (connection id, order_ref)
LevelKey = tuple[int, int]  # (item id, location id): the lock order of levels
FeedNumber = tuple[int, int, int]  # connection, location, number


class EventKind(StrEnum):
    """The three kinds of report, never mixed, and what only changes the condition of stock that stays."""

    DELTA = "delta"
    COUNT = "count"
    FIGURE = "figure"
    CONDITION = "condition"


@dataclass(frozen=True, slots=True)
class LineHeld:
    """How much of one order line a book figure already holds at its location, in base units of its item.

    `contained`: assigned + delivered outward; `delivered`: the delivered part. `source` is a connection code.
    """

    source: str
    order_ref: str
    line_ref: str
    contained: Decimal
    delivered: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class FigureFacts:
    """What belongs to a book figure beside its quantity: applied together with it or not at all.

    `reserved`: held back by the authority in its own books; `unassigned`: its own demand inside the declared
    horizon that it has not assigned yet. A line absent from `contained` is held not at all.
    """

    reserved: Decimal = Decimal(0)
    unassigned: Decimal = Decimal(0)
    unavailable: Decimal = Decimal(0)
    contained: tuple[LineHeld, ...] = ()


@dataclass(frozen=True, slots=True)
class StockEvent:
    """One report about one item at one location. (connection_id, key, revision) makes it count once.

    A delta's quantity is signed, negative when stock left; a count's and a figure's is absolute. A higher
    revision of a key replaces the lower ones, also when it names another item or location. `reading` is the
    hub's reading number, for figures only. `fulfils` names the order line that a shipment of the authority
    closes together with its movement.

    `condition` is "" for stock that may be sold, else what keeps it from being sold (damaged, quarantine, …):
    a delta of such stock counts as on hand and as unavailable. An event of kind CONDITION moves `quantity`
    from condition `was` to `condition` and leaves on hand alone. `lot` and `owner` are "" where nobody tracks
    them. `figure` is set on book figures only. `receipt` names the announcement that an arrival answers.
    """

    connection_id: int
    key: str
    kind: EventKind
    item_id: int
    location_id: int
    quantity: Decimal
    occurred_at: datetime
    revision: int = 0
    sequence: int | None = None
    reading: int | None = None
    reason: Reason | None = None
    reference: str = ""
    delivery_id: int | None = None
    correlation_id: str = ""
    fulfils: OrderLineRef | None = None
    lot: str = ""
    owner: str = ""
    condition: str = ""
    was: str = ""
    figure: FigureFacts | None = None
    receipt: ReceiptOf | None = None


@dataclass(frozen=True, slots=True)
class CutReading:
    """A reading that failed or ended early: nothing in it counts, what it covers is unknown since."""

    connection_id: int
    reading: int
    item_ids: tuple[int, ...]
    location_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OrderEventLine:
    """One line that could be resolved: the item as sold (a kit stays a kit) and the demand still wanted."""

    line_ref: str
    item_id: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """A whole order as its channel shows it, or the news that it is gone.

    `stamp` is the vendor's modification time in whole seconds, `reading` the hub's own reading number (0 for
    what came unasked), `begun` the last reading that had begun when it came in (0 if nobody noted).
    `status` None means gone: `announced` by the source, or found missing when read.
    `parked` names lines that could not be resolved: they are left as they are, and the order is incomplete.
    `pool` are the locations that may serve it, best first. `expires_at` ends the hold of an unpaid order,
    reckoned from the source's own times; None: an unpaid order holds nothing. `listed`: found in a list of
    orders, which may lag behind what a reading by id shows.
    """

    connection_id: int
    order_ref: str
    stamp: int = 0
    reading: int = 0
    begun: int = 0
    status: OrderStatus | None = None
    announced: bool = True
    fingerprint: str = ""
    number: str = ""
    placed_at: datetime | None = None
    expires_at: datetime | None = None
    lines: tuple[OrderEventLine, ...] = ()
    parked: frozenset[str] = frozenset()
    pool: tuple[int, ...] = ()
    correlation_id: str = ""
    listed: bool = False

    @property
    def key(self) -> OrderKey:
        return (self.connection_id, self.order_ref)

    @property
    def gone(self) -> bool:
        return self.status is None

    @property
    def incomplete(self) -> bool:
        return bool(self.parked)


@dataclass(frozen=True, slots=True)
class Refused:
    """A report that was not recorded, and why: the caller parks it. Reporting it again later may succeed."""

    event: StockEvent
    reason: RefusalReason


@dataclass(frozen=True, slots=True)
class Posted:
    """What posting did. `read_again`: items whose book figure should be read afresh (figures mode).

    `figures_from`: for each of them the reading that its oldest figure comes from, 0 if it is not known.
    `new`: (connection id, key) of every event never seen before.
    """

    recorded: int = 0
    duplicates: int = 0
    movements: int = 0
    touched: tuple[int, ...] = ()
    refused: tuple[Refused, ...] = ()
    read_again: tuple[int, ...] = ()
    figures_from: Mapping[int, int] = field(default_factory=dict)
    new: frozenset[tuple[int, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class OrderNews:
    """A channel's order changed: `delta` is the change of its demand for the item as sold, in base units.

    0 for a change that leaves demand alone and may still have moved the channel's own figure (a cancellation,
    a restock, another status): the listing is unsettled all the same.
    """

    connection_id: int
    item_id: int
    delta: Decimal


@dataclass(frozen=True, slots=True)
class OddShipment:
    """A shipment that cannot be what its line wants: of another item, of no line, or less than nothing."""

    order: OrderKey
    line_ref: str
    item_id: int
    quantity: Decimal
    why: str


@dataclass(frozen=True, slots=True)
class Decided:
    """What deciding orders did.

    `needs_reading`: orders that only a reading at their source can settle. `closed_short`: orders found gone
    without announcement while lines were open; somebody must own a case. `touched`: items (components of
    kits) whose open demand changed. `changed`: orders that are another version or have other lines now.
    `odd`: shipments that somebody must look at; they moved stock and closed nothing. `fits`: orders nothing
    odd was shipped for, or no longer: the line may come after its shipment.
    """

    applied: int = 0
    ignored: int = 0
    touched: tuple[int, ...] = ()
    needs_reading: tuple[OrderKey, ...] = ()
    closed_short: tuple[OrderKey, ...] = ()
    news: tuple[OrderNews, ...] = ()
    changed: frozenset[OrderKey] = frozenset()
    odd: tuple[OddShipment, ...] = ()
    fits: tuple[OrderKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """All parts of one batch applied together."""

    posted: Posted
    decided: Decided
    expected: Expected = field(default_factory=Expected)
