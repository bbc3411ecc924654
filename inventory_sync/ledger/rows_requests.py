"""What deciding requests reads beside the locked rows: stock, who waits for it, and how channels route.

Part of PostgresLedger (store.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from inventory_sync.domain.routing import Rule
from inventory_sync.ledger.ports import HeldOrder, Stock, Waiting
from inventory_sync.ledger.rows import execute, unzip
from inventory_sync.ledger.rows_orders import ORDER_ARRAYS, ORDER_COLUMNS, ORDER_WIDTH, OrderRows, order_row
from inventory_sync.ledger.types import LevelKey, OrderKey

_MAKE = f"""
INSERT INTO ledger_order ({ORDER_COLUMNS}, first_seen_at, seen_at)
SELECT {ORDER_COLUMNS}, %s, %s FROM unnest({ORDER_ARRAYS}) AS given({ORDER_COLUMNS})
WHERE NOT EXISTS (SELECT FROM ledger_order o
    WHERE o.connection_id = given.connection_id AND o.order_ref = given.order_ref)
ORDER BY connection_id, order_ref ON CONFLICT DO NOTHING
RETURNING id, connection_id, order_ref,
    EXISTS (SELECT FROM ledger_fulfilment f JOIN connections_connection c ON c.code = f.source
        WHERE c.id = ledger_order.connection_id AND f.order_ref = ledger_order.order_ref)
    OR EXISTS (SELECT FROM ledger_holding h JOIN connections_connection c ON c.code = h.source
        WHERE c.id = ledger_order.connection_id AND h.order_ref = ledger_order.order_ref)
"""  # noqa: S608
# One at a time, in the order given, each by its index: that order is the lock order.
_LOCK = """
SELECT count(*) FROM (
    SELECT level.id FROM unnest(%s::bigint[], %s::bigint[]) AS given(item_id, location_id)
    CROSS JOIN LATERAL (
        SELECT s.id FROM ledger_stocklevel s
        WHERE s.item_id = given.item_id AND s.location_id = given.location_id FOR NO KEY UPDATE
    ) AS level OFFSET 0
) AS locked
"""
_STOCK = """
SELECT l.item_id, l.location_id, CASE WHEN l.known AND l.unknown_since IS NULL THEN level.free
    ELSE least(level.free, coalesce(l.last_known_free, 0)) END, l.known
FROM ledger_stocklevel l
LEFT JOIN ledger_owed w USING (item_id, location_id)
CROSS JOIN LATERAL (
    SELECT l.on_hand - l.unavailable - l.reserved - l.unassigned - coalesce(w.quantity, 0) AS free
) AS level
WHERE l.item_id = ANY(%s::bigint[])
UNION ALL
SELECT w.item_id, w.location_id, -w.quantity, true FROM ledger_owed w
WHERE w.item_id = ANY(%s::bigint[]) AND w.quantity <> 0 AND NOT EXISTS (SELECT FROM ledger_stocklevel l
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


class RequestRows(OrderRows):
    """The store's calls about requests."""

    def open_requests(
        self, keys: Collection[OrderKey], *, heads: Mapping[OrderKey, HeldOrder], now: datetime
    ) -> dict[OrderKey, HeldOrder]:
        made: dict[OrderKey, HeldOrder] = {}
        named_before: list[OrderKey] = []
        if heads:
            rows = [order_row(heads[key]) for key in sorted(heads)]
            for row_id, connection_id, ref, named in execute(_MAKE, (now, now, *unzip(rows, ORDER_WIDTH))):
                made[connection_id, ref] = HeldOrder(connection_id, ref, made=row_id)
                if named:
                    named_before.append((connection_id, ref))
        if named_before:
            fulfilments = self._fulfilments([made[key].made for key in named_before])
            holdings = self.holdings(named_before)
            for key in named_before:
                told = tuple(fulfilments[made[key].made])
                made[key] = replace(made[key], fulfilments=told, holdings=holdings.get(key, ()))
        if known := sorted(key for key in keys if key not in made):
            made |= self._lock_known(known)
        return made

    def lock_stock(self, keys: Collection[LevelKey]) -> Stock:
        """Two statements: what is free is read in a snapshot of its own, under the locks."""
        ids = sorted({item for item, _ in keys})
        execute(_LOCK, unzip(sorted(keys), 2))
        rows = execute(_STOCK, (ids, ids))
        return Stock(
            {(item, place): free for item, place, free, _ in rows},
            frozenset((item, place) for item, place, _, known in rows if not known),
        )

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
