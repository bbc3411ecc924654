"""One sale, from the shop to the ERP and back, with real workers: what each system shows at every step."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from inventory_sync.availability.models import FigureHistory
from inventory_sync.ledger.models import Reservation, StockLevel
from runner.embedded import services as run_services
from tests.walks import witness
from tests.walks.erp import STORE, THERE, WAREHOUSE, ErpPlatform
from tests.walks.platform import database_of_its_own
from tests.walks.processes import WORKERS

ALL = sum(THERE.values())


@pytest.fixture(scope="module")
def erp(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[ErpPlatform]:
    """A platform of its own beside an Odoo 19, at rest."""
    folder = tmp_path_factory.mktemp("erp")
    with (
        django_db_blocker.unblock(),
        database_of_its_own(),
        run_services(folder / "var", durable=False, external=False) as services,
    ):
        made = ErpPlatform(folder / "var", services, version=19)
        try:
            made.prepare()
            made.start("web", "dispatcher", *WORKERS)
            made.wait(made.is_at_rest, "everything is counted and shown", patience_s=90, every_s=0.3)
            yield made
        finally:
            made.close()


def orders_in(erp: ErpPlatform, order: dict[str, Any]) -> list[dict[str, Any]]:
    return erp.odoo.control.orders(str(order["number"]))


def figures(shop: str, sku: str) -> list[Decimal]:
    """Return what the hub held right for a shop, one after the other."""
    rows = FigureHistory.objects.filter(connection__code=shop, item__sku=sku).order_by("version")
    told = [figure for figure in rows.values_list("figure", flat=True) if figure is not None]
    return [each for number, each in enumerate(told) if not number or told[number - 1] != each]


def test_a_sale_is_followed_to_the_end(erp: ErpPlatform) -> None:
    since = witness.mark()
    erp.shows("CHAIR", ALL)
    erp.odoo.faults.inject("timeout_applied", path="sale.order/load")

    order = erp.buys("woo", "CHAIR", 3)
    erp.shows("CHAIR", ALL - 3)
    reservation = Reservation.objects.filter(order__connection__code="woo", order__order_ref=str(order["id"]))
    assert reservation.get().allocations.get().location.code == WAREHOUSE

    erp.wait(
        lambda: [copy["state"] for copy in orders_in(erp, order)] == ["sale"],
        "Odoo has the order, once, and confirmed it",
        patience_s=60,
    )
    assert erp.odoo.faults.played["timeout_applied"] == 1, "its answer was lost on the way"
    level = StockLevel.objects.filter(item__sku="CHAIR", location__code=WAREHOUSE)
    erp.wait(lambda: level.get().reserved == 3, "the hub sees what Odoo assigned")
    assert erp.figure("outlet", "CHAIR") == ALL - 3, "what is assigned is not subtracted twice"

    (copy,) = orders_in(erp, order)
    erp.odoo.control.acts.ship(copy["name"], {"CHAIR": 2})
    erp.wait(lambda: level.get().on_hand == THERE[WAREHOUSE] - 2, "the first part has left")
    assert reservation.get().state != Reservation.State.CLOSED

    erp.odoo.control.acts.ship(copy["name"])
    erp.wait(
        lambda: reservation.get().state == Reservation.State.CLOSED,
        "the line closes when the figure contains all of it",
    )
    shop = erp.shops["woo"].control
    erp.wait(
        lambda: str(order["id"]) in [str(one["id"]) for one in shop.orders(["completed"])],
        "the shop knows that all has left",
    )

    line = {"id": order["line_items"][0]["id"], "quantity": 1, "refund_total": "0"}
    shop.refund(int(order["id"]), {"line_items": [line], "api_restock": True})
    erp.wait(erp.is_at_rest, "the refund moved no stock", every_s=0.2)
    assert level.get().on_hand == THERE[WAREHOUSE] - 3
    erp.odoo.control.acts.take_back(copy["name"], {"CHAIR": 1})
    erp.shows("CHAIR", ALL - 2)

    erp.wait(erp.is_at_rest, "nothing is owed", every_s=0.2)
    assert figures("outlet", "CHAIR")[-3:] == [ALL, ALL - 3, ALL - 2]
    assert erp.in_odoo("CHAIR", "WH") == level.get().on_hand == THERE[WAREHOUSE] - 2
    assert witness.processes(since) <= set(WORKERS)


def test_what_the_till_sells_arrives_in_odoo_as_movements(erp: ErpPlatform) -> None:
    erp.mirror_the_store()
    books = erp.till.till

    for quantity in ("1", "2"):
        books.write("sale", STORE, [{"sku": "DESK", "quantity": quantity}])
    books.write("return", STORE, [{"sku": "DESK", "quantity": "1"}])

    left = THERE[STORE] - 2
    erp.shows("DESK", THERE[WAREHOUSE] + left)
    erp.wait(lambda: erp.in_odoo("DESK", "STORE") == left, "Odoo has what the till sold", patience_s=60)
    erp.wait(erp.is_at_rest, "nothing is owed", every_s=0.2)
    assert erp.in_odoo("DESK", "STORE") == left, "each movement once"
