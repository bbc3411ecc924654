"""The connectors of the simulation: small, in process, speaking the JSON of shop.py and till.py."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from inventory_sync.domain.errors import MalformedPayload, Unsupported
from inventory_sync.domain.external import (
    ExternalEvent,
    FigureObserved,
    OrderLine,
    OrderLineRef,
    OrderReported,
    OrderStatus,
    OrderVanished,
    Reason,
    StockCounted,
    StockMoved,
)
from inventory_sync.domain.ports import (
    Capabilities,
    Delivery,
    InboundRequest,
    Received,
    Stream,
)
from tests.sim.scheduler import EPOCH, Crash
from tests.sim.shop import VISIBLE_WITHIN_S

LONGEST_LIFE_S = 30
APPLIES_WITHIN_S = 40  # longer than the life of a request: a lost answer is in doubt for both

SHOP = Capabilities(
    sells=True,
    batch_lines=2,
    max_request_life_s=LONGEST_LIFE_S,
    orders_visible_within_s=VISIBLE_WITHIN_S,
    calls_per_s=20.0,
    burst=60,
    streams=(
        Stream("orders", every_s=15, overlap_s=VISIBLE_WITHIN_S + 2, tier="critical"),
        Stream("products", every_s=25, overlap_s=0),
    ),
    orders_stream="orders",
)
LATER = replace(SHOP, answers_later=True, applies_within_s=APPLIES_WITHIN_S)
TILL = Capabilities(
    reports_stock=True,
    retries_on_refusal=True,
    streams=(Stream("journal", every_s=15, overlap_s=0),),
)


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]


@dataclass(slots=True)
class ShopConnector:
    code: str = "simshop"
    label: str = "A shop"
    capabilities: Capabilities = SHOP
    config_type: type[Any] = dict

    def receive(self, request: InboundRequest, config: Any, *, now: datetime) -> Received:
        topic = request.headers["x-topic"]
        ref = request.headers["x-ref"]
        return Received(
            topic=topic,
            dedupe_key="" if topic == "order.gone" else f"hook:{digest(request.body)}",
            object_key=f"{topic.partition('.')[0]}:{ref}",
            tier="critical" if topic.startswith("order") else "standard",
        )

    def translate(self, delivery: Delivery, config: Any = None) -> list[ExternalEvent]:
        body = delivery.json()
        match delivery.topic:
            case "order":
                return [_order(body)]
            case "order.gone":
                announced = delivery.source == "webhook"
                return [OrderVanished(f"gone:{body['id']}", str(body["id"]), announced=announced)]
            case "figure":
                return [
                    FigureObserved(f"figure:{ref}", ref, Decimal(figure), str(body["stamp"]))
                    for ref, figure in sorted(body["figures"].items())
                ]
            case "order.killer":
                raise Crash("a message that ends its reader")
            case "order.nonsense":
                raise MalformedPayload("Not an order.", field="id")
        raise Unsupported(f"topic {delivery.topic!r}")

    def client(self, config: Any, *, connection: str, outside: Any = None) -> Any:
        raise NotImplementedError


@dataclass(slots=True)
class TillConnector:
    code: str = "simtill"
    label: str = "Tills"
    capabilities: Capabilities = TILL
    config_type: type[Any] = dict

    def receive(self, request: InboundRequest, config: Any, *, now: datetime) -> Received:
        return Received(
            topic="journal",
            dedupe_key=f"till:{digest(request.body)}",
            object_key=f"location:{request.headers['x-ref']}",
        )

    def translate(self, delivery: Delivery, config: Any = None) -> list[ExternalEvent]:
        return [_report(entry) for entry in delivery.json()["entries"]]

    def client(self, config: Any, *, connection: str, outside: Any = None) -> Any:
        raise NotImplementedError


def _order(body: dict[str, Any]) -> OrderReported:
    told = (body["status"], body["lines"], body["hold_minutes"])
    fingerprint = digest(repr(told).encode())
    return OrderReported(
        key=f"order:{body['id']}:{body['stamp']}:{fingerprint}",
        order_ref=str(body["id"]),
        stamp=body["stamp"],
        status=OrderStatus(body["status"]),
        lines=tuple(OrderLine(line["id"], line["ref"], Decimal(line["quantity"])) for line in body["lines"]),
        fingerprint=fingerprint,
        number=f"#{body['id']}",
        placed_at=EPOCH + timedelta(seconds=float(body["placed_s"])),
        hold_minutes=body["hold_minutes"],
    )


def _report(entry: dict[str, Any]) -> StockMoved | StockCounted:
    key = f"entry:{entry['number']}"
    at = EPOCH + timedelta(seconds=entry["at_s"])
    if entry["kind"] == "count":
        return StockCounted(
            key,
            entry["item"],
            entry["location"],
            Decimal(entry["quantity"]),
            at,
            sequence=entry["number"],
        )
    fulfils = entry["fulfils"]
    return StockMoved(
        key=key,
        item_ref=entry["item"],
        location_ref=entry["location"],
        quantity=Decimal(entry["quantity"]),
        occurred_at=at,
        reason=Reason(entry["reason"]),
        sequence=entry["number"],
        revision=entry["revision"],
        fulfils=OrderLineRef("shop", *fulfils) if fulfils else None,
    )
