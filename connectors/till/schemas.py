"""The till contract's shapes, version 1. Quantities are decimal texts, times RFC 3339 with an offset.

The contract is ours; this folder's README describes it.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

EventType = Literal[
    "sale", "return", "receipt", "shipment", "transfer", "adjustment", "count", "session.closed", "pick",
    "condition", "disposition", "expectation", "snapshot",
]  # fmt: skip


class Document(TypedDict):
    kind: str
    number: str


class OrderRef(TypedDict):
    """The order a shipment fulfils; `source` is a connection's code at the hub."""

    source: str
    number: str


class Expectation(TypedDict):
    """An announcement; a receipt names one by `source` (a connection's code at the hub) and `key`."""

    key: str
    source: NotRequired[str]
    version: NotRequired[int]
    kind: NotRequired[Literal["purchase", "advice", "transfer", "return", "production"]]
    status: NotRequired[Literal["open", "closed", "cancelled"]]
    from_store: NotRequired[str]
    due: NotRequired[str]


class Held(TypedDict):
    """How much of an order line a row of a reading holds already."""

    source: str
    number: str
    order_line: str
    contained: str
    delivered: NotRequired[str]


class SnapshotRow(TypedDict):
    store: str
    sku: str
    quantity: str
    uom: NotRequired[str]
    reserved: NotRequired[str]
    unassigned: NotRequired[str]
    unavailable: NotRequired[str]
    held: NotRequired[list[Held]]


class Line(TypedDict):
    """`quantity` is positive but for adjustments (signed), and counts, picks and announcements (from 0)."""

    line: int
    sku: str
    quantity: str
    uom: NotRequired[str]
    order_line: NotRequired[str]
    reason: NotRequired[str]
    lot: NotRequired[str]
    owner: NotRequired[str]
    condition: NotRequired[str]
    was: NotRequired[str]
    disposition: NotRequired[Literal["restock", "quarantine", "scrap"]]
    damaged: NotRequired[str]
    expected: NotRequired[str]
    short: NotRequired[str]
    due: NotRequired[str]


class Event(TypedDict):
    """`sequence` rises by 1 per store; `corrects` names the first event of the same document."""

    id: str
    type: EventType
    store: str
    sequence: int
    time: str
    session: NotRequired[str]
    document: NotRequired[Document]
    corrects: NotRequired[str]
    revision: NotRequired[int]
    order: NotRequired[OrderRef]
    to_store: NotRequired[str]
    lines: NotRequired[list[Line]]
    sales: NotRequired[int]
    returns: NotRequired[int]
    last_sequence: NotRequired[int]
    expectation: NotRequired[Expectation]
    final: NotRequired[bool]
    due: NotRequired[str]
    extent: NotRequired[Literal["complete", "partial", "cut"]]
    stores: NotRequired[list[str]]
    items: NotRequired[list[str]]
    rows: NotRequired[list[SnapshotRow]]


class EventPage(TypedDict):
    events: list[Event]
    last_sequence: int
    next_after: int | None


class StockItem(TypedDict):
    sku: str
    on_hand: str


class Stock(TypedDict):
    as_of_sequence: int
    time: str
    items: list[StockItem]
