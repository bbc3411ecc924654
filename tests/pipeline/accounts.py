"""Connections with their secrets, as staff make them, and messages signed as their vendors sign."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.base.signatures import sign_body, sign_standard
from connectors.till.twin import SECRET as TILL_SECRET
from connectors.till.twin import TOKEN as TILL_TOKEN
from connectors.woocommerce.twin import KEY, SECRET
from inventory_sync.connections import registry
from inventory_sync.connections.models import Connection
from inventory_sync.connections.services import create_connection
from inventory_sync.support.clock import utc_now
from tests.factories import NOON

HOOK_SECRET = "a-webhook-secret-for-tests"


def woo(code: str = "woo", url: str = "http://127.0.0.1:9", **values: Any) -> Connection:
    return _connect(
        code, "woocommerce",
        {
            "base_url": url, "consumer_key": KEY, "consumer_secret": SECRET, "webhook_secret": HOOK_SECRET,
            "auth_mode": "basic", "timeout_s": 5, **values,
        },
    )  # fmt: skip


def till(code: str = "till", url: str = "http://127.0.0.1:9") -> Connection:
    return _connect(code, "till", {"base_url": url, "signing_secret": TILL_SECRET, "token": TILL_TOKEN})


def _connect(code: str, connector: str, values: Mapping[str, Any]) -> Connection:
    return create_connection(
        connector=registry.connector(connector), code=code, label=code, actor="tests", reason="a test",
        values={"allow_insecure": True, **values}, now=NOON,
    )  # fmt: skip


def woo_headers(body: bytes, *, topic: str = "order.updated", secret: str = HOOK_SECRET) -> dict[str, str]:
    return {
        "Content-Type": "application/json", "X-WC-Webhook-Topic": topic, "X-WC-Webhook-ID": "7",
        "X-WC-Webhook-Signature": sign_body(secret, body),
    }  # fmt: skip


def till_headers(body: bytes, *, message_id: str = "T1-1", now: datetime | None = None) -> dict[str, str]:
    signed = sign_standard([TILL_SECRET], message_id=message_id, now=now or utc_now(), body=body)
    return {"Content-Type": "application/json", **signed}


def order_body(
    number: int,
    *lines: tuple[int, int, int],
    status: str = "processing",
    modified: str = "2026-11-23T11:00:00",
) -> bytes:
    """Return an order as the shop sends it; a line is (line id, product id, quantity)."""
    return json.dumps(
        {
            "id": number, "number": str(number), "status": status, "date_created_gmt": "2026-11-23T10:00:00",
            "date_modified_gmt": modified, "refunds": [],
            "line_items": [
                {"id": line, "name": f"Thing {product}", "product_id": product, "variation_id": 0,
                 "quantity": quantity, "sku": f"SKU-{product}", "meta_data": []}
                for line, product, quantity in lines
            ],
        }
    ).encode()  # fmt: skip


def till_event(
    sequence: int,
    kind: str,
    *lines: tuple[str, str],
    store: str = "ST-1",
    at: str = "2026-11-23T10:00:00+00:00",
    **more: Any,
) -> bytes:
    """Return a till event; a line is (sku, quantity)."""
    return json.dumps(
        {
            "id": f"{store}-{sequence}", "type": kind, "store": store, "sequence": sequence, "time": at,
            "document": {"kind": kind, "number": f"N-{sequence}"}, "revision": 0,
            "lines": [
                {"line": number, "sku": sku, "uom": "C62", "quantity": quantity}
                for number, (sku, quantity) in enumerate(lines, 1)
            ],
            **more,
        }
    ).encode()  # fmt: skip
