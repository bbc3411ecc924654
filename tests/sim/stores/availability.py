"""Availability in memory: dirty items, figures and policies, with locks that end with the transaction.

A MemoryAvailability is one transaction: what it saves is seen by others only after commit(); rollback() and a
crash forget it. Stock comes from whoever keeps the ledger, through StockSource. Passes the same suite as
PostgreSQL's store (tests/availability/).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from inventory_sync.availability.micro import to_micro
from inventory_sync.availability.ports import (
    Channel,
    Demand,
    DirtyItem,
    Expected,
    FigureKey,
    ItemFacts,
    Landscape,
    Level,
    NewFigure,
    Place,
    Plainly,
    PolicyFacts,
    Recipe,
    SetAside,
    Stock,
    StoredFigure,
)
from inventory_sync.catalog.resolve import CONFIRMED, PIECES
from inventory_sync.domain.reports import ZERO
from tests.sim.stores.catalog import CatalogTables
from tests.sim.stores.ledger import Dirty, MemoryLedger


class StockSource(Protocol):
    """Who keeps levels and allocations; both calls answer for one instant, nothing runs between them."""

    def levels_of(self, item_ids: Collection[int]) -> Iterable[Level]: ...

    def demand_of(self, item_ids: Collection[int]) -> Iterable[Demand]: ...


@dataclass(slots=True)
class Lease:
    """An allotment, with what its channel sold since; it stands until it ends."""

    connection_id: int
    item_id: int
    quantity: int
    consumed: int = 0
    granted_at: datetime | None = None
    expires_at: datetime | None = None

    def stands(self, now: datetime) -> bool:
        begun = self.granted_at is None or self.granted_at <= now
        return begun and (self.expires_at is None or now < self.expires_at)


@dataclass(slots=True)
class AvailabilityTables:
    """Committed rows and present locks, shared by all transactions of a simulated installation."""

    dirty: MutableMapping[int, DirtyItem] = field(default_factory=dict)
    figures: dict[FigureKey, NewFigure] = field(default_factory=dict)
    history: list[tuple[datetime, NewFigure]] = field(default_factory=list)
    policies: dict[tuple[int, int | None], PolicyFacts] = field(default_factory=dict)
    safety: dict[tuple[int | None, int], int] = field(default_factory=dict)
    set_aside: list[Lease] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)
    stale: set[int] = field(default_factory=set)
    held: dict[int, MemoryAvailability] = field(default_factory=dict)
    aside: dict[int, datetime] = field(default_factory=dict)

    def mark(self, item_id: int, *, now: datetime, urgent: bool = False, correlation_id: str = "") -> None:
        """Mark an item dirty as the ledger does: its version rises, the oldest since stays."""
        old = self.dirty.get(item_id)
        self.dirty[item_id] = DirtyItem(
            item_id,
            version=old.version + 1 if old else 1,
            urgent=urgent or (old is not None and old.urgent),
            since=old.since if old else now,
            correlation_id=correlation_id or (old.correlation_id if old else ""),
        )


@dataclass(slots=True)
class LedgerStock:
    """The StockSource of a simulated installation: what its ledger in memory holds now."""

    ledger: MemoryLedger

    def levels_of(self, item_ids: Collection[int]) -> Iterator[Level]:
        for (item_id, location_id), level in self.ledger.tables.levels.items():
            if item_id in item_ids:
                yield Level(
                    item_id,
                    location_id,
                    to_micro(level.on_hand),
                    level.known,
                    unavailable=to_micro(level.unavailable),
                    reserved=to_micro(level.reserved),
                    unassigned=to_micro(level.unassigned),
                    version=level.version,
                )

    def demand_of(self, item_ids: Collection[int]) -> Iterator[Demand]:
        sums: dict[tuple[int, int, int], Decimal] = {}
        for (connection_id, _), order in self.ledger.tables.orders.items():
            for line in order.lines.values():
                for each in line.allocations:
                    key = (int(each.item), int(each.location), connection_id)
                    if key[0] in item_ids and each.open:
                        sums[key] = sums.get(key, ZERO) + each.open
        return (Demand(*key, to_micro(quantity)) for key, quantity in sums.items())


class LedgerDirty(MutableMapping[int, DirtyItem]):
    """The dirty items of a ledger in memory, for AvailabilityTables(dirty=LedgerDirty(ledger))."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._ledger = ledger

    def __getitem__(self, item_id: int) -> DirtyItem:
        row = self._ledger.tables.dirty[item_id]
        return DirtyItem(item_id, row.version, row.urgent, row.since, row.correlation_id)

    def __setitem__(self, item_id: int, row: DirtyItem) -> None:
        self._ledger.tables.dirty[item_id] = Dirty(row.version, row.since, row.urgent, row.correlation_id)

    def __delitem__(self, item_id: int) -> None:
        del self._ledger.tables.dirty[item_id]

    def __iter__(self) -> Iterator[int]:
        return iter(self._ledger.tables.dirty)

    def __len__(self) -> int:
        return len(self._ledger.tables.dirty)


class MemoryAvailability:
    """The AvailabilityStore of the simulation: one transaction on shared tables."""

    def __init__(self, tables: AvailabilityTables, catalog: CatalogTables, stock: StockSource) -> None:
        self._tables = tables
        self._catalog = catalog
        self._stock = stock
        self._staged: list[Callable[[], None]] = []

    def commit(self) -> None:
        for write in self._staged:
            write()
        self.rollback()

    def rollback(self) -> None:
        self._staged.clear()
        for item_id in [each for each, owner in self._tables.held.items() if owner is self]:
            del self._tables.held[item_id]

    def claim(self, limit: int, *, now: datetime) -> list[DirtyItem]:
        taken: list[DirtyItem] = []
        aside = self._tables.aside
        for urgent, share in ((True, (limit + 1) // 2), (False, limit), (True, limit)):
            waiting = [
                each
                for each in self._tables.dirty.values()
                if each.urgent is urgent
                and each.item_id not in self._tables.held
                and aside.get(each.item_id, now) <= now
            ]
            for each in sorted(waiting, key=lambda row: row.since)[: max(0, share - len(taken))]:
                self._tables.held[each.item_id] = self
                taken.append(each._replace(failed=each.item_id in aside))
        return taken

    def recipes(self, item_ids: Collection[int]) -> list[Recipe]:
        return [
            Recipe(
                kit_id,
                tuple((part, to_micro(quantity)) for part, quantity in sorted(item.recipe.items())),
                item.pooled,
            )
            for kit_id, item in self._catalog.items.items()
            if item.recipe and (kit_id in item_ids or item.recipe.keys() & set(item_ids))
        ]

    def hold(self, item_ids: Collection[int]) -> frozenset[int]:
        free = frozenset(each for each in item_ids if each not in self._tables.held)
        self._tables.held.update(dict.fromkeys(free, self))
        return free

    def items(self, item_ids: Collection[int]) -> dict[int, ItemFacts]:
        rows = {item_id: self._catalog.items[item_id] for item_id in item_ids}
        return {
            item_id: ItemFacts(item_id, row.sku, is_kit=row.is_kit, whole=row.base_unit in PIECES)
            for item_id, row in rows.items()
        }

    def landscape(self, item_ids: Collection[int], *, now: datetime) -> Landscape:
        places = self._catalog.locations
        set_aside: dict[int, list[SetAside]] = {}
        for each in self._tables.set_aside:
            if each.item_id in item_ids and each.stands(now):
                row = SetAside(each.connection_id, each.item_id, each.quantity, each.consumed)
                set_aside.setdefault(each.item_id, []).append(row)

        def joined(connection_id: int, role: str) -> frozenset[int]:
            return frozenset(
                row.location_id
                for row in self._catalog.places
                if row.connection_id == connection_id
                and getattr(row, role)
                and places[row.location_id].active
            )

        return Landscape(
            places={
                key: Place(
                    key,
                    row.code,
                    row.complete_since is not None and row.complete_since <= now,
                    key in self._tables.stale,
                )
                for key, row in places.items()
            },
            channels={
                key: Channel(
                    key,
                    row.code,
                    joined(key, "sells_for"),
                    joined(key, "fulfils") or joined(key, "sells_for"),
                )
                for key, row in self._catalog.connections.items()
            },
            policies={
                key: policy
                for key, policy in self._tables.policies.items()
                if policy.item_id is None or policy.item_id in item_ids
            },
            safety={
                key: quantity
                for key, quantity in self._tables.safety.items()
                if key[0] is None or key[0] in item_ids
            },
            set_aside=set_aside,
        )

    def expected(self, item_ids: Collection[int], *, now: datetime, until: datetime) -> list[Expected]:
        rows = self._tables.expected
        return [each for each in rows if each.item_id in item_ids and now < each.due_at <= until]

    def offered(self, item_ids: Collection[int]) -> frozenset[FigureKey]:
        return frozenset(
            (row.connection_id, row.item_id)
            for row in self._catalog.mappings.values()
            if row.item_id is not None
            and row.item_id in item_ids
            and row.state == CONFIRMED
            and self._catalog.connections[row.connection_id].sells
        )

    def figures(self, item_ids: Collection[int]) -> dict[FigureKey, StoredFigure]:
        return {
            key: StoredFigure(
                *key,
                row.figure,
                row.last_known,
                row.version,
                row.correlation_id,
                row.verdict,
                row.policy_version,
                tuple(row.unknown),
            )
            for key, row in self._tables.figures.items()
            if row.item_id in item_ids
        }

    def stock(self, item_ids: Collection[int]) -> Stock:
        return Stock(list(self._stock.levels_of(item_ids)), list(self._stock.demand_of(item_ids)))

    def save_plain(self, item_ids: Collection[int], **how: object) -> Plainly:
        return Plainly(special=item_ids)  # nothing is gained by a second way in memory

    def save(self, figures: Sequence[NewFigure], *, now: datetime) -> None:
        rows = {(each.connection_id, each.item_id): each for each in figures}

        def write() -> None:
            self._tables.figures.update(rows)
            self._tables.history += [(now, row) for row in rows.values()]

        self._staged.append(write)

    def settle(self, claimed: Collection[DirtyItem]) -> None:
        def forget() -> None:
            for each in claimed:
                now_there = self._tables.dirty.get(each.item_id)
                if now_there is not None and now_there.version == each.version:
                    del self._tables.dirty[each.item_id]
                    self._tables.aside.pop(each.item_id, None)

        self._staged.append(forget)

    def set_aside(self, item_id: int, *, until: datetime) -> None:
        self._staged.append(lambda: self._tables.aside.update({item_id: until}))

    def mark(self, item_ids: Collection[int], *, now: datetime, correlation_id: str) -> None:
        def mark() -> None:
            for each in item_ids:
                self._tables.mark(each, now=now, correlation_id=correlation_id)

        self._staged.append(mark)
