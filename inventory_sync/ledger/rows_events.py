"""Events and movements in PostgreSQL: a batch is one statement, whatever its size.

Part of PostgresLedger (store.py). A partial unique index lets one revision of a key count, so two sessions
that record revisions of the same key wait for each other in the index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter

from inventory_sync.domain.reports import Position
from inventory_sync.ledger import rows_keys
from inventory_sync.ledger.copying import copied, copy_in, copying_in, moment, writing
from inventory_sync.ledger.ports import NewMovement, Recorded, Recording
from inventory_sync.ledger.rows import execute, unzip
from inventory_sync.ledger.rows_codec import COLUMNS, SELECT, as_recorded, lines_of
from inventory_sync.ledger.rows_keys import Counting, Key
from inventory_sync.ledger.types import LevelKey, StockEvent

# An event is recorded at most this long before it occurs, by our clock: the future is refused at the door
# within minutes. The rest is room for clocks of ours that differ.
RECORDED_BEFORE = timedelta(days=1)

_IDS = "SELECT nextval('ledger_event_id_seq') FROM generate_series(1, %s)"
_KEPT_APART = """
SELECT e.connection_id, e.key, e.revision FROM ledger_event e
JOIN unnest(%s::bigint[], %s::text[], %s::int[]) AS given(connection_id, key, revision)
USING (connection_id, key, revision) WHERE NOT e.effective
"""
_REPLACED = f"""
SELECT old.* FROM unnest(%s::bigint[], %s::timestamptz[]) AS given(id, recorded_at)
CROSS JOIN LATERAL ({SELECT} WHERE e.id = given.id AND e.recorded_at = given.recorded_at) AS old
"""  # noqa: S608
_REPLACE = """
UPDATE ledger_event e SET effective = false
FROM unnest(%s::bigint[], %s::timestamptz[]) AS given(id, recorded_at)
WHERE e.id = given.id AND e.recorded_at = given.recorded_at
"""
_UNFULFIL = "UPDATE ledger_fulfilment SET effective = false WHERE event_id = ANY(%s)"
_FULFIL = """
INSERT INTO ledger_fulfilment (event_id, source, order_ref, line_ref, item_id, location_id, quantity,
    occurred_at, effective)
SELECT *, true FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[],
    %s::numeric[], %s::timestamptz[])
"""
_DELTAS_AFTER = """
SELECT given.item_id, given.location_id, coalesce(after.total, 0)
FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::bigint[], %s::timestamptz[])
    AS given(item_id, location_id, counted_at, sequence, recorded_from)
CROSS JOIN LATERAL (
    SELECT sum(e.quantity) AS total FROM ledger_event e
    WHERE e.item_id = given.item_id AND e.location_id = given.location_id
        AND e.kind = 'delta' AND e.effective
        AND e.recorded_at >= coalesce(given.recorded_from, '-infinity')
        AND e.occurred_at >= coalesce(given.counted_at, '-infinity')
        AND (given.counted_at IS NULL OR e.occurred_at > given.counted_at OR e.sequence > given.sequence)
) AS after
"""
_LATEST_COUNT = f"""
SELECT ruling.* FROM unnest(%s::bigint[], %s::bigint[]) AS given(item_id, location_id)
CROSS JOIN LATERAL (
    {SELECT}
    WHERE e.item_id = given.item_id AND e.location_id = given.location_id
        AND e.kind = 'count' AND e.effective
        AND coalesce(
            (SELECT t.mode FROM catalog_tenure t
             WHERE t.location_id = given.location_id AND t.starts_at <= e.occurred_at
             ORDER BY t.starts_at DESC LIMIT 1),
            (SELECT t.was FROM catalog_tenure t
             WHERE t.location_id = given.location_id ORDER BY t.starts_at LIMIT 1),
            'movements') = 'movements'
    ORDER BY e.occurred_at DESC, coalesce(e.sequence, -1) DESC,
        (e.connection_id || ':' || e.key) COLLATE "C" DESC, e.quantity DESC
    LIMIT 1
) AS ruling
"""  # noqa: S608
_EVENT = f"id, {COLUMNS}, effective, recorded_at"
_MOVEMENT = (
    "event_id, item_id, source_id, destination_id, quantity, kind, occurred_at, reference, period, "
    "correlation_id, lot, owner, condition, recorded_at"
)

_ITEM = attrgetter("item_id")
_BARE = "\t\t"  # no lot, owner or condition

_Name = tuple[int, str, int]  # connection, key, revision


class EventRows:
    """The store's calls about events and movements."""

    def record_events(self, events: Sequence[StockEvent], *, now: datetime) -> Recording:
        given = {_name(event): event for event in reversed(events)}
        highest = {name[:2]: name for name in sorted(given)}
        ids = dict(zip(highest, self._take_ids(len(highest)), strict=True))
        rows = [(*key, name[2], ids[key]) for key, name in highest.items()]
        with rows_keys.claiming(rows, now=now) as claim:  # and meanwhile, as if nobody had said any of this
            in_order = (given[name] for name in highest.values())
            new = tuple(map(Recorded._make, zip(ids.values(), in_order, strict=True)))
            lines = tuple(lines_of(new, now.isoformat(), effective="t"))
        if claim.new == len(events):  # nearly always
            self._fulfil(new)
            return Recording(new, lines=lines)
        return self._sort_out(events, given, highest, ids, now=now)

    def _sort_out(
        self,
        events: Sequence[StockEvent],
        given: Mapping[_Name, StockEvent],
        highest: Mapping[Key, _Name],
        ids: Mapping[Key, int],
        *,
        now: datetime,
    ) -> Recording:
        """Record a batch of which something was known or is said twice; its new keys are claimed."""
        known = self._counting(given, ids)

        new: dict[Key, StockEvent] = {}
        late: list[StockEvent] = []
        for name, event in given.items():
            key = name[:2]
            counts = known.get(key)
            if name == highest[key] and (counts is None or counts.revision < event.revision):
                new[key] = event
            elif counts is None or counts.revision != event.revision:
                late.append(event)
        replaced = self._replaced({key: known[key] for key in new if key in known}, now=now)
        # A partition was detached with the event: what it posted cannot be taken back any more.
        late += [new.pop(key) for key in known.keys() & new.keys() - replaced.keys()]

        if replaced:
            rows_keys.move([(*key, new[key].revision, ids[key]) for key in replaced], now=now)
        kept = tuple(Recorded(ids[key], new[key]) for key in highest if key in new)
        self._fulfil(kept)
        stale = self._keep_apart(late, known, now=now)
        return Recording(kept, stale, len(events) - len(kept) - stale, replaced)

    def writing_events(self, recording: Recording, *, now: datetime) -> AbstractContextManager[None]:
        if not recording.new:
            return nullcontext()
        lines = recording.lines or lines_of(recording.new, now.isoformat(), effective="t")
        return copying_in("ledger_event", _EVENT, lines)

    def deltas_after(self, positions: Mapping[LevelKey, Position | None]) -> dict[LevelKey, Decimal]:
        if not positions:
            return {}
        given = [
            (*key, at.occurred_at, at.sequence, at.occurred_at - RECORDED_BEFORE)
            if at
            else (*key, None, None, None)
            for key, at in positions.items()
        ]
        return {(row[0], row[1]): row[2] for row in execute(_DELTAS_AFTER, unzip(given, 5))}

    def latest_counts(self, keys: Collection[LevelKey]) -> dict[LevelKey, Recorded]:
        found = [as_recorded(row) for row in execute(_LATEST_COUNT, unzip(sorted(keys), 2))]
        return {(each.event.item_id, each.event.location_id): each for each in found}

    def writing_movements(
        self, movements: Sequence[NewMovement], *, now: datetime
    ) -> AbstractContextManager[None]:
        if not movements:
            return nullcontext()
        by_item = sorted(movements, key=_ITEM)  # neighbours in the index, for a seventh of the whole
        return copying_in("ledger_movement", _MOVEMENT, _lines(by_item, now.isoformat()))

    def _take_ids(self, number: int) -> list[int]:
        """Take ids for new rows, so that a key can name its event before the event is there."""
        return [row[0] for row in execute(_IDS, (number,))]

    def _counting(self, given: Mapping[_Name, StockEvent], ids: Mapping[Key, int]) -> dict[Key, Counting]:
        """Return what counts of keys that were there before; locked where another revision is given.

        What is given as it counts is a duplicate and stays one: revisions only rise.
        """
        known = {key: row for key, row in rows_keys.counting(ids).items() if row.event_id != ids[key]}
        differing = {name[:2] for name in given if name[:2] in known and known[name[:2]].revision != name[2]}
        return known | rows_keys.counting(differing, lock=True)

    def _replaced(self, old: Mapping[Key, Counting], *, now: datetime) -> dict[Key, Recorded]:
        """Take the effect from the events of these keys, and return them; those detached are not found."""
        if not old:
            return {}
        where = unzip([(each.event_id, each.recorded_at) for each in old.values()], 2)
        found = [as_recorded(row) for row in execute(_REPLACED, where)]
        execute(_REPLACE, where)
        execute(_UNFULFIL, ([each.id for each in found],))
        return {(each.event.connection_id, each.event.key): each for each in found}

    def _keep_apart(self, late: Sequence[StockEvent], known: Mapping[Key, Counting], *, now: datetime) -> int:
        """Keep revisions that never had an effect, each once; their keys are ours or locked."""
        if not late:
            return 0
        asked = [_name(event) for event in late if _name(event)[:2] in known]
        there = (
            {(row[0], row[1], row[2]) for row in execute(_KEPT_APART, unzip(asked, 3))} if asked else set()
        )
        missing = sorted((event for event in late if _name(event) not in there), key=_name)
        ids = self._take_ids(len(missing)) if missing else []
        rows = [Recorded(row_id, event) for row_id, event in zip(ids, missing, strict=True)]
        if rows:
            copy_in("ledger_event", _EVENT, lines_of(rows, now.isoformat(), effective="f"))
        return len(rows)

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
                each.event.occurred_at,
            )
            for each in kept
            if (line := each.event.fulfils) is not None
        ]
        if given:
            execute(_FULFIL, unzip(given, 8))


def _name(event: StockEvent) -> _Name:
    return (event.connection_id, event.key, event.revision)


def _lines(movements: Sequence[NewMovement], recorded_at: str) -> Iterator[str]:
    """Write movements as lines of COPY."""
    text = writing(part for each in movements for part in (each.reference, each.correlation_id))
    for event, item, source, to, quantity, kind, at, ref, period, cause, lot, owner, condition in movements:
        about = _BARE
        if lot or owner or condition:
            about = f"{copied(lot)}\t{copied(owner)}\t{copied(condition)}"
        yield (
            f"{event}\t{item}\t{source}\t{to}\t{quantity!s}\t{kind}\t{moment(at)}\t{text(ref)}\t"
            f"{period}\t{text(cause)}\t{about}\t{recorded_at}\n"
        )
