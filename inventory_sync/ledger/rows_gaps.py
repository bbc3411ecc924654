"""Numbers a feed left out, in PostgreSQL. Part of PostgresLedger (store.py)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
# The numbers that came are asked for as a list: joined, the whole feed would be read from its index.
_NOTE = """
INSERT INTO ledger_gap (connection_id, location_id, sequence, state, since, opened_at, reason)
SELECT %s, %s, number, 'open', since, %s, '' FROM unnest(%s::bigint[], %s::bigint[]) AS one(number, since)
WHERE number <> ALL (ARRAY(SELECT e.sequence FROM ledger_event e
    WHERE e.connection_id = %s AND e.location_id = %s AND e.sequence = ANY(%s)))
ON CONFLICT DO NOTHING
"""
_MISSED = """
SELECT sequence FROM ledger_gap WHERE connection_id = %s AND location_id = %s AND sequence = ANY(%s)
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

    def missed(self, connection_id: int, location_id: int, numbers: Collection[int]) -> set[int]:
        return {row[0] for row in execute(_MISSED, (connection_id, location_id, sorted(numbers)))}

    def note_gaps(
        self, connection_id: int, location_id: int, numbers: Mapping[int, int], *, now: datetime
    ) -> None:
        feed, missing = (connection_id, location_id), list(numbers)
        execute(_NOTE, (*feed, now, missing, list(numbers.values()), *feed, missing))

    def highest_numbers(self, connection_id: int, location_id: int, *, above: int) -> dict[LevelKey, int]:
        found = execute(_HIGHEST, (connection_id, location_id, above))
        return {(row[0], row[1]): row[2] for row in found}
