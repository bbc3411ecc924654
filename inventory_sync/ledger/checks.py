"""Live checks of the ledger's invariants: one statement each, no lock, a slice of the items at a time.

Every function takes a span of item ids and returns what violates its rule there. Reads only; what follows
from a violation is decided in the pipeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inventory_sync.domain.invariants import LISTED, Span, Violation
from inventory_sync.domain.reports import plain
from inventory_sync.ledger.history import VIRTUAL
from inventory_sync.ledger.rows import execute

# Movements are summed per pair of ends first: a million of them are a few thousand pairs.
_PAIRS = """
pairs AS MATERIALIZED (
    SELECT item_id, source_id, destination_id, sum(quantity) AS quantity FROM ledger_movement
    WHERE item_id > %(after)s AND item_id <= %(upto)s GROUP BY item_id, source_id, destination_id
), sums AS (
    SELECT item_id, location_id, sum(quantity) AS total FROM (
        SELECT item_id, destination_id AS location_id, quantity FROM pairs
        UNION ALL SELECT item_id, source_id, -quantity FROM pairs
    ) AS legs GROUP BY item_id, location_id
)"""
_LEVELS = f"""
WITH {_PAIRS}, real AS (
    SELECT sums.* FROM sums JOIN catalog_location place ON place.id = sums.location_id
    WHERE NOT place.kind = ANY(%(virtual)s)
), levels AS (
    SELECT item_id, location_id, on_hand FROM ledger_stocklevel
    WHERE item_id > %(after)s AND item_id <= %(upto)s
)
SELECT i.sku, place.code, coalesce(levels.on_hand, 0), coalesce(real.total, 0)
FROM levels FULL JOIN real USING (item_id, location_id)
JOIN catalog_item i ON i.id = item_id JOIN catalog_location place ON place.id = location_id
WHERE coalesce(levels.on_hand, 0) <> coalesce(real.total, 0)
ORDER BY i.sku, place.code LIMIT %(limit)s
"""  # noqa: S608
_UNITS = f"""
WITH {_PAIRS}, beyond AS (
    SELECT sums.item_id, sum(sums.total) AS total
    FROM sums JOIN catalog_location place ON place.id = sums.location_id AND place.kind = ANY(%(virtual)s)
    GROUP BY sums.item_id
), held AS (
    SELECT item_id, sum(on_hand) AS total FROM ledger_stocklevel
    WHERE item_id > %(after)s AND item_id <= %(upto)s GROUP BY item_id
)
SELECT i.sku, coalesce(held.total, 0), -coalesce(beyond.total, 0)
FROM held FULL JOIN beyond USING (item_id) JOIN catalog_item i ON i.id = item_id
WHERE coalesce(held.total, 0) + coalesce(beyond.total, 0) <> 0
ORDER BY i.sku LIMIT %(limit)s
"""  # noqa: S608
_TRANSFERS = """
SELECT i.sku, m.reference,
    sum(m.quantity) FILTER (WHERE d.kind = 'transit'), sum(m.quantity) FILTER (WHERE s.kind = 'transit')
FROM ledger_movement m
JOIN catalog_location s ON s.id = m.source_id JOIN catalog_location d ON d.id = m.destination_id
JOIN catalog_item i ON i.id = m.item_id
WHERE m.item_id > %(after)s AND m.item_id <= %(upto)s AND 'transit' IN (s.kind, d.kind) AND m.reference <> ''
GROUP BY i.sku, m.reference
HAVING sum(m.quantity) FILTER (WHERE d.kind = 'transit') < sum(m.quantity) FILTER (WHERE s.kind = 'transit')
ORDER BY i.sku, m.reference LIMIT %(limit)s
"""
_COVERED = """
SELECT i.sku, place.code, owed.open, coalesce(l.on_hand, 0)
    - coalesce(l.unavailable, 0) - coalesce(l.reserved, 0) - coalesce(l.unassigned, 0)
FROM (
    SELECT a.item_id, a.location_id, sum(a.quantity - a.contained) AS open
    FROM ledger_allocation a JOIN ledger_reservation r ON r.id = a.reservation_id
    WHERE a.open AND a.quantity > a.contained AND r.state <> 'backordered'
        AND a.item_id > %(after)s AND a.item_id <= %(upto)s
    GROUP BY a.item_id, a.location_id
) AS owed
LEFT JOIN ledger_stocklevel l USING (item_id, location_id)
JOIN catalog_item i ON i.id = owed.item_id JOIN catalog_location place ON place.id = owed.location_id
WHERE owed.open > coalesce(l.on_hand, 0)
    - coalesce(l.unavailable, 0) - coalesce(l.reserved, 0) - coalesce(l.unassigned, 0)
ORDER BY i.sku, place.code LIMIT %(limit)s
"""
_KEYS = """
SELECT c.code, e.key, e.revision, coalesce(k.revision::text, 'none'), i.sku, place.code
FROM ledger_event e LEFT JOIN ledger_eventkey k ON k.event_id = e.id
JOIN connections_connection c ON c.id = e.connection_id
JOIN catalog_item i ON i.id = e.item_id JOIN catalog_location place ON place.id = e.location_id
WHERE e.effective AND e.item_id > %(after)s AND e.item_id <= %(upto)s
    AND (k.event_id IS NULL OR k.revision <> e.revision OR k.key <> e.key
        OR k.connection_id <> e.connection_id)
ORDER BY e.id LIMIT %(limit)s
"""
# Where authority and mode never changed, the level follows from the reports alone, in any order of them.
_EFFECT = """
WITH deltas AS (
    SELECT l.id, sum(e.quantity) AS total
    FROM ledger_stocklevel l
    JOIN ledger_event e ON e.item_id = l.item_id AND e.location_id = l.location_id
        AND e.kind = 'delta' AND e.effective
        AND (l.counted_at IS NULL OR e.occurred_at > l.counted_at
            OR (e.occurred_at = l.counted_at AND e.sequence > l.count_sequence))
    WHERE l.item_id > %(after)s AND l.item_id <= %(upto)s
    GROUP BY l.id
)
SELECT i.sku, place.code, l.on_hand, coalesce(l.count_quantity, 0) + coalesce(deltas.total, 0)
FROM ledger_stocklevel l LEFT JOIN deltas USING (id)
JOIN catalog_item i ON i.id = l.item_id JOIN catalog_location place ON place.id = l.location_id
WHERE l.item_id > %(after)s AND l.item_id <= %(upto)s AND place.mode = 'movements'
    AND NOT EXISTS (SELECT FROM catalog_tenure t WHERE t.location_id = l.location_id)
    AND l.on_hand <> coalesce(l.count_quantity, 0) + coalesce(deltas.total, 0)
ORDER BY i.sku, place.code LIMIT %(limit)s
"""
_RULING = """
WITH newest AS (
    SELECT e.item_id, e.location_id, e.kind, max(e.reading) AS reading, max(e.occurred_at) AS occurred_at
    FROM ledger_event e
    WHERE e.effective AND e.kind IN ('count', 'figure') AND e.item_id > %(after)s AND e.item_id <= %(upto)s
    GROUP BY e.item_id, e.location_id, e.kind
)
SELECT i.sku, place.code, coalesce(l.reading::text, l.counted_at::text, 'none'),
    CASE place.mode WHEN 'figures' THEN newest.reading::text ELSE newest.occurred_at::text END
FROM ledger_stocklevel l JOIN newest USING (item_id, location_id)
JOIN catalog_location place ON place.id = l.location_id JOIN catalog_item i ON i.id = l.item_id
WHERE newest.kind = CASE place.mode WHEN 'figures' THEN 'figure' ELSE 'count' END
    AND NOT EXISTS (SELECT FROM catalog_tenure t WHERE t.location_id = l.location_id)
    AND CASE place.mode WHEN 'figures' THEN newest.reading > coalesce(l.reading, -1)
        ELSE newest.occurred_at > coalesce(l.counted_at, '-infinity') END
ORDER BY i.sku, place.code LIMIT %(limit)s
"""
_STAMPS = """
SELECT c.code, coalesce(nullif(o.number, ''), o.order_ref), r.line_ref, life.stamp, life.before
FROM (
    SELECT h.reservation_id, h.stamp,
        lag(h.stamp) OVER (PARTITION BY h.reservation_id ORDER BY h.id) AS before
    FROM ledger_reservationchange h WHERE h.item_id > %(after)s AND h.item_id <= %(upto)s
) AS life
JOIN ledger_reservation r ON r.id = life.reservation_id JOIN ledger_order o ON o.id = r.order_id
JOIN connections_connection c ON c.id = o.connection_id
WHERE life.stamp < life.before ORDER BY r.id LIMIT %(limit)s
"""
_UNTOLD = """
SELECT i.sku, place.code, l.on_hand
FROM ledger_stocklevel l
JOIN catalog_location place ON place.id = l.location_id JOIN catalog_item i ON i.id = l.item_id
WHERE l.item_id > %(after)s AND l.item_id <= %(upto)s AND l.known
    AND l.counted_at IS NULL AND l.reading IS NULL AND place.complete_since IS NULL
    AND NOT EXISTS (SELECT FROM catalog_tenure t WHERE t.location_id = l.location_id)
ORDER BY i.sku, place.code LIMIT %(limit)s
"""
_AUTHORITY = """
SELECT i.sku, place.code, c.code, e.kind, e.key, e.occurred_at
FROM ledger_event e
JOIN catalog_location place ON place.id = e.location_id
JOIN catalog_item i ON i.id = e.item_id JOIN connections_connection c ON c.id = e.connection_id
WHERE e.item_id > %(after)s AND e.item_id <= %(upto)s
    AND NOT EXISTS (SELECT FROM catalog_authority a
        WHERE a.location_id = e.location_id AND a.connection_id = e.connection_id
            AND (a.valid_from IS NULL OR a.valid_from <= e.occurred_at)
            AND (a.valid_to IS NULL OR e.occurred_at < a.valid_to))
    AND EXISTS (SELECT FROM ledger_movement m WHERE m.event_id = e.id AND m.recorded_at = e.recorded_at)
ORDER BY e.id LIMIT %(limit)s
"""
_INEXACT = """
SELECT i.sku, place.code, 'level' FROM ledger_stocklevel l
JOIN catalog_item i ON i.id = l.item_id JOIN catalog_location place ON place.id = l.location_id
WHERE l.item_id > %(after)s AND l.item_id <= %(upto)s
    AND 'NaN' IN (l.on_hand, l.unavailable, l.reserved, l.unassigned)
UNION ALL
SELECT i.sku, place.code, 'movement' FROM ledger_movement m
JOIN catalog_item i ON i.id = m.item_id JOIN catalog_location place ON place.id = m.source_id
WHERE m.item_id > %(after)s AND m.item_id <= %(upto)s AND m.quantity = 'NaN'
UNION ALL
SELECT i.sku, place.code, 'promise' FROM ledger_allocation a
JOIN catalog_item i ON i.id = a.item_id JOIN catalog_location place ON place.id = a.location_id
WHERE a.item_id > %(after)s AND a.item_id <= %(upto)s AND 'NaN' IN (a.quantity, a.contained, a.fulfilled)
LIMIT %(limit)s
"""
_GUARDS = """
SELECT wanted.name, wanted.on_table, t.tgenabled IS NULL
FROM (VALUES ('ledger_movement_append_only', 'ledger_movement'),
    ('ledger_event_append_only', 'ledger_event'),
    ('ledger_reservationchange_append_only', 'ledger_reservationchange'),
    ('ledger_eventkey_append_only', 'ledger_eventkey'),
    ('ledger_fulfilment_append_only', 'ledger_fulfilment'),
    ('ledger_observation_append_only', 'ledger_observation'),
    ('ledger_lateposting_append_only', 'ledger_lateposting'),
    ('ledger_keep_named', 'ledger_order'), ('ledger_keep_named', 'ledger_reservation'),
    ('ledger_keep_named', 'catalog_item'), ('ledger_keep_named', 'catalog_location'),
    ('audit_entry_append_only', 'audit_entry'),
    ('availability_figurehistory_append_only', 'availability_figurehistory'),
    ('pipeline_evidence_append_only', 'pipeline_evidence')) AS wanted(name, on_table)
LEFT JOIN pg_trigger t ON t.tgname = wanted.name AND t.tgrelid = to_regclass(wanted.on_table)
WHERE t.tgenabled IS NULL OR t.tgenabled = 'D'
"""


def levels_are_sums(span: Span) -> Sequence[Violation]:
    """A level is what its movements add up to."""
    return [
        Violation(
            f"{sku} @ {place}",
            f"{sku} at {place}: the level says {plain(level)}, its movements add up to {plain(total)}.",
            plain(total),
            plain(level),
        )
        for sku, place, level, total in _look(_LEVELS, span)
    ]


def units_are_conserved(span: Span) -> Sequence[Violation]:
    """What stands in all places, and what went to vendors, customers, transit and the rest, is nothing."""
    return [
        Violation(
            sku,
            f"{sku}: the levels hold {plain(held)}, {plain(came)} came in from outside less what went out.",
            plain(came),
            plain(held),
        )
        for sku, held, came in _look(_UNITS, span)
    ]


def transfers_lose_nothing(span: Span) -> Sequence[Violation]:
    """No transfer receives more than was dispatched."""
    return [
        Violation(
            f"{sku} transfer {reference}",
            f"Transfer {reference} of {sku}: {plain(sent)} were dispatched, {plain(received)} received.",
            plain(sent),
            plain(received),
        )
        for sku, reference, sent, received in _look(_TRANSFERS, span)
    ]


def demand_is_covered(span: Span) -> Sequence[Violation]:
    """No place owes more than it can give, backorders apart; where one does, a case says so."""
    return [
        Violation(
            f"{sku} @ {place}",
            f"{sku} at {place}: open order lines want {plain(owed)}, {plain(have)} can be given.",
            plain(have),
            plain(owed),
        )
        for sku, place, owed, have in _look(_COVERED, span)
    ]


def keys_count_once(span: Span) -> Sequence[Violation]:
    """The same key has the same effect for ever: one revision of it counts, the one its key names."""
    return [
        Violation(
            f"{connection} {key}/{revision}",
            f"Event {key} of {connection} ({sku} at {place}): revision {revision} counts, "
            f"its key names {named}.",
            str(named),
            str(revision),
        )
        for connection, key, revision, named, sku, place in _look(_KEYS, span)
    ]


def reports_explain_levels(span: Span) -> Sequence[Violation]:
    """A level kept by movements is its count and every movement after it, whatever order they came in."""
    return [
        Violation(
            f"{sku} @ {place}",
            f"{sku} at {place}: the level says {plain(level)}, its reports give {plain(reports)}.",
            plain(reports),
            plain(level),
        )
        for sku, place, level, reports in _look(_EFFECT, span)
    ]


def nothing_older_rules(span: Span) -> Sequence[Violation]:
    """The newest count or reading rules its level, and an order never goes back to an older version."""
    reports = [
        Violation(
            f"{sku} @ {place}",
            f"{sku} at {place} is ruled by {ruling}, a newer report is of {newest}.",
            str(newest),
            str(ruling),
        )
        for sku, place, ruling, newest in _look(_RULING, span)
    ]
    orders = [
        Violation(
            f"{connection} order {order} line {line}",
            f"Line {line} of order {order} ({connection}) went from version {before} back to {stamp}.",
            f"{before} or later",
            str(stamp),
        )
        for connection, order, line, stamp, before in _look(_STAMPS, span)
    ]
    return [*reports, *orders]


def what_is_known_was_told(span: Span) -> Sequence[Violation]:
    """A level that counts as known was covered by a count, a reading, or a complete feed."""
    return [
        Violation(
            f"{sku} @ {place}",
            f"{sku} at {place} counts as known to be {plain(level)}, and no report ever covered it.",
            "unknown",
            plain(level),
        )
        for sku, place, level in _look(_UNTOLD, span)
    ]


def postings_have_authority(span: Span) -> Sequence[Violation]:
    """Nothing was posted on the word of somebody who was not the place's authority then."""
    return [
        Violation(
            f"{connection} {key}",
            f"{sku} at {place}: {kind} {key} of {occurred:%Y-%m-%d %H:%M} was posted for {connection}, "
            "which was not its authority.",
            f"the authority of {place}",
            connection,
        )
        for sku, place, connection, kind, key, occurred in _look(_AUTHORITY, span)
    ]


def quantities_are_exact(span: Span) -> Sequence[Violation]:
    """Every quantity is an exact decimal; what is no number is stored nowhere."""
    return [
        Violation(
            f"{sku} @ {place}",
            f"{sku} at {place}: a {what} holds NaN, which is no number.",
            "a number",
            "NaN",
        )
        for sku, place, what in _look(_INEXACT, span)
    ]


def guards_stand(span: Span) -> Sequence[Violation]:
    """The triggers that keep what is append-only, and what promises name, are there and on."""
    return [
        Violation(
            name, f"The guard {name} of {table} is {'gone' if gone else 'switched off'}.", "on",
            "gone" if gone else "off",
        )
        for name, table, gone in execute(_GUARDS)
    ]  # fmt: skip


def _look(sql: str, span: Span) -> list[tuple[Any, ...]]:
    params: Any = {"after": span.after, "upto": span.upto, "virtual": list(VIRTUAL), "limit": LISTED}
    return execute(sql, params)
