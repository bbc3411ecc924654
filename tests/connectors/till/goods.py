"""What a stockroom says, as the till contract writes it, for tests to vary."""

from __future__ import annotations

from typing import Any

from tests.connectors.till.events import event, line

ORDER = {"source": "woo", "number": "482"}


def receipt(**changes: Any) -> dict[str, Any]:
    lines = changes.pop("lines", [line(quantity="11", damaged="1", expected="12")])
    values = {
        "document": {"kind": "delivery", "number": "D-1"},
        "expectation": {"source": "erp", "key": "PO-2001"},
        "final": True,
        "lines": lines,
    }
    return event("receipt", **{**values, **changes})


def expectation(**changes: Any) -> dict[str, Any]:
    about = {"key": "PO-2001", "version": 2, "kind": "purchase", "status": "open", "due": "2026-12-01"}
    about |= changes.pop("about", {})
    return event("expectation", **{"expectation": about, "lines": [line(quantity="12")], **changes})


def pick(**changes: Any) -> dict[str, Any]:
    return event(
        "pick", **{"order": ORDER, "lines": [line(quantity="1", short="1", order_line="91")], **changes}
    )


def disposition(**changes: Any) -> dict[str, Any]:
    return event("disposition", **{"lines": [line(quantity="1", disposition="restock")], **changes})


def condition(**changes: Any) -> dict[str, Any]:
    return event("condition", **{"lines": [line(was="", condition="damaged")], **changes})


def snapshot(**changes: Any) -> dict[str, Any]:
    held = [{**ORDER, "order_line": "91", "contained": "2", "delivered": "1"}]
    row = {"store": "BER-1", "sku": "MUG-BLUE", "quantity": "12", "reserved": "2", "held": held}
    values = {"extent": "complete", "stores": ["BER-1"], "items": ["MUG-BLUE", "PEN-RED"], "rows": [row]}
    return event("snapshot", **{"lines": ..., **values, **changes})
