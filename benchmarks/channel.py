"""A shop that costs nothing: the part of WooCommerce's contract that lanes use, with arrivals stamped.

    python -m benchmarks.channel --port 21001

Answers at once, from one thread: what is measured is what stands before it. It counts every call by kind,
notes every figure that lands with the moment on the machine's monotonic clock, and refuses what is above the
limit it was given, as a vendor does. Keeps no products: a listing shows 0 until a figure lands. The whole
shop, with its faults, is connectors/woocommerce/twin.py; this one proves nothing about a connector. Imports
nothing of the platform.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

API = "/wp-json/wc/v3"
STAMP = "2026-01-01T00:00:00"
ONE_MORE = 1.0
"""A call may come one token early: two processes on one machine do not agree on the millisecond."""
_ONE = re.compile(rf"{API}/products/(?:(\d+)/variations/)?(\d+)\Z")
_BATCH = re.compile(rf"{API}/products/(?:(\d+)/variations/)?batch\Z")


@dataclass(slots=True)
class Limit:
    """The vendor's own count: a token bucket; per_s 0 sets no limit."""

    per_s: float = 0.0
    burst: float = 1.0
    tokens: float = 1.0
    seen_at: float = 0.0

    def refuses(self, now: float) -> bool:
        if not self.per_s:
            return False
        self.tokens = min(self.burst, self.tokens + (now - self.seen_at) * self.per_s)
        self.seen_at = now
        if self.tokens - 1 < -ONE_MORE:
            return True  # a refused call costs the vendor nothing
        self.tokens -= 1
        return False


@dataclass(slots=True)
class Shop:
    """What it shows, what it was asked, and what landed since it was told to count anew."""

    figures: dict[int, int] = field(default_factory=dict)
    parents: dict[int, int] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    landed: list[tuple[float, int, int]] = field(default_factory=list)
    over: int = 0
    limit: Limit = field(default_factory=Limit)

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        now = time.monotonic()
        parts = urlsplit(target)
        if parts.path.startswith("/_twin/"):
            return 200, self._told(json.loads(body) if body else {})
        if self.limit.refuses(now):
            self.over += 1
            return 429, {"code": "too_many", "message": "later"}
        kind, answer = self._vendor(method, parts.path, parse_qs(parts.query), body, now)
        self.calls[kind] += 1
        return (404 if answer is None else 200), answer or {"code": "rest_no_route", "message": target}

    def _vendor(
        self, method: str, path: str, query: dict[str, list[str]], body: bytes, now: float
    ) -> tuple[str, Any]:
        """Return what kind of call it is, and the answer; None where there is none."""
        if method == "GET":
            return self._read(path, query)
        document = json.loads(body) if body else {}
        if found := _BATCH.match(path):
            rows = [self._land(int(found[1] or 0), row, now) for row in document.get("update", [])]
            return "write", {"update": rows}
        if found := _ONE.match(path):
            return "write", self._land(int(found[1] or 0), {**document, "id": int(found[2])}, now)
        return "other", {**document, "id": sum(self.calls.values()) + 1, "status": "active"}

    def _read(self, path: str, query: dict[str, list[str]]) -> tuple[str, Any]:
        if path in (f"{API}/products", f"{API}/variations"):
            numbers = [int(number) for number in query.get("include", [""])[0].split(",") if number]
            return ("levels" if numbers else "sweep"), _List([self._row(number) for number in numbers])
        if found := _ONE.match(path):
            return "levels", self._row(int(found[2]))
        return ("orders" if path == f"{API}/orders" else "other"), _List()

    def _land(self, parent: int, row: dict[str, Any], now: float) -> dict[str, Any]:
        number = int(row["id"])
        if parent:
            self.parents[number] = parent
        if "stock_quantity" in row:
            self.figures[number] = int(row["stock_quantity"])
            self.landed.append((now, number, self.figures[number]))
        return self._row(number)

    def _row(self, number: int) -> dict[str, Any]:
        parent = self.parents.get(number, 0)
        return {
            "id": number, "parent_id": parent, "type": "variation" if parent else "simple",
            "manage_stock": True, "stock_quantity": self.figures.get(number, 0), "date_modified_gmt": STAMP,
        }  # fmt: skip

    def _told(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Tell what was counted; with `anew` count from here on, with `per_s` by another limit."""
        told = {"calls": dict(self.calls), "over": self.over, "landed": self.landed, "now": time.monotonic()}
        if wanted.get("anew"):
            self.calls, self.landed, self.over = Counter(), [], 0
        if "per_s" in wanted:
            burst = float(wanted["burst"])
            self.limit = Limit(float(wanted["per_s"]), burst, burst, time.monotonic())
        return told


class _List(list[Any]):
    """An empty list is an answer, too."""

    def __bool__(self) -> bool:
        return True


class Line(asyncio.Protocol):
    """One kept-open connection; a request is answered as soon as it is whole."""

    def __init__(self, answer: Callable[[str, str, bytes], tuple[int, Any]]) -> None:
        self._answer = answer
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].decode("latin-1").split("\r\n")
            fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
            whole = end + 4 + int(fields.get("content-length", 0))
            if len(self._received) < whole:
                return
            body = bytes(self._received[end + 4 : whole])
            del self._received[:whole]
            method, target, _ = head[0].split(" ", 2)
            self._reply(*self._answer(method, target, body))

    def _reply(self, status: int, answer: Any) -> None:
        body = json.dumps(answer, separators=(",", ":")).encode()
        later = "Retry-After: 1\r\n" if status == 429 else ""
        fields = f"Content-Type: application/json\r\n{later}Content-Length: {len(body)}"
        head = f"HTTP/1.1 {status} .\r\n{fields}\r\n\r\n"
        assert self._transport is not None
        self._transport.write(head.encode() + body)


async def serve(port: int) -> None:
    """Answer until asked to end."""
    shop, loop, ended = Shop(), asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await loop.create_server(lambda: Line(shop.answer), "127.0.0.1", port, backlog=256)
    async with server:
        await ended.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.channel", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(serve(parser.parse_args().port))
