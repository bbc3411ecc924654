"""A small system of record whose books are read: what it has, what it says moved, and how it fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from inventory_sync.catalog.models import Item, Location
from inventory_sync.connections.models import Connection
from inventory_sync.domain.errors import RemoteUnavailable
from inventory_sync.domain.external import (
    Extent,
    ExternalEvent,
    Reason,
    SnapshotReceived,
    SnapshotRow,
    StockMoved,
)
from inventory_sync.domain.ports import Capabilities, Client, Connector, Delivery, Found, Stream, SweepPage
from inventory_sync.intake.ports import ReadWanted
from inventory_sync.ledger.models import StockLevel
from inventory_sync.pipeline import reading, wiring
from inventory_sync.pipeline.drain import drain
from inventory_sync.pipeline.ports import Account, Ports
from tests.factories import NOON, make_connection, make_item, make_location, map_item, map_location
from tests.pipeline.hub import HandClock

PLACE = "warehouse:1"
CHANGES = Stream("changes", every_s=30, overlap_s=150)
STOCK = Stream("stock", every_s=3600, overlap_s=0)


class BooksConnector:
    """Its deliveries say {"at", "items": {ref: quantity}, "cut": [refs], "moves": [[key, ref, quantity]]}."""

    code = label = "books"
    capabilities = Capabilities(
        reports_stock=True, streams=(CHANGES, STOCK), reads_books=True, read_batch=3, skips_pages=True
    )
    config_type = dict

    def translate(self, delivery: Delivery, config: Any = None) -> list[ExternalEvent]:
        told = delivery.json()
        at = datetime.fromisoformat(told["at"])
        events: list[ExternalEvent] = [
            StockMoved(key, ref, PLACE, Decimal(quantity), at, Reason.SALE)
            for key, ref, quantity in told["moves"]
        ]
        for extent, refs in ((Extent.COMPLETE, list(told["items"])), (Extent.CUT, told["cut"])):
            rows = tuple(SnapshotRow(ref, PLACE, Decimal(told["items"].get(ref, 0))) for ref in refs)
            if refs:
                events.append(SnapshotReceived(f"{extent}", extent, (PLACE,), tuple(refs), rows, at))
        return events


@dataclass
class Books:
    """The client too. `asked`: every call with its items; `between`: done while an answer is under way."""

    clock: HandClock
    stock: dict[str, int] = field(default_factory=dict)
    moves: list[tuple[str, str, int]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    failure: Callable[[], Exception] = lambda: RemoteUnavailable("cannot read it")
    asked: list[tuple[str, ...]] = field(default_factory=list)
    between: Callable[[], object] = lambda: None
    page_rows: int = 2

    def sweep(self, stream: str, cursor: str, *, now: datetime) -> SweepPage:
        if stream == "changes":
            moves = self.moves
            return SweepPage([self._found(sorted({ref for _, ref, _ in moves}), moves)], str(now), done=True)
        refs = self._after(cursor)[: self.page_rows]
        found = [self._found(refs)] if refs else []
        return SweepPage(found, *self._behind(refs))

    def skip_page(self, stream: str, cursor: str, *, now: datetime) -> SweepPage:
        refs = self._after(cursor)[: self.page_rows]
        cut = [ref for ref in refs if ref in self.broken]
        found = self._found([ref for ref in refs if ref not in self.broken], cut=cut)
        return SweepPage([found], *self._behind(refs), unread=bool(cut))

    def read_object(self, kind: str, ref: str) -> Found:
        return self._found([ref])

    def read_objects(self, kind: str, refs: Sequence[str]) -> list[Found]:
        return [self._found(refs)]

    def _after(self, cursor: str) -> list[str]:
        return [ref for ref in sorted(self.stock) if ref > cursor]

    def _behind(self, refs: Sequence[str]) -> tuple[str, bool]:
        done = not refs or not self._after(refs[-1])
        return ("" if done else refs[-1]), done

    def _found(
        self, refs: Sequence[str], moves: Sequence[tuple[str, str, int]] = (), cut: Sequence[str] = ()
    ) -> Found:
        self.asked.append(tuple(refs))
        if self.broken.intersection(refs):
            raise self.failure()
        items = {ref: str(self.stock.get(ref, 0)) for ref in refs}
        self.between()
        told = {"at": self.clock().isoformat(), "items": items, "cut": list(cut), "moves": list(moves)}
        return Found("reading", json.dumps(told, default=str).encode(), "", "page", tier="standard")


@dataclass
class BookHub:
    """One warehouse that the books decide, and the real steps on PostgreSQL."""

    clock: HandClock
    books: Books
    erp: Connection
    place: Location
    ports: Ports
    items: dict[str, Item] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        return self.ports.account(self.erp.pk)

    def has(self, ref: str, quantity: int) -> None:
        if ref not in self.items:
            self.items[ref] = make_item(ref)
            map_item(self.erp, self.items[ref], ref, publishes=False)
        self.books.stock[ref] = quantity

    def drain(self) -> None:
        for tier in ("critical", "standard"):
            drain(tier, ports=self.ports)

    def want(self, *refs: str) -> None:
        """Have items read again."""
        wanted = [ReadWanted(self.erp.pk, "item", ref, "a test") for ref in refs]
        self.ports.intake.want_reads(wanted, now=self.clock())

    def read(self) -> int:
        """Read what is due, and have it applied."""
        done = reading.read_due(self.erp.pk, ports=self.ports, until=lambda: False)
        self.drain()
        return done

    def level(self, ref: str) -> StockLevel:
        return StockLevel.objects.get(item=self.items[ref], location=self.place)


def open_books(clock: HandClock | None = None) -> BookHub:
    clock = clock or HandClock(NOON)
    books = Books(clock)
    erp = make_connection("erp", connector="books", sells=False)
    place = make_location("WH", authority=erp, mode=Location.Mode.FIGURES)
    map_location(erp, place, PLACE, counts_from=True)
    connector = cast(Connector, BooksConnector())
    account = Account(erp.pk, "erp", connector.capabilities, cast(Client, books), [])
    ports = replace(
        wiring.ports(),
        clock=clock,
        jitter=lambda: 0.5,
        pause=clock.advance,
        account=lambda _: account,
        connector=lambda _: connector,
        config=lambda _: None,
    )
    return BookHub(clock, books, erp, place, ports)
