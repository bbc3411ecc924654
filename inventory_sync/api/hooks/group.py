"""Group commit inside one process: many requests, one transaction, each answered after it committed.

A single writer thread gathers what arrives within a few milliseconds. A failed group is tried again row by
row, so one bad row fails its own request only.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

Row = TypeVar("Row")
Result = TypeVar("Result")


class GroupCommit(Generic[Row, Result]):
    """`flush` stores and commits rows, and returns a result for each when they are durable.

    It runs in one thread only, in the order of arrival. wait_s 0: only what arrives while a group commits
    shares the next; nobody waits for company.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Row]], Sequence[Result]],
        *,
        max_rows: int,
        wait_s: float,
        name: str = "door",
    ) -> None:
        self._flush = flush
        self._max_rows = max_rows
        self._wait_s = wait_s
        self._name = name
        self._queue: queue.SimpleQueue[tuple[Row, Future[Result]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()

    def waiting(self) -> int:
        """Return about how many rows wait for their turn."""
        return self._queue.qsize()

    def submit(self, row: Row) -> Future[Result]:
        """Return a future of the row's result; it fails when the row was not stored."""
        future: Future[Result] = Future()
        self._queue.put((row, future))
        if self._thread is None or not self._thread.is_alive():
            self._begin()
        return future

    def stop(self) -> None:
        """End the writer after what is queued; the next submit starts another."""
        if self._thread is not None and self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

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

    def _gather(self, first: tuple[Row, Future[Result]]) -> tuple[list[tuple[Row, Future[Result]]], bool]:
        """Return the batch that begins with this row, and whether to go on after it."""
        batch = [first]
        deadline = time.monotonic() + self._wait_s
        while len(batch) < self._max_rows:
            left = deadline - time.monotonic()
            try:
                found = self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait()
            except queue.Empty:
                break
            if found is None:
                return batch, False
            batch.append(found)
        return batch, True

    def _store(self, batch: list[tuple[Row, Future[Result]]]) -> None:
        try:
            results = self._flush([row for row, _ in batch])
        except Exception as error:  # noqa: BLE001 - every waiting request must get its answer
            if len(batch) == 1:
                batch[0][1].set_exception(error)
            else:
                for one in batch:
                    self._store([one])
            return
        for (_, future), result in zip(batch, results, strict=True):
            future.set_result(result)
