"""Who may knock: connections by code with their opened config, kept for a second.

A revoked secret or a changed connection is therefore noticed within two seconds, in every process.
"""

from __future__ import annotations

import hmac
import threading
import time
from dataclasses import dataclass
from typing import Any

from inventory_sync.connections import registry
from inventory_sync.connections.models import Connection
from inventory_sync.connections.services import hook_token_hash
from inventory_sync.domain.ports import Connector

TTL_S = 1.0


@dataclass(frozen=True, slots=True)
class Knocked:
    """A connection as the door needs it."""

    id: int
    code: str
    connector: Connector
    config: Any
    hook_token_hash: str


class Lookup:
    """Connections by code; safe to share between threads."""

    def __init__(self, *, ttl_s: float = TTL_S) -> None:
        self._ttl_s = ttl_s
        self._kept: dict[str, tuple[float, Knocked | None]] = {}
        self._lock = threading.Lock()

    def __call__(self, code: str) -> Knocked | None:
        """Return the connection, None when there is none. Raises database errors and Misconfigured."""
        now = time.monotonic()
        kept = self._kept.get(code)
        if kept is not None and now - kept[0] < self._ttl_s:
            return kept[1]
        # One thread looks again; the others go on with what is known, for at most one second longer.
        if kept is not None and now - kept[0] < 2 * self._ttl_s:
            if not self._lock.acquire(blocking=False):
                return kept[1]
        else:
            self._lock.acquire()
        try:
            again = self._kept.get(code)
            if again is not None and again is not kept and time.monotonic() - again[0] < self._ttl_s:
                return again[1]
            found = self._load(code)
            if len(self._kept) > 10_000:  # strangers trying names must not fill the memory
                self._kept.clear()
            self._kept[code] = (time.monotonic(), found)
            return found
        finally:
            self._lock.release()

    def _load(self, code: str) -> Knocked | None:
        row = Connection.objects.prefetch_related("secrets").filter(code=code).first()
        if row is None:
            return None
        return Knocked(
            id=row.pk,
            code=row.code,
            connector=registry.connector(row.connector),
            config=registry.config_of(row),
            hook_token_hash=row.hook_token_hash,
        )


def token_matches(known: Knocked, token: str) -> bool:
    return bool(known.hook_token_hash) and hmac.compare_digest(hook_token_hash(token), known.hook_token_hash)
