"""What an explanation is made of: plain values, read by the API, the console and the tests.

Quantities are exact, in the item's base unit unless a field says otherwise; signed where they are parts of a
sum. A `moment` of None means now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Document:
    """What stands behind a term. `quantity` is its part of the term; None where it decides and adds nothing.

    `at`: as of when it speaks; `recorded_at`: since when the hub knew. `model` and `pk` say where it is read
    whole (app_model), both empty where nothing more is kept.
    """

    kind: str
    title: str
    quantity: Decimal | None = None
    at: datetime | None = None
    recorded_at: datetime | None = None
    detail: str = ""
    state: str = ""
    model: str = ""
    pk: int | None = None
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Term:
    """One signed part of a figure with its documents. `total`: the sum of the terms up to this one.

    The quantities of the documents add up to the term, when any of them has one. `basis`: for kits, the
    components' own terms in their own units; no part of the sum.
    """

    name: str
    label: str
    quantity: Decimal
    total: Decimal
    location: str = ""
    component: str = ""
    documents: tuple[Document, ...] = ()
    basis: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A location behind a figure: who decides what is there, and which report ruled."""

    location: str
    name: str
    mode: str
    authority: str
    sells: bool = False
    known: bool = True
    ruling: Document | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What one listing was last told, and what it was read to show, in the vendor's own unit.

    `write_id`: the idempotency key of the write, "" where nothing had to be written. `shown`: the last figure
    read from the channel by then. `at` None: it was never told anything by then, as far as is kept.
    `left_over`: base units of the item's figure that fill no pack of this listing, so it does not show them.
    """

    listing: str
    listing_id: int
    base_units_each: str
    state: str
    wanted: Decimal | None = None
    wrote: Decimal | None = None
    shown: Decimal | None = None
    at: datetime | None = None
    shown_at: datetime | None = None
    outcome: str = ""
    write_id: str = ""
    left_over: Decimal | None = None
    version: int = 0
    attempt_id: int | None = None
    error_code: str = ""


@dataclass(frozen=True, slots=True)
class FigureExplained:
    """What one channel may (or might) sell of one item: Σ terms = figure, unless it is unknown.

    It stood from `computed_at` until `until`. `pending`: since when something newer waits to be computed.
    """

    sku: str
    unit: str
    channel: str
    moment: datetime | None
    figure: Decimal | None
    verdict: str
    unknown: tuple[str, ...]
    version: int
    policy_version: int
    computed_at: datetime
    until: datetime | None
    correlation_id: str
    terms: tuple[Term, ...]
    places: tuple[Place, ...]
    told: tuple[Told, ...]
    why_not_higher: tuple[str, ...]
    pending: datetime | None = None
    is_kit: bool = False


@dataclass(frozen=True, slots=True)
class PlaceExplained:
    """What is free of one item at one place: Σ terms = free. `free` None: nothing ever told the whole stock.

    `stood`: for a past moment, what truly was there as far as is known today; `terms`: what was known.
    """

    sku: str
    unit: str
    place: Place
    moment: datetime | None
    on_hand: Decimal | None
    free: Decimal | None
    terms: tuple[Term, ...]
    stood: Decimal | None = None
    stood_by: str = ""
    stood_known: bool = False


@dataclass(frozen=True, slots=True)
class FigureBrief:
    """One line of an overview: what a channel may sell of an item."""

    sku: str
    channel: str
    figure: Decimal | None
    unknown: tuple[str, ...]
    computed_at: datetime
    told: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemExplained:
    """One item everywhere: what each place holds and each channel may sell."""

    sku: str
    name: str
    unit: str
    moment: datetime | None
    is_kit: bool
    places: tuple[PlaceExplained, ...]
    figures: tuple[FigureBrief, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """One number of an overview, with what it counts."""

    name: str
    label: str
    number: int


@dataclass(frozen=True, slots=True)
class LocationExplained:
    """One location: who decides, and how its levels stand; the worst of them by name."""

    place: Place
    moment: datetime | None
    counts: tuple[Count, ...]
    worst: tuple[PlaceExplained, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelExplained:
    """One channel: what it sells from, by which policy, and how its figures stand."""

    channel: str
    label: str
    moment: datetime | None
    sells_from: tuple[Place, ...]
    served_from: tuple[str, ...]
    policy: Document | None
    counts: tuple[Count, ...]
    worst: tuple[FigureBrief, ...] = ()
