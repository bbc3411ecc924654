"""Put movements that a mirror is owed into documents, each once: marks, the comparison, and the cut.

Why the ids above a mark are all there are, and all committed: the ledger has one function that inserts
movements (ledger/apply.py, `store.writing_movements`; the COPY in ledger/rows_events.py), and it runs after
`store.lock_levels` of the same transaction, which locks the row of every level it posts to until the commit
(FOR NO KEY UPDATE, ledger/rows_levels.py). Ids come from the table's sequence while the lines are copied, so
under the lock. Whoever holds a level's lock therefore sees every movement of it that has an id, and later
ones get higher ids. Only ids of one level are compared: across levels none of this holds.

Mark and documents are written in one transaction under those locks: nothing is lost or in two documents.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection as database
from django.db import transaction

from inventory_sync.domain.errors import NotMappedThere, QuantityInexact, SyncError
from inventory_sync.domain.units import Factor, InexactQuantity, to_base
from inventory_sync.propagation.mirror_names import write_documents
from inventory_sync.propagation.mirror_sums import Moved, NewLine, Summed, in_documents, summed
from inventory_sync.support.columns import unzip

WAIT_FOR_MAPPING = timedelta(minutes=5)

LevelKey = tuple[int, int]  # item, location

# Rows are changed under the lock of their level only, so two who mark never meet in one.
_MARK = """
INSERT INTO propagation_mirrorlevel (place_id, item_id, due_since, error_code, error_detail)
SELECT place.id, given.item_id, %s, '', ''
FROM unnest(%s::bigint[], %s::bigint[]) AS given(item_id, location_id)
JOIN propagation_mirrorplace place ON place.location_id = given.location_id AND place.until IS NULL
ORDER BY place.id, given.item_id
ON CONFLICT (place_id, item_id) DO UPDATE SET due_since = excluded.due_since
    WHERE propagation_mirrorlevel.due_since IS NULL
RETURNING place_id
"""
# The newest movement of each level by the index on (item, id); what is above the mark was told by nobody.
_BEHIND = """
SELECT l.item_id FROM ledger_stocklevel l
JOIN propagation_mirrorplace place ON place.id = %(place)s
LEFT JOIN propagation_mirrorlevel m ON m.place_id = place.id AND m.item_id = l.item_id
WHERE l.location_id = place.location_id AND m.due_since IS NULL AND EXISTS (
    SELECT FROM ledger_movement v WHERE v.item_id = l.item_id
        AND v.id > coalesce(m.upto_id, place.after_id) AND v.id <= coalesce(place.upto_id, v.id)
        AND place.location_id IN (v.source_id, v.destination_id))
ORDER BY l.item_id
"""
_ADD = """
INSERT INTO propagation_mirrorlevel (place_id, item_id, due_since, error_code, error_detail)
SELECT %s, item_id, %s, '', '' FROM unnest(%s::bigint[]) AS item_id ORDER BY item_id ON CONFLICT DO NOTHING
"""
_REMARK = """
UPDATE propagation_mirrorlevel SET due_since = %s WHERE id IN (
    SELECT id FROM propagation_mirrorlevel WHERE place_id = %s AND item_id = ANY(%s) AND due_since IS NULL
    ORDER BY id FOR UPDATE SKIP LOCKED)
"""
# Who drains is told what it was owed when it began; what moves later waits in the ledger.
_DUE = """
SELECT m.id, m.item_id, place.location_id FROM propagation_mirrorlevel m
JOIN propagation_mirrorplace place ON place.id = m.place_id
JOIN connections_connection c ON c.id = place.connection_id
WHERE place.connection_id = %s AND m.due_since IS NOT NULL AND (m.run_at IS NULL OR m.run_at <= %s)
    AND NOT (c.state = 'draining' AND c.state_since < m.due_since)
ORDER BY m.due_since, m.id LIMIT %s
"""
_MOVED = """
SELECT m.id, v.kind, other.kind, v.destination_id = place.location_id, v.lot, sum(v.quantity), count(*),
    max(v.id)
FROM propagation_mirrorlevel m JOIN propagation_mirrorplace place ON place.id = m.place_id
JOIN ledger_movement v ON v.item_id = m.item_id AND v.id > coalesce(m.upto_id, place.after_id)
    AND v.id <= coalesce(place.upto_id, v.id) AND place.location_id IN (v.source_id, v.destination_id)
JOIN catalog_location other ON other.id = CASE WHEN v.destination_id = place.location_id THEN v.source_id
    ELSE v.destination_id END
WHERE m.id = ANY(%s)
GROUP BY m.id, v.kind, other.kind, v.destination_id = place.location_id, v.lot
"""
# What the target calls each item: a plain article of it rather than a pack, the oldest of several.
_LEVELS = """
SELECT m.id, m.place_id, m.item_id, coalesce(m.upto_id, place.after_id), i.sku, m.error_code <> '',
    named.external_id, named.numerator, named.denominator
FROM propagation_mirrorlevel m JOIN propagation_mirrorplace place ON place.id = m.place_id
JOIN catalog_item i ON i.id = m.item_id
LEFT JOIN LATERAL (
    SELECT a.external_id, a.numerator, a.denominator FROM catalog_itemmapping a
    WHERE a.connection_id = place.connection_id AND a.item_id = m.item_id AND a.state = 'confirmed'
    ORDER BY a.numerator <> a.denominator, a.kind <> 'variant', a.id LIMIT 1
) AS named ON true
WHERE m.id = ANY(%s)
"""
_ADVANCE = """
UPDATE propagation_mirrorlevel m SET upto_id = coalesce(given.upto_id, m.upto_id), due_since = NULL,
    run_at = NULL, error_code = '', error_detail = ''
FROM unnest(%s::bigint[], %s::bigint[]) AS given(id, upto_id) WHERE m.id = given.id
"""
_BLOCK = """
UPDATE propagation_mirrorlevel m SET run_at = %s, error_code = given.code, error_detail = given.detail
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS given(id, code, detail) WHERE m.id = given.id
"""


@dataclass(frozen=True, slots=True)
class Blocked:
    """A level whose movements cannot be put into the target's words; they stay owed."""

    level_id: int
    item_id: int
    sku: str
    error: SyncError


@dataclass(frozen=True, slots=True)
class Cut:
    """What one cut did. `freed`: levels that were blocked before and are not now."""

    levels: int = 0
    documents: int = 0
    lines: int = 0
    blocked: tuple[Blocked, ...] = ()
    freed: tuple[int, ...] = ()


def note_moved(levels: Collection[LevelKey], *, now: datetime) -> int:
    """Mark those levels that somebody keeps a copy of, in the transaction that posts; return how many."""
    if not levels:
        return 0
    return len(_rows(_MARK, now, *unzip(sorted(levels), 2)))


def compare(place_id: int, *, now: datetime) -> int:
    """Mark every level whose newest movement is above its mark, whoever posted it; return how many."""
    behind = [row[0] for row in _rows(_BEHIND, {"place": place_id})]
    with transaction.atomic():
        if behind:
            _rows(_ADD, place_id, now, behind)
            _rows(_REMARK, now, place_id, behind)
        _rows("UPDATE propagation_mirrorplace SET compared_at = %s WHERE id = %s", now, place_id)
    return len(behind)


def cut(
    connection_id: int,
    *,
    lock: Callable[[Collection[LevelKey]], object],
    now: datetime,
    most_levels: int,
    most_lines: int,
) -> Cut:
    """Put what the levels that wait longest have moved into documents; their marks advance with it.

    lock: the ledger's own lock of levels (LedgerStore.lock_levels), taken before anything here is read.
    most_levels, most_lines: of this cut, and of one document.
    """
    with transaction.atomic():
        due = _rows(_DUE, connection_id, now, most_levels)
        if not due:
            return Cut()
        lock({(item_id, location_id) for _, item_id, location_id in due})
        ids = sorted(row[0] for row in due)
        levels = {row[0]: _level(row) for row in _rows(_LEVELS, ids)}
        sums, upto = _moved(ids)
        lines: list[NewLine] = []
        blocked: list[Blocked] = []
        for level_id, owed in sums.items():
            try:  # all of a level or nothing: its mark is one number
                lines += [_line(each, levels[level_id], upto[level_id]) for each in owed]
            except SyncError as error:
                blocked.append(Blocked(level_id, levels[level_id].item_id, levels[level_id].sku, error))
        documents = list(in_documents(lines, most=most_lines))
        write_documents(connection_id, documents, now=now)
        held = {each.level_id for each in blocked}
        told = [level_id for level_id in ids if level_id not in held]
        if told:
            _rows(_ADVANCE, *unzip([(level_id, upto.get(level_id)) for level_id in told], 2))
        if blocked:
            given = [(each.level_id, each.error.code, each.error.detail) for each in blocked]
            _rows(_BLOCK, now + WAIT_FOR_MAPPING, *unzip(given, 3))
    freed = tuple(level_id for level_id in told if levels[level_id].was_blocked)
    return Cut(len(ids), len(documents), len(lines), tuple(blocked), freed)


@dataclass(frozen=True, slots=True)
class _Level:
    """One mirrored level and what the target calls its item; `factor`: base units in one of its units."""

    place_id: int
    item_id: int
    after_id: int
    sku: str
    was_blocked: bool
    item_ref: str | None
    factor: Factor


def _moved(ids: Sequence[int]) -> tuple[dict[int, list[Summed]], dict[int, int]]:
    """Return what each level moved since its mark, and the id of the last movement of each."""
    rows = _rows(_MOVED, ids)
    upto: dict[int, int] = {}
    for level_id, *_, newest in rows:
        upto[level_id] = max(newest, upto.get(level_id, 0))
    sums: dict[int, list[Summed]] = {}
    for each in summed(Moved(*row[:-1]) for row in rows):
        sums.setdefault(each.level_id, []).append(each)
    return sums, upto


def _line(each: Summed, level: _Level, upto_id: int) -> NewLine:
    """Put a sum into the target's words; raises NotMappedThere, QuantityInexact."""
    if level.item_ref is None:
        raise NotMappedThere(f"No article is mapped to {level.sku} there.")
    try:
        # Back from base units: the factor turned round.
        told = to_base(each.quantity, Factor(level.factor.denominator, level.factor.numerator))
    except InexactQuantity as error:
        raise QuantityInexact(each.quantity, level.item_ref) from error
    return NewLine(
        place_id=level.place_id,
        item_id=level.item_id,
        reason=each.reason,
        arrives=each.arrives,
        lot=each.lot,
        quantity=each.quantity,
        movements=each.movements,
        item_ref=level.item_ref,
        told=told,
        after_id=level.after_id,
        upto_id=upto_id,
    )


def _level(row: tuple[Any, ...]) -> _Level:
    _, place_id, item_id, after_id, sku, was_blocked, item_ref, numerator, denominator = row
    factor = Factor(numerator or 1, denominator or 1)
    return _Level(place_id, item_id, after_id, sku, was_blocked, item_ref, factor)


def _rows(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    """Run one statement in the caller's transaction; a single mapping holds its values by name."""
    given = params[0] if len(params) == 1 and isinstance(params[0], Mapping) else params
    with database.cursor() as cursor:
        cursor.execute(sql, given)
        return cursor.fetchall() if cursor.description is not None else []
