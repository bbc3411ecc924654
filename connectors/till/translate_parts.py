"""What every event of the till contract is made of: its head, its lines, quantities and what is tracked.

Each reader returns our type or raises MalformedPayload with the path of the field. Knows no event type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.base.fields import join, obj, quantity_of, rows, text, utc, whole
from inventory_sync.domain.errors import MalformedPayload, NegativeQuantity, NotExact
from inventory_sync.domain.external import OrderLineRef

Line = tuple[str, int, Mapping[str, Any]]  # path, number, content

_CONDITION = re.compile(r"[a-z][a-z_]{0,39}\Z")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


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
class Tracked:
    """What a line says beside item and quantity; empty where it says nothing."""

    lot: str
    owner: str


def head_of(body: Mapping[str, Any]) -> Head:
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
        reference = f"{kind}/{number}"[:120]
    return Head(
        id=message_id,
        store=text(body, "store", limit=64),
        sequence=whole(body, "sequence"),
        time=utc(body, "time"),
        revision=revision,
        root=corrects or message_id,
        reference=reference,
    )


def lines_of(body: Mapping[str, Any], *, may_be_none: bool = False) -> list[Line]:
    """Return path, number and content of each line; a number that stands twice would hide one of them."""
    found: list[Line] = []
    numbers: set[int] = set()
    for position, raw in enumerate(rows(body, "lines")):
        path = f"lines[{position}]"
        line = obj(raw, path)
        number = whole(line, "line", path)
        if number in numbers:
            raise MalformedPayload(f"{path}.line stands twice in the event.", field=f"{path}.line")
        numbers.add(number)
        found.append((path, number, line))
    if not found and not may_be_none:
        raise MalformedPayload("lines must not be empty.", field="lines")
    return found


def quantity(line: Mapping[str, Any], path: str, name: str = "quantity") -> Decimal:
    """Quantities are texts, so that no reader makes a binary fraction of them."""
    value, where = line.get(name), join(path, name)
    if isinstance(value, Decimal):
        raise NotExact(f"{where} must be a decimal text; a number becomes a binary fraction.", field=where)
    if not isinstance(value, str | float):
        raise MalformedPayload(f"{where} must be a decimal text.", field=where)
    return quantity_of(value, where)


def amount(line: Mapping[str, Any], path: str, name: str, what: str) -> Decimal:
    """Return a quantity from 0; 0 where the line does not name it."""
    if line.get(name) is None:
        return Decimal(0)
    found = quantity(line, path, name)
    if found < 0:
        where = join(path, name)
        raise NegativeQuantity(f"{where} must not be negative on a {what}.", field=where)
    return found


def unit(line: Mapping[str, Any], path: str) -> str:
    return text(line, "uom", path, limit=20) if line.get("uom") not in (None, "") else ""


def tracked(line: Mapping[str, Any], path: str) -> Tracked:
    lot = text(line, "lot", path, limit=80) if line.get("lot") not in (None, "") else ""
    owner = text(line, "owner", path, limit=80) if line.get("owner") not in (None, "") else ""
    return Tracked(lot, owner)


def condition(line: Mapping[str, Any], path: str, name: str = "condition", default: str = "") -> str:
    """Return a condition; "" is sellable stock, and where nothing is said the default."""
    value, where = line.get(name, default), join(path, name)
    if value == "":
        return ""
    if not isinstance(value, str) or not _CONDITION.match(value):
        raise MalformedPayload(f"{where} must be small letters and underscores, or empty.", field=where)
    return value


def order_line(body: Mapping[str, Any], line: Mapping[str, Any], path: str) -> OrderLineRef | None:
    """Return the order line a line is about, None when the event names no order."""
    if body.get("order") is None:
        return None
    order = obj(body["order"], "order")
    return OrderLineRef(
        source=text(order, "source", "order", limit=60),
        order_ref=text(order, "number", "order", limit=60),
        line_ref=text(line, "order_line", path, limit=60),
    )


def due(parent: Mapping[str, Any], path: str = "") -> datetime | None:
    """Return the beginning (UTC) of the day something is due, None when it is not said."""
    value, where = parent.get("due"), join(path, "due")
    if value is None:
        return None
    try:
        if isinstance(value, str) and _DATE.match(value):
            return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        pass
    raise MalformedPayload(f"{where} must be a day, as 2026-12-01.", field=where)


def choice(parent: Mapping[str, Any], name: str, allowed: type[Any], path: str = "") -> Any:
    """Return a member of an enumeration."""
    value = text(parent, name, path, limit=40)
    try:
        return allowed(value)
    except ValueError as error:
        words = ", ".join(str(each) for each in allowed)
        where = join(path, name)
        raise MalformedPayload(f"{where} must be one of {words}.", field=where) from error
