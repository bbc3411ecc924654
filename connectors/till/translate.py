"""Turn till events into external events. Pure: no I/O, no clock, no account.

A till system in movements mode is the authority of its stores: deltas and counts carry one clock, its
sequence decides ties. A corrected event keeps the keys of the event it corrects, with a higher revision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.base.fields import clean, obj, quantity_of, rows, text, utc, whole
from inventory_sync.domain.errors import MalformedPayload, Unsupported
from inventory_sync.domain.external import (
    ExternalEvent,
    FigureObserved,
    OrderLineRef,
    Reason,
    SessionClosed,
    StockCounted,
    StockMoved,
)
from inventory_sync.domain.ports import Delivery


@dataclass(frozen=True, slots=True)
class Head:
    """What every event of the contract carries."""

    id: str
    store: str
    sequence: int
    time: datetime
    revision: int
    root: str
    reference: str


@dataclass(frozen=True, slots=True)
class Kind:
    """How the quantities of one type read: `sign` 0 leaves them signed as they are."""

    reason: Reason
    sign: int


KINDS: Mapping[str, Kind] = {
    "sale": Kind(Reason.SALE, -1),
    "return": Kind(Reason.RETURN, +1),
    "receipt": Kind(Reason.RECEIPT, +1),
    "shipment": Kind(Reason.SHIPMENT, -1),
    "transfer": Kind(Reason.TRANSFER_OUT, -1),
    "adjustment": Kind(Reason.ADJUSTMENT, 0),
}


def translate(delivery: Delivery, config: Any = None) -> list[ExternalEvent]:
    """Return what a delivery says; the body's own `type` decides, for the topic is not signed."""
    body = obj(delivery.json())
    if delivery.topic == "stock.read":
        return _stock(delivery, body)
    kind = text(body, "type", limit=40)
    head = _head(body)
    if kind == "count":
        return _count(head, body)
    if kind == "session.closed":
        session = text(body, "session", limit=120)
        last = whole(body, "last_sequence")
        return [SessionClosed(head.id, head.store, session, last, head.time)]
    if kind in KINDS:
        return _movements(head, kind, body)
    raise Unsupported(f"Event type {clean(kind, limit=40)!r} is not part of the till contract.")


def _head(body: Mapping[str, Any]) -> Head:
    message_id = text(body, "id", limit=120)
    revision = whole(body, "revision") if body.get("revision") is not None else 0
    corrects = text(body, "corrects", limit=120) if body.get("corrects") is not None else ""
    if corrects and revision < 1:
        raise MalformedPayload(
            "revision must be 1 or more on an event that corrects another.", field="revision"
        )
    if revision and not corrects:
        raise MalformedPayload("corrects must name the event that this revision replaces.", field="corrects")
    document = obj(body["document"], "document") if body.get("document") is not None else {}
    reference = ""
    if document:
        kind, number = text(document, "kind", "document", limit=40), text(document, "number", "document")
        reference = f"{kind}/{number}"
    return Head(
        id=message_id,
        store=text(body, "store", limit=64),
        sequence=whole(body, "sequence"),
        time=utc(body, "time"),
        revision=revision,
        root=corrects or message_id,
        reference=reference,
    )


def _lines(body: Mapping[str, Any]) -> list[tuple[str, int, Mapping[str, Any]]]:
    """Return path, number and content of each line; a number that stands twice would hide one of them."""
    found: list[tuple[str, int, Mapping[str, Any]]] = []
    numbers: set[int] = set()
    for position, raw in enumerate(rows(body, "lines")):
        path = f"lines[{position}]"
        line = obj(raw, path)
        number = whole(line, "line", path)
        if number in numbers:
            raise MalformedPayload(f"{path}.line stands twice in the event.", field=f"{path}.line")
        numbers.add(number)
        found.append((path, number, line))
    if not found:
        raise MalformedPayload("lines must not be empty.", field="lines")
    return found


def _quantity(line: Mapping[str, Any], path: str) -> Decimal:
    """Quantities are texts, so that no reader makes a binary fraction of them."""
    value = line.get("quantity")
    if not isinstance(value, str):
        raise MalformedPayload(f"{path}.quantity must be a decimal text.", field=f"{path}.quantity")
    return quantity_of(value, f"{path}.quantity")


def _unit(line: Mapping[str, Any], path: str) -> str:
    return text(line, "uom", path, limit=20) if line.get("uom") not in (None, "") else ""


def _movements(head: Head, kind: str, body: Mapping[str, Any]) -> list[ExternalEvent]:
    return [
        StockMoved(
            key=f"{head.root}/{number}",
            item_ref=text(line, "sku", path, limit=120),
            location_ref=head.store,
            quantity=_signed(kind, _quantity(line, path), head, path),
            occurred_at=head.time,
            reason=_reason(kind, body, line),
            unit=_unit(line, path),
            sequence=head.sequence,
            revision=head.revision,
            reference=head.reference,
            fulfils=_fulfils(body, line, path) if kind == "shipment" else None,
        )
        for path, number, line in _lines(body)
    ]


def _signed(kind: str, quantity: Decimal, head: Head, path: str) -> Decimal:
    """Only a correction may say 0: that is how it takes a line back."""
    sign = KINDS[kind].sign
    if quantity == 0 and head.root == head.id:
        raise MalformedPayload(f"{path}.quantity must not be 0.", field=f"{path}.quantity")
    if sign and quantity < 0:
        raise MalformedPayload(f"{path}.quantity must not be negative on a {kind}.", field=f"{path}.quantity")
    return quantity * (sign or 1) + 0


def _reason(kind: str, body: Mapping[str, Any], line: Mapping[str, Any]) -> Reason:
    document = body.get("document")
    if kind == "receipt" and isinstance(document, Mapping) and document.get("kind") == "transfer":
        return Reason.TRANSFER_IN
    if kind == "adjustment" and line.get("reason") == "scrap":
        return Reason.SCRAP
    return KINDS[kind].reason


def _fulfils(body: Mapping[str, Any], line: Mapping[str, Any], path: str) -> OrderLineRef | None:
    """Return the order line a shipment closes; one without an order is a plain departure."""
    if body.get("order") is None:
        return None
    order = obj(body["order"], "order")
    return OrderLineRef(
        source=text(order, "source", "order", limit=60),
        order_ref=text(order, "number", "order", limit=60),
        line_ref=text(line, "order_line", path, limit=60),
    )


def _count(head: Head, body: Mapping[str, Any]) -> list[ExternalEvent]:
    """Counts are not revised: a corrected count is a further count, and its time and sequence decide."""
    found: list[ExternalEvent] = []
    for path, number, line in _lines(body):
        quantity = _quantity(line, path)
        if quantity < 0:
            raise MalformedPayload(
                f"{path}.quantity must not be negative on a count.", field=f"{path}.quantity"
            )
        found.append(
            StockCounted(
                key=f"{head.id}/{number}",
                item_ref=text(line, "sku", path, limit=120),
                location_ref=head.store,
                quantity=quantity,
                occurred_at=head.time,
                unit=_unit(line, path),
                sequence=head.sequence,
                reference=head.reference,
            )
        )
    return found


def _stock(delivery: Delivery, body: Mapping[str, Any]) -> list[ExternalEvent]:
    """What the till shows for a store, read by the hub: an observation to compare with, never posted."""
    store = text(body, "store", limit=64)
    stamp = str(whole(body, "as_of_sequence"))
    origin = str(delivery.id) if delivery.id else stamp
    found: list[ExternalEvent] = []
    for position, raw in enumerate(rows(body, "items")):
        path = f"items[{position}]"
        row = obj(raw, path)
        sku = text(row, "sku", path, limit=120)
        figure = quantity_of(row.get("on_hand"), f"{path}.on_hand")
        found.append(FigureObserved(f"stock:{store}:{origin}:{sku}", sku, figure, stamp, location_ref=store))
    return found
