"""Group commit inside one process: many requests, one transaction, each answered after it committed.

A single writer thread gathers what arrives within a few milliseconds. A failed group is tried again by
halves, so one bad row fails its own request only. Whoever gave up waiting before a group was begun is left
out.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar, cast

Row = TypeVar("Row")
Result = TypeVar("Result")
Told = TypeVar("Told", covariant=True)


class WrongCount(Exception):
    """A flush returned other than one result a row: it committed, but nobody can tell whose is what."""


class Awaited(Protocol[Told]):
    """What a thread waits on."""

    def result(self, timeout: float) -> Told: ...


class Ticket(Generic[Result]):
    """What a caller waits on: a result, or why there is none. One lock, for one waiter at a time."""

    __slots__ = ("_error", "_lock", "_result", "_tell", "given_up")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._tell: Callable[[], object] | None = None
        self.given_up = False

    def give_up(self) -> None:
        """Say that nobody waits any more: a row whose turn has not come is not stored."""
        self.given_up = True

    def when_done(self, tell: Callable[[], object]) -> None:
        """Have `tell` called when the result is there, by the thread that brings it; perhaps twice."""
        self._tell = tell
        if self.done():
            tell()

    def done(self) -> bool:
        return not self._lock.locked()

    def result(self, timeout: float) -> Result:
        """Return the result, or raise what went wrong; TimeoutError when it takes too long."""
        if not self._lock.acquire(timeout=timeout):
            raise TimeoutError("no result yet")
        self._lock.release()
        if self._error is not None:
            raise self._error
        return cast(Result, self._result)

    def set_result(self, result: Result) -> None:
        self._result = result
        self._arrived()

    def set_exception(self, error: BaseException) -> None:
        self._error = error
        self._arrived()

    def _arrived(self) -> None:
        self._lock.release()
        if self._tell is not None:
            self._tell()


class GroupCommit(Generic[Row, Result]):
    """`flush` stores and commits rows, and returns a result for each when they are durable.

    It runs in one thread only, in the order of arrival. What arrives while a group commits shares the next,
    and a group waits wait_s for more company. in_company: it waits only if the one before was not alone, so
    that a single caller never waits.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Row]], Sequence[Result]],
        *,
        max_rows: int,
        wait_s: float,
        in_company: bool = False,
        name: str = "door",
    ) -> None:
        self._flush = flush
        self._max_rows = max_rows
        self._wait_s = wait_s
        self._in_company = in_company
        self._last = 0
        self._name = name
        self._queue: queue.SimpleQueue[tuple[Row, Ticket[Result]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()

    def waiting(self) -> int:
        """Return about how many rows wait for their turn."""
        return self._queue.qsize()

    def submit(self, row: Row) -> Ticket[Result]:
        """Return a ticket for the row's result; it fails when the row was not stored."""
        ticket: Ticket[Result] = Ticket()
        self._queue.put((row, ticket))
        if self._thread is None or not self._thread.is_alive():
            self._begin()
        return ticket

    def stop(self, *, patience_s: float = 10.0) -> None:
        """End the writer after what is queued, or leave it after a while; the next submit starts another."""
        if self._thread is not None and self._thread.is_alive():
            self._queue.put(None)
            self._thread.join(patience_s)

    def _begin(self) -> None:
        """Start the writer lazily, after any fork of the web server."""
        with self._start:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, more = self._gather(first)
            self._store(batch)
            if not more:
                return

    def _gather(self, first: tuple[Row, Ticket[Result]]) -> tuple[list[tuple[Row, Ticket[Result]]], bool]:
        """Return the batch that begins with this row, and whether to go on after it."""
        batch = [first]
        deadline = time.monotonic() + self._wait_s
        if self._in_company:
            if self._last > 1:
                time.sleep(self._wait_s)  # once for all: each of them would wake this thread
            deadline = 0.0
        while len(batch) < self._max_rows:
            left = deadline - time.monotonic()
            try:
                found = self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait()
            except queue.Empty:
                break
            if found is None:
                return batch, False
            batch.append(found)
        self._last = len(batch)
        return batch, True

    def _store(self, gathered: list[tuple[Row, Ticket[Result]]]) -> None:
        batch = [(row, ticket) for row, ticket in gathered if not ticket.given_up]
        if not batch:
            return
        try:
            results = self._flush([row for row, _ in batch])
        except Exception as error:  # noqa: BLE001 - every waiting request must get its answer
            if len(batch) == 1:
                batch[0][1].set_exception(error)
            else:
                half = len(batch) // 2
                self._store(batch[:half])
                self._store(batch[half:])
            return
        if len(results) != len(batch):  # committed: not to be done again, and nobody's answer is certain
            for _, ticket in batch:
                ticket.set_exception(WrongCount(f"{len(results)} results for {len(batch)} rows"))
            return
        for (_, ticket), result in zip(batch, results, strict=True):
            ticket.set_result(result)
