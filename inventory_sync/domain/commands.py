"""What the hub has another system do, beside showing figures: keep a copy of an order, book a movement, tell
a delivery. None of it may happen twice or get lost.

Every one carries a name that is made once and never again; the other system keeps it unique or can be asked
for it. A call that ends in OutcomeUnknown is not repeated before it was read back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from inventory_sync.domain.errors import SyncError
from inventory_sync.domain.external import Reason


@dataclass(frozen=True, slots=True)
class CopyLine:
    """One line as the target should have it; `item_ref` and `quantity` in the target's ids and units.

    quantity: the whole demand at the place, 0 for a line that is wanted no more. A kit that the target does
    not know goes as its components, each a line of its own with the same line_ref.
    """

    line_ref: str
    item_ref: str
    quantity: Decimal
    label: str = ""


@dataclass(frozen=True, slots=True)
class OrderCopy:
    """The part of a channel's order that one place of the target serves, as the target should have it.

    (source, order_ref, location_ref) name it for good. `number` is what people call the order. may_make: it
    may be made, or taken up again if it is cancelled; else it was just read to be there, and if it is not any
    more, somebody meant that.
    """

    source: str
    order_ref: str
    location_ref: str
    number: str
    lines: tuple[CopyLine, ...]
    cancelled: bool = False
    placed_at: datetime | None = None
    may_make: bool = True


class CopyState(StrEnum):
    ABSENT = "absent"
    DRAFT = "draft"  # written, and not confirmed: it reserves nothing
    CONFIRMED = "confirmed"
    DONE = "done"  # all of it has left
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class SeenLine:
    """One line as the target has it, in the unit of the copy. delivered: outward, returns apart."""

    line_ref: str
    item_ref: str
    ordered: Decimal
    open: Decimal = Decimal(0)
    delivered: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class CopySeen:
    """What the target has of one copy. `document` is what people call it there."""

    state: CopyState
    document: str = ""
    lines: tuple[SeenLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one thing in a call: done, or the `error` of it alone. `document`: its name there."""

    document: str = ""
    error: SyncError | None = None


class OrderTaker(Protocol):
    """A client of a system that keeps copies of channels' orders. Calls raise only SyncError.

    One result per copy, in the order given. OutcomeUnknown of a whole call: nothing of it is known.
    """

    def read_copies(self, copies: Sequence[OrderCopy]) -> list[CopySeen]: ...

    def write_copies(self, copies: Sequence[OrderCopy]) -> list[Done]:
        """Create or change, under a name the target keeps unique; never confirms.

        One that may not be made and is absent or cancelled is left alone, with a Transient error: read again.
        """

    def confirm_copies(self, copies: Sequence[OrderCopy]) -> list[Done]:
        """Confirm those read as drafts; one that is confirmed already is done."""

    def cancel_copies(self, copies: Sequence[OrderCopy]) -> list[Done]:
        """Cancel; one that is absent or cancelled is done, one that has left is refused."""


@dataclass(frozen=True, slots=True)
class MirrorLine:
    """`quantity` > 0 in the target's unit of the item."""

    item_ref: str
    quantity: Decimal
    lot: str = ""


@dataclass(frozen=True, slots=True)
class MirrorDocument:
    """Movements of one kind at one place, booked there as one document whose `name` is unique for good.

    `arrives`: stock comes to the place; otherwise it leaves.
    """

    name: str
    location_ref: str
    reason: Reason
    arrives: bool
    lines: tuple[MirrorLine, ...]
    note: str = ""


class DocumentState(StrEnum):
    ABSENT = "absent"
    OPEN = "open"  # written, not booked
    BOOKED = "booked"
    CANCELLED = "cancelled"


class Mirror(Protocol):
    """A client of a system that keeps stock it does not decide. Calls raise only SyncError."""

    def read_documents(self, names: Sequence[str]) -> Mapping[str, DocumentState]:
        """Return the state of every name asked for."""

    def book_documents(self, documents: Sequence[MirrorDocument]) -> list[Done]:
        """Create what is absent and book what is open, after reading which is which; booked ones are done.

        A permanent error of one document is its own result, and then nothing of it was booked.
        """


@dataclass(frozen=True, slots=True)
class Delivered:
    """What has left for an order of a channel, as the authority's books say.

    `lines`: per line of the channel, all that has left so far, in the channel's units. `complete`: nothing
    more will come. `version` rises with every change.
    """

    order_ref: str
    version: int
    complete: bool
    lines: Mapping[str, Decimal] = field(default_factory=dict)


class DeliveryTaker(Protocol):
    """A client of a channel that wants to know what was delivered. Calls raise only SyncError."""

    def tell_delivered(self, told: Delivered) -> Done:
        """Tell it; read before it is written, so that telling it again changes nothing."""
