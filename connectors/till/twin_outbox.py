"""The till's sender: every event goes out until it is acknowledged, through faults, restarts and outages.

Rows live in the books, so a killed till sends on where it was. 2xx acknowledges, 410 gives up,
anything else is tried again with back-off. One store's events leave in turn; stores do not wait for
each other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from connectors.base.twinkit import Answer, Books, Doc, Faults, Line, TwinClock

BACKOFF_S = (0.5, 1, 2, 5, 10, 20, 30)
OVERLOADED = (0, 429, 502, 503, 504)
PER_ROUND = 200


def signatures(secrets: Sequence[str], event_id: str, timestamp: int, body: bytes) -> str:
    """Return the Standard Webhooks signature header: one `v1,` entry per secret."""
    signed = f"{event_id}.{timestamp}.".encode() + body
    found = []
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        found.append("v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode())
    return " ".join(found)


class Outbox:
    """What is still owed to the hub. Without a hook address everything waits."""

    def __init__(
        self,
        books: Books,
        clock: TwinClock,
        faults: Faults,
        *,
        secrets: Sequence[str],
        timeout_s: float = 15.0,
    ) -> None:
        self._books, self._clock, self._faults = books, clock, faults
        self.secrets = list(secrets)
        self._timeout_s = timeout_s
        self._round = threading.Lock()
        self._paused: dict[str, tuple[float, int]] = {}

    @property
    def hook_url(self) -> str:
        kept = self._books.get("setting", "hook_url")
        return str(kept["value"]) if kept else ""

    def point_to(self, url: str) -> None:
        with self._books.transaction():
            self._books.put("setting", "hook_url", {"value": url})

    def queue(self, event: Doc) -> None:
        """Owe an event to the hub; called inside the transaction that writes it."""
        number = self._books.next_number("outbox")
        due = self._clock.now().timestamp()
        if fault := self._faults.take("webhook_delay"):
            due += fault.seconds
        row: Doc = {"n": number, "id": event["id"], "store": event["store"], "attempts": 0, "due": due}
        self._books.put("outbox", event["id"], row)

    def owed(self) -> list[Doc]:
        return sorted(self._books.all("outbox"), key=lambda row: int(row["n"]))

    def acked(self) -> list[str]:
        """Return the ids the hub acknowledged, as this sender saw it."""
        return list(self._books.table("acked"))

    def lost(self) -> list[str]:
        """Return the ids a fault swallowed; only a sweep can find them."""
        return list(self._books.table("lost"))

    def send_due(self) -> int:
        """Send what is due, each store in turn; return how many were acknowledged."""
        url = self.hook_url
        if not url or not self._round.acquire(blocking=False):
            return 0
        try:
            now = self._clock.now().timestamp()
            by_store: dict[str, list[Doc]] = {}
            with self._books.lock:
                for row in self.owed():
                    paused_until = self._paused.get(row["store"], (0.0, 0))[0]
                    if row["due"] <= now and paused_until <= now:
                        by_store.setdefault(row["store"], []).append(row)
            if not by_store:
                return 0
            if self._faults.take("webhook_reorder"):
                by_store = {store: self._faults.shuffled(rows) for store, rows in by_store.items()}
            with ThreadPoolExecutor(max_workers=min(8, len(by_store))) as pool:
                rounds = pool.map(lambda rows: self._send_store(url, rows[:PER_ROUND]), by_store.values())
                return sum(rounds)
        finally:
            self._round.release()

    def _send_store(self, url: str, rows: list[Doc]) -> int:
        line, acknowledged = Line(url, timeout_s=self._timeout_s), 0
        try:
            for row in rows:
                status = self._send(line, row)
                if 200 <= status < 300:
                    acknowledged += 1
                    self._paused.pop(row["store"], None)
                elif status in OVERLOADED:
                    break
        finally:
            line.close()
        return acknowledged

    def _send(self, line: Line, row: Doc) -> int:
        event = self._books.get("event", row["id"])
        if event is None or self._faults.take("drop_webhooks"):
            self._settle(row, "lost")
            return 200 if event is None else -1
        body = json.dumps(event, separators=(",", ":")).encode()
        answer = self._post(line, row["id"], body)
        if self._faults.take("webhook_duplicate"):
            answer = self._post(line, row["id"], body)
        if 200 <= answer.status < 300:
            self._settle(row, "acked")
        elif answer.status == 410:
            self._settle(row, "gone")
        else:
            self._postpone(row, answer)
        return answer.status

    def _post(self, line: Line, event_id: str, body: bytes) -> Answer:
        timestamp = self._clock.seconds()
        return line.post(
            [
                ("Content-Type", "application/json"), ("User-Agent", "till/1"), ("webhook-id", event_id),
                ("webhook-timestamp", str(timestamp)),
                ("webhook-signature", signatures(self.secrets, event_id, timestamp, body)),
            ],
            body,
        )  # fmt: skip

    def _settle(self, row: Doc, outcome: str) -> None:
        with self._books.transaction():
            self._books.drop("outbox", row["id"])
            self._books.put(outcome, row["id"], {"at": self._clock.now().isoformat()})

    def _postpone(self, row: Doc, answer: Answer) -> None:
        """Wait longer after each try; an overloaded or absent hub gives the whole store a pause."""
        now = self._clock.now().timestamp()
        with self._books.transaction():
            row["attempts"] += 1
            wait = BACKOFF_S[min(row["attempts"], len(BACKOFF_S)) - 1]
            asked = answer.headers.get("retry-after", "")
            if asked.isdigit():
                wait = max(wait, int(asked))
            if answer.status in OVERLOADED:
                tries = self._paused.get(row["store"], (0.0, 0))[1] + 1
                wait = max(BACKOFF_S[min(tries, 5) - 1], int(asked) if asked.isdigit() else 0)
                self._paused[row["store"]] = (now + wait, tries)
            row["due"], row["last"] = now + wait, answer.error or f"HTTP {answer.status}"
            self._books.put("outbox", row["id"], row)
