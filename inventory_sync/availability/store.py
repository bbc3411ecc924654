"""The PostgreSQL store of recompute: one statement per call, whatever the size of the batch.

Items are held by a lock on their catalog row that never waits and that no posting waits for (ledger.services
says how). Reads the ledger's rows; writes none but its own figures.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from inventory_sync.availability.ports import (
    Channel,
    Demand,
    DirtyItem,
    FigureKey,
    ItemFacts,
    Landscape,
    Level,
    NewFigure,
    Place,
    PolicyFacts,
    Recipe,
    Stock,
    StoredFigure,
)
from inventory_sync.catalog.resolve import PIECES
from inventory_sync.domain.availability import Fallback
from inventory_sync.domain.reports import plain
from inventory_sync.ledger.services import claim_dirty, mark_items_dirty, set_dirty_aside, settle_dirty

HUNDRED = Decimal(100)
COLUMNS = [column.name for column in fields(NewFigure)]

HOLD = "SELECT id FROM catalog_item WHERE id = ANY(%s) FOR NO KEY UPDATE SKIP LOCKED"
RECIPES = """
SELECT kit_id, component_id, quantity FROM catalog_kitcomponent
WHERE kit_id = ANY(%(ids)s)
   OR kit_id IN (SELECT kit_id FROM catalog_kitcomponent WHERE component_id = ANY(%(ids)s))
ORDER BY kit_id, component_id
"""
ITEMS = "SELECT id, sku, kind, base_unit_id FROM catalog_item WHERE id = ANY(%s)"
PLACES = "SELECT id, code, complete_since IS NOT NULL AND complete_since <= %s FROM catalog_location"
CHANNELS = """
SELECT c.id, c.code,
       coalesce(array_agg(m.location_id) FILTER (WHERE m.sells_for AND l.active), '{}'),
       coalesce(array_agg(m.location_id) FILTER (WHERE m.fulfils AND l.active), '{}')
FROM connections_connection c
LEFT JOIN catalog_locationmapping m ON m.connection_id = c.id
LEFT JOIN catalog_location l ON l.id = m.location_id
GROUP BY c.id
"""
POLICIES = """
SELECT connection_id, item_id, share_percent, buffer, cap, threshold, safety_stock, fallback, version
FROM availability_policy WHERE item_id IS NULL OR item_id = ANY(%s)
"""
OFFERED = """
SELECT DISTINCT m.connection_id, m.item_id FROM catalog_itemmapping m
JOIN connections_connection c ON c.id = m.connection_id
WHERE m.item_id = ANY(%s) AND m.state = 'confirmed' AND c.sells
"""
FIGURES = """
SELECT connection_id, item_id, figure, last_known, version, correlation_id, verdict, policy_version, "unknown"
FROM availability_channelfigure WHERE item_id = ANY(%s)
"""
STOCK = """
SELECT NULL, item_id, location_id, on_hand, known, unavailable, last_known_free, version
FROM ledger_stocklevel WHERE item_id = ANY(%(ids)s)
UNION ALL
SELECT o.connection_id, a.item_id, a.location_id, sum(a.quantity - a.contained), NULL, NULL, NULL, NULL
FROM ledger_allocation a
JOIN ledger_reservation r ON r.id = a.reservation_id
JOIN ledger_order o ON o.id = r.order_id
WHERE a.open AND a.item_id = ANY(%(ids)s) AND a.quantity > a.contained
GROUP BY o.connection_id, a.item_id, a.location_id
"""
# One statement for both tables: the row that holds now, and the line of history that keeps its terms.
SAVE = """
WITH given AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS given (
        connection_id bigint, item_id bigint, figure numeric, last_known numeric, version bigint,
        policy_version int, verdict text, correlation_id text, terms jsonb, basis jsonb, "unknown" jsonb)
), kept AS (
    INSERT INTO availability_figurehistory (computed_at, connection_id, item_id, version, policy_version,
        figure, verdict, correlation_id, terms, basis, "unknown")
    SELECT %(now)s, connection_id, item_id, version, policy_version, figure, verdict, correlation_id, terms,
        nullif(basis, 'null'), nullif("unknown", '[]')
    FROM given
)
INSERT INTO availability_channelfigure (connection_id, item_id, figure, last_known, version, policy_version,
    verdict, correlation_id, "unknown", computed_at)
SELECT connection_id, item_id, figure, last_known, version, policy_version, verdict, correlation_id,
    "unknown", %(now)s
FROM given
ON CONFLICT (connection_id, item_id) DO UPDATE SET
    figure = excluded.figure, last_known = excluded.last_known, version = excluded.version,
    policy_version = excluded.policy_version, verdict = excluded.verdict, "unknown" = excluded."unknown",
    correlation_id = excluded.correlation_id, computed_at = excluded.computed_at
"""


class PostgresAvailability:
    """The AvailabilityStore of the running platform. Needs an open transaction at READ COMMITTED."""

    def claim(self, limit: int, *, now: datetime) -> list[DirtyItem]:
        return [DirtyItem(*row) for row in claim_dirty(limit, now=now)]

    def recipes(self, item_ids: Collection[int]) -> list[Recipe]:
        kits: dict[int, list[tuple[int, Decimal]]] = {}
        for kit_id, component_id, quantity in _rows(RECIPES, {"ids": list(item_ids)}):
            kits.setdefault(kit_id, []).append((component_id, quantity))
        return [Recipe(kit_id, tuple(components)) for kit_id, components in kits.items()]

    def hold(self, item_ids: Collection[int]) -> frozenset[int]:
        return frozenset(item_id for (item_id,) in _rows(HOLD, [list(item_ids)]))

    def items(self, item_ids: Collection[int]) -> dict[int, ItemFacts]:
        return {
            item_id: ItemFacts(item_id, sku, is_kit=kind == "kit", whole=base_unit in PIECES)
            for item_id, sku, kind, base_unit in _rows(ITEMS, [list(item_ids)])
        }

    def landscape(self, item_ids: Collection[int], *, now: datetime) -> Landscape:
        policies = (
            PolicyFacts(
                connection_id=row[0],
                item_id=row[1],
                share=row[2] / HUNDRED,
                buffer=row[3],
                cap=row[4],
                threshold=row[5],
                safety_stock=row[6],
                fallback=Fallback(row[7]),
                version=row[8],
            )
            for row in _rows(POLICIES, [list(item_ids)])
        )
        return Landscape(
            places={row[0]: Place(*row) for row in _rows(PLACES, [now])},
            channels={
                row[0]: Channel(row[0], row[1], frozenset(row[2]), frozenset(row[3] or row[2]))
                for row in _rows(CHANNELS, [])
            },
            policies={(each.connection_id, each.item_id): each for each in policies},
        )

    def offered(self, item_ids: Collection[int]) -> frozenset[FigureKey]:
        return frozenset((row[0], row[1]) for row in _rows(OFFERED, [list(item_ids)]))

    def figures(self, item_ids: Collection[int]) -> dict[FigureKey, StoredFigure]:
        return {
            (row[0], row[1]): StoredFigure(*(*row[:8], tuple(json.loads(row[8]))))
            for row in _rows(FIGURES, [list(item_ids)])
        }

    def stock(self, item_ids: Collection[int]) -> Stock:
        levels: list[Level] = []
        demand: list[Demand] = []
        for row in _rows(STOCK, {"ids": list(item_ids)}):
            if row[0] is None:
                levels.append(Level._make(row[1:]))
            else:
                demand.append(Demand(row[1], row[2], row[0], row[3]))
        return Stock(levels, demand)

    def save(self, figures: Sequence[NewFigure], *, now: datetime) -> None:
        if not figures:
            return
        rows = json.dumps(
            [{name: getattr(each, name) for name in COLUMNS} for each in figures], default=plain
        )
        with connection.cursor() as cursor:
            cursor.execute(SAVE, {"now": now, "rows": rows})

    def settle(self, claimed: Collection[DirtyItem]) -> None:
        settle_dirty([(each.item_id, each.version) for each in claimed])

    def set_aside(self, item_id: int, *, until: datetime) -> None:
        set_dirty_aside(item_id, until=until)

    def mark(self, item_ids: Collection[int], *, now: datetime, correlation_id: str) -> None:
        mark_items_dirty(item_ids, now=now, correlation_id=correlation_id)


def _rows(sql: str, params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()
