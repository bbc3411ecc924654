"""What happens to the naive build's stock: one event, one transaction, one locked row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, Sum

from benchmarks.naive.shop.models import (
    Availability,
    Channel,
    Item,
    Listing,
    Location,
    Movement,
    Order,
    Reservation,
    Stock,
)

OPEN = {"on-hold", "processing", "completed"}
OUTWARD = {"sale", "shipment", "transfer"}


class NotEnough(Exception):
    """There is not enough of it left."""


@dataclass(frozen=True)
class StockChange:
    """One parsed line of a till event."""

    channel_id: int
    key: str
    item_id: int
    location_id: int
    quantity: Decimal
    reason: str
    reference: str
    occurred_at: datetime


def parse_till(channel: Channel, body: dict[str, Any]) -> list[StockChange]:
    """Turn a till event into changes of stock."""
    location = Location.objects.get(code=body["store"])
    document = body.get("document") or {}
    changes = []
    for line in body["lines"]:
        listing = Listing.objects.get(channel=channel, external_id=line["sku"])
        quantity = Decimal(line["quantity"])
        changes.append(
            StockChange(
                channel_id=channel.pk,
                key=f"{body['id']}/{line['line']}",
                item_id=listing.item_id,
                location_id=location.pk,
                quantity=-quantity if body["type"] in OUTWARD else quantity,
                reason=body["type"],
                reference=f"{document.get('kind', '')}/{document.get('number', '')}",
                occurred_at=datetime.fromisoformat(body["time"]),
            )
        )
    return changes


@transaction.atomic(savepoint=False)
def apply_change(change: StockChange) -> None:
    """Write the ledger line once, change the locked level, have availability computed after the commit."""
    stock, _ = Stock.objects.select_for_update().get_or_create(
        item_id=change.item_id, location_id=change.location_id
    )
    delta = change.quantity - stock.on_hand if change.reason == "count" else change.quantity
    _, created = Movement.objects.get_or_create(
        channel_id=change.channel_id,
        key=change.key,
        defaults={
            "stock": stock,
            "quantity": delta,
            "reason": change.reason,
            "reference": change.reference,
            "occurred_at": change.occurred_at,
        },
    )
    if not created:
        return
    stock.on_hand = F("on_hand") + delta
    stock.save(update_fields=["on_hand", "updated_at"])
    _recompute_later(stock.item_id)


@transaction.atomic(savepoint=False)
def apply_order(channel: Channel, body: dict[str, Any]) -> None:
    """Get or create the order, and make its reservations what its lines say."""
    modified_at = datetime.fromisoformat(body["date_modified_gmt"] + "+00:00")
    order, created = Order.objects.select_for_update().get_or_create(
        channel=channel,
        external_id=str(body["id"]),
        defaults={"number": body["number"], "status": body["status"], "modified_at": modified_at},
    )
    if not created:
        if order.modified_at is not None and order.modified_at >= modified_at:
            return
        order.status, order.modified_at = body["status"], modified_at
        order.save(update_fields=["status", "modified_at"])
    location = channel.locations.order_by("id").first()
    assert location is not None
    for line in sorted(body["line_items"], key=lambda each: each["product_id"]):
        listing = Listing.objects.get(channel=channel, external_id=f"product:{line['product_id']}")
        wanted = Decimal(line["quantity"]) if body["status"] in OPEN else Decimal(0)
        _reserve(order, str(line["id"]), listing.item_id, location.pk, wanted)


@transaction.atomic
def reserve(*, channel: Channel, order_ref: str, line: str, sku: str, quantity: Decimal) -> Reservation:
    """Reserve for one order line, once. Raises NotEnough."""
    location = channel.locations.order_by("id").first()
    assert location is not None
    item = Item.objects.get(sku=sku)
    stock = Stock.objects.select_for_update().get(item=item, location=location)
    order, _ = Order.objects.get_or_create(
        channel=channel, external_id=order_ref, defaults={"status": "processing"}
    )
    reservation, created = Reservation.objects.get_or_create(
        order=order, line=line, defaults={"stock": stock, "quantity": quantity}
    )
    if not created:
        return reservation
    if stock.on_hand - stock.reserved < quantity:
        raise NotEnough
    stock.reserved = F("reserved") + quantity
    stock.save(update_fields=["reserved", "updated_at"])
    _recompute_later(item.pk)
    return reservation


def _reserve(order: Order, line: str, item_id: int, location_id: int, wanted: Decimal) -> None:
    stock, _ = Stock.objects.select_for_update().get_or_create(item_id=item_id, location_id=location_id)
    reservation, created = Reservation.objects.get_or_create(
        order=order, line=line, defaults={"stock": stock, "quantity": wanted}
    )
    delta = wanted if created else wanted - reservation.quantity
    if not created and delta:
        reservation.quantity = wanted
        reservation.save(update_fields=["quantity"])
    if delta:
        stock.reserved = F("reserved") + delta
        stock.save(update_fields=["reserved", "updated_at"])
        _recompute_later(item_id)


def _recompute_later(item_id: int) -> None:
    from benchmarks.naive.shop.tasks import recompute_availability  # noqa: PLC0415 - tasks import services

    transaction.on_commit(partial(recompute_availability.delay, item_id))


def recompute(item_id: int) -> int:
    """Compute what every channel may show of an item and of the kits made of it; returns how many changed."""
    item = Item.objects.get(pk=item_id)
    kits = [part.kit for part in item.used_in.select_related("kit")]
    changed = 0
    for target in [item, *kits]:
        for listing in target.listings.select_related("channel"):
            quantity = _available(target, listing.channel)
            figure, created = Availability.objects.get_or_create(
                channel=listing.channel, item=target, defaults={"quantity": quantity}
            )
            if not created and figure.quantity != quantity:
                figure.quantity, figure.dirty = quantity, True
                figure.save(update_fields=["quantity", "dirty", "updated_at"])
            changed += created
    return changed


def _available(item: Item, channel: Channel) -> Decimal:
    parts = list(item.components.all())
    if parts:
        return max(
            Decimal(0),
            min(_free(part.item_id, channel) // part.quantity for part in parts) - channel.buffer,
        )
    return max(Decimal(0), _free(item.pk, channel) - channel.buffer)


def _free(item_id: int, channel: Channel) -> Decimal:
    total = Stock.objects.filter(item_id=item_id, location__channels=channel).aggregate(
        free=Sum(F("on_hand") - F("reserved"))
    )
    return total["free"] or Decimal(0)
