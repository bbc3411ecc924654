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
    `fulfils` is set on a shipment by the authority: movement and close in one.
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
class SessionClosed:
    """A till closed its session: a control total, from which a gap in `sequence` is seen."""

    key: str
    location_ref: str
    session: str
    last_sequence: int
    occurred_at: datetime


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
    """Something changed; only reading `kind`/`ref` at the source tells what."""

    key: str
    kind: str
    ref: str
    why: str = ""


ExternalEvent = (
    StockMoved | StockCounted | SessionClosed | FigureObserved | OrderReported | OrderVanished | ObjectHinted
)
