"""Turn readings of Odoo's books and hints of its webhooks into external events. Pure: no I/O, no clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connectors.base.fields import clean, join, obj, quantity, quantity_of, rows, text, utc, whole
from connectors.odoo.webhooks import hint_of
from inventory_sync.domain.errors import MalformedPayload, NegativeQuantity, Unsupported
from inventory_sync.domain.external import (
    Extent,
    ExternalEvent,
    HeldRef,
    ObjectHinted,
    OrderLineRef,
    Reason,
    SnapshotReceived,
    SnapshotRow,
    StockMoved,
)
from inventory_sync.domain.ports import Delivery

ZERO = Decimal(0)
VISIBLE_IN_S = 2  # 18 sends its webhooks before the commit
_PLACE = re.compile(r"(warehouse|location):[1-9][0-9]{0,18}\Z")
_ITEM = re.compile(r"product:[1-9][0-9]{0,18}\Z")

# What the other end of a line says about why stock moved, seen from the place.
LEAVES: Mapping[str, Reason] = {
    "customer": Reason.SALE,
    "supplier": Reason.RECEIPT,
    "scrap": Reason.SCRAP,
    "internal": Reason.TRANSFER_OUT,
    "transit": Reason.TRANSFER_OUT,
}
COMES: Mapping[str, Reason] = {
    "customer": Reason.RETURN,
    "supplier": Reason.RECEIPT,
    "internal": Reason.TRANSFER_IN,
    "transit": Reason.TRANSFER_IN,
}


def translate(delivery: Delivery, config: Any = None) -> list[ExternalEvent]:
    """Return what a delivery says; what the hub read itself has a topic of ours, all else is a hint."""
    if delivery.topic in ("figures.read", "item.gone"):
        return _reading(obj(delivery.json()), delivery)
    if delivery.topic == "figures.unread":
        return _unread(obj(delivery.json()), delivery)
    if delivery.topic == "lines.read":
        return _lines(obj(delivery.json()))
    if delivery.topic == "hint":
        return _hint(delivery)
    raise Unsupported(f"Topic {clean(delivery.topic, limit=40)!r} is none of Odoo's.")


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────


def _reading(body: Mapping[str, Any], delivery: Delivery) -> list[ExternalEvent]:
    """A complete reading: what of its items and places it has no row for is 0."""
    places = _names(body, "places", _PLACE)
    items = _names(body, "items", _ITEM)
    at = utc(body, "at")
    found = tuple(
        _row(obj(row, f"rows[{place}]"), f"rows[{place}]") for place, row in enumerate(rows(body, "rows"))
    )
    for row in found:
        if row.item_ref not in items or row.location_ref not in places:
            raise MalformedPayload("A row speaks of what the reading does not cover.", field="rows")
    if len({(row.item_ref, row.location_ref) for row in found}) < len(found):
        raise MalformedPayload("A reading speaks twice of the same item and place.", field="rows")
    if not items:
        return []
    key = f"reading:{delivery.reading or delivery.id or at.isoformat()}:{items[0]}"
    return [SnapshotReceived(key, Extent.COMPLETE, places, items, found, at)]


def _unread(body: Mapping[str, Any], delivery: Delivery) -> list[ExternalEvent]:
    """Items that could not be read: nothing is said of them, and what was known is known no more."""
    places, items = _names(body, "places", _PLACE), _names(body, "items", _ITEM)
    key = f"unread:{delivery.reading or delivery.id}:{','.join(items)[:120]}"
    return [SnapshotReceived(key, Extent.CUT, places, items, (), utc(body, "at"))] if items else []


def _names(body: Mapping[str, Any], name: str, form: re.Pattern[str]) -> tuple[str, ...]:
    found = rows(body, name)
    if not all(isinstance(each, str) and form.match(each) for each in found):
        raise MalformedPayload(f"{name} must be references.", field=name)
    return tuple(dict.fromkeys(found))


def _row(row: Mapping[str, Any], path: str) -> SnapshotRow:
    return SnapshotRow(
        item_ref=text(row, "item", path, limit=40),
        location_ref=text(row, "place", path, limit=40),
        quantity=quantity(row, "quantity", path),
        reserved=_amount(row, "reserved", path),
        unassigned=_amount(row, "unassigned", path),
        unavailable=_amount(row, "unavailable", path),
        held=tuple(
            _held(each, f"{path}.held[{position}]") for position, each in enumerate(rows(row, "held", path))
        ),
    )


def _amount(row: Mapping[str, Any], name: str, path: str) -> Decimal:
    """Return what is kept back; rows of Odoo's can reserve less than nothing, and that is nothing."""
    return max(ZERO, quantity(row, name, path))


def _held(entry: Any, path: str) -> HeldRef:
    if not isinstance(entry, list) or len(entry) != 5:
        raise MalformedPayload(f"{path} must name a line and two quantities.", field=path)
    named = dict(zip(("source", "order", "line"), entry, strict=False))
    contained, delivered = (quantity_of(value, path) for value in entry[3:])
    if not ZERO <= delivered <= contained:
        raise NegativeQuantity(f"{path} holds less than nothing, or less than was delivered.", field=path)
    line = OrderLineRef(text(named, "source", path), text(named, "order", path), text(named, "line", path))
    return HeldRef(line, contained, delivered)


# ── movements ────────────────────────────────────────────────────────────────────────────────────────


def _lines(body: Mapping[str, Any]) -> list[ExternalEvent]:
    """One movement per place that a line leaves or comes to; they explain figures and are never added."""
    found: list[ExternalEvent] = []
    seen: set[str] = set()
    for position, raw in enumerate(rows(body, "lines")):
        path = f"lines[{position}]"
        line = obj(raw, path)
        number = whole(line, "id", path, least=1)
        moved = quantity(line, "quantity", path)
        ends = (("from", -moved, LEAVES, "is"), ("to", moved, COMES, "was"))
        for end, signed, reasons, other in ends:
            place = line.get(end)
            if place == "" or line.get("from") == line.get("to"):
                continue
            if not isinstance(place, str) or not _PLACE.match(place):
                raise MalformedPayload(f"{join(path, end)} must be a place.", field=join(path, end))
            key = f"line:{number}:{place}"
            if key in seen:
                raise MalformedPayload(f"{path} comes twice.", field=path)
            seen.add(key)
            item = text(line, "item", path, limit=40)
            if not _ITEM.match(item):
                raise MalformedPayload(f"{path}.item must be a product.", field=f"{path}.item")
            found.append(
                StockMoved(
                    key=key,
                    item_ref=item,
                    location_ref=place,
                    quantity=signed,
                    occurred_at=utc(line, "date", path, naive_is_utc=True),
                    reason=reasons.get(str(line.get(other)), Reason.ADJUSTMENT),
                    revision=int(utc(line, "write_date", path, naive_is_utc=True).timestamp()),
                    reference=_reference(line),
                    explains=True,
                )
            )
    return found


def _reference(line: Mapping[str, Any]) -> str:
    value = line.get("reference")
    return clean(value, limit=120) if isinstance(value, str) else ""


# ── hints ────────────────────────────────────────────────────────────────────────────────────────────


def _hint(delivery: Delivery) -> list[ExternalEvent]:
    """Nobody signed it, and Odoo 18 sends it before its transaction ends: it names what to read, if that."""
    hint = hint_of(delivery.body)
    if hint is None:
        raise MalformedPayload("The body is no message of an Odoo automation rule.")
    kind, ref, why = hint
    return [ObjectHinted(f"hint:{kind}:{ref}:{delivery.id}", kind, ref, why, VISIBLE_IN_S)]
