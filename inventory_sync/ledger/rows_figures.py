"""Book figures in PostgreSQL: what they hold of order lines, and which report a level rests on.

Part of PostgresLedger (store.py). Figures of one location are applied by one session at a time
(hold_figures), so that the lines a figure no longer names are found before any order is locked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from inventory_sync.catalog.authorities import hold_gate, share_gates
from inventory_sync.domain.reports import Position
from inventory_sync.ledger import rows_keys
from inventory_sync.ledger.holdings import Holding, Told
from inventory_sync.ledger.ports import Recorded
from inventory_sync.ledger.rows import execute, unzip
from inventory_sync.ledger.rows_codec import SELECT, as_recorded
from inventory_sync.ledger.rows_gaps import GapRows
from inventory_sync.ledger.types import LevelKey, OrderKey, StockEvent

FIGURES_GATE = 7103  # class of the advisory locks under which the figures of a location are applied

_HOLD = "SELECT pg_advisory_xact_lock(%s, id) FROM unnest(%s::int[]) AS id ORDER BY id"
_ORIGINALS = f"""
SELECT old.* FROM unnest(%s::bigint[], %s::timestamptz[]) AS given(id, recorded_at)
CROSS JOIN LATERAL ({SELECT} WHERE e.id = given.id AND e.recorded_at = given.recorded_at) AS old
"""  # noqa: S608
_NEWEST_FIGURE = f"""
SELECT ruling.* FROM unnest(%s::bigint[], %s::bigint[]) AS given(item_id, location_id)
CROSS JOIN LATERAL (
    {SELECT}
    WHERE e.item_id = given.item_id AND e.location_id = given.location_id
        AND e.kind = 'figure' AND e.effective
        AND coalesce(
            (SELECT t.mode FROM catalog_tenure t
             WHERE t.location_id = given.location_id AND t.after_reading < e.reading
             ORDER BY t.starts_at DESC LIMIT 1),
            (SELECT t.was FROM catalog_tenure t
             WHERE t.location_id = given.location_id ORDER BY t.starts_at LIMIT 1),
            'figures') = 'figures'
    ORDER BY e.reading DESC LIMIT 1
) AS ruling
"""  # noqa: S608
_LATEST = f"""
SELECT ruling.* FROM unnest(%s::bigint[], %s::bigint[]) AS given(item_id, location_id)
CROSS JOIN LATERAL (
    {SELECT} WHERE e.item_id = given.item_id AND e.location_id = given.location_id AND e.effective
    ORDER BY e.occurred_at DESC, e.id DESC LIMIT 1
) AS ruling
"""  # noqa: S608
_TOLD_SINCE = """
SELECT item_id, location_id FROM unnest(%s::bigint[], %s::bigint[]) AS given(item_id, location_id)
WHERE EXISTS (SELECT FROM ledger_event e
        WHERE e.item_id = given.item_id AND e.location_id = given.location_id AND e.effective
            AND e.kind <> 'figure' AND e.occurred_at >= %s)
    OR EXISTS (SELECT FROM ledger_stocklevel l
        WHERE l.item_id = given.item_id AND l.location_id = given.location_id AND l.reading > %s)
"""
_CONDITIONS_AFTER = """
SELECT given.item_id, given.location_id, coalesce(after.total, 0)
FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS given(item_id, location_id, since)
CROSS JOIN LATERAL (
    SELECT sum(CASE WHEN e.kind = 'delta' THEN e.quantity
        ELSE e.quantity * ((e.condition <> '')::int - (e.was <> '')::int) END) AS total
    FROM ledger_event e
    WHERE e.item_id = given.item_id AND e.location_id = given.location_id AND e.effective
        AND (e.kind = 'condition' OR e.kind = 'delta' AND e.condition <> '')
        AND (given.since IS NULL OR e.occurred_at > given.since)
) AS after
"""
_HELD_AT = """
SELECT DISTINCT c.id, h.order_ref FROM ledger_holding h
JOIN unnest(%s::bigint[], %s::bigint[]) AS given(item_id, location_id) USING (item_id, location_id)
JOIN connections_connection c ON c.code = h.source
WHERE h.contained > 0
UNION
SELECT c.id, f.order_ref FROM ledger_fulfilment f
JOIN unnest(%s::bigint[], %s::bigint[]) AS given(item_id, location_id) USING (item_id, location_id)
JOIN connections_connection c ON c.code = f.source
WHERE %s AND f.effective AND EXISTS (SELECT FROM catalog_tenure t
    WHERE t.location_id = f.location_id AND t.starts_at <= f.occurred_at)
"""
_NO_LONGER = """
UPDATE ledger_holding h SET contained = 0
FROM unnest(%s::bigint[], %s::bigint[]) AS given(item_id, location_id)
WHERE h.item_id = given.item_id AND h.location_id = given.location_id AND h.contained > 0
"""
_SAY = """
INSERT INTO ledger_holding AS h (item_id, location_id, source, order_ref, line_ref, contained, delivered)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::numeric[],
    %s::numeric[])
ON CONFLICT (source, order_ref, line_ref, item_id, location_id) DO UPDATE
SET contained = CASE WHEN %s THEN excluded.contained ELSE h.contained END,
    delivered = greatest(h.delivered, excluded.delivered)
"""
_HOLDINGS = """
SELECT o.connection_id, o.order_ref, h.line_ref, h.item_id, h.location_id, h.contained, h.delivered,
    figure.tenure, l.counted_at IS NULL OR counted.tenure <= figure.tenure
FROM unnest(%s::bigint[], %s::text[]) AS o(connection_id, order_ref)
JOIN connections_connection c ON c.id = o.connection_id
JOIN ledger_holding h ON h.source = c.code AND h.order_ref = o.order_ref
LEFT JOIN ledger_stocklevel l ON l.item_id = h.item_id AND l.location_id = h.location_id
CROSS JOIN LATERAL (
    SELECT count(*) AS tenure FROM catalog_tenure t
    WHERE t.location_id = h.location_id AND t.after_reading < l.reading
) AS figure
CROSS JOIN LATERAL (
    SELECT count(*) AS tenure FROM catalog_tenure t
    WHERE t.location_id = h.location_id AND t.starts_at <= l.counted_at
) AS counted
ORDER BY h.line_ref, h.item_id, h.location_id
"""


_OBSERVE = """
INSERT INTO ledger_observation (connection_id, key, revision, kind, item_id, location_id, quantity,
    occurred_at, reading, delivery_id, recorded_at)
SELECT *, %s FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::text[], %s::bigint[], %s::bigint[],
    %s::numeric[], %s::timestamptz[], %s::bigint[], %s::bigint[])
ON CONFLICT DO NOTHING
"""


class FigureRows(GapRows):
    """The store's calls about figures and what they hold."""

    def share_gates(self, location_ids: Collection[int]) -> None:
        share_gates(sorted(location_ids))

    def hold_gates(self, location_ids: Collection[int]) -> None:
        for location_id in sorted(location_ids):
            hold_gate(location_id)

    def hold_figures(self, location_ids: Collection[int]) -> None:
        execute(_HOLD, (FIGURES_GATE, sorted(location_ids)))

    def note_observations(self, events: Sequence[StockEvent], *, now: datetime) -> None:
        rows = [
            (
                each.connection_id,
                each.key,
                each.revision,
                each.kind.value,
                each.item_id,
                each.location_id,
                each.quantity,
                each.occurred_at,
                each.reading,
                each.delivery_id,
            )
            for each in sorted(events, key=lambda each: (each.connection_id, each.key, each.revision))
        ]
        if rows:
            execute(_OBSERVE, (now, *unzip(rows, 10)))

    def originals(self, keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], StockEvent]:
        counting = rows_keys.counting(keys)
        where = unzip([(each.event_id, each.recorded_at) for each in counting.values()], 2)
        events = [as_recorded(row).event for row in execute(_ORIGINALS, where)] if counting else []
        return {(event.connection_id, event.key): event for event in events}

    def newest_figures(self, keys: Collection[LevelKey]) -> dict[LevelKey, Recorded]:
        found = [as_recorded(row) for row in execute(_NEWEST_FIGURE, unzip(sorted(keys), 2))]
        return {(each.event.item_id, each.event.location_id): each for each in found}

    def told_since(self, keys: Collection[LevelKey], *, at: datetime, above: int) -> set[LevelKey]:
        rows = execute(_TOLD_SINCE, (*unzip(sorted(keys), 2), at, above))
        return {(row[0], row[1]) for row in rows}

    def latest_events(self, keys: Collection[LevelKey]) -> dict[LevelKey, Recorded]:
        found = [as_recorded(row) for row in execute(_LATEST, unzip(sorted(keys), 2))] if keys else []
        return {(each.event.item_id, each.event.location_id): each for each in found}

    def conditions_after(self, positions: Mapping[LevelKey, Position | None]) -> dict[LevelKey, Decimal]:
        given = [(*key, at.occurred_at if at else None) for key, at in sorted(positions.items())]
        return {(row[0], row[1]): row[2] for row in execute(_CONDITIONS_AFTER, unzip(given, 3))}

    def orders_held_at(self, keys: Collection[LevelKey], *, shipped: bool) -> set[OrderKey]:
        where = unzip(sorted(keys), 2)
        return {(row[0], row[1]) for row in execute(_HELD_AT, (*where, *where, shipped))}

    def save_holdings(self, told: Told) -> None:
        if told.newest:
            execute(_NO_LONGER, unzip(sorted(told.newest), 2))
        for is_newest, said in ((True, told.newest), (False, told.delivered)):
            rows = [
                (*level, each.source, each.order_ref, each.line_ref, each.contained, each.delivered)
                for level, lines in sorted(said.items())
                for each in lines
            ]
            if rows:
                execute(_SAY, (*unzip(rows, 7), is_newest))

    def holdings(self, orders: Collection[OrderKey]) -> Mapping[OrderKey, tuple[Holding, ...]]:
        found: dict[OrderKey, list[Holding]] = defaultdict(list)
        for connection_id, order_ref, *holding in execute(_HOLDINGS, unzip(sorted(orders), 2)):
            found[connection_id, order_ref].append(Holding(*holding))
        return {key: tuple(holdings) for key, holdings in found.items()}
