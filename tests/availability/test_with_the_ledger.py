"""From a report or an order in the ledger to the figures of the channels, in memory and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest

from inventory_sync.availability.compute import recompute
from inventory_sync.availability.micro import maybe_exact
from inventory_sync.availability.models import ChannelFigure
from inventory_sync.availability.ports import AvailabilityStore
from inventory_sync.availability.store import PostgresAvailability
from inventory_sync.domain.external import OrderLineRef, OrderStatus, Reason
from inventory_sync.domain.levels import Mode
from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.ports import LedgerStore, Place
from inventory_sync.ledger.store import PostgresLedger
from inventory_sync.ledger.types import EventKind, OrderEvent, OrderEventLine, StockEvent
from tests import factories
from tests.availability.worlds import NOON
from tests.sim.stores.availability import AvailabilityTables, LedgerDirty, LedgerStock, MemoryAvailability
from tests.sim.stores.catalog import (
    CatalogTables,
    ConnectionEntry,
    ItemEntry,
    LocationEntry,
    MappingEntry,
    PlaceEntry,
)
from tests.sim.stores.ledger import MemoryLedger


@dataclass
class House:
    """One mug in one store, sold by a shop and a market; the till is the store's authority."""

    mug: int
    store: int
    till: int
    shop: int
    market: int
    ledger: LedgerStore
    compute: Callable[[], dict[int, Decimal | None]]

    def count(self, quantity: int) -> None:
        self._apply(events=[self._event("count-1", EventKind.COUNT, quantity, 0)])

    def order(self, channel: int, ref: str, quantity: int) -> None:
        line = OrderEventLine("1", self.mug, Decimal(quantity))
        self._apply(
            orders=[
                OrderEvent(
                    channel,
                    ref,
                    stamp=1,
                    status=OrderStatus.COMMITTED,
                    lines=(line,),
                    pool=(self.store,),
                    correlation_id=f"order-{ref}",
                )
            ]
        )

    def ship(self, source: str, ref: str, quantity: int) -> None:
        fulfils = OrderLineRef(source, ref, "1")
        self._apply(
            events=[self._event("ship-1", EventKind.DELTA, -quantity, 5, Reason.SHIPMENT, fulfils=fulfils)]
        )

    def _event(self, key, kind, quantity, minute, reason=None, fulfils=None) -> StockEvent:
        return StockEvent(
            self.till,
            key,
            kind,
            self.mug,
            self.store,
            Decimal(quantity),
            NOON + timedelta(minutes=minute),
            reason=reason,
            fulfils=fulfils,
        )

    def _apply(self, events=(), orders=()) -> None:
        apply_batch(list(events), list(orders), store=self.ledger, now=NOON + timedelta(hours=1))


def compute_with(store: AvailabilityStore) -> None:
    recompute(store=store, now=NOON, limit=10, urgent_at_or_below=2)


def in_memory() -> House:
    rows, ledger = CatalogTables(), MemoryLedger()
    mug = rows.add(rows.items, ItemEntry("MUG"))
    till, shop, market = (
        rows.add(rows.connections, ConnectionEntry(code, sells=code != "till"))
        for code in ("till", "shop", "market")
    )
    store = rows.add(rows.locations, LocationEntry("ST-1", authority=till))
    for channel in (shop, market):
        rows.add(rows.mappings, MappingEntry(channel, "mug", mug))
        rows.places.append(PlaceEntry(channel, "", store, sells_for=True, fulfils=True))
    ledger.tables.connections.update({"till": till, "shop": shop, "market": market})
    ledger.tables.places[store] = Place(Mode.MOVEMENTS, "ST-1")
    tables = AvailabilityTables(dirty=LedgerDirty(ledger))

    def compute() -> dict[int, Decimal | None]:
        transaction = MemoryAvailability(tables, rows, LedgerStock(ledger))
        compute_with(transaction)
        transaction.commit()
        return {channel: maybe_exact(row.figure) for (channel, _), row in tables.figures.items()}

    return House(mug, store, till, shop, market, ledger, compute)


def in_postgres() -> House:
    mug, till = factories.make_item("MUG"), factories.make_till("till")
    store = factories.make_store("ST-1", authority=till)
    channels = [factories.make_channel(code) for code in ("shop", "market")]
    for channel in channels:
        factories.map_item(channel, mug, "mug")
        factories.map_location(channel, store, sells_for=True, fulfils=True)

    def compute() -> dict[int, Decimal | None]:
        compute_with(PostgresAvailability())
        return dict(ChannelFigure.objects.values_list("connection_id", "figure"))

    shop, market = (channel.pk for channel in channels)
    return House(mug.pk, store.pk, till.pk, shop, market, PostgresLedger(), compute)


@pytest.fixture(params=[in_memory, pytest.param(in_postgres, marks=pytest.mark.django_db)])
def house(request: pytest.FixtureRequest) -> House:
    made: House = request.param()
    return made


def test_a_count_is_shown_on_every_channel(house: House):
    house.count(5)

    assert house.compute() == {house.shop: 5, house.market: 5}


def test_an_order_of_one_channel_lowers_the_figures_of_all(house: House):
    house.count(5)
    house.compute()

    house.order(house.shop, "100", 2)

    assert house.compute() == {house.shop: 3, house.market: 3}


def test_a_shipment_by_the_authority_closes_the_line_and_changes_no_figure(house: House):
    house.count(5)
    house.order(house.shop, "100", 2)
    house.compute()

    house.ship("shop", "100", 2)

    assert house.compute() == {house.shop: 3, house.market: 3}


def test_a_place_that_was_never_counted_shows_nothing_rather_than_zero(house: House):
    house.ship("shop", "100", 1)

    assert house.compute() == {house.shop: None, house.market: None}
