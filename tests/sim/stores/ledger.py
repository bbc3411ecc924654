"""The ledger's store in memory, for the simulation: same port, same contract suite as PostgresLedger.

All state is in `tables`, which may be copied and put back: that is how the simulation rolls back a
transaction. One transaction runs at a time, so locking is only sorting.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from decimal import Decimal

from inventory_sync.domain.levels import LevelState, Mode
from inventory_sync.domain.reports import ZERO, Count, Counterpart, Position, is_after, latest_count
from inventory_sync.domain.reservations import LineStatus
from inventory_sync.domain.routing import Rule
from inventory_sync.ledger.folding import level_of
from inventory_sync.ledger.ports import (
    Component,
    Fulfilment,
    HeldLine,
    HeldOrder,
    NewMovement,
    OpenGap,
    Place,
    Recorded,
    Recording,
    Stock,
    Waiting,
)
from inventory_sync.ledger.resting import fold_key
from inventory_sync.ledger.types import EventKind, LevelKey, OrderKey, StockEvent
from tests.sim.stores.figures import Kept, LineAt, MemoryFigures
from tests.sim.stores.incoming import IncomingTables, MemoryIncoming

NEAR_ZERO = 3
VIRTUAL = {counterpart: -number for number, counterpart in enumerate(Counterpart, start=1)}
VIRTUAL[Counterpart.PRODUCTION] = VIRTUAL[Counterpart.OPENING] = VIRTUAL[Counterpart.ADJUSTMENT]


@dataclass(slots=True)
class KeptEvent:
    """One row of events."""

    recorded: Recorded
    effective: bool


@dataclass(slots=True)
class Dirty:
    """One dirty item."""

    version: int
    since: datetime
    urgent: bool
    correlation_id: str


@dataclass(slots=True)
class Tables:
    """Everything the store keeps."""

    connections: dict[str, int] = field(default_factory=dict)
    places: dict[int, Place] = field(default_factory=dict)
    recipes: dict[int, tuple[Component, ...]] = field(default_factory=dict)
    events: dict[tuple[int, str, int], KeptEvent] = field(default_factory=dict)
    counting: dict[tuple[int, str], int] = field(default_factory=dict)  # key → the revision that counts
    movements: list[NewMovement] = field(default_factory=list)
    levels: dict[LevelKey, LevelState] = field(default_factory=dict)
    orders: dict[OrderKey, HeldOrder] = field(default_factory=dict)
    seen_at: dict[OrderKey, datetime] = field(default_factory=dict)
    dirty: dict[int, Dirty] = field(default_factory=dict)
    rules: dict[int, tuple[Rule, ...]] = field(default_factory=dict)
    holdings: dict[LineAt, Kept] = field(default_factory=dict)
    observations: dict[tuple[int, str, int], StockEvent] = field(default_factory=dict)
    gaps: dict[tuple[int, int, int], OpenGap] = field(default_factory=dict)
    closed_gaps: set[int] = field(default_factory=set)
    incoming: IncomingTables = field(default_factory=IncomingTables)

    def copied(self) -> Tables:
        """Return a copy that later changes of this one do not reach."""
        values = {each.name: copy(getattr(self, each.name)) for each in fields(self)}
        values["events"] = {name: copy(row) for name, row in self.events.items()}
        values["incoming"] = self.incoming.copied()
        values["dirty"] = {item: copy(row) for item, row in self.dirty.items()}
        return Tables(**values)


class MemoryLedger(MemoryFigures, MemoryIncoming):
    """A LedgerStore in memory."""

    def __init__(self, tables: Tables | None = None) -> None:
        self.tables = tables or Tables()

    @property
    def incoming(self) -> IncomingTables:
        return self.tables.incoming

    def places(self, location_ids: Collection[int]) -> Mapping[int, Place]:
        return {place: self.tables.places[place] for place in location_ids}

    def counterparts(self) -> Mapping[Counterpart, int]:
        return VIRTUAL

    def connection_ids(self, codes: Collection[str]) -> Mapping[str, int]:
        known = self.tables.connections
        return {code: known[code] for code in codes if code in known}

    def recipes(self, item_ids: Collection[int]) -> Mapping[int, tuple[Component, ...]]:
        known = self.tables.recipes
        return {item: known[item] for item in item_ids if item in known}

    def record_events(self, events: Sequence[StockEvent], *, now: datetime) -> Recording:
        new: list[Recorded] = []
        replaced: dict[tuple[int, str], Recorded] = {}
        stale = duplicates = 0
        first: dict[tuple[int, str, int], StockEvent] = {}
        for event in events:
            duplicates += _name(event) in first
            first.setdefault(_name(event), event)
        # The highest revision of a key first: the lower ones of the same batch never had an effect.
        for name, event in sorted(first.items(), key=lambda each: (each[0][:2], -each[0][2])):
            if name in self.tables.events:
                duplicates += 1
                continue
            row = Recorded(len(self.tables.events) + 1, event)
            before = self.tables.counting.get(name[:2])
            counts = before is None or before < event.revision
            if counts:
                if before is not None:
                    old = self.tables.events[*name[:2], before]
                    old.effective = False
                    replaced[name[:2]] = old.recorded
                self.tables.counting[name[:2]] = event.revision
                new.append(row)
            else:
                stale += 1
            self.tables.events[name] = KeptEvent(row, effective=counts)
        return Recording(tuple(new), stale, duplicates, replaced)

    def writing_events(self, recording: Recording, *, now: datetime) -> AbstractContextManager[None]:
        return nullcontext()  # they are there already

    def lock_orders(
        self, keys: Collection[OrderKey], *, now: datetime, create: Collection[OrderKey] | None = None
    ) -> dict[OrderKey, HeldOrder]:
        orders = {}
        for key in sorted(keys):
            if create is not None and key not in create and key not in self.tables.orders:
                continue
            self.tables.orders.setdefault(key, HeldOrder(*key))
            self.tables.seen_at.setdefault(key, now)
            held = self.holdings([key]).get(key, ())
            orders[key] = replace(self.tables.orders[key], fulfilments=self._fulfilments(key), holdings=held)
        return orders

    def due_holds(self, *, now: datetime, limit: int) -> list[OrderKey]:
        due = [
            (min(times), key)
            for key, order in self.tables.orders.items()
            if (
                times := [
                    line.expires_at
                    for line in order.lines.values()
                    if line.status is LineStatus.HELD and line.expires_at and line.expires_at <= now
                ]
            )
        ]
        return [key for _, key in sorted(due)][:limit]

    def save_orders(
        self,
        orders: Sequence[HeldOrder],
        *,
        now: datetime,
        before: Mapping[OrderKey, HeldOrder] | None = None,
        heads: Mapping[OrderKey, HeldOrder] | None = None,
    ) -> None:
        for order in orders:
            self.tables.orders[order.key] = order

    def note_seen(self, keys: Collection[OrderKey], *, now: datetime) -> None:
        assert self.tables.orders.keys() >= set(keys)
        self.tables.seen_at |= dict.fromkeys(keys, now)

    def lock_levels(
        self, keys: Collection[LevelKey], *, create: Collection[LevelKey]
    ) -> dict[LevelKey, LevelState]:
        for item, place in create:
            kind = self.tables.places[place]
            self.tables.levels.setdefault((item, place), LevelState(kind.mode, known=kind.complete))
        found = {key: self.tables.levels[key] for key in {*keys, *create} if key in self.tables.levels}
        return {key: replace(level, mode=self._mode(key)) for key, level in sorted(found.items())}

    def deltas_after(self, positions: Mapping[LevelKey, Position | None]) -> dict[LevelKey, Decimal]:
        sums = dict.fromkeys(positions, ZERO)
        for event in self._effective(EventKind.DELTA):
            key = level_of(event)
            if key in positions:
                after = positions[key]
                if after is None or is_after(Position(event.occurred_at, event.sequence), after):
                    sums[key] += event.quantity
        return sums

    def latest_counts(self, keys: Collection[LevelKey]) -> dict[LevelKey, Recorded]:
        counts: dict[LevelKey, dict[Count, Recorded]] = defaultdict(dict)
        for row in self.tables.events.values():
            event = row.recorded.event
            if row.effective and event.kind is EventKind.COUNT and level_of(event) in keys:
                if not self.tables.places[event.location_id].lived.takes_count(event.occurred_at):
                    continue
                at = Position(event.occurred_at, event.sequence)
                counts[level_of(event)][Count(fold_key(event), event.quantity, at)] = row.recorded
        return {
            key: found[newest] for key, found in counts.items() if (newest := latest_count(found)) is not None
        }

    def owed(self, keys: Collection[LevelKey]) -> dict[LevelKey, Decimal]:
        sums = dict.fromkeys(keys, ZERO)
        for order in self.tables.orders.values():
            for line in order.lines.values():
                for each in line.allocations:
                    key = (int(each.item), int(each.location))
                    if key in sums:
                        sums[key] += each.open
        return sums

    def free(self, keys: Collection[LevelKey]) -> dict[LevelKey, Decimal]:
        owed = self.owed(keys)
        levels = {key: self.tables.levels[key] for key in keys if key in self.tables.levels}
        there = {
            key: level.on_hand - level.unavailable - level.reserved - level.unassigned
            for key, level in levels.items()
        }
        return {key: there.get(key, ZERO) - owed[key] for key in owed}

    def open_requests(
        self, keys: Collection[OrderKey], *, heads: Mapping[OrderKey, HeldOrder], now: datetime
    ) -> dict[OrderKey, HeldOrder]:
        return self.lock_orders(keys, now=now, create=heads)

    def lock_stock(self, keys: Collection[LevelKey]) -> Stock:
        item_ids = {item for item, _ in keys}
        owing = [key for key in self._allocated() if key[0] in item_ids]
        free = {key: -owed for key, owed in self.owed(owing).items() if owed}
        levels = {key: level for key, level in self.tables.levels.items() if key[0] in item_ids}
        for key, quantity in self.free(levels).items():
            doubtful = not levels[key].known or levels[key].unknown_since is not None
            ceiling = levels[key].last_known_free or ZERO
            free[key] = min(ceiling, quantity) if doubtful else quantity
        return Stock(free, frozenset(key for key, level in levels.items() if not level.known))

    def waiting(self, keys: Collection[LevelKey]) -> list[Waiting]:
        sums: dict[tuple[int, int, int], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
        for order in self.tables.orders.values():
            for line in order.lines.values():
                for each in line.allocations:
                    key = (int(each.item), int(each.location))
                    if key in keys and each.open:
                        found = sums[(*key, order.connection_id)]
                        found[0] += each.open
                        found[1] += each.open if line.status is LineStatus.BACKORDERED else ZERO
        return [Waiting(*key, *quantities) for key, quantities in sorted(sums.items())]

    def backordered(self, item_ids: Collection[int] | None, *, limit: int) -> list[OrderKey]:
        def waits(line: HeldLine) -> bool:
            needs = {int(each.item) for each in line.allocations if each.open}
            wanted = item_ids is None or not needs.isdisjoint(item_ids)
            return line.status is LineStatus.BACKORDERED and wanted

        # Orders stand in the order they were first heard of.
        found = [key for key, order in self.tables.orders.items() if any(map(waits, order.lines.values()))]
        return found[:limit]

    def routing_rules(self, connection_ids: Collection[int]) -> Mapping[int, tuple[Rule, ...]]:
        return {each: self.tables.rules[each] for each in connection_ids if each in self.tables.rules}

    def _allocated(self) -> set[LevelKey]:
        return {
            (int(each.item), int(each.location))
            for order in self.tables.orders.values()
            for line in order.lines.values()
            for each in line.allocations
        }

    def writing_movements(
        self, movements: Sequence[NewMovement], *, now: datetime
    ) -> AbstractContextManager[None]:
        assert all(each.quantity > 0 and each.source_id != each.destination_id for each in movements)
        self.tables.movements.extend(movements)
        return nullcontext()

    def save_levels(self, levels: Mapping[LevelKey, LevelState], *, now: datetime) -> None:
        assert levels.keys() <= self.tables.levels.keys()
        free = self.free(levels)
        for key, level in levels.items():
            was = self.tables.levels[key]
            left = free[key] if was.known else was.last_known_free
            self.tables.levels[key] = replace(level, last_known_free=None if level.known else left)

    def save_on_hand(self, on_hand: Mapping[LevelKey, Decimal], *, now: datetime) -> None:
        levels = self.tables.levels
        for key, left in on_hand.items():
            levels[key] = replace(levels[key], on_hand=left, version=levels[key].version + 1)

    def mark_dirty(
        self,
        touched: Mapping[LevelKey, str],
        *,
        now: datetime,
        on_hand: Mapping[LevelKey, Decimal] | None = None,
    ) -> None:
        assert all(self.tables.levels[key].on_hand == left for key, left in (on_hand or {}).items())
        owed = self.owed(touched.keys())
        urgent: dict[int, bool] = defaultdict(bool)
        why: dict[int, str] = defaultdict(str)
        for key, correlation_id in touched.items():
            level = self.tables.levels.get(key)
            left = (level.on_hand if level else ZERO) - owed[key]
            urgent[key[0]] |= left <= NEAR_ZERO
            why[key[0]] = max(why[key[0]], correlation_id)
        for item in sorted(urgent):
            row = self.tables.dirty.setdefault(item, Dirty(0, now, urgent=False, correlation_id=""))
            row.version += 1
            row.urgent |= urgent[item]
            row.correlation_id = why[item] or row.correlation_id

    def _effective(self, kind: EventKind) -> list[StockEvent]:
        rows = self.tables.events.values()
        return [each.recorded.event for each in rows if each.effective and each.recorded.event.kind is kind]

    def _fulfilments(self, key: OrderKey) -> tuple[Fulfilment, ...]:
        sums: dict[tuple[str, int, int, int], Decimal] = defaultdict(Decimal)
        for event in self._effective(EventKind.DELTA):
            line, lived = event.fulfils, self.tables.places[event.location_id].lived
            if not lived.takes_count(event.occurred_at):
                continue
            if line is not None and (self.tables.connections.get(line.source), line.order_ref) == key:
                tenure = lived.at(event.occurred_at)
                sums[line.line_ref, event.item_id, event.location_id, tenure] -= event.quantity
        return tuple(
            Fulfilment(line, item, place, quantity, tenure)
            for (line, item, place, tenure), quantity in sorted(sums.items())
        )

    def _mode(self, key: LevelKey) -> Mode:
        return self.tables.places[key[1]].mode


def _name(event: StockEvent) -> tuple[int, str, int]:
    return (event.connection_id, event.key, event.revision)
