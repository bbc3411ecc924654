"""The order and refund endpoints, and how orders and refunds look on the wire."""

from __future__ import annotations

from typing import Any

from connectors.base.twinkit import Doc, Request, Response
from connectors.woocommerce.twin_orders import REDUCED, RESTOCKED, STATUSES, OrderBook, money
from connectors.woocommerce.twin_render import times
from connectors.woocommerce.twin_shop import Shop
from connectors.woocommerce.twin_wire import (
    ShopError,
    body_of,
    date_filter,
    invalid_id,
    invalid_param,
    links,
    only_fields,
    page_of,
    require_enum,
    shop_response,
    truthy,
)

ORDERINGS = ("date", "id", "include", "title", "slug", "modified")
ORDER_CODE = "woocommerce_rest_shop_order_invalid_id"
REFUND_CODE = "woocommerce_rest_shop_order_refund_invalid_id"
ADDRESS = (
    "first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode", "country",
)  # fmt: skip


class OrderApi:
    """`/orders`, `/orders/{id}/refunds`, `/refunds` and the order batch."""

    def __init__(self, shop: Shop, orders: OrderBook) -> None:
        self._shop = shop
        self.book = orders

    # ── orders ──

    def index(self, request: Request) -> Response:
        query = request.query
        wanted = [part.strip() for part in query.get("status", "any").split(",")]
        for status in wanted:
            if status not in (*STATUSES, "any", "trash"):
                raise invalid_param(
                    "status",
                    "rest_not_in_enum",
                    f"status[0] is not one of {', '.join(('any', 'trash', *STATUSES))}.",
                )
        keep = date_filter(query, self._shop.zone)
        rows = [
            order for order in self.book.all()
            if self.book.visible(order) and keep(order)
            and (order["status"] in wanted or ("any" in wanted and order["status"] != "trash"))
        ]  # fmt: skip
        return page_of(request, rows, self.document, home=self._shop.home, orderings=ORDERINGS)

    def read(self, request: Request, order_id: int) -> Response:
        return shop_response(200, only_fields(self.document(self._order(order_id)), request.query))

    def create(self, request: Request) -> Response:
        body = body_of(request)
        require_enum(body, "status", STATUSES)
        with self._shop.books.transaction():
            order = self.create_from(body, created_via="rest-api")
            document = self.document(order)
        location = f"{self._shop.home}/wp-json/wc/v3/orders/{order['id']}"
        return shop_response(201, only_fields(document, request.query), [("Location", location)])

    def create_from(self, body: Doc, *, created_via: str) -> Doc:
        """Create, announce and settle an order in the sequence the shop announces it.

        Over REST `order.created` is queued first; at the storefront `order.updated` comes before it.
        """
        order = self.book.create(body, created_via=created_via)
        storefront = created_via == "checkout"
        if not storefront:
            self._shop.announce("order.created", order["id"])
        self._shop.announce("order.updated", order["id"])
        if storefront:
            self._shop.announce("order.created", order["id"])
        if truthy(body.get("set_paid", False)):
            self.book.set_paid(order)
        if body.get("status"):
            self.book.set_status(order, body["status"])
        return order

    def write(self, request: Request, order_id: int) -> Response:
        body = body_of(request)
        require_enum(body, "status", STATUSES)
        with self._shop.books.transaction():
            document = self.document(self._apply(order_id, body))
        return shop_response(200, only_fields(document, request.query))

    def delete(self, request: Request, order_id: int) -> Response:
        with self._shop.books.transaction():
            order = self._order(order_id)
            document = self.document(order)
            self.delete_order(order, force=truthy(request.query.get("force", "false")))
        return shop_response(200, document)

    def delete_order(self, order: Doc, *, force: bool) -> None:
        """Trash with a word, or remove without one. Neither gives stock back."""
        if force:
            self.book.remove(order)
            return
        if order["status"] == "trash":
            raise ShopError(410, "woocommerce_rest_already_trashed", "The order has already been deleted.")
        self.book.trash(order)
        self._shop.announce("order.deleted", order["id"])
        if not self._shop.quirks.hpos:
            self._shop.announce("product.deleted", order["id"])

    def batch(self, request: Request) -> Response:
        body = body_of(request)
        lists = {
            name: body[name] for name in ("create", "update", "delete") if isinstance(body.get(name), list)
        }
        if sum(map(len, lists.values())) > 100:
            raise ShopError(
                413, "woocommerce_rest_request_entity_too_large",
                "Unable to accept more than 100 items for this request.",
            )  # fmt: skip
        answer = {name: [self._batch_item(name, item) for item in items] for name, items in lists.items()}
        return shop_response(200, answer or [])

    def _batch_item(self, name: str, item: Any) -> Doc:
        fields: Doc = item if isinstance(item, dict) else {"id": item}
        try:
            with self._shop.books.transaction():
                if name == "create":
                    return self.document(self.create_from(fields, created_via="rest-api"))
                if name == "update":
                    return self.document(self._apply(int(fields.get("id") or 0), fields))
                order = self._order(int(fields.get("id") or 0))
                document = self.document(order)
                self.delete_order(order, force=True)
                return document
        except ShopError as problem:
            return {"id": fields.get("id"), "error": problem.document}

    def _apply(self, order_id: int, body: Doc) -> Doc:
        order = self._order(order_id)
        for name in ("billing", "shipping"):
            order[name] |= body.get(name) or {}
        if "customer_note" in body:
            order["customer_note"] = str(body["customer_note"])
        if body.get("line_items"):
            self.book.edit_lines(order, body["line_items"])
        if truthy(body.get("set_paid", False)):
            self.book.set_paid(order)
        if body.get("status"):
            self.book.set_status(order, body["status"])
        self.book.touch(order)
        self._shop.announce("order.updated", order["id"])
        return order

    # ── refunds ──

    def refund(self, request: Request, order_id: int) -> Response:
        with self._shop.books.transaction():
            refund = self.refund_order(self._order(order_id), body_of(request))
            document = self.refund_document(refund)
        return shop_response(201, document)

    def refund_order(self, order: Doc, body: Doc) -> Doc:
        if truthy(body.get("api_refund", True)):
            raise ShopError(
                500, "woocommerce_rest_cannot_create_order_refund",
                "The payment gateway for this order does not exist.", bare=True,
            )  # fmt: skip
        refund = self.book.refund(order, body, restock=truthy(body.get("api_restock", True)))
        self._shop.announce("order.updated", order["id"])
        return refund

    def list_refunds(self, request: Request, order_id: int | None) -> Response:
        if order_id is not None:
            self._order(order_id)
        keep = date_filter(request.query, self._shop.zone)
        rows = [
            row for row in self._shop.books.all("refund")
            if (order_id is None or row["order_id"] == order_id) and keep(row)
        ]  # fmt: skip

        def render(row: Doc) -> Doc:
            return self.refund_document(row, named=order_id is None)

        return page_of(request, rows, render, home=self._shop.home, orderings=ORDERINGS)

    def read_refund(self, request: Request, order_id: int, refund_id: int) -> Response:
        document = self.refund_document(self._refund(order_id, refund_id))
        return shop_response(200, only_fields(document, request.query))

    def delete_refund(self, request: Request, order_id: int, refund_id: int) -> Response:
        """Remove a refund. The stock it gave back stays given back."""
        if not truthy(request.query.get("force", "false")):
            raise ShopError(
                501, "woocommerce_rest_trash_not_supported", "Order refunds do not support trashing."
            )
        with self._shop.books.transaction():
            refund = self._refund(order_id, refund_id)
            document = self.refund_document(refund)
            self.book.remove_refund(refund)
            self.book.touch(self._order(order_id))
        return shop_response(200, document)

    def _order(self, order_id: int) -> Doc:
        order = self.book.get(order_id)
        if order is None or not self.book.visible(order):
            raise invalid_id(ORDER_CODE)
        return order

    def _refund(self, order_id: int, refund_id: int) -> Doc:
        refund = self._shop.books.get("refund", refund_id)
        if refund is None or refund["order_id"] != order_id:
            raise invalid_id(REFUND_CODE)
        return refund

    # ── shapes ──

    def document(self, order: Doc) -> Doc:
        zone, home, number = self._shop.zone, self._shop.home, order["id"]
        made, changed = (
            times("date_created", order["created"], zone),
            times("date_modified", order["modified"], zone),
        )
        done, paid = (
            times("date_completed", order["completed"], zone),
            times("date_paid", order["paid"], zone),
        )
        order_key = f"wc_order_twin{number:08d}"
        unpaid = order["status"] in ("pending", "failed")
        refunds = [
            {"id": row["id"], "reason": row["reason"], "total": f"-{row['amount']}", "total_tax": "0.00"}
            for row in self.book.refunds_of(number)
        ]
        return {
            "id": number, "parent_id": 0, "status": order["status"], "currency": order["currency"],
            "version": "11.0.1", "prices_include_tax": False, "date_created": made["date_created"],
            "date_modified": changed["date_modified"], "discount_total": "0.00", "discount_tax": "0.00",
            "shipping_total": "0.00", "shipping_tax": "0.00", "cart_tax": "0.00",
            "total": str(self.book.total(order)), "total_tax": "0.00", "customer_id": 0,
            "order_key": order_key,
            "billing": _address(order["billing"], "email", "phone"),
            "shipping": _address(order["shipping"], "phone"), "payment_method": order["payment_method"],
            "payment_method_title": "", "transaction_id": "", "customer_ip_address": "",
            "customer_user_agent": "", "created_via": order["created_via"],
            "customer_note": order["customer_note"], "date_completed": done["date_completed"],
            "date_paid": paid["date_paid"], "cart_hash": "", "number": str(number),
            "meta_data": order["meta_data"], "line_items": [self._line(line) for line in order["lines"]],
            "tax_lines": [], "shipping_lines": [], "fee_lines": [], "coupon_lines": [], "refunds": refunds,
            "payment_url": f"{home}/checkout/order-pay/{number}/?pay_for_order=true&key={order_key}",
            "is_editable": order["status"] in ("pending", "on-hold", "auto-draft"),
            "needs_payment": unpaid and self.book.total(order) > 0, "needs_processing": True,
            "date_created_gmt": made["date_created_gmt"], "date_modified_gmt": changed["date_modified_gmt"],
            "date_completed_gmt": done["date_completed_gmt"], "date_paid_gmt": paid["date_paid_gmt"],
            "currency_symbol": "€", "_links": links(home, f"orders/{number}", "orders"),
        }  # fmt: skip

    def refund_document(self, refund: Doc, *, named: bool = False) -> Doc:
        order = self.book.get(refund["order_id"]) or {"lines": []}
        base = f"orders/{refund['order_id']}"
        lines = []
        for row in refund["lines"]:
            of = next((line for line in order["lines"] if line["id"] == row["of"]), None)
            lines.append(self._refund_line(row, of))
        return {
            "id": refund["id"], **({"parent_id": refund["order_id"]} if named else {}),
            **times("date_created", refund["created"], self._shop.zone), "amount": refund["amount"],
            "reason": refund["reason"], "refunded_by": 1, "refunded_payment": False,
            "meta_data": [{"id": refund["id"], "key": "_refund_type", "value": refund["type"]}],
            "line_items": lines, "shipping_lines": [], "tax_lines": [], "fee_lines": [],
            "_links": links(
                self._shop.home, f"{base}/refunds/{refund['id']}", f"{base}/refunds", up=base,
                allow=("GET", "DELETE"),
            ),
        }  # fmt: skip

    def _line(self, line: Doc) -> Doc:
        meta = [
            _meta(line.get("meta_ids", {}).get(key, 0), key, str(line["meta"][key]))
            for key in (REDUCED, RESTOCKED) if key in line["meta"]
        ]  # fmt: skip
        return self._item(line, line["id"], line["quantity"], line["subtotal"], line["total"], meta)

    def _refund_line(self, row: Doc, of: Doc | None) -> Doc:
        line = of or {"product_id": 0, "variation_id": 0, "name": ""}
        total = str(-money(row["total"]))
        meta = [_meta(row["id"], "_refunded_item_id", str(row["of"]))]
        return self._item(line, row["id"], -row["quantity"], total, total, meta)

    def _item(self, line: Doc, number: int, quantity: int, subtotal: str, total: str, meta: list[Doc]) -> Doc:
        product = self.book.product_of_line(line)
        parent = None if product is None else self.book.parent_of(product)
        return {
            "id": number, "name": line["name"], "product_id": line["product_id"],
            "variation_id": line["variation_id"], "quantity": quantity, "tax_class": "", "subtotal": subtotal,
            "subtotal_tax": "0.00", "total": total, "total_tax": "0.00", "taxes": [], "meta_data": meta,
            "sku": None if product is None else product["sku"], "global_unique_id": "",
            "price": float(total) / quantity if quantity else 0, "image": {"id": "", "src": ""},
            "parent_name": None if parent is None else parent["name"],
        }  # fmt: skip


def _address(given: Doc, *more: str) -> Doc:
    return {name: str(given.get(name, "")) for name in (*ADDRESS, *more)}


def _meta(number: int, key: str, value: str) -> Doc:
    return {"id": number, "key": key, "value": value, "display_key": key, "display_value": value}
