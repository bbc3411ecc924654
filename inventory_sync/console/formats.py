"""How figures, ages and states are written for people. Pure, except for making HTML safe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

UNKNOWN = "unknown"
# What a message may hold about people; shown as dots, whoever looks.
PRIVATE = frozenset(
    {
        "address_1", "address_2", "billing", "customer_ip_address", "customer_note",
        "customer_user_agent", "email", "first_name", "last_name", "phone", "postcode", "shipping",
        "payment_method_title", "transaction_id", "customer_id", "order_key", "cart_hash", "note", "customer",
        "card", "iban", "loyalty", "name_on_card", "username", "avatar_url", "nickname", "birthday",
        "vat_number",
    }
)  # fmt: skip
MASK = "•••"
SHOWN_BYTES = 200_000


def quantity(value: Decimal | None) -> str:
    """Return a quantity without trailing zeros; None is unknown, never zero."""
    if value is None:
        return UNKNOWN
    if value == value.to_integral_value():
        return f"{int(value):,}".replace(",", "\u202f")
    return format(value.normalize(), "f")


def age(since: datetime | None, *, now: datetime) -> str:
    """Return how long ago, in the two units that matter."""
    if since is None:
        return "—"
    return span(now - since)


def span(length: timedelta) -> str:
    seconds = max(0, int(length.total_seconds()))
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            rest = seconds % size // {86_400: 3_600, 3_600: 60, 60: 1}[size]
            small = {"d": "h", "h": "min", "min": "s"}[name]
            return f"{seconds // size} {name} {rest} {small}" if rest else f"{seconds // size} {name}"
    return f"{seconds} s"


def pretty_body(body: bytes) -> str:
    """Return a message for reading: indented, with what it says of people masked."""
    try:
        value = json.loads(body[:SHOWN_BYTES], parse_float=Decimal)
    except (ValueError, RecursionError):
        return f"{len(body)} bytes that are not JSON; not shown, since they cannot be masked."
    return pretty_value(masked(value))


def pretty_value(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def masked(value: Any) -> Any:
    """Return the value with everything that names a person replaced by dots."""
    if isinstance(value, Mapping):
        return {name: MASK if _is_private(name, inner) else masked(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    return value


def pre(text: str) -> SafeString:
    return format_html('<pre class="console-pre">{}</pre>', text)


def code(text: str) -> SafeString:
    return format_html('<span class="console-code">{}</span>', text)


def _is_private(name: str, inner: Any) -> bool:
    return name.lower() in PRIVATE and inner not in ("", None, [], {})
