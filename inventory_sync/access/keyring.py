"""Keys that were found valid, kept for a second in each process: checking one again costs microseconds.

What opens is decided by verify() in services.py and nowhere else. A key that is revoked, or ends, opens
nothing a second later in every process. Only a keyed digest of a key is kept here, never the key; keys that
open nothing are not kept, so that guessing costs the guesser a query each time.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from inventory_sync.access.services import verify

TTL_S = 1.0
AHEAD = 0.6  # of that time, after which one of those who ask looks again
MOST = 10_000


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A valid key as a door needs it; no channels: all of them."""

    consumer: str
    scopes: frozenset[str]
    channels: frozenset[str]
    expires_at: datetime | None
    id: int = 0

    def at(self, now: datetime) -> KnownKey | None:
        """Return the key unless it has ended by then."""
        return None if self.expires_at is not None and self.expires_at <= now else self

    def may(self, scope: str, channel: str) -> bool:
        return scope in self.scopes and (not self.channels or channel in self.channels)


class KeyRing:
    """Valid keys by digest; safe to share between threads."""

    def __init__(self, *, ttl_s: float = TTL_S, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ttl_s = ttl_s
        self._monotonic = monotonic
        self._pepper = secrets.token_bytes(32)
        self._kept: dict[bytes, tuple[float, KnownKey]] = {}
        self._asking = threading.Lock()

    def __call__(self, raw_key: str, *, now: datetime) -> KnownKey | None:
        """Return the key if it was valid within the last second, else None. Raises database errors."""
        digest = self._digest(raw_key)
        kept = self._kept.get(digest)
        if kept is None:
            return self._ask(raw_key, digest, now=now)
        age = self._monotonic() - kept[0]
        if age >= self._ttl_s:
            # One thread asks for all of them, for each would need a connection of its own; but when the
            # database is away, nobody waits for the others to find out first.
            alone = self._asking.acquire(timeout=self._ttl_s)
            try:
                again = self._kept.get(digest)
                if again is None or self._monotonic() - again[0] >= self._ttl_s:
                    return self._ask(raw_key, digest, now=now)
                kept = again
            finally:
                if alone:
                    self._asking.release()
        elif age >= self._ttl_s * AHEAD and self._asking.acquire(blocking=False):
            try:  # before it is too old, so that the others need not wait
                return self._ask(raw_key, digest, now=now)
            finally:
                self._asking.release()
        return kept[1].at(now)

    def kept(self, raw_key: str, *, now: datetime) -> KnownKey | None:
        """Return a key that was looked at so lately that nobody need look again; asks nobody itself."""
        kept = self._kept.get(self._digest(raw_key))
        if kept is None or self._monotonic() - kept[0] >= self._ttl_s * AHEAD:
            return None
        return kept[1].at(now)

    def _digest(self, raw_key: str) -> bytes:
        return hashlib.blake2b(raw_key.encode(), key=self._pepper, digest_size=32).digest()

    def _ask(self, raw_key: str, digest: bytes, *, now: datetime) -> KnownKey | None:
        asked_at = self._monotonic()
        key = verify(raw_key, now=now)
        if key is None:
            self._kept.pop(digest, None)
            return None
        found = KnownKey(key.consumer, frozenset(key.scopes), frozenset(key.channels), key.expires_at, key.pk)
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[digest] = (asked_at, found)
        return found
