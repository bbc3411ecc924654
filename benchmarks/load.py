"""The load generator: many clients over kept-open connections, one request each at a time, in one thread.

    python -m benchmarks.load < plan.json > outcome.json

One thread with epoll and requests made beforehand costs a fraction of what it loads; its own share of the
processor is part of the outcome. Both sides are loaded by this very program.
"""

from __future__ import annotations

import json
import resource
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks import world


@dataclass(slots=True)
class Client:
    """One connection with the request that is under way on it."""

    socket: socket.socket
    sent_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send. `template` holds @N@ (the request's number) and @SKU@; `among` 1: one item for all."""

    host: str
    port: int
    path: str
    headers: dict[str, str]
    template: str
    clients: int
    count: int
    first: int
    among: int
    seed: int
    patience_s: float = 60.0


def requests(plan: Plan) -> Iterator[bytes]:
    """Yield every request, whole."""
    head = f"POST {plan.path} HTTP/1.1\r\nHost: {plan.host}:{plan.port}\r\nContent-Type: application/json\r\n"
    fixed = "".join(f"{name}: {value}\r\n" for name, value in plan.headers.items() if "@" not in value)
    varied = "".join(f"{name}: {value}\r\n" for name, value in plan.headers.items() if "@" in value)
    chosen = world.choose(plan.count, plan.among, seed=plan.seed + plan.first)
    for number, item in enumerate(chosen, plan.first):
        own = varied.replace("@N@", f"{number:012d}")
        body = plan.template.replace("@N@", f"{number:012d}").replace("@SKU@", world.sku(item)).encode()
        yield f"{head}{fixed}{own}Content-Length: {len(body)}\r\n\r\n".encode() + body


def run(plan: Plan) -> dict[str, object]:
    """Send everything; return how long it took, what was answered and how quickly."""
    ready = list(requests(plan))
    ready.reverse()
    took: list[float] = []
    statuses: Counter[int] = Counter()
    refused = ""
    selector = selectors.DefaultSelector()
    clients = [connected(plan.host, plan.port, plan.patience_s) for _ in range(min(plan.clients, plan.count))]
    began = time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_SELF)
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
        _send(client, ready.pop())
    open_ = len(clients)
    while open_:
        woken = selector.select(plan.patience_s)
        if not woken:
            raise TimeoutError(f"No answer for {plan.patience_s:.0f} s.")
        for key, _ in woken:
            client = key.data
            data = client.socket.recv(65536)
            if not data:
                raise ConnectionError("The server closed a connection that was to be kept open.")
            client.received += data
            answer = answered(client.received)
            if answer is None:
                continue
            took.append(time.perf_counter() - client.sent_at)
            statuses[answer] += 1
            if answer >= 300 and not refused:
                refused = client.received.decode(errors="replace")[-400:]
            client.received.clear()
            if ready:
                _send(client, ready.pop())
            else:
                selector.unregister(client.socket)
                open_ -= 1
    seconds = time.perf_counter() - began
    now = resource.getrusage(resource.RUSAGE_SELF)
    for client in clients:
        client.socket.close()
    took.sort()
    return {
        "seconds": seconds,
        "answered": len(took),
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "refused": refused,
        "p50_ms": 1000 * took[len(took) // 2],
        "p99_ms": 1000 * took[min(len(took) - 1, len(took) * 99 // 100)],
        "cpu_share": (now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime) / seconds,
    }


def connected(host: str, port: int, patience_s: float) -> Client:
    made = socket.create_connection((host, port), timeout=patience_s)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Client(made)


def _send(client: Client, request: bytes) -> None:
    client.sent_at = time.perf_counter()
    client.socket.sendall(request)


def answered(received: bytearray) -> int | None:
    """Return the status once the whole answer is there."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(received[:end]).lower()
    place = head.find(b"content-length:")
    if place < 0:
        raise ValueError("The answer does not say how long it is.")
    length = int(head[place + 15 :].split(b"\r\n", 1)[0])
    if len(received) < end + 4 + length:
        return None
    return int(head[9:12])


if __name__ == "__main__":
    json.dump(run(Plan(**json.load(sys.stdin))), sys.stdout)
