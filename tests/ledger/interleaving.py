"""Two sessions on PostgreSQL, led statement by statement through every order their statements can take.

A session stops before each statement and before its commit; who goes on is decided here. That a session waits
for a lock is read from PostgreSQL (pg_blocking_pids), never guessed from time. All schedules with at most so
many preemptions are tried, depth first: a schedule is the list of who went on where both could.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from queue import SimpleQueue
from typing import Any

from django.db import connection, transaction

from inventory_sync.ledger.rows import execute

Job = Callable[[], Any]
PATIENCE_S = 30.0


class Session:
    """A thread with a connection of its own, which takes one step when it is told to."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.result: Any = None
        self.error: BaseException | None = None
        self.pid = 0
        self.state = "idle"  # ready: stands before a step; running: in one, perhaps waiting for a lock
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._go = threading.Semaphore(0)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def begin(self, job: Job) -> None:
        """Run a job up to its first statement."""
        self.result, self.error, self.state = None, None, "running"
        self._stopped.clear()
        self._jobs.put(job)
        self._stopped.wait(PATIENCE_S)

    def step(self) -> None:
        """Let it take one step; it may be waiting for a lock when this returns."""
        self.state = "running"
        self._stopped.clear()
        self._go.release()

    def arrived(self, within_s: float) -> bool:
        return self._stopped.wait(within_s)

    def close(self) -> None:
        self._jobs.put(None)
        self._thread.join(PATIENCE_S)

    def _work(self) -> None:
        execute("SET application_name = 'interleaving'")
        assert connection.connection is not None
        self.pid = connection.connection.info.backend_pid
        while (job := self._jobs.get()) is not None:
            try:
                with connection.execute_wrapper(self._gated), transaction.atomic():
                    self.result = job()
                    self._gate()
            except Exception as error:
                self.error = error
            self.state = "done"
            self._stopped.set()
        connection.close()

    def _gated(self, run: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        self._gate()
        return run(sql, params, many, context)

    def _gate(self) -> None:
        self.state = "ready"
        self._stopped.set()
        self._go.acquire()


@dataclass(slots=True)
class Played:
    """One schedule: who went on at each point where there was a choice, and what came of it."""

    choices: list[int] = field(default_factory=list)
    options: list[int] = field(default_factory=list)  # how many could have gone on there
    free: list[bool] = field(default_factory=list)  # whether taking the other costs a preemption there
    steps: int = 0
    waits: int = 0
    errors: list[BaseException] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)


def play(sessions: tuple[Session, Session], jobs: tuple[Job, Job], prefix: list[int]) -> Played:
    """Run both jobs to their end: by the prefix first, then each as far as it goes."""
    played, last = Played(), 0
    for session, job in zip(sessions, jobs, strict=True):
        session.begin(job)
    while any(each.state != "done" for each in sessions):
        ready = [number for number, each in enumerate(sessions) if each.state == "ready"]
        if not ready:
            _look(sessions, played)  # both wait: PostgreSQL ends one of them, and it is an error
            continue
        if len(ready) == 2:
            place = len(played.choices)
            chosen = prefix[place] if place < len(prefix) else last
            played.choices.append(chosen)
            played.options.append(2)
            played.free.append(chosen == last)
        else:
            chosen = ready[0]
        last = chosen
        played.steps += 1
        sessions[chosen].step()
        _look(sessions, played)
    played.results = [each.result for each in sessions]
    played.errors = [each.error for each in sessions if each.error is not None]
    return played


def schedules(play_one: Callable[[list[int]], Played], *, preemptions: int) -> Iterator[Played]:
    """Play every schedule with at most so many preemptions; which of the two begins is free."""
    waiting: list[list[int]] = [[]]
    while waiting:
        prefix = waiting.pop()
        played = play_one(prefix)
        yield played
        for place in range(len(prefix), len(played.choices)):
            other = [*played.choices[:place], 1 - played.choices[place]]
            if _preemptions(other) <= preemptions:
                waiting.append(other)


def _preemptions(choices: list[int]) -> int:
    return sum(one != two for one, two in pairwise(choices))


def _look(sessions: tuple[Session, Session], played: Played) -> None:
    """Wait until every session that is in a step has ended it or surely waits for a lock."""
    for each in sessions:
        if each.state == "running":
            while not each.arrived(0.001):
                if _is_blocked(each.pid):
                    played.waits += 1
                    break


def _is_blocked(pid: int) -> bool:
    ((blocked,),) = execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", (pid,))
    return bool(blocked)
