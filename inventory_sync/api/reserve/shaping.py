"""From an answer of the ledger to the bytes a caller gets: a reservation, or a problem that holds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from inventory_sync.api.problems import BRANCH_STATUS, KINDS
from inventory_sync.domain.errors import SyncError
from inventory_sync.domain.reports import plain
from inventory_sync.domain.requests import Stage, stage_of
from inventory_sync.domain.reservations import LineStatus
from inventory_sync.ledger.ports import HeldLine, HeldOrder

_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


Reply = tuple[int, bytes, tuple[tuple[str, str], ...]]
"""Status, body, further headers."""


def shown(reply: Reply, correlation: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return status, all headers, and body."""
    status, body, headers = reply
    return (
        status,
        [
            ("Content-Type", "application/json" if status < 400 else "application/problem+json"),
            ("Content-Length", str(len(body))),
            ("X-Correlation-ID", correlation),
            ("Cache-Control", "no-store"),
            *headers,
        ],
        body,
    )


@dataclass(frozen=True, slots=True)
class Names:
    """What the ids in an answer are called."""

    channel: str
    skus: Mapping[int, str]
    places: Mapping[int, str]


def encoded(shown: Mapping[str, Any]) -> bytes:
    return _encoder.encode(shown).encode()


def reservation(order: HeldOrder, names: Names, missing: Mapping[str, Decimal]) -> dict[str, Any]:
    """Return a reservation as the API shows it."""
    lines = order.lines.values()
    ends = [line.expires_at for line in lines if line.status is LineStatus.HELD and line.expires_at]
    return {
        "channel": names.channel,
        "reference": order.order_ref,
        "version": order.stamp,
        "state": _state(order),
        "mode": order.mode.value,
        "expires_at": max(ends).isoformat() if ends else None,
        "lines": [_line(line, names, missing) for line in lines],
        "correlation_id": order.correlation_id,
    }


def _state(order: HeldOrder) -> str:
    """Return where the whole stands in one word; of what is over, how it ended if all lines ended alike."""
    statuses = {line.status for line in order.lines.values()}
    stage = stage_of(statuses, review=order.review)
    return statuses.pop().value if stage is Stage.OVER and len(statuses) == 1 else stage.name.lower()


def _line(line: HeldLine, names: Names, missing: Mapping[str, Decimal]) -> dict[str, Any]:
    short = missing.get(line.line_ref)
    return {
        "line": line.line_ref,
        "sku": names.skus.get(line.item_id, ""),
        "state": line.status.value,
        "asked": plain(line.demand if line.asked is None else line.asked),
        "reserved": plain(line.demand) if line.status.subtracts else "0",
        "missing": "0" if short is None else plain(short),
        "reason": line.reason,
        "routing": json.loads(line.routing) if line.routing else {},
        "allocations": [
            {
                "sku": names.skus.get(int(each.item), ""),
                "location": names.places.get(int(each.location), ""),
                "quantity": plain(each.demand),
            }
            for each in line.allocations
            if each.demand
        ],
    }


def problem(
    code: str, detail: str, *, base: str, instance: str, correlation_id: str, **extra: Any
) -> tuple[int, bytes]:
    """Return status and body of a problem by its code in KINDS."""
    kind = KINDS[code]
    return kind.status, _document(code, kind.status, kind.title, detail or f"{kind.title}.", base, instance,
                                  correlation_id, extra)  # fmt: skip


def refusal(
    error: SyncError, *, base: str, instance: str, correlation_id: str, **extra: Any
) -> tuple[int, bytes]:
    """Return status and body of an error of the domain."""
    status, title = next(
        (status, title) for branch, status, title in BRANCH_STATUS if isinstance(error, branch)
    )
    return status, _document(error.code, status, title, error.detail, base, instance, correlation_id, extra)


def _document(
    code: str,
    status: int,
    title: str,
    detail: str,
    base: str,
    instance: str,
    correlation_id: str,
    extra: Mapping[str, Any],
) -> bytes:
    return encoded(
        {
            "type": f"{base}/api/v1/problems/{code}",
            "title": title,
            "status": status,
            "detail": detail,
            "instance": quote(instance, safe="/:@!$&'()*+,;=~%"),
            "code": code,
            "correlation_id": correlation_id,
            **extra,
        }
    )
