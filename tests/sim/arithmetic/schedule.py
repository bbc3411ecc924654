"""Virtual time for one schedule: things that happen at a moment, and processes that wait between steps.

Lighter than tests/sim/scheduler.py, which runs the real steps as greenlets: here a process is a generator
that yields how long it waits.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.sim.scheduler import EPOCH

Process = Iterator[float]


@dataclass(slots=True)
class Clock:
    """Seconds of virtual time, and what is still to happen."""

    rng: random.Random
    now_s: float = 0.0
    _heap: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _count: int = 0

    def now(self) -> datetime:
        return moment(self.now_s)

    def seconds(self) -> float:
        return self.now_s

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (self.now_s + delay_s, self._count, action))

    def spawn(self, process: Process, delay_s: float = 0.0) -> None:
        def step() -> None:
            wait = next(process, None)
            if wait is not None:
                self.after(wait, step)

        self.after(delay_s, step)

    def run_until(self, when_s: float) -> None:
        while self._heap and self._heap[0][0] <= when_s:
            self.now_s, _, action = heapq.heappop(self._heap)
            action()
        self.now_s = when_s


def moment(seconds: float) -> datetime:
    return EPOCH + timedelta(microseconds=round(seconds * 1_000_000))


@dataclass(slots=True)
class Mix:
    """How unkind one schedule is: probabilities, and longest durations in seconds."""

    latency_s: float
    hook_lost: float
    hook_doubled: float
    hook_late: float
    transaction_s: float
    paperwork_s: float
    answer_lost: float
    lands_late: float
    request_lost: float
    hides_s: float
    fault: float  # chance per reading that something of an item is in doubt
    reading_fails: float
    skew_s: float  # how wrong the carrier's clock and the till's are
    blind_counts: bool  # shelves are counted while goods have left unbooked
    one_call: bool  # stock and moves in one consistent call; else confirmations on both sides

    def heal(self) -> None:
        """End everything that may go wrong; from here on all must come right."""
        self.hook_lost = self.hook_doubled = self.hook_late = 0.0
        self.answer_lost = self.lands_late = self.request_lost = 0.0
        self.hides_s = self.fault = self.reading_fails = 0.0


def drawn(rng: random.Random) -> Mix:
    def some(*values: float) -> float:
        return rng.choice(values)

    return Mix(
        latency_s=some(0.1, 0.3, 1.0, 2.0),
        hook_lost=some(0.0, 0.2, 0.5, 1.0),
        hook_doubled=some(0.0, 0.2),
        hook_late=some(0.0, 0.3),
        transaction_s=some(0.2, 2.0, 8.0, 30.0),
        paperwork_s=some(0.0, 5.0, 20.0),
        answer_lost=some(0.0, 0.1, 0.3),
        lands_late=some(0.0, 0.1),
        request_lost=some(0.0, 0.1),
        hides_s=some(0.0, 2.0, 5.0),
        fault=some(0.0, 0.0, 0.1),
        reading_fails=some(0.0, 0.1),
        skew_s=some(0.0, -20.0, 20.0),
        blind_counts=rng.random() < 0.3,
        one_call=rng.random() < 0.5,
    )
