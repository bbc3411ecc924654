"""Stock levels and dirty items in PostgreSQL. Part of PostgresLedger (store.py)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db import connection

from inventory_sync.domain.levels import LevelState, Mode
from inventory_sync.domain.reports import Count, Position
from inventory_sync.ledger.rows import execute, execute_by_index, unzip
from inventory_sync.ledger.types import LevelKey

_MODES = {mode.value: mode for mode in Mode}
NEAR_ZERO = 3  # base units left at a place that make an item urgent

_CREATE = """
INSERT INTO ledger_stocklevel (item_id, location_id, on_hand, unavailable, known, count_key, version,
    changed_at)
SELECT given.item_id, given.location_id, 0, 0, place.complete_since IS NOT NULL, '', 0, now()
FROM unnest(%s::bigint[], %s::bigint[]) AS given(item_id, location_id)
JOIN catalog_location place ON place.id = given.location_id
WHERE (SELECT l.id FROM ledger_stocklevel l
    WHERE l.item_id = given.item_id AND l.location_id = given.location_id) IS NULL
ORDER BY given.item_id, given.location_id ON CONFLICT DO NOTHING RETURNING item_id, location_id
"""
# One at a time, in the order given, each by its index: that order is the lock order.
_LOCK = """
SELECT l.item_id, l.location_id, place.mode, l.on_hand, l.known, l.version, l.count_key, l.count_quantity,
    l.counted_at, l.count_sequence, l.reading, l.reserved, l.unknown_since, l.unavailable, l.unassigned,
    l.last_known_free
FROM (
    SELECT level.* FROM unnest(%s::bigint[], %s::bigint[]) AS given(item_id, location_id)
    CROSS JOIN LATERAL (
        SELECT * FROM ledger_stocklevel s
        WHERE s.item_id = given.item_id AND s.location_id = given.location_id FOR NO KEY UPDATE
    ) AS level OFFSET 0
) AS l JOIN catalog_location place ON place.id = l.location_id
"""
_SAVE = """
UPDATE ledger_stocklevel l SET on_hand = given.on_hand, known = given.known, version = given.version,
    count_key = given.count_key, count_quantity = given.count_quantity, counted_at = given.counted_at,
    count_sequence = given.count_sequence, reading = given.reading, reserved = given.reserved,
    unknown_since = given.unknown_since, unavailable = given.unavailable, unassigned = given.unassigned,
    last_known_free = CASE WHEN given.known THEN NULL WHEN NOT l.known THEN l.last_known_free
        ELSE l.on_hand - l.unavailable - l.reserved - l.unassigned - coalesce((SELECT o.quantity
            FROM ledger_owed o WHERE o.item_id = l.item_id AND o.location_id = l.location_id), 0) END,
    changed_at = %s
FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[], %s::boolean[], %s::bigint[], %s::text[],
    %s::numeric[], %s::timestamptz[], %s::bigint[], %s::bigint[], %s::numeric[], %s::bigint[],
    %s::numeric[], %s::numeric[])
    AS given(item_id, location_id, on_hand, known, version, count_key, count_quantity, counted_at,
        count_sequence, reading, reserved, unknown_since, unavailable, unassigned)
WHERE l.item_id = given.item_id AND l.location_id = given.location_id
"""
_SAVE_ON_HAND = """
UPDATE ledger_stocklevel l SET on_hand = given.on_hand, version = l.version + 1, changed_at = %s
FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[]) AS given(item_id, location_id, on_hand)
WHERE l.item_id = given.item_id AND l.location_id = given.location_id
"""
_LOWER = """
UPDATE ledger_stocklevel l SET last_known_free = l.last_known_free - given.fall
FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[]) AS given(item_id, location_id, fall)
WHERE l.item_id = given.item_id AND l.location_id = given.location_id AND NOT l.known
"""
_KEYS = """
SELECT item_id, location_id FROM ledger_stocklevel
WHERE location_id = ANY(%s) AND (%s::bigint[] IS NULL OR item_id = ANY(%s)) ORDER BY item_id, location_id
"""
_OWED = """
SELECT item_id, location_id, coalesce(o.quantity, 0) AS owed
FROM unnest(%s::bigint[], %s::bigint[]) AS given(item_id, location_id)
LEFT JOIN ledger_owed o USING (item_id, location_id)
"""
_FREE = f"""
SELECT item_id, location_id,
    coalesce(l.on_hand - l.unavailable - l.reserved - l.unassigned, 0) - debt.owed
FROM ({_OWED}) AS debt LEFT JOIN ledger_stocklevel l USING (item_id, location_id)
"""  # noqa: S608
_DIRTY = """
INSERT INTO ledger_dirtyitem (item_id, version, since, urgent, correlation_id)
SELECT touched.item_id, 1, %s, bool_or(coalesce(touched.on_hand, (
        SELECT l.on_hand FROM ledger_stocklevel l
        WHERE l.item_id = touched.item_id AND l.location_id = touched.location_id
    ), 0) - coalesce((
        SELECT debt.quantity FROM ledger_owed debt
        WHERE debt.item_id = touched.item_id AND debt.location_id = touched.location_id
    ), 0) <= %s), max(touched.why)
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::numeric[])
    AS touched(item_id, location_id, why, on_hand)
GROUP BY touched.item_id ORDER BY touched.item_id
ON CONFLICT (item_id) DO UPDATE SET version = ledger_dirtyitem.version + 1,
    urgent = ledger_dirtyitem.urgent OR excluded.urgent,
    correlation_id = CASE excluded.correlation_id WHEN '' THEN ledger_dirtyitem.correlation_id
        ELSE excluded.correlation_id END
"""


class LevelRows:
    """The store's calls about levels and dirty items."""

    def lock_levels(
        self, keys: Collection[LevelKey], *, create: Collection[LevelKey]
    ) -> Mapping[LevelKey, LevelState]:
        wanted = {*keys, *create}
        if not wanted:
            return {}
        unseen = _standing.unseen(create)
        made = _create(unseen)
        found = _Locked(wanted)
        if len(found) < len(wanted) and (missing := {*create} - found.keys()):
            # Seen once and gone: rolled back with what made it, or the database is another one now.
            _standing.forget()
            _create(missing)
            return {**found, **_Locked(missing)}
        _standing.add(unseen - made)
        return found

    def save_levels(self, levels: Mapping[LevelKey, LevelState], *, now: datetime) -> None:
        if not levels:
            return
        given = [
            (
                *key,
                level.on_hand,
                level.known,
                level.version,
                level.count.key if level.count else "",
                level.count.quantity if level.count else None,
                level.count.at.occurred_at if level.count else None,
                level.count.at.sequence if level.count else None,
                level.reading,
                level.reserved,
                level.unknown_since,
                level.unavailable,
                level.unassigned,
            )
            for key, level in levels.items()
        ]
        execute_by_index(_SAVE, (now, *unzip(given, 14)))

    def save_on_hand(self, on_hand: Mapping[LevelKey, Decimal], *, now: datetime) -> None:
        if on_hand:
            execute_by_index(_SAVE_ON_HAND, (now, *unzip([(*key, left) for key, left in on_hand.items()], 3)))

    def lower_last_known(self, falls: Mapping[LevelKey, Decimal]) -> None:
        if falls:
            execute(_LOWER, unzip([(*key, fall) for key, fall in sorted(falls.items())], 3))

    def level_keys(
        self, location_ids: Collection[int], item_ids: Collection[int] | None = None
    ) -> list[LevelKey]:
        items = None if item_ids is None else sorted(item_ids)
        return [(row[0], row[1]) for row in execute(_KEYS, (sorted(location_ids), items, items))]

    def owed(self, keys: Collection[LevelKey]) -> dict[LevelKey, Decimal]:
        return {(row[0], row[1]): row[2] for row in execute(_OWED, unzip(sorted(keys), 2))}

    def free(self, keys: Collection[LevelKey]) -> dict[LevelKey, Decimal]:
        return {(row[0], row[1]): row[2] for row in execute(_FREE, unzip(sorted(keys), 2))}

    def mark_dirty(
        self,
        touched: Mapping[LevelKey, str],
        *,
        now: datetime,
        on_hand: Mapping[LevelKey, Decimal] | None = None,
    ) -> None:
        if touched:
            left = on_hand or {}
            given = [(*key, why, left.get(key)) for key, why in touched.items()]
            execute(_DIRTY, (now, NEAR_ZERO, *unzip(given, 4)))


class _Standing:
    """Levels this process found standing: none is ever removed, so nobody need look again whether to make it.

    That look costs as much as locking does. A hint, no more: lock_levels() sees what is missing. Bounded.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: set[LevelKey] = set()

    def unseen(self, keys: Collection[LevelKey]) -> set[LevelKey]:
        return {*keys} - self._seen

    def add(self, keys: Collection[LevelKey]) -> None:
        if len(self._seen) + len(keys) > self._most:
            self._seen.clear()
        self._seen.update(keys)

    def forget(self) -> None:
        self._seen.clear()


_standing = _Standing(most=65_536)


def _create(keys: Collection[LevelKey]) -> set[LevelKey]:
    """Make the levels that are not there; returns those made."""
    return {(row[0], row[1]) for row in execute(_CREATE, unzip(sorted(keys), 2))} if keys else set()


class _Locked(Mapping[LevelKey, LevelState]):
    """Locked levels, made of their rows when one is asked for: the server may be at work again by then."""

    def __init__(self, keys: Collection[LevelKey]) -> None:
        self._cursor = connection.cursor()
        self._cursor.execute(_LOCK, unzip(sorted(keys), 2))
        self._number = int(self._cursor.rowcount)

    @cached_property
    def _levels(self) -> dict[LevelKey, LevelState]:
        with self._cursor as cursor:
            return {(row[0], row[1]): _level(*row[2:]) for row in cursor.fetchall()}

    def __getitem__(self, key: LevelKey) -> LevelState:
        return self._levels[key]

    def __iter__(self) -> Iterator[LevelKey]:
        return iter(self._levels)

    def __len__(self) -> int:
        return self._number


def _level(
    mode: str,
    on_hand: Decimal,
    known: bool,
    version: int,
    count_key: str,
    counted: Decimal | None,
    counted_at: datetime | None,
    count_sequence: int | None,
    *rest: Any,
) -> LevelState:
    """Return the state of a row of _LOCK; by position, for there is one a level of every batch."""
    if counted is None or counted_at is None:
        count = None
    else:
        count = Count(count_key, counted, Position(counted_at, count_sequence))
    return LevelState(_MODES[mode], on_hand, known, version, count, *rest)
