"""The platform of the walks beside an Odoo: it decides the warehouse, the till its store, two shops sell.

Odoo also mirrors the store: what the till sells there arrives in it as movements. Webhooks of Odoo's
automation rules go to the hub's door, as its administrator would set them up.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from django.utils import timezone

from connectors.odoo.twin import DATABASE, KEY, LOGIN, OdooTwin
from connectors.till.twin import SECRET as TILL_SECRET
from connectors.till.twin import TOKEN as TILL_TOKEN
from inventory_sync.catalog import mappings
from inventory_sync.catalog.models import Location, LocationMapping
from inventory_sync.connections.models import Connection
from inventory_sync.connections.services import rotate_hook_token
from inventory_sync.propagation.models import MirrorPlace
from inventory_sync.propagation.services import sync_listings
from inventory_sync.workflows.models import Copy, DeliveryTold
from runner.embedded import Services
from tests.factories import make_authority, make_item, make_location, map_item, map_location
from tests.walks import retailer
from tests.walks.platform import Platform

WAREHOUSE, STORE = "WH-ERP", "ST-1"
SKUS = ("CHAIR", "DESK")
THERE = {WAREHOUSE: 20, STORE: 6}


class ErpPlatform(Platform):
    """A walk's platform whose warehouse is Odoo's."""

    def __init__(self, folder: Path, services: Services, *, version: int) -> None:
        super().__init__(folder, services)
        self.odoo = OdooTwin(version=version)
        self.store_in_odoo = ""

    def _settle_in(self) -> None:
        for code, twin in self.shops.items():
            twin.seed({"products": [_product(code, sku) for sku in SKUS]})
            twin.start()
        self.till.seed(_till_data())
        self.till.start()
        self.odoo.control.seed(
            {
                "warehouses": [{"code": "STORE", "name": "Store"}],
                "products": [
                    {"sku": sku, "name": sku, "stock": {"WH": THERE[WAREHOUSE], "STORE": THERE[STORE]}}
                    for sku in SKUS
                ],
            }
        )
        self.odoo.start()
        self._set_up()
        self.till.outbox.point_to(f"{self.landscape.hub_url}/hooks/till/")

    def _set_up(self) -> None:
        products = {row["code"]: row["id"] for row in self.odoo.control.book(list(SKUS))["products"]}
        with self.odoo.env() as env:
            houses = {row["code"]: row["id"] for row in env.rows("stock.warehouse")}
            customer = env.create("res.partner", {"name": "Web customers"})
        erp = retailer.connect(
            "erp",
            "odoo",
            {
                "base_url": self.odoo.url, "database": DATABASE, "login": LOGIN, "api_key": KEY,
                "send_orders": True, "order_customer_id": customer, "timeout_s": 5,
            },
        )  # fmt: skip
        till = retailer.connect(
            "till", "till",
            {"base_url": self.till.url, "signing_secret": TILL_SECRET, "token": TILL_TOKEN},
        )  # fmt: skip
        warehouse, store = make_location(WAREHOUSE, rank=1, mode="figures"), make_location(STORE, rank=2)
        make_authority(warehouse, erp)
        make_authority(store, till)
        map_location(erp, warehouse, f"warehouse:{houses['WH']}", counts_from=True)
        self.store_in_odoo = f"warehouse:{houses['STORE']}"
        map_location(till, store, STORE, counts_from=True)
        items = {sku: make_item(sku) for sku in SKUS}
        for sku, item in items.items():
            map_item(erp, item, f"product:{products[sku]}", publishes=False)
            map_item(till, item, sku, publishes=False)
        for code, twin in self.shops.items():
            shop = retailer.connect_shop(code, twin.url, tell_deliveries=True)
            for place in (warehouse, store):
                map_location(shop, place, sells_for=True, fulfils=place == warehouse)
            for sku, item in items.items():
                map_item(shop, item, f"product:{product_of(code, sku)}")
            sync_listings(shop.pk, now=timezone.now())
        self._hook(erp)

    def _hook(self, erp: Connection) -> None:
        token = rotate_hook_token(connection_id=erp.pk, actor="walks", reason="a walk")
        url = f"{self.landscape.hub_url}/hooks/erp/{token}/"
        for model, fields in (
            ("stock.move", ["product_id", "state"]), ("stock.quant", ["product_id", "quantity"]),
        ):  # fmt: skip
            self.odoo.control.hook(model=model, url=url, fields=fields)

    def mirror_the_store(self) -> None:
        """Declare that Odoo keeps a copy of the store's stock, from now on."""
        row = LocationMapping(
            connection=Connection.objects.get(code="erp"),
            location=Location.objects.get(code=STORE),
            external_id=self.store_in_odoo,
            mirrors=True,
        )
        mappings.save_location_mapping(row, actor="walks", reason="a walk")
        self.wait(
            lambda: MirrorPlace.objects.filter(location=row.location, until=None).exists(),
            "the mirror begins",
        )

    # ── looking ──

    def in_odoo(self, sku: str, code: str) -> Decimal:
        """Return what Odoo's own books have of an item in one of its warehouses."""
        with self.odoo.env() as env:
            (number,) = env.ids("stock.warehouse", [("code", "=", code)])
        level = self.odoo.control.book([sku])["levels"].get(sku, {}).get(f"warehouse:{number}", {})
        return Decimal(str(level.get("on_hand", 0)))

    def is_at_rest(self) -> bool:
        copies = Copy.objects.filter(state=Copy.State.OWED)
        deliveries = DeliveryTold.objects.filter(state=DeliveryTold.State.OWED)
        return super().is_at_rest() and not copies.exists() and not deliveries.exists()

    def close(self) -> None:
        super().close()
        self.odoo.stop()
        self.odoo.close()

    def buys(self, shop: str, sku: str, quantity: int) -> dict[str, Any]:
        return self.shops[shop].control.checkout(
            [{"product_id": product_of(shop, sku), "quantity": quantity}]
        )

    def number_of(self, shop: str, sku: str) -> int:
        return product_of(shop, sku)


def product_of(shop: str, sku: str) -> int:
    return retailer.SHOPS[shop] + SKUS.index(sku)


def _product(shop: str, sku: str) -> dict[str, Any]:
    return {
        "id": product_of(shop, sku), "type": "simple", "sku": sku, "name": sku, "manage_stock": True,
        "stock_quantity": 0, "item": sku,
    }  # fmt: skip


def _till_data() -> dict[str, Any]:
    return {
        "items": [{"sku": sku, "name": sku, "unit": "C62"} for sku in SKUS],
        "locations": [{"code": STORE, "name": "Store"}],
        "stock": [{"location": STORE, "sku": sku, "quantity": str(THERE[STORE])} for sku in SKUS],
        "till": {
            "stores": [{"external_id": STORE, "location": STORE}],
            "items": [{"external_id": sku, "item": sku, "unit": "C62", "name": sku} for sku in SKUS],
        },
    }
