"""The retailer of the walks: two web shops that sell from the same warehouse and store, a till, few items.

Each walk trades in items of its own, so that none waits for another's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from django.utils import timezone

from inventory_sync.catalog.models import Item
from inventory_sync.connections import registry
from inventory_sync.connections.models import Budget, Connection
from inventory_sync.connections.services import create_connection
from inventory_sync.propagation.services import sync_listings
from tests.factories import make_authority, make_item, make_location, map_item, map_location

SKUS = (
    "MUG", "BOWL", "LAMP", "CUP", "TRAY", "KEG", "VASE", "URN",
    "LIVE-1", "LIVE-2", "LIVE-3", "LIVE-4", "LIVE-5", "LIVE-6",
)  # fmt: skip
UNMAPPED = "VASE"
NOT_YET_KNOWN = (UNMAPPED, "URN")
"""In both shops, and known to nobody at the hub until somebody maps them: staff in the browser, a walk."""
LIVE = tuple(sku for sku in SKUS if sku.startswith("LIVE"))
PLACES = ("WH-1", "ST-1", "ST-2")
SOLD_FROM = ("WH-1", "ST-1")
OPENING = {"WH-1": 40, "ST-1": 10, "ST-2": 5}
SHOPS = {"woo": 100, "outlet": 500}
HOOK_SECRET = "a-webhook-secret-of-the-walks"


class Reached(Protocol):
    """A shop that has an address: a twin, or a proxy before it."""

    @property
    def url(self) -> str: ...


def product_of(shop: str, sku: str) -> int:
    return SHOPS[shop] + SKUS.index(sku)


def dataset(shop: str = "woo") -> dict[str, Any]:
    """Return what the twins are seeded with; the shops begin with nothing to show."""
    return {
        "items": [{"sku": sku, "name": sku.capitalize(), "unit": "C62"} for sku in SKUS],
        "locations": [{"code": code, "name": code} for code in PLACES],
        "stock": [
            {"location": place, "sku": sku, "quantity": str(quantity)}
            for place, quantity in OPENING.items()
            for sku in SKUS
        ],
        "woo": {
            "products": [
                {
                    "id": product_of(shop, sku), "type": "simple", "sku": sku, "name": sku.capitalize(),
                    "manage_stock": True, "stock_quantity": 50 if sku in NOT_YET_KNOWN else 0, "item": sku,
                }
                for sku in SKUS
            ]
        },
        "till": {
            "stores": [{"external_id": code, "location": code} for code in PLACES],
            "items": [{"external_id": sku, "item": sku, "unit": "C62", "name": sku} for sku in SKUS],
        },
    }  # fmt: skip


def set_up(*, shops: Mapping[str, Reached], till_url: str, till_secret: str, till_token: str) -> None:
    """Make the hub's side: connections, places, items, mappings and listings."""
    till = connect("till", "till", {"base_url": till_url, "signing_secret": till_secret, "token": till_token})
    connected = {code: connect_shop(code, twin.url) for code, twin in shops.items()}
    for code in PLACES:
        place = make_location(code, rank=PLACES.index(code))
        make_authority(place, till)
        map_location(till, place, code, counts_from=True)
        if code in SOLD_FROM:
            for connection in connected.values():
                map_location(connection, place, sells_for=True, fulfils=True)
    for sku in SKUS:
        item = make_item(sku)
        map_item(till, item, sku, publishes=False)
        if sku not in NOT_YET_KNOWN:
            for code, connection in connected.items():
                map_item(connection, item, f"product:{product_of(code, sku)}")
    for connection in connected.values():
        sync_listings(connection.pk, now=timezone.now())


def item(sku: str) -> Item:
    return Item.objects.get(sku=sku)


def connect_shop(code: str, url: str, **values: Any) -> Connection:
    return connect(
        code,
        "woocommerce",
        {
            "base_url": url, "consumer_key": "ck_twin", "consumer_secret": "cs_twin",
            "webhook_secret": HOOK_SECRET, "timeout_s": 5, **values,
        },
    )  # fmt: skip


def connect(code: str, connector: str, values: dict[str, Any]) -> Connection:
    row = create_connection(
        connector=registry.connector(connector), code=code, label=code.capitalize(),
        values={"allow_insecure": True, **values}, actor="walks", reason="a walk", now=timezone.now(),
    )  # fmt: skip
    # The twin has no limit of its own unless a fault plays one; a walk need not wait for a polite pace.
    Budget.objects.filter(connection=row).update(rate_per_s=200, burst=400, tokens=400)
    return row
