"""What is announced for a place, what arrived of it, and what was picked: plain values in our own ids.

Quantities are in the item's base unit. Nothing here moves stock; rows and rules are in expectations.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from inventory_sync.domain.external import ExpectationKind, ExpectationStatus

ExpectationKey = tuple[int, str]  # (connection id, ref): the lock order of expectations


@dataclass(frozen=True, slots=True)
class ReceiptOf:
    """What an arrival says of the announcement it answers; how much arrived is the event's own quantity.

    `source` is a connection code. `expected`: what the paper said, None when it said nothing. `final`:
    nothing more will come of it.
    """

    source: str
    ref: str
    damaged: bool = False
    expected: Decimal | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class AnnouncedLine:
    line_ref: str
    item_id: int
    quantity: Decimal
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExpectationEvent:
    """One version of an announcement, whole but for `parked` lines; the newest version of a key wins."""

    connection_id: int
    ref: str
    version: int
    kind: ExpectationKind
    status: ExpectationStatus
    location_id: int
    lines: tuple[AnnouncedLine, ...]
    event_key: str
    parked: frozenset[str] = frozenset()
    origin_id: int | None = None
    due_at: datetime | None = None
    reference: str = ""
    delivery_id: int | None = None
    correlation_id: str = ""

    @property
    def key(self) -> ExpectationKey:
        return (self.connection_id, self.ref)


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """What arrived of an item is not what was announced. There is one per announcement and item."""

    connection_id: int
    ref: str
    item_id: int
    location_id: int
    expected: Decimal
    received: Decimal
    damaged: Decimal
    over: Decimal
    short: Decimal


@dataclass(frozen=True, slots=True)
class Pick:
    """What a picker took for an order line, and what was not found. `source` is a connection code.

    (connection_id, key, revision) identifies one statement; a higher revision replaces the lower ones.
    """

    connection_id: int
    key: str
    revision: int
    source: str
    order_ref: str
    line_ref: str
    item_id: int
    location_id: int
    picked: Decimal
    short: Decimal
    occurred_at: datetime
    delivery_id: int | None = None
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a batch did to announcements and picks.

    `discrepancies`: what differs now, of every announcement that was touched. `agreed`: those touched where
    nothing differs any more. `refused`: a known version that now says something else. `short_picks`: new
    reports of something not found. `new`: (connection id, event key) of what was news.
    """

    discrepancies: tuple[Discrepancy, ...] = ()
    agreed: tuple[ExpectationKey, ...] = ()
    refused: tuple[ExpectationEvent, ...] = ()
    short_picks: tuple[Pick, ...] = ()
    new: frozenset[tuple[int, str]] = frozenset()
