"""Event keys in PostgreSQL: what makes an event count once. Part of PostgresLedger (store.py).

A key is one row, whatever partition its event is in. Inserting it makes other sessions with the same key
wait until this one has committed or rolled back; whoever then finds it there knows what counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from inventory_sync.ledger.rows import execute, unanswered, unzip

Key = tuple[int, str]  # connection id, key


class Counting(NamedTuple):
    """The revision of a key that counts, and where its event is."""

    revision: int
    event_id: int
    recorded_at: datetime


_CLAIM = """
INSERT INTO ledger_eventkey (connection_id, key, revision, event_id, recorded_at)
SELECT connection_id, key, revision, event_id, %s
FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::bigint[])
    WITH ORDINALITY AS given(connection_id, key, revision, event_id, place)
ORDER BY place ON CONFLICT DO NOTHING
"""
_COUNTING = """
SELECT k.connection_id, k.key, k.revision, k.event_id, k.recorded_at
FROM unnest(%s::bigint[], %s::text[]) AS given(connection_id, key)
JOIN ledger_eventkey k ON k.connection_id = given.connection_id AND k.key = given.key
"""
_LOCK = f'{_COUNTING} ORDER BY k.connection_id, k.key COLLATE "C" FOR NO KEY UPDATE OF k'
_MOVE = """
UPDATE ledger_eventkey k SET revision = given.revision, event_id = given.event_id, recorded_at = %s
FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::bigint[])
    AS given(connection_id, key, revision, event_id)
WHERE k.connection_id = given.connection_id AND k.key = given.key
"""


@dataclass(slots=True)
class Claim:
    """How many of the keys claimed were new: known when the block of claiming() has ended."""

    new: int = 0


@contextmanager
def claiming(rows: Sequence[tuple[int, str, int, int]], *, now: datetime) -> Iterator[Claim]:
    """Insert (connection, key, revision, event id) in the order given, while the block runs.

    The order must be that of (connection, key) by code point: two sessions then wait for each other at most
    one way round.
    """
    claim = Claim()
    with connection.cursor() as cursor:
        with unanswered():
            cursor.execute(_CLAIM, (now, *unzip(rows, 4)))
            yield claim
        claim.new = cursor.rowcount


def counting(keys: Collection[Key], *, lock: bool = False) -> dict[Key, Counting]:
    """Return what counts of each key that exists; locked in order, if asked for."""
    if not keys:
        return {}
    found = execute(_LOCK if lock else _COUNTING, unzip(sorted(keys), 2))
    return {(row[0], row[1]): Counting(*row[2:]) for row in found}


def move(rows: Sequence[tuple[int, str, int, int]], *, now: datetime) -> None:
    """Have other revisions of these keys count, which are locked."""
    execute(_MOVE, (now, *unzip(rows, 4)))
