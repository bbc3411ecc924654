"""Count what the door refuses, by code: a rate of refusals is an early word of trouble.

Counted in memory and added every few seconds, so that a storm of refused requests writes one row.
"""

from __future__ import annotations

import threading
import time
from collections import Counter

from django.db import Error as DatabaseError
from django.db import connection, transaction

EVERY_S = 5.0

_ADD = (
    "INSERT INTO pipeline_doortally AS t (code, count) VALUES (%s, %s)"
    " ON CONFLICT (code) DO UPDATE SET count = t.count + EXCLUDED.count"
)


class Tally:
    """Shared by the door's threads."""

    def __init__(self, *, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._counts: Counter[str] = Counter()
        self._added_at = -every_s
        self._lock = threading.Lock()

    def note(self, code: str) -> None:
        with self._lock:
            self._counts[code] += 1

    def add(self) -> None:
        """Add what was counted, if it is time and there is something; what cannot be added is kept."""
        with self._lock:
            if not self._counts or time.monotonic() - self._added_at < self._every_s:
                return
            counts, self._counts = self._counts, Counter()
            self._added_at = time.monotonic()
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                for code, count in sorted(counts.items()):
                    cursor.execute(_ADD, [code, count])
        except DatabaseError:
            with self._lock:
                self._counts += counts
