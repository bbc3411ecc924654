"""The till contract's shapes, version 1. Quantities are decimal texts, times RFC 3339 with an offset.

The contract is ours; this folder's README describes it.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

EventType = Literal[
    "sale", "return", "receipt", "shipment", "transfer", "adjustment", "count", "session.closed"
]


class Document(TypedDict):
    kind: str
    number: str


class OrderRef(TypedDict):
    """The order a shipment fulfils; `source` is a connection's code at the hub."""

    source: str
    number: str


class Line(TypedDict):
    """`quantity` is positive but for adjustments (signed) and counts (what was found, from 0)."""

    line: int
    sku: str
    quantity: str
    uom: NotRequired[str]
    order_line: NotRequired[str]
    reason: NotRequired[str]


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
