"""Shoppers, tills and a stockroom that do not care how the hub is: a process of its own.

    python -m tests.chaos.trade --world FILE --journal FILE --seed N [--every-s 0.12]

Trades until it is signalled; what it did is a line each in its journal. Imports nothing of the platform.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.journal import Doc, Journal
from tests.chaos.remote import Refused, Remote


class Trade:
    """Acts on the twins, drawn by seed."""

    def __init__(self, world: Doc, journal: Journal, seed: int) -> None:
        self.shops = {code: Remote(url) for code, url in world["shops"].items()}
        self.till = Remote(world["till"])
        self.products: dict[str, dict[str, int]] = world["products"]
        self.skus: list[str] = world["skus"]
        self.places: list[str] = world["places"]
        self.journal, self.dice = journal, random.Random(seed)
        self.acts = [self.checkout] * 6 + [self.sale] * 4 + [self.ship] * 2
        self.acts += [self.cancel, self.refund, self.receipt, self.receipt, self.count, self.give_back]

    def run(self, stopped: threading.Event, every_s: float) -> None:
        while not stopped.wait(self.dice.uniform(0.5, 1.5) * every_s):
            act = self.dice.choice(self.acts)
            try:
                act()
                self.journal.note("did", act=act.__name__)
            except Refused:
                self.journal.note("refused", act=act.__name__)

    def checkout(self) -> None:
        code = self.dice.choice(list(self.shops))
        chosen = self.dice.sample(self.skus, self.dice.choice((1, 1, 2)))
        lines = [
            {"product_id": self.products[code][sku], "quantity": self.dice.choice((1, 1, 2))}
            for sku in chosen
        ]
        sold = self.shops[code].post("checkout", lines=lines)
        bought = {line["sku"]: line["quantity"] for line in sold["line_items"]}
        self.journal.note("sold", shop=code, order=sold["id"], lines=bought)

    def cancel(self) -> None:
        code, order = self._open_order()
        self.shops[code].post(f"orders/{order['id']}/status", status="cancelled")

    def refund(self) -> None:
        """Give back the money for one unit that was not sent yet."""
        code, order = self._open_order()
        line = self.dice.choice(order["lines"])
        if line["quantity"] > line["refunded"]:
            given = {"line_items": [{"id": line["id"], "quantity": 1, "refund_total": "0"}]}
            self.shops[code].post(f"orders/{order['id']}/refund", **given, api_restock=True)

    def ship(self) -> None:
        code, order = self._open_order()
        lines = [
            {"sku": line["sku"], "quantity": str(left), "order_line": str(line["id"])}
            for line in order["lines"]
            if (left := line["quantity"] - line["refunded"]) > 0
        ]
        if lines:
            sent_for = {"source": code, "number": order["number"]}
            self.till.post("shipment", store="WH-1", lines=lines, order=sent_for)
        self.shops[code].post(f"orders/{order['id']}/status", status="completed")

    def sale(self) -> None:
        self._ring("sale", "ST-1", self.dice.choice((1, 1, 2)))

    def give_back(self) -> None:
        self._ring("return", "ST-1", 1)

    def receipt(self) -> None:
        self._ring("receipt", self.dice.choice(("WH-1", "ST-1")), self.dice.randint(3, 9))

    def count(self) -> None:
        """Find one more or one less than the book says."""
        store, sku = self.dice.choice(self.places), self.dice.choice(self.skus)
        book = self.till.get(f"book?sku={sku}")["stores"][store]["on_hand"]
        found = max(0, int(float(book.get(sku, 0))) + self.dice.choice((-1, 0, 1)))
        self.till.post("count", store=store, lines=[{"sku": sku, "quantity": str(found)}])

    def _ring(self, kind: str, store: str, quantity: int) -> None:
        line = {"sku": self.dice.choice(self.skus), "quantity": str(quantity)}
        self.till.post(kind, store=store, lines=[line])

    def _open_order(self) -> tuple[str, Doc]:
        code = self.dice.choice(list(self.shops))
        orders = self.shops[code].get("orders?status=processing&newest=60")["orders"]
        if not orders:
            raise Refused("no open order")
        return code, self.dice.choice(orders)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.trade", description=__doc__)
    parser.add_argument("--world", type=Path, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--every-s", type=float, default=0.12)
    options = parser.parse_args(argv)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    world = json.loads(options.world.read_text(encoding="utf-8"))
    Trade(world, Journal(options.journal), options.seed).run(stopped, options.every_s)
    return 0


if __name__ == "__main__":
    sys.exit(main())
