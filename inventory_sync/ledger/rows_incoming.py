"""Announcements, arrivals, picks and periods in PostgreSQL. Part of PostgresLedger (store.py)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal

from inventory_sync.domain.external import ExpectationKind, ExpectationStatus
from inventory_sync.ledger.expectation_types import ExpectationKey, Pick
from inventory_sync.ledger.ports_incoming import (
    ArrivalRow,
    EventName,
    HeldAnnounced,
    HeldExpectation,
    Late,
    OrderName,
    PickedOf,
)
from inventory_sync.ledger.rows import execute, unzip

# Whoever posts holds it shared, whoever closes or opens a period holds it alone (periods.py).
PERIODS_LOCK = 0x5045_5249_4F44

_ARRIVAL = (
    "connection_id, event_key, revision, source_id, ref, item_id, location_id, quantity, damaged, paper, "
    "final"
)
_ARRIVALS_NAMED = f"""
SELECT {_ARRIVAL} FROM ledger_arrival
JOIN unnest(%s::bigint[], %s::text[]) AS given(connection_id, event_key)
USING (connection_id, event_key)
"""  # noqa: S608
_ARRIVALS_OF = f"""
SELECT {_ARRIVAL} FROM ledger_arrival JOIN unnest(%s::bigint[], %s::text[]) AS given(source_id, ref)
USING (source_id, ref) ORDER BY connection_id, event_key
"""  # noqa: S608
_SAVE_ARRIVALS = f"""
INSERT INTO ledger_arrival ({_ARRIVAL})
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::bigint[], %s::text[], %s::bigint[],
    %s::bigint[], %s::numeric[], %s::boolean[], %s::numeric[], %s::boolean[])
ON CONFLICT (connection_id, event_key) DO UPDATE SET revision = excluded.revision,
    source_id = excluded.source_id, ref = excluded.ref, item_id = excluded.item_id,
    location_id = excluded.location_id, quantity = excluded.quantity, damaged = excluded.damaged,
    paper = excluded.paper, final = excluded.final
WHERE ledger_arrival.revision < excluded.revision
"""  # noqa: S608
_CREATE = """
INSERT INTO ledger_expectation (connection_id, ref, version, kind, status, reference, differs, over,
    correlation_id, changed_at)
SELECT connection_id, ref, -1, '', '', '', false, false, '', %s
FROM unnest(%s::bigint[], %s::text[]) WITH ORDINALITY AS given(connection_id, ref, place)
ORDER BY place ON CONFLICT DO NOTHING
"""
_LOCK = """
SELECT e.id, e.connection_id, e.ref, e.version, e.kind, e.status, e.location_id, e.origin_id, e.due_at,
    e.reference, e.differs, e.over, e.delivery_id, e.correlation_id
FROM ledger_expectation e JOIN unnest(%s::bigint[], %s::text[]) AS given(connection_id, ref)
USING (connection_id, ref) ORDER BY e.connection_id, e.ref COLLATE "C" FOR UPDATE OF e
"""
_LINES = """
SELECT expectation_id, line_ref, item_id, quantity, due_at, arrived, open FROM ledger_expectationline
WHERE expectation_id = ANY(%s) ORDER BY line_ref COLLATE "C"
"""
_SAVE = """
UPDATE ledger_expectation e SET version = given.version, kind = given.kind, status = given.status,
    location_id = given.location_id, origin_id = given.origin_id, due_at = given.due_at,
    reference = given.reference, differs = given.differs, over = given.over,
    delivery_id = given.delivery_id, correlation_id = given.correlation_id, changed_at = %s
FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[],
    %s::timestamptz[], %s::text[], %s::boolean[], %s::boolean[], %s::bigint[], %s::text[])
    AS given(connection_id, ref, version, kind, status, location_id, origin_id, due_at, reference, differs,
        over, delivery_id, correlation_id)
WHERE e.connection_id = given.connection_id AND e.ref = given.ref
"""
_SAVE_LINES = """
INSERT INTO ledger_expectationline (expectation_id, line_ref, item_id, quantity, due_at, arrived, open)
SELECT e.id, given.line_ref, given.item_id, given.quantity, given.due_at, given.arrived, given.open
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::numeric[], %s::timestamptz[],
    %s::numeric[], %s::numeric[])
    AS given(connection_id, ref, line_ref, item_id, quantity, due_at, arrived, open)
JOIN ledger_expectation e USING (connection_id, ref)
ON CONFLICT (expectation_id, line_ref) DO UPDATE SET item_id = excluded.item_id,
    quantity = excluded.quantity, due_at = excluded.due_at, arrived = excluded.arrived, open = excluded.open
"""
_DROP_LINES = """
DELETE FROM ledger_expectationline l USING ledger_expectation e
WHERE l.expectation_id = e.id AND (e.connection_id, e.ref) IN
    (SELECT * FROM unnest(%s::bigint[], %s::text[]))
  AND NOT EXISTS (SELECT 1 FROM unnest(%s::bigint[], %s::text[], %s::text[])
    AS kept(connection_id, ref, line_ref)
    WHERE kept.connection_id = e.connection_id AND kept.ref = e.ref AND kept.line_ref = l.line_ref)
"""
_PICK = """
INSERT INTO ledger_pick (connection_id, event_key, revision, source, order_ref, line_ref, item_id,
    location_id, quantity, short, occurred_at, correlation_id)
SELECT connection_id, event_key, revision, source, order_ref, line_ref, item_id, location_id, quantity, short,
    occurred_at, correlation_id
FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::text[], %s::text[], %s::text[], %s::bigint[],
    %s::bigint[], %s::numeric[], %s::numeric[], %s::timestamptz[], %s::text[]) WITH ORDINALITY
    AS given(connection_id, event_key, revision, source, order_ref, line_ref, item_id, location_id, quantity,
        short, occurred_at, correlation_id, place)
ORDER BY place
ON CONFLICT (connection_id, event_key) DO UPDATE SET revision = excluded.revision,
    source = excluded.source, order_ref = excluded.order_ref, line_ref = excluded.line_ref,
    item_id = excluded.item_id, location_id = excluded.location_id, quantity = excluded.quantity,
    short = excluded.short, occurred_at = excluded.occurred_at, correlation_id = excluded.correlation_id
WHERE ledger_pick.revision < excluded.revision
RETURNING connection_id, event_key
"""
_PICKED = """
SELECT c.id, p.order_ref, p.line_ref, p.item_id, sum(p.quantity)
FROM unnest(%s::bigint[], %s::text[]) AS given(connection_id, order_ref)
JOIN connections_connection c ON c.id = given.connection_id
JOIN ledger_pick p ON p.source = c.code AND p.order_ref = given.order_ref
GROUP BY c.id, p.order_ref, p.line_ref, p.item_id
"""
_LATE = """
INSERT INTO ledger_lateposting (event_id, connection_id, event_key, item_id, location_id, origin, period,
    recorded_at)
SELECT event_id, connection_id, event_key, item_id, location_id, origin, period, %s
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::text[])
    AS given(event_id, connection_id, event_key, item_id, location_id, origin, period)
ON CONFLICT DO NOTHING
"""


class IncomingRows:
    """The store's calls about announcements, picks and periods."""

    def arrivals_named(self, names: Collection[EventName]) -> dict[EventName, ArrivalRow]:
        if not names:
            return {}
        rows = [ArrivalRow(*row) for row in execute(_ARRIVALS_NAMED, unzip(sorted(names), 2))]
        return {row.name: row for row in rows}

    def lock_expectations(
        self, keys: Collection[ExpectationKey], *, now: datetime
    ) -> dict[ExpectationKey, HeldExpectation]:
        if not keys:
            return {}
        wanted = unzip(sorted(keys), 2)
        execute(_CREATE, (now, *wanted))
        found = execute(_LOCK, wanted)
        lines: dict[int, list[HeldAnnounced]] = defaultdict(list)
        for row_id, *line in execute(_LINES, ([row[0] for row in found],)):
            lines[row_id].append(HeldAnnounced(*line))
        return {
            (row[1], row[2]): HeldExpectation(
                connection_id=row[1],
                ref=row[2],
                version=row[3],
                kind=ExpectationKind(row[4]) if row[4] else None,
                status=ExpectationStatus(row[5]) if row[5] else None,
                location_id=row[6],
                origin_id=row[7],
                due_at=row[8],
                reference=row[9],
                differs=row[10],
                over=row[11],
                delivery_id=row[12],
                correlation_id=row[13],
                lines=tuple(lines[row[0]]),
            )
            for row in found
        }

    def save_arrivals(self, rows: Sequence[ArrivalRow]) -> None:
        if rows:
            execute(_SAVE_ARRIVALS, unzip([_arrival(row) for row in rows], 11))

    def arrivals_of(self, keys: Collection[ExpectationKey]) -> dict[ExpectationKey, list[ArrivalRow]]:
        found: dict[ExpectationKey, list[ArrivalRow]] = defaultdict(list)
        for row in execute(_ARRIVALS_OF, unzip(sorted(keys), 2)) if keys else ():
            arrival = ArrivalRow(*row)
            found[arrival.of].append(arrival)
        return dict(found)

    def save_expectations(self, rows: Sequence[HeldExpectation], *, now: datetime) -> None:
        if not rows:
            return
        given = [
            (
                *row.key,
                row.version,
                row.kind.value if row.kind else "",
                row.status.value if row.status else "",
                row.location_id,
                row.origin_id,
                row.due_at,
                row.reference,
                row.differs,
                row.over,
                row.delivery_id,
                row.correlation_id,
            )
            for row in rows
        ]
        execute(_SAVE, (now, *unzip(given, 13)))
        lines = [
            (*row.key, line.line_ref, line.item_id, line.quantity, line.due_at, line.arrived, line.open)
            for row in rows
            for line in row.lines
        ]
        kept = unzip([line[:3] for line in lines], 3)
        execute(_DROP_LINES, (*unzip([row.key for row in rows], 2), *kept))
        if lines:
            execute(_SAVE_LINES, unzip(lines, 8))

    def record_picks(self, picks: Sequence[Pick]) -> list[Pick]:
        newest: dict[EventName, Pick] = {}
        for pick in picks:
            name = (pick.connection_id, pick.key)
            if name not in newest or newest[name].revision < pick.revision:
                newest[name] = pick
        given = [
            (
                *name,
                pick.revision,
                pick.source,
                pick.order_ref,
                pick.line_ref,
                pick.item_id,
                pick.location_id,
                pick.picked,
                pick.short,
                pick.occurred_at,
                pick.correlation_id,
            )
            for name, pick in sorted(newest.items())
        ]
        kept = [(row[0], row[1]) for row in execute(_PICK, unzip(given, 12))] if given else []
        return [newest[name] for name in kept]

    def picked(self, keys: Collection[OrderName]) -> dict[OrderName, PickedOf]:
        found: dict[OrderName, dict[str, dict[int, Decimal]]] = defaultdict(dict)
        for source_id, order_ref, line_ref, item_id, quantity in (
            execute(_PICKED, unzip(sorted(keys), 2)) if keys else ()
        ):
            found[source_id, order_ref].setdefault(line_ref, {})[item_id] = quantity
        return dict(found)

    def closed_periods(self) -> frozenset[str]:
        execute("SELECT pg_advisory_xact_lock_shared(%s)", (PERIODS_LOCK,))
        return frozenset(row[0] for row in execute("SELECT code FROM ledger_period WHERE state = 'closed'"))

    def note_late(self, rows: Sequence[Late], *, now: datetime) -> None:
        if rows:
            given = [
                (
                    row.event_id,
                    row.connection_id,
                    row.event_key,
                    row.item_id,
                    row.location_id,
                    row.origin,
                    row.period,
                )
                for row in rows
            ]
            execute(_LATE, (now, *unzip(given, 7)))


def _arrival(row: ArrivalRow) -> tuple[object, ...]:
    return (
        *row.name,
        row.revision,
        *row.of,
        row.item_id,
        row.location_id,
        row.quantity,
        row.damaged,
        row.paper,
        row.final,
    )
