"""The ledger at a past instant: what stood where, which report ruled, which lines were owed. Reads only.

Two readings of the past. *Recorded*: what the ledger knew then, by the time its rows were written; figures
were computed from that. *Stood*: what was truly there then as far as is known today, by the time things
happened; a delivery reported a day late shows in the one at its report, in the other at its arrival.
`moment` None means now.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from inventory_sync.ledger.rows import execute
from inventory_sync.ledger.types import LevelKey

VIRTUAL = ("vendor", "customer", "adjustment", "transit", "scrap")

_BALANCES = """
SELECT item_id, location_id, sum(quantity) FROM (
    SELECT item_id, destination_id AS location_id, quantity FROM ledger_movement
    WHERE item_id = ANY(%(items)s) AND recorded_at <= coalesce(%(moment)s::timestamptz, 'infinity')
    UNION ALL
    SELECT item_id, source_id, -quantity FROM ledger_movement
    WHERE item_id = ANY(%(items)s) AND recorded_at <= coalesce(%(moment)s::timestamptz, 'infinity')
) AS legs
JOIN catalog_location place ON place.id = legs.location_id AND NOT place.kind = ANY(%(virtual)s)
GROUP BY item_id, location_id
"""
_LINES = """
SELECT m.id, m.occurred_at, m.recorded_at,
    CASE WHEN m.destination_id = %(place)s THEN m.quantity ELSE -m.quantity END,
    m.kind, m.reference, other.code, m.event_id, e.key, coalesce(c.code, ''), e.delivery_id, m.correlation_id
FROM ledger_movement m
JOIN catalog_location other
    ON other.id = CASE WHEN m.destination_id = %(place)s THEN m.source_id ELSE m.destination_id END
LEFT JOIN ledger_event e ON e.id = m.event_id AND e.recorded_at = m.recorded_at
LEFT JOIN connections_connection c ON c.id = e.connection_id
WHERE m.item_id = %(item)s AND %(place)s IN (m.source_id, m.destination_id)
    AND m.recorded_at <= coalesce(%(moment)s::timestamptz, 'infinity')
ORDER BY m.id DESC LIMIT %(limit)s
"""
# The tenure a place was in: its mode, from when to when, above which reading; the first one has no row.
_ERA = """
CROSS JOIN LATERAL (
    SELECT coalesce(began.mode, (SELECT first.was FROM catalog_tenure first
            WHERE first.location_id = place.id ORDER BY first.starts_at LIMIT 1), place.mode) AS mode,
        coalesce(began.starts_at, '-infinity') AS starts_at,
        coalesce((SELECT min(t.starts_at) FROM catalog_tenure t WHERE t.location_id = place.id
            AND t.starts_at > coalesce(%(moment)s::timestamptz, 'infinity')), 'infinity') AS ends_at,
        coalesce(began.after_reading, -1) AS after_reading
    FROM (SELECT 1) AS one LEFT JOIN LATERAL (
        SELECT t.mode, t.starts_at, t.after_reading FROM catalog_tenure t
        WHERE t.location_id = place.id AND t.starts_at <= coalesce(%(moment)s::timestamptz, 'infinity')
        ORDER BY t.starts_at DESC LIMIT 1
    ) AS began ON true
) AS era
"""
_WHOLE = """
    e.item_id = l.item_id AND e.location_id = l.location_id
        AND e.kind = CASE era.mode WHEN 'figures' THEN 'figure' ELSE 'count' END
        AND (e.kind = 'figure' AND e.reading > era.after_reading
            OR e.kind = 'count' AND e.occurred_at >= era.starts_at)
"""
# The report that told the whole stock, as it was known: a revision that came later had replaced nothing yet.
_RULING = f"""
SELECT e.id, e.kind, e.quantity, e.occurred_at, e.recorded_at, e.sequence, e.reading, e.key, c.code,
    e.delivery_id, e.reference, e.correlation_id
FROM (SELECT %(item)s::bigint AS item_id, %(place)s::bigint AS location_id) AS l
JOIN catalog_location place ON place.id = l.location_id
{_ERA}
JOIN ledger_event e ON {_WHOLE}
JOIN connections_connection c ON c.id = e.connection_id
WHERE e.recorded_at <= coalesce(%(moment)s::timestamptz, 'infinity')
    AND (e.effective OR %(moment)s::timestamptz IS NOT NULL)
    AND NOT EXISTS (SELECT FROM ledger_event later WHERE later.connection_id = e.connection_id
        AND later.item_id = e.item_id AND later.location_id = e.location_id
        AND later.key = e.key AND later.revision > e.revision
        AND later.recorded_at <= coalesce(%(moment)s::timestamptz, 'infinity'))
ORDER BY e.reading DESC NULLS LAST, e.occurred_at DESC, coalesce(e.sequence, -1) DESC,
    (e.connection_id || ':' || e.key) COLLATE "C" DESC, e.quantity DESC
LIMIT 1
"""  # noqa: S608
_DELTAS = """
    SELECT coalesce(sum(e.quantity), 0) AS total FROM ledger_event e
    WHERE e.item_id = l.item_id AND e.location_id = l.location_id AND e.kind = 'delta' AND e.effective
        AND e.occurred_at >= era.starts_at
"""
_STOOD = f"""
SELECT place.id, place.code, coalesce(base.kind, next.kind, ''), coalesce(base.occurred_at, next.occurred_at),
    CASE WHEN base.kind = 'figure' THEN base.quantity
         WHEN base.kind = 'count' THEN base.quantity + after.total
         WHEN next.kind = 'count' THEN next.quantity - until.total
         ELSE before.total END,
    base.kind IS NOT NULL OR next.kind IS NOT NULL OR coalesce(place.complete_since <= %(moment)s, false)
FROM ledger_stocklevel l JOIN catalog_location place ON place.id = l.location_id
{_ERA}
LEFT JOIN LATERAL (
    SELECT e.kind, e.quantity, e.occurred_at, e.sequence FROM ledger_event e
    WHERE {_WHOLE} AND e.effective AND e.occurred_at <= %(moment)s
    ORDER BY e.reading DESC NULLS LAST, e.occurred_at DESC, coalesce(e.sequence, -1) DESC,
        (e.connection_id || ':' || e.key) COLLATE "C" DESC, e.quantity DESC
    LIMIT 1
) AS base ON true
LEFT JOIN LATERAL (
    SELECT e.kind, e.quantity, e.occurred_at, e.sequence FROM ledger_event e
    WHERE base.kind IS NULL AND era.mode <> 'figures' AND e.item_id = l.item_id
        AND e.location_id = l.location_id AND e.effective AND e.kind = 'count'
        AND e.occurred_at > %(moment)s AND e.occurred_at < era.ends_at
    ORDER BY e.occurred_at, coalesce(e.sequence, -1) LIMIT 1
) AS next ON true
LEFT JOIN LATERAL ({_DELTAS} AND base.kind = 'count' AND e.occurred_at <= %(moment)s
    AND (e.occurred_at > base.occurred_at
        OR (e.occurred_at = base.occurred_at AND e.sequence > base.sequence))
) AS after ON true
LEFT JOIN LATERAL ({_DELTAS} AND next.kind = 'count' AND e.occurred_at > %(moment)s
    AND (e.occurred_at < next.occurred_at
        OR (e.occurred_at = next.occurred_at AND NOT coalesce(e.sequence > next.sequence, false)))
) AS until ON true
LEFT JOIN LATERAL ({_DELTAS} AND base.kind IS NULL AND next.kind IS NULL AND e.occurred_at <= %(moment)s
) AS before ON true
WHERE l.item_id = %(item)s AND NOT place.kind = ANY(%(virtual)s)
ORDER BY place.code COLLATE "C"
"""  # noqa: S608
_OWED_NOW = """
SELECT a.item_id, a.location_id, a.quantity, a.contained, r.id, r.line_ref, r.state, r.changed_at, o.id,
    coalesce(nullif(o.number, ''), o.order_ref), c.code, r.item_id, r.reason, o.correlation_id
FROM ledger_allocation a
JOIN ledger_reservation r ON r.id = a.reservation_id
JOIN ledger_order o ON o.id = r.order_id
JOIN connections_connection c ON c.id = o.connection_id
WHERE a.open AND a.item_id = ANY(%s) AND a.quantity > a.contained
ORDER BY a.item_id, a.location_id, r.id
"""
_OWED_THEN = """
SELECT part.item_id, part.location_id, part.quantity, part.contained, r.id, r.line_ref, past.state,
    past.at, o.id, coalesce(nullif(o.number, ''), o.order_ref), c.code, past.item_id, past.reason,
    past.correlation_id
FROM (SELECT DISTINCT reservation_id FROM ledger_allocation WHERE item_id = ANY(%(items)s)) AS concerned
JOIN ledger_reservation r ON r.id = concerned.reservation_id
JOIN ledger_order o ON o.id = r.order_id
JOIN connections_connection c ON c.id = o.connection_id
CROSS JOIN LATERAL (
    SELECT h.* FROM ledger_reservationchange h WHERE h.reservation_id = r.id AND h.at <= %(moment)s
    ORDER BY h.at DESC, h.id DESC LIMIT 1
) AS past
CROSS JOIN LATERAL (
    SELECT (p ->> 0)::bigint AS item_id, (p ->> 1)::bigint AS location_id, (p ->> 2)::numeric AS quantity,
        (p ->> 3)::numeric AS contained
    FROM jsonb_array_elements(past.allocations) AS p
) AS part
WHERE part.item_id = ANY(%(items)s) AND part.quantity > part.contained
ORDER BY part.item_id, part.location_id, r.id
"""
_FIRST = """
SELECT least((SELECT min(recorded_at) FROM ledger_event WHERE item_id = ANY(%(items)s)),
    (SELECT min(at) FROM ledger_reservationchange WHERE item_id = ANY(%(items)s)))
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One movement as one place sees it: `quantity` is signed, `other` the code at its other end."""

    id: int
    occurred_at: datetime
    recorded_at: datetime
    quantity: Decimal
    kind: str
    reference: str
    other: str
    event_id: int
    event_key: str
    connection: str
    delivery_id: int | None
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """The report that told the whole stock of a place: a shelf count, or a book figure with its reading."""

    event_id: int
    kind: str
    quantity: Decimal
    occurred_at: datetime
    recorded_at: datetime
    sequence: int | None
    reading: int | None
    key: str
    connection: str
    delivery_id: int | None
    reference: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Stood:
    """What truly stood at a place, as far as is known today. `by`: the report it is reckoned from or "".

    Reckoned forward from the last count before the moment, else back from the first one after it.
    """

    location_id: int
    location: str
    by: str
    by_at: datetime | None
    on_hand: Decimal
    known: bool


@dataclass(frozen=True, slots=True)
class Owed:
    """What one place owes (or owed) of one order line, in base units of the component `item_id`."""

    item_id: int
    location_id: int
    quantity: Decimal
    contained: Decimal
    reservation_id: int
    line: str
    state: str
    since: datetime
    order_id: int
    order: str
    connection: str
    sold_item_id: int
    reason: str
    correlation_id: str

    @property
    def open(self) -> Decimal:
        return self.quantity - self.contained


def balances(item_ids: Collection[int], *, moment: datetime | None = None) -> dict[LevelKey, Decimal]:
    """Return Σ movements recorded up to the moment, per real place that has seen one."""
    rows = execute(_BALANCES, _named(items=sorted(item_ids), moment=moment))
    return {(row[0], row[1]): row[2] for row in rows}


def lines_of(
    item_id: int, location_id: int, *, moment: datetime | None = None, limit: int = 20
) -> list[Line]:
    """Return the newest movements of an item at a place that were recorded by then, newest first."""
    params = _named(item=item_id, place=location_id, moment=moment, limit=limit)
    return [Line(*row) for row in execute(_LINES, params)]


def ruling_report(item_id: int, location_id: int, *, moment: datetime | None = None) -> Ruling | None:
    """Return the count or book figure that ruled the place, None where nothing told the whole stock yet."""
    rows = execute(_RULING, _named(item=item_id, place=location_id, moment=moment))
    return Ruling(*rows[0]) if rows else None


def stood_at(item_id: int, moment: datetime) -> list[Stood]:
    """Return what truly stood at each place then, by the time things happened, in the order of codes."""
    return [Stood(*row) for row in execute(_STOOD, _named(item=item_id, moment=moment))]


def owed(item_ids: Collection[int], *, moment: datetime | None = None) -> list[Owed]:
    """Return the open demand of these items, line by line, with the order each part belongs to."""
    if moment is None:
        return [Owed(*row) for row in execute(_OWED_NOW, (sorted(item_ids),))]
    return [Owed(*row) for row in execute(_OWED_THEN, _named(items=sorted(item_ids), moment=moment))]


def first_record(item_ids: Collection[int]) -> datetime | None:
    """Return when the ledger first heard of one of these items, None if it never did."""
    found: datetime | None = execute(_FIRST, _named(items=sorted(item_ids)))[0][0]
    return found


def _named(**values: Any) -> Any:
    return {"virtual": list(VIRTUAL), **values}
