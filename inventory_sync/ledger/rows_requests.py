"""What deciding requests reads beside the locked rows: stock, who waits for it, and how channels route.

Part of PostgresLedger (store.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal

from inventory_sync.domain.routing import Rule
from inventory_sync.ledger.ports import Waiting
from inventory_sync.ledger.rows import execute, unzip
from inventory_sync.ledger.types import LevelKey, OrderKey

_STOCK = """
SELECT l.item_id, l.location_id, CASE WHEN l.known AND l.unknown_since IS NULL THEN level.free
    ELSE least(level.free, coalesce(l.last_known_free, 0)) END
FROM ledger_stocklevel l
LEFT JOIN ledger_owed w USING (item_id, location_id)
CROSS JOIN LATERAL (
    SELECT l.on_hand - l.unavailable - l.reserved - l.unassigned - coalesce(w.quantity, 0) AS free
) AS level
WHERE l.item_id = ANY(%s)
UNION ALL
SELECT w.item_id, w.location_id, -w.quantity FROM ledger_owed w
WHERE w.item_id = ANY(%s) AND w.quantity <> 0 AND NOT EXISTS (SELECT FROM ledger_stocklevel l
    WHERE l.item_id = w.item_id AND l.location_id = w.location_id)
"""
_WAITING = """
SELECT a.item_id, a.location_id, o.connection_id, sum(a.quantity - a.contained),
    coalesce(sum(a.quantity - a.contained) FILTER (WHERE r.state = 'backordered'), 0)
FROM ledger_allocation a
JOIN unnest(%s::bigint[], %s::bigint[]) AS given(item_id, location_id) USING (item_id, location_id)
JOIN ledger_reservation r ON r.id = a.reservation_id
JOIN ledger_order o ON o.id = r.order_id
WHERE a.open
GROUP BY a.item_id, a.location_id, o.connection_id
ORDER BY a.item_id, a.location_id, o.connection_id
"""
_BACKORDERED = """
SELECT o.connection_id, o.order_ref
FROM ledger_reservation r JOIN ledger_order o ON o.id = r.order_id
WHERE r.state = 'backordered' AND (%s OR EXISTS (SELECT FROM ledger_allocation a
    WHERE a.reservation_id = r.id AND a.open AND a.item_id = ANY(%s)))
GROUP BY o.id ORDER BY min(r.id) LIMIT %s
"""


class RequestRows:
    """The store's calls about requests."""

    def stock_of(self, item_ids: Collection[int]) -> dict[LevelKey, Decimal]:
        ids = sorted(item_ids)
        return {(row[0], row[1]): row[2] for row in execute(_STOCK, (ids, ids))}

    def waiting(self, keys: Collection[LevelKey]) -> list[Waiting]:
        return [Waiting(*row) for row in execute(_WAITING, unzip(sorted(keys), 2))]

    def backordered(self, item_ids: Collection[int] | None, *, limit: int) -> list[OrderKey]:
        ids = sorted(item_ids or ())
        return [(row[0], row[1]) for row in execute(_BACKORDERED, (item_ids is None, ids, limit))]

    def routing_rules(self, connection_ids: Collection[int]) -> Mapping[int, tuple[Rule, ...]]:
        rows = execute(
            "SELECT connection_id, rules FROM ledger_requestterms WHERE connection_id = ANY(%s)",
            (sorted(connection_ids),),
        )
        return {row[0]: tuple(Rule(name) for name in row[1]) for row in rows}
