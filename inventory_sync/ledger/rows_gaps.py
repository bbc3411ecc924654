"""Numbers a feed left out, in PostgreSQL. Part of PostgresLedger (store.py)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from inventory_sync.ledger.ports import OpenGap
from inventory_sync.ledger.rows import execute
from inventory_sync.ledger.types import LevelKey

_OPEN = """
SELECT id, connection_id, location_id, sequence, since FROM ledger_gap
WHERE state = 'open' AND location_id = ANY(%s) ORDER BY id FOR UPDATE
"""
_MARKED = "SELECT item_id, location_id, unknown_since FROM ledger_stocklevel WHERE unknown_since = ANY(%s)"
_CLOSE = "UPDATE ledger_gap SET state = %s, reason = %s, closed_at = %s WHERE id = ANY(%s)"
_NOTE = """
INSERT INTO ledger_gap (connection_id, location_id, sequence, state, since, opened_at, reason)
SELECT given.*, 'open', %s, %s, '' FROM (VALUES (%s::bigint, %s::bigint, %s::bigint))
    AS given(connection_id, location_id, sequence)
WHERE NOT EXISTS (SELECT FROM ledger_event e WHERE e.connection_id = given.connection_id
    AND e.location_id = given.location_id AND e.sequence = given.sequence)
ON CONFLICT DO NOTHING
"""
_HIGHEST = """
SELECT item_id, location_id, max(sequence) FROM ledger_event
WHERE connection_id = %s AND location_id = %s AND sequence > %s AND kind = 'delta' AND effective
GROUP BY item_id, location_id
"""


class GapRows:
    """The store's calls about gaps."""

    def open_gaps(self, location_ids: Collection[int]) -> list[OpenGap]:
        return [OpenGap(*row) for row in execute(_OPEN, (sorted(location_ids),))]

    def levels_marked(self, marks: Sequence[int]) -> dict[LevelKey, int]:
        return {(row[0], row[1]): row[2] for row in execute(_MARKED, (list(marks),))}

    def close_gaps(self, gap_ids: Collection[int], *, state: str, now: datetime, reason: str = "") -> None:
        if gap_ids:
            execute(_CLOSE, (state, reason, now, sorted(gap_ids)))

    def open_gap(
        self, connection_id: int, location_id: int, sequence: int, *, since: int, now: datetime
    ) -> None:
        execute(_NOTE, (since, now, connection_id, location_id, sequence))

    def highest_numbers(self, connection_id: int, location_id: int, *, above: int) -> dict[LevelKey, int]:
        found = execute(_HIGHEST, (connection_id, location_id, above))
        return {(row[0], row[1]): row[2] for row in found}
