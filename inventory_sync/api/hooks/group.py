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


class GroupCommit(Generic[Row]):
    """`flush` stores and commits rows, and returns when they are durable; it runs in one thread only."""

    def __init__(
        self,
        flush: Callable[[Sequence[Row]], Sequence[int | None]],
        *,
        max_rows: int,
        wait_s: float,
        name: str = "door",
    ) -> None:
        self._flush = flush
        self._max_rows = max_rows
        self._wait_s = wait_s
        self._name = name
        self._queue: queue.SimpleQueue[tuple[Row, Future[int | None]]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()

    def submit(self, row: Row) -> Future[int | None]:
        """Return a future of the row's id, None for a duplicate; it fails when the row was not stored."""
        future: Future[int | None] = Future()
        self._queue.put((row, future))
        if self._thread is None or not self._thread.is_alive():
            self._begin()
        return future

    def _begin(self) -> None:
        """Start the writer lazily, after any fork of the web server."""
        with self._start:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._store(self._gather())

    def _gather(self) -> list[tuple[Row, Future[int | None]]]:
        batch = [self._queue.get()]
        deadline = time.monotonic() + self._wait_s
        while len(batch) < self._max_rows:
            left = deadline - time.monotonic()
            try:
                batch.append(self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _store(self, batch: list[tuple[Row, Future[int | None]]]) -> None:
        try:
            ids = self._flush([row for row, _ in batch])
        except Exception as error:  # noqa: BLE001 - every waiting request must get its answer
            if len(batch) == 1:
                batch[0][1].set_exception(error)
            else:
                for one in batch:
                    self._store([one])
            return
        for (_, future), delivery_id in zip(batch, ids, strict=True):
            future.set_result(delivery_id)
