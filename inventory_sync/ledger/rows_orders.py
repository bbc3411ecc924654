"""Orders, reservations and allocations in PostgreSQL. Part of PostgresLedger (store.py)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from inventory_sync.domain.containment import Allocation
from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.reservations import LineStatus
from inventory_sync.domain.routing import ReserveMode
from inventory_sync.ledger.ports import Fulfilment, HeldLine, HeldOrder
from inventory_sync.ledger.rows import execute, unzip
from inventory_sync.ledger.rows_figures import FigureRows
from inventory_sync.ledger.types import OrderKey

STATE_OF = {status: status.value for status in LineStatus} | {LineStatus.SHIPPED_AWAITING_BOOKS: "shipped"}
STATUS_OF = {state: status for status, state in STATE_OF.items()}

_CREATE = """
INSERT INTO ledger_order (connection_id, order_ref, number, status, stamp, reading, fingerprint,
    first_seen_at, seen_at, incomplete, seen, correlation_id)
SELECT given.connection_id, given.order_ref, '', 'committed', 0, 0, '', %s, %s, false, false, ''
FROM unnest(%s::bigint[], %s::text[]) AS given(connection_id, order_ref)
WHERE NOT EXISTS (SELECT FROM ledger_order o
    WHERE o.connection_id = given.connection_id AND o.order_ref = given.order_ref)
ORDER BY given.connection_id, given.order_ref ON CONFLICT DO NOTHING
RETURNING id, connection_id, order_ref
"""
_LOCK = """
SELECT o.id, o.connection_id, o.order_ref, o.seen, o.number, o.status, o.stamp, o.reading, o.fingerprint,
    o.gone, o.incomplete, o.placed_at, o.correlation_id, o.requested, o.review, o.mode, o.begun, o.set_back
FROM ledger_order o
JOIN unnest(%s::bigint[], %s::text[]) AS given(connection_id, order_ref) USING (connection_id, order_ref)
ORDER BY o.connection_id, o.order_ref FOR UPDATE OF o
"""
_LINES = """
SELECT id, order_id, line_ref, item_id, demand, state, fulfilled, expires_at, reason, asked, routing
FROM ledger_reservation WHERE order_id = ANY(%s)
"""
_ALLOCATIONS = """
SELECT a.reservation_id, a.item_id, a.location_id, a.quantity, a.contained, a.fulfilled
FROM ledger_allocation a JOIN ledger_reservation r ON r.id = a.reservation_id
WHERE r.order_id = ANY(%s) ORDER BY a.id
"""
_FULFILMENTS = """
SELECT o.id, f.line_ref, f.item_id, f.location_id, sum(f.quantity), lived.number
FROM ledger_order o
JOIN connections_connection c ON c.id = o.connection_id
JOIN ledger_fulfilment f ON f.source = c.code AND f.order_ref = o.order_ref AND f.effective
JOIN catalog_location place ON place.id = f.location_id
CROSS JOIN LATERAL (
    SELECT count(*) AS number FROM catalog_tenure t
    WHERE t.location_id = f.location_id AND t.starts_at <= f.occurred_at
) AS lived
WHERE o.id = ANY(%s) AND coalesce(
    (SELECT t.mode FROM catalog_tenure t WHERE t.location_id = f.location_id AND t.starts_at <= f.occurred_at
     ORDER BY t.starts_at DESC LIMIT 1),
    (SELECT t.was FROM catalog_tenure t WHERE t.location_id = f.location_id ORDER BY t.starts_at LIMIT 1),
    place.mode) = 'movements'
GROUP BY o.id, f.line_ref, f.item_id, f.location_id, lived.number
ORDER BY f.line_ref, f.item_id, f.location_id, lived.number
"""
_DUE = """
SELECT o.connection_id, o.order_ref FROM ledger_reservation r JOIN ledger_order o ON o.id = r.order_id
WHERE r.state = 'held' AND r.expires_at <= %s
GROUP BY o.connection_id, o.order_ref ORDER BY min(r.expires_at), o.connection_id, o.order_ref LIMIT %s
"""
ORDER_COLUMNS = (
    "connection_id, order_ref, seen, number, status, stamp, reading, fingerprint, gone, incomplete, "
    "placed_at, correlation_id, requested, review, mode, begun, set_back"
)
ORDER_ARRAYS = (
    "%s::bigint[], %s::text[], %s::boolean[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], "
    "%s::text[], %s::bigint[], %s::boolean[], %s::timestamptz[], %s::text[], %s::boolean[], %s::boolean[], "
    "%s::text[], %s::bigint[], %s::boolean[]"
)
ORDER_WIDTH = 17
_SAVE_ORDERS = f"""
UPDATE ledger_order o SET seen = given.seen, number = given.number, status = given.status,
    stamp = given.stamp, reading = given.reading, fingerprint = given.fingerprint, gone = given.gone,
    incomplete = given.incomplete, placed_at = given.placed_at, correlation_id = given.correlation_id,
    requested = given.requested, review = given.review, mode = given.mode,
    begun = given.begun, set_back = given.set_back
FROM unnest({ORDER_ARRAYS}) AS given({ORDER_COLUMNS})
WHERE o.connection_id = given.connection_id AND o.order_ref = given.order_ref
RETURNING o.id, o.connection_id, o.order_ref
"""  # noqa: S608
_SEEN = """
UPDATE ledger_order o SET seen_at = %s
FROM unnest(%s::bigint[], %s::text[]) AS given(connection_id, order_ref)
WHERE o.connection_id = given.connection_id AND o.order_ref = given.order_ref
"""
_LINE_COLUMNS = (
    "order_id, line_ref, item_id, demand, fulfilled, state, stamp, reading, expires_at, reason, "
    "asked, routing"
)
_LINE_ARRAYS = (
    "%s::bigint[], %s::text[], %s::bigint[], %s::numeric[], %s::numeric[], %s::text[], %s::bigint[], "
    "%s::bigint[], %s::timestamptz[], %s::text[], %s::numeric[], %s::text[]"
)
_ADD_LINES = f"""
WITH line AS (
    INSERT INTO ledger_reservation ({_LINE_COLUMNS}, changed_at)
    SELECT {_LINE_COLUMNS}, %s FROM unnest({_LINE_ARRAYS}) AS given({_LINE_COLUMNS})
    RETURNING *
), part AS (
    INSERT INTO ledger_allocation (reservation_id, item_id, location_id, quantity, contained, fulfilled, open)
    SELECT line.id, given.item_id, given.location_id, given.quantity, given.contained, given.fulfilled,
        given.quantity > given.contained
    FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::numeric[], %s::numeric[],
        %s::numeric[]) WITH ORDINALITY
        AS given(order_id, line_ref, item_id, location_id, quantity, contained, fulfilled, place)
    JOIN line USING (order_id, line_ref)
    ORDER BY place
)
INSERT INTO ledger_reservationchange (reservation_id, at, item_id, state, demand, fulfilled, stamp, reading,
    reason, allocations, correlation_id)
SELECT line.id, line.changed_at, line.item_id, line.state, line.demand, line.fulfilled, line.stamp,
    line.reading, line.reason, given.parts, given.correlation_id
FROM unnest(%s::bigint[], %s::text[], %s::jsonb[], %s::text[])
    AS given(order_id, line_ref, parts, correlation_id)
JOIN line USING (order_id, line_ref)
"""  # noqa: S608
_SAVE_LINES = f"""
INSERT INTO ledger_reservation AS r ({_LINE_COLUMNS}, changed_at)
SELECT {_LINE_COLUMNS}, %s FROM unnest({_LINE_ARRAYS}) AS given({_LINE_COLUMNS})
ON CONFLICT (order_id, line_ref) DO UPDATE SET item_id = excluded.item_id, demand = excluded.demand,
    fulfilled = excluded.fulfilled, state = excluded.state, stamp = excluded.stamp,
    reading = excluded.reading, expires_at = excluded.expires_at, reason = excluded.reason,
    asked = excluded.asked, routing = excluded.routing, changed_at = excluded.changed_at
RETURNING r.id, r.order_id, r.line_ref
"""  # noqa: S608
_SAVE_ALLOCATIONS = """
INSERT INTO ledger_allocation (reservation_id, item_id, location_id, quantity, contained, fulfilled, open)
SELECT reservation_id, item_id, location_id, quantity, contained, fulfilled, quantity > contained
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::numeric[], %s::numeric[], %s::numeric[])
    WITH ORDINALITY AS given(reservation_id, item_id, location_id, quantity, contained, fulfilled, place)
ORDER BY place
ON CONFLICT (reservation_id, item_id, location_id) DO UPDATE SET quantity = excluded.quantity,
    contained = excluded.contained, fulfilled = excluded.fulfilled, open = excluded.open
"""
_NOTE_CHANGES = """
INSERT INTO ledger_reservationchange (reservation_id, at, item_id, state, demand, fulfilled, stamp, reading,
    reason, allocations, correlation_id)
SELECT r.id, greatest(%s, last.at), r.item_id, r.state, r.demand, r.fulfilled, r.stamp, r.reading,
    r.reason, owed.parts, o.correlation_id
FROM ledger_reservation r JOIN ledger_order o ON o.id = r.order_id
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_array(a.item_id, a.location_id, a.quantity, a.contained,
        a.fulfilled) ORDER BY a.id), '[]') AS parts
    FROM ledger_allocation a WHERE a.reservation_id = r.id
) AS owed
LEFT JOIN LATERAL (
    SELECT c.at, c.item_id, c.state, c.demand, c.fulfilled, c.allocations FROM ledger_reservationchange c
    WHERE c.reservation_id = r.id ORDER BY c.at DESC, c.id DESC LIMIT 1
) AS last ON true
WHERE r.id = ANY(%s) AND (last.item_id, last.state, last.demand, last.fulfilled, last.allocations)
    IS DISTINCT FROM (r.item_id, r.state, r.demand, r.fulfilled, owed.parts)
ORDER BY r.id
"""


class OrderRows(FigureRows):
    """The store's calls about orders, and about what figures hold of them."""

    def lock_orders(
        self, keys: Collection[OrderKey], *, now: datetime, create: Collection[OrderKey] | None = None
    ) -> dict[OrderKey, HeldOrder]:
        made: dict[OrderKey, int] = {}
        if wanted := sorted(keys if create is None else create):
            made = {(row[1], row[2]): row[0] for row in execute(_CREATE, (now, now, *unzip(wanted, 2)))}
        held = {key: HeldOrder(*key) for key in made}
        if made and (fulfilments := self._fulfilments([*made.values()])):
            for key, row_id in made.items():
                held[key] = HeldOrder(*key, fulfilments=tuple(fulfilments[row_id]))
        for key, holdings in (self.holdings(made) if made else {}).items():
            held[key] = replace(held[key], holdings=holdings)
        if known := sorted(key for key in keys if key not in made):
            held |= self._lock_known(known)
        return dict(sorted(held.items()))

    def _lock_known(self, keys: Sequence[OrderKey]) -> dict[OrderKey, HeldOrder]:
        rows = execute(_LOCK, unzip(keys, 2))
        ids = [row[0] for row in rows]

        allocations: dict[int, list[Allocation]] = defaultdict(list)
        for reservation_id, item, place, quantity, contained, fulfilled in execute(_ALLOCATIONS, (ids,)):
            allocations[reservation_id].append(
                Allocation(str(item), str(place), quantity, contained, fulfilled)
            )
        lines: dict[int, dict[str, HeldLine]] = defaultdict(dict)
        for row_id, order_id, ref, item, demand, state, fulfilled, *rest in execute(_LINES, (ids,)):
            expires_at, reason, asked, routing = rest
            lines[order_id][ref] = HeldLine(
                line_ref=ref,
                item_id=item,
                demand=demand,
                status=STATUS_OF[state],
                fulfilled=fulfilled,
                expires_at=expires_at,
                reason=reason,
                allocations=tuple(allocations[row_id]),
                asked=asked,
                routing=routing,
            )
        fulfilments = self._fulfilments(ids)
        holdings = self.holdings(keys)
        return {
            (row[1], row[2]): HeldOrder(
                connection_id=row[1],
                order_ref=row[2],
                seen=row[3],
                number=row[4],
                status=OrderStatus(row[5]),
                stamp=row[6],
                reading=row[7],
                fingerprint=row[8],
                gone=row[9],
                incomplete=row[10],
                placed_at=row[11],
                correlation_id=row[12],
                lines=lines[row[0]],
                fulfilments=tuple(fulfilments[row[0]]),
                holdings=holdings.get((row[1], row[2]), ()),
                requested=row[13],
                review=row[14],
                mode=ReserveMode(row[15]),
                begun=row[16],
                set_back=row[17],
            )
            for row in rows
        }

    def _fulfilments(self, order_ids: Sequence[int]) -> dict[int, list[Fulfilment]]:
        found: dict[int, list[Fulfilment]] = defaultdict(list)
        for order_id, *fulfilment in execute(_FULFILMENTS, (list(order_ids),)):
            found[order_id].append(Fulfilment(*fulfilment))
        return found

    def due_holds(self, *, now: datetime, limit: int) -> list[OrderKey]:
        return [(row[0], row[1]) for row in execute(_DUE, (now, limit))]

    def save_orders(
        self,
        orders: Sequence[HeldOrder],
        *,
        now: datetime,
        before: Mapping[OrderKey, HeldOrder] | None = None,
        heads: Mapping[OrderKey, HeldOrder] | None = None,
    ) -> None:
        ids: dict[OrderKey, int] = {}
        rows = []
        for order in orders:
            row = order_row(order)
            if order.made and heads and order_row(heads[order.key]) == row:
                ids[order.key] = order.made
            else:
                rows.append(row)
        if rows:
            saved = execute(_SAVE_ORDERS, unzip(rows, ORDER_WIDTH))
            ids |= {(connection_id, ref): row_id for row_id, connection_id, ref in saved}
        new: list[tuple[HeldOrder, HeldLine]] = []
        known: list[tuple[HeldOrder, HeldLine]] = []
        for order in orders:
            were = None if before is None else before[order.key].lines
            for ref, line in order.lines.items():
                if were is None or ref in were:
                    if were is None or were[ref] != line:
                        known.append((order, line))
                else:
                    new.append((order, line))
        if new:
            self._add_lines(new, ids, now=now)
        if known:
            self._save_lines(known, ids, now=now)

    def _add_lines(
        self, lines: Sequence[tuple[HeldOrder, HeldLine]], ids: Mapping[OrderKey, int], *, now: datetime
    ) -> None:
        """Insert lines nobody has seen, with their allocations and the beginning of their history."""
        allocations = [
            (ids[order.key], line.line_ref, *part) for order, line in lines for part in _parts(line)
        ]
        history = [
            (ids[order.key], line.line_ref, _parts_json(line), order.correlation_id) for order, line in lines
        ]
        rows = [_line_row(ids[order.key], order, line) for order, line in lines]
        execute(_ADD_LINES, (now, *unzip(rows, 12), *unzip(allocations, 7), *unzip(history, 4)))

    def _save_lines(
        self, lines: Sequence[tuple[HeldOrder, HeldLine]], ids: Mapping[OrderKey, int], *, now: datetime
    ) -> None:
        rows = [_line_row(ids[order.key], order, line) for order, line in lines]
        kept = {(row[1], row[2]): row[0] for row in execute(_SAVE_LINES, (now, *unzip(rows, 12)))}
        allocations = [
            (kept[ids[order.key], line.line_ref], *part) for order, line in lines for part in _parts(line)
        ]
        if allocations:
            execute(_SAVE_ALLOCATIONS, unzip(allocations, 6))
        execute(_NOTE_CHANGES, (now, sorted(kept.values())))

    def note_seen(self, keys: Collection[OrderKey], *, now: datetime) -> None:
        execute(_SEEN, (now, *unzip(sorted(keys), 2)))


def order_row(order: HeldOrder) -> tuple[Any, ...]:
    return (
        *order.key,
        order.seen,
        order.number,
        order.status.value,
        order.stamp,
        order.reading,
        order.fingerprint,
        order.gone,
        order.incomplete,
        order.placed_at,
        order.correlation_id,
        order.requested,
        order.review,
        order.mode.value,
        order.begun,
        order.set_back,
    )


def _line_row(order_id: int, order: HeldOrder, line: HeldLine) -> tuple[Any, ...]:
    return (
        order_id,
        line.line_ref,
        line.item_id,
        line.demand,
        line.fulfilled,
        STATE_OF[line.status],
        order.stamp,
        order.reading,
        line.expires_at,
        line.reason,
        line.asked,
        line.routing,
    )


def _parts(line: HeldLine) -> Iterable[tuple[Any, ...]]:
    for each in line.allocations:
        yield (int(each.item), int(each.location), each.demand, each.contained, each.delivered)


def _parts_json(line: HeldLine) -> str:
    """Return the allocations as the history keeps them: numbers, exact however many digits they have."""
    parts = (f"[{item},{place},{owed},{held},{gone}]" for item, place, owed, held, gone in _parts(line))
    return f"[{','.join(parts)}]"
