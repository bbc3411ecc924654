"""Odoo as the platform sees it: what it can do, what it cannot and where that is written."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.odoo import streams, webhooks
from connectors.odoo.client import OdooClient
from connectors.odoo.config import OdooConfig
from connectors.odoo.learnt import Memory
from connectors.odoo.translate import translate
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

DOCS = "https://www.odoo.com/documentation/19.0/developer/reference/external_api.html"


class OdooConnector:
    code = "odoo"
    label = "Odoo"
    config_type: type[Any] = OdooConfig
    capabilities = Capabilities(
        sells=False,
        reports_stock=True,
        signs=False,
        retries_on_refusal=False,
        batch_lines=100,
        parallel_calls=1,
        max_request_life_s=150,
        compare_and_set=False,
        calls_per_s=5.0,
        burst=20,
        whole_numbers=False,
        streams=(streams.CHANGES, streams.STOCK),
        needs_hooks=False,
        reads_books=True,
        read_batch=20,
        skips_pages=True,
        takes_orders=True,
        mirrors_stock=True,
        semantics={
            "sells": "Absent: orders go to Odoo as copies; its own sales are its own demand (README.md).",
            "reports_stock": "Quants of internal locations per warehouse, reservations, and what "
            "order lines of ours have of them, out of one call.",
            "signs": "Absent: webhooks of automation rules carry no signature; the token in the path is "
            "all, so a message only names what to read again (README.md).",
            "retries_on_refusal": "Absent: a webhook is sent once; polling finds what it missed (README.md).",
            "max_request_life_s": "The server ends its own work after limit_time_real, 120 s by default, and "
            "goes on until then after we hang up.",
            "compare_and_set": "Absent: no version, no If-Match; documents have unique names instead. "
            f"{DOCS}",
            "parallel_calls": "Parallel writers collide on a location's row and sleep in its retries.",
            "rate": "No limit of its own; a hosted plan or a proxy may have one: Retry-After counts.",
        },
    )

    def __init__(self) -> None:
        self.memory = Memory()

    def receive(self, request: InboundRequest, config: Any, *, now: datetime) -> Received | Reply:
        return webhooks.receive(request, config, now=now)

    def translate(self, delivery: Delivery, config: Any = None) -> list[ExternalEvent]:
        return translate(delivery, config)

    def client(self, config: Any, *, connection: str, outside: Outside | None = None) -> Client:
        learnt = self.memory.of(connection, config)
        return OdooClient(config, connection=connection, outside=outside, learnt=learnt)


CONNECTOR = OdooConnector()
