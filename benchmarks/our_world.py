"""Our side's world: connections, places, items, mappings, levels, listings, written straight to the tables.

Bulk rows of a measured run, which nobody audits; whoever audits them is not measured here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from benchmarks import world
from benchmarks.world import SHOP, STORES, TILL, WAREHOUSE, Size
from inventory_sync.access.models import ApiKey
from inventory_sync.access.services import create_key
from inventory_sync.availability.models import Policy
from inventory_sync.catalog.models import (
    Authority,
    Item,
    ItemMapping,
    KitComponent,
    Location,
    LocationMapping,
)
from inventory_sync.connections import registry
from inventory_sync.connections.services import create_connection
from inventory_sync.ledger.models import StockLevel
from inventory_sync.propagation.models import Listing

WHY = "A measured run"


@transaction.atomic
def make(size: Size) -> dict[str, Any]:
    """Write it all; returns the raw key for the API."""
    now = datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
    till = create_connection(
        connector=registry.connector("till"), code=TILL, label="Tills",
        values={"base_url": "https://till.invalid", "signing_secret": world.TILL_SECRET, "token": "t" * 20},
        actor="bench", reason=WHY, now=now,
    )  # fmt: skip
    shop = create_connection(
        connector=registry.connector("woocommerce"), code=SHOP, label="Shop",
        values={
            "base_url": "https://shop.invalid", "consumer_key": "ck_" + "a" * 40,
            "consumer_secret": "cs_" + "a" * 40, "webhook_secret": world.SHOP_SECRET,
        },
        actor="bench", reason=WHY, now=now,
    )  # fmt: skip
    places = Location.objects.bulk_create(
        [
            Location(code=WAREHOUSE, name="Warehouse", kind=Location.Kind.WAREHOUSE),
            *(Location(code=code, name=code, kind=Location.Kind.STORE) for code in STORES),
        ]
    )
    Authority.objects.bulk_create(Authority(location=place, connection=till) for place in places)
    LocationMapping.objects.bulk_create(
        [
            *(
                LocationMapping(connection=till, external_id=p.code, location=p, counts_from=True)
                for p in places
            ),
            LocationMapping(connection=shop, location=places[0], sells_for=True, fulfils=True),
        ]
    )
    kinds = {True: Item.Kind.KIT, False: Item.Kind.STOCKED}
    items = Item.objects.bulk_create(
        (
            Item(sku=world.sku(number), name=f"Article {number}", kind=kinds[number > size.stocked])
            for number in range(1, size.items + 1)
        ),
        batch_size=5000,
    )
    KitComponent.objects.bulk_create(
        KitComponent(kit=items[number - 1], component=items[part - 1], quantity=1)
        for number in range(size.stocked + 1, size.items + 1)
        for part in world.parts_of(number, size)
    )
    ItemMapping.objects.bulk_create(
        (
            ItemMapping(connection=shop, external_id=world.listing(number), item=item)
            for number, item in enumerate(items, 1)
        ),
        batch_size=5000,
    )
    ItemMapping.objects.bulk_create(
        ItemMapping(connection=till, external_id=item.sku, item=item, publishes=False)
        for item in items[: size.in_stores]
    )
    StockLevel.objects.bulk_create(
        (
            StockLevel(item=item, location=place, on_hand=world.OPENING, known=True)
            for place in places
            for item in items[: size.stocked if place is places[0] else size.in_stores]
        ),
        batch_size=5000,
    )
    Policy.objects.create(connection=shop, buffer=world.BUFFER)
    listed = ItemMapping.objects.filter(connection=shop).only("id", "external_id")
    Listing.objects.bulk_create(
        (Listing(connection=shop, mapping=row, external_id=row.external_id) for row in listed.iterator()),
        batch_size=5000,
    )
    scopes = [value for value in ApiKey.Scope.values if value.startswith(("reservations", "orders"))]
    _, raw_key = create_key(consumer="bench", scopes=scopes, actor="bench", reason=WHY)
    return {"key": raw_key, "shop": shop.pk, "till": till.pk}
