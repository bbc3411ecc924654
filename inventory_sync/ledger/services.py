"""The queue of dirty items, for rooms above: mark, claim, settle, set aside, in the caller's transaction.

A claim locks the item (FOR NO KEY UPDATE SKIP LOCKED on catalog_item), not its dirty row: whoever posts may
mark a claimed item again without waiting for the computation. Claiming and settling never wait for a lock.

Does not post events or decide orders (post, orders); those mark what they touch themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import connection

_MARK = """
INSERT INTO ledger_dirtyitem (item_id, version, since, urgent, correlation_id)
SELECT given.item_id, 1, %s, %s, %s FROM unnest(%s::bigint[]) AS given (item_id) ORDER BY given.item_id
ON CONFLICT (item_id) DO UPDATE SET version = ledger_dirtyitem.version + 1,
    urgent = ledger_dirtyitem.urgent OR excluded.urgent,
    correlation_id = CASE excluded.correlation_id WHEN '' THEN ledger_dirtyitem.correlation_id
        ELSE excluded.correlation_id END
"""
_CLAIM = """
SELECT i.id FROM ledger_dirtyitem d JOIN catalog_item i ON i.id = d.item_id
WHERE d.urgent = %s AND NOT d.item_id = ANY(%s::bigint[]) AND (d.not_before IS NULL OR d.not_before <= %s)
ORDER BY d.since LIMIT %s
FOR NO KEY UPDATE OF i SKIP LOCKED
"""
# The time as text: Python reads that many times faster than the driver's own way round.
_READ = """
SELECT item_id, version, urgent, to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    correlation_id, not_before IS NOT NULL
FROM ledger_dirtyitem WHERE item_id = ANY((SELECT %s::bigint[])::bigint[])
"""
_SET_ASIDE = "UPDATE ledger_dirtyitem SET not_before = %s WHERE item_id = %s"
# The ids a second time, out of a subquery: looked up by index, however long the queue is.
_SETTLE = """
DELETE FROM ledger_dirtyitem WHERE ctid = ANY(ARRAY(
    SELECT d.ctid FROM ledger_dirtyitem d
    JOIN unnest(%(ids)s::bigint[], %(versions)s::bigint[]) AS done (item_id, version)
      ON done.item_id = d.item_id AND done.version = d.version
    WHERE d.item_id = ANY((SELECT %(ids)s::bigint[])::bigint[])
    FOR UPDATE OF d SKIP LOCKED
))
"""

DirtyRow = tuple[int, int, bool, datetime, str, bool]


def array_of(numbers: Iterable[int]) -> str:
    """Return whole numbers as the literal of an array: thousands of them cost the driver next to nothing."""
    return "{" + ",".join(map(str, numbers)) + "}"


def words_of(texts: Iterable[str]) -> str:
    """Return texts as the literal of an array, every one in quotes."""
    quoted = '","'.join([each.replace("\\", "\\\\").replace('"', '\\"') for each in texts])
    return '{"' + quoted + '"}'


def mark_items_dirty(
    item_ids: Collection[int], *, now: datetime, urgent: bool = False, correlation_id: str = ""
) -> None:
    """Have the figures of these items computed again: a mapping, a recipe, a policy or a pool changed."""
    if item_ids:
        with connection.cursor() as cursor:
            cursor.execute(_MARK, [now, urgent, correlation_id, array_of(sorted(set(item_ids)))])


def claim_dirty(limit: int, *, now: datetime) -> list[DirtyRow]:
    """Hold up to limit dirty items that nobody holds; an item set aside is left until its time.

    Returns (item, version, urgent, since, correlation id, whether it was set aside before): half from
    the urgent ones, the rest oldest first; either kind fills up for the other.
    """
    taken: list[int] = []
    with connection.cursor() as cursor:
        for urgent, share in ((True, (limit + 1) // 2), (False, limit), (True, limit)):
            if len(taken) < share:
                cursor.execute(_CLAIM, [urgent, array_of(taken), now, share - len(taken)])
                taken += [item_id for (item_id,) in cursor.fetchall()]
        if not taken:
            return []
        # Only what is read under the locks is sure: another worker may have settled an item just before.
        cursor.execute(_READ, [array_of(taken)])
        when = datetime.fromisoformat
        return [
            (item_id, version, urgent, when(since), cause, aside)
            for item_id, version, urgent, since, cause, aside in cursor.fetchall()
        ]


def settle_dirty(done: Collection[tuple[int, int]]) -> None:
    """Forget these (item, version), except where the item was marked again since."""
    if done:
        with connection.cursor() as cursor:
            ids, versions = zip(*done, strict=True)
            cursor.execute(_SETTLE, {"ids": array_of(ids), "versions": array_of(versions)})


def set_dirty_aside(item_id: int, *, until: datetime) -> None:
    """Have nobody claim this item before then: it fails. Marking it again does not end the wait."""
    with connection.cursor() as cursor:
        cursor.execute(_SET_ASIDE, [until, item_id])
