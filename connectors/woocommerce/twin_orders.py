"""The order book: lines, statuses, and what each change takes out of stock or puts back.

A line's `_reduced_stock` is the units it now holds out of stock. Speaks no HTTP.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.base.twinkit import Doc
from connectors.woocommerce.twin_shop import Shop
from connectors.woocommerce.twin_stock import ProductBook
from connectors.woocommerce.twin_wire import ShopError, php_int

STATUSES = (
    "auto-draft", "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed",
    "checkout-draft",
)  # fmt: skip
HOLDING = ("processing", "on-hold", "completed")
REDUCED, RESTOCKED = "_reduced_stock", "_restock_refunded_items"


def money(value: Any) -> Decimal:
    try:
        return Decimal(str(value or 0)).quantize(Decimal("0.01"))
    except InvalidOperation:
        return Decimal("0.00")


def quantity_of(value: Any) -> int:
    """Return a line quantity as the shop keeps it: whole units."""
    return php_int(value)


class OrderBook:
    """Orders and their refunds. Callers hold the books' transaction."""

    def __init__(self, shop: Shop, products: ProductBook) -> None:
        self._shop = shop
        self._products = products
        self._refunds: dict[int, list[Doc]] = {}
        for row in shop.books.all("refund"):
            self._refunds.setdefault(row["order_id"], []).append(row)

    def get(self, order_id: int) -> Doc | None:
        return self._shop.books.get("order", order_id)

    def all(self) -> list[Doc]:
        return self._shop.books.all("order")

    def save(self, order: Doc) -> None:
        self._shop.books.put("order", order["id"], order)

    def touch(self, order: Doc) -> None:
        order["modified"] = self._shop.now_s()
        self.save(order)

    def visible(self, order: Doc) -> bool:
        """Return whether the order shows yet: a fault may hide new orders for a while."""
        return float(order.get("visible_at", 0)) <= self._shop.clock.now().timestamp()

    def total(self, order: Doc) -> Decimal:
        return sum((money(line["total"]) for line in order["lines"]), Decimal("0.00"))

    # ── creating and editing ──

    def create(self, body: Doc, *, created_via: str) -> Doc:
        """Write a new order; stock is not checked, whatever is asked for."""
        now = self._shop.now_s()
        lines = [self._new_line(given) for given in body.get("line_items") or []]
        order: Doc = {
            "id": self._shop.next_post_id(), "status": "pending", "created": now, "modified": now,
            "paid": None, "completed": None, "created_via": created_via, "stock_reduced": False,
            "currency": str(body.get("currency", "EUR")), "billing": dict(body.get("billing") or {}),
            "shipping": dict(body.get("shipping") or {}), "customer_note": str(body.get("customer_note", "")),
            "payment_method": str(body.get("payment_method", "")), "meta_data": [], "lines": lines,
        }  # fmt: skip
        if fault := self._shop.faults.take("orders_invisible_s"):
            order["visible_at"] = self._shop.clock.now().timestamp() + fault.seconds
        self.save(order)
        return order

    def edit_lines(self, order: Doc, given_lines: list[Any]) -> None:
        """Change, add or remove lines; a holding order's stock follows."""
        touched: list[Doc] = []
        for given in given_lines:
            line = next((line for line in order["lines"] if line["id"] == given.get("id")), None)
            if line is None:
                if given.get("id"):
                    raise ShopError(
                        400,
                        "woocommerce_rest_invalid_item_id",
                        "Order item ID provided is not associated with order.",
                    )
                order["lines"].append(self._new_line(given))
                touched.append(order["lines"][-1])
            elif ("product_id" in given and given["product_id"] is None) or given.get("quantity") in (0, "0"):
                self._adjust(order, line, 0)
                order["lines"].remove(line)
            else:
                for name in ("total", "subtotal"):
                    if name in given:
                        line[name] = str(money(given[name]))
                if "quantity" in given:
                    line["quantity"] = quantity_of(given["quantity"])
                touched.append(line)
        if order["stock_reduced"]:
            for line in touched:
                self._adjust(order, line, line["quantity"])
        self.save(order)

    def set_paid(self, order: Doc) -> None:
        if order["status"] in ("pending", "on-hold", "failed", "cancelled"):
            self.set_status(order, "processing")

    def set_status(self, order: Doc, status: str) -> None:
        """Move the order to a status and do to the stock what the shop does then."""
        before, order["status"] = order["status"], status
        now = self._shop.now_s()
        if status in ("processing", "completed") and order["paid"] is None:
            order["paid"] = now
        if status == "completed" and before != "completed":
            order["completed"] = now
        if status in HOLDING:
            self._reduce(order)
        elif status in ("cancelled", "pending") or (status == "failed" and self._shop.quirks.failed_restores):
            self._restore(order)
        elif status == "refunded" and before != "refunded":
            self._refund_rest(order)
        if status not in ("pending", "checkout-draft"):
            order.pop("held_until", None)
        self.touch(order)

    def trash(self, order: Doc) -> None:
        order["status"] = "trash"
        self.touch(order)

    def remove(self, order: Doc) -> None:
        self._shop.books.drop("order", order["id"])
        for refund in self.refunds_of(order["id"]):
            self.remove_refund(refund)

    # ── refunds ──

    def refunds_of(self, order_id: int) -> list[Doc]:
        return sorted(self._refunds.get(order_id, []), key=lambda row: -int(row["id"]))

    def remove_refund(self, refund: Doc) -> None:
        """Forget a refund; the stock it gave back stays given back."""
        self._shop.books.drop("refund", refund["id"])
        self._refunds[refund["order_id"]].remove(refund)

    def refunded(self, order: Doc) -> Decimal:
        return sum((money(row["amount"]) for row in self.refunds_of(order["id"])), Decimal("0.00"))

    def refund(self, order: Doc, body: Doc, *, restock: bool) -> Doc:
        """Write a refund; its lines name the order's lines. More units than sold are accepted."""
        given_lines = [line for line in body.get("line_items") or [] if isinstance(line, dict)]
        listed = sum((money(line.get("refund_total")) for line in given_lines), Decimal("0.00"))
        amount = money(body["amount"]) if body.get("amount") not in (None, "") else listed
        left = self.total(order) - self.refunded(order)
        if amount < 0 or amount > left:
            raise ShopError(
                500, "woocommerce_rest_cannot_create_order_refund", "Invalid refund amount.", bare=True
            )
        refund = self._write_refund(order, amount, str(body.get("reason", "")), full=amount == left)
        for given in given_lines:
            line = next((line for line in order["lines"] if line["id"] == given.get("id")), None)
            quantity = quantity_of(given.get("quantity"))
            if line is None or (not quantity and not given.get("refund_total")):
                continue
            number = self._shop.books.next_number("order_item")
            total = str(money(given.get("refund_total")))
            refund["lines"].append({"id": number, "of": line["id"], "quantity": quantity, "total": total})
            if restock and quantity:
                self._restock(order, line, quantity)
        self._shop.books.put("refund", refund["id"], refund)
        if amount == left:
            order["status"] = "refunded"
        self.touch(order)
        return refund

    def _write_refund(self, order: Doc, amount: Decimal, reason: str, *, full: bool) -> Doc:
        now = self._shop.now_s()
        refund: Doc = {
            "id": self._shop.next_post_id(), "order_id": order["id"], "created": now, "modified": now,
            "amount": str(amount), "reason": reason, "type": "full" if full else "partial", "lines": [],
        }  # fmt: skip
        self._shop.books.put("refund", refund["id"], refund)
        self._refunds.setdefault(order["id"], []).append(refund)
        return refund

    def _refund_rest(self, order: Doc) -> None:
        left = self.total(order) - self.refunded(order)
        if left > 0:
            self._write_refund(order, left, "Order fully refunded.", full=True)

    # ── stock ──

    def _new_line(self, given: Any) -> Doc:
        product = self._product_of(given)
        quantity = quantity_of(given.get("quantity", 1))
        price = money(product.get("regular_price")) if product else Decimal(0)
        variation = product is not None and product["type"] == "variation"
        total = str(money(given.get("total", price * quantity)))
        return {
            "id": self._shop.books.next_number("order_item"), "quantity": quantity,
            "product_id": 0 if product is None else product["parent_id"] if variation else product["id"],
            "variation_id": product["id"] if product is not None and variation else 0,
            "name": str(given.get("name") or (product or {}).get("name", "")),
            "subtotal": str(money(given.get("subtotal", total))), "total": total, "meta": {},
        }  # fmt: skip

    def _product_of(self, given: Any) -> Doc | None:
        if not isinstance(given, dict) or not any(
            given.get(n) for n in ("product_id", "variation_id", "sku")
        ):
            raise ShopError(
                400, "woocommerce_rest_required_product_reference", "Product ID or SKU is required."
            )
        if given.get("sku"):
            found = [doc for doc in self._products.by_sku(str(given["sku"])) if doc["status"] != "trash"]
            return found[0] if found else None
        return self._products.get(php_int(given.get("variation_id") or given.get("product_id")))

    def product_of_line(self, line: Doc) -> Doc | None:
        return self._products.get(line["variation_id"] or line["product_id"])

    def parent_of(self, product: Doc) -> Doc | None:
        return self._products.parent_of(product)

    def _reduce(self, order: Doc) -> None:
        if order["stock_reduced"]:
            return
        order["stock_reduced"] = True
        for line in order["lines"]:
            self._adjust(order, line, line["quantity"])

    def _restore(self, order: Doc) -> None:
        if not order["stock_reduced"]:
            return
        order["stock_reduced"] = False
        for line in order["lines"]:
            self._adjust(order, line, 0)

    def _adjust(self, order: Doc, line: Doc, target: int) -> None:
        """Make the line hold exactly `target` units, less what refunds have already put back."""
        held = line["meta"].get(REDUCED)
        if target and held is not None:
            target -= line["meta"].get(RESTOCKED, 0)
        product = self.product_of_line(line)
        if product is None or (held or 0) == target:
            if held is not None and not order["stock_reduced"]:
                line["meta"].pop(REDUCED, None)
            return
        pool = self._products.move(product, (held or 0) - target, f"order:{order['id']}")
        if pool is None:
            return
        if order["stock_reduced"] and target:
            line["meta"][REDUCED] = target
            self._number_meta(line, REDUCED)
        else:
            line["meta"].pop(REDUCED, None)
        self._shop.announce("product.updated", pool["id"])

    def _restock(self, order: Doc, line: Doc, quantity: int) -> None:
        held = line["meta"].get(REDUCED)
        product = self.product_of_line(line)
        if not held or product is None:
            return
        pool = self._products.move(product, quantity, f"refund:{order['id']}")
        if pool is None:
            return
        line["meta"][REDUCED] = held - quantity
        line["meta"][RESTOCKED] = line["meta"].get(RESTOCKED, 0) + quantity
        self._number_meta(line, RESTOCKED)
        self._shop.announce("product.updated", pool["id"])

    def _number_meta(self, line: Doc, key: str) -> None:
        line.setdefault("meta_ids", {}).setdefault(key, self._shop.books.next_number("meta"))
