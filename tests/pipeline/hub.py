"""A small retailer on PostgreSQL with a clock moved by hand: one shop, one till, a store, a few items.

The steps are the real ones on their real stores; only time, chance and pauses are given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from inventory_sync.catalog.models import Item, Location
from inventory_sync.connections.models import Budget, Connection
from inventory_sync.intake.models import Delivery
from inventory_sync.intake.ports import NewDelivery
from inventory_sync.pipeline import wiring
from inventory_sync.pipeline.compute import compute
from inventory_sync.pipeline.drain import drain
from inventory_sync.pipeline.ports import Account, Ports
from inventory_sync.pipeline.push import push
from inventory_sync.propagation.models import Listing
from inventory_sync.propagation.services import sync_listings
from inventory_sync.propagation.store import PostgresLanes
from tests.factories import NOON, make_item, make_store, map_item, map_location
from tests.pipeline import accounts

TIERS = ("critical", "standard", "bulk", "replay")


class HandClock:
    """Time that passes only when somebody says so."""

    def __init__(self, start: datetime = NOON) -> None:
        self.now = start

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Hub:
    clock: HandClock
    shop: Connection
    till: Connection
    store: Location
    ports: Ports
    items: dict[str, Item] = field(default_factory=dict)
    sequence: int = 0

    # ── setting up ──

    def stocked(self, sku: str, quantity: int, external_id: str = "", **mapping: Any) -> Item:
        """Make an item that the till has counted and the shop lists."""
        item = self.items[sku] = make_item(sku)
        map_item(self.till, item, sku, publishes=False)
        if external_id:
            map_item(self.shop, item, external_id, **mapping)
            sync_listings(self.shop.pk, now=self.clock())
        self.till_says("count", (sku, str(quantity)))
        self.drain()
        return item

    # ── deliveries ──

    def receive(
        self,
        connection: Connection,
        body: bytes,
        *,
        topic: str,
        object_key: str = "",
        tier: str = "critical",
        source: str = "webhook",
        key: str = "",
        **more: Any,
    ) -> int | None:
        with self.ports.intake.transaction():
            stored = self.ports.intake.store(
                [
                    NewDelivery(
                        connection.pk, topic, {}, body, key, object_key, tier, source, self.clock(),
                        self.ports.new_id(), **more,
                    )
                ]
            )  # fmt: skip
        return stored.ids[0]

    def order(self, number: int, *lines: tuple[int, int, int], **more: Any) -> int:
        """Store an order of the shop; a line is (line id, product id, quantity)."""
        source, reading = more.pop("source", "webhook"), more.pop("reading", 0)
        body = accounts.order_body(number, *lines, **more)
        stored = self.receive(
            self.shop,
            body,
            topic="order.updated",
            object_key=f"order:{number}",
            source=source,
            reading=reading,
        )
        assert stored is not None
        return stored

    def till_says(self, kind: str, *lines: tuple[str, str], **more: Any) -> int:
        self.sequence += 1
        at = (self.clock() - timedelta(hours=1)).isoformat()
        body = accounts.till_event(self.sequence, kind, *lines, **{"store": "ST-1", "at": at, **more})
        stored = self.receive(self.till, body, topic=kind, object_key="store:ST-1", tier="standard")
        assert stored is not None
        return stored

    # ── steps ──

    def drain(self) -> dict[str, int]:
        totals: dict[str, int] = {}
        for tier in TIERS:
            for name, count in drain(tier, ports=self.ports).items():
                totals[name] = totals.get(name, 0) + count
        return totals

    def compute(self) -> None:
        compute(ports=self.ports)

    def push(self, wrap: Callable[[Any], Any] | None = None) -> dict[str, int]:
        """Carry out one flight of the shop's lane; `wrap` may stand between us and its client."""
        account = self.ports.account(self.shop.pk)
        if wrap is not None:
            account = replace(account, client=wrap(account.client))
        return push(account, ports=self.ports)

    def settle(self, *, every_s: float = 3, flights: int = 12) -> None:
        """Push again and again, time passing, until nothing is owed."""
        for _ in range(flights):
            if not Listing.objects.filter(connection=self.shop, state=Listing.State.OWED).exists():
                return
            self.push()
            self.clock.advance(every_s)
        raise AssertionError(
            "still owed: " + ", ".join(f"{row} {row.push_attempts.first()}" for row in Listing.objects.all())
        )

    # ── looking ──

    def delivery(self, number: int | None) -> Delivery:
        assert number is not None, "what was known already has no row of its own"
        return Delivery.objects.get(pk=number)

    def listing(self, sku: str) -> Listing:
        return Listing.objects.get(connection=self.shop, mapping__item__sku=sku)

    def on_hand(self, sku: str) -> Decimal | None:
        row = self.items[sku].levels.filter(location=self.store).first()
        return None if row is None else row.on_hand


def open_hub(*, shop_url: str = "http://127.0.0.1:9", clock: HandClock | None = None) -> Hub:
    clock = clock or HandClock()
    shop, till = accounts.woo(url=shop_url), accounts.till()
    Budget.objects.update(rate_per_s=100, burst=600, tokens=600)
    store = make_store("ST-1", authority=till)
    map_location(till, store, "ST-1", counts_from=True)
    map_location(shop, store, sells_for=True, fulfils=True)
    ports = wiring.ports()
    ports = replace(
        ports,
        clock=clock,
        jitter=lambda: 1.0,
        pause=clock.advance,
        config=wiring.config_of,
        account=partial(wiring.open_account, clock=clock),
        lanes=PostgresLanes(budgets_by_callers_clock=True),
        # Rounds of checks and daily evidence have tests of their own.
        limits=replace(ports.limits, verify_every=timedelta(0), evidence_daily=False),
    )
    return Hub(clock, shop, till, store, ports)


def without_account(connection_id: int) -> Account:
    raise AssertionError("nobody should be called")
