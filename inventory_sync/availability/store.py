"""The PostgreSQL store of recompute: one statement per call, whatever the size of the batch.

Items are held by a lock on their catalog row that never waits and that no posting waits for (ledger.services
says how). Reads the ledger's rows; writes none but its own figures.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from inventory_sync.availability.ports import (
    Channel,
    Demand,
    DirtyItem,
    Expected,
    FigureKey,
    ItemFacts,
    Landscape,
    Level,
    NewFigure,
    Place,
    Plainly,
    PolicyFacts,
    Recipe,
    SetAside,
    Stock,
    StoredFigure,
)
from inventory_sync.availability.saving import save_figures
from inventory_sync.availability.setwise import save_plain
from inventory_sync.catalog.resolve import PIECES
from inventory_sync.domain.availability import Fallback
from inventory_sync.ledger.services import (
    array_of,
    claim_dirty,
    mark_items_dirty,
    set_dirty_aside,
    settle_dirty,
)

HOLD = "SELECT id FROM catalog_item WHERE id = ANY(%s::bigint[]) FOR NO KEY UPDATE SKIP LOCKED"
RECIPES = """
SELECT k.kit_id, i.kit_pooled, k.component_id, (k.quantity * 1000000)::bigint FROM catalog_kitcomponent k
JOIN catalog_item i ON i.id = k.kit_id
WHERE k.kit_id IN (
    SELECT kit_id FROM catalog_kitcomponent WHERE component_id = ANY((SELECT %(ids)s::bigint[])::bigint[])
    UNION SELECT kit_id FROM catalog_kitcomponent WHERE kit_id = ANY((SELECT %(ids)s::bigint[])::bigint[])
)
ORDER BY k.kit_id, k.component_id
"""
ITEMS = "SELECT id, sku, kind = 'kit', base_unit_id FROM catalog_item WHERE id = ANY(%s::bigint[])"
PLACES = """
SELECT l.id, l.code, l.complete_since IS NOT NULL AND l.complete_since <= %s, coalesce(f.stale, false)
FROM catalog_location l LEFT JOIN availability_freshness f ON f.location_id = l.id
"""
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
SELECT connection_id, item_id, (share_percent * 100)::int, (buffer * 1000000)::bigint,
    (buffer_percent * 100)::int, (cap * 1000000)::bigint, (threshold * 1000000)::bigint,
    (safety_stock * 1000000)::bigint, (pack * 1000000)::bigint, fallback, (shrink_percent * 100)::int,
    (backorder_allowance * 1000000)::bigint, (preorder_allowance * 1000000)::bigint, preorder_days, version
FROM availability_policy WHERE item_id IS NULL OR item_id = ANY(%s::bigint[])
"""
SAFETY = """
SELECT item_id, location_id, (quantity * 1000000)::bigint FROM availability_safetystock
WHERE item_id IS NULL OR item_id = ANY(%s::bigint[])
"""
# A kit is used up by orders of the kit, an item by what orders owe of it, also inside kits.
SET_ASIDE = """
SELECT a.connection_id, a.item_id, (a.quantity * 1000000)::bigint,
    (coalesce(CASE WHEN i.kind = 'kit' THEN (
        SELECT sum(r.demand) FROM ledger_reservation r JOIN ledger_order o ON o.id = r.order_id
        WHERE r.item_id = a.item_id AND o.connection_id = a.connection_id AND o.first_seen_at >= a.granted_at
            AND r.state NOT IN ('rejected', 'released', 'expired', 'cancelled', 'closed_short')
    ) ELSE (
        SELECT sum(d.quantity) FROM ledger_allocation d JOIN ledger_reservation r ON r.id = d.reservation_id
        JOIN ledger_order o ON o.id = r.order_id
        WHERE d.item_id = a.item_id AND o.connection_id = a.connection_id AND o.first_seen_at >= a.granted_at
            AND r.state NOT IN ('rejected', 'released', 'expired', 'cancelled', 'closed_short')
    ) END, 0) * 1000000)::bigint
FROM availability_allotment a JOIN catalog_item i ON i.id = a.item_id
WHERE a.item_id = ANY(%(ids)s::bigint[]) AND a.ended_at IS NULL AND a.granted_at <= %(now)s
    AND (a.expires_at IS NULL OR a.expires_at > %(now)s)
ORDER BY a.id
"""
OFFERED = """
SELECT DISTINCT m.connection_id, m.item_id FROM catalog_itemmapping m
JOIN connections_connection c ON c.id = m.connection_id
WHERE m.item_id = ANY(%s::bigint[]) AND m.state = 'confirmed' AND c.sells
"""
FIGURES = """
SELECT connection_id, item_id, (figure * 1000000)::bigint, (last_known * 1000000)::bigint, version,
    correlation_id, verdict, policy_version, nullif("unknown", '[]')
FROM availability_channelfigure WHERE item_id = ANY(%s::bigint[])
"""
# What is overdue is not confirmed any more; what has no day cannot be promised for one.
EXPECTED = """
SELECT l.item_id, e.location_id, (l.open * 1000000)::bigint, l.due_at
FROM ledger_expectationline l JOIN ledger_expectation e ON e.id = l.expectation_id
WHERE l.item_id = ANY(%s::bigint[]) AND l.open > 0 AND e.location_id IS NOT NULL
    AND l.due_at > %s AND l.due_at <= %s
ORDER BY l.due_at, l.id
"""
# Levels and promises by one statement, so that they are of one instant. What lies where nobody sells,
# serves or owes decides nothing: of a chain of stores that is most of it.
STOCK = """
SELECT NULL, item_id, location_id, (on_hand * 1000000)::bigint, known, (unavailable * 1000000)::bigint,
    (reserved * 1000000)::bigint, (unassigned * 1000000)::bigint, (last_known_free * 1000000)::bigint, version
FROM ledger_stocklevel WHERE item_id = ANY(%(ids)s::bigint[])
    AND (location_id IN (SELECT location_id FROM catalog_locationmapping WHERE sells_for OR fulfils)
        OR (item_id, location_id) IN (
            SELECT item_id, location_id FROM ledger_allocation
            WHERE open AND item_id = ANY(%(ids)s::bigint[])))
UNION ALL
SELECT o.connection_id, a.item_id, a.location_id, (sum(a.quantity - a.contained) * 1000000)::bigint,
    NULL, NULL, NULL, NULL, NULL, NULL
FROM ledger_allocation a
JOIN ledger_reservation r ON r.id = a.reservation_id
JOIN ledger_order o ON o.id = r.order_id
WHERE a.open AND a.item_id = ANY(%(ids)s::bigint[]) AND a.quantity > a.contained
GROUP BY o.connection_id, a.item_id, a.location_id
"""


class PostgresAvailability:
    """The AvailabilityStore of the running platform. Needs an open transaction at READ COMMITTED."""

    def claim(self, limit: int, *, now: datetime) -> list[DirtyItem]:
        return list(map(DirtyItem._make, claim_dirty(limit, now=now)))

    def recipes(self, item_ids: Collection[int]) -> list[Recipe]:
        kits: dict[int, list[tuple[int, int]]] = defaultdict(list)
        pooled: dict[int, bool] = {}
        for kit_id, together, component_id, quantity in _rows(RECIPES, {"ids": array_of(item_ids)}):
            kits[kit_id].append((component_id, quantity))
            pooled[kit_id] = together
        return [Recipe(kit_id, tuple(parts), pooled[kit_id]) for kit_id, parts in kits.items()]

    def hold(self, item_ids: Collection[int]) -> frozenset[int]:
        return frozenset(item_id for (item_id,) in _rows(HOLD, [array_of(item_ids)]))

    def items(self, item_ids: Collection[int]) -> dict[int, ItemFacts]:
        return {
            item_id: ItemFacts(item_id, sku, is_kit, base_unit in PIECES)
            for item_id, sku, is_kit, base_unit in _rows(ITEMS, [array_of(item_ids)])
        }

    def landscape(self, item_ids: Collection[int], *, now: datetime) -> Landscape:
        ids = array_of(item_ids)
        policies = (PolicyFacts(*(*row[:9], Fallback(row[9]), *row[10:])) for row in _rows(POLICIES, [ids]))
        set_aside: dict[int, list[SetAside]] = defaultdict(list)
        for row in _rows(SET_ASIDE, {"ids": ids, "now": now}):
            set_aside[row[1]].append(SetAside._make(row))
        return Landscape(
            places={row[0]: Place(*row) for row in _rows(PLACES, [now])},
            channels={
                row[0]: Channel(row[0], row[1], frozenset(row[2]), frozenset(row[3] or row[2]))
                for row in _rows(CHANNELS, [])
            },
            policies={(each.connection_id, each.item_id): each for each in policies},
            safety={(row[0], row[1]): row[2] for row in _rows(SAFETY, [ids])},
            set_aside=dict(set_aside),
        )

    def expected(self, item_ids: Collection[int], *, now: datetime, until: datetime) -> list[Expected]:
        return [Expected(*row) for row in _rows(EXPECTED, [array_of(item_ids), now, until])]

    def offered(self, item_ids: Collection[int]) -> frozenset[FigureKey]:
        return frozenset(_rows(OFFERED, [array_of(item_ids)]))

    def figures(self, item_ids: Collection[int]) -> dict[FigureKey, StoredFigure]:
        make = StoredFigure._make
        return {
            row[:2]: make((*row[:8], () if row[8] is None else tuple(json.loads(row[8]))))
            for row in _rows(FIGURES, [array_of(item_ids)])
        }

    def stock(self, item_ids: Collection[int]) -> Stock:
        levels: list[Level] = []
        demand: list[Demand] = []
        make = Level._make
        for row in _rows(STOCK, {"ids": array_of(item_ids)}):
            if row[0] is None:
                levels.append(make(row[1:]))
            else:
                demand.append(Demand(row[1], row[2], row[0], row[3]))
        return Stock(levels, demand)

    def save_plain(
        self,
        item_ids: Collection[int],
        *,
        causes: Mapping[int, str],
        now: datetime,
        urgent_at_or_below: Decimal | int,
    ) -> Plainly:
        return save_plain(item_ids, causes=causes, now=now, urgent_at_or_below=urgent_at_or_below)

    def save(self, figures: Sequence[NewFigure], *, now: datetime) -> None:
        save_figures(figures, now=now)

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
