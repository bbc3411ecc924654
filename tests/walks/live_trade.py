"""Live trade for the walks under hardship: shoppers, tills and a stockroom that do not care how the hub is.

What must hold at the end is read from the twins' books, never from the hub.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from decimal import Decimal
from typing import Any

from connectors.till.twin_books import NotEnough
from connectors.woocommerce.twin_control import Refused
from tests.walks import retailer
from tests.walks.platform import Platform

Doc = dict[str, Any]


class LiveTrade:
    """Trades in its own thread from `start` to `stop`; `done` counts what was done."""

    def __init__(self, platform: Platform, *, seed: int, every_s: float = 0.12) -> None:
        self.platform, self.every_s = platform, every_s
        self.dice = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.problem: BaseException | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trade", daemon=True)
        self._acts = [self.checkout] * 5 + [self.sale] * 4 + [self.ship] * 2
        self._acts += [self.cancel, self.refund, self.receipt, self.count, self.give_back]

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=30)
        if self.problem is not None:
            raise self.problem

    # ── acts ──

    def checkout(self) -> None:
        shop = self.dice.choice(list(retailer.SHOPS))
        lines = [
            {"product_id": retailer.product_of(shop, sku), "quantity": self.dice.choice((1, 1, 2))}
            for sku in self.dice.sample(retailer.LIVE, self.dice.choice((1, 1, 2)))
        ]
        self.platform.shops[shop].control.checkout(lines)

    def cancel(self) -> None:
        if found := self._open_order():
            shop, order = found
            self.platform.shops[shop].control.set_status(order["id"], "cancelled")

    def refund(self) -> None:
        """Give back the money for one unit that was not sent yet."""
        if found := self._open_order():
            shop, order = found
            line = self.dice.choice(order["lines"])
            if line["quantity"] > line["refunded"]:
                body = {"line_items": [{"id": line["id"], "quantity": 1, "refund_total": "0"}]}
                self.platform.shops[shop].control.refund(order["id"], {**body, "api_restock": True})

    def ship(self) -> None:
        if found := self._open_order():
            shop, order = found
            lines = [
                {"sku": line["sku"], "quantity": str(left), "order_line": str(line["id"])}
                for line in order["lines"]
                if (left := line["quantity"] - line["refunded"]) > 0
            ]
            if lines:
                sent_for = {"source": shop, "number": order["number"]}
                self.platform.till.till.write("shipment", "WH-1", lines, order=sent_for)
            self.platform.shops[shop].control.set_status(order["id"], "completed")

    def sale(self) -> None:
        self._till("sale", "ST-1", self.dice.choice((1, 1, 2)))

    def give_back(self) -> None:
        self._till("return", "ST-1", 1)

    def receipt(self) -> None:
        self._till("receipt", self.dice.choice(retailer.SOLD_FROM), self.dice.randint(3, 9))

    def count(self) -> None:
        """Find one more or one less than the book says."""
        store, sku = self.dice.choice(retailer.PLACES), self.dice.choice(retailer.LIVE)
        books = self.platform.till.till
        with books.books.transaction():
            found = max(Decimal(0), books.on_hand(store, sku) + self.dice.choice((-1, 0, 1)))
            books.write("count", store, [{"sku": sku, "quantity": str(found)}])

    # ── inside ──

    def _till(self, kind: str, store: str, quantity: int) -> None:
        line = {"sku": self.dice.choice(retailer.LIVE), "quantity": str(quantity)}
        self.platform.till.till.write(kind, store, [line])

    def _open_order(self) -> tuple[str, Doc] | None:
        shop = self.dice.choice(list(retailer.SHOPS))
        orders = [order for order in self.platform.shops[shop].control.orders(["processing"]) if live(order)]
        return (shop, self.dice.choice(orders)) if orders else None

    def _run(self) -> None:
        while not self._stopped.wait(self.every_s):
            act = self.dice.choice(self._acts)
            try:
                act()
                self.done[act.__name__] += 1
            except (Refused, NotEnough):
                self.done["refused"] += 1
            except Exception as problem:  # told to the walk when it ends the trade
                self.problem = problem
                return


def live(order: Doc) -> bool:
    return bool(order["lines"]) and all(line["sku"] in retailer.LIVE for line in order["lines"])


def open_demand(platform: Platform) -> dict[tuple[str, str, str], int]:
    """Return what the shops still owe their customers: (shop, order, line) → units."""
    return {
        (shop, str(order["id"]), str(line["id"])): line["quantity"] - line["refunded"]
        for shop, twin in platform.shops.items()
        for order in twin.control.orders(["processing"])
        if live(order)
        for line in order["lines"]
        if line["quantity"] > line["refunded"]
    }


def may_be_sold(platform: Platform, sku: str) -> int:
    """Return what both shops should show, from the till's book and the shops' open orders alone."""
    there = sum(platform.till_book(sku)[place] for place in retailer.SOLD_FROM)
    owed = sum(
        line["quantity"] - line["refunded"]
        for twin in platform.shops.values()
        for order in twin.control.orders(["processing"])
        for line in order["lines"]
        if line["sku"] == sku
    )
    return max(0, int(there - owed))
