"""Write stock events and orders for tests in one line each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from inventory_sync.domain.external import OrderLineRef, OrderStatus, Reason
from inventory_sync.ledger.types import (
    EventKind,
    FigureFacts,
    LineHeld,
    OrderEvent,
    OrderEventLine,
    StockEvent,
)

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
NOW = START + timedelta(days=30)


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


def delta(
    key: str, item: int, place: int, quantity: int | str, at: int = 0, *, by: int = 1, **values: Any
) -> StockEvent:
    values.setdefault("reason", Reason.SALE if Decimal(quantity) < 0 else Reason.RECEIPT)
    return StockEvent(
        connection_id=by,
        key=key,
        kind=EventKind.DELTA,
        item_id=item,
        location_id=place,
        quantity=Decimal(quantity),
        occurred_at=minute(at),
        **values,
    )


def count(
    key: str, item: int, place: int, quantity: int | str, at: int = 0, *, by: int = 1, **values: Any
) -> StockEvent:
    return StockEvent(
        connection_id=by,
        key=key,
        kind=EventKind.COUNT,
        item_id=item,
        location_id=place,
        quantity=Decimal(quantity),
        occurred_at=minute(at),
        **values,
    )


def figure(
    item: int,
    place: int,
    quantity: int,
    reading: int,
    *,
    by: int = 1,
    held: Mapping[tuple[str, str], tuple[int, int]] | None = None,
    source: str = "shop",
    **facts: int,
) -> StockEvent:
    """held: (order, line) → (contained, delivered). facts: reserved, unassigned, unavailable."""
    return StockEvent(
        connection_id=by,
        key=f"reading:{reading}:{item}:{place}",
        kind=EventKind.FIGURE,
        item_id=item,
        location_id=place,
        quantity=Decimal(quantity),
        occurred_at=minute(0),
        reading=reading,
        figure=FigureFacts(
            **{name: Decimal(value) for name, value in facts.items()},
            contained=tuple(
                LineHeld(source, order, line, Decimal(contained), Decimal(delivered))
                for (order, line), (contained, delivered) in (held or {}).items()
            ),
        ),
    )


def shipment(
    key: str, item: int, place: int, quantity: int, order: str, line: str, at: int = 0, **values: Any
) -> StockEvent:
    """Goods leave for an order line: quantity is what was shipped, positive."""
    source = values.pop("source", "shop")
    return delta(
        key,
        item,
        place,
        -quantity,
        at,
        reason=Reason.SHIPMENT,
        fulfils=OrderLineRef(source, order, line),
        **values,
    )


def order(
    ref: str,
    lines: dict[str, tuple[int, int]],
    *,
    stamp: int = 1,
    by: int,
    pool: tuple[int, ...] = (),
    status: OrderStatus | None = OrderStatus.COMMITTED,
    **values: Any,
) -> OrderEvent:
    """lines: line → (item, quantity). The fingerprint is made of what the order says."""
    made = tuple(OrderEventLine(name, item, Decimal(quantity)) for name, (item, quantity) in lines.items())
    values.setdefault("fingerprint", repr((status, sorted(lines.items())))[:64])
    return OrderEvent(
        connection_id=by, order_ref=ref, stamp=stamp, status=status, lines=made, pool=pool, **values
    )


def gone(ref: str, *, by: int, reading: int = 0) -> OrderEvent:
    return OrderEvent(connection_id=by, order_ref=ref, status=None, reading=reading, announced=reading == 0)
