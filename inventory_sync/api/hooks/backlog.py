"""Whether the door must ask senders that repeat what is refused to come later; the others are never asked.

How much waits per tier, since when, and how full the disk is, looked at every few seconds by one request at a
time. The limits are declared in the settings.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

LOOK_EVERY_S = 5.0
BACKLOG, DISK_FULL = "hook.backlog", "hook.disk_full"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits on one tier."""

    rows: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class Pressure:
    """What was seen: tiers without a row wait for nothing."""

    tiers: Mapping[str, Waiting]
    disk_is_full: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Above these a tier's senders are asked to come later. 0 sets no limit."""

    rows: int
    oldest_s: int

    def exceeded_by(self, waiting: Waiting) -> bool:
        return bool(
            (self.rows and waiting.rows > self.rows) or (self.oldest_s and waiting.oldest_s > self.oldest_s)
        )


class Backlog:
    """`look` may be slow; it is asked by one thread at a time, and what it saw last holds while it fails."""

    def __init__(
        self, look: Callable[[], Pressure], *, limits: Limits, every_s: float = LOOK_EVERY_S
    ) -> None:
        self._look, self._limits, self._every_s = look, limits, every_s
        self._looked_at = -every_s
        self._seen = Pressure({})
        self._lock = threading.Lock()

    def refuses(self, tier: str) -> str:
        """Return why a message for this tier should come later, as an error code; "" when it should not."""
        now = time.monotonic()
        if now - self._looked_at >= self._every_s and self._lock.acquire(blocking=False):
            try:
                self._looked_at = now
                self._seen = self._look()
            except Exception as error:  # noqa: BLE001 - the insert will find out whether the database is there
                log.warning("hook.pressure_unknown", error=repr(error))
            finally:
                self._lock.release()
        if self._seen.disk_is_full:
            return DISK_FULL
        waiting = self._seen.tiers.get(tier)
        return BACKLOG if waiting is not None and self._limits.exceeded_by(waiting) else ""


def free_percent(path: str) -> float:
    """Return how much of the disk that holds `path` is free, in percent."""
    usage = shutil.disk_usage(path)
    return 100 * usage.free / usage.total
