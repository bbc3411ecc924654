"""Till events as the contract writes them, for tests to vary."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from inventory_sync.domain.ports import Delivery

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
SECRET = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
VALUES = {"base_url": "https://tills.example.test", "signing_secret": SECRET, "token": "tok_0123456789"}


def event(kind: str = "sale", **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": "T1-000017",
        "type": kind,
        "store": "BER-1",
        "sequence": 17,
        "time": "2026-11-23T05:00:00+01:00",
        "session": "BER-1/2026-11-23",
        "document": {"kind": "receipt", "number": "R-1001"},
        "lines": [line()],
    }
    return {name: value for name, value in {**found, **changes}.items() if value is not ...}


def line(number: int = 1, sku: str = "MUG-BLUE", quantity: Any = "2", **changes: Any) -> dict[str, Any]:
    return {"line": number, "sku": sku, "uom": "C62", "quantity": quantity, **changes}


def delivery(document: Any, *, topic: str | None = None, number: int = 1) -> Delivery:
    name = topic or (document.get("type", "unknown") if isinstance(document, dict) else "unknown")
    return Delivery(name, {}, json.dumps(document).encode(), NOW, id=number)
