"""Goods in the stockroom: receipts against announcements, picks, conditions, returns decided, readings.

Part of translate.py, which knows what moves stock by its sign alone. Pure like it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors.base.fields import join, obj, rows, text, utc, whole
from connectors.till.translate_parts import (
    Head,
    amount,
    choice,
    condition,
    due,
    lines_of,
    order_line,
    quantity,
    tracked,
    unit,
)
from inventory_sync.domain.errors import MalformedPayload, NegativeQuantity
from inventory_sync.domain.external import (
    RETURNED,
    ConditionChanged,
    Disposition,
    ExpectationChanged,
    ExpectationKind,
    ExpectationRef,
    ExpectationStatus,
    ExpectedLine,
    Extent,
    ExternalEvent,
    GoodsReceived,
    HeldRef,
    OrderLineRef,
    PickReported,
    ReturnDispositioned,
    SnapshotReceived,
    SnapshotRow,
)
from inventory_sync.domain.ports import Delivery

MOST_COVERED = 5000


def received(head: Head, body: Mapping[str, Any]) -> list[ExternalEvent]:
    """Goods arrived, from a vendor or out of transit, against an announcement if the body names one."""
    is_transfer = head.reference.startswith("transfer/")
    answers = _answered(head, body, is_transfer=is_transfer)
    final = body.get("final", False)
    if not isinstance(final, bool):
        raise MalformedPayload("final must be true or false.", field="final")
    found: list[ExternalEvent] = []
    for path, number, line in lines_of(body):
        total, damaged = quantity(line, path), amount(line, path, "damaged", "receipt")
        _not_nothing(total, head, path, "receipt")
        if damaged > total:
            raise MalformedPayload(f"{path}.damaged is more than arrived.", field=f"{path}.damaged")
        marks = tracked(line, path)
        found.append(
            GoodsReceived(
                key=f"{head.root}/{number}",
                item_ref=text(line, "sku", path, limit=120),
                location_ref=head.store,
                quantity=total,
                occurred_at=head.time,
                damaged=damaged,
                expected=None if line.get("expected") is None else amount(line, path, "expected", "receipt"),
                expectation=answers,
                final=final,
                transfer=is_transfer,
                unit=unit(line, path),
                sequence=head.sequence,
                revision=head.revision,
                reference=head.reference,
                lot=marks.lot,
                owner=marks.owner,
            )
        )
    return found


def announced_transfer(head: Head, body: Mapping[str, Any]) -> ExpectationChanged | None:
    """What is on its way to another store; None when the body does not say where to, or has no document."""
    if body.get("to_store") is None or not head.reference:
        return None
    return ExpectationChanged(
        key=f"{head.root}/transit",
        ref=head.reference,
        version=head.revision,
        kind=ExpectationKind.TRANSFER,
        status=ExpectationStatus.OPEN,
        location_ref=text(body, "to_store", limit=64),
        lines=_expected(body),
        origin_ref=head.store,
        due_at=due(body),
        reference=head.reference,
    )


def expected(head: Head, body: Mapping[str, Any]) -> list[ExternalEvent]:
    """An announcement as it is now, whole; its version decides, not when it comes."""
    about = obj(body.get("expectation"), "expectation")
    where = "expectation"
    origin = text(about, "from_store", where, limit=64) if about.get("from_store") is not None else ""
    return [
        ExpectationChanged(
            key=head.id,
            ref=text(about, "key", where, limit=120),
            version=whole(about, "version", where),
            kind=choice(about, "kind", ExpectationKind, where),
            status=choice(about, "status", ExpectationStatus, where),
            location_ref=head.store,
            lines=_expected(body),
            origin_ref=origin,
            due_at=due(about, where),
            reference=head.reference,
            sequence=head.sequence,
        )
    ]


def picked(head: Head, body: Mapping[str, Any]) -> list[ExternalEvent]:
    """What was taken off the shelf for an order, and what was not found."""
    obj(body.get("order"), "order")
    found: list[ExternalEvent] = []
    for path, number, line in lines_of(body):
        order = order_line(body, line, path)
        assert order is not None
        found.append(
            PickReported(
                key=f"{head.root}/{number}",
                order=order,
                item_ref=text(line, "sku", path, limit=120),
                location_ref=head.store,
                picked=amount(line, path, "quantity", "pick"),
                short=amount(line, path, "short", "pick"),
                occurred_at=head.time,
                unit=unit(line, path),
                revision=head.revision,
                reference=head.reference,
                sequence=head.sequence,
            )
        )
    return found


def dispositioned(head: Head, body: Mapping[str, Any]) -> list[ExternalEvent]:
    """Somebody decided what becomes of goods that came back."""
    found: list[ExternalEvent] = []
    for path, number, line in lines_of(body):
        was = condition(line, path, "was", RETURNED)
        if not was:
            raise MalformedPayload(f"{path}.was must name the condition they lay in.", field=f"{path}.was")
        marks = tracked(line, path)
        found.append(
            ReturnDispositioned(
                key=f"{head.root}/{number}",
                item_ref=text(line, "sku", path, limit=120),
                location_ref=head.store,
                quantity=_positive(line, head, path, "disposition"),
                disposition=choice(line, "disposition", Disposition, path),
                occurred_at=head.time,
                was=was,
                unit=unit(line, path),
                sequence=head.sequence,
                revision=head.revision,
                reference=head.reference,
                lot=marks.lot,
                owner=marks.owner,
            )
        )
    return found


def conditioned(head: Head, body: Mapping[str, Any]) -> list[ExternalEvent]:
    """Stock stays where it is and can, or can no longer, be sold."""
    found: list[ExternalEvent] = []
    for path, number, line in lines_of(body):
        was, now = condition(line, path, "was"), condition(line, path)
        if was == now:
            raise MalformedPayload(f"{path}.condition is what it was.", field=f"{path}.condition")
        marks = tracked(line, path)
        found.append(
            ConditionChanged(
                key=f"{head.root}/{number}",
                item_ref=text(line, "sku", path, limit=120),
                location_ref=head.store,
                quantity=_positive(line, head, path, "condition"),
                was=was,
                condition=now,
                occurred_at=head.time,
                unit=unit(line, path),
                sequence=head.sequence,
                revision=head.revision,
                reference=head.reference,
                lot=marks.lot,
                owner=marks.owner,
            )
        )
    return found


def snapshot(delivery: Delivery, body: Mapping[str, Any]) -> list[ExternalEvent]:
    """One reading of the books: whole items at every place it covers."""
    places, items = _names(body, "stores", 64), _names(body, "items", 120)
    origin = f"reading:{delivery.reading}" if delivery.reading else hashlib.sha256(delivery.body).hexdigest()
    found: list[SnapshotRow] = []
    seen: set[tuple[str, str]] = set()
    for position, raw in enumerate(rows(body, "rows")):
        path = f"rows[{position}]"
        row = obj(raw, path)
        place, item = text(row, "store", path, limit=64), text(row, "sku", path, limit=120)
        if place not in places or item not in items:
            raise MalformedPayload(f"{path} lies outside what the reading covers.", field=path)
        if (item, place) in seen:
            raise MalformedPayload(f"{path} stands twice in the reading.", field=path)
        seen.add((item, place))
        found.append(
            SnapshotRow(
                item_ref=item,
                location_ref=place,
                quantity=quantity(row, path),
                reserved=amount(row, path, "reserved", "snapshot"),
                unassigned=amount(row, path, "unassigned", "snapshot"),
                unavailable=amount(row, path, "unavailable", "snapshot"),
                unit=unit(row, path),
                held=_held(row, path),
            )
        )
    return [
        SnapshotReceived(
            key=f"snapshot:{origin[:64]}",
            extent=choice(body, "extent", Extent),
            location_refs=places,
            item_refs=items,
            rows=tuple(found),
            occurred_at=utc(body, "time"),
        )
    ]


def _answered(head: Head, body: Mapping[str, Any], *, is_transfer: bool) -> ExpectationRef | None:
    """Return the announcement a receipt answers: the one it names, or the transfer it comes from."""
    if body.get("expectation") is None:
        return ExpectationRef("", head.reference) if is_transfer else None
    about = obj(body["expectation"], "expectation")
    source = text(about, "source", "expectation", limit=60) if about.get("source") is not None else ""
    return ExpectationRef(source, text(about, "key", "expectation", limit=120))


def _expected(body: Mapping[str, Any]) -> tuple[ExpectedLine, ...]:
    return tuple(
        ExpectedLine(
            line_ref=str(number),
            item_ref=text(line, "sku", path, limit=120),
            quantity=amount(line, path, "quantity", "announcement"),
            unit=unit(line, path),
            due_at=due(line, path),
        )
        for path, number, line in lines_of(body, may_be_none=True)
    )


def _held(row: Mapping[str, Any], path: str) -> tuple[HeldRef, ...]:
    found: list[HeldRef] = []
    for position, raw in enumerate(rows(row, "held", path) if row.get("held") is not None else ()):
        where = f"{path}.held[{position}]"
        held = obj(raw, where)
        line = OrderLineRef(
            source=text(held, "source", where, limit=60),
            order_ref=text(held, "number", where, limit=60),
            line_ref=text(held, "order_line", where, limit=60),
        )
        contained = amount(held, where, "contained", "snapshot")
        delivered = amount(held, where, "delivered", "snapshot")
        if delivered > contained:
            raise MalformedPayload(
                f"{where}.delivered is more than is contained.", field=f"{where}.delivered"
            )
        found.append(HeldRef(line, contained, delivered))
    return tuple(found)


def _names(body: Mapping[str, Any], name: str, limit: int) -> tuple[str, ...]:
    given: Sequence[Any] = rows(body, name)
    if not 0 < len(given) <= MOST_COVERED:
        raise MalformedPayload(f"{name} must hold 1 to {MOST_COVERED} names.", field=name)
    found = [text({str(at): each}, str(at), name, limit=limit) for at, each in enumerate(given)]
    if len(set(found)) != len(found):
        raise MalformedPayload(f"{name} must hold each name once.", field=name)
    return tuple(found)


def _positive(line: Mapping[str, Any], head: Head, path: str, what: str) -> Decimal:
    found = amount(line, path, "quantity", what)
    if line.get("quantity") is None:
        raise MalformedPayload(f"{path}.quantity must be a decimal text.", field=join(path, "quantity"))
    _not_nothing(found, head, path, what)
    return found


def _not_nothing(found: Decimal, head: Head, path: str, what: str) -> None:
    """Only a correction may say 0: that is how it takes a line back."""
    where = join(path, "quantity")
    if found < 0:
        raise NegativeQuantity(f"{where} must not be negative on a {what}.", field=where)
    if found == 0 and head.root == head.id:
        raise MalformedPayload(f"{where} must not be 0.", field=where)
