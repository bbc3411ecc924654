"""WooCommerce's case for the contract suite."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from connectors.base.contract import ContractCase
from connectors.base.signatures import sign_body
from connectors.woocommerce import connector
from inventory_sync.domain.ports import ListingRef
from tests.connectors.woocommerce.recordings import (
    VALUES,
    answer_of,
    delivery,
    recorded,
    vector_body,
    vectors,
)


def sign(body: bytes, now: datetime) -> Mapping[str, str]:
    return {
        "x-wc-webhook-signature": sign_body(VALUES["webhook_secret"], body),
        "x-wc-webhook-topic": "order.created",
        "x-wc-webhook-id": "21",
    }


def _order_with_quantity(quantity: int) -> bytes:
    order = copy.deepcopy(recorded("webhook-order-created")["request"]["body"])
    order["line_items"][0]["quantity"] = quantity
    return delivery("order.created", order).body


_by_name = {vector["name"]: vector_body(vector) for vector in vectors()}
_refund = answer_of("refund-create-default-restocks")
_order = recorded("webhook-order-created")["request"]["body"]

CASE = ContractCase(
    connector=connector.CONNECTOR,
    folder=Path(connector.__file__).parent,
    values=VALUES,
    sign=sign,
    samples=[
        delivery("order.created", _by_name["order-created"], number=1),
        delivery("order.updated", _by_name["order-updated"], number=2),
        delivery("order.deleted", _by_name["order-deleted"], number=3),
        delivery("product.updated", _by_name["product-updated"], number=4),
        delivery("product.updated", _by_name["variation-updated"], number=5),
        delivery(
            "order.read", {"order": {**_order, "refunds": [{"id": 401}]}, "refunds": [_refund]}, number=6
        ),
        delivery("order.gone", {"id": 482}, number=7),
        delivery("product.read", answer_of("product-get-decimal-shop"), number=8),
        delivery("product.deleted", {"id": 482}, number=9),
        delivery("product.updated", recorded("webhook-error-body")["request"]["body"], number=10),
    ],
    twins=(
        delivery("order.created", _order_with_quantity(2)),
        delivery("order.created", _order_with_quantity(7)),
    ),
    objects=[("order", "482"), ("product", "91")],
    refs=[
        ListingRef("product:1"),
        ListingRef("variation:262", "product:261"),
        ListingRef("product:10"),
        ListingRef("nonsense"),
        ListingRef("variation:383", "product:382"),
    ],
)
