"""The stockroom of the demo: takes web orders off the shelves, ships them, and tells the shop.

What has left for an order is asked of the till, so nothing leaves twice after a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Protocol

Doc = dict[str, Any]

PATIENCE = 15  # tries before the customer is told that it cannot be delivered


class Calls(Protocol):
    """JSON calls to a twin; `post` raises when it is refused."""

    def get(self, path: str) -> Any: ...

    def post(self, path: str, body: Doc) -> Any: ...


class Stockroom:
    """Ships orders of one shop from the places it sells from."""

    def __init__(self, woo: Calls, till: Calls, *, source: str) -> None:
        self._woo, self._till, self._source = woo, till, source
        self._catalog: Doc = {}
        self._tries: dict[int, int] = {}

    def catalog(self) -> Doc:
        if not self._catalog.get("picks"):
            self._catalog = self._till.get("/_twin/catalog")
        return self._catalog

    def sells_from(self) -> list[str]:
        return list(self.catalog().get("sells_from", []))

    def picks(self, line: Doc, units: int) -> list[Doc]:
        """Return what to take off the shelf for so many units of an order line; nothing if unknown."""
        product = str(line["variation_id"] or line["product_id"])
        return [
            {"sku": part["sku"], "quantity": str(Decimal(part["quantity"]) * units)}
            for part in self.catalog().get("picks", {}).get(product, [])
        ]

    def has_begun(self, order: Doc) -> bool:
        return bool(self._left(order))

    def ship(self, order: Doc) -> bool:
        """Ship what the order still wants, each line from one place; complete it when all has left."""
        done = self._left(order)
        short = False
        for line in order["lines"]:
            parts = self.picks(line, line["quantity"] - line["refunded"])
            if str(line["id"]) in done or not parts or line["quantity"] <= line["refunded"]:
                continue
            place = self._place_for(parts)
            if place is None:
                short = True
                continue
            lines = [{**part, "order_line": str(line["id"])} for part in parts]
            order_ref = {"source": self._source, "number": order["number"]}
            self._till.post("/_twin/shipment", {"store": place, "order": order_ref, "lines": lines})
        if not short:
            self._tries.pop(order["id"], None)
            self._woo.post(f"/_twin/orders/{order['id']}/status", {"status": "completed"})
            return True
        return self._wait_or_give_up(order)

    def _wait_or_give_up(self, order: Doc) -> bool:
        """Try again later; after a while cancel what never left, or refund the lines that cannot come."""
        tries = self._tries[order["id"]] = self._tries.get(order["id"], 0) + 1
        if tries < PATIENCE:
            return False
        self._tries.pop(order["id"])
        done = self._left(order)
        if not done:
            self._woo.post(f"/_twin/orders/{order['id']}/status", {"status": "cancelled"})
            return True
        missing = [
            {"id": line["id"], "quantity": line["quantity"] - line["refunded"], "refund_total": "0"}
            for line in order["lines"]
            if str(line["id"]) not in done and line["quantity"] > line["refunded"]
        ]
        self._woo.post(f"/_twin/orders/{order['id']}/refund", {"line_items": missing, "api_restock": False})
        self._woo.post(f"/_twin/orders/{order['id']}/status", {"status": "completed"})
        return True

    def _left(self, order: Doc) -> list[str]:
        path = f"/_twin/shipped?source={self._source}&number={order['number']}"
        lines: list[str] = self._till.get(path)["lines"]
        return lines

    def _place_for(self, parts: Sequence[Doc]) -> str | None:
        """Return a place that has all parts of a line, the fullest first."""
        asked: dict[str, Decimal] = {}
        for part in parts:
            asked[part["sku"]] = asked.get(part["sku"], Decimal(0)) + Decimal(part["quantity"])
        stores = self._till.get(f"/_twin/book?sku={','.join(asked)}")["stores"]
        best: tuple[Decimal, str] | None = None
        for place in self.sells_from():
            shelf = stores[place]["on_hand"]
            if all(Decimal(shelf.get(sku, "0")) >= quantity for sku, quantity in asked.items()):
                room = sum(Decimal(shelf[sku]) for sku in asked)
                best = max(best or (Decimal(-1), ""), (Decimal(room), place))
        return best[1] if best else None
