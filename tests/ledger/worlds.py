"""One set of questions to ask a ledger, whether its rows are in PostgreSQL or in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from django.db import transaction

from inventory_sync.catalog.models import Item, KitComponent, Location
from inventory_sync.domain.levels import Mode
from inventory_sync.domain.reservations import LineStatus
from inventory_sync.ledger import selectors
from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.models import Allocation, DirtyItem, Movement, Order, Reservation, StockLevel
from inventory_sync.ledger.orders import expire_holds
from inventory_sync.ledger.ports import Component, LedgerStore, Place
from inventory_sync.ledger.rows_orders import STATUS_OF
from inventory_sync.ledger.store import PostgresLedger
from inventory_sync.ledger.tenures import begin_tenure, give_up, mark_unknown, note_missing
from inventory_sync.ledger.types import Applied, Decided, OrderEvent, StockEvent
from tests.factories import change, make_connection, make_item, make_kit, make_location, make_tenure
from tests.ledger.reports import NOW
from tests.sim.stores.ledger import VIRTUAL, MemoryLedger, Tables

Level = tuple[int, int]


class Facts(NamedTuple):
    """What a level says beside on hand."""

    known: bool
    reserved: Decimal
    unassigned: Decimal
    unavailable: Decimal
    last_known_free: Decimal | None


class World(Protocol):
    """A ledger with two shops, a till, items and places, and what can be seen of it."""

    store: LedgerStore

    def connection(self, code: str) -> int: ...
    def item(self, name: str) -> int: ...
    def kit(self, name: str, parts: dict[int, int]) -> int: ...
    def edit_recipe(self, kit: int, parts: dict[int, int]) -> None: ...
    def place(self, code: str, *, figures: bool = False) -> int: ...
    def change(self, place: int, mode: Mode, *, at: datetime, after_reading: int) -> None:
        """Begin another tenure at the place, as an act of staff does."""

    def lose(self, place: int, *, since_reading: int) -> None:
        """Declare the place's stock unknown."""

    def miss(self, by: int, place: int, number: int, *, since: int) -> None:
        """Note that a number of a feed has not come."""

    def give_up(self, place: int, number: int) -> None:
        """Declare a missing number lost."""

    def facts(self) -> dict[Level, Facts]:
        """Return what each level says beside on hand, for levels that say anything."""

    def apply(
        self, events: Sequence[StockEvent] = (), orders: Sequence[OrderEvent] = (), *, now: datetime = NOW
    ) -> Applied: ...
    def expire(self, now: datetime) -> Decided: ...
    def on_hand(self) -> dict[Level, Decimal]: ...
    def sums(self) -> dict[Level, Decimal]:
        """Return Σ movements per real level."""

    def totals(self) -> dict[tuple[int, int, str], Decimal]:
        """Return what each level received from each kind of counterpart, without zeros."""

    def kinds(self) -> list[str]:
        """Return the kind of every movement, oldest first."""

    def open(self) -> dict[Level, Decimal]:
        """Return open demand per level, without zeros."""

    def statuses(self) -> dict[tuple[str, str], LineStatus]:
        """Return (order, line) → status."""

    def reasons(self) -> dict[tuple[str, str], str]: ...
    def seen_at(self, ref: str) -> datetime: ...
    def dirty(self) -> dict[int, bool]:
        """Return dirty item → urgent."""


class PostgresWorld:
    """The running platform's store."""

    def __init__(self) -> None:
        self.store: LedgerStore = PostgresLedger()

    def connection(self, code: str) -> int:
        return int(make_connection(code).pk)

    def item(self, name: str) -> int:
        return int(make_item(name).pk)

    def kit(self, name: str, parts: dict[int, int]) -> int:
        return int(make_kit(name, {Item.objects.get(pk=item): number for item, number in parts.items()}).pk)

    def edit_recipe(self, kit: int, parts: dict[int, int]) -> None:
        for item, number in parts.items():
            kept = KitComponent.objects.filter(kit_id=kit, component_id=item).first()
            change(kept or KitComponent(kit_id=kit, component_id=item), quantity=Decimal(number))

    def place(self, code: str, *, figures: bool = False) -> int:
        return int(make_location(code, mode="figures" if figures else "movements").pk)

    def change(self, place: int, mode: Mode, *, at: datetime, after_reading: int) -> None:
        with transaction.atomic():
            row = Location.objects.get(pk=place)
            make_tenure(row, mode.value, starts_at=at, after_reading=after_reading)
            begin_tenure(place, store=self.store, now=NOW)

    def lose(self, place: int, *, since_reading: int) -> None:
        with transaction.atomic():
            mark_unknown([place], since_reading=since_reading, store=self.store, now=NOW)

    def miss(self, by: int, place: int, number: int, *, since: int) -> None:
        with transaction.atomic():
            note_missing(by, place, {number: since}, store=self.store, now=NOW)

    def give_up(self, place: int, number: int) -> None:
        with transaction.atomic():
            (gap,) = [gap for gap in self.store.open_gaps([place]) if gap.sequence == number]
            give_up(gap, reason="the till was replaced", store=self.store, now=NOW)

    def facts(self) -> dict[Level, Facts]:
        return {
            (row.item_id, row.location_id): Facts(
                row.known, row.reserved, row.unassigned, row.unavailable, row.last_known_free
            )
            for row in StockLevel.objects.all()
        }

    def apply(
        self, events: Sequence[StockEvent] = (), orders: Sequence[OrderEvent] = (), *, now: datetime = NOW
    ) -> Applied:
        with transaction.atomic():
            return apply_batch(events, orders, store=self.store, now=now)

    def expire(self, now: datetime) -> Decided:
        with transaction.atomic():
            return expire_holds(store=self.store, now=now)

    def on_hand(self) -> dict[Level, Decimal]:
        return {(row.item_id, row.location_id): row.on_hand for row in StockLevel.objects.all()}

    def sums(self) -> dict[Level, Decimal]:
        assert selectors.verify() == []
        return _sums([(key, quantity) for *key, _, quantity in self._legs()])

    def totals(self) -> dict[tuple[int, int, str], Decimal]:
        sums: dict[tuple[int, int, str], Decimal] = defaultdict(Decimal)
        for item, place, kind, quantity in self._legs():
            sums[item, place, kind] += quantity
        return {key: total for key, total in sums.items() if total}

    def kinds(self) -> list[str]:
        return list(Movement.objects.order_by("id").values_list("kind", flat=True))

    def open(self) -> dict[Level, Decimal]:
        rows = Allocation.objects.filter(open=True)
        return _sums([((row.item_id, row.location_id), row.quantity - row.contained) for row in rows])

    def statuses(self) -> dict[tuple[str, str], LineStatus]:
        rows = Reservation.objects.select_related("order")
        return {(row.order.order_ref, row.line_ref): STATUS_OF[row.state] for row in rows}

    def reasons(self) -> dict[tuple[str, str], str]:
        rows = Reservation.objects.select_related("order")
        return {(row.order.order_ref, row.line_ref): row.reason for row in rows}

    def seen_at(self, ref: str) -> datetime:
        return Order.objects.get(order_ref=ref).seen_at

    def dirty(self) -> dict[int, bool]:
        return dict(DirtyItem.objects.values_list("item_id", "urgent"))

    def _legs(self) -> list[tuple[int, int, str, Decimal]]:
        legs = []
        for row in Movement.objects.select_related("source", "destination"):
            here, other, sign = row.destination, row.source, 1
            if here.kind in here.VIRTUAL:
                here, other, sign = other, here, -1
            legs.append((row.item_id, here.pk, other.kind, sign * row.quantity))
        return legs


class MemoryWorld:
    """The simulation's store."""

    def __init__(self) -> None:
        self._tables = Tables()
        self.store: LedgerStore = MemoryLedger(self._tables)
        self._ids = 0

    def _next(self) -> int:
        self._ids += 1
        return self._ids

    def connection(self, code: str) -> int:
        return self._tables.connections.setdefault(code, self._next())

    def item(self, name: str) -> int:
        return self._next()

    def kit(self, name: str, parts: dict[int, int]) -> int:
        kit = self._next()
        self.edit_recipe(kit, parts)
        return kit

    def edit_recipe(self, kit: int, parts: dict[int, int]) -> None:
        self._tables.recipes[kit] = tuple(Component(item, Decimal(number)) for item, number in parts.items())

    def place(self, code: str, *, figures: bool = False) -> int:
        place = self._next()
        self._tables.places[place] = Place(Mode.FIGURES if figures else Mode.MOVEMENTS, code)
        return place

    def change(self, place: int, mode: Mode, *, at: datetime, after_reading: int) -> None:
        was = self._tables.places[place]
        tenures = was.lived.begun(mode, at=at, after_reading=after_reading)
        self._tables.places[place] = Place(mode, was.code, complete=False, tenures=tenures)
        begin_tenure(place, store=self.store, now=NOW)

    def lose(self, place: int, *, since_reading: int) -> None:
        mark_unknown([place], since_reading=since_reading, store=self.store, now=NOW)

    def miss(self, by: int, place: int, number: int, *, since: int) -> None:
        note_missing(by, place, {number: since}, store=self.store, now=NOW)

    def give_up(self, place: int, number: int) -> None:
        (gap,) = [gap for gap in self.store.open_gaps([place]) if gap.sequence == number]
        give_up(gap, reason="the till was replaced", store=self.store, now=NOW)

    def facts(self) -> dict[Level, Facts]:
        return {
            key: Facts(
                level.known, level.reserved, level.unassigned, level.unavailable, level.last_known_free
            )
            for key, level in self._tables.levels.items()
        }

    def apply(
        self, events: Sequence[StockEvent] = (), orders: Sequence[OrderEvent] = (), *, now: datetime = NOW
    ) -> Applied:
        return apply_batch(events, orders, store=self.store, now=now)

    def expire(self, now: datetime) -> Decided:
        return expire_holds(store=self.store, now=now)

    def on_hand(self) -> dict[Level, Decimal]:
        return {key: level.on_hand for key, level in self._tables.levels.items()}

    def sums(self) -> dict[Level, Decimal]:
        return _sums([(key, quantity) for *key, _, quantity in self._legs()])

    def totals(self) -> dict[tuple[int, int, str], Decimal]:
        sums: dict[tuple[int, int, str], Decimal] = defaultdict(Decimal)
        for item, place, kind, quantity in self._legs():
            sums[item, place, kind] += quantity
        return {key: total for key, total in sums.items() if total}

    def kinds(self) -> list[str]:
        return [row.kind for row in self._tables.movements]

    def open(self) -> dict[Level, Decimal]:
        lines = [line for order in self._tables.orders.values() for line in order.lines.values()]
        return _sums(
            [((int(a.item), int(a.location)), a.open) for line in lines for a in line.allocations if a.open]
        )

    def statuses(self) -> dict[tuple[str, str], LineStatus]:
        orders = self._tables.orders.values()
        return {(order.order_ref, ref): line.status for order in orders for ref, line in order.lines.items()}

    def reasons(self) -> dict[tuple[str, str], str]:
        orders = self._tables.orders.values()
        return {(order.order_ref, ref): line.reason for order in orders for ref, line in order.lines.items()}

    def seen_at(self, ref: str) -> datetime:
        (found,) = [at for key, at in self._tables.seen_at.items() if key[1] == ref]
        return found

    def dirty(self) -> dict[int, bool]:
        return {item: row.urgent for item, row in self._tables.dirty.items()}

    def _legs(self) -> list[tuple[int, int, str, Decimal]]:
        kinds = {VIRTUAL[each]: each.value for each in VIRTUAL if each.value not in ("production", "opening")}
        legs = []
        for row in self._tables.movements:
            if row.source_id in kinds:
                legs.append((row.item_id, row.destination_id, kinds[row.source_id], row.quantity))
            else:
                legs.append((row.item_id, row.source_id, kinds[row.destination_id], -row.quantity))
        return legs


def _sums(rows: Sequence[tuple[Sequence[int], Decimal]]) -> dict[Level, Decimal]:
    sums: dict[Level, Decimal] = defaultdict(Decimal)
    for key, quantity in rows:
        sums[key[0], key[1]] += quantity
    return {key: total for key, total in sums.items() if total}
