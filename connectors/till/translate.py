"""Turn till events into external events. Pure: no I/O, no clock, no account.

A till system in movements mode is the authority of its stores: deltas and counts carry one clock, its
sequence decides ties. A corrected event keeps the keys of the event it corrects, with a higher revision.
What a stockroom says beyond that is in translate_goods.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.base.fields import clean, obj, quantity_of, rows, text, whole
from connectors.till import translate_goods as goods
from connectors.till.translate_parts import (
    Head,
    condition,
    head_of,
    lines_of,
    order_line,
    quantity,
    tracked,
    unit,
)
from inventory_sync.domain.errors import MalformedPayload, NegativeQuantity, Unsupported
from inventory_sync.domain.external import (
    ExternalEvent,
    FigureObserved,
    Reason,
    SessionClosed,
    StockCounted,
    StockMoved,
)
from inventory_sync.domain.ports import Delivery


@dataclass(frozen=True, slots=True)
class Kind:
    """How the quantities of one type read: `sign` 0 leaves them signed as they are."""

    reason: Reason
    sign: int


KINDS: Mapping[str, Kind] = {
    "sale": Kind(Reason.SALE, -1),
    "return": Kind(Reason.RETURN, +1),
    "shipment": Kind(Reason.SHIPMENT, -1),
    "transfer": Kind(Reason.TRANSFER_OUT, -1),
    "adjustment": Kind(Reason.ADJUSTMENT, 0),
}
GOODS: Mapping[str, Callable[[Head, Mapping[str, Any]], list[ExternalEvent]]] = {
    "receipt": goods.received,
    "expectation": goods.expected,
    "pick": goods.picked,
    "disposition": goods.dispositioned,
    "condition": goods.conditioned,
}


def translate(delivery: Delivery, config: Any = None) -> list[ExternalEvent]:
    """Return what a delivery says; the body's own `type` decides, for the topic is not signed."""
    body = obj(delivery.json())
    if delivery.topic == "stock.read":
        return _stock(delivery, body)
    if delivery.topic == "snapshot.read":
        return goods.snapshot(delivery, body)
    kind = text(body, "type", limit=40)
    head = head_of(body)
    if kind == "count":
        return _count(head, body)
    if kind == "snapshot":
        return goods.snapshot(delivery, body)
    if kind == "session.closed":
        session = text(body, "session", limit=120)
        last = whole(body, "last_sequence")
        return [SessionClosed(head.id, head.store, session, last, head.time, head.sequence)]
    if kind in GOODS:
        return GOODS[kind](head, body)
    if kind in KINDS:
        return _movements(head, kind, body)
    raise Unsupported(f"Event type {clean(kind, limit=40)!r} is not part of the till contract.")


def _movements(head: Head, kind: str, body: Mapping[str, Any]) -> list[ExternalEvent]:
    found: list[ExternalEvent] = []
    for path, number, line in lines_of(body):
        marks = tracked(line, path)
        found.append(
            StockMoved(
                key=f"{head.root}/{number}",
                item_ref=text(line, "sku", path, limit=120),
                location_ref=head.store,
                quantity=_signed(kind, quantity(line, path), head, path),
                occurred_at=head.time,
                reason=_reason(kind, line),
                unit=unit(line, path),
                sequence=head.sequence,
                revision=head.revision,
                reference=head.reference,
                fulfils=order_line(body, line, path) if kind == "shipment" else None,
                lot=marks.lot,
                owner=marks.owner,
                condition=condition(line, path),
            )
        )
    if kind == "transfer" and (on_the_way := goods.announced_transfer(head, body)) is not None:
        found.append(on_the_way)
    return found


def _signed(kind: str, amount: Decimal, head: Head, path: str) -> Decimal:
    """Only a correction may say 0: that is how it takes a line back."""
    sign = KINDS[kind].sign
    if amount == 0 and head.root == head.id:
        raise MalformedPayload(f"{path}.quantity must not be 0.", field=f"{path}.quantity")
    if sign and amount < 0:
        raise NegativeQuantity(f"{path}.quantity must not be negative on a {kind}.", field=f"{path}.quantity")
    return amount * (sign or 1) + 0


def _reason(kind: str, line: Mapping[str, Any]) -> Reason:
    if kind == "adjustment" and line.get("reason") == "scrap":
        return Reason.SCRAP
    return KINDS[kind].reason


def _count(head: Head, body: Mapping[str, Any]) -> list[ExternalEvent]:
    """Counts are not revised: a corrected count is a further count, and its time and sequence decide.

    A count finds everything on the shelf, whatever its condition; one of a part of it is no count.
    """
    found: list[ExternalEvent] = []
    for path, number, line in lines_of(body):
        found_there = quantity(line, path)
        if found_there < 0:
            raise NegativeQuantity(
                f"{path}.quantity must not be negative on a count.", field=f"{path}.quantity"
            )
        for part in ("condition", "lot", "owner"):
            if line.get(part):
                raise MalformedPayload(
                    f"{path}.{part}: a count finds everything on the shelf.", field=f"{path}.{part}"
                )
        found.append(
            StockCounted(
                key=f"{head.id}/{number}",
                item_ref=text(line, "sku", path, limit=120),
                location_ref=head.store,
                quantity=found_there,
                occurred_at=head.time,
                unit=unit(line, path),
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
