"""The same hub made of the real ledger and the real availability, on their stores in memory.

Everything the schedule tells becomes order and stock events of the platform; every figure comes out of
recompute(). No repair can be taken away here: this is the code as it runs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from inventory_sync.availability.compute import recompute
from inventory_sync.availability.micro import maybe_exact
from inventory_sync.domain.levels import Mode
from inventory_sync.domain.reports import plain
from inventory_sync.domain.routing import Part
from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.orders import expire_holds
from inventory_sync.ledger.ports import Component, Place
from inventory_sync.ledger.types import (
    CutReading,
    EventKind,
    FigureFacts,
    LineHeld,
    OrderEvent,
    OrderEventLine,
    StockEvent,
)
from tests.sim.arithmetic.containing import contained_by
from tests.sim.arithmetic.erp import LOCATIONS, LineBooked
from tests.sim.arithmetic.hub import Reading, Version
from tests.sim.arithmetic.placing import OrderKey
from tests.sim.arithmetic.repairs import Repairs
from tests.sim.arithmetic.schedule import moment
from tests.sim.stores.availability import AvailabilityTables, LedgerDirty, LedgerStock, MemoryAvailability
from tests.sim.stores.catalog import (
    CatalogTables,
    ConnectionEntry,
    ItemEntry,
    LocationEntry,
    MappingEntry,
    PlaceEntry,
)
from tests.sim.stores.ledger import MemoryLedger, Tables


class RealHub:
    """Hears what Hub hears, and says the same things of it."""

    def __init__(
        self,
        repairs: Repairs,
        recipes: Mapping[str, tuple[Part, ...]],
        pools: Mapping[str, tuple[str, ...]],
    ) -> None:
        if repairs != Repairs():
            raise ValueError("the real ledger is run as it is")
        self.recipes, self.pools = recipes, pools
        self.to_read: list[OrderKey] = []
        self.read_again: set[str] = set()
        self.readings = 0
        self._tables = Tables()
        self._ledger = MemoryLedger(self._tables)
        self._catalog = CatalogTables()
        self._figures = AvailabilityTables(dirty=LedgerDirty(self._ledger))
        self._erp = self._catalog.add(self._catalog.connections, ConnectionEntry("erp", sells=False))
        self._places = {code: self._place(code) for code in LOCATIONS}
        self._outlets = {code: self._outlet(code, pool) for code, pool in pools.items()}
        self._articles: dict[str, int] = {}

    def next_reading(self) -> int:
        self.readings += 1
        return self.readings

    # ── what is told ─────────────────────────────────────────────────────────────────────────────────
    def hear(self, version: Version, now: datetime, *, reading: int = 0, listed: bool = False) -> bool:
        event = OrderEvent(
            connection_id=self._outlets[version.outlet],
            order_ref=version.order,
            stamp=max(0, version.stamp),
            reading=reading,
            begun=self.readings,
            listed=listed,
            status=version.status,
            announced=reading == 0,
            fingerprint=repr((version.status, version.lines))[:64],
            expires_at=None if version.hold_until_s is None else moment(version.hold_until_s),
            lines=tuple(
                OrderEventLine(line, self._article(article), Decimal(quantity))
                for line, _, article, quantity in version.lines
            ),
            pool=tuple(self._places[code] for code in self.pools[version.outlet]),
        )
        decided = apply_batch((), [event], store=self._ledger, now=now).decided
        self.to_read += [self._name(*key) for key in decided.needs_reading]
        return bool(decided.applied)

    def notice(self, outlet: str, order: str, line: str, now: datetime, *, by_till: bool = False) -> None:
        """Nobody but the authority is believed: there is nothing to be told."""

    def end_holds(self, now: datetime) -> None:
        expire_holds(store=self._ledger, now=now)

    def open_orders(self) -> list[OrderKey]:
        return [
            self._name(*key)
            for key, order in self._tables.orders.items()
            if any(each.open for line in order.lines.values() for each in line.allocations)
        ]

    def hear_line(self, line: LineBooked) -> None:
        event = StockEvent(
            self._erp, line.key, EventKind.DELTA, self._article(line.item), self._places[line.location],
            Decimal(line.quantity), moment(line.at_s),
        )  # fmt: skip
        posted = apply_batch([event], (), store=self._ledger, now=moment(line.at_s)).posted
        self.read_again |= {name for name, item in self._articles.items() if item in posted.read_again}

    def apply(self, reading: Reading, now: datetime) -> None:
        facts = contained_by(reading)
        events = [
            self._figure(reading, item, code, facts.get((item, code), ()))
            for item in sorted(reading.items)
            for code in LOCATIONS
        ]
        apply_batch(events, (), store=self._ledger, now=now)

    def doubt(self, item: str, location: str) -> None:
        cut = CutReading(self._erp, self.next_reading(), (self._article(item),), (self._places[location],))
        apply_batch((), (), store=self._ledger, now=moment(0), cut=[cut])
        self.read_again.add(item)

    # ── what it says ─────────────────────────────────────────────────────────────────────────────────
    def figure(self, outlet: str, article: str) -> Decimal | None:
        self._article(article)
        while self._tables.dirty:
            transaction = MemoryAvailability(self._figures, self._catalog, LedgerStock(self._ledger))
            recompute(store=transaction, now=moment(0), limit=50, urgent_at_or_below=2)
            transaction.commit()
        row = self._figures.figures.get((self._outlets[outlet], self._articles[article]))
        return None if row is None else maybe_exact(row.figure)

    def meaning(self) -> dict[tuple[str, ...], str]:
        said: dict[tuple[str, ...], str] = {}
        names = {number: name for name, number in self._articles.items()}
        codes = {number: code for code, number in self._places.items()}
        for (item, place), level in self._tables.levels.items():
            if level.reading is not None or level.on_hand:
                words = f"{plain(level.on_hand)}/{plain(level.reserved)}/{level.known}"
                said[names[item], codes[place]] = words
        for key, order in self._tables.orders.items():
            for ref, line in order.lines.items():
                owed: dict[str, Decimal] = defaultdict(Decimal)
                for each in line.allocations:
                    owed[each.item] += each.open
                for item, quantity in owed.items():
                    if quantity:
                        said[*self._name(*key), ref, names[int(item)]] = plain(quantity)
        return said

    # ── names and ids ────────────────────────────────────────────────────────────────────────────────
    def _place(self, code: str) -> int:
        entry = LocationEntry(code, Mode.FIGURES, authority=self._erp)
        number = self._catalog.add(self._catalog.locations, entry)
        self._tables.places[number] = Place(Mode.FIGURES, code)
        return number

    def _outlet(self, code: str, pool: tuple[str, ...]) -> int:
        sells = code != "till"
        number = self._catalog.add(self._catalog.connections, ConnectionEntry(code, sells=sells))
        self._tables.connections[code] = number
        for place in pool:
            roles = {"sells_for": sells, "fulfils": True}
            self._catalog.places.append(PlaceEntry(number, "", self._places[place], **roles))
        return number

    def _article(self, name: str) -> int:
        if name not in self._articles:
            parts = {self._article(part.item): part.per_unit for part in self.recipes.get(name, ())}
            entry = ItemEntry(name, is_kit=bool(parts), recipe=parts)
            number = self._articles[name] = self._catalog.add(self._catalog.items, entry)
            if parts:
                recipe = tuple(Component(item, per_unit) for item, per_unit in sorted(parts.items()))
                self._tables.recipes[number] = recipe
            for code, outlet in self._outlets.items():
                if code != "till":
                    self._catalog.add(self._catalog.mappings, MappingEntry(outlet, name, number))
            self._figures.mark(number, now=moment(0))
        return self._articles[name]

    def _figure(self, reading: Reading, item: str, code: str, held: tuple[LineHeld, ...]) -> StockEvent:
        found, place = reading.found, (item, code)
        return StockEvent(
            self._erp, f"reading:{reading.number}:{item}:{code}", EventKind.FIGURE, self._article(item),
            self._places[code], Decimal(found.quants.get(place, 0)), moment(reading.began_s),
            reading=reading.number,
            figure=FigureFacts(
                reserved=Decimal(found.reserved.get(place, 0)),
                unassigned=Decimal(found.unassigned.get(place, 0)),
                contained=held,
            ),
        )  # fmt: skip

    def _name(self, connection_id: int, ref: str) -> OrderKey:
        code = next(code for code, number in self._outlets.items() if number == connection_id)
        return (code, ref)
