"""What a connector makes of a delivery: external events, still in the vendor's ids and units.

Every event has a `key`, unique within its connection and never made of a quantity or a clock:
posting the same key again changes nothing. Quantities are exact Decimals in `unit`
(a UN/ECE Rec 20 code, or "" for the unit declared on the mapping); times are aware.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Reason(StrEnum):
    """Why stock moved; decides the counterpart location of the movement."""

    SALE = "sale"
    RETURN = "return"
    RECEIPT = "receipt"
    SHIPMENT = "shipment"
    TRANSFER_OUT = "transfer_out"
    TRANSFER_IN = "transfer_in"
    ADJUSTMENT = "adjustment"
    SCRAP = "scrap"


@dataclass(frozen=True, slots=True)
class OrderLineRef:
    """Names an order line at the connection `source` (its code at the hub)."""

    source: str
    order_ref: str
    line_ref: str


@dataclass(frozen=True, slots=True)
class StockMoved:
    """A delta that happened at one place; `quantity` is signed, negative when stock left.

    `sequence` is the source's own rising number, or None; at an equal time it decides.
    A higher `revision` of the same key replaces the lower ones.
    `fulfils` is set on a shipment by the authority: movement and close in one. `condition` names what keeps
    the stock from being sold, "" for sellable stock; `lot` and `owner` count where the location tracks them.
    `explains`: out of books that are read whole; of what is mapped to nothing of ours it is not kept.
    """

    key: str
    item_ref: str
    location_ref: str
    quantity: Decimal
    occurred_at: datetime
    reason: Reason
    unit: str = ""
    sequence: int | None = None
    revision: int = 0
    reference: str = ""
    fulfils: OrderLineRef | None = None
    lot: str = ""
    owner: str = ""
    condition: str = ""
    explains: bool = False


@dataclass(frozen=True, slots=True)
class StockCounted:
    """What was found on the shelf, as of a time of the same clock as the deltas."""

    key: str
    item_ref: str
    location_ref: str
    quantity: Decimal
    occurred_at: datetime
    unit: str = ""
    sequence: int | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class ExpectationRef:
    """Names an announcement at the connection `source` (its code at the hub; "" is the one that reports)."""

    source: str
    key: str


@dataclass(frozen=True, slots=True)
class GoodsReceived:
    """Goods arrived: `quantity` counts all of them, `damaged` those that cannot be sold.

    `expected` is what the paper said, None when it said nothing. `final`: nothing more will come of this
    expectation. `transfer`: they came out of transit, not from a vendor.
    """

    key: str
    item_ref: str
    location_ref: str
    quantity: Decimal
    occurred_at: datetime
    damaged: Decimal = Decimal(0)
    expected: Decimal | None = None
    expectation: ExpectationRef | None = None
    final: bool = False
    transfer: bool = False
    unit: str = ""
    sequence: int | None = None
    revision: int = 0
    reference: str = ""
    lot: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class ConditionChanged:
    """Stock stays where it is and changes from condition `was` to `condition`; "" is sellable."""

    key: str
    item_ref: str
    location_ref: str
    quantity: Decimal
    was: str
    condition: str
    occurred_at: datetime
    unit: str = ""
    sequence: int | None = None
    revision: int = 0
    reference: str = ""
    lot: str = ""
    owner: str = ""


class Disposition(StrEnum):
    """What becomes of returned goods; the refund is another matter."""

    RESTOCK = "restock"
    QUARANTINE = "quarantine"
    SCRAP = "scrap"


RETURNED = "returned"
QUARANTINED = "quarantine"
DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class ReturnDispositioned:
    """Somebody decided about goods that came back and lie in condition `was`."""

    key: str
    item_ref: str
    location_ref: str
    quantity: Decimal
    disposition: Disposition
    occurred_at: datetime
    was: str = RETURNED
    unit: str = ""
    sequence: int | None = None
    revision: int = 0
    reference: str = ""
    lot: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class PickReported:
    """What a picker took off the shelf for an order line, and what was not found. It moves no stock."""

    key: str
    order: OrderLineRef
    item_ref: str
    location_ref: str
    picked: Decimal
    short: Decimal
    occurred_at: datetime
    unit: str = ""
    revision: int = 0
    reference: str = ""
    sequence: int | None = None


class ExpectationKind(StrEnum):
    PURCHASE = "purchase"
    ADVICE = "advice"
    TRANSFER = "transfer"
    RETURN = "return"
    PRODUCTION = "production"


class ExpectationStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ExpectedLine:
    line_ref: str
    item_ref: str
    quantity: Decimal
    unit: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExpectationChanged:
    """What is announced for a place. The newest `version` of `ref` wins; it moves no stock."""

    key: str
    ref: str
    version: int
    kind: ExpectationKind
    status: ExpectationStatus
    location_ref: str
    lines: tuple[ExpectedLine, ...]
    origin_ref: str = ""
    due_at: datetime | None = None
    reference: str = ""
    sequence: int | None = None


class Extent(StrEnum):
    """How far a reading speaks. In a complete one an absent key is 0; a cut one says nothing."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class HeldRef:
    """How much of one order line the figure already holds; in the unit of its row."""

    order: OrderLineRef
    contained: Decimal
    delivered: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """What the books said of one item at one place, in one consistent statement."""

    item_ref: str
    location_ref: str
    quantity: Decimal
    reserved: Decimal = Decimal(0)
    unassigned: Decimal = Decimal(0)
    unavailable: Decimal = Decimal(0)
    unit: str = ""
    held: tuple[HeldRef, ...] = ()


@dataclass(frozen=True, slots=True)
class SnapshotReceived:
    """One reading of the authority's books: whole items at the places it covers, never some rows of one.

    Only one that the hub asked for has a reading number (it is the delivery's) and counts; one that came
    unasked is a reason to ask.
    """

    key: str
    extent: Extent
    location_refs: tuple[str, ...]
    item_refs: tuple[str, ...]
    rows: tuple[SnapshotRow, ...]
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """A till closed its session: a control total, from which a gap in `sequence` is seen."""

    key: str
    location_ref: str
    session: str
    last_sequence: int
    occurred_at: datetime
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class FigureObserved:
    """What a channel shows for one listing. An observation: it never moves stock.

    `stamp` is the vendor's modification time in its own units, for recognising our own echo.
    `managed` is False when the channel does not keep stock for it.
    """

    key: str
    item_ref: str
    figure: Decimal | None
    stamp: str
    managed: bool = True
    location_ref: str = ""


class OrderStatus(StrEnum):
    """The vendor's order words, mapped to what they mean for demand."""

    UNPAID = "unpaid"  # may hold stock for a while, by policy
    COMMITTED = "committed"  # sold
    SHIPPED = "shipped"  # the shop says so; waits for the authority's books
    CANCELLED = "cancelled"
    RELEASED = "released"  # failed payment and the like; may come back


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of an order; `quantity` is the demand still wanted: ordered less refunded undelivered."""

    line_ref: str
    item_ref: str
    quantity: Decimal
    unit: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class OrderReported:
    """A whole order as its channel shows it. Decided whole.

    `stamp` is the vendor's modification time in whole seconds; `reading` is the hub's own
    reading number (0 when the vendor sent it unasked). `fingerprint` tells content apart at
    equal stamps. `placed_at` and `hold_until` are None when the vendor does not say.
    """

    key: str
    order_ref: str
    stamp: int
    status: OrderStatus
    lines: tuple[OrderLine, ...]
    fingerprint: str
    number: str = ""
    location_ref: str = ""
    placed_at: datetime | None = None
    hold_minutes: int = 0


@dataclass(frozen=True, slots=True)
class OrderVanished:
    """The order no longer exists at its source (trashed, or gone when read by id)."""

    key: str
    order_ref: str
    announced: bool = True  # False: found gone when read; closed short with a case


@dataclass(frozen=True, slots=True)
class ObjectHinted:
    """Something changed; only reading `kind`/`ref` at the source tells what.

    Kind "stream" names one of the source's streams. `visible_in_s`: the source sends before it commits.
    """

    key: str
    kind: str
    ref: str
    why: str = ""
    visible_in_s: int = 0


ExternalEvent = (
    StockMoved
    | StockCounted
    | GoodsReceived
    | ConditionChanged
    | ReturnDispositioned
    | PickReported
    | ExpectationChanged
    | SnapshotReceived
    | SessionClosed
    | FigureObserved
    | OrderReported
    | OrderVanished
    | ObjectHinted
)
