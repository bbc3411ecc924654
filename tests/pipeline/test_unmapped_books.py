"""Books of an authority hold much that is none of ours: not kept, not parked, and read once it is ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.odoo.twin import OdooTwin
from inventory_sync.catalog import mappings
from inventory_sync.catalog.models import LocationMapping
from inventory_sync.connections.models import Connection, Cursor
from inventory_sync.console.effects import act_on
from inventory_sync.intake.models import Delivery, ParkedLine, ReadDue
from inventory_sync.ledger.models import StockLevel
from inventory_sync.support.clock import utc_now
from tests.factories import make_item, make_location
from tests.pipeline.followed import OPENING, SKU, Retailer, retailer

pytestmark = pytest.mark.django_db(transaction=True)
FOREIGN = "NOT-OURS"


@pytest.fixture
def world(settings: Any) -> Iterator[Retailer]:
    settings.INVENTORY_SYNC = {**settings.INVENTORY_SYNC, "EGRESS_ALLOWED_HOSTS": ["127.0.0.1"]}
    with retailer(19) as made:
        yield made


def add_what_is_not_ours(odoo: OdooTwin) -> None:
    odoo.control.seed(
        {
            "warehouses": [{"code": "FAR", "name": "Far away"}],
            "products": [{"sku": FOREIGN, "name": FOREIGN, "stock": {"WH": 5, "FAR": 2}}],
        }
    )
    odoo.control.acts.transfer({SKU: 4}, "WH", "FAR")


def product_of(odoo: OdooTwin, sku: str) -> str:
    (row,) = odoo.control.book([sku])["products"]
    return f"product:{row['id']}"


def in_real_time(world: Retailer) -> None:
    """Go on as of now: what people do in the console is noted by the real clock."""
    world.clock.now = utc_now()
    for _ in range(3):
        world.go_on()


def test_what_nobody_mapped_is_left_out_and_its_neighbours_are_counted(world: Retailer) -> None:
    add_what_is_not_ours(world.odoo)

    world.settle()

    assert not ParkedLine.objects.exists()
    assert not Delivery.objects.exclude(state=Delivery.State.DONE).exists()
    assert world.on_hand() == OPENING - 4
    assert StockLevel.objects.exclude(item=world.item).count() == 0


def test_an_article_is_read_as_soon_as_somebody_maps_it(world: Retailer) -> None:
    add_what_is_not_ours(world.odoo)
    world.settle()
    erp = Connection.objects.get(code="odoo")

    item, ref = make_item(FOREIGN), product_of(world.odoo, FOREIGN)
    _, effect = mappings.confirm_item_mapping(
        connection=erp, external_id=ref, item=item, actor="tests", reason="a test", publishes=False
    )
    act_on(effect, now=world.clock())

    assert list(ReadDue.objects.values_list("kind", "ref")) == [("item", ref)]
    Cursor.objects.update(run_at=world.clock().replace(year=2099))  # no sweep finds it first
    in_real_time(world)
    assert StockLevel.objects.get(item=item).on_hand == 5


def test_a_place_is_read_as_soon_as_somebody_maps_it(world: Retailer) -> None:
    add_what_is_not_ours(world.odoo)
    world.settle()
    erp = Connection.objects.get(code="odoo")
    far = make_location("FAR", mode="figures", authority=erp)
    with world.odoo.env() as env:
        (number,) = env.ids("stock.warehouse", [("code", "=", "FAR")])

    row = LocationMapping(connection=erp, location=far, external_id=f"warehouse:{number}", counts_from=True)
    act_on(mappings.save_location_mapping(row, actor="tests", reason="a test"), now=world.clock())
    in_real_time(world)

    assert StockLevel.objects.get(item=world.item, location=far).on_hand == 4
