"""The generator of webhooks: signed messages over kept-open connections, as fast as answered or at a rate.

    python -m benchmarks.pace < plan.json > outcome.json

At a rate each message has a moment at which it is due, and its age counts from there: a server that keeps
callers waiting is charged for those behind them, too. Times are of the machine's monotonic clock, which all
its processes share.
"""

from __future__ import annotations

import base64
import hmac
import json
import resource
import selectors
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from benchmarks import world
from benchmarks.figures import quantile
from benchmarks.load import Client, answered, connected
from benchmarks.world import NAIVE_SECRETS, SHOP, SHOP_SECRET, TILL_SECRET, Raw
from connectors.base.signatures import sign_standard

OURS, NAIVE = "ours", "naive"
DOOR = {OURS: "/hooks/{sender}/", NAIVE: "/webhooks/{sender}/"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send to whom: `orders` of the shop or `sales` of the till, one item each.

    rate: messages a second, 0 as fast as they are answered. trace: tell when each was due, and its item.
    """

    side: str
    what: str
    host: str
    port: int
    now: str
    count: int
    first: int
    among: int
    seed: int
    clients: int = 32
    rate: float = 0.0
    zipf: float = 0.0
    trace: bool = False
    patience_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Message:
    """One request, whole, and the number of the item it is about."""

    number: int
    request: bytes


@dataclass(slots=True)
class Seen:
    """What came of a run."""

    took: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    sent: list[tuple[float, int]] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    refused: str = ""


def messages(plan: Plan) -> list[Message]:
    """Return every message, signed as its sender does."""
    now = datetime.fromisoformat(plan.now)
    how: dict[str, Any] = {"seed": plan.seed, "now": now, "zipf": plan.zipf, "first": plan.first}
    if plan.what == "orders":
        raws = [(one.number, one.raw) for one in world.orders(plan.count, plan.among, **how)]
    else:
        raws = [(one.number, world.till_body(one)) for one in world.sales(plan.count, plan.among, **how)]
    signed_at = datetime.now(UTC)
    return [Message(number, _request(plan, raw, signed_at)) for number, raw in raws]


def run(plan: Plan) -> dict[str, Any]:
    """Send everything; return how long it took, what was answered and how quickly."""
    ready = deque(messages(plan))
    clients = [connected(plan.host, plan.port, plan.patience_s) for _ in range(min(plan.clients, plan.count))]
    used = resource.getrusage(resource.RUSAGE_SELF)
    began = time.monotonic()
    seen = _drive(plan, ready, clients, began)
    seconds = time.monotonic() - began
    now = resource.getrusage(resource.RUSAGE_SELF)
    for client in clients:
        client.socket.close()
    return {
        "began": began,
        "seconds": seconds,
        "answered": len(seen.took),
        "statuses": {str(status): count for status, count in sorted(seen.statuses.items())},
        "refused": seen.refused,
        "p50_ms": 1000 * quantile(seen.took, 0.5),
        "p99_ms": 1000 * quantile(seen.took, 0.99),
        "late_p99_ms": 1000 * quantile(seen.late, 0.99),
        "cpu_share": (now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime) / seconds,
        "sent": seen.sent if plan.trace else [],
    }


def _drive(plan: Plan, ready: deque[Message], clients: list[Client], began: float) -> Seen:
    seen = Seen()
    due = _moments(plan, began)
    at = next(due)
    idle, busy = deque(clients), 0
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
    while ready or busy:
        now = time.monotonic()
        while ready and idle and at <= now:
            client, message = idle.popleft(), ready.popleft()
            client.sent_at = at if plan.rate else time.monotonic()
            seen.late.append(time.monotonic() - client.sent_at)
            seen.sent.append((client.sent_at, message.number))
            client.socket.sendall(message.request)
            busy, at = busy + 1, next(due)
        rest = max(0.0, at - time.monotonic()) if ready and idle else plan.patience_s
        woken = selector.select(rest)
        if not woken and not (ready and idle):
            raise TimeoutError(f"No answer for {plan.patience_s:.0f} s.")
        for key, _ in woken:
            client = key.data
            data = client.socket.recv(65536)
            if not data:
                raise ConnectionError("The server closed a connection that was to be kept open.")
            client.received += data
            status = answered(client.received)
            if status is None:
                continue
            seen.took.append(time.monotonic() - client.sent_at)
            seen.statuses[status] += 1
            if status >= 300 and not seen.refused:
                seen.refused = client.received.decode(errors="replace")[-400:]
            client.received.clear()
            idle.append(client)
            busy -= 1
    return seen


def _moments(plan: Plan, began: float) -> Iterator[float]:
    """Yield when each message is due, without end."""
    nth = 0
    while True:
        yield began + nth / plan.rate if plan.rate else 0.0
        nth += 1


def _request(plan: Plan, raw: Raw, now: datetime) -> bytes:
    path = DOOR[plan.side].format(sender=raw.sender)
    fields = {"host": f"{plan.host}:{plan.port}", **raw.headers, "content-length": str(len(raw.body))}
    if plan.side == NAIVE:
        secret = NAIVE_SECRETS[raw.sender]
        fields |= {"x-wc-webhook-topic": raw.topic, "x-wc-webhook-signature": _digest(secret, raw.body)}
    elif raw.sender == SHOP:
        fields["x-wc-webhook-signature"] = _digest(SHOP_SECRET, raw.body)
    else:
        fields |= sign_standard([TILL_SECRET], message_id=raw.key, now=now, body=raw.body)
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + raw.body


def _digest(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


if __name__ == "__main__":
    json.dump(run(Plan(**json.load(sys.stdin))), sys.stdout)
