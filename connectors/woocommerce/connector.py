"""WooCommerce as the platform sees it: what it can do, what it cannot and where that is written."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.woocommerce import sweeps, webhooks
from connectors.woocommerce.client import WooClient
from connectors.woocommerce.config import WooConfig
from connectors.woocommerce.translate import translate
from inventory_sync.domain.external import ExternalEvent
from inventory_sync.domain.ports import (
    Capabilities,
    Client,
    Delivery,
    InboundRequest,
    Outside,
    Received,
    Reply,
)

REST_DOCS = "https://woocommerce.github.io/woocommerce-rest-api-docs/"
WEBHOOK_DOCS = "https://woocommerce.com/document/webhooks/"


class WooConnector:
    code = "woocommerce"
    label = "WooCommerce"
    config_type: type[Any] = WooConfig
    capabilities = Capabilities(
        sells=True,
        reports_stock=False,
        signs=True,
        retries_on_refusal=False,
        batch_lines=100,
        parallel_calls=2,
        max_request_life_s=120,
        orders_visible_within_s=10,
        compare_and_set=False,
        calls_per_s=2.0,
        burst=10,
        whole_numbers=True,
        streams=(sweeps.ORDERS, sweeps.PRODUCTS),
        orders_stream=sweeps.ORDERS.name,
        needs_hooks=True,
        takes_deliveries=True,
        semantics={
            "sells": "Orders are demand; the line's variation, else its product, is what was sold.",
            "reports_stock": "Absent: stock_quantity is what the shop shows, kept for no place of ours: "
            f"observed and never posted. {REST_DOCS}#product-properties",
            "signs": "base64 HMAC-SHA256 of the raw body in X-WC-Webhook-Signature; the time is not signed, "
            "so hook and body hash are the replay guard. The ping of a new hook is unsigned.",
            "retries_on_refusal": "Absent: a failed delivery is never repeated, and a few in a row disable "
            f"the hook; answer 2xx once stored. {WEBHOOK_DOCS}",
            "batch_lines": "100 per call over all lists, products in one, variations per parent; each line "
            f"has its own result under a 200. {REST_DOCS}#batch-update-products",
            "max_request_life_s": "A batch of 100 takes seconds, and PHP goes on after we hang up.",
            "compare_and_set": "Absent: writes are absolute, the last one wins; no version, no If-Match. "
            f"{REST_DOCS}#update-a-product",
            "whole_numbers": "A batch cuts fractions silently, so only whole figures are sent; shops with a "
            "decimal-stock extension are read exactly.",
            "takes_deliveries": "A private note with a marker per part, the status completed at the end; the "
            "latter mails the customer, so it is done only where the connection switches it on. "
            f"{REST_DOCS}#order-notes",
            "idempotency": "Absent: no idempotency key; absolute figures make a resend safe. "
            f"{REST_DOCS}#introduction",
            "location": "Absent: one figure per listing, no places; several warehouses are a plugin's. "
            f"{REST_DOCS}#product-properties",
            "rate": "No limit of its own; hosts and firewalls have theirs: few calls, Retry-After counts. "
            f"{REST_DOCS}#introduction",
        },
    )

    def receive(self, request: InboundRequest, config: Any, *, now: datetime) -> Received | Reply:
        return webhooks.receive(request, config, now=now)

    def translate(self, delivery: Delivery, config: Any = None) -> list[ExternalEvent]:
        return translate(delivery, config)

    def client(self, config: Any, *, connection: str, outside: Outside | None = None) -> Client:
        return WooClient(config, connection=connection, outside=outside)


CONNECTOR = WooConnector()
