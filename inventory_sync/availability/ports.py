"""The store that recompute runs against: PostgreSQL in production, memory in the simulation.

Every call belongs to the caller's transaction and is set-based. Both stores pass
tests/availability/store_contract.py. Quantities are in the item's base unit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from inventory_sync.domain.availability import Fallback, Verdict
from inventory_sync.domain.reports import ZERO

FigureKey = tuple[int, int]  # (connection id, item id)


@dataclass(frozen=True, slots=True)
class DirtyItem:
    """An item whose figures must be computed again. version tells whether it was touched since the claim.

    failed: the last try failed, and it was set aside for a while.
    """

    item_id: int
    version: int
    urgent: bool
    since: datetime
    correlation_id: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """What one kit takes of each component."""

    kit_id: int
    components: tuple[tuple[int, Decimal], ...]


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What must be known of an item. whole: it is counted in pieces, so its figures are whole numbers."""

    item_id: int
    sku: str
    is_kit: bool = False
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """A location. complete: an item without a level there is known to be zero, not unknown."""

    location_id: int
    code: str
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Channel:
    """A connection with the locations it sells from, and those its order lines may be served from."""

    connection_id: int
    code: str
    sells_from: frozenset[int] = frozenset()
    served_from: frozenset[int] = frozenset()


class Level(NamedTuple):
    """Stock of an item at a location, as the ledger keeps it."""

    item_id: int
    location_id: int
    on_hand: Decimal
    known: bool
    unavailable: Decimal = ZERO
    last_known_free: Decimal | None = None
    version: int = 0


class Demand(NamedTuple):
    """Σ max(0, D − c) of one connection's open order lines for an item at a location."""

    item_id: int
    location_id: int
    connection_id: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Stock:
    """Levels and open demand of one and the same instant.

    Read apart, a shipment booked in between would show its goods on the shelf and its line closed.
    """

    levels: Sequence[Level]
    demand: Sequence[Demand]


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """How a channel may use its pool: for one item, or for all of them (item_id None)."""

    connection_id: int
    item_id: int | None
    share: Decimal
    buffer: Decimal
    cap: Decimal | None
    threshold: Decimal
    safety_stock: Decimal
    fallback: Fallback
    version: int


@dataclass(frozen=True, slots=True)
class StoredFigure:
    """The figure of an item on a channel as last saved. figure None: unknown, nothing is published."""

    connection_id: int
    item_id: int
    figure: Decimal | None
    last_known: Decimal | None
    version: int
    correlation_id: str = ""
    verdict: str = Verdict.KNOWN
    policy_version: int = 0
    unknown: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Landscape:
    """Places, channels and policies: small, and read whole."""

    places: Mapping[int, Place]
    channels: Mapping[int, Channel]
    policies: Mapping[tuple[int, int | None], PolicyFacts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewFigure:
    """A figure to save, with the terms that add up to it and the names of what is unknown.

    terms and basis are compact (steps.py). Saved as what holds now, and appended to the history.
    """

    connection_id: int
    item_id: int
    figure: Decimal | None
    last_known: Decimal | None
    version: int
    policy_version: int
    verdict: str
    correlation_id: str
    terms: Sequence[Sequence[Any]]
    basis: Sequence[Sequence[Any]] | None = None
    unknown: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class FigureChange:
    """What a channel may sell of an item has changed; propagation turns it into pushes.

    figure None: it became unknown, nothing may be published. urgent: it fell to or near zero.
    """

    connection_id: int
    item_id: int
    figure: Decimal | None
    previous: Decimal | None
    version: int
    urgent: bool
    correlation_id: str


class AvailabilityStore(Protocol):
    """Set-based reads and writes of recompute, in the order it calls them."""

    def claim(self, limit: int, *, now: datetime) -> list[DirtyItem]:
        """Take up to limit dirty items that nobody is computing, and hold them until the transaction ends.

        Half of them from the urgent ones, the rest oldest first; either kind fills up for the other; one set
        aside is left until its time. Never waits. A claimed item may be marked dirty again at any time: that
        raises its version.
        """

    def recipes(self, item_ids: Collection[int]) -> list[Recipe]:
        """Return the recipe of every kit among these items, and of every kit that uses one of them."""

    def hold(self, item_ids: Collection[int]) -> frozenset[int]:
        """Hold further items until the transaction ends; return those that were free. Never waits."""

    def items(self, item_ids: Collection[int]) -> dict[int, ItemFacts]: ...

    def landscape(self, item_ids: Collection[int], *, now: datetime) -> Landscape:
        """Return places, channels and the policies that concern these items."""

    def offered(self, item_ids: Collection[int]) -> frozenset[FigureKey]:
        """Return which of these items a channel lists under a confirmed mapping."""

    def figures(self, item_ids: Collection[int]) -> dict[FigureKey, StoredFigure]:
        """Return the saved figures of these items."""

    def stock(self, item_ids: Collection[int]) -> Stock:
        """Return levels and open demand of these items as of one instant."""

    def save(self, figures: Sequence[NewFigure], *, now: datetime) -> None:
        """Insert or replace figures of held items, and append each to the history."""

    def settle(self, claimed: Collection[DirtyItem]) -> None:
        """Forget the dirt of these items, except where it was marked again since the claim. Never waits."""

    def set_aside(self, item_id: int, *, until: datetime) -> None:
        """Have nobody claim this dirty item before then: computing it fails."""

    def mark(self, item_ids: Collection[int], *, now: datetime, correlation_id: str) -> None:
        """Mark these items dirty."""
