"""The hub's clients of the simulated systems: every call is sent, carried out and answered apart.

Whoever waits for an answer may die or stand still meanwhile; what was sent is carried out all the same. A
write may land late, or land without an answer.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from inventory_sync.domain.errors import OutcomeUnknown, RateLimited, RemoteUnavailable, Unsupported
from inventory_sync.domain.ports import (
    Capabilities,
    ExternalListing,
    Found,
    HookState,
    LevelWrite,
    ListingLevel,
    ListingRef,
    Probe,
    SweepPage,
    WriteEnd,
    WriteResult,
)
from tests.sim.connectors import APPLIES_WITHIN_S, LONGEST_LIFE_S, SHOP, digest
from tests.sim.faults import Faults
from tests.sim.scheduler import Scheduler
from tests.sim.shop import Shop, dump
from tests.sim.till import Till

PAGE = 6
TIMEOUT_S = 4.0
# Sent within two stalls of being decided, it still lands within the longest life of a request.
LATEST_S = LONGEST_LIFE_S / 2

T = TypeVar("T")


@dataclass(slots=True)
class Wire:
    """The network between the hub and one system."""

    scheduler: Scheduler
    rng: random.Random
    faults: Faults
    name: str
    away_until_s: float = 0.0
    throttled_until_s: float = 0.0
    admit: Callable[[], None] | None = None  # each call is paid before it goes, as at the gate
    admitted_s: list[float] = field(default_factory=list)

    def ask(self, label: str, answer: Callable[[], T]) -> T:
        """Read something: the answer is what held when the request arrived."""
        self._send(label)
        if self.rng.random() < self.faults.reads_fail:
            self.scheduler.sleep(TIMEOUT_S)
            raise RemoteUnavailable(f"{label} timed out.")
        answers: list[T] = []
        self.scheduler.after(self.rng.uniform(0.005, 0.05), lambda: answers.append(answer()))
        self.scheduler.sleep(self.rng.uniform(0.06, 0.2))
        self.scheduler.step(f"{label} answered")
        return answers[0]

    def _send(self, label: str) -> None:
        if self.admit is not None:
            self.admit()
            self.admitted_s.append(self.scheduler.now_s)
        self.scheduler.step(f"{label} sent")
        now = self.scheduler.now_s
        if now < self.away_until_s:
            self.scheduler.sleep(0.05)
            raise RemoteUnavailable(f"{self.name} is away.")
        if now < self.throttled_until_s or self.rng.random() < self.faults.throttled:
            wait = self.rng.uniform(0.5, 3.0)
            self.throttled_until_s = max(self.throttled_until_s, now + wait)
            raise RateLimited(f"{self.name} asks for patience.", retry_after_s=wait)

    def send(self, label: str, lines: Sequence[Callable[[bool], None]]) -> list[bool]:
        """Carry out lines, together and in order; returns which of them the answer confirmed.

        Raises OutcomeUnknown when no answer comes: they landed, will land, or never do.
        """
        self._send(label)
        draw, faults = self.rng.random, self.faults
        delay = self.rng.uniform(0.005, 0.05)
        if draw() < faults.request_lost:
            self._no_answer(label)
        if draw() < faults.lands_late:
            for line in lines:
                late = self.rng.uniform(TIMEOUT_S / 2, LATEST_S)
                self.scheduler.after(late, partial(line, True))
            self._no_answer(label)
        unknown = [draw() < faults.line_unknown for _ in lines]
        for line, doubtful in zip(lines, unknown, strict=True):
            if not doubtful or draw() < 0.5:
                self.scheduler.after(delay, partial(line, False))
        if draw() < faults.answer_lost:
            self._no_answer(label)
        self.scheduler.sleep(self.rng.uniform(0.06, 0.2))
        self.scheduler.step(f"{label} answered")
        return [not doubtful for doubtful in unknown]

    def _no_answer(self, label: str) -> None:
        self.scheduler.sleep(TIMEOUT_S)
        self.scheduler.step(f"{label} timed out")
        raise OutcomeUnknown(f"{label}: no answer.")


@dataclass(slots=True)
class ShopClient:
    """domain.ports.Client over the simulated shop. `sent` hears of every write before it is sent."""

    shop: Shop
    wire: Wire
    sent: Callable[[Sequence[LevelWrite]], None]
    capabilities: Capabilities = SHOP

    def probe(self) -> Probe:
        return Probe(True, {})

    def read_levels(self, refs: Sequence[ListingRef]) -> list[ListingLevel]:
        found = self.wire.ask("levels", lambda: self._look([ref.external_id for ref in refs]))
        self.wire.scheduler.say(f"read {dict(zip([ref.external_id for ref in refs], found, strict=True))}")
        return [ListingLevel(ref, Decimal(figure)) for ref, figure in zip(refs, found, strict=True)]

    def _look(self, refs: Sequence[str]) -> list[int]:
        self.shop.read_at_s.update(dict.fromkeys(refs, self.shop.now()))
        return [self.shop.figures[ref] for ref in refs]

    def write_levels(self, writes: Sequence[LevelWrite]) -> list[WriteResult]:
        self.wire.scheduler.say(f"write {[(one.ref.external_id, str(one.figure)) for one in writes]}")
        self.sent(writes)
        confirmed = self.wire.send("write", [self._line(one) for one in writes])
        return [
            WriteResult(one.ref, one.figure)
            if known
            else WriteResult(one.ref, error=OutcomeUnknown("Nobody knows of this line."))
            for one, known in zip(writes, confirmed, strict=True)
        ]

    def _line(self, write: LevelWrite) -> Callable[[bool], None]:
        def land(late: bool) -> None:
            self.shop.write(write.ref.external_id, int(write.figure), write.idempotency_key, late=late)
            self.wire.scheduler.say(
                f"landed{' late' if late else ''}: {write.ref.external_id}={write.figure}"
            )

        return land

    def read_object(self, kind: str, ref: str) -> Found:
        if kind != "order":
            raise Unsupported(f"cannot read {kind}")
        body = self.wire.ask("order", lambda: self.shop.order_body(int(ref)))
        if body is None:
            return Found("order.gone", dump({"id": int(ref)}), f"gone:{ref}", f"order:{ref}", "critical")
        return found_order(body)

    def sweep(self, stream: str, cursor: str, *, now: datetime) -> SweepPage:
        if stream == "products":
            body = self.wire.ask(
                "products",
                lambda: dump({"figures": self.shop.figures, "stamp": int(self.wire.scheduler.now_s)}),
            )
            found = Found("figure", body, "", "figure:all")
            return SweepPage([found], cursor, done=True)
        place: dict[str, Any] = json.loads(cursor) if cursor else {"since": 0, "after": [0, 0]}
        after = tuple(place["after"])
        rows = self.wire.ask("orders", lambda: [row for row in self.shop.seen_by_pulls() if row[:2] > after])
        page = rows[:PAGE]
        if len(rows) > PAGE:
            return SweepPage(
                [found_order(body) for _, _, body in page],
                json.dumps({"since": place["since"], "after": list(page[-1][:2])}),
                done=False,
            )
        newest = page[-1][0] if page else after[0]
        since = max(place["since"], newest - SHOP.streams[0].overlap_s)
        return SweepPage(
            [found_order(body) for _, _, body in page],
            json.dumps({"since": since, "after": [since, 0]}),
            done=True,
        )

    def listings(self) -> Iterator[ExternalListing]:
        return iter(())

    def heal_hooks(self, *, delivery_url: str, secret: str) -> list[HookState]:
        return []


@dataclass(slots=True)
class Jobs:
    """What a shop that applies writes later has accepted: each is applied once, soon or just in time."""

    shop: Shop
    wire: Wire
    ends: dict[str, WriteEnd] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)
    receipts: int = 0

    def accept(self, receipt: str, write: LevelWrite, _late: bool) -> None:
        """Apply it in a while. What became of it the shop may have forgotten by then, and says so."""
        ref, nth = write.ref.external_id, int(write.idempotency_key.rpartition(":")[2])
        self.newest[ref] = max(nth, self.newest.get(ref, 0))
        forgets = self.wire.rng.random() < self.wire.faults.answer_lost
        if forgets:
            self.ends[receipt] = WriteEnd(done=True, error=OutcomeUnknown("No such job."))

        def apply() -> None:
            self.shop.write(ref, int(write.figure), write.idempotency_key, late=nth < self.newest[ref])
            self.wire.scheduler.say(f"job {receipt}: {ref}={write.figure}")
            if not forgets:
                self.ends[receipt] = WriteEnd(done=True)

        quick = self.wire.rng.random() < 0.5
        self.wire.scheduler.after(self.wire.rng.uniform(0.1, 2.0 if quick else APPLIES_WITHIN_S - 1.0), apply)


@dataclass(slots=True)
class LaterShopClient(ShopClient):
    """domain.ports.LaterWriter: accepts writes, applies them in a while and tells of it when asked."""

    jobs: Jobs | None = None

    def write_levels(self, writes: Sequence[LevelWrite]) -> list[WriteResult]:
        assert self.jobs is not None
        self.wire.scheduler.say(f"write later {[(one.ref.external_id, str(one.figure)) for one in writes]}")
        self.sent(writes)
        receipts = []
        for _ in writes:
            self.jobs.receipts += 1
            receipts.append(f"job-{self.jobs.receipts}")
        lines = [
            partial(self.jobs.accept, receipt, write) for receipt, write in zip(receipts, writes, strict=True)
        ]
        accepted = self.wire.send("write", lines)
        return [
            WriteResult(one.ref, receipt=receipt)
            if known
            else WriteResult(one.ref, error=OutcomeUnknown("Nobody knows of this line."))
            for one, receipt, known in zip(writes, receipts, accepted, strict=True)
        ]

    def poll_writes(self, receipts: Sequence[str]) -> list[WriteEnd]:
        jobs = self.jobs
        assert jobs is not None
        return self.wire.ask(
            "poll", lambda: [jobs.ends.get(receipt, WriteEnd(done=False)) for receipt in receipts]
        )


@dataclass(slots=True)
class TillClient(ShopClient):
    """domain.ports.Client over the simulated till: a journal read by its numbers."""

    till: Till | None = None

    def sweep(self, stream: str, cursor: str, *, now: datetime) -> SweepPage:
        assert self.till is not None
        versions = self.till.versions
        start = int(cursor or 0)
        page = self.wire.ask("journal", lambda: versions[start : start + PAGE])
        found = [journal_page([entry.body()], entry.location) for entry in page]
        return SweepPage(found, str(start + len(page)), done=len(page) < PAGE)


def found_order(body: dict[str, Any]) -> Found:
    raw = dump(body)
    return Found("order", raw, f"pull:{digest(raw)}", f"order:{body['id']}", "critical")


def journal_page(entries: list[dict[str, Any]], location: str) -> Found:
    raw = dump({"entries": entries})
    return Found("journal", raw, f"till:{digest(raw)}", f"location:{location}")
