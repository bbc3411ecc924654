"""The twins as witnesses: processes with books of their own, a limit of calls, and a clock that may be off.

    python -m tests.chaos.twins woo --port 21001 --data FILE --journal FILE [--per-s 20 --burst 40 --home URL]

Each writes a journal that no fault touches: every figure that landed, every event, every message that was
acknowledged, every call that came. Times in it are the machine's, not the twin's. Imports nothing of the
platform.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.base.twinkit import Answer, Books, Doc, Request, Response, Twin, json_response
from connectors.base.twinkit import run_until_signalled as run
from connectors.till.twin import TillTwin
from connectors.woocommerce.twin import WooTwin
from tests.chaos.journal import Journal

KEPT = {
    "history": ("product_id", "value", "who"),
    "order": ("status",),
    "level": ("store", "sku", "on_hand"),
    "event": ("id", "type", "store", "order", "lines"),
    "acked": (),
    "lost": (),
    "gone": (),
}
"""Which tables of the books a witness needs, and what of a row."""
ONE_MORE = 1.0
"""A call may come one token early: two processes on one machine do not agree on the millisecond."""


class Limit:
    """The vendor's own view of how often it is called: a token bucket by its own clock."""

    def __init__(self, per_s: float, burst: float) -> None:
        self.per_s, self.burst = per_s, burst
        self.tokens, self.seen_at = burst, time.monotonic()
        self.calls = self.over = 0
        self.lowest = burst

    def take(self) -> bool:
        """Count one call; return whether it was above the limit."""
        now = time.monotonic()
        self.tokens = min(self.burst, self.tokens + (now - self.seen_at) * self.per_s)
        self.seen_at = now
        self.calls += 1
        over = self.tokens - 1 < -ONE_MORE
        self.over += over
        if not over:  # a refused call costs the vendor nothing
            self.tokens -= 1
        self.lowest = min(self.lowest, self.tokens - (1 if over else 0))
        return over

    def document(self) -> Doc:
        return {
            "calls": self.calls, "over": self.over, "per_s": self.per_s, "burst": self.burst,
            "lowest": round(self.lowest, 2),
        }  # fmt: skip


class LooseClock:
    """The machine's time, some seconds off."""

    def __init__(self) -> None:
        self.off_s = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.off_s)


class ShopWitness(WooTwin):
    """A shop that counts its calls and writes down what lands."""

    def __init__(self, journal: Journal, limit: Limit, home: str) -> None:
        self.loose = LooseClock()
        super().__init__(https=False, cron_s=0.2, now=self.loose.now, home=home, delivery_timeout_s=5)
        self.journal, self.limit = journal, limit
        write_down(self.books, journal)
        self.webhooks._post = self._posted(self.webhooks._post)

    def _posted(
        self, post: Callable[[str, Sequence[tuple[str, str]], bytes], Answer]
    ) -> Callable[[str, Sequence[tuple[str, str]], bytes], Answer]:
        def posted(url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
            answer = post(url, headers, body)
            told = dict(headers)
            if "X-WC-Webhook-Signature" in told:
                digest = hashlib.sha256(body).hexdigest()
                self.journal.note(
                    "sent", topic=told["X-WC-Webhook-Topic"], hook=told["X-WC-Webhook-ID"], sha256=digest,
                    id=json.loads(body).get("id"), status=answer.status,
                )  # fmt: skip
            return answer

        return posted

    def answer(self, request: Request) -> Response:
        if (told := controlled(request, self.loose, self.limit)) is not None:
            return told
        if not request.path.startswith("/_twin/") and self.limit.take():
            self.journal.note("over", path=request.path)
            return Response(429, b"Too Many Requests", (("Retry-After", "1"),))
        return super().answer(request)


class TillWitness(TillTwin):
    """A till that writes down every event and which of them were acknowledged."""

    def __init__(self, journal: Journal) -> None:
        self.loose = LooseClock()
        super().__init__(now=self.loose.now)
        self.journal, self.limit = journal, Limit(1000, 1000)
        write_down(self.books, journal)

    def answer(self, request: Request) -> Response:
        told = controlled(request, self.loose, self.limit)
        return super().answer(request) if told is None else told


def controlled(request: Request, clock: LooseClock, limit: Limit) -> Response | None:
    """Answer what only a witness is asked: its limit, its clock."""
    if request.path == "/_twin/limit":
        return json_response(200, limit.document())
    if request.path == "/_twin/clock":
        clock.off_s = float(request.json()["off_s"])
        return json_response(200, {"off_s": clock.off_s})
    return None


def write_down(books: Books, journal: Journal) -> None:
    """Have every row of the kept tables written to the journal when it is put: all changes pass there."""
    put = books.put

    def noted(tab: str, key: int | str, doc: Doc) -> None:
        put(tab, key, doc)
        if tab in KEPT:
            journal.note(tab, key=str(key), **{name: doc.get(name) for name in KEPT[tab]})

    books.put = noted  # type: ignore[method-assign]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.twins", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--home", default="")
    parser.add_argument("--per-s", type=float, default=20.0)
    parser.add_argument("--burst", type=float, default=40.0)
    options = parser.parse_args(argv)
    journal = Journal(options.journal)
    twin: Twin
    seed = json.loads(options.data.read_text(encoding="utf-8"))
    if options.name == "till":
        twin = till = TillWitness(journal)
        till.seed(seed)
    else:
        twin = shop = ShopWitness(journal, Limit(options.per_s, options.burst), options.home)
        shop.seed(seed)
    return run(twin, name=options.name, host="127.0.0.1", port=options.port)


if __name__ == "__main__":
    sys.exit(main())
