"""The store that recompute runs against: PostgreSQL in production, memory in the simulation.

Every call belongs to the caller's transaction and is set-based; both stores pass tests/availability/.
Quantities of rows are whole numbers of millionths of the item's base unit (units.PLACES): exact, and quick
where thousands of figures a second are worked out. FigureChange, which leaves the room, holds decimals.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from inventory_sync.domain.availability import Fallback, Verdict

FigureKey = tuple[int, int]  # (connection id, item id)
WHOLE = 10_000  # hundredths of a percent


class DirtyItem(NamedTuple):
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
    """What one kit takes of each component. pooled: it may be gathered from several locations."""

    kit_id: int
    components: tuple[tuple[int, int], ...]
    pooled: bool = False


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What must be known of an item. whole: it is counted in pieces, so its figures are whole numbers."""

    item_id: int
    sku: str
    is_kit: bool = False
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """A location. complete: an item without a level there is known to be zero, not unknown.

    stale: its newest report is older than its declared maximum age; what is there is not known now.
    """

    location_id: int
    code: str
    complete: bool = False
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Channel:
    """A connection with the locations it sells from, and those its order lines may be served from."""

    connection_id: int
    code: str
    sells_from: frozenset[int] = frozenset()
    served_from: frozenset[int] = frozenset()


class Level(NamedTuple):
    """Stock of an item at a location, as the ledger keeps it.

    reserved and unassigned are the authority's own: what its books hold back, and what it owes and has not
    assigned yet inside the declared horizon.
    """

    item_id: int
    location_id: int
    on_hand: int
    known: bool
    unavailable: int = 0
    reserved: int = 0
    unassigned: int = 0
    last_known_free: int | None = None
    version: int = 0


class Demand(NamedTuple):
    """Σ max(0, D − c) of one connection's open order lines for an item at a location."""

    item_id: int
    location_id: int
    connection_id: int
    quantity: int


class SetAside(NamedTuple):
    """A standing allotment: what was granted to a connection of an item, and what its sales used up since."""

    connection_id: int
    item_id: int
    quantity: int
    consumed: int


class Expected(NamedTuple):
    """What is confirmed to come in of an item at a location, and when."""

    item_id: int
    location_id: int
    quantity: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Stock:
    """Levels and open demand of one and the same instant.

    Read apart, a shipment booked in between would show its goods on the shelf and its line closed.
    """

    levels: Sequence[Level]
    demand: Sequence[Demand]


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """How a channel may use its pool: for one item, or for all of them (item_id None).

    Shares are in hundredths of a percent. pack None: one piece, or the stored precision of what is measured.
    """

    connection_id: int
    item_id: int | None
    share: int = WHOLE
    buffer: int = 0
    buffer_percent: int = 0
    cap: int | None = None
    threshold: int = 0
    safety_stock: int = 0
    pack: int | None = None
    fallback: Fallback = Fallback.HOLD_LAST
    shrink_to: int = WHOLE // 2
    backorder_allowance: int = 0
    preorder_allowance: int = 0
    preorder_days: int = 0
    version: int = 0


class StoredFigure(NamedTuple):
    """The figure of an item on a channel as last saved. figure None: unknown, nothing is published."""

    connection_id: int
    item_id: int
    figure: int | None
    last_known: int | None
    version: int
    correlation_id: str = ""
    verdict: str = Verdict.KNOWN
    policy_version: int = 0
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Landscape:
    """What staff declared: places, channels, policies, safety stocks and allotments.

    safety: by (item, location), or (None, location) for all items there.
    """

    places: Mapping[int, Place]
    channels: Mapping[int, Channel]
    policies: Mapping[tuple[int, int | None], PolicyFacts] = field(default_factory=dict)
    safety: Mapping[tuple[int | None, int], int] = field(default_factory=dict)
    set_aside: Mapping[int, Sequence[SetAside]] = field(default_factory=dict)

    def policy(self, connection_id: int, item_id: int) -> PolicyFacts | None:
        """Return the policy for this item on this channel: its own, else the channel's, else none."""
        return self.policies.get((connection_id, item_id)) or self.policies.get((connection_id, None))


class NewFigure(NamedTuple):
    """A figure to save, with the terms that add up to it and the names of what is unknown.

    terms and basis are compact (steps.py). Saved as what holds now, and appended to the history.
    """

    connection_id: int
    item_id: int
    figure: int | None
    last_known: int | None
    version: int
    policy_version: int
    verdict: str
    correlation_id: str
    terms: Sequence[Sequence[Any]]
    basis: Sequence[Sequence[Any]] | None = None
    unknown: tuple[str, ...] = ()


class FigureChange(NamedTuple):
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


class Plainly(NamedTuple):
    """What save_plain did. special: the items it left alone. changes are saved."""

    special: Collection[int]
    changes: Sequence[FigureChange] = ()


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
        """Return places and channels, and the policies, safety stocks and allotments of these items."""

    def expected(self, item_ids: Collection[int], *, now: datetime, until: datetime) -> list[Expected]:
        """Return what is confirmed to come in of these items after now, up to and including until."""

    def offered(self, item_ids: Collection[int]) -> frozenset[FigureKey]:
        """Return which of these items a channel lists under a confirmed mapping."""

    def figures(self, item_ids: Collection[int]) -> dict[FigureKey, StoredFigure]:
        """Return the saved figures of these items."""

    def stock(self, item_ids: Collection[int]) -> Stock:
        """Return levels and open demand of these items as of one instant."""

    def save_plain(
        self,
        item_ids: Collection[int],
        *,
        causes: Mapping[int, str],
        now: datetime,
        urgent_at_or_below: Decimal | int,
    ) -> Plainly:
        """Work out and save the figures of those of these held items in which nothing is special.

        They become what the desk makes of them, term by term, with the same news and the same history; how
        many items a store takes for special is its own affair. causes: the correlation ids of those that are
        no dirty items themselves but kits of some.
        """

    def save(self, figures: Sequence[NewFigure], *, now: datetime) -> None:
        """Insert or replace figures of held items, and append each to the history."""

    def settle(self, claimed: Collection[DirtyItem]) -> None:
        """Forget the dirt of these items, except where it was marked again since the claim. Never waits."""

    def set_aside(self, item_id: int, *, until: datetime) -> None:
        """Have nobody claim this dirty item before then: computing it fails."""

    def mark(self, item_ids: Collection[int], *, now: datetime, correlation_id: str) -> None:
        """Mark these items dirty."""
