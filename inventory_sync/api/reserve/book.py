"""The terms of every channel, kept for a second in each process (pipeline/terms.py reads them)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from django.db import DatabaseError

from inventory_sync.pipeline.terms import Book, read_book
from inventory_sync.support.clock import utc_now

TTL_S = 1.0
AHEAD = 0.6  # of that time, after which somebody who need not hurry may read it again


class TermsBook:
    """The book, read again when it is older than a second."""

    def __init__(
        self,
        *,
        ttl_s: float = TTL_S,
        read: Callable[[], Book] = lambda: read_book(now=utc_now()),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ttl_s, self._read, self._monotonic = ttl_s, read, monotonic
        self._read_at = -ttl_s
        self._book = Book()
        self._lock = threading.Lock()

    def __call__(self) -> Book:
        """Return the book; it is read by one thread at a time. Raises database errors."""
        with self._lock:
            if self._monotonic() - self._read_at >= self._ttl_s:
                self._again()
            return self._book

    def current(self) -> bool:
        """Say whether it need not be read again soon."""
        return self._monotonic() - self._read_at < self._ttl_s * AHEAD

    def look_ahead(self) -> None:
        """Read it again if it is nearly too old: for a thread that keeps no group waiting meanwhile."""
        age = self._monotonic() - self._read_at
        if not self._ttl_s * AHEAD <= age < self._ttl_s or not self._lock.acquire(blocking=False):
            return
        try:
            with suppress(DatabaseError):  # who needs it finds out
                self._again()
        finally:
            self._lock.release()

    def _again(self) -> None:
        now = self._monotonic()
        self._book = self._read()
        self._read_at = now
