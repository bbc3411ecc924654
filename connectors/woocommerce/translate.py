"""Turn WooCommerce deliveries into external events. Pure: no I/O, no clock, no account.

A stock figure of the shop is an observation and never a movement; an order is demand. Handling is by state:
`created` and `updated` come in either order and coalesced, so both mean "this is the order now".
Does not decide which version of an order is news: the ledger does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from connectors.base.fields import clean, join, obj, quantity_of, rows, text, utc, whole
from connectors.woocommerce.config import WooConfig
from inventory_sync.domain.errors import MalformedPayload, Unsupported
from inventory_sync.domain.external import (
    ExternalEvent,
    FigureObserved,
    ObjectHinted,
    OrderLine,
    OrderReported,
    OrderStatus,
    OrderVanished,
)
from inventory_sync.domain.ports import Delivery

STATUSES: Mapping[str, OrderStatus] = {
    "checkout-draft": OrderStatus.UNPAID,
    "pending": OrderStatus.UNPAID,
    "on-hold": OrderStatus.COMMITTED,  # the shop lowers its stock
    "processing": OrderStatus.COMMITTED,
    "completed": OrderStatus.SHIPPED,  # the shop says so; the authority's books decide
    "cancelled": OrderStatus.CANCELLED,
    "refunded": OrderStatus.CANCELLED,  # nothing is owed any more; what came back is the authority's to say
    "failed": OrderStatus.RELEASED,
    "auto-draft": OrderStatus.RELEASED,
}
CUSTOM_STATUS = OrderStatus.COMMITTED
"""What a status of a plugin means unless the connection says otherwise: demand is kept, not dropped."""

DEFAULT_HOLD_MINUTES = 60
STREAM_OF = {"order": "orders", "product": "products"}


def translate(delivery: Delivery, config: Any = None) -> list[ExternalEvent]:
    """Return what a delivery says; raises Unsupported for topics that tell nothing of stock or demand."""
    handler = TOPICS.get(delivery.topic)
    if handler is None:
        raise Unsupported(f"Topic {clean(delivery.topic, limit=80)!r} tells nothing of stock or demand.")
    body = obj(delivery.json())
    if "id" not in body and isinstance(body.get("code"), str):
        return [_error_body(delivery, body["code"])]
    return handler(delivery, body, config if isinstance(config, WooConfig) else None)


def item_ref(product_id: int, variation_id: int = 0) -> str:
    """Return the one spelling of a sellable thing: ids of products and orders come from one sequence."""
    return f"variation:{variation_id}" if variation_id else f"product:{product_id}"


def _origin(delivery: Delivery) -> str:
    """Return what makes the keys of this delivery its own: the same delivery, the same keys."""
    if delivery.id:
        return str(delivery.id)
    digest = hashlib.sha256(b"\0".join((delivery.topic.encode("utf-8", "replace"), delivery.body)))
    return digest.hexdigest()[:24]


# ── orders ───────────────────────────────────────────────────────────────────────────────────────────


def _order_sent(delivery: Delivery, body: Mapping[str, Any], config: WooConfig | None) -> list[ExternalEvent]:
    """An order as its webhook shows it; with refunds it is incomplete, for their lines are not in it."""
    ref = str(whole(body, "id", least=1))
    if body.get("refunds"):
        why = "The order has refunds, whose lines only a reading shows."
        return [ObjectHinted(f"hint:order:{ref}:{_origin(delivery)}", "order", ref, why)]
    return _order(delivery, body, [], "", config)


def _order_read(delivery: Delivery, body: Mapping[str, Any], config: WooConfig | None) -> list[ExternalEvent]:
    """An order and all its refunds, read by the hub itself."""
    order = obj(body.get("order"), "order")
    refunds = [obj(refund, f"refunds[{n}]") for n, refund in enumerate(rows(body, "refunds"))]
    return _order(delivery, order, refunds, "order", config)


def _order(
    delivery: Delivery,
    order: Mapping[str, Any],
    refunds: list[Mapping[str, Any]],
    path: str,
    config: WooConfig | None,
) -> list[ExternalEvent]:
    ref = str(whole(order, "id", path, least=1))
    word = text(order, "status", path, limit=60).removeprefix("wc-")
    if word == "trash":
        return [OrderVanished(f"gone:order:{ref}:{_origin(delivery)}", ref)]
    status = meaning(word, config)
    dated = "date_modified_gmt" if order.get("date_modified_gmt") else "date_created_gmt"
    lines = _lines(order, _refunded(refunds), path)
    placed_at = (
        utc(order, "date_created_gmt", path, naive_is_utc=True) if order.get("date_created_gmt") else None
    )
    number = order.get("number")
    return [
        OrderReported(
            key=f"order:{ref}:{_origin(delivery)}",
            order_ref=ref,
            stamp=int(utc(order, dated, path, naive_is_utc=True).timestamp()),
            status=status,
            lines=lines,
            fingerprint=_fingerprint(word, lines),
            number=clean(number, limit=60) if isinstance(number, str) else ref,
            placed_at=placed_at,
            hold_minutes=_hold(status, config),
        )
    ]


def meaning(word: str, config: WooConfig | None) -> OrderStatus:
    """Return what a status of the shop means for demand."""
    own = config.meanings() if config else {}
    return STATUSES.get(word) or own.get(word) or CUSTOM_STATUS


def _hold(status: OrderStatus, config: WooConfig | None) -> int:
    if status is not OrderStatus.UNPAID:
        return 0
    return config.hold_unpaid_minutes if config else DEFAULT_HOLD_MINUTES


def _lines(order: Mapping[str, Any], refunded: Mapping[str, Decimal], path: str) -> tuple[OrderLine, ...]:
    """Return the lines with the demand still wanted; more refunded than ordered leaves none."""
    found: dict[str, OrderLine] = {}
    for position, raw in enumerate(rows(order, "line_items", path)):
        where = join(path, f"line_items[{position}]")
        line = obj(raw, where)
        ref = str(whole(line, "id", where, least=1))
        if ref in found:
            raise MalformedPayload(f"{where}.id stands twice in the order.", field=f"{where}.id")
        ordered = quantity_of(line.get("quantity"), f"{where}.quantity")
        found[ref] = OrderLine(
            line_ref=ref,
            item_ref=_line_item_ref(line, where),
            quantity=max(Decimal(0), ordered - refunded.get(ref, Decimal(0))),
            label=_label(line),
        )
    return tuple(found.values())


def _line_item_ref(line: Mapping[str, Any], where: str) -> str:
    """Return the variation or the product; the shop names neither once the product is deleted."""
    product_id, variation_id = whole(line, "product_id", where), 0
    if line.get("variation_id") is not None:
        variation_id = whole(line, "variation_id", where)
    if product_id or variation_id:
        return item_ref(product_id, variation_id)
    return f"sku:{_label(line)}"


def _label(line: Mapping[str, Any]) -> str:
    """Return the first of SKU and name that says anything, for people."""
    for name in ("sku", "name"):
        value = line.get(name)
        if isinstance(value, str) and value.strip():
            return clean(value.strip(), limit=120)
    return "?"


def _refunded(refunds: list[Mapping[str, Any]]) -> dict[str, Decimal]:
    """Return the units refunded per order line, restocked or not: either way they are no longer owed."""
    units: dict[str, Decimal] = {}
    for number, refund in enumerate(refunds):
        path = f"refunds[{number}]"
        for position, raw in enumerate(rows(refund, "line_items", path)):
            where = f"{path}.line_items[{position}]"
            line = obj(raw, where)
            ref = _refunded_line(line)
            if ref:
                taken = abs(quantity_of(line.get("quantity"), f"{where}.quantity"))
                units[ref] = units.get(ref, Decimal(0)) + taken
    return units


def _refunded_line(line: Mapping[str, Any]) -> str:
    metas = line.get("meta_data")
    for meta in metas if isinstance(metas, list) else ():
        if isinstance(meta, Mapping) and meta.get("key") == "_refunded_item_id":
            return str(meta.get("value"))
    return ""


def _fingerprint(word: str, lines: tuple[OrderLine, ...]) -> str:
    """Tell contents apart at equal stamps; equal for a webhook and a reading of the same state."""
    content = [word, [[line.line_ref, line.item_ref, str(line.quantity)] for line in lines]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def _order_deleted(delivery: Delivery, body: Mapping[str, Any], _: WooConfig | None) -> list[ExternalEvent]:
    """Trashed. The body is the id alone; one with more is not what the shop sends, so it is read again."""
    ref = str(whole(body, "id", least=1))
    if set(body) != {"id"}:
        why = "An order.deleted that holds more than an id."
        return [ObjectHinted(f"hint:order:{ref}:{_origin(delivery)}", "order", ref, why)]
    return [OrderVanished(f"gone:order:{ref}:{_origin(delivery)}", ref)]


def _order_gone(delivery: Delivery, body: Mapping[str, Any], _: WooConfig | None) -> list[ExternalEvent]:
    """Not found when read by id: deleted for good, which the shop announces to nobody."""
    ref = str(whole(body, "id", least=1))
    return [OrderVanished(f"gone:order:{ref}:{_origin(delivery)}", ref, announced=False)]


# ── products ─────────────────────────────────────────────────────────────────────────────────────────


def _product(delivery: Delivery, body: Mapping[str, Any], _: WooConfig | None) -> list[ExternalEvent]:
    """What the shop shows for one listing; a variation that shares its parent's pool has no own figure."""
    product_id = whole(body, "id", least=1)
    variation = body.get("type") == "variation" or delivery.topic.startswith("variation.")
    managed = body.get("manage_stock") is True
    figure = body.get("stock_quantity") if managed else None
    stamp = body.get("date_modified_gmt")
    return [
        FigureObserved(
            key=f"figure:{product_id}:{_origin(delivery)}",
            item_ref=item_ref(0, product_id) if variation else item_ref(product_id),
            figure=None if figure is None else quantity_of(figure, "stock_quantity"),
            stamp=clean(stamp, limit=40) if isinstance(stamp, str) else "",
            managed=managed,
        )
    ]


def _product_deleted(delivery: Delivery, body: Mapping[str, Any], _: WooConfig | None) -> list[ExternalEvent]:
    """A hint only: with legacy order storage a trashed order announces itself as a deleted product too."""
    ref = str(whole(body, "id", least=1))
    return [
        ObjectHinted(
            f"hint:product:{ref}:{_origin(delivery)}", "product", ref, "The shop reports it deleted."
        )
    ]


def _nothing_left(_: Delivery, body: Mapping[str, Any], __: WooConfig | None) -> list[ExternalEvent]:
    """A product that is gone moves nothing; the next reading of its listing says so, if there is one."""
    whole(body, "id", least=1)
    return []


def _error_body(delivery: Delivery, code: str) -> ExternalEvent:
    """A correctly signed REST error: the object vanished meanwhile, or the webhook's creator lost rights."""
    stream = STREAM_OF.get(delivery.topic.partition(".")[0], "orders")
    why = f"The webhook's body is the shop's error {clean(code, limit=80)}; it names no object."
    return ObjectHinted(f"hint:stream:{stream}:{_origin(delivery)}", "stream", stream, why)


Handler = Callable[[Delivery, Mapping[str, Any], WooConfig | None], list[ExternalEvent]]

TOPICS: Mapping[str, Handler] = {
    "order.created": _order_sent,
    "order.updated": _order_sent,
    "order.restored": _order_sent,
    "order.deleted": _order_deleted,
    "order.read": _order_read,
    "order.gone": _order_gone,
    "product.created": _product,
    "product.updated": _product,
    "product.restored": _product,
    "product.deleted": _product_deleted,
    "product.read": _product,
    "product.gone": _nothing_left,
    "variation.read": _product,
}
