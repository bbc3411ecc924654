"""Readings, lines and hints as test material; the hints are the recorded ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from connectors.base.http import dump_json
from inventory_sync.domain.ports import Delivery
from tests.connectors.odoo.recordings import names, recording

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
HINTS = [
    recording(version, name).request["body"]
    for version in (18, 19)
    for name in names(version)
    if name.startswith("webhook-")
]


def delivery(topic: str, body: Any, *, number: int = 1, reading_number: int = 0) -> Delivery:
    raw = body if isinstance(body, bytes) else dump_json(body)
    return Delivery(topic, {}, raw, NOW, id=number, reading=reading_number)


def row(**changes: Any) -> dict[str, Any]:
    return {
        "item": "product:17", "place": "warehouse:1", "quantity": "12.5", "reserved": "3", "unassigned": "1",
        "unavailable": "2", "held": [["woo", "482", "91", "3", "1"]],
        **changes,
    }  # fmt: skip


def reading(**changes: Any) -> dict[str, Any]:
    return {
        "at": NOW.isoformat(), "places": ["warehouse:1", "location:42"],
        "items": ["product:17", "product:18"], "rows": [row()],
        **changes,
    }  # fmt: skip


def line(**changes: Any) -> dict[str, Any]:
    return {
        "id": 12, "item": "product:17", "from": "warehouse:1", "to": "warehouse:2", "was": "internal",
        "is": "internal", "quantity": "4", "date": "2026-11-23 02:30:00", "write_date": "2026-11-23 02:30:01",
        "reference": "WH/INT/1",
        **changes,
    }  # fmt: skip
