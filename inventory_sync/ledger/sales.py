"""What was sold in a span of time, line by line as the ledger learned of it, and a digest of its movements.

Reads only, for the daily evidence. A sale is a line that was taken, or that came to want more; what was only
held for a while and expired is none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection as database

from inventory_sync.domain.reports import plain
from inventory_sync.ledger.rows import execute

TAKEN = ("requested", "held", "committed", "acknowledged", "picked", "shipped", "backordered", "closed")
ROWS = 20_000

_SALES = """
SELECT h.id, h.at, o.connection_id, c.code, o.id, coalesce(nullif(o.number, ''), o.order_ref), r.line_ref,
    h.item_id, i.sku, h.state, h.demand - coalesce(before.demand, 0), o.placed_at, h.demand,
    (SELECT jsonb_object_agg(part.item_id, part.promised::text) FROM (
        SELECT a ->> 0 AS item_id, sum((a ->> 2)::numeric) AS promised
        FROM jsonb_array_elements(h.allocations) AS a GROUP BY a ->> 0
    ) AS part)
FROM ledger_reservationchange h
JOIN ledger_reservation r ON r.id = h.reservation_id JOIN ledger_order o ON o.id = r.order_id
JOIN connections_connection c ON c.id = o.connection_id JOIN catalog_item i ON i.id = h.item_id
LEFT JOIN LATERAL (
    SELECT CASE WHEN p.state = ANY(%(taken)s) THEN p.demand ELSE 0 END AS demand
    FROM ledger_reservationchange p WHERE p.reservation_id = h.reservation_id AND p.id < h.id
    ORDER BY p.id DESC LIMIT 1
) AS before ON true
WHERE h.at >= %(since)s AND h.at < %(until)s AND h.state = ANY(%(taken)s)
    AND h.demand > coalesce(before.demand, 0)
ORDER BY h.at, h.id
"""
_ENDS = """
SELECT c.code, h.state, count(DISTINCT h.reservation_id)
FROM ledger_reservationchange h
JOIN ledger_reservation r ON r.id = h.reservation_id JOIN ledger_order o ON o.id = r.order_id
JOIN connections_connection c ON c.id = o.connection_id
WHERE h.at >= %(since)s AND h.at < %(until)s
GROUP BY c.code, h.state
"""
_MOVEMENTS = """
SELECT m.id, i.sku, s.code, d.code, m.quantity, m.kind, m.reference, m.recorded_at
FROM ledger_movement m JOIN catalog_item i ON i.id = m.item_id
JOIN catalog_location s ON s.id = m.source_id JOIN catalog_location d ON d.id = m.destination_id
WHERE m.recorded_at >= %(since)s AND m.recorded_at < %(until)s AND m.id > %(after)s
ORDER BY m.id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Sale:
    """A line that was taken, or came to want `quantity` more, in base units of the item as sold.

    parts: item id → base units it takes of that; a kit's are its components, by the recipe it was sold with.
    """

    change_id: int
    at: datetime
    connection_id: int
    connection: str
    order_id: int
    order: str
    line: str
    item_id: int
    sku: str
    state: str
    quantity: Decimal
    placed_at: datetime | None
    parts: Mapping[int, Decimal] = field(default_factory=dict)

    @property
    def is_kit(self) -> bool:
        return self.item_id not in self.parts


@dataclass(frozen=True, slots=True)
class Digest:
    """SHA-256 over the movements recorded in a span, in the order of their ids, and how many there were."""

    sha256: str
    movements: int


def sales_between(since: datetime, until: datetime) -> list[Sale]:
    """Return the sales recorded in a span, oldest first."""
    return [_sale(row) for row in execute(_SALES, _span(since, until))]


def lines_by_state(since: datetime, until: datetime) -> dict[tuple[str, str], int]:
    """Return how many lines of each connection came to each state in a span."""
    return {(row[0], row[1]): row[2] for row in execute(_ENDS, _span(since, until))}


def digest_of(since: datetime, until: datetime) -> Digest:
    """Return the digest of the movements recorded in a span; equal rows, equal digest."""
    digest, count = hashlib.sha256(), 0
    for row in _movements(since, until):
        digest.update(repr((row[0], *row[1:4], plain(row[4]), *row[5:7], row[7].isoformat())).encode())
        count += 1
    return Digest(digest.hexdigest(), count)


def _sale(row: tuple[Any, ...]) -> Sale:
    *told, demand, promised = row
    sale = Sale(*told)
    whole = {int(part): Decimal(each) for part, each in json.loads(promised or "{}").items()}
    parts = {part: each * sale.quantity / demand for part, each in whole.items() if each}
    return replace(sale, parts=parts or {sale.item_id: sale.quantity})


def _movements(since: datetime, until: datetime) -> Iterator[tuple[Any, ...]]:
    after = 0
    with database.cursor() as cursor:
        while True:
            cursor.execute(_MOVEMENTS, {**_span(since, until), "after": after, "limit": ROWS})
            rows = cursor.fetchall()
            yield from rows
            if len(rows) < ROWS:
                return
            after = rows[-1][0]


def _span(since: datetime, until: datetime) -> Any:
    return {"since": since, "until": until, "taken": list(TAKEN)}
