"""A till system as the platform sees it: the authority of its stores, and no channel."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.till import client, webhooks
from connectors.till.config import TillConfig
from connectors.till.translate import translate
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

CONTRACT = "connectors/till/README.md"


class TillConnector:
    code = "till"
    label = "Till system"
    config_type: type[Any] = TillConfig
    capabilities = Capabilities(
        sells=False,
        reports_stock=True,
        signs=True,
        retries_on_refusal=True,
        batch_lines=1,
        parallel_calls=2,
        max_request_life_s=60,
        compare_and_set=False,
        calls_per_s=5.0,
        burst=10,
        whole_numbers=False,
        streams=(client.EVENTS,),
        needs_hooks=False,
        semantics={
            "sells": f"Absent: what a till sells is a movement of its store, no channel's demand. {CONTRACT}",
            "reports_stock": "Movements and counts with one clock per store; at an equal time the sequence "
            "decides, and a delta with a sequence not after the count's is contained in it.",
            "signs": "Standard Webhooks: HMAC-SHA256 of id, time and raw body, 300 s of tolerance, rotation.",
            "retries_on_refusal": "Repeats anything but 2xx and 410 with back-off: refusing slows it.",
            "batch_lines": f"Absent: no figure is written to a till. {CONTRACT}",
            "compare_and_set": f"Absent: no figure is written to a till. {CONTRACT}",
            "whole_numbers": "Decimal texts with up to 6 places.",
            "needs_hooks": f"Absent: the sender's address is set at the till system itself. {CONTRACT}",
            "orders_stream": f"Absent: no orders of its own; shipments name those of others. {CONTRACT}",
        },
    )

    def receive(self, request: InboundRequest, config: Any, *, now: datetime) -> Received | Reply:
        return webhooks.receive(request, config, now=now)

    def translate(self, delivery: Delivery, config: Any = None) -> list[ExternalEvent]:
        return translate(delivery, config)

    def client(self, config: Any, *, connection: str, outside: Outside | None = None) -> Client:
        return client.TillClient(config, connection=connection, outside=outside)


CONNECTOR = TillConnector()
