"""A retailer in one process: two web shops, Odoo as the authority of the warehouse, and the hub between them.

The twins answer on loopback with books of their own; the hub's steps are the real ones on PostgreSQL, run one
after the other as its rows say they are due. All of them look at the same clock, which moves when told.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from connectors.odoo.twin import DATABASE, KEY, LOGIN, OdooTwin
from connectors.woocommerce.twin import WooTwin
from inventory_sync.availability.models import ChannelFigure, FigureHistory
from inventory_sync.catalog.models import Item
from inventory_sync.connections import registry
from inventory_sync.connections.models import Budget, Connection
from inventory_sync.connections.services import create_connection
from inventory_sync.ledger.models import Reservation, StockLevel
from inventory_sync.pipeline import inline, wiring
from inventory_sync.pipeline.debts import find_debts
from inventory_sync.pipeline.ports import Ports
from inventory_sync.propagation.services import sync_listings
from tests.factories import make_item, make_location, map_item, map_location
from tests.pipeline import accounts
from tests.pipeline.hub import HandClock

TELLING = "pipeline.tell_people"

SKU = "CHAIR"
OPENING = 20
QUIET_ROUNDS, PAUSE_S = 4, 90  # together longer than the longest life of a request
SHOPS = {"woo": 101, "outlet": 501}
"""The shops by their codes, and the number each has for the item."""


@dataclass
class Retailer:
    """The hub's side, and the twins to trade with."""

    clock: HandClock
    ports: Ports
    shops: dict[str, WooTwin]
    odoo: OdooTwin
    item: Item

    # ── the hub goes on ──

    def settle(self, *, rounds: int = 120) -> None:
        """Do what is due, time passing, until every stream was read once more and told nothing new."""
        quiet = 0
        for _ in range(rounds):
            quiet = 0 if self.go_on() else quiet + 1
            if quiet == QUIET_ROUNDS:
                return
            self.clock.advance(PAUSE_S if quiet else 3)
        raise AssertionError(f"the hub does not come to rest: {find_debts(self.clock(), ports=self.ports)}")

    def go_on(self) -> bool:
        """Do once what the rows say is due; say whether it was more than looking."""
        debts = find_debts(self.clock(), ports=self.ports)
        for debt in debts:
            if debt.task == TELLING:  # who is told what has tests of its own
                continue
            with self.paced():
                inline.WORK[debt.task](**debt.arguments, ports=self.ports)
        return any(debt.task not in ("pipeline.sweep", "pipeline.verify", TELLING) for debt in debts)

    @contextlib.contextmanager
    def paced(self) -> Iterator[None]:
        """No budget holds the story up; pace has tests of its own."""
        Budget.objects.update(tokens=400, refilled_at=self.clock(), closed_until=None)
        yield

    # ── people act ──

    def buys(self, shop: str, quantity: int) -> dict[str, Any]:
        line = {"product_id": SHOPS[shop], "quantity": quantity}
        return self.shops[shop].control.checkout([line])

    def document(self, order: dict[str, Any]) -> str:
        """Return the name of the one order in Odoo that copies a shop's order."""
        (found,) = self.odoo.control.orders(str(order["number"]))
        return str(found["name"])

    # ── looking ──

    def figure(self, shop: str) -> Decimal | None:
        row = ChannelFigure.objects.filter(connection__code=shop, item=self.item).first()
        return None if row is None else row.figure

    def figures(self, shop: str) -> list[Decimal | None]:
        """Return every figure the hub ever held right for a shop, in order."""
        rows = FigureHistory.objects.filter(connection__code=shop, item=self.item).order_by("version")
        told = list(rows.values_list("figure", flat=True))
        return [each for number, each in enumerate(told) if not number or told[number - 1] != each]

    def shown(self, shop: str) -> int:
        """Return what a shop shows, out of its own book."""
        (row,) = self.shops[shop].control.book([SHOPS[shop]], history=False)["products"]
        return int(row["stock_quantity"] or 0)

    def on_hand(self) -> Decimal:
        return StockLevel.objects.get(item=self.item).on_hand

    def in_odoo(self) -> Decimal:
        levels = self.odoo.control.book([SKU])["levels"].get(SKU, {})
        return sum((Decimal(str(level["on_hand"])) for level in levels.values()), Decimal(0))

    def line(self) -> Reservation:
        return Reservation.objects.get(order__connection__code="woo")


@contextlib.contextmanager
def retailer(version: int) -> Iterator[Retailer]:
    """Open the world: stock counted in Odoo, figures shown in both shops, nothing owed."""
    clock = HandClock()
    shops = {code: WooTwin(now=clock) for code in SHOPS}
    odoo = OdooTwin(version=version, now=clock, sleep=clock.advance)
    with contextlib.ExitStack() as stack:
        for twin in (*shops.values(), odoo):
            stack.enter_context(twin.serving(ticking=False))
        for code, twin in shops.items():
            twin.seed({"products": [
                {"id": SHOPS[code], "type": "simple", "parent_id": 0, "sku": SKU, "name": "Chair",
                 "manage_stock": True, "stock_quantity": 0},
            ]})  # fmt: skip
        odoo.control.seed({"products": [{"sku": SKU, "name": "Chair", "stock": {"WH": OPENING}}]})
        made = _hub(clock, shops, odoo)
        made.settle()
        yield made


def _hub(clock: HandClock, shops: dict[str, WooTwin], odoo: OdooTwin) -> Retailer:
    ports = replace(
        wiring.ports(),
        clock=clock,
        jitter=lambda: 0.5,
        pause=clock.advance,
        config=wiring.config_of,
        account=partial(wiring.open_account, clock=clock),
    )
    ports = replace(ports, limits=replace(ports.limits, verify_every=timedelta(0), evidence_daily=False))
    (row,) = odoo.control.book([SKU])["products"]
    with odoo.env() as env:
        (warehouse,) = env.ids("stock.warehouse", [("code", "=", "WH")])
        customer = env.create("res.partner", {"name": "Web customers"})
    books = _connect(
        "odoo",
        {
            "base_url": odoo.url, "database": DATABASE, "login": LOGIN, "api_key": KEY, "send_orders": True,
            "order_customer_id": customer, "allow_insecure": True,
        },
        clock,
    )  # fmt: skip
    item, place = make_item(SKU), make_location("WH", mode="figures", authority=books)
    map_item(books, item, f"product:{row['id']}", publishes=False)
    map_location(books, place, f"warehouse:{warehouse}", counts_from=True)
    for code, twin in shops.items():
        shop = accounts.woo(code, twin.url, tell_deliveries=True)
        map_item(shop, item, f"product:{SHOPS[code]}")
        map_location(shop, place, sells_for=True, fulfils=True)
        sync_listings(shop.pk, now=clock())
    return Retailer(clock, ports, shops, odoo, item)


def _connect(code: str, values: dict[str, Any], clock: Callable[[], Any]) -> Connection:
    return create_connection(
        connector=registry.connector("odoo"), code=code, label="Odoo", values=values, actor="tests",
        reason="a test", now=clock(),
    )  # fmt: skip
