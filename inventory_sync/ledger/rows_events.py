"""Events and movements in PostgreSQL: a batch is one statement, whatever its size.

Part of PostgresLedger (store.py). A partial unique index lets one revision of a key count, so two sessions
that record revisions of the same key wait for each other in the index.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from inventory_sync.domain.external import OrderLineRef, Reason
from inventory_sync.domain.reports import Position
from inventory_sync.ledger.ports import NewMovement, Recorded, Recording
from inventory_sync.ledger.rows import execute, unzip
from inventory_sync.ledger.types import EventKind, LevelKey, StockEvent

_COLUMNS = (
    "connection_id, key, revision, kind, item_id, location_id, quantity, occurred_at, sequence, reading, "
    "reason, reference, delivery_id, correlation_id"
)
_ARRAYS = (
    "%s::bigint[], %s::text[], %s::int[], %s::text[], %s::bigint[], %s::bigint[], %s::numeric[], "
    "%s::timestamptz[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::text[]"
)
_INSERT = f"""
INSERT INTO ledger_event ({_COLUMNS}, effective, recorded_at)
SELECT {_COLUMNS}, %s, %s FROM unnest({_ARRAYS}) WITH ORDINALITY AS given({_COLUMNS}, place)
ORDER BY place ON CONFLICT DO NOTHING
RETURNING id, connection_id, key, revision
"""  # noqa: S608
_KNOWN = """
SELECT e.connection_id, e.key, e.revision FROM ledger_event e
JOIN unnest(%s::bigint[], %s::text[], %s::int[]) AS given(connection_id, key, revision)
USING (connection_id, key, revision)
"""
_SELECT = f"""
SELECT e.id, {", ".join(f"e.{name}" for name in _COLUMNS.split(", "))}, f.source, f.order_ref, f.line_ref
FROM ledger_event e LEFT JOIN ledger_fulfilment f ON f.event_id = e.id
"""  # noqa: S608
_FULFIL = """
INSERT INTO ledger_fulfilment (event_id, source, order_ref, line_ref, item_id, location_id, quantity)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[],
    %s::numeric[])
"""
_DELTAS_AFTER = """
SELECT given.item_id, given.location_id, coalesce(sum(e.quantity), 0)
FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::bigint[])
    AS given(item_id, location_id, counted_at, sequence)
LEFT JOIN ledger_event e ON e.item_id = given.item_id AND e.location_id = given.location_id
    AND e.kind = 'delta' AND e.effective
    AND e.occurred_at >= coalesce(given.counted_at, '-infinity')
    AND (given.counted_at IS NULL OR e.occurred_at > given.counted_at OR e.sequence > given.sequence)
GROUP BY given.item_id, given.location_id
"""
_LATEST_COUNT = f"""
SELECT ruling.* FROM unnest(%s::bigint[], %s::bigint[]) AS given(item_id, location_id)
CROSS JOIN LATERAL (
    {_SELECT}
    WHERE e.item_id = given.item_id AND e.location_id = given.location_id
        AND e.kind = 'count' AND e.effective
    ORDER BY e.occurred_at DESC, coalesce(e.sequence, -1) DESC,
        (e.connection_id || ':' || e.key) COLLATE "C" DESC, e.quantity DESC
    LIMIT 1
) AS ruling
"""  # noqa: S608
_MOVE = """
INSERT INTO ledger_movement (event_id, item_id, source_id, destination_id, quantity, kind, occurred_at,
    reference, period, correlation_id, recorded_at)
SELECT event_id, item_id, source_id, destination_id, quantity, kind, occurred_at, reference, period,
    correlation_id, %s
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::numeric[], %s::text[],
    %s::timestamptz[], %s::text[], %s::text[], %s::text[]) WITH ORDINALITY
    AS given(event_id, item_id, source_id, destination_id, quantity, kind, occurred_at, reference, period,
        correlation_id, place)
ORDER BY place
"""

_Name = tuple[int, str, int]  # connection, key, revision


class EventRows:
    """The store's calls about events and movements."""

    def record_events(self, events: Sequence[StockEvent], *, now: datetime) -> Recording:
        given = {_name(event): event for event in reversed(events)}
        repeated = len(events) - len(given)
        names = sorted(given)
        highest = {name[:2]: name for name in names}
        counting = [given[name] for name in names if highest[name[:2]] == name]
        overtaken = [given[name] for name in names if highest[name[:2]] != name]

        new = self._insert(counting, effective=True, now=now)
        missing = [event for event in counting if _name(event) not in new]
        known = self._known(missing)
        replaced: dict[tuple[int, str], Recorded] = {}
        for event in missing:
            if _name(event) not in known:
                old, row_id = self._revise(event, now=now)
                if row_id is None:
                    overtaken.append(event)
                else:
                    new[_name(event)] = row_id
                if old is not None:
                    replaced[event.connection_id, event.key] = old
        stale = len(self._insert(sorted(overtaken, key=_name), effective=False, now=now))

        kept = tuple(Recorded(new[_name(event)], event) for event in counting if _name(event) in new)
        self._fulfil(kept)
        duplicates = repeated + len(names) - len(kept) - stale
        return Recording(kept, stale, duplicates, replaced)

    def deltas_after(self, positions: Mapping[LevelKey, Position | None]) -> dict[LevelKey, Decimal]:
        if not positions:
            return {}
        given = [
            (*key, at.occurred_at if at else None, at.sequence if at else None)
            for key, at in positions.items()
        ]
        return {(row[0], row[1]): row[2] for row in execute(_DELTAS_AFTER, unzip(given, 4))}

    def latest_counts(self, keys: Collection[LevelKey]) -> dict[LevelKey, Recorded]:
        found = [_recorded(row) for row in execute(_LATEST_COUNT, unzip(sorted(keys), 2))]
        return {(each.event.item_id, each.event.location_id): each for each in found}

    def append_movements(self, movements: Sequence[NewMovement], *, now: datetime) -> None:
        if not movements:
            return
        given = [
            (
                each.event_id,
                each.item_id,
                each.source_id,
                each.destination_id,
                each.quantity,
                each.kind,
                each.occurred_at,
                each.reference,
                each.period,
                each.correlation_id,
            )
            for each in movements
        ]
        execute(_MOVE, (now, *unzip(given, 10)))

    def _insert(self, events: Sequence[StockEvent], *, effective: bool, now: datetime) -> dict[_Name, int]:
        """Insert those that no unique index forbids, and return their ids."""
        if not events:
            return {}
        given = unzip([_row(event) for event in events], 14)
        return {(row[1], row[2], row[3]): row[0] for row in execute(_INSERT, (effective, now, *given))}

    def _known(self, events: Sequence[StockEvent]) -> set[_Name]:
        if not events:
            return set()
        rows = execute(_KNOWN, unzip([_name(event) for event in events], 3))
        return {(row[0], row[1], row[2]) for row in rows}

    def _revise(self, event: StockEvent, *, now: datetime) -> tuple[Recorded | None, int | None]:
        """Put a revision in the place of the one that counts, if it is higher: (old one, new row's id)."""
        where = f"{_SELECT} WHERE e.connection_id = %s AND e.key = %s AND e.effective FOR UPDATE OF e"
        old = None
        for row in execute(where, (event.connection_id, event.key)):
            old = _recorded(row)
        if old is not None and old.event.revision >= event.revision:
            return None, None
        if old is not None:
            execute("UPDATE ledger_event SET effective = false WHERE id = %s", (old.id,))
        inserted = self._insert([event], effective=True, now=now)
        return old, inserted.get(_name(event))

    def _fulfil(self, kept: Sequence[Recorded]) -> None:
        """Keep what shipments take off order lines."""
        given = [
            (
                each.id,
                line.source,
                line.order_ref,
                line.line_ref,
                each.event.item_id,
                each.event.location_id,
                -each.event.quantity,
            )
            for each in kept
            if (line := each.event.fulfils) is not None
        ]
        if given:
            execute(_FULFIL, unzip(given, 7))


def _name(event: StockEvent) -> _Name:
    return (event.connection_id, event.key, event.revision)


def _row(event: StockEvent) -> tuple[Any, ...]:
    return (
        event.connection_id,
        event.key,
        event.revision,
        event.kind.value,
        event.item_id,
        event.location_id,
        event.quantity,
        event.occurred_at,
        event.sequence,
        event.reading,
        "" if event.reason is None else event.reason.value,
        event.reference,
        event.delivery_id,
        event.correlation_id,
    )


def _recorded(row: Sequence[Any]) -> Recorded:
    fulfils = None if row[15] is None else OrderLineRef(row[15], row[16], row[17])
    event = StockEvent(
        connection_id=row[1],
        key=row[2],
        revision=row[3],
        kind=EventKind(row[4]),
        item_id=row[5],
        location_id=row[6],
        quantity=row[7],
        occurred_at=row[8],
        sequence=row[9],
        reading=row[10],
        reason=Reason(row[11]) if row[11] else None,
        reference=row[12],
        delivery_id=row[13],
        correlation_id=row[14],
        fulfils=fulfils,
    )
    return Recorded(row[0], event)
