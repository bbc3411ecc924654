"""Reads of the ledger, for the API, the console and those who check it. Writes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet

from inventory_sync.connections.models import Connection
from inventory_sync.domain.reports import plain
from inventory_sync.ledger.models import DirtyItem, Order, Reservation, StockLevel
from inventory_sync.ledger.rows import execute

_VIRTUAL = ("vendor", "customer", "adjustment", "transit", "scrap")
_VERIFY = """
SELECT item_id, location_id, coalesce(l.on_hand, 0), coalesce(sums.total, 0)
FROM ledger_stocklevel l
FULL JOIN (
    SELECT item_id, location_id, sum(quantity) AS total FROM (
        SELECT item_id, destination_id AS location_id, quantity FROM ledger_movement
        UNION ALL
        SELECT item_id, source_id, -quantity FROM ledger_movement
    ) AS legs
    JOIN catalog_location place ON place.id = legs.location_id AND NOT place.kind = ANY(%s)
    GROUP BY item_id, location_id
) AS sums USING (item_id, location_id)
WHERE coalesce(l.on_hand, 0) <> coalesce(sums.total, 0)
ORDER BY item_id, location_id
"""
_LEVELS = """
SELECT i.sku, place.code, l.on_hand, l.known, coalesce(l.count_key, ''), l.counted_at, l.count_sequence,
    l.reading, l.reserved, l.unassigned, l.unavailable
FROM ledger_stocklevel l
JOIN catalog_item i ON i.id = l.item_id
JOIN catalog_location place ON place.id = l.location_id
WHERE l.known OR l.on_hand <> 0 OR l.unavailable <> 0 OR l.counted_at IS NOT NULL OR l.reading IS NOT NULL
ORDER BY i.sku COLLATE "C", place.code COLLATE "C"
"""
_TOTALS = """
SELECT i.sku, place.code, other.kind, sum(legs.quantity) FROM (
    SELECT item_id, destination_id AS location_id, source_id AS other_id, quantity FROM ledger_movement
    UNION ALL
    SELECT item_id, source_id, destination_id, -quantity FROM ledger_movement
) AS legs
JOIN catalog_item i ON i.id = legs.item_id
JOIN catalog_location place ON place.id = legs.location_id AND NOT place.kind = ANY(%s)
JOIN catalog_location other ON other.id = legs.other_id
GROUP BY i.sku, place.code, other.kind HAVING sum(legs.quantity) <> 0
ORDER BY i.sku COLLATE "C", place.code COLLATE "C", other.kind
"""
_DEMAND = """
SELECT c.code, o.order_ref, r.line_ref, i.sku, sum(a.quantity - a.contained)
FROM ledger_allocation a
JOIN ledger_reservation r ON r.id = a.reservation_id
JOIN ledger_order o ON o.id = r.order_id
JOIN connections_connection c ON c.id = o.connection_id
JOIN catalog_item i ON i.id = a.item_id
WHERE a.open
GROUP BY c.code, o.order_ref, r.line_ref, i.sku
ORDER BY c.code, o.order_ref COLLATE "C", r.line_ref COLLATE "C", i.sku COLLATE "C"
"""


_HELD = """
SELECT h.source, h.order_ref, h.line_ref, i.sku, place.code, h.contained, h.delivered
FROM ledger_holding h
JOIN catalog_item i ON i.id = h.item_id
JOIN catalog_location place ON place.id = h.location_id
WHERE h.contained <> 0 OR h.delivered <> 0
ORDER BY h.source, h.order_ref COLLATE "C", h.line_ref COLLATE "C", i.sku COLLATE "C", place.code COLLATE "C"
"""

_VERIFY_OWED = """
SELECT item_id, location_id, coalesce(o.quantity, 0), coalesce(sums.total, 0)
FROM ledger_owed o
FULL JOIN (
    SELECT item_id, location_id, sum(quantity - contained) AS total FROM ledger_allocation WHERE open
    GROUP BY item_id, location_id
) AS sums USING (item_id, location_id)
WHERE coalesce(o.quantity, 0) <> coalesce(sums.total, 0)
ORDER BY item_id, location_id
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A level that is not what its movements add up to. There must be none."""

    item_id: int
    location_id: int
    on_hand: Decimal
    movements: Decimal


def levels(
    *, item_ids: Collection[int] | None = None, location_ids: Collection[int] | None = None
) -> QuerySet[StockLevel]:
    """Return stock levels with item and location, ordered by SKU and location code."""
    rows = StockLevel.objects.select_related("item", "location").order_by("item__sku", "location__code", "id")
    if item_ids is not None:
        rows = rows.filter(item_id__in=item_ids)
    if location_ids is not None:
        rows = rows.filter(location_id__in=location_ids)
    return rows


def open_orders_not_seen_since(moment: datetime, *, limit: int) -> list[tuple[int, str]]:
    """Return (connection id, order ref) of open orders nobody spoke of since then, the oldest first.

    Those of connections that are not active cannot be read, and would stand before all others for good.
    """
    rows = Order.objects.filter(
        seen=True,
        seen_at__lt=moment,
        reservations__state__in=Reservation.OPEN,
        connection__state=Connection.State.ACTIVE,
    )
    found = rows.distinct().order_by("seen_at", "id").values_list("connection_id", "order_ref")
    return list(found[:limit])


def any_dirty() -> bool:
    """Say whether an item waits to be computed again."""
    return DirtyItem.objects.exists()


def verify() -> list[Difference]:
    """Return every level that is not the sum of its movements; one pass over the ledger, no lock."""
    return [Difference(*row) for row in execute(_VERIFY, (list(_VIRTUAL),))]


def verify_owed() -> list[tuple[int, int, Decimal, Decimal]]:
    """Return (item, location, kept, summed) wherever what is owed is not what its allocations add up to."""
    return [(row[0], row[1], row[2], row[3]) for row in execute(_VERIFY_OWED)]


def state_hash() -> str:
    """Return a digest of what the ledger means: levels, totals per counterpart, open demand per line, and
    what the books hold of each line at each place.

    Equal for equal meaning, whatever order things arrived in and whatever ids the rows have. Where a line is
    routed is left out: it depends on what was free when the order came.
    """
    digest = hashlib.sha256()
    for sku, place, on_hand, known, name, at, sequence, reading, *facts in execute(_LEVELS):
        # A count key begins with its connection's id; the key alone is what the source said.
        counted = "" if at is None else f"{name.partition(':')[2]}@{at.timestamp()}/{sequence}"
        said = tuple(plain(fact) for fact in facts)
        digest.update(repr((sku, place, plain(on_hand), known, counted, reading, said)).encode())
    for *place_of, total in execute(_TOTALS, (list(_VIRTUAL),)):
        digest.update(repr((*place_of, plain(total))).encode())
    for *line_of, owed in execute(_DEMAND):
        digest.update(repr((*line_of, plain(owed))).encode())
    for *line_at, contained, delivered in execute(_HELD):
        digest.update(repr((*line_at, plain(contained), plain(delivered))).encode())
    return digest.hexdigest()
