"""The door's part of the OpenAPI document: it is no view, so nothing finds it by itself."""

from __future__ import annotations

from typing import Any

from inventory_sync.api.errors import MEDIA_TYPE
from inventory_sync.domain.requests import Act
from inventory_sync.domain.routing import ReserveMode

QUANTITY = {
    "oneOf": [{"type": "string", "format": "decimal"}, {"type": "number"}],
    "example": "2",
    "description": "Exact, at most six places; better sent as a string.",
}
LINE = {
    "type": "object",
    "required": ["line", "sku", "quantity"],
    "additionalProperties": False,
    "properties": {
        "line": {"type": "string", "minLength": 1, "maxLength": 80, "description": "The caller's own name."},
        "sku": {"type": "string", "minLength": 1, "maxLength": 80},
        "quantity": QUANTITY,
    },
}
LINES = {"type": "array", "minItems": 1, "maxItems": 200, "items": LINE}
VERSION = {"type": "integer", "minimum": 1, "default": 1}
HOLD = {"type": "integer", "minimum": 1, "nullable": True, "description": "Seconds."}
REASON = {"type": "string", "maxLength": 160}
BODIES: dict[Act, dict[str, Any]] = {
    Act.RESERVE: {
        "required": ["channel", "reference", "lines"],
        "properties": {
            "channel": {"type": "string", "description": "Code of a connection that sells."},
            "reference": {"type": "string", "minLength": 1, "maxLength": 120},
            "version": VERSION,
            "mode": {"type": "string", "enum": [mode.value for mode in ReserveMode]},
            "hold_s": {**HOLD, "description": "Hold for so many seconds; without it, commit at once."},
            "review": {"type": "boolean", "default": False, "description": "No sale before it is approved."},
            "lines": LINES,
        },
    },
    Act.AMEND: {"required": ["version", "lines"], "properties": {"version": VERSION, "lines": LINES}},
    Act.COMMIT: {"properties": {}},
    Act.RELEASE: {"properties": {"reason": REASON}},
    Act.CANCEL: {"properties": {"reason": REASON}},
    Act.EXTEND: {"properties": {"expires_at": {"type": "string", "format": "date-time"}, "hold_s": HOLD}},
    Act.APPROVE: {"properties": {"reason": REASON}},
}
SAID = {
    Act.RESERVE: "Reserve, or send a higher version. The same again is answered the same.",
    Act.AMEND: "Change the lines named, under a higher version; a quantity of 0 takes a line out.",
    Act.COMMIT: "Make a hold a sale. One that has expired is decided anew.",
    Act.RELEASE: "Give a hold back.",
    Act.CANCEL: "End a hold or a commitment.",
    Act.EXTEND: "Have a hold end later, inside the channel's window; never earlier.",
    Act.APPROVE: "Make a sale of what was held for review.",
}
ORDER = {
    "required": ["channel", "reference", "lines"],
    "properties": {
        name: BODIES[Act.RESERVE]["properties"][name] for name in ("channel", "reference", "version", "lines")
    },
}
ORDER_SAID = {
    Act.RESERVE: "Report an order that happened, or a higher version of it. It is recorded even below zero.",
    Act.AMEND: "Change the lines named, under a higher version; a quantity of 0 takes a line out.",
    Act.CANCEL: "End what is still open of an order.",
}
ADDRESS = "/api/v1/reservations"
ORDERS = "/api/v1/orders"
ONCE = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "Your own name for this request. Asked again under it within a day, it is answered what it"
    " was answered, byte for byte, with `Idempotency-Replayed: true`; another request is refused.",
}


def add_door(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Postprocessing hook: describe what the door takes and answers."""
    paths = result["paths"]
    paths.setdefault(ADDRESS, {})["post"] = _operation(Act.RESERVE, "201")
    one = f"{ADDRESS}/{{channel}}/{{reference}}"
    paths.setdefault(one, {})["patch"] = _operation(Act.AMEND, "200")
    for act in Act:
        if not act.has_content:
            paths[f"{one}/{act.value}"] = {"post": _operation(act, "200")}
    paths.setdefault(ORDERS, {})["post"] = _order_operation(Act.RESERVE, "201")
    one = f"{ORDERS}/{{channel}}/{{reference}}"
    paths.setdefault(one, {})["patch"] = _order_operation(Act.AMEND, "200")
    paths[f"{one}/cancel"] = {"post": _order_operation(Act.CANCEL, "200")}
    return result


def _order_operation(act: Act, status: str) -> dict[str, Any]:
    """Describe the same act upon an order, which is answered with what it reserves."""
    found = _operation(act, status)
    found["operationId"] = "report_order" if act is Act.RESERVE else f"{act.value}_order"
    found["description"], found["tags"] = ORDER_SAID[act], ["orders"]
    if act is Act.RESERVE:
        schema = {"type": "object", "additionalProperties": False, **ORDER}
        found["requestBody"]["content"]["application/json"]["schema"] = schema
    return found


def _operation(act: Act, status: str) -> dict[str, Any]:
    answer = {"$ref": "#/components/schemas/RequestedReservationShape"}
    problem = {"$ref": "#/components/schemas/Problem"}
    refused = {
        "allOf": [
            problem,
            {
                "type": "object",
                "properties": {
                    "missing": {"type": "object", "additionalProperties": {"type": "string"}},
                    "reservation": {"nullable": True, "allOf": [answer]},
                },
            },
        ]
    }
    body = {"type": "object", "additionalProperties": False, **BODIES[act]}
    names = () if act is Act.RESERVE else ("channel", "reference")
    return {
        "operationId": "reserve" if act is Act.RESERVE else f"{act.value}_reservation",
        "description": SAID[act],
        "tags": ["reservations"],
        "security": [{"apiKey": []}],
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names),
            ONCE,
        ],
        "requestBody": {
            "required": act.has_content,
            "content": {"application/json": {"schema": body}},
        },
        "responses": {
            status: {
                "description": "As it stands now.",
                "headers": {"Idempotency-Replayed": {"schema": {"type": "string", "enum": ["true"]}}},
                "content": {"application/json": {"schema": answer}},
            },
            "409": {
                "description": "Refused; `code` says why.",
                "content": {MEDIA_TYPE: {"schema": refused}},
            },
        },
    }
