"""One sale followed to the end, from the shop's till to the return, and the hub dying on the way.

At every step a figure is either what is there less what is promised, or what it was before the order came:
never raised by a unit that is promised, never lowered twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connectors.base.twinkit import Doc
from inventory_sync.ledger.models import Reservation
from tests.drill import Drill
from tests.pipeline.crashes import Killed, mortal
from tests.pipeline.followed import OPENING, SKU, Retailer, retailer

pytestmark = pytest.mark.django_db(transaction=True)
SOLD, FIRST_PART, RETURNED = 3, 2, 1
LEASES_S = 400.0
ACTS, DEATHS_AN_ACT = 5, 10


@pytest.fixture(params=[18, 19])
def shop(request: pytest.FixtureRequest, settings: Any) -> Iterator[Retailer]:
    settings.INVENTORY_SYNC = {**settings.INVENTORY_SYNC, "EGRESS_ALLOWED_HOSTS": ["127.0.0.1"]}
    with retailer(request.param) as made:
        yield made


def tell(world: Retailer, go_on: Callable[[], None]) -> Doc:
    """Let people act, the hub following after each act; return the order."""
    order = world.buys("woo", SOLD)
    go_on()
    document = world.document(order)
    world.odoo.control.acts.ship(document, {SKU: FIRST_PART})
    go_on()
    world.odoo.control.acts.ship(document)
    go_on()
    world.shops["woo"].control.refund(
        int(order["id"]), {"line_items": [{"id": order["line_items"][0]["id"], "quantity": RETURNED,
                                           "refund_total": "0"}], "api_restock": True},
    )  # fmt: skip
    go_on()
    world.odoo.control.acts.take_back(document, {SKU: RETURNED})
    go_on()
    return order


def holds(world: Retailer, order: Doc) -> None:
    """What must be true at the end of the story, whatever happened on the way."""
    (copy,) = world.odoo.control.orders(str(order["number"]))
    (line,) = copy["lines"]
    done = [move for move in line["moves"] if move["state"] == "done"]
    assert (copy["state"], line["ordered"]) == ("sale", SOLD)
    assert sum(move["quantity"] for move in done if move["to"].endswith("Customers")) == SOLD
    assert len(world.odoo.control.pickings()) >= 3  # two parts and a return; a count has no transfer

    there = OPENING - SOLD + RETURNED
    assert world.in_odoo() == world.on_hand() == there
    assert world.line().state == Reservation.State.CLOSED
    assert [one["id"] for one in world.shops["woo"].control.orders(["completed"])] == [order["id"]]
    assert [world.shown(shop) for shop in world.shops] == [there, there]
    told = [each for each in world.figures("outlet") if each is not None]
    assert told == [OPENING, OPENING - SOLD, there]


def test_a_sale_is_followed_from_the_shop_to_the_return(shop: Retailer) -> None:
    assert [shop.figure("woo"), shop.figure("outlet")] == [OPENING, OPENING]

    order = tell(shop, shop.settle)

    holds(shop, order)


def test_the_answer_that_odoo_has_the_order_is_lost_on_the_way(shop: Retailer) -> None:
    shop.odoo.faults.inject("timeout_applied", path="sale.order/load")

    order = tell(shop, shop.settle)

    assert shop.odoo.faults.played["timeout_applied"] == 1
    holds(shop, order)


@pytest.mark.drill
def test_the_hub_may_die_again_and_again_on_the_way(
    shop: Retailer, monkeypatch: pytest.MonkeyPatch, drill: Drill
) -> None:
    dice = random.Random(drill.seed)
    deaths = drill.of(DEATHS_AN_ACT)
    with mortal(monkeypatch) as reaper:

        def through_deaths() -> None:
            for _ in range(deaths):
                reaper.at = reaper.passed + dice.randint(1, 40)
                try:
                    shop.settle()
                except Killed:
                    reaper.reborn()
                    shop.clock.advance(LEASES_S)
            reaper.at = 0
            shop.settle()

        order = tell(shop, through_deaths)

        assert reaper.deaths >= ACTS * deaths * 0.8
        drill.say(f"{reaper.deaths} deaths at {len(reaper.died)} kinds of boundaries")
    holds(shop, order)
