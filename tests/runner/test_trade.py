"""Trade over real twins: what it does lands in their books, and it lives through their absence."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest

from connectors.till.twin import TillTwin
from connectors.woocommerce.twin import WooTwin
from runner import demo
from runner.trade import RATES, Api, Trade, run


@pytest.fixture
def twins() -> Iterator[tuple[WooTwin, TillTwin]]:
    retailer = demo.build(seed=1)
    with WooTwin().serving(ticking=False) as woo, TillTwin().serving(ticking=False) as till:
        woo.seed(retailer)
        till.seed(retailer)
        yield woo, till


def trade_over(woo: WooTwin, till: TillTwin) -> Trade:
    return Trade(Api(woo.url), Api(till.url), random.Random(7), source="woo")


def test_an_order_is_shipped_once_part_by_part_and_completed(
    twins: tuple[WooTwin, TillTwin],
) -> None:
    woo, till = twins
    trade = trade_over(woo, till)
    order = woo.control.checkout([{"product_id": product_id(woo, "SET-01"), "quantity": 2}])
    before = total_on_hand(till)

    trade.ship()
    trade.ship()

    (after,) = woo.control.orders(["completed"])
    shipped = [event for store in till.till.stores() for event in till.till.events(store["id"])]
    shipped = [event for event in shipped if event["type"] == "shipment"]
    pieces = sum(Decimal(line["quantity"]) for event in shipped for line in event["lines"])
    assert after["id"] == order["id"]
    assert [event["order"] for event in shipped] == [{"source": "woo", "number": str(order["id"])}]
    assert {line["order_line"] for line in shipped[0]["lines"]} == {str(order["line_items"][0]["id"])}
    assert before - total_on_hand(till) == pieces > 0


def test_an_order_nobody_can_deliver_is_cancelled_after_some_patience(
    twins: tuple[WooTwin, TillTwin],
) -> None:
    woo, till = twins
    trade = trade_over(woo, till)
    wanted = product_id(woo, "MUG-BLUE")
    woo.control.set_stock(wanted, 100000)
    woo.control.checkout([{"product_id": product_id(woo, "MUG"), "variation_id": wanted, "quantity": 99999}])

    for _ in range(15):
        trade.ship()

    assert [order["status"] for order in woo.control.orders()] == ["cancelled"]


def test_a_short_day_of_trade_happens_at_both_ends(twins: tuple[WooTwin, TillTwin]) -> None:
    woo, till = twins
    trade = trade_over(woo, till)

    for name, act in trade.acts().items():
        for _ in range(3 if name in ("checkout", "sale") else 1):
            act()

    kinds = {event["type"] for store in till.till.stores() for event in till.till.events(store["id"])}
    assert {"count", "sale", "return", "receipt", "transfer"} <= kinds
    assert len(woo.control.orders()) == 3


def test_trade_waits_while_a_twin_is_away(twins: tuple[WooTwin, TillTwin]) -> None:
    woo, till = twins
    trade = trade_over(woo, till)
    woo.stop()
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


def test_every_rate_names_an_act(twins: tuple[WooTwin, TillTwin]) -> None:
    acts = trade_over(*twins).acts()

    assert set(acts) == set(RATES)
    assert acts["return"].__name__ == "give_back"
    assert all(act.__name__ == name for name, act in acts.items() if name != "return")


def product_id(woo: WooTwin, sku: str) -> int:
    return int(woo.products.book.by_sku(sku)[0]["id"])


def total_on_hand(till: TillTwin) -> Decimal:
    stores = till.control.book()["stores"].values()
    return sum((Decimal(left) for store in stores for left in store["on_hand"].values()), Decimal(0))
