"""Odoo's books through the real steps: sweeps, readings by item, and lines that explain what was read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from connectors.odoo.connector import CONNECTOR
from inventory_sync.catalog.models import Item, Location
from inventory_sync.connections.models import Connection, Cursor
from inventory_sync.intake.models import Delivery, ReadDue
from inventory_sync.intake.ports import ReadWanted
from inventory_sync.ledger.models import StockLevel
from inventory_sync.pipeline import reading, wiring
from inventory_sync.pipeline.drain import drain
from inventory_sync.pipeline.ports import Account, Ports
from tests.connectors.odoo.books import foreign_order, ship, transfers
from tests.connectors.odoo.hall import Hall
from tests.factories import make_connection, make_item, make_location, map_item, map_location

pytestmark = pytest.mark.django_db


@dataclass
class Warehouse:
    """A warehouse that an Odoo decides, read by the real client on PostgreSQL."""

    hall: Hall
    erp: Connection
    place: Location
    ports: Ports
    items: dict[str, Item] = field(default_factory=dict)

    def has(self, sku: str, quantity: int) -> str:
        ref = self.hall.product(sku, stock=quantity)
        self.items[ref] = make_item(sku)
        map_item(self.erp, self.items[ref], ref, publishes=False)
        return ref

    def sweep(self, stream: str) -> None:
        self.hall.clock.advance(1)
        Cursor.objects.update(run_at=None)
        reading.sweep_due(self.erp.pk, stream, ports=self.ports)
        self.drain()

    def drain(self) -> None:
        for tier in ("critical", "standard", "bulk"):
            drain(tier, ports=self.ports)

    def on_hand(self, ref: str) -> int:
        level = StockLevel.objects.get(item=self.items[ref], location=self.place)
        assert level.known
        return int(level.on_hand)


@pytest.fixture(params=[18, 19])
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    hall = Hall(request.param)
    erp = make_connection("erp", connector="odoo", sells=False)
    place = make_location("WH", authority=erp, mode=Location.Mode.FIGURES)
    map_location(erp, place, hall.place, counts_from=True)
    account = Account(erp.pk, "erp", CONNECTOR.capabilities, hall.client, [])
    ports = replace(
        wiring.ports(),
        clock=hall.clock,
        jitter=lambda: 0.5,
        pause=hall.clock.advance,
        account=lambda _: account,
        config=lambda _: hall.client.config,
    )
    return Warehouse(hall, erp, place, ports)


def test_a_whole_sweep_tells_what_is_there(warehouse: Warehouse) -> None:
    mug, bowl = warehouse.has("MUG", 7), warehouse.has("BOWL", 0)

    warehouse.sweep("stock")

    assert (warehouse.on_hand(mug), warehouse.on_hand(bowl)) == (7, 0)
    row = Cursor.objects.get(stream="stock")
    assert (row.error_code, row.swept_at) == ("", warehouse.hall.clock())


def test_a_delivery_is_seen_with_the_line_that_explains_it_and_nothing_is_read_twice(
    warehouse: Warehouse,
) -> None:
    mug = warehouse.has("MUG", 7)
    warehouse.sweep("changes")
    (transfer,) = transfers(warehouse.hall, foreign_order(warehouse.hall, mug, 2))
    ship(warehouse.hall, int(transfer["id"]))

    warehouse.sweep("changes")

    assert warehouse.on_hand(mug) == 5
    assert Delivery.objects.filter(topic="lines.read").exists()
    assert not ReadDue.objects.exists()


def test_items_hinted_at_are_read_in_one_call(warehouse: Warehouse) -> None:
    refs = [warehouse.has(f"SKU-{number}", number) for number in range(5)]
    wanted = [ReadWanted(warehouse.erp.pk, "item", ref, "a webhook") for ref in refs]
    warehouse.ports.intake.want_reads(wanted, now=warehouse.hall.clock())

    assert reading.read_due(warehouse.erp.pk, ports=warehouse.ports, until=lambda: False) == 5
    warehouse.drain()

    assert [warehouse.on_hand(ref) for ref in refs] == [0, 1, 2, 3, 4]
    assert Delivery.objects.filter(source="read").count() == 1
