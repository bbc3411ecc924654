"""A retailer on PostgreSQL: a channel that sells from two warehouses of an ERP and from a store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from inventory_sync.cases.models import Case
from inventory_sync.catalog.models import Item, Location
from inventory_sync.domain.external import OrderStatus
from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.models import Order
from inventory_sync.ledger.store import PostgresLedger
from inventory_sync.ledger.types import OrderEvent, OrderEventLine, StockEvent
from inventory_sync.pipeline import outgoing, wiring
from inventory_sync.pipeline.ports import Account
from inventory_sync.workflows import services
from inventory_sync.workflows.models import Copy, DeliveryTold
from tests.factories import (
    NOON,
    make_connection,
    make_item,
    make_location,
    make_store,
    map_item,
    map_location,
)
from tests.ledger.reports import figure
from tests.workflows import fake_channel, fake_erp
from tests.workflows.erp import Erp
from tests.workflows.fake_channel import Channel

CONNECTORS = {
    "fake-erp": "tests.workflows.fake_erp",
    "fake-channel": "tests.workflows.fake_channel",
    "woocommerce": "connectors.woocommerce.connector",
    "till": "connectors.till.connector",
}


class Retailer:
    """`client` stands for the ERP, by default one with every way of failing; `place` is its name for MAIN."""

    def __init__(
        self,
        *,
        send_orders: bool = True,
        tell_deliveries: bool = True,
        client: Any = None,
        place: str = "warehouse:1",
    ) -> None:
        self.now = NOON
        self.shop = make_connection(
            "shop", connector="fake-channel", config={"tell_deliveries": tell_deliveries}
        )
        self.odoo = make_connection(
            "odoo", connector="fake-erp", sells=False, config={"send_orders": send_orders}
        )
        self.main = make_location("MAIN", authority=self.odoo, mode="figures")
        self.second = make_location("SECOND", authority=self.odoo, mode="figures")
        self.store = make_store("STORE")
        map_location(self.odoo, self.main, place, counts_from=True)
        map_location(self.odoo, self.second, "warehouse:99", counts_from=True)
        self.erp = Erp(now=lambda: self.now)
        self.client: Any = client or self.erp
        self.channel = Channel()
        self.stamps = 0
        self.readings = 0
        self.items: dict[str, Item] = {}
        self.ports = replace(wiring.ports(), clock=lambda: self.now, jitter=lambda: 0.5, account=self.account)

    def account(self, connection_id: int) -> Account:
        if connection_id == self.odoo.pk:
            return Account(connection_id, "odoo", fake_erp.CONNECTOR.capabilities, self.client, [])
        channel: Any = self.channel
        return Account(connection_id, "shop", fake_channel.CONNECTOR.capabilities, channel, [])

    def item(self, sku: str, *, mapped: str = "", **mapping: Any) -> Item:
        """Make an item; `mapped` is its name at the ERP, "" for none."""
        item = self.items[sku] = make_item(sku)
        map_item(self.shop, item, f"product:{sku}")
        if mapped:
            map_item(self.odoo, item, mapped, **mapping)
        return item

    def order(
        self,
        ref: str,
        *lines: tuple[str, str, int],
        status: OrderStatus = OrderStatus.COMMITTED,
        at: Location | None = None,
        parked: frozenset[str] = frozenset(),
    ) -> None:
        """Report a new version of an order; a line is (line ref, SKU, quantity), parked ones nobody knows."""
        self.stamps += 1
        self._apply(
            orders=[
                OrderEvent(
                    self.shop.pk,
                    ref,
                    stamp=self.stamps,
                    status=status,
                    fingerprint=str(self.stamps),
                    number=f"#{ref}",
                    lines=tuple(
                        OrderEventLine(line, self.items[sku].pk, Decimal(quantity))
                        for line, sku, quantity in lines
                    ),
                    parked=parked,
                    pool=((at or self.main).pk,),
                    correlation_id=f"cause{self.stamps:011}",
                )
            ]
        )

    def books(
        self, sku: str, quantity: int, *, at: Location | None = None, held: dict[Any, Any] | None = None
    ) -> None:
        """Report a figure of the ERP; held: (order, line) → (contained, delivered)."""
        self.readings += 1
        place = (at or self.main).pk
        event = figure(
            self.items[sku].pk, place, quantity, self.readings, by=self.odoo.pk, held=held, source="shop"
        )
        self._apply([event])

    def _apply(self, events: Any = (), orders: Any = ()) -> None:
        given: list[StockEvent] = list(events)
        with transaction.atomic():
            apply_batch(given, orders, store=PostgresLedger(), now=self.now)

    def follow(self) -> dict[str, int]:
        return dict(outgoing.follow(ports=self.ports, until=lambda: False).counts)

    def send(self) -> dict[str, int]:
        return outgoing.send(self.account(self.odoo.pk), ports=self.ports, until=lambda: False)

    def tell(self) -> dict[str, int]:
        return outgoing.tell(self.account(self.shop.pk), ports=self.ports, until=lambda: False)

    def run(self) -> None:
        self.follow()
        self.send()
        self.tell()

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def keep_house(self) -> None:
        services.follow_scope()
        self.run()

    # ── looking ──

    def there(self, ref: str, place: str = "warehouse:1") -> tuple[str, dict[str, int]]:
        document = self.erp.documents.get(("shop", ref, place))
        if document is None:
            return ("absent", {})
        return (document.state.value, {item: int(n) for (_, item), n in document.lines.items()})

    def copy(self, ref: str, place: Location | None = None) -> Copy:
        return Copy.objects.get(order_ref=ref, location=place or self.main)

    def told(self, ref: str) -> DeliveryTold:
        return DeliveryTold.objects.get(order=Order.objects.get(order_ref=ref))

    def cases(self) -> list[tuple[str, str]]:
        return list(Case.objects.filter(state="open").values_list("code", "subject_kind").order_by("id"))
