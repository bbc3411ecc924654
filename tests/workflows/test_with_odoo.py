"""What stands in the books of Odoo 18 and 19 by the real connector, whatever becomes of answers."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from inventory_sync.domain.external import OrderStatus
from inventory_sync.workflows import services
from inventory_sync.workflows.models import Copy
from tests.connectors.odoo.hall import Hall, is_write
from tests.drill import Drill
from tests.workflows.retailer import Retailer

FATES = ("timeout_applied", "timeout_lost", "late_landing", "worker_killed", "restart")
LIFE_S = 150


class Trade:
    """A retailer whose ERP is a twin of Odoo, reached by the real connector."""

    def __init__(self, version: int) -> None:
        self.hall = Hall(version)
        self.retailer = Retailer(client=self.hall.client, place=self.hall.place)
        self.names = {sku: self.hall.product(sku, stock=100) for sku in ("MUG", "CUP", "LAMP")}
        for sku in ("MUG", "CUP"):
            self.retailer.item(sku, mapped=self.names[sku])
        self.wait(1)

    def run(self) -> None:
        self.retailer.now = self.hall.clock.now
        self.retailer.run()

    def wait(self, seconds: float) -> None:
        self.hall.clock.advance(seconds)
        self.retailer.now = self.hall.clock.now
        self.hall.twin.tick()

    def settle(self, number: int = 20) -> None:
        for _ in range(number):
            self.run()
            if not Copy.objects.filter(state="owed").exists():
                return
            self.wait(200)
        raise AssertionError(f"still owed: {list(Copy.objects.values('state', 'error_detail', 'step'))}")

    def there(self) -> list[tuple[str, dict[str, Decimal]]]:
        """Return every order in Odoo: its state, and what is ordered per product."""
        found = []
        for order in self.hall.rows("sale.order"):
            lines = {
                f"product:{line['product_id']}": Decimal(str(line["product_uom_qty"]))
                for line in self.hall.rows("sale.order.line", ("order_id", "=", order["id"]))
                if line["product_uom_qty"]
            }
            found.append((order["state"], lines))
        return found

    def ordered(self, **quantities: int) -> dict[str, Decimal]:
        return {self.names[sku]: Decimal(quantity) for sku, quantity in quantities.items()}


@pytest.fixture(params=[18, 19])
def trade(request: Any, db: None, connectors: None) -> Trade:
    return Trade(request.param)


def test_a_sale_stands_in_odoo_confirmed_and_reserves(trade: Trade) -> None:
    trade.retailer.order("1", ("a", "MUG", 2), ("b", "CUP", 3))

    trade.run()

    assert trade.there() == [("sale", trade.ordered(MUG=2, CUP=3))]
    assert trade.hall.reserved(trade.names["MUG"]) == 2
    copy = trade.retailer.copy("1")
    assert (copy.state, copy.seen_state) == ("settled", "confirmed")
    assert copy.seen_document == trade.hall.orders()[0]["name"]


def test_a_change_and_a_cancellation_follow(trade: Trade) -> None:
    trade.retailer.order("1", ("a", "MUG", 2), ("b", "CUP", 3))
    trade.run()
    trade.retailer.order("1", ("a", "MUG", 5), ("b", "CUP", 0))
    trade.run()
    assert trade.there() == [("sale", trade.ordered(MUG=5))]
    assert trade.hall.reserved(trade.names["CUP"]) == 0

    trade.retailer.order("1", ("a", "MUG", 5), status=OrderStatus.CANCELLED)
    trade.run()

    assert trade.there()[0][0] == "cancel"
    assert trade.hall.reserved(trade.names["MUG"]) == 0


def test_an_order_that_comes_back_is_the_same_order_again(trade: Trade) -> None:
    trade.retailer.order("1", ("a", "MUG", 2))
    trade.run()
    trade.retailer.order("1", ("a", "MUG", 2), status=OrderStatus.CANCELLED)
    trade.run()
    trade.retailer.order("1", ("a", "MUG", 3))

    trade.settle()

    assert trade.there() == [("sale", trade.ordered(MUG=3))]
    assert trade.retailer.cases() == []


def test_what_people_cancelled_in_odoo_waits_for_a_person_here(trade: Trade) -> None:
    trade.retailer.order("1", ("a", "MUG", 2))
    trade.run()
    trade.hall.twin.control.acts.cancel(trade.hall.orders()[0]["name"])
    trade.wait(3600)

    trade.run()
    assert trade.retailer.cases() == [("copy.cancelled_there", "order_copy")]
    services.retry(
        Copy, [trade.retailer.copy("1").pk], actor="anna", reason="a mistake", now=trade.hall.clock()
    )
    trade.settle()

    assert trade.there() == [("sale", trade.ordered(MUG=2))]
    assert trade.retailer.cases() == []


def test_an_article_odoo_has_archived_is_a_case_and_its_neighbours_go(trade: Trade) -> None:
    trade.retailer.item("LAMP", mapped=trade.names["LAMP"])
    trade.hall.archive(trade.names["LAMP"])
    trade.retailer.order("1", ("a", "LAMP", 1))
    trade.retailer.order("2", ("a", "MUG", 1))

    trade.settle()

    assert trade.retailer.copy("2").state == "settled"
    assert trade.retailer.copy("1").state == "refused"
    assert ("sale", trade.ordered(MUG=1)) in trade.there()


def test_forty_orders_go_in_a_handful_of_calls(trade: Trade) -> None:
    for number in range(40):
        trade.retailer.order(str(number), ("a", "MUG", 1))
    trade.hall.calls.clear()

    trade.run()

    assert len(trade.hall.orders()) == 40
    assert {state for state, _ in trade.there()} == {"sale"}
    assert len(trade.hall.calls) <= 25


@pytest.mark.parametrize("seed", range(3))
def test_whatever_becomes_of_answers_odoo_ends_with_one_order_as_it_is_wanted(
    trade: Trade, seed: int, drill: Drill
) -> None:
    random = Random(f"{trade.hall.version}:{seed}:{drill.seed}")
    left = [6]

    def strike(what: str, made: int) -> None:
        if left[0] and is_write(what) and random.random() < 0.35:
            left[0] -= 1
            lands_after = random.uniform(1, LIFE_S - 1)
            trade.hall.twin.faults.inject(random.choice(FATES), count=1, seconds=lands_after)

    trade.hall.before_call = strike
    mugs, over = 0, False
    for _ in range(random.randint(2, 5)):
        mugs, over = random.randint(1, 6), random.random() < 0.25
        status = OrderStatus.CANCELLED if over else OrderStatus.COMMITTED
        trade.retailer.order("1", ("a", "MUG", mugs), ("b", "CUP", 1), status=status)
        for _ in range(random.randint(0, 3)):
            trade.run()
            trade.wait(random.choice([1, 40, 170, 200]))
    trade.hall.before_call = None
    trade.wait(400)
    trade.settle()

    assert trade.retailer.cases() == []
    if over:
        assert [state for state, _ in trade.there()] in ([], ["cancel"])
    else:
        assert trade.there() == [("sale", trade.ordered(MUG=mugs, CUP=1))]
