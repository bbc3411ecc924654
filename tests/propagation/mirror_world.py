"""A store whose till decides its stock, and the books of another system that keeps a copy of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from inventory_sync.catalog.mappings import save_location_mapping
from inventory_sync.catalog.models import Item, LocationMapping
from inventory_sync.connections.models import Connection
from inventory_sync.domain.invariants import EVERYTHING
from inventory_sync.ledger.rows import execute
from inventory_sync.pipeline.mirror import mirror
from inventory_sync.pipeline.ports import Account
from inventory_sync.propagation.mirror_checks import documents_add_up
from inventory_sync.propagation.mirror_places import settle_places
from inventory_sync.propagation.models import MirrorDocument, MirrorLevel, MirrorPlace
from tests.factories import make_connection, make_item, map_item
from tests.pipeline.hub import Hub, open_hub
from tests.propagation.mirror_books import CONNECTOR, Books

PLACE = "warehouse:2"
_MOVED = """
SELECT coalesce(sum(CASE WHEN destination_id = %s THEN quantity ELSE -quantity END), 0) FROM ledger_movement
WHERE item_id = %s AND id > %s AND %s IN (source_id, destination_id)
"""


@dataclass
class World:
    hub: Hub
    target: Connection
    books: Books = field(default_factory=Books)
    items: list[Item] = field(default_factory=list)

    @property
    def account(self) -> Account:
        client: Any = self.books
        return Account(self.target.pk, self.target.code, CONNECTOR.capabilities, client, [])

    # ── acts ──

    def item(self, sku: str, *, stock: int = 0, mapped: bool = True, **mapping: Any) -> Item:
        """Make an item that the till keeps, counted before anything else is said of it."""
        item = make_item(sku)
        map_item(self.hub.till, item, sku, publishes=False)
        self.hub.items[sku] = item
        if mapped:
            map_item(self.target, item, f"product:{sku}", publishes=False, **mapping)
        if stock:
            self.till("count", (sku, str(stock)))
        self.items.append(item)
        return item

    def till(self, kind: str, *lines: tuple[str, str], **more: Any) -> dict[str, int]:
        """Have the till say something and the drain apply it."""
        self.hub.clock.advance(1)
        self.hub.till_says(kind, *lines, at=(self.hub.clock()).isoformat(), **more)
        return self.hub.drain()

    def declare(self, *, at: str = PLACE, **roles: bool) -> LocationMapping:
        """Have staff say that the target keeps a copy of the store."""
        row = LocationMapping(
            connection=self.target, location=self.hub.store, external_id=at, **{"mirrors": True, **roles}
        )
        save_location_mapping(row, actor="tests", reason="a copy for the accountants")
        self.settle_places()
        return row

    def settle_places(self) -> tuple[int, int]:
        return settle_places(None, now=self.hub.clock(), new_id=self.hub.ports.new_id)

    def mirror(self, *, until: Callable[[], bool] = lambda: False) -> dict[str, int]:
        return mirror(self.account, ports=self.hub.ports, until=until)

    def forget_marks(self) -> None:
        """Have moved what no batch marked: that something is due is lost, not how far each is told."""
        MirrorLevel.objects.update(due_since=None)

    def settle(self, *, turns: int = 60) -> None:
        """Let time pass and turns be taken until nothing is owed."""
        for _ in range(turns):
            self.mirror()
            if not MirrorDocument.objects.filter(state__in=MirrorDocument.OPEN).exists():
                return
            self.hub.clock.advance(20)
        raise AssertionError(
            f"still owed: {list(MirrorDocument.objects.values('name', 'state', 'error_detail'))}"
        )

    # ── looking ──

    def moved(self, item: Item) -> Decimal:
        """Sum what moved at the store since the mirror began, by a statement of this file's own."""
        place = MirrorPlace.objects.get()
        rows = execute(_MOVED, (place.location_id, item.pk, place.after_id, place.location_id))
        return Decimal(rows[0][0])

    def copied(self, item: Item) -> Decimal:
        return self.books.figure(PLACE, f"product:{item.sku}")

    def differing(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return where the copy is not what moved."""
        return {
            item.sku: (self.moved(item), self.copied(item))
            for item in self.items
            if self.moved(item) != self.copied(item)
        }

    def states(self) -> list[str]:
        return list(MirrorDocument.objects.order_by("pk").values_list("state", flat=True))

    def sums_hold(self) -> bool:
        return not documents_add_up(EVERYTHING)


def open_world() -> World:
    hub = open_hub()
    hub.ports = replace(hub.ports, limits=replace(hub.ports.limits, mirror_compare_every=timedelta(hours=1)))
    return World(hub, make_connection("erp", connector="books", sells=False, label="The ERP"))
