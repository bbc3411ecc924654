"""The naive side, driven by the harness (benchmarks/driver.py)."""

from __future__ import annotations

import time
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402 - needs Django set up
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.models import F  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402

from benchmarks import world  # noqa: E402
from benchmarks.driver import serve  # noqa: E402
from benchmarks.naive.celery import app  # noqa: E402
from benchmarks.naive.landing import land  # noqa: E402
from benchmarks.naive.shop import models, services, tasks  # noqa: E402
from benchmarks.rows import Tables, digest  # noqa: E402
from benchmarks.world import NAIVE_SECRETS, SHOP, STORES, TILL, WAREHOUSE, Size  # noqa: E402

ROOMS = (
    "shop_stock",
    "shop_webhookevent",
    "shop_movement",
    "shop_order",
    "shop_reservation",
    "shop_availability",
)
QUEUES = ("celery", "availability")
LEVELS = """
SELECT i.sku, p.code, s.on_hand::text, s.reserved::text
FROM shop_stock s JOIN shop_item i ON i.id = s.item_id JOIN shop_location p ON p.id = s.location_id
WHERE s.on_hand <> %s OR s.reserved <> 0
"""


@cache
def tables() -> Tables:
    return Tables(connection, ROOMS)


def prepare(size: dict[str, int]) -> dict[str, Any]:
    """Make the schema and the world; returns the token for the API."""
    call_command("migrate", interactive=False, verbosity=0)
    made = _world(Size(**size))
    tables().keep()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return made


@transaction.atomic
def _world(size: Size) -> dict[str, Any]:
    till = models.Channel.objects.create(code=TILL, kind="till", secret=NAIVE_SECRETS[TILL])
    shop = models.Channel.objects.create(
        code=SHOP, kind="woocommerce", secret=NAIVE_SECRETS[SHOP], buffer=world.BUFFER
    )
    places = models.Location.objects.bulk_create(models.Location(code=code) for code in (WAREHOUSE, *STORES))
    shop.locations.add(places[0])
    till.locations.add(*places[1:])
    items = models.Item.objects.bulk_create(
        (models.Item(sku=world.sku(number), name=f"Article {number}") for number in range(1, size.items + 1)),
        batch_size=5000,
    )
    models.Component.objects.bulk_create(
        models.Component(kit=items[number - 1], item=items[part - 1], quantity=1)
        for number in range(size.stocked + 1, size.items + 1)
        for part in world.parts_of(number, size)
    )
    models.Listing.objects.bulk_create(
        (
            models.Listing(channel=shop, external_id=world.listing(number), item=item)
            for number, item in enumerate(items, 1)
        ),
        batch_size=5000,
    )
    models.Listing.objects.bulk_create(
        models.Listing(channel=till, external_id=item.sku, item=item) for item in items[: size.in_stores]
    )
    models.Stock.objects.bulk_create(
        (
            models.Stock(item=item, location=place, on_hand=world.OPENING)
            for place in places
            for item in items[: size.stocked if place is places[0] else size.in_stores]
        ),
        batch_size=5000,
    )
    token = Token.objects.create(user=User.objects.create_user("bench"))
    return {"key": token.key}


def reset() -> None:
    """Bring every table back to the opening, and forget what waits in the broker."""
    tables().reset()
    with app.connection_for_write() as broker:
        channel = broker.default_channel
        for queue in QUEUES:
            channel.queue_purge(queue)


def levels() -> dict[str, Any]:
    """Return a digest of all levels that moved."""
    with connection.cursor() as cursor:
        cursor.execute(LEVELS, [world.OPENING])
        return digest(cursor.fetchall())


def rest(*, rests: bool) -> None:
    """Have the workers stop or go on taking messages."""
    order = app.control.cancel_consumer if rests else app.control.add_consumer
    if not order("celery", reply=True, timeout=10, limit=1):
        raise RuntimeError("No naive worker answers.")


def store(size: dict[str, int], now: str, seed: int, count: int, first: int) -> int:
    """Store raw webhooks and put their messages into the broker, as the view leaves them."""
    at = datetime.fromisoformat(now)
    raws = world.deliveries(count, Size(**size), seed=seed, now=at, first=first)
    channels = {channel.code: channel for channel in models.Channel.objects.all()}
    with transaction.atomic():
        events = models.WebhookEvent.objects.bulk_create(
            (
                models.WebhookEvent(
                    channel=channels[raw.sender], key=raw.key, topic=raw.topic, body=raw.body.decode()
                )
                for raw in raws
            ),
            batch_size=1000,
        )
    for event in events:
        tasks.process_webhook.delay(event.pk)
    return len(events)


def sell(now: str, seed: int, count: int, among: int, first: int, zipf: float = 0.0) -> list[int]:
    """Store till sales of one unit each and put their messages into the broker, as the view leaves them.

    Returns the number of each one's item.
    """
    till = models.Channel.objects.get(code=TILL)
    at = datetime.fromisoformat(now)
    changes = world.sales(count, among, seed=seed, now=at, zipf=zipf, first=first)
    for change in changes:
        raw = world.till_body(change)
        event = models.WebhookEvent.objects.create(
            channel=till, key=raw.key, topic=raw.topic, body=raw.body.decode()
        )
        tasks.process_webhook.delay(event.pk)
    return [change.number for change in changes]


def stored() -> int:
    """Return how many webhooks there are."""
    return models.WebhookEvent.objects.count()


def wait(patience_s: float) -> float:
    """Wait until every stored webhook is processed; returns the seconds waited."""
    began = time.perf_counter()
    with connection.cursor() as cursor:
        while time.perf_counter() - began < patience_s:
            cursor.execute("SELECT EXISTS (SELECT FROM shop_webhookevent WHERE processed_at IS NULL)")
            row = cursor.fetchone()
            if not (row and row[0]):
                return time.perf_counter() - began
            time.sleep(0.02)
    raise RuntimeError(f"Webhooks were not processed within {patience_s:.0f} s.")


def shares(size: dict[str, int], now: str, seed: int, count: int) -> dict[str, float]:
    """Process webhooks in this process with a clock at parsing; returns seconds per step."""
    raws = world.deliveries(count, Size(**size), seed=seed, now=datetime.fromisoformat(now))
    tills = models.Channel.objects.get(code=TILL)
    clock = {"translate": 0.0, "apply": 0.0}
    import json  # noqa: PLC0415

    for raw in raws:
        if raw.sender != TILL:
            continue
        began = time.perf_counter()
        parsed = services.parse_till(tills, json.loads(raw.body))
        between = time.perf_counter()
        for change in parsed:
            services.apply_change(change)
        clock["translate"] += between - began
        clock["apply"] += time.perf_counter() - between
    return clock


def apply(size: dict[str, int], now: str, seed: int, count: int, first: int = 0) -> float:
    """Apply parsed changes one by one, each in its transaction; returns the seconds it took."""
    till = models.Channel.objects.get(code=TILL)
    items = dict(models.Item.objects.filter(sku__lte=world.sku(size["in_stores"])).values_list("sku", "id"))
    places = dict(models.Location.objects.values_list("code", "id"))
    parsed = [
        services.StockChange(
            channel_id=till.pk,
            key=change.key,
            item_id=items[world.sku(change.number)],
            location_id=places[change.store],
            quantity=Decimal(change.quantity),
            reason="sale" if change.quantity < 0 else "receipt",
            reference=f"receipt/{change.reference}",
            occurred_at=change.at,
        )
        for change in world.changes(
            count, Size(**size), seed=seed, now=datetime.fromisoformat(now), first=first
        )
    ]
    began = time.perf_counter()
    for change in parsed:
        services.apply_change(change)
    return time.perf_counter() - began


def soil(count: int, step: int) -> int:
    """Change what the first items have in the warehouse."""
    models.Stock.objects.filter(item__sku__lte=world.sku(count), location__code=WAREHOUSE).update(
        on_hand=F("on_hand") - step
    )
    return count


def compute(count: int) -> float:
    """Compute the first items, one after the other, as the task does; returns the seconds it took."""
    items = list(models.Item.objects.filter(sku__lte=world.sku(count)).values_list("id", flat=True))
    began = time.perf_counter()
    for item_id in items:
        services.recompute(item_id)
    return time.perf_counter() - began


def figures(count: int) -> dict[str, Any]:
    """Return a digest of what the shop may show of the first items."""
    rows = models.Availability.objects.filter(item__sku__lte=world.sku(count), channel__code=SHOP)
    return digest((sku, str(quantity)) for sku, quantity in rows.values_list("item__sku", "quantity"))


if __name__ == "__main__":
    serve(
        {
            "prepare": prepare,
            "reset": reset,
            "levels": levels,
            "rest": rest,
            "store": store,
            "stored": stored,
            "sell": sell,
            "wait": wait,
            "shares": shares,
            "apply": apply,
            "soil": soil,
            "compute": compute,
            "figures": figures,
            "land": land,
        }
    )
