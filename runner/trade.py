"""Live trade for the demo: shoppers, tills, stockroom and lorries, by plain HTTP to the twins' control APIs.

Runs until SIGTERM or for `--seconds`; waits when a twin is away and goes on when it is back. The same seed
makes the same choices; what they meet depends on the stock of the moment. Knows nothing of the platform.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from runner.stockroom import Refused, Stockroom

Doc = dict[str, Any]

# How often each act happens in a minute at `--pace 1`.
RATES: dict[str, float] = {
    "checkout": 24, "pay": 12, "cancel": 1.0, "refund": 1.0, "ship": 30, "sale": 30, "return": 2, "count": 2,
    "receipt": 3, "transfer": 2, "scrap": 0.5, "correct": 0.5, "close": 0.2,
}  # fmt: skip
REPORT_S = 30.0


class Away(Exception):
    """The twin did not answer."""


class Api:
    """JSON over one kept connection to one twin."""

    def __init__(self, url: str, *, timeout_s: float = 10.0) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._timeout_s = parts.hostname or "127.0.0.1", parts.port, timeout_s
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str) -> Any:
        return self._call("GET", path, None)

    def post(self, path: str, body: Doc) -> Any:
        return self._call("POST", path, json.dumps(body).encode())

    def _call(self, method: str, path: str, body: bytes | None) -> Any:
        """Send once: an act whose answer was lost may have happened, so it is not repeated."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        try:
            self._connection.request(method, path, body, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as problem:
            self._connection.close()
            self._connection = None
            raise Away(f"{method} {path}: {type(problem).__name__}") from problem
        if response.status >= 400:
            raise Refused(f"{method} {path}: {response.status} {content[:200]!r}")
        return json.loads(content)


class Trade:
    """Everything that happens in the demo's retail day. One act at a time."""

    def __init__(
        self, woo: Api, till: Api, odoo: Api, dice: random.Random, *, source: str, pick_s: float = 0
    ) -> None:
        self._woo, self._till, self._dice, self._pick_s = woo, till, dice, pick_s
        self._stockroom = Stockroom(woo, till, odoo, dice, source=source)
        self._sales: list[Doc] = []
        self._read: dict[str, tuple[float, Any]] = {}

    # ── the web shop ──

    def checkout(self) -> None:
        lines = []
        for product in self._dice.sample(self._for_sale(), self._dice.choice((1, 1, 1, 2, 2, 3))):
            wanted = self._dice.choice((1, 1, 1, 2, 3))
            lines.append(
                {**_reference(product), "quantity": min(wanted, product["stock_quantity"] or wanted)}
            )
        status = self._dice.choices(("processing", "on-hold", "pending"), (85, 10, 5))[0]
        self._woo.post("/_twin/checkout", {"lines": lines, "status": status, "billing": {"country": "DE"}})

    def pay(self) -> None:
        """Take the oldest unpaid order: most are paid, some are given up."""
        waiting = self._orders("on-hold,pending")
        if waiting:
            status = "processing" if self._dice.random() < 0.8 else "cancelled"
            self._woo.post(f"/_twin/orders/{waiting[0]['id']}/status", {"status": status})

    def cancel(self) -> None:
        order = self._pick(self._orders("processing"))
        if order and not self._stockroom.has_begun(order):
            self._woo.post(f"/_twin/orders/{order['id']}/status", {"status": "cancelled"})

    def refund(self) -> None:
        """Take one unit back from a delivered order: onto a shelf, or broken and gone."""
        order = self._pick(self._orders("completed&newest=50"))
        line = (
            self._pick([line for line in order["lines"] if line["quantity"] > line["refunded"]])
            if order
            else None
        )
        if order is None or line is None:
            return
        whole = self._dice.random() < 0.6 and self._stockroom.take_back(order, line)
        given = {"id": line["id"], "quantity": 1, "refund_total": "0"}
        self._woo.post(f"/_twin/orders/{order['id']}/refund", {"line_items": [given], "api_restock": whole})

    def ship(self) -> None:
        """Send out the oldest paid orders, once somebody had the time to pick them."""
        picked = time.time() - self._pick_s
        open_orders = [order for order in self._orders("processing") if not self._stockroom.is_sent(order)]
        for order in open_orders[:5]:
            if order["created"] <= picked:
                self._stockroom.ship(order)

    # ── the shop floor ──

    def sale(self) -> None:
        store = self._dice.choice(list(self._book()))
        there = self._there(store)
        chosen = self._dice.sample(there, min(len(there), self._dice.choice((1, 1, 2, 3))))
        if chosen:
            lines = [
                {"sku": sku, "quantity": "1" if left < 2 else self._dice.choice("112")}
                for sku, left in chosen
            ]
            self._sales = [
                *self._sales[-50:],
                self._till.post("/_twin/sale", {"store": store, "lines": lines}),
            ]

    def give_back(self) -> None:
        sale = self._pick(self._sales)
        if sale:
            line = self._dice.choice(sale["lines"])
            lines = [{"sku": line["sku"], "quantity": "1"}]
            self._till.post("/_twin/return", {"store": sale["store"], "lines": lines})

    def count(self) -> None:
        """Find on a shelf what the book says, or one more or less."""
        store, sku, left = self._anything()
        found = max(Decimal(0), left + self._dice.choice((0, 0, 0, -1, 1)))
        self._till.post("/_twin/count", {"store": store, "lines": [{"sku": sku, "quantity": str(found)}]})

    def receipt(self) -> None:
        """Let a lorry bring the scarcest of a few goods, by the carton where they come in cartons."""
        if self._dice.random() < 0.5:
            self._stockroom.receive(self._dice.choice(self._stockroom.warehouses()))
            return
        store = self._dice.choice(list(self._book()))
        shelf = list(self._book()[store]["on_hand"].items())
        lines = []
        for sku, _ in sorted(self._dice.sample(shelf, min(12, len(shelf))), key=lambda row: Decimal(row[1]))[
            :3
        ]:
            packs = self._stockroom.catalog().get("packs", {}).get(sku, {})
            unit = next(iter(packs), None)
            line = {
                "sku": sku,
                "quantity": str(self._dice.randint(2, 4) if unit else self._dice.randint(10, 40)),
            }
            lines.append({**line, "uom": unit} if unit else line)
        self._till.post("/_twin/receipt", {"store": store, "lines": lines})

    def transfer(self) -> None:
        """Move goods between the warehouses, in Odoo, or between two stores, whose tills tell of it."""
        if self._dice.random() < 0.5:
            self._stockroom.transfer()
            return
        start, goal = self._dice.sample(list(self._book()), 2)
        lines = [
            {"sku": sku, "quantity": str(min(int(left), self._dice.randint(2, 6)))}
            for sku, left in self._dice.sample(self._there(start), 2)
        ]
        body = {"store": start, "to_store": goal, "lines": lines, "arrives_in_s": self._dice.randint(2, 20)}
        self._till.post("/_twin/transfer", body)

    def scrap(self) -> None:
        store, sku, left = self._anything()
        if left >= 1:
            line = {"sku": sku, "quantity": "-1", "reason": "scrap"}
            self._till.post("/_twin/adjustment", {"store": store, "lines": [line]})

    def correct(self) -> None:
        """Find that a receipt was rung up wrong: one unit, not two."""
        sale = self._pick([sale for sale in self._sales if Decimal(sale["lines"][0]["quantity"]) > 1])
        if sale:
            first, *others = sale["lines"]
            self._sales.remove(sale)
            self._till.post(
                "/_twin/correct", {"event": sale["id"], "lines": [{**first, "quantity": "1"}, *others]}
            )

    def close(self) -> None:
        store = self._dice.choice(list(self._book()))
        self._till.post("/_twin/session-close", {"store": store})

    def acts(self) -> dict[str, Callable[[], None]]:
        named: dict[str, Callable[[], None]] = {name: getattr(self, name, self.give_back) for name in RATES}
        return named

    # ── looking ──

    def _for_sale(self) -> list[Doc]:
        """Return what the shop shows as in stock, read at most every few seconds."""
        book = self._cached("shop", lambda: self._woo.get("/_twin/book?history=0&orders=0")["products"])
        found = [
            row for row in book
            if row["type"] != "variable" and row["stock_status"] == "instock" and row["status"] == "publish"
        ]  # fmt: skip
        if len(found) < 3:
            raise Refused("the shop has next to nothing to sell")
        return found

    def _book(self) -> dict[str, Doc]:
        stores: dict[str, Doc] = self._cached("till", lambda: self._till.get("/_twin/book")["stores"])
        return stores

    def _there(self, store: str) -> list[tuple[str, Decimal]]:
        shelf = ((sku, Decimal(left)) for sku, left in self._book()[store]["on_hand"].items())
        return [(sku, left) for sku, left in shelf if left >= 1]

    def _anything(self) -> tuple[str, str, Decimal]:
        store = self._dice.choice(list(self._book()))
        sku, left = self._dice.choice(list(self._book()[store]["on_hand"].items()))
        return store, sku, Decimal(left)

    def _orders(self, statuses: str) -> list[Doc]:
        orders: list[Doc] = self._woo.get(f"/_twin/orders?status={statuses}")["orders"]
        return sorted(orders, key=lambda order: int(order["id"]))

    def _pick(self, rows: Sequence[Doc]) -> Doc | None:
        return self._dice.choice(rows) if rows else None

    def _cached(self, name: str, read: Callable[[], Any]) -> Any:
        at, kept = self._read.get(name, (0.0, None))
        now = time.monotonic()
        if kept is None or now - at > 5.0:
            kept = read()
            self._read[name] = (now, kept)
        return kept


def _reference(product: Doc) -> Doc:
    if product["type"] == "variation":
        return {"product_id": product["parent_id"], "variation_id": product["id"]}
    return {"product_id": product["id"]}


def run(
    trade: Trade, rates: dict[str, float], dice: random.Random, stopped: threading.Event, seconds: float
) -> Counter[str]:
    """Do what falls due until stopped; return what was done, refused and missed."""
    acts, tally = trade.acts(), Counter[str]()
    begun = time.monotonic()
    due = {name: begun + dice.expovariate(rate / 60) for name, rate in rates.items() if rate > 0}
    report = begun + REPORT_S
    while due and not stopped.is_set() and (not seconds or time.monotonic() - begun < seconds):
        name = min(due, key=lambda act: due[act])
        wait = min(due[name], report) - time.monotonic()
        if wait > 0 and stopped.wait(min(wait, 0.5)):
            break
        now = time.monotonic()
        if now >= report:
            print("trade:", ", ".join(f"{what} {times}" for what, times in sorted(tally.items())), flush=True)
            report = now + REPORT_S
        if now < due[name]:
            continue
        due[name] = max(due[name], now - 5) + dice.expovariate(rates[name] / 60)
        try:
            acts[name]()
            tally[name] += 1
        except Refused:
            tally[f"{name} refused"] += 1
        except Away as problem:
            tally["away"] += 1
            if tally["away"] % 20 == 1:
                print(f"trade: waiting for a twin ({problem})", flush=True)
            stopped.wait(1.0)
    return tally


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m runner.trade", description=__doc__)
    parser.add_argument("--woo-url", required=True)
    parser.add_argument("--till-url", required=True)
    parser.add_argument("--odoo-url", required=True)
    parser.add_argument("--source", default="woo", help="the web shop, as Odoo's orders name it")
    parser.add_argument(
        "--seconds", type=float, default=0, help="stop after this long; 0 runs until a signal"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pace", type=float, default=1.0, help="multiplies every rate")
    parser.add_argument("--pick-s", type=float, default=8.0, help="how long an order waits before it ships")
    for name, rate in RATES.items():
        parser.add_argument(f"--{name}", type=float, default=rate, help="times a minute (%(default)s)")
    options = parser.parse_args(argv)
    dice = random.Random(options.seed)
    rates = {name: float(getattr(options, name)) * options.pace for name in RATES}
    trade = Trade(
        Api(options.woo_url),
        Api(options.till_url),
        Api(options.odoo_url),
        dice,
        source=options.source,
        pick_s=options.pick_s,
    )
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    tally = run(trade, rates, dice, stopped, options.seconds)
    print("trade ended:", json.dumps(dict(sorted(tally.items()))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
