"""One writer at a time per connection: orders, mirror and whatever else writes to the same system take turns.

A lease in a row, with a fencing token. Whoever outlived its lease may still have a call under way at the
vendor, so it only must not record what came of it: everything written carries a name that is safe to read
back. Lock order: the lease before the rows it guards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection as database

from inventory_sync.domain.errors import FenceLost

_CLAIM = """
INSERT INTO connections_writerlease AS w (connection_id, token, holder, lease_until)
VALUES (%(connection)s, 1, %(holder)s, %(until)s)
ON CONFLICT (connection_id) DO UPDATE
    SET token = w.token + 1, holder = excluded.holder, lease_until = excluded.lease_until
    WHERE w.lease_until IS NULL OR w.lease_until <= %(now)s
RETURNING token
"""
_RENEW = """
UPDATE connections_writerlease SET lease_until = %(until)s
WHERE connection_id = %(connection)s AND token = %(token)s
"""
_RELEASE = """
UPDATE connections_writerlease SET lease_until = NULL, holder = ''
WHERE connection_id = %(connection)s AND token = %(token)s
"""
_CHECK = """
SELECT token FROM connections_writerlease WHERE connection_id = %(connection)s FOR UPDATE
"""


@dataclass(frozen=True, slots=True)
class Writer:
    """A claim: who writes to the connection now."""

    connection_id: int
    token: int
    holder: str
    lease_until: datetime


def claim(connection_id: int, holder: str, *, now: datetime, until: datetime) -> Writer | None:
    """Return the claim, or None while somebody else writes."""
    values: dict[str, Any] = {"connection": connection_id, "holder": holder, "now": now, "until": until}
    row = _one(_CLAIM, values)
    return Writer(connection_id, int(row[0]), holder, until) if row else None


def renew(writer: Writer, *, until: datetime) -> Writer:
    """Return the claim, lasting longer. Raises FenceLost when another has taken over.

    A lease that ran out and that nobody took is still ours.
    """
    values: dict[str, Any] = {"connection": writer.connection_id, "token": writer.token, "until": until}
    with database.cursor() as cursor:
        cursor.execute(_RENEW, values)
        if cursor.rowcount != 1:
            raise _lost(writer)
    return replace(writer, lease_until=until)


def check(writer: Writer) -> None:
    """Hold the lease until the caller's transaction ends. Raises FenceLost when another has taken over.

    Call it first in every transaction that records what came of writing.
    """
    row = _one(_CHECK, {"connection": writer.connection_id})
    if row is None or row[0] != writer.token:
        raise _lost(writer)


def release(writer: Writer) -> None:
    """Let the next one write; nothing happens when another has taken over."""
    with database.cursor() as cursor:
        cursor.execute(_RELEASE, {"connection": writer.connection_id, "token": writer.token})


def _one(sql: str, values: dict[str, Any]) -> tuple[Any, ...] | None:
    with database.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()


def _lost(writer: Writer) -> FenceLost:
    return FenceLost(f"Another writer has taken over connection {writer.connection_id} from {writer.holder}.")
