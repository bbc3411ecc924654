"""What an answer says of the limits: the headers in wide use, and the throttle status of GraphQL answers.

A connector whose vendor speaks otherwise gives its HttpClient a Teller of its own. Whatever cannot be read
as a number says nothing; a vendor's header never raises.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from inventory_sync.domain.budget import Told

Teller = Callable[[int, Mapping[str, str], bytes, float | None], Told | None]
"""(status, headers in lower case, body, the wait asked for in seconds) → what it said, or None."""

MOST_RESET_S = 3600.0
_PART = re.compile(r"\b([a-z]+)\s*=\s*([0-9]+(?:\.[0-9]+)?)")
_SHARE = re.compile(r"\s*([0-9]+)\s*/\s*([0-9]+)\s*")


def told_by_headers(
    status: int, headers: Mapping[str, str], body: bytes, retry_after_s: float | None
) -> Told | None:
    """Return what RateLimit, RateLimit-*, X-RateLimit-* and call-limit headers say; None when silent.

    Sources: draft-ietf-httpapi-ratelimit-headers (both forms), RFC 6585 (429), RFC 9110 (Retry-After),
    Shopify's REST `X-Shopify-Shop-Api-Call-Limit: used/limit`. A reset that is a moment and not a span is
    left unread: it would need the vendor's clock.
    """
    remaining, resets_in_s = _rate_limit(headers)
    capacity: float | None = None
    if share := _SHARE.fullmatch(headers.get("x-shopify-shop-api-call-limit", "")):
        used, limit = float(share[1]), float(share[2])
        remaining, capacity = max(0.0, limit - used), limit
    refused = status == 429 or (status == 503 and retry_after_s is not None)
    if not refused and remaining is None and capacity is None:
        return None
    return Told(
        remaining=remaining,
        capacity=capacity,
        resets_in_s=resets_in_s,
        retry_after_s=retry_after_s,
        refused=refused,
        too_many=status == 429,
    )


def told_by_cost(
    status: int, headers: Mapping[str, str], body: bytes, retry_after_s: float | None
) -> Told | None:
    """Return the points a GraphQL answer reports in `extensions.cost`, beside what its headers say.

    Source: Shopify Admin API, "Rate limits": actualQueryCost and throttleStatus (maximumAvailable,
    currentlyAvailable, restoreRate); an error with the code THROTTLED refuses with a 200.
    """
    plain = told_by_headers(status, headers, body, retry_after_s)
    data = _object(body)
    cost = _child(_child(data, "extensions"), "cost")
    if not cost:
        return plain
    throttle = _child(cost, "throttleStatus")
    errors = data.get("errors")
    throttled = isinstance(errors, list) and any(
        _child(each if isinstance(each, dict) else {}, "extensions").get("code") == "THROTTLED"
        for each in errors
    )
    remaining, rate = _number(throttle.get("currentlyAvailable")), _number(throttle.get("restoreRate"))
    asked = _number(cost.get("requestedQueryCost"))
    wait_s = max(0.0, asked - remaining) / rate if asked and remaining is not None and rate else None
    return Told(
        remaining=remaining,
        capacity=_number(throttle.get("maximumAvailable")),
        restore_per_s=rate,
        retry_after_s=wait_s if throttled else retry_after_s,
        cost=0.0 if throttled else _number(cost.get("actualQueryCost")),
        refused=throttled or (plain is not None and plain.refused),
        too_many=throttled or (plain is not None and plain.too_many),
    )


def _rate_limit(headers: Mapping[str, str]) -> tuple[float | None, float | None]:
    """Return what is left and the seconds until it is whole again."""
    if field := headers.get("ratelimit", ""):
        parts = dict(_PART.findall(field.lower()))
        left = parts.get("r", parts.get("remaining"))
        return _number(left), _span(parts.get("t", parts.get("reset")))
    for prefix in ("ratelimit-", "x-ratelimit-"):
        left = headers.get(f"{prefix}remaining")
        if left is not None:
            return _number(left), _span(headers.get(f"{prefix}reset"))
    return None, None


def _span(value: str | None) -> float | None:
    seconds = _number(value)
    return seconds if seconds is not None and seconds <= MOST_RESET_S else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _child(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name)
    return value if isinstance(value, dict) else {}
