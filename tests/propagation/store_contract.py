"""Two stores of lanes with the same few verbs, so that every rule is checked on both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Protocol

from inventory_sync.catalog.models import Item
from inventory_sync.connections.models import Budget, Connection
from inventory_sync.domain.budget import Bucket
from inventory_sync.domain.ports import ListingRef
from inventory_sync.domain.units import Factor
from inventory_sync.domain.writing import Writing
from inventory_sync.ledger.services import mark_items_dirty
from inventory_sync.propagation.models import PushAttempt
from inventory_sync.propagation.ports import Attempt, Flight, LaneStore, Row, Wanted
from inventory_sync.propagation.store import PostgresLanes
from tests import factories
from tests.sim.stores.database import Database
from tests.sim.stores.lanes import LaneTables, MemoryLanes

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
LIFE = timedelta(seconds=30)
NEAR_ZERO = Decimal(2)


class World(Protocol):
    shop: int
    other: int

    @property
    def store(self) -> LaneStore: ...

    def item(self, sku: str, *, parts: Sequence[int] = ()) -> int: ...
    def listing(self, item_id: int, *, shop: int | None = None, pack: int = 1) -> int: ...
    def dirty(self, item_id: int) -> None: ...
    def attempts(self, listing_id: int) -> list[str]: ...
    def tokens(self, count: int) -> None: ...
    def writes(self, writing: Writing) -> None: ...


@dataclass
class MemoryWorld:
    database: Database = field(default_factory=Database)
    tables: LaneTables = field(default_factory=LaneTables)
    shop: int = 1
    other: int = 2
    _items: list[tuple[int, ...]] = field(default_factory=list)
    _dirty: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.store = MemoryLanes(self.database, self.tables, is_dirty=self._is_dirty, near_zero=NEAR_ZERO)
        for shop in (self.shop, self.other):
            self.tables.budgets[shop] = Bucket(Decimal(100), Decimal(100), Decimal(100), NOON)

    def _is_dirty(self, item_id: int) -> bool:
        return bool(self._dirty & {item_id, *self._items[item_id - 1]})

    def item(self, sku: str, *, parts: Sequence[int] = ()) -> int:
        self._items.append(tuple(parts))
        return len(self._items)

    def listing(self, item_id: int, *, shop: int | None = None, pack: int = 1) -> int:
        with self.database.transaction():
            ref = ListingRef(f"item-{item_id}")
            return self.store.add(shop or self.shop, item_id, ref, factor=Factor(pack, 1))

    def dirty(self, item_id: int) -> None:
        self._dirty.add(item_id)

    def attempts(self, listing_id: int) -> list[str]:
        return [one.outcome for one in self.tables.attempts.values() if one.listing_id == listing_id]

    def tokens(self, count: int) -> None:
        self.tables.budgets[self.shop] = Bucket(Decimal(100), Decimal(100), Decimal(count), NOON)

    def writes(self, writing: Writing) -> None:
        self.tables.writing[self.shop] = writing


class PostgresWorld:
    def __init__(self) -> None:
        self.store = PostgresLanes(near_zero=NEAR_ZERO, budgets_by_callers_clock=True)
        self.shop = factories.make_channel("shop").pk
        self.other = factories.make_channel("other").pk

    def item(self, sku: str, *, parts: Sequence[int] = ()) -> int:
        if parts:
            return int(factories.make_kit(sku, {Item.objects.get(pk=part): 1 for part in parts}).pk)
        return int(factories.make_item(sku).pk)

    def listing(self, item_id: int, *, shop: int | None = None, pack: int = 1) -> int:
        connection = Connection.objects.get(pk=shop or self.shop)
        item = Item.objects.get(pk=item_id)
        mapping = factories.map_item(connection, item, f"item-{item_id}", numerator=pack)
        return int(factories.make_listing(mapping).pk)

    def dirty(self, item_id: int) -> None:
        mark_items_dirty([item_id], now=NOON)

    def attempts(self, listing_id: int) -> list[str]:
        rows = PushAttempt.objects.filter(listing_id=listing_id).order_by("id")
        return list(rows.values_list("outcome", flat=True))

    def tokens(self, count: int) -> None:
        Budget.objects.filter(connection_id=self.shop).update(tokens=count, refilled_at=NOON)

    def writes(self, writing: Writing) -> None:
        factories.change(Connection.objects.get(pk=self.shop), writing=writing.value)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def look(world: World, listing_id: int) -> Row:
    with world.store.transaction():
        return world.store.lock([listing_id])[0]


def want(
    world: World, item_id: int, figure: int | None, version: int = 1, *, after_s: float = 0
) -> frozenset[int]:
    """Owe a figure of an item to the shop."""
    wanted = Wanted(
        world.shop, item_id, None if figure is None else Decimal(figure), version, f"cause-{version}"
    )
    with world.store.transaction():
        return world.store.owe([wanted], now=at(after_s))


def claim(world: World, *, after_s: float = 1, limit: int = 10, calls: int = 1) -> Flight:
    return world.store.claim(
        world.shop, now=at(after_s), limit=limit, calls=calls, lease=LEASE, longest_life=LIFE
    )


def attempt(listing_id: int, outcome: str) -> Attempt:
    return Attempt(listing_id, Decimal(1), 1, None, Decimal(1), Decimal(1), outcome, NOON)
