"""A small retailer with something in every room, and people with and without permissions."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from inventory_sync.catalog.models import Item, ItemMapping, Location
from inventory_sync.connections.models import Connection
from inventory_sync.intake.models import Delivery, ParkedLine
from inventory_sync.propagation.models import Listing, PushAttempt
from tests import factories as make

ORDER = (
    b'{"id": 482, "status": "processing", "billing": {"first_name": "Erika", "email": "erika@example.org"},'
    b' "line_items": [{"id": 91, "product_id": 92, "name": "Blue mug", "quantity": 2}]}'
)


@dataclass
class Retailer:
    shop: Connection
    till: Connection
    site: Location
    mug: Item
    kit: Item
    mapping: ItemMapping
    delivery: Delivery
    parked: ParkedLine
    listing: Listing


@pytest.fixture
def retailer() -> Retailer:
    shop = make.make_channel("shop", config={"base_url": "https://shop.example.com"})
    till = make.make_till("till")
    site = make.make_location("WH-HAM", authority=till, parent=make.make_location("CO", kind="company"))
    mug = make.make_item("MUG-BLUE", name="Blue mug", gtin="4006381333931")
    kit = make.make_kit("SET-1", {mug: 2})
    make.make_pack(mug, "CT", 12)
    make.map_location(till, site, "WH-HAM", counts_from=True)
    make.map_location(shop, site, sells_for=True, fulfils=True)
    mapping = make.map_item(shop, mug, "product:92", label="Blue mug")
    make.make_policy(shop, buffer=Decimal(1))
    make.make_api_key("partner", scopes=["stock:read"])
    delivery = make.make_delivery(
        shop, body=ORDER, object_key="order:482", state="parked", correlation_id="c0ffee0000000001"
    )
    parked = make.park_line(delivery, "item:product:646", summary="Gift card 10 euro × 1")
    make.make_figure(shop, mug, 7, ["on_hand", 8, "WH-HAM"], ["buffer", -1], last_known=Decimal(7))
    listing = make.make_listing(
        mapping, state="failed", desired=Decimal(7), observed=Decimal(9), error_detail="The shop said no."
    )
    PushAttempt.objects.create(listing=listing, at=make.NOON, outcome="refused", wanted=Decimal(7))
    return Retailer(shop, till, site, mug, kit, mapping, delivery, parked, listing)


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(make.make_user("boss", superuser=True))
    return client


@pytest.fixture
def signed_in(client: Client) -> Any:
    """Return a client of somebody who holds exactly these permissions."""

    def sign_in(*permissions: str) -> Client:
        user = make.make_user()
        for permission in permissions:
            app, codename = permission.split(".")
            user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
        client.force_login(user)
        return client

    return sign_in
