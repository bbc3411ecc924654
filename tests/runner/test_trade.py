"""Trade over real twins: what it does lands in their books, and it lives through their absence."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.odoo.twin import OdooTwin
from connectors.till.twin import TillTwin
from connectors.woocommerce.twin import WooTwin
from runner import demo, stockroom
from runner.stockroom import Stockroom
from runner.trade import RATES, Api, Trade, run

PIECES = ("TOTE-BLUE", "TOTE-RED")


@dataclass
class Town:
    """Three twins, and a hub's stand-in that takes web orders over to Odoo under their names."""

    woo: WooTwin
    till: TillTwin
    odoo: OdooTwin
    now: float = 0.0
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    @property
    def trade(self) -> Trade:
        return Trade(Api(self.woo.url), Api(self.till.url), Api(self.odoo.url), self.dice, source="woo")

    @property
    def stockroom(self) -> Stockroom:
        return Stockroom(
            Api(self.woo.url), Api(self.till.url), Api(self.odoo.url), self.dice, source="woo",
            clock=lambda: self.now,
        )  # fmt: skip

    def buy(self, lines: dict[str, int]) -> dict[str, Any]:
        """Check out in the shop; return the order as trade sees it."""
        rows = []
        for sku, quantity in lines.items():
            (product,) = self.woo.products.book.by_sku(sku)
            parent = product.get("parent_id")
            named = (
                {"product_id": parent, "variation_id": product["id"]}
                if parent
                else {"product_id": product["id"]}
            )
            rows.append({**named, "quantity": quantity})
        made = self.woo.control.checkout(rows)
        return self.seen(made["id"])

    def seen(self, number: int) -> dict[str, Any]:
        (found,) = [row for row in self.woo.control.orders() if row["id"] == number]
        return dict(found)

    def copy(self, order: dict[str, Any], lines: dict[str, int], warehouse: str = "HAM") -> str:
        """Keep an order in Odoo as the hub does."""
        number = str(order["number"])
        name = self.odoo.control.acts.sell(lines, reference=number, warehouse=warehouse)
        with self.odoo.env() as env:
            (row,) = env.ids("sale.order", [("name", "=", name)])
            env.create("ir.model.data", {
                "module": "inventory_sync", "name": f"order__woo__{number}__{warehouse}",
                "model": "sale.order", "res_id": row,
            })  # fmt: skip
        return name

    def level(self, sku: str, warehouse: str = "HAM") -> float:
        book = self.odoo.control.book([sku])
        return float(book["levels"][sku].get(book["warehouses"][warehouse], {}).get("on_hand", 0.0))

    def delivered(self, order: dict[str, Any]) -> dict[str, float]:
        (found,) = self.odoo.control.orders(str(order["number"]))
        return {line["code"]: line["delivered"] for line in found["lines"]}


@pytest.fixture(scope="module")
def retailer() -> demo.Doc:
    return demo.build(seed=1)


@pytest.fixture
def town(retailer: demo.Doc) -> Iterator[Town]:
    with (
        WooTwin().serving(ticking=False) as woo,
        TillTwin().serving(ticking=False) as till,
        OdooTwin().serving(ticking=False) as odoo,
    ):
        woo.seed(retailer)
        till.seed(retailer)
        odoo.control.seed(retailer)
        yield Town(woo, till, odoo)


def test_what_odoo_has_reserved_is_shipped_there_and_left_to_the_hub_to_tell(town: Town) -> None:
    order = town.buy({"TOTE-BLUE": 1})
    town.copy(order, {"TOTE-BLUE": 1})
    before = town.level("TOTE-BLUE")
    trade = town.trade

    trade.ship()
    trade.ship()

    assert (town.level("TOTE-BLUE"), town.delivered(order)) == (before - 1, {"TOTE-BLUE": 1})
    assert town.seen(order["id"])["status"] == "processing"


def test_now_and_then_an_order_goes_out_in_two_parts(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    order = town.buy({"TOTE-BLUE": 3, "TOTE-RED": 1})
    town.copy(order, {"TOTE-BLUE": 3, "TOTE-RED": 1})
    monkeypatch.setattr(stockroom, "IN_PARTS", 1.0)
    room = town.stockroom

    room.ship(order)
    first = town.delivered(order)
    room.ship(order)

    assert (first, room.is_sent(order)) == ({"TOTE-BLUE": 1, "TOTE-RED": 0}, False)
    assert town.delivered(order) == {"TOTE-BLUE": 3, "TOTE-RED": 1}
    room.ship(order)
    assert room.is_sent(order)


def test_an_order_of_two_warehouses_is_shipped_from_both(town: Town) -> None:
    order = town.buy({"TOTE-BLUE": 1, "TOTE-RED": 1})
    town.copy(order, {"TOTE-BLUE": 1}, "HAM")
    room = town.stockroom

    room.ship(order)
    room.ship(order)
    assert not room.is_sent(order)
    town.copy(order, {"TOTE-RED": 1}, "MUC")
    before = town.level("TOTE-RED", "MUC")
    room.ship(order)
    room.ship(order)

    assert room.is_sent(order)
    assert town.level("TOTE-RED", "MUC") == before - 1


def test_what_never_comes_is_cancelled_after_some_patience(town: Town) -> None:
    town.odoo.control.acts.count("TOTE-BLUE", "HAM", 0)
    order = town.buy({"TOTE-BLUE": 1})
    town.copy(order, {"TOTE-BLUE": 1})
    room = town.stockroom

    room.ship(order)
    assert town.seen(order["id"])["status"] == "processing"
    town.now += stockroom.PATIENCE_S
    room.ship(order)

    assert town.seen(order["id"])["status"] == "cancelled"


def test_what_cannot_come_of_a_shipped_order_is_refunded(town: Town) -> None:
    town.odoo.control.acts.count("TOTE-RED", "HAM", 0)
    order = town.buy(dict.fromkeys(PIECES, 2))
    town.copy(order, dict.fromkeys(PIECES, 2))
    room = town.stockroom
    room.ship(order)
    room.ship(order)
    room.ship(order)

    town.now += stockroom.PATIENCE_S
    room.ship(order)

    after = town.seen(order["id"])
    assert [(line["quantity"], line["refunded"]) for line in after["lines"]] == [(2, 0), (2, 2)]


def test_an_order_that_odoo_does_not_have_yet_is_waited_for_much_longer(town: Town) -> None:
    order = town.buy({"TOTE-BLUE": 1})
    room = town.stockroom

    room.ship(order)
    town.now += stockroom.PATIENCE_S
    room.ship(order)

    assert town.seen(order["id"])["status"] == "processing"


def test_a_gift_card_needs_no_shelf_and_is_sent_by_the_shop(town: Town) -> None:
    order = town.buy({"GIFT-10": 1})

    town.stockroom.ship(order)

    assert town.seen(order["id"])["status"] == "completed"


def test_one_unit_comes_back_to_the_warehouse_it_left(town: Town) -> None:
    order = town.buy({"TOTE-BLUE": 2})
    town.copy(order, {"TOTE-BLUE": 2})
    room = town.stockroom
    (line,) = order["lines"]
    assert not room.take_back(order, line)
    town.odoo.control.acts.ship(str(order["number"]))
    before = town.level("TOTE-BLUE")

    assert room.take_back(order, line)

    assert town.level("TOTE-BLUE") == before + 1


def test_warehouses_are_filled_and_levelled_in_odoo(town: Town) -> None:
    room = town.stockroom

    room.receive("MUC")
    room.transfer()

    moved = town.odoo.control.ledger()
    assert {(row["from_usage"], row["to_usage"]) for row in moved} == {
        ("supplier", "internal"), ("internal", "internal"),
    }  # fmt: skip


def test_a_short_day_of_trade_happens_everywhere(town: Town) -> None:
    trade = town.trade

    for name, act in trade.acts().items():
        for _ in range(3 if name in ("checkout", "sale") else 1):
            act()
    for _ in range(6):
        trade.receipt()
        trade.transfer()

    kinds = {
        event["type"] for store in town.till.till.stores() for event in town.till.till.events(store["id"])
    }
    assert {"count", "sale", "return", "receipt", "transfer"} <= kinds
    assert len(town.woo.control.orders()) == 3
    assert town.odoo.control.ledger()


def test_trade_waits_while_a_twin_is_away(town: Town) -> None:
    trade = town.trade
    town.woo.stop()
    stopped = threading.Event()
    tried = threading.Event()

    def stop_waiting(_: float | None = None) -> bool:
        tried.set()
        stopped.set()
        return True

    stopped.wait = stop_waiting  # type: ignore[method-assign]
    tally = run(trade, dict.fromkeys(("checkout",), 1e6), random.Random(1), stopped, 0)

    assert tried.is_set()
    assert tally["checkout"] == 0


def test_every_rate_names_an_act(town: Town) -> None:
    acts = town.trade.acts()

    assert set(acts) == set(RATES)
    assert acts["return"].__name__ == "give_back"
    assert all(act.__name__ == name for name, act in acts.items() if name != "return")
