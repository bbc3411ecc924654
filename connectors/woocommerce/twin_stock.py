"""The product book and the shop's stock rules: who manages a figure, what status follows from it.

The one place that changes a stock figure. Speaks no HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.base.twinkit import Doc
from connectors.woocommerce.twin_shop import Shop
from connectors.woocommerce.twin_wire import php_int


class ProductBook:
    """Products, variations and their figures. Callers hold the books' transaction."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._children: dict[int, list[int]] = {}
        for doc in self.all():
            self._adopt(doc)

    def get(self, product_id: int) -> Doc | None:
        return self._shop.books.get("product", product_id)

    def all(self) -> list[Doc]:
        return self._shop.books.all("product")

    def parent_of(self, doc: Doc) -> Doc | None:
        return self.get(doc["parent_id"]) if doc["type"] == "variation" else None

    def children_of(self, doc: Doc) -> list[int]:
        return self._children.get(doc["id"], [])

    def by_sku(self, sku: str) -> list[Doc]:
        """Return every product or variation with the SKU, trashed ones included."""
        return [doc for doc in self.all() if doc["sku"] == sku and sku]

    def add(self, fields: Doc) -> Doc:
        """Write a new product with the shop's defaults around the given fields."""
        now = self._shop.now_s()
        doc: Doc = {
            "type": "simple", "parent_id": 0, "name": "Product", "sku": "", "status": "publish",
            "manage_stock": False, "stock_quantity": None, "stock_status": "instock", "backorders": "no",
            "regular_price": "", "attributes": [], "meta_data": [], "created": now, "modified": now, **fields,
        }  # fmt: skip
        doc.setdefault("id", self._shop.next_post_id())
        self.save(doc)
        self._adopt(doc)
        if doc["stock_quantity"] is not None:
            self._shop.note_stock(doc["id"], doc["stock_quantity"], fields.get("_who", "opening"))
        doc.pop("_who", None)
        return doc

    def remove(self, doc: Doc) -> None:
        self._shop.books.drop("product", doc["id"])
        if doc["type"] == "variation" and doc["id"] in self._children.get(doc["parent_id"], []):
            self._children[doc["parent_id"]].remove(doc["id"])
        for child in list(self.children_of(doc)):
            self._shop.books.drop("product", child)
        self._children.pop(doc["id"], None)

    def save(self, doc: Doc) -> None:
        self._shop.books.put("product", doc["id"], doc)

    def touch(self, doc: Doc) -> None:
        doc["modified"] = self._shop.now_s()
        self.save(doc)

    def pool(self, doc: Doc) -> Doc | None:
        """Return the product whose figure this one sells from: itself, its parent, or none."""
        if doc["manage_stock"]:
            return doc
        parent = self.parent_of(doc)
        return parent if parent is not None and parent["manage_stock"] else None

    def view(self, doc: Doc) -> Doc:
        """Return the stock fields as the shop shows them."""
        pool = self.pool(doc)
        shown = doc if pool is None else pool
        backorders = shown["backorders"]
        quantity = None if pool is None else pool["stock_quantity"]
        if self._shop.quirks.decimal_stock and quantity is not None:
            quantity = float(quantity)
        status = self._status(doc, pool)
        short = status == "onbackorder" or (pool is not None and backorders != "no" and (quantity or 0) < 0)
        return {
            "manage_stock": "parent" if pool is not None and pool is not doc else doc["manage_stock"],
            "stock_quantity": quantity, "stock_status": status, "backorders": backorders,
            "backorders_allowed": backorders != "no", "backordered": short,
        }  # fmt: skip

    def set_quantity(self, doc: Doc, quantity: float, who: str) -> None:
        """Land an absolute figure on the product itself; bump it, and its parent when it changed."""
        changed = doc["stock_quantity"] != quantity
        doc["stock_quantity"] = quantity
        self.touch(doc)
        parent = self.parent_of(doc)
        if changed and parent is not None:
            self.touch(parent)
        self._shop.note_stock(doc["id"], quantity, who)

    def move(self, doc: Doc, by: float, who: str) -> Doc | None:
        """Add to the figure this product sells from, as the shop's own SQL does; None if unmanaged."""
        pool = self.pool(doc)
        if pool is not None:
            self.set_quantity(pool, (pool["stock_quantity"] or 0) + by, who)
        return pool

    def set_raw(self, doc: Doc, quantity: float, who: str) -> None:
        """Write the figure behind the shop's back: nothing is bumped and nobody is told."""
        doc["stock_quantity"] = quantity
        self.save(doc)
        self._shop.note_stock(doc["id"], quantity, who)

    def history(self, product_ids: Iterable[int] | None = None) -> dict[int, list[Doc]]:
        wanted = None if product_ids is None else set(product_ids)
        found: dict[int, list[Doc]] = {}
        for entry in self._shop.books.all("history"):
            if wanted is None or entry["product_id"] in wanted:
                row = {"time": entry["time"], "value": entry["value"], "who": entry["who"]}
                found.setdefault(entry["product_id"], []).append(row)
        return found

    def _status(self, doc: Doc, pool: Doc | None) -> str:
        if pool is not None:
            if (pool["stock_quantity"] or 0) > 0:
                return "instock"
            return "outofstock" if pool["backorders"] == "no" else "onbackorder"
        children = [child for child in map(self.get, self.children_of(doc)) if child is not None]
        if not children:
            return str(doc["stock_status"])
        shown = {self._status(child, self.pool(child)) for child in children}
        return next(status for status in ("instock", "onbackorder", "outofstock") if status in shown)

    def _adopt(self, doc: Doc) -> None:
        if doc["type"] == "variation":
            family = self._children.setdefault(doc["parent_id"], [])
            if doc["id"] not in family:
                family.append(doc["id"])


def as_figure(value: Any, *, decimal: bool) -> float:
    """Return a figure as the shop stores it: whole units unless an extension keeps fractions."""
    if decimal:
        try:
            return float(value)
        except (TypeError, ValueError):
            return 0.0
    return php_int(value)
