"""A little retailer whose clock is moved by hand, to tell of its past and its present."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction

from inventory_sync.availability.compute import recompute
from inventory_sync.availability.models import ChannelFigure
from inventory_sync.availability.store import PostgresAvailability
from inventory_sync.catalog.models import Item, Location
from inventory_sync.connections.models import Connection
from inventory_sync.domain.external import OrderStatus, Reason
from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.models import StockLevel
from inventory_sync.ledger.services import mark_items_dirty
from inventory_sync.ledger.store import PostgresLedger
from inventory_sync.ledger.types import EventKind, FigureFacts, OrderEvent, OrderEventLine, StockEvent
from inventory_sync.propagation.models import Listing, PushAttempt
from tests import factories as make


@dataclass
class Story:
    """One shop and one market sell from two stores; a till decides both. Everything happens at `now`."""

    now: datetime = make.NOON
    till: Connection = field(default_factory=lambda: make.make_till("till"))
    shop: Connection = field(default_factory=lambda: make.make_channel("shop"))
    market: Connection = field(default_factory=lambda: make.make_channel("market"))
    items: dict[str, Item] = field(default_factory=dict)
    stores: dict[str, Location] = field(default_factory=dict)
    steps: int = 0

    def __post_init__(self) -> None:
        for code in ("ST-1", "ST-2"):
            store = self.stores[code] = make.make_store(code, authority=self.till)
            for channel in (self.shop, self.market):
                make.map_location(channel, store, code, sells_for=True, fulfils=True)

    def item(self, sku: str) -> Item:
        item = self.items[sku] = make.make_item(sku)
        self.offer(item)
        return item

    def kit(self, sku: str, recipe: Mapping[str, int]) -> Item:
        kit = self.items[sku] = make.make_kit(sku, {self.items[part]: n for part, n in recipe.items()})
        self.offer(kit)
        return kit

    def offer(self, item: Item) -> None:
        for channel in (self.shop, self.market):
            make.make_listing(make.map_item(channel, item, f"product:{item.sku}"))

    def wait(self, minutes: float = 1) -> datetime:
        self.now += timedelta(minutes=minutes)
        return self.now

    def count(self, sku: str, quantity: int, store: str = "ST-1", *, ago: float = 0) -> None:
        self._report(EventKind.COUNT, sku, quantity, store, ago)

    def move(self, sku: str, quantity: int, store: str = "ST-1", *, ago: float = 0) -> None:
        reason = Reason.SALE if quantity < 0 else Reason.RECEIPT
        self._report(EventKind.DELTA, sku, quantity, store, ago, reason)

    def read(self, sku: str, quantity: int, store: str = "ST-1", *, reading: int) -> None:
        """Report what the authority's books said in one reading."""
        self._report(EventKind.FIGURE, sku, quantity, store, 0, reading=reading)

    def order(
        self,
        ref: str,
        sku: str,
        quantity: int,
        *,
        stamp: int = 1,
        channel: Connection | None = None,
        status: OrderStatus = OrderStatus.COMMITTED,
    ) -> None:
        event = OrderEvent(
            (channel or self.shop).pk,
            ref,
            stamp=stamp,
            status=status,
            number=f"#{ref}",
            lines=(OrderEventLine("1", self.items[sku].pk, Decimal(quantity)),),
            pool=tuple(store.pk for store in self.stores.values()),
            correlation_id=f"order-{ref}",
        )
        self._apply(orders=[event])

    def doubt(self, sku: str, store: str = "ST-1") -> None:
        """Make a level unknown, as a fault of its feed does."""
        StockLevel.objects.filter(item=self.items[sku], location=self.stores[store]).update(
            known=False, last_known_free=1
        )
        with transaction.atomic():
            mark_items_dirty([self.items[sku].pk], now=self.now)

    def compute(self) -> dict[tuple[str, str], Decimal | None]:
        """Compute all that is dirty and return every figure."""
        with transaction.atomic():
            recompute(store=PostgresAvailability(), now=self.now, limit=1000, urgent_at_or_below=2)
        return self.figures()

    def figures(self) -> dict[tuple[str, str], Decimal | None]:
        rows = ChannelFigure.objects.select_related("connection", "item")
        return {(row.connection.code, row.item.sku): row.figure for row in rows}

    def push(
        self, sku: str, wrote: int, *, channel: Connection | None = None, read: int | None = None
    ) -> None:
        """Write down that the channel was told a figure, as a push does."""
        listing = Listing.objects.get(connection=channel or self.shop, mapping__item=self.items[sku])
        PushAttempt.objects.create(
            listing=listing, at=self.now, finished_at=self.now, wanted=wrote, wrote=wrote,
            read_after=wrote if read is None else read, outcome="settled", version=1,
            write_key=f"write-{self.steps}",
        )  # fmt: skip

    def _report(
        self,
        kind: EventKind,
        sku: str,
        quantity: int,
        store: str,
        ago: float,
        reason: Reason | None = None,
        reading: int | None = None,
    ) -> None:
        self.steps += 1
        event = StockEvent(
            self.till.pk, f"event-{self.steps}", kind, self.items[sku].pk, self.stores[store].pk,
            Decimal(quantity), self.now - timedelta(minutes=ago), sequence=self.steps, reason=reason,
            reference=f"doc-{self.steps}", reading=reading,
            figure=FigureFacts() if kind is EventKind.FIGURE else None,
        )  # fmt: skip
        self._apply(events=[event])

    def _apply(self, events: list[StockEvent] | None = None, orders: list[OrderEvent] | None = None) -> None:
        with transaction.atomic():
            apply_batch(events or [], orders or [], store=PostgresLedger(), now=self.now)
