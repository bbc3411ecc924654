"""The fields read from WooCommerce's REST v3 and webhooks; everything else is left unread.

Source: https://woocommerce.github.io/woocommerce-rest-api-docs/ and recorded exchanges of version 11.0.1.
Numbers arrive as int or Decimal; a field is optional wherever a shop, a plugin or `_fields` may leave it out.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, TypedDict

Number = int | Decimal


class Meta(TypedDict, total=False):
    key: str
    value: str


class LineItem(TypedDict, total=False):
    """`product_id` is the parent; `variation_id` is 0 where there is none."""

    id: int
    name: str
    product_id: int
    variation_id: int
    quantity: Number
    sku: str
    meta_data: list[Meta]


class RefundStub(TypedDict):
    """What an order lists of its refunds: no lines."""

    id: int


class Order(TypedDict, total=False):
    """Times are naive texts in UTC; the ones without `_gmt` are shop-local and never read."""

    id: int
    number: str
    status: str
    date_created_gmt: str | None
    date_modified_gmt: str | None
    line_items: list[LineItem]
    refunds: list[RefundStub]


class Refund(TypedDict, total=False):
    """Line quantities are negative; `_refunded_item_id` in a line's meta names the order's line."""

    id: int
    line_items: list[LineItem]


class OrderRead(TypedDict):
    """Ours: an order and the whole of its refunds, as the client read them (topic `order.read`)."""

    order: Order
    refunds: list[Refund]


class Product(TypedDict, total=False):
    """`manage_stock` is the text "parent" on variations that share their parent's pool."""

    id: int
    parent_id: int
    type: str
    status: str
    name: str
    sku: str
    global_unique_id: str
    manage_stock: bool | Literal["parent"]
    stock_quantity: Number | None
    date_modified_gmt: str | None


class RestError(TypedDict):
    """`message` is in the shop's language: code decides on `code` alone."""

    code: str
    message: str


class Hook(TypedDict, total=False):
    id: int
    name: str
    status: Literal["active", "paused", "disabled"]
    topic: str
    delivery_url: str
