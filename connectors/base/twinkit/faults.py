"""Faults that can be injected into a twin, and the door that plays the transport ones.

A fault is taken a number of times, or with a probability, or until it is cleared. Transport faults
(throttles, errors, lost answers, late landings) are played here for every twin; faults that need the
vendor's meaning (a batch applied in part, a hidden order, a lost webhook) are asked for by the twin.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connectors.base.twinkit.http import Request, Response

CACHED = 200
HTML = b"<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%s</h1></body></html>"


@dataclass(slots=True)
class Fault:
    """One injected fault. `count` None lasts until cleared; `only` is `read`, `write` or `any`."""

    kind: str
    count: int | None = None
    probability: float = 1.0
    seconds: float = 0.0
    status: int = 0
    only: str = "any"
    path: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_document(cls, doc: dict[str, Any]) -> Fault:
        known = {"kind", "count", "probability", "seconds", "status", "only", "path"}
        fault = cls(kind=str(doc["kind"]), extra={k: v for k, v in doc.items() if k not in known})
        fault.count = None if doc.get("count") is None else int(doc["count"])
        if fault.count is None and "probability" not in doc and fault.kind not in LASTING:
            fault.count = 1
        fault.probability = float(doc.get("probability", 1.0))
        fault.seconds = float(doc.get("seconds", 0.0))
        fault.status = int(doc.get("status", 0))
        fault.only = str(doc.get("only", "any"))
        fault.path = str(doc.get("path", ""))
        return fault

    def document(self) -> dict[str, Any]:
        return {
            "kind": self.kind, "count": self.count, "probability": self.probability, "seconds": self.seconds,
            "status": self.status, "only": self.only, "path": self.path, **self.extra,
        }  # fmt: skip

    def fits(self, method: str, path: str) -> bool:
        writes = method not in ("GET", "HEAD", "OPTIONS")
        if (self.only == "write" and not writes) or (self.only == "read" and writes):
            return False
        return self.path in path


LASTING = frozenset({"auth_revoked", "orders_invisible_s", "webhook_user_revoked"})


class Faults:
    """The faults now in force. Taking one uses it up; every play is counted."""

    def __init__(self, seed: int = 0) -> None:
        self._guard = threading.Lock()
        self._random = random.Random(seed)
        self._active: list[Fault] = []
        self.played: dict[str, int] = {}

    def inject(self, kind: str, **options: Any) -> Fault:
        fault = Fault.from_document({"kind": kind, **options})
        with self._guard:
            self._active.append(fault)
        return fault

    def clear(self, kind: str | None = None) -> None:
        with self._guard:
            self._active = [fault for fault in self._active if kind is not None and fault.kind != kind]

    def active(self) -> list[dict[str, Any]]:
        with self._guard:
            return [fault.document() for fault in self._active]

    def take(self, kind: str, method: str = "", path: str = "") -> Fault | None:
        with self._guard:
            for fault in self._active:
                if fault.kind != kind or (method and not fault.fits(method, path)):
                    continue
                if fault.probability < 1.0 and self._random.random() >= fault.probability:
                    continue
                if fault.count is not None:
                    fault.count -= 1
                    if fault.count <= 0:
                        self._active.remove(fault)
                self.played[kind] = self.played.get(kind, 0) + 1
                return fault
        return None

    def shuffled(self, things: list[Any]) -> list[Any]:
        with self._guard:
            self._random.shuffle(things)
        return things


@dataclass(slots=True)
class FaultDoor:
    """Stands before a twin's vendor API and plays the transport faults.

    `429` (with Retry-After), `5xx`, `html`, `slow`, `timeout_lost` (nothing applied, no answer),
    `timeout_applied` (applied, no answer), `late_landing` (no answer, applied `seconds` later) and
    `stale_read` (a cache answers a read with what it was told before).
    """

    faults: Faults
    handle: Callable[[Request], Response]
    now: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep
    late: list[tuple[datetime, Request]] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)
    cached: dict[str, Response] = field(default_factory=dict)

    def __call__(self, request: Request) -> Response:
        def taken(kind: str) -> Fault | None:
            return self.faults.take(kind, request.method, request.path)

        if fault := taken("slow"):
            self.sleep(fault.seconds)
        if fault := taken("429"):
            retry_after = str(int(fault.seconds) or 1)
            return _page(429, b"Too Many Requests", (("Retry-After", retry_after),))
        if fault := taken("5xx"):
            return _page(fault.status or 503, b"Service Unavailable")
        if fault := taken("html"):
            return _page(fault.status or 200, b"Just a moment...")
        if fault := taken("timeout_lost"):
            self.sleep(fault.seconds)
            return Response(0, hang_up=True)
        if fault := taken("timeout_applied"):
            self.handle(request)
            self.sleep(fault.seconds)
            return Response(0, hang_up=True)
        if fault := taken("late_landing"):
            with self.guard:
                self.late.append((self.now() + timedelta(seconds=fault.seconds), request))
            return Response(0, hang_up=True)
        return self._read(request) if request.method == "GET" else self.handle(request)

    def _read(self, request: Request) -> Response:
        """Answer a read and keep the answer, as a cache before the vendor would, whoever signed it when."""
        asked = [part for part in request.raw_query.split("&") if not part.startswith("oauth_")]
        address = f"{request.path}?{'&'.join(asked)}"
        with self.guard:
            old = self.cached.get(address)
        if old is not None and self.faults.take("stale_read", request.method, request.path):
            return old
        response = self.handle(request)
        with self.guard:
            if response.status == 200:
                if len(self.cached) >= CACHED:
                    self.cached.pop(next(iter(self.cached)))
                self.cached[address] = response
        return response

    def land_due(self) -> int:
        """Apply the requests whose late hour has come; return how many landed."""
        now = self.now()
        with self.guard:
            due = [request for at, request in self.late if at <= now]
            self.late = [(at, request) for at, request in self.late if at > now]
        for request in due:
            self.handle(request)
        return len(due)


def _page(status: int, title: bytes, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return Response(status, HTML % (title, title), (("Content-Type", "text/html; charset=UTF-8"), *headers))
