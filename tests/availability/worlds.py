"""Two worlds with the same few verbs, in memory and in PostgreSQL, so that one suite runs against both.

Everything is named by its code or SKU. A world's `transaction()` gives the store of one transaction, which
commits at the end of the block unless it raises.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from django.db import transaction

from inventory_sync.availability.compute import Recomputed, recompute_batch
from inventory_sync.availability.micro import maybe_exact, to_micro
from inventory_sync.availability.models import (
    Allotment,
    ChannelFigure,
    FigureHistory,
    Freshness,
    SafetyStock,
)
from inventory_sync.availability.ports import AvailabilityStore, Demand, Level, PolicyFacts
from inventory_sync.availability.steps import rows_of
from inventory_sync.availability.store import PostgresAvailability
from inventory_sync.catalog.models import Item, ItemMapping, Location
from inventory_sync.connections.models import Connection
from inventory_sync.domain.availability import Fallback
from inventory_sync.ledger.models import Allocation, DirtyItem, Order, Reservation, StockLevel
from inventory_sync.ledger.services import mark_items_dirty
from tests import factories
from tests.sim.stores.availability import AvailabilityTables, Lease, MemoryAvailability
from tests.sim.stores.catalog import (
    CatalogTables,
    ConnectionEntry,
    ItemEntry,
    LocationEntry,
    MappingEntry,
    PlaceEntry,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Shown:
    """A saved figure, whichever store it came from."""

    figure: Decimal | None
    last_known: Decimal | None
    version: int
    policy_version: int
    terms: Sequence[Mapping[str, Any]]
    unknown: list[str]
    correlation_id: str
    lines: int = 0  # of history

    @property
    def sum_of_terms(self) -> Decimal:
        return sum((Decimal(term["quantity"]) for term in self.terms), Decimal(0))

    def term(self, name: str, location: str | None = None) -> Decimal:
        """Return the sum of the terms of that name, at one location or everywhere."""
        return sum(
            (
                Decimal(term["quantity"])
                for term in self.terms
                if term["name"] == name and location in (None, term.get("location"))
            ),
            Decimal(0),
        )


class World(Protocol):
    def item(self, sku: str, *, unit: str = "C62") -> None: ...
    def kit(self, sku: str, recipe: Mapping[str, int], *, pooled: bool = False) -> None: ...
    def safety(self, location: str, quantity: int, sku: str | None = None) -> None: ...
    def set_aside(self, channel: str, sku: str, quantity: int, *, hours: int | None = None) -> None: ...
    def stale(self, location: str, *, now: bool = True) -> None: ...
    def location(self, code: str, *, complete: bool = False) -> None: ...
    def channel(self, code: str, *, sells: Iterable[str] = (), serves: Iterable[str] = ()) -> None: ...
    def offer(self, channel: str, sku: str) -> None: ...
    def withdraw(self, channel: str, sku: str) -> None: ...
    def policy(self, channel: str, sku: str | None = None, **values: Any) -> None: ...
    def level(self, sku: str, location: str, on_hand: int | str, **values: Any) -> None: ...
    def promise(self, channel: str, sku: str, location: str, quantity: int, contained: int = 0) -> None: ...
    def release(self, sku: str) -> None: ...
    def mark(self, sku: str, *, urgent: bool = False, after_s: int = 0, cause: str = "") -> None: ...
    def dirty(self) -> set[str]: ...
    def shown(self, channel: str, sku: str) -> Shown: ...
    def has_figure(self, channel: str, sku: str) -> bool: ...
    def sku(self, item_id: int) -> str: ...
    def transaction(self) -> Any: ...


def recompute_all(world: World, *, limit: int = 100, urgent_at: int = 2, now: datetime = NOON) -> Recomputed:
    """Compute one batch in a transaction of its own."""
    with world.transaction() as store:
        return recompute_batch(store=store, now=now, limit=limit, urgent_at_or_below=urgent_at)


@dataclass
class MemoryWorld:
    catalog: CatalogTables = field(default_factory=CatalogTables)
    tables: AvailabilityTables = field(default_factory=AvailabilityTables)
    levels: dict[tuple[int, int], Level] = field(default_factory=dict)
    demand: list[Demand] = field(default_factory=list)

    def levels_of(self, item_ids: Collection[int]) -> Iterator[Level]:
        return (level for level in self.levels.values() if level.item_id in item_ids)

    def demand_of(self, item_ids: Collection[int]) -> Iterator[Demand]:
        return (each for each in self.demand if each.item_id in item_ids)

    @contextmanager
    def transaction(self) -> Iterator[AvailabilityStore]:
        store = MemoryAvailability(self.tables, self.catalog, self)
        try:
            yield store
            store.commit()
        finally:
            store.rollback()

    def item(self, sku: str, *, unit: str = "C62") -> None:
        self.catalog.add(self.catalog.items, ItemEntry(sku, base_unit=unit))

    def kit(self, sku: str, recipe: Mapping[str, int], *, pooled: bool = False) -> None:
        parts = {self._item(part): Decimal(quantity) for part, quantity in recipe.items()}
        self.catalog.add(self.catalog.items, ItemEntry(sku, is_kit=True, recipe=parts, pooled=pooled))

    def location(self, code: str, *, complete: bool = False) -> None:
        since = NOON - timedelta(days=1) if complete else None
        self.catalog.add(self.catalog.locations, LocationEntry(code, complete_since=since))

    def channel(self, code: str, *, sells: Iterable[str] = (), serves: Iterable[str] = ()) -> None:
        key = self.catalog.add(self.catalog.connections, ConnectionEntry(code))
        sells, serves = set(sells), set(serves)
        for place in sorted(sells | serves):
            self.catalog.places.append(
                PlaceEntry(key, "", self._location(place), sells_for=place in sells, fulfils=place in serves)
            )

    def offer(self, channel: str, sku: str) -> None:
        entry = MappingEntry(self._channel(channel), sku, self._item(sku))
        self.catalog.add(self.catalog.mappings, entry)

    def withdraw(self, channel: str, sku: str) -> None:
        for entry in self.catalog.mappings.values():
            if entry.connection_id == self._channel(channel) and entry.external_id == sku:
                entry.state = "suspended"

    def policy(self, channel: str, sku: str | None = None, **values: Any) -> None:
        key = (self._channel(channel), self._item(sku) if sku else None)
        old = self.tables.policies.get(key)
        optional = {name: to_micro(values[name]) for name in ("cap", "pack") if name in values}
        self.tables.policies[key] = PolicyFacts(
            *key,
            share=int(values.get("share_percent", 100) * 100),
            buffer=to_micro(values.get("buffer", 0)),
            buffer_percent=int(values.get("buffer_percent", 0) * 100),
            threshold=to_micro(values.get("threshold", 0)),
            safety_stock=to_micro(values.get("safety_stock", 0)),
            fallback=Fallback(values.get("fallback", "hold_last")),
            shrink_to=int(values.get("shrink_percent", 50) * 100),
            backorder_allowance=to_micro(values.get("backorder_allowance", 0)),
            preorder_allowance=to_micro(values.get("preorder_allowance", 0)),
            preorder_days=values.get("preorder_days", 0),
            version=old.version + 1 if old else 1,
            **optional,
        )

    def safety(self, location: str, quantity: int, sku: str | None = None) -> None:
        self.tables.safety[self._item(sku) if sku else None, self._location(location)] = to_micro(quantity)

    def set_aside(self, channel: str, sku: str, quantity: int, *, hours: int | None = None) -> None:
        ends = None if hours is None else NOON + timedelta(hours=hours)
        row = Lease(self._channel(channel), self._item(sku), to_micro(quantity), expires_at=ends)
        self.tables.set_aside.append(row)

    def stale(self, location: str, *, now: bool = True) -> None:
        (self.tables.stale.add if now else self.tables.stale.discard)(self._location(location))

    def level(self, sku: str, location: str, on_hand: int | str, **values: Any) -> None:
        key = (self._item(sku), self._location(location))
        known, version = values.pop("known", True), values.pop("version", 0)
        exact = {name: to_micro(value) for name, value in values.items() if value is not None}
        self.levels[key] = Level(*key, to_micro(Decimal(on_hand)), known, version=version, **exact)

    def promise(self, channel: str, sku: str, location: str, quantity: int, contained: int = 0) -> None:
        item, seller = self._item(sku), self._channel(channel)
        open_ = to_micro(max(0, quantity - contained))
        self.demand.append(Demand(item, self._location(location), seller, open_))
        for lease in self.tables.set_aside:
            if (lease.connection_id, lease.item_id) == (seller, item):
                lease.consumed += to_micro(quantity)

    def release(self, sku: str) -> None:
        self.demand = [each for each in self.demand if each.item_id != self._item(sku)]

    def mark(self, sku: str, *, urgent: bool = False, after_s: int = 0, cause: str = "") -> None:
        now = NOON + timedelta(seconds=after_s)
        self.tables.mark(self._item(sku), now=now, urgent=urgent, correlation_id=cause)

    def dirty(self) -> set[str]:
        return {self.sku(item_id) for item_id in self.tables.dirty}

    def has_figure(self, channel: str, sku: str) -> bool:
        return (self._channel(channel), self._item(sku)) in self.tables.figures

    def shown(self, channel: str, sku: str) -> Shown:
        key = (self._channel(channel), self._item(sku))
        row = self.tables.figures[key]
        return Shown(
            maybe_exact(row.figure),
            maybe_exact(row.last_known),
            row.version,
            row.policy_version,
            rows_of(row.terms, row.basis, policy_version=row.policy_version),
            list(row.unknown),
            row.correlation_id,
            len([each for _, each in self.tables.history if (each.connection_id, each.item_id) == key]),
        )

    def sku(self, item_id: int) -> str:
        return self.catalog.items[item_id].sku

    def _item(self, sku: str) -> int:
        return next(key for key, row in self.catalog.items.items() if row.sku == sku)

    def _location(self, code: str) -> int:
        return next(key for key, row in self.catalog.locations.items() if row.code == code)

    def _channel(self, code: str) -> int:
        return next(key for key, row in self.catalog.connections.items() if row.code == code)


@dataclass
class PostgresWorld:
    orders: int = 0

    @contextmanager
    def transaction(self) -> Iterator[AvailabilityStore]:
        with transaction.atomic():
            yield PostgresAvailability()

    def item(self, sku: str, *, unit: str = "C62") -> None:
        factories.make_item(sku, unit=unit)

    def kit(self, sku: str, recipe: Mapping[str, int], *, pooled: bool = False) -> None:
        parts = {self._item(part): quantity for part, quantity in recipe.items()}
        factories.make_kit(sku, parts, kit_pooled=pooled)

    def location(self, code: str, *, complete: bool = False) -> None:
        since = NOON - timedelta(days=1) if complete else None
        factories.make_location(code, complete_since=since)

    def channel(self, code: str, *, sells: Iterable[str] = (), serves: Iterable[str] = ()) -> None:
        shop = factories.make_channel(code)
        sells, serves = set(sells), set(serves)
        for place in sorted(sells | serves):
            factories.map_location(
                shop, self._location(place), sells_for=place in sells, fulfils=place in serves
            )

    def offer(self, channel: str, sku: str) -> None:
        factories.map_item(self._channel(channel), self._item(sku), sku)

    def withdraw(self, channel: str, sku: str) -> None:
        row = ItemMapping.objects.get(connection__code=channel, external_id=sku)
        factories.change(row, state=ItemMapping.State.SUSPENDED)

    def policy(self, channel: str, sku: str | None = None, **values: Any) -> None:
        item = self._item(sku) if sku else None
        row = self._channel(channel).policies.filter(item=item).first()
        if row is None:
            factories.make_policy(self._channel(channel), item, **values)
        else:
            factories.change(row, version=row.version + 1, **values)

    def safety(self, location: str, quantity: int, sku: str | None = None) -> None:
        item = self._item(sku) if sku else None
        row = SafetyStock(location=self._location(location), item=item, quantity=quantity)
        factories.saved(row, "safety_stock.declared")

    def set_aside(self, channel: str, sku: str, quantity: int, *, hours: int | None = None) -> None:
        ends = None if hours is None else NOON + timedelta(hours=hours)
        row = Allotment(
            connection=self._channel(channel),
            item=self._item(sku),
            quantity=quantity,
            granted_at=NOON,
            expires_at=ends,
        )
        factories.saved(row, "allotment.granted")

    def stale(self, location: str, *, now: bool = True) -> None:
        place = self._location(location)
        row = Freshness.objects.filter(location=place).first()
        row = row or Freshness(location=place, max_age_s=3600)
        row.stale = now
        factories.saved(row, "freshness.declared")

    def level(self, sku: str, location: str, on_hand: int | str, **values: Any) -> None:
        values = {"known": True, **values, "on_hand": on_hand}
        StockLevel.objects.update_or_create(
            item=self._item(sku), location=self._location(location), defaults=values
        )

    def promise(self, channel: str, sku: str, location: str, quantity: int, contained: int = 0) -> None:
        self.orders += 1
        item = self._item(sku)
        order = Order.objects.create(
            connection=self._channel(channel),
            order_ref=f"order-{self.orders}",
            number=f"#{self.orders}",
            status="committed",
            stamp=1,
            seen_at=NOON,
        )
        Order.objects.filter(pk=order.pk).update(first_seen_at=NOON)
        line = Reservation.objects.create(
            order=order, line_ref="1", item=item, demand=quantity, state=Reservation.State.COMMITTED
        )
        Allocation.objects.create(
            reservation=line,
            item=item,
            location=self._location(location),
            quantity=quantity,
            contained=contained,
        )

    def release(self, sku: str) -> None:
        Allocation.objects.filter(item__sku=sku).update(open=False)

    def mark(self, sku: str, *, urgent: bool = False, after_s: int = 0, cause: str = "") -> None:
        now = NOON + timedelta(seconds=after_s)
        mark_items_dirty([self._item(sku).pk], now=now, urgent=urgent, correlation_id=cause)

    def dirty(self) -> set[str]:
        return set(DirtyItem.objects.values_list("item__sku", flat=True))

    def has_figure(self, channel: str, sku: str) -> bool:
        return ChannelFigure.objects.filter(connection__code=channel, item__sku=sku).exists()

    def shown(self, channel: str, sku: str) -> Shown:
        row = ChannelFigure.objects.get(connection__code=channel, item__sku=sku)
        lines = FigureHistory.objects.filter(connection_id=row.connection_id, item_id=row.item_id)
        kept = lines.latest("computed_at", "version", "id")
        return Shown(
            row.figure,
            row.last_known,
            row.version,
            row.policy_version,
            rows_of(kept.terms, kept.basis, policy_version=kept.policy_version),
            row.unknown,
            row.correlation_id,
            lines.count(),
        )

    def sku(self, item_id: int) -> str:
        return Item.objects.get(pk=item_id).sku

    def _item(self, sku: str) -> Item:
        return Item.objects.get(sku=sku)

    def _location(self, code: str) -> Location:
        return Location.objects.get(code=code)

    def _channel(self, code: str) -> Connection:
        return Connection.objects.get(code=code)
