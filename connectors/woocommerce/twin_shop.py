"""The shop as its parts share it: books, clock, zone, home address, quirks, and who hears of events.

Holds no rules of products, orders or webhooks; those live in modules of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from connectors.base.twinkit import Books, Doc, Faults, TwinClock

FIRST_ID = 10


@dataclass(slots=True)
class Quirks:
    """What differs between shops.

    `failed_restores`: WooCommerce 11 and later give stock back when an order fails.
    `hpos`: order tables of their own; without them a trashed order also says `product.deleted`.
    `decimal_stock`: an extension keeps fractions, and the wire shows floats.
    `global_variations`: `GET /variations` exists (10.3 and later).
    `hold_stock_s`: how long an unpaid storefront order keeps its stock from other buyers.
    """

    failed_restores: bool = True
    hpos: bool = True
    decimal_stock: bool = False
    global_variations: bool = True
    hold_stock_s: int = 3600


@dataclass(slots=True)
class Shop:
    """Everything the parts of the twin share."""

    books: Books
    clock: TwinClock
    faults: Faults
    zone: ZoneInfo
    quirks: Quirks = field(default_factory=Quirks)
    home: str = "https://shop.example.test"
    announce: Callable[[str, int], None] = lambda topic, resource_id: None

    def now_s(self) -> int:
        return self.clock.seconds()

    def next_post_id(self) -> int:
        """Return an id from the one sequence products, orders and refunds share."""
        return self.books.next_number("post", start=FIRST_ID)

    def note_stock(self, product_id: int, value: float | None, who: str) -> None:
        """Write one landed stock figure into the history the witness reads."""
        number = self.books.next_number("history")
        entry: Doc = {
            "product_id": product_id, "time": self.clock.now().isoformat(), "value": value, "who": who,
        }  # fmt: skip
        self.books.put("history", number, entry)
