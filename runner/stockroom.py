"""The stockroom of the demo: sends out the web orders that Odoo has, takes goods back, fills the shelves.

It works from Odoo alone, where the hub keeps the orders: what the shop knows of it the hub has told it. Only
goods that need no shelf are sent by the shop itself. What has left is asked of Odoo, so nothing leaves twice
after a restart.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol

Doc = dict[str, Any]

PATIENCE_S = 60.0
"""How long an order that Odoo has waits for goods before the customer is told that they cannot come."""
LONG_PATIENCE_S = 600.0
"""How long an order may take to come to Odoo."""
IN_PARTS = 0.2


class Refused(Exception):
    """The twin said no: nothing on the shelf, an order changed meanwhile."""


class Calls(Protocol):
    """JSON calls to a twin; `post` raises Refused."""

    def get(self, path: str) -> Any: ...

    def post(self, path: str, body: Doc) -> Any: ...


class Stockroom:
    """Ships orders of one shop from the warehouses it sells from."""

    def __init__(
        self,
        woo: Calls,
        till: Calls,
        odoo: Calls,
        dice: random.Random,
        *,
        source: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._woo, self._till, self._odoo, self._dice = woo, till, odoo, dice
        self._source, self._clock = source, clock
        self._catalog: Doc = {}
        self._waiting_since: dict[int, float] = {}
        self._sent: set[int] = set()

    def catalog(self) -> Doc:
        if not self._catalog.get("picks"):
            self._catalog = self._till.get("/_twin/catalog")
        return self._catalog

    def warehouses(self) -> list[str]:
        """Return the warehouses by Odoo's short names."""
        return [code.rsplit("-", 1)[-1] for code in self.catalog().get("sells_from", [])]

    def picks(self, line: Doc, units: int) -> Counter[str]:
        """Return what to take off the shelf for so many units of an order line; nothing if unknown."""
        product = str(line["variation_id"] or line["product_id"])
        found: Counter[str] = Counter()
        for part in self.catalog().get("picks", {}).get(product, []):
            found[part["sku"]] += int(Decimal(part["quantity"])) * units
        return found

    # ── orders ──

    def has_begun(self, order: Doc) -> bool:
        return bool(self._delivered(self._copies(order)))

    def is_sent(self, order: Doc) -> bool:
        """Whether all of it has left, as far as this stockroom has seen."""
        return order["id"] in self._sent

    def ship(self, order: Doc) -> None:
        """Ship what Odoo has reserved for an order; give up what does not come."""
        wanted = self._wanted(order)
        copies = self._copies(order)
        if not wanted - self._delivered(copies):
            self._sent.add(order["id"])
            self._waiting_since.pop(order["id"], None)
            if any(not self.picks(line, 1) for line in order["lines"]):
                self._woo.post(f"/_twin/orders/{order['id']}/status", {"status": "completed"})
        elif sum(self._ship(copy) for copy in copies):
            self._waiting_since.pop(order["id"], None)
        else:
            since = self._waiting_since.setdefault(order["id"], self._clock())
            if self._clock() - since >= (PATIENCE_S if copies else LONG_PATIENCE_S):
                self._waiting_since.pop(order["id"])
                self._give_up(order, self._delivered(copies))

    def take_back(self, order: Doc, line: Doc) -> bool:
        """Put one unit of a delivered line back on the shelf it came from; False if it never left here."""
        parts = self.picks(line, 1)
        for copy in self._copies(order):
            if parts and not parts - self._delivered([copy]):
                self._odoo.post("/_twin/return", {"order": copy["name"], "lines": dict(parts)})
                return True
        return False

    def _ship(self, copy: Doc) -> bool:
        """Send out one of Odoo's orders, or now and then a first part of it; False if nothing was there."""
        left = {
            line["code"]: int(line["ordered"] - line["delivered"])
            for line in copy["lines"]
            if line["ordered"] > line["delivered"]
        }
        if not left:
            return False
        body: Doc = {"order": copy["name"]}
        begun = any(line["delivered"] for line in copy["lines"])
        if not begun and sum(left.values()) > 1 and self._dice.random() < IN_PARTS:
            code = next(iter(left))
            body["lines"] = {code: max(1, left[code] // 2)}
        try:
            self._odoo.post("/_twin/ship", body)
        except Refused:
            return False
        return True

    def _give_up(self, order: Doc, delivered: Counter[str]) -> None:
        """Cancel what never left, or refund the lines that cannot come."""
        if not delivered:
            self._woo.post(f"/_twin/orders/{order['id']}/status", {"status": "cancelled"})
            return
        missing = []
        for line in order["lines"]:
            parts, units = self.picks(line, 1), line["quantity"] - line["refunded"]
            served = min((delivered[sku] // each for sku, each in parts.items()), default=units)
            delivered -= self.picks(line, min(served, units))
            if served < units:
                missing.append({"id": line["id"], "quantity": units - served, "refund_total": "0"})
        body = {"line_items": missing, "api_restock": False}
        self._woo.post(f"/_twin/orders/{order['id']}/refund", body)

    def _wanted(self, order: Doc) -> Counter[str]:
        found: Counter[str] = Counter()
        for line in order["lines"]:
            found += self.picks(line, line["quantity"] - line["refunded"])
        return found

    def _copies(self, order: Doc) -> list[Doc]:
        """Return what Odoo keeps of a web order: one order for each warehouse that serves it."""
        ours = f"inventory_sync.order__{self._source}__"
        found = self._odoo.get(f"/_twin/orders?ref={order['number']}")["orders"]
        return [
            row for row in found if row["state"] == "sale" and (row["external_id"] or "").startswith(ours)
        ]

    def _delivered(self, copies: list[Doc]) -> Counter[str]:
        found: Counter[str] = Counter()
        for line in (line for copy in copies for line in copy["lines"] if line["delivered"] > 0):
            found[line["code"]] += int(line["delivered"])
        return found

    # ── shelves ──

    def receive(self, warehouse: str) -> None:
        """Buy the scarcest of a few goods, by the carton where they come in cartons."""
        skus = sorted({part["sku"] for parts in self.catalog()["picks"].values() for part in parts})
        few = self._dice.sample(skus, min(12, len(skus)))
        there = self._there(warehouse, few)
        lines = {}
        for sku in sorted(few, key=lambda sku: there[sku])[:3]:
            carton = next(iter(self.catalog().get("packs", {}).get(sku, {}).values()), None)
            cartons = self._dice.randint(2, 4)
            lines[sku] = cartons * int(Decimal(carton)) if carton else self._dice.randint(10, 40)
        self._odoo.post("/_twin/receive", {"lines": lines, "warehouse": warehouse})

    def transfer(self) -> None:
        """Move a little of what one warehouse has to the other."""
        here, there = self._dice.sample(self.warehouses(), 2)
        skus = sorted({part["sku"] for parts in self.catalog()["picks"].values() for part in parts})
        shelf = self._there(here, self._dice.sample(skus, min(6, len(skus))))
        lines = {sku: min(int(left), self._dice.randint(2, 6)) for sku, left in shelf.items() if left >= 2}
        if lines:
            some = dict(list(lines.items())[:2])
            self._odoo.post("/_twin/transfer", {"lines": some, "source": here, "target": there})

    def _there(self, warehouse: str, skus: list[str]) -> dict[str, float]:
        """Return what is in a warehouse and promised to nobody."""
        book = self._odoo.get(f"/_twin/book?sku={','.join(skus)}")
        place = book["warehouses"][warehouse]
        levels = {sku: book["levels"].get(sku, {}).get(place, {}) for sku in skus}
        return {sku: row.get("on_hand", 0.0) - row.get("reserved", 0.0) for sku, row in levels.items()}
