"""The twin's control API under `/_twin/`: shoppers, shop staff, faults, time, and the books for witnesses.

Not part of the vendor's contract and never used by the connector.
"""

from __future__ import annotations

from typing import Any, Protocol

from connectors.base.twinkit import Doc, Request, Response, json_response
from connectors.woocommerce.twin_order_api import OrderApi
from connectors.woocommerce.twin_products import ProductApi
from connectors.woocommerce.twin_shop import Shop
from connectors.woocommerce.twin_webhooks import Webhooks
from connectors.woocommerce.twin_wire import id_list


class Refused(Exception):
    """The storefront cannot sell this: `lines` says what is short."""

    def __init__(self, lines: list[Doc]) -> None:
        super().__init__("not enough stock")
        self.lines = lines


class Controlled(Protocol):
    """What the control API needs of the twin itself."""

    shop: Shop
    requests: list[Doc]

    def seed(self, doc: Doc) -> int: ...

    def run_cron(self) -> int: ...

    def tick(self) -> None: ...


class Control:
    """Answers `/_twin/...`; its methods are the same acts for tests in the same process."""

    def __init__(self, twin: Controlled, products: ProductApi, orders: OrderApi, hooks: Webhooks) -> None:
        self._twin, self._shop = twin, twin.shop
        self._products, self._orders, self._hooks = products, orders, hooks

    # ── acts ──

    def checkout(self, lines: list[Doc], *, status: str = "processing", **details: Any) -> Doc:
        """Sell at the storefront, atomically against the shop's own figures; return the order.

        Raises Refused when the shop's figure, less what other unpaid orders hold, does not suffice.
        """
        with self._shop.books.transaction():
            held = self._held()
            wanted: dict[int, int] = {}
            short: list[Doc] = []
            for line in lines:
                number = int(line.get("variation_id") or line["product_id"])
                doc, quantity = self._products.book.get(number), int(line["quantity"])
                pool = None if doc is None else self._products.book.pool(doc)
                if doc is None or doc["status"] != "publish":
                    short.append({"product_id": number, "reason": "not for sale"})
                elif pool is None:
                    if self._products.book.view(doc)["stock_status"] == "outofstock":
                        short.append({"product_id": number, "reason": "out of stock"})
                elif pool["backorders"] == "no":
                    wanted[pool["id"]] = wanted.get(pool["id"], 0) + quantity
                    shown = (pool["stock_quantity"] or 0) - held.get(pool["id"], 0)
                    if shown < wanted[pool["id"]]:
                        short.append({"product_id": number, "asked": wanted[pool["id"]], "shown": shown})
            if short:
                raise Refused(short)
            body = {**details, "line_items": lines, "status": status}
            order = self._orders.create_from(body, created_via="checkout")
            if status in ("pending", "checkout-draft"):
                until = self._shop.clock.now().timestamp() + self._shop.quirks.hold_stock_s
                order["held_until"] = until
                self._orders.book.save(order)
            return self._orders.document(order)

    def set_status(self, order_id: int, status: str) -> Doc:
        """Move an order as staff do in the shop's own pages."""
        with self._shop.books.transaction():
            order = self._known(order_id)
            if order["status"] != status:
                self._orders.book.set_status(order, status)
                self._shop.announce("order.updated", order_id)
            return self._orders.document(order)

    def refund(self, order_id: int, body: Doc) -> Doc:
        with self._shop.books.transaction():
            refund = self._orders.refund_order(self._known(order_id), {"api_refund": False, **body})
            return self._orders.refund_document(refund, named=True)

    def delete_order(self, order_id: int, *, force: bool) -> None:
        with self._shop.books.transaction():
            self._orders.delete_order(self._known(order_id), force=force)

    def set_stock(self, product_id: int, quantity: float, *, silent: bool = False, who: str = "staff") -> Doc:
        """Set a figure as a plugin does: through the shop's API, or behind its back (`silent`)."""
        with self._shop.books.transaction():
            doc = self._products.book.get(product_id)
            if doc is None:
                raise KeyError(product_id)
            if silent:
                self._products.book.set_raw(doc, quantity, who)
            else:
                self._products.book.set_quantity(doc, quantity, who)
                self._shop.announce("product.updated", product_id)
            return self._products.document(doc)

    def book(self, product_ids: list[int] | None = None, *, history: bool = True, orders: bool = True) -> Doc:
        """Return the shop's own books: what it shows, every figure that ever landed, every order."""
        with self._shop.books.lock:
            landed = self._products.book.history(product_ids) if history else {}
            products = [
                {
                    "id": doc["id"], "type": doc["type"], "sku": doc["sku"], "parent_id": doc["parent_id"],
                    "status": doc["status"], **self._products.book.view(doc),
                    "history": landed.get(doc["id"], []),
                }
                for doc in self._products.book.all()
                if product_ids is None or doc["id"] in product_ids
            ]  # fmt: skip
            sold = self.orders() if orders else []
            return {"time": self._shop.clock.now().isoformat(), "products": products, "orders": sold}

    def orders(self, statuses: list[str] | None = None, *, newest: int = 0) -> list[Doc]:
        """Return orders, oldest first, with line truth: what was sold, held and refunded, hidden or not.

        `newest` keeps only so many of the latest.
        """
        with self._shop.books.lock:
            return [
                {
                    **{name: order[name] for name in ("id", "status", "created", "modified", "created_via")},
                    "number": str(order["id"]),
                    "lines": [self._line(order, line) for line in order["lines"]],
                }
                for order in self._chosen(statuses)[-newest:]
            ]

    def _chosen(self, statuses: list[str] | None) -> list[Doc]:
        return [order for order in self._orders.book.all() if statuses is None or order["status"] in statuses]

    def _line(self, order: Doc, line: Doc) -> Doc:
        product = self._orders.book.product_of_line(line)
        refunded = sum(
            row["quantity"]
            for refund in self._orders.book.refunds_of(order["id"])
            for row in refund["lines"]
            if row["of"] == line["id"]
        )
        return {
            **{name: line[name] for name in ("id", "product_id", "variation_id", "quantity")},
            "sku": "" if product is None else product["sku"], "refunded": refunded,
            "reduced": line["meta"].get("_reduced_stock", 0),
        }  # fmt: skip

    def _held(self) -> dict[int, int]:
        """Return what unpaid storefront orders keep from other buyers, by stock-keeping product."""
        now = self._shop.clock.now().timestamp()
        found: dict[int, int] = {}
        for order in self._orders.book.all():
            if float(order.get("held_until", 0)) <= now:
                continue
            for line in order["lines"]:
                doc = self._orders.book.product_of_line(line)
                pool = None if doc is None else self._products.book.pool(doc)
                if pool is not None:
                    found[pool["id"]] = found.get(pool["id"], 0) + line["quantity"]
        return found

    def _known(self, order_id: int) -> Doc:
        order = self._orders.book.get(order_id)
        if order is None:
            raise KeyError(order_id)
        return order

    # ── the door ──

    def answer(self, request: Request) -> Response:
        parts = request.path.strip("/").split("/")[1:]
        try:
            return self._route(request, parts, request.json() if request.body else {})
        except Refused as refused:
            return json_response(409, {"refused": refused.lines})
        except (KeyError, ValueError, TypeError) as problem:
            return json_response(404 if isinstance(problem, KeyError) else 400, {"error": repr(problem)})

    def _route(self, request: Request, parts: list[str], body: Doc) -> Response:
        query = request.query
        match (request.method, parts):
            case ("GET", ["book"]):
                ids = id_list(query["product"]) if query.get("product") else None
                return json_response(
                    200,
                    self.book(ids, history=query.get("history") != "0", orders=query.get("orders") != "0"),
                )
            case ("GET", ["orders"]):
                statuses = query["status"].split(",") if query.get("status") else None
                return json_response(
                    200, {"orders": self.orders(statuses, newest=int(query.get("newest", 0)))}
                )
            case ("POST", ["checkout"]):
                lines = body.pop("lines")
                return json_response(201, self.checkout(lines, **body))
            case ("POST", ["orders", number, "status"]):
                return json_response(200, self.set_status(int(number), str(body["status"])))
            case ("POST", ["orders", number, "refund"]):
                return json_response(201, self.refund(int(number), body))
            case ("POST", ["orders", number, "delete"]):
                self.delete_order(int(number), force=bool(body.get("force")))
                return json_response(200, {"deleted": int(number)})
            case ("POST", ["products", number, "stock"]):
                silent = bool(body.get("silent"))
                return json_response(200, self.set_stock(int(number), body["quantity"], silent=silent))
            case ("GET", ["faults"]):
                return json_response(
                    200, {"faults": self._shop.faults.active(), "played": self._shop.faults.played}
                )
            case ("POST", ["faults"]):
                return json_response(201, self._shop.faults.inject(**body).document())
            case ("DELETE", ["faults"]):
                self._shop.faults.clear(query.get("kind"))
                return json_response(200, {"faults": self._shop.faults.active()})
            case ("POST", ["cron"]):
                return json_response(200, {"sent": self._twin.run_cron()})
            case ("POST", ["advance"]):
                self._shop.clock.advance(float(body["seconds"]))
                self._twin.tick()
                return json_response(200, {"time": self._shop.clock.now().isoformat()})
            case ("POST", ["seed"]):
                return json_response(201, {"products": self._twin.seed(body)})
            case ("GET", ["deliveries"]):
                return json_response(200, {"deliveries": self._hooks.log, "pending": self._hooks.pending()})
            case ("GET", ["requests"]):
                return json_response(200, {"requests": self._twin.requests})
        return json_response(404, {"error": "no such control"})
