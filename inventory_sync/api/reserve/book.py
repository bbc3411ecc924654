"""The terms of every channel, kept for a second in each process (pipeline/terms.py reads them)."""

from __future__ import annotations

import threading
import time

from inventory_sync.pipeline.terms import Book, read_book

TTL_S = 1.0


class TermsBook:
    """The book, read again when it is older than a second."""

    def __init__(self, *, ttl_s: float = TTL_S) -> None:
        self._ttl_s = ttl_s
        self._read_at = -ttl_s
        self._book = Book()
        self._lock = threading.Lock()

    def __call__(self) -> Book:
        """Return the book; it is read by one thread at a time. Raises database errors."""
        with self._lock:
            now = time.monotonic()
            if now - self._read_at >= self._ttl_s:
                self._book = read_book()
                self._read_at = now
            return self._book
