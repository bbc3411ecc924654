"""The platform of the walks: real PostgreSQL, broker, web, dispatcher and workers, and twins to trade with.

The twins live in the test's own process, so that a walk reads their books directly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.db import connection, connections
from django.db.models import Sum
from django.utils import timezone

from connectors.till.twin import SECRET as TILL_SECRET
from connectors.till.twin import TOKEN as TILL_TOKEN
from connectors.till.twin import TillTwin
from connectors.woocommerce.twin import WooTwin
from inventory_sync.catalog.models import Location
from inventory_sync.connections.models import Cursor
from inventory_sync.intake.models import Delivery, ReadDue
from inventory_sync.ledger.models import Movement, StockLevel
from inventory_sync.ledger.selectors import any_dirty
from inventory_sync.pipeline.wake import Waker
from inventory_sync.propagation.models import Listing
from runner.embedded import Services
from tests.walks import retailer, witness
from tests.walks.processes import PATIENCE_S, Processes


class Platform(Processes):
    """What a walk walks through."""

    def __init__(self, folder: Path, services: Services) -> None:
        super().__init__(folder, services)
        self.shops = {code: WooTwin(https=False, cron_s=0.2) for code in retailer.SHOPS}
        self.till = TillTwin()

    # ── life ──

    def prepare(self) -> None:
        """Make the tables, open the twins, and set up the hub's side."""
        self.migrate()
        connect_to(self.services.database_url)
        witness.install()
        self._settle_in()

    def _settle_in(self) -> None:
        for code, twin in self.shops.items():
            twin.seed(retailer.dataset(code))
            twin.start()
        self.till.seed(retailer.dataset())
        self.till.start()
        retailer.set_up(
            shops=self.shops, till_url=self.till.url, till_secret=TILL_SECRET, till_token=TILL_TOKEN
        )
        self.till.outbox.point_to(f"{self.landscape.hub_url}/hooks/till/")

    def waker(self) -> Waker:
        """Return a waker as the web process has one."""
        return Waker(self.send)

    def close(self) -> None:
        self.stop(*self.running)
        for twin in (*self.shops.values(), self.till):
            twin.stop()
            twin.close()

    # ── looking ──

    def figure(self, shop: str, sku: str) -> int:
        """Return what a shop shows, out of its own book."""
        number = self.number_of(shop, sku)
        (row,) = self.shops[shop].control.book([number], history=False)["products"]
        return int(row["stock_quantity"] or 0)

    def shows(self, sku: str, figure: int, *shops: str, patience_s: float = PATIENCE_S) -> None:
        """Wait until the shops show it."""
        for shop in shops or tuple(self.shops):
            self.wait(
                partial(self._is_shown, shop, sku, figure),
                f"{shop} shows {figure} of {sku}, not {self.figure(shop, sku)}",
                patience_s=patience_s,
            )

    def _is_shown(self, shop: str, sku: str, figure: int) -> bool:
        return self.figure(shop, sku) == figure

    def rest(self, *, patience_s: float = PATIENCE_S) -> None:
        """Wait until nothing is pending, dirty or owed; then let no sweep come by itself for a while."""
        self.wait(self.is_at_rest, "everything applied and settled", patience_s=patience_s, every_s=0.2)
        Cursor.objects.update(run_at=timezone.now() + timedelta(minutes=30))

    def is_at_rest(self) -> bool:
        unsettled = Listing.objects.exclude(state=Listing.State.SETTLED)
        pending = Delivery.objects.filter(state=Delivery.State.PENDING)
        queued = any(twin.webhooks.pending() for twin in self.shops.values()) or self.till.outbox.owed()
        # Until an order is read again that two messages tell differently, the greater demand stands.
        doubted = ReadDue.objects.filter(run_at__lt=timezone.now() + timedelta(minutes=1))
        return not (queued or pending.exists() or doubted.exists() or any_dirty() or unsettled.exists())

    def number_of(self, shop: str, sku: str) -> int:
        """Return what a shop calls an item."""
        return retailer.product_of(shop, sku)

    def history(self, shop: str, sku: str) -> list[dict[str, Any]]:
        """Return every figure that ever landed in a shop's book, and who wrote it."""
        number = self.number_of(shop, sku)
        found: dict[int, list[dict[str, Any]]] = self.shops[shop].products.book.history([number])
        return found.get(number, [])

    def till_book(self, sku: str) -> dict[str, Decimal]:
        return {store: self.till.till.on_hand(store, sku) for store in retailer.PLACES}

    def hub_book(self, sku: str) -> dict[str, Decimal]:
        """Return what the ledger holds to be there."""
        rows = StockLevel.objects.filter(item__sku=sku, location__code__in=retailer.PLACES)
        return {row.location.code: row.on_hand for row in rows.select_related("location")}

    def in_transit(self, sku: str) -> Decimal:
        """Return what left one place and has not arrived at another, by the movements."""
        way = Movement.objects.filter(item__sku=sku)
        put = way.filter(destination__kind=Location.Kind.TRANSIT).aggregate(Sum("quantity"))["quantity__sum"]
        got = way.filter(source__kind=Location.Kind.TRANSIT).aggregate(Sum("quantity"))["quantity__sum"]
        return (put or Decimal(0)) - (got or Decimal(0))


def connect_to(url: str) -> None:
    """Have this process's Django use another database from now on, too."""
    connection.close()
    parts = urlsplit(url)
    connections["default"].settings_dict.update(
        NAME=parts.path.lstrip("/"), USER=unquote(parts.username or ""), HOST=parts.hostname,
        PASSWORD=unquote(parts.password or ""), PORT=str(parts.port),
    )  # fmt: skip


@contextmanager
def database_of_its_own() -> Iterator[None]:
    """Give the process its old database back at the end."""
    kept = dict(connections["default"].settings_dict)
    try:
        yield
    finally:
        connection.close()
        connections["default"].settings_dict.update(kept)
