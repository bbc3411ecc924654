"""Send a replay through the door, wait until it is applied, compare what came out."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.base.signatures import sign_standard
from inventory_sync.api.hooks.door import Door
from inventory_sync.api.replay.setup import Stage
from inventory_sync.api.replay.trade import Expected
from inventory_sync.intake.models import Delivery
from inventory_sync.ledger.models import StockLevel
from inventory_sync.support.clock import utc_now

SENDERS = 48
STALLED_S = 120.0


@dataclass(frozen=True, slots=True)
class Difference:
    sku: str
    expected: int
    on_hand: Decimal | None

    def __str__(self) -> str:
        found = "nothing" if self.on_hand is None else f"{self.on_hand:f}"
        return f"{self.sku}: {found} on hand, {self.expected} expected"


class NotTaken(Exception):
    """The door refused a delivery, or what it took was not applied."""


def send(
    door: Door,
    stage: Stage,
    bodies: Sequence[bytes],
    *,
    progress: Callable[[int], None],
    pace: Callable[[int], None] = lambda position: None,
) -> None:
    """Send every body, signed, through the door from several senders at once. Raises NotTaken."""
    positions = iter(range(len(bodies)))
    lock = threading.Lock()
    failed: list[str] = []

    def sender() -> None:
        while not failed:
            with lock:
                position = next(positions, None)
            if position is None:
                return
            pace(position)
            problem = post(door, stage, bodies[position], now=utc_now())
            if problem:
                failed.append(problem)
            progress(1)

    with ThreadPoolExecutor(SENDERS, thread_name_prefix="sender") as pool:
        for done in [pool.submit(sender) for _ in range(SENDERS)]:
            done.result()
    if failed:
        raise NotTaken(failed[0])


def post(door: Door, stage: Stage, body: bytes, *, now: datetime) -> str:
    """Send one event as the till would, trying again while the door says so; returns a problem or ""."""
    event_id = json.loads(body)["id"].replace(".", "_").replace(" ", "_")
    headers = sign_standard([stage.secret], message_id=event_id, now=now, body=body)
    for attempt in range(60):
        answer: dict[str, Any] = {}
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": f"/hooks/{stage.connection.code}/",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
        }
        text = b"".join(door(environ, lambda status, _headers, answer=answer: answer.update(status=status)))
        status = int(answer["status"][:3])
        if status < 300:
            return ""
        if status not in (429, 503):
            return f"The door answered {answer['status']} to {event_id}: {text.decode()}"
        time.sleep(min(5.0, 0.2 * (attempt + 1)))
    return f"The door was closed too long for {event_id}."


def wait_until_applied(stage: Stage, *, work: Callable[[], None], progress: Callable[[int], None]) -> None:
    """Wait until nothing of the run is pending, calling `work` meanwhile. Raises NotTaken at a standstill."""
    last, since = -1, time.monotonic()
    while True:
        work()
        pending = Delivery.objects.filter(connection=stage.connection, state="pending").count()
        progress(pending)
        if not pending:
            return
        if pending != last:
            last, since = pending, time.monotonic()
        elif time.monotonic() - since > STALLED_S:
            raise NotTaken(f"{pending} deliveries were not applied for {STALLED_S:.0f} s.")
        time.sleep(0.5)


def stuck(stage: Stage) -> dict[str, int]:
    """Return how many deliveries of the run ended parked or rejected, by code."""
    counts: dict[str, int] = {}
    rows = Delivery.objects.filter(connection=stage.connection).exclude(state__in=("done", "pending"))
    for code in rows.values_list("error_code", flat=True):
        counts[code] = counts.get(code, 0) + 1
    return counts


def compare(stage: Stage, expected: dict[str, Expected]) -> list[Difference]:
    """Return every SKU whose stock on hand is not what was expected, and every one nobody expected."""
    rows = StockLevel.objects.filter(location__mappings__connection=stage.connection)
    on_hand: dict[str, Decimal] = {}
    for sku, quantity in rows.values_list("item__sku", "on_hand"):
        on_hand[sku] = on_hand.get(sku, Decimal(0)) + quantity
    differences = [
        Difference(sku, one.on_hand, on_hand.get(sku))
        for sku, one in sorted(expected.items())
        if on_hand.get(sku) != one.on_hand
    ]
    surplus = sorted(on_hand.keys() - expected.keys())
    return differences + [Difference(sku, 0, on_hand[sku]) for sku in surplus if on_hand[sku]]


def services_in(skus: Iterable[str], is_service: Callable[[str], bool]) -> list[str]:
    return sorted(sku for sku in skus if is_service(sku))
