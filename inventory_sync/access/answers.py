"""Answers kept under a caller's own name for a request, so that asking again is answered and not done again.

A name is claimed and its answer written in the transaction that does what was asked: either both are there or
neither. Who claims a name that another transaction holds waits for its end. Does not know what was asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from inventory_sync.access.models import KeptAnswer

Name = tuple[int, str]
"""An API key and its caller's name for a request."""

_CLAIM = """
INSERT INTO access_keptanswer AS kept (key_id, name, fingerprint, status, body, at)
SELECT key_id, name, fingerprint, 0, '', %s
FROM unnest(%s::bigint[], %s::text[], %s::bytea[]) AS given(key_id, name, fingerprint) ORDER BY key_id, name
ON CONFLICT (key_id, name) DO UPDATE
    SET fingerprint = EXCLUDED.fingerprint, status = 0, body = '', at = EXCLUDED.at WHERE kept.at < %s
RETURNING key_id, name
"""
_KEPT = """
SELECT kept.key_id, kept.name, kept.fingerprint, kept.status, kept.body FROM access_keptanswer kept
JOIN unnest(%s::bigint[], %s::text[]) AS given(key_id, name) USING (key_id, name)
"""
_WRITE = """
UPDATE access_keptanswer kept SET status = given.status, body = given.body
FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::bytea[]) AS given(key_id, name, status, body)
WHERE kept.key_id = given.key_id AND kept.name = given.name
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was given, and what tells the request it answers from others."""

    fingerprint: bytes
    status: int
    body: bytes


def claim(asked: Mapping[Name, bytes], *, now: datetime, oldest: datetime) -> dict[Name, Kept]:
    """Take these names with their fingerprints; returns the answers of those that were taken since `oldest`.

    Inside the caller's transaction, which writes an answer to every name it was not given one for.
    """
    names = sorted(asked)
    keys, words = [key for key, _ in names], [name for _, name in names]
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [now, keys, words, [asked[name] for name in names], oldest])
        ours = set(cursor.fetchall())
        if len(ours) == len(names):
            return {}
        cursor.execute(_KEPT, [keys, words])
        return {
            (key, name): Kept(bytes(fingerprint), status, bytes(body))
            for key, name, fingerprint, status, body in cursor.fetchall()
            if (key, name) not in ours
        }


def write(answers: Sequence[tuple[Name, int, bytes]]) -> None:
    """Write status and body of names claimed in this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE,
            [
                [key for (key, _), _, _ in answers],
                [name for (_, name), _, _ in answers],
                [status for _, status, _ in answers],
                [body for _, _, body in answers],
            ],
        )


def forget(*, before: datetime, at_once: int = 5_000) -> int:
    """Drop every answer given before a moment, so many in one transaction; returns how many went."""
    total = 0
    while True:
        old = KeptAnswer.objects.filter(at__lt=before).order_by("at").values("pk")[:at_once]
        gone, _ = KeptAnswer.objects.filter(pk__in=old).delete()
        total += gone
        if gone < at_once:
            return total
