"""Notes of orders: `/orders/{id}/notes`. A note changes nothing of the order and sends no webhook."""

from __future__ import annotations

from connectors.base.twinkit import Doc, Request, Response
from connectors.woocommerce.twin_order_api import ORDER_CODE
from connectors.woocommerce.twin_orders import OrderBook
from connectors.woocommerce.twin_render import times
from connectors.woocommerce.twin_shop import Shop
from connectors.woocommerce.twin_wire import (
    body_of,
    invalid_id,
    invalid_param,
    links,
    require_enum,
    shop_response,
    truthy,
)

TYPES = ("any", "customer", "internal")


class NoteApi:
    """The notes of every order: private ones for staff, and those the customer sees."""

    def __init__(self, shop: Shop, orders: OrderBook) -> None:
        self._shop, self._orders = shop, orders

    def index(self, request: Request, order_id: int) -> Response:
        self._order(order_id)
        require_enum(request.query, "type", TYPES)
        wanted = request.query.get("type", "any")
        rows = [
            row for row in self._shop.books.all("note")
            if row["order_id"] == order_id
            and (wanted == "any" or row["customer_note"] == (wanted == "customer"))
        ]  # fmt: skip
        return shop_response(200, [self._document(row) for row in sorted(rows, key=lambda row: -row["id"])])

    def create(self, request: Request, order_id: int) -> Response:
        self._order(order_id)
        body = body_of(request)
        if not isinstance(body.get("note"), str):
            raise invalid_param("note", "rest_invalid_type", "note is not of type string.")
        with self._shop.books.transaction():
            row: Doc = {
                "id": self._shop.books.next_number("comment"), "order_id": order_id, "note": body["note"],
                "customer_note": truthy(body.get("customer_note", False)), "created": self._shop.now_s(),
            }  # fmt: skip
            self._shop.books.put("note", row["id"], row)
        return shop_response(201, self._document(row))

    def _order(self, order_id: int) -> Doc:
        order = self._orders.get(order_id)
        if order is None or not self._orders.visible(order):
            raise invalid_id(ORDER_CODE)
        return order

    def _document(self, row: Doc) -> Doc:
        base = f"orders/{row['order_id']}"
        return {
            "id": row["id"], "author": "WooCommerce",
            **times("date_created", row["created"], self._shop.zone), "note": row["note"],
            "customer_note": row["customer_note"],
            "_links": links(self._shop.home, f"{base}/notes/{row['id']}", f"{base}/notes", up=base),
        }  # fmt: skip
