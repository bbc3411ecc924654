"""How much waits to be drained, looked at every few seconds: refusing is for senders that try again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LOOK_EVERY_S = 5.0


class Backlog:
    """`count` may be slow and stale; it is asked by one thread at a time and never in a hurry."""

    def __init__(self, count: Callable[[], int], *, limit: int, every_s: float = LOOK_EVERY_S) -> None:
        self._count, self._limit, self._every_s = count, limit, every_s
        self._looked_at = -every_s
        self._too_much = False
        self._lock = threading.Lock()

    def is_too_much(self) -> bool:
        now = time.monotonic()
        if now - self._looked_at >= self._every_s and self._lock.acquire(blocking=False):
            try:
                self._looked_at = now
                self._too_much = self._count() > self._limit
            finally:
                self._lock.release()
        return self._too_much
