"""One thread, one heap, one seed: greenlets that take turns in virtual time.

A process runs until it reaches a switch point (`step`, `sleep`), where the seed decides how long it waits and
whether it dies there. Knows nothing of stock.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from greenlet import getcurrent, greenlet

EPOCH = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Crash(BaseException):
    """The process ends here and now; nothing in it may catch this."""


@dataclass(slots=True)
class Process:
    """One greenlet. `mortal`: the seed may end it at any switch point."""

    name: str
    run: Callable[[], Any]
    mortal: bool = False
    when_over: Callable[[bool], None] | None = None
    green: Any = None


@dataclass(slots=True)
class Scheduler:
    """Virtual time and whose turn it is. `latency` and `dies` are the fault mix of the seed."""

    rng: random.Random
    latency: Callable[[], float]
    dies: Callable[[str], bool]
    now_s: float = 0.0
    trace: Callable[[str], None] | None = None
    failures: list[tuple[str, BaseException]] = field(default_factory=list)
    _heap: list[tuple[float, float, int, Callable[[], None]]] = field(default_factory=list)
    _count: int = 0
    _main: Any = field(default_factory=getcurrent)
    _processes: dict[Any, Process] = field(default_factory=dict)

    def clock(self) -> datetime:
        return EPOCH + timedelta(microseconds=round(self.now_s * 1_000_000))

    def say(self, text: str) -> None:
        if self.trace is not None:
            process = self._processes.get(getcurrent())
            self.trace(f"{self.now_s:10.3f}  {process.name if process else '-':<16} {text}")

    def at(self, when_s: float, action: Callable[[], None]) -> None:
        """Do something at a time; of two things at one time the seed says which comes first."""
        self._count += 1
        heapq.heappush(self._heap, (max(when_s, self.now_s), self.rng.random(), self._count, action))

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        self.at(self.now_s + delay_s, action)

    def spawn(self, process: Process, *, delay_s: float = 0.0) -> None:
        process.green = greenlet(lambda: self._body(process), self._main)
        self._processes[process.green] = process
        self.after(delay_s, process.green.switch)

    def sleep(self, seconds: float) -> None:
        """Let the others go on for a while."""
        me = getcurrent()
        self.after(seconds, me.switch)
        self._main.switch()

    def step(self, label: str) -> None:
        """Switch point: others may go on, and whoever is mortal may die."""
        process = self._processes.get(getcurrent())
        if process is None:
            return
        wait = self.latency()
        if wait > 0:
            self.sleep(wait)
        if process.mortal and self.dies(label):
            self.say(f"CRASH at {label}")
            raise Crash(label)

    def run_until(self, when_s: float) -> None:
        """Run everything due before a time."""
        while self._heap and self._heap[0][0] <= when_s:
            at, _, _, action = heapq.heappop(self._heap)
            self.now_s = max(self.now_s, at)
            action()
        self.now_s = max(self.now_s, when_s)

    def forget(self) -> None:
        """Drop all that was to happen; who waits waits for ever."""
        self._heap.clear()

    def abandon(self) -> None:
        """End every process that still waits, so that nothing outlives the run."""
        self._heap.clear()
        for green in list(self._processes):
            if not green.dead and green:
                green.throw(Crash("the run is over"))
        self._processes.clear()

    def _body(self, process: Process) -> None:
        died = False
        try:
            process.run()
        except Crash:
            died = True
        except Exception as error:
            self.failures.append((process.name, error))
            self.say(f"FAILED {error!r}")
        finally:
            self._processes.pop(process.green, None)
        if process.when_over is not None:
            process.when_over(died)
