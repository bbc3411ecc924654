"""Put the demand of an order's lines at locations: by the difference only, where the authority took it first.

domain/containment.py and domain/routing.py hold the rules; here they meet the rows of one batch. Does not
decide how much a line wants or when it is over (demand.py, answering.py).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, Decimal

from inventory_sync.domain.containment import Allocation, follow_authority, resize
from inventory_sync.domain.reports import ZERO, plain
from inventory_sync.domain.reservations import LineStatus
from inventory_sync.domain.routing import (
    DEFAULT_RULES,
    Part,
    Reserved,
    ReserveMode,
    Route,
    Rule,
    Want,
    reserve,
)
from inventory_sync.ledger.holdings import InBooks, books_of
from inventory_sync.ledger.ports import Component, HeldLine, HeldOrder
from inventory_sync.ledger.types import LevelKey

PLACES = Decimal("0.000001")
NOTHING_HELD = InBooks()
REASON_CHARS = 200


class Floor:
    """What is free at the locked levels, kept up to date while the orders of a batch are placed."""

    def __init__(
        self,
        free: Mapping[LevelKey, Decimal],
        recipes: Mapping[int, tuple[Component, ...]],
        codes: Mapping[int, str],
    ) -> None:
        self.free = {(str(item), str(place)): quantity for (item, place), quantity in free.items()}
        self._recipes = recipes
        self._codes = codes
        self._taken: list[tuple[tuple[str, str], Decimal]] | None = None

    def parts(self, item_id: int) -> tuple[Part, ...]:
        """Return what one sold unit of the item takes now: itself, or the components of a kit."""
        recipe = self._recipes.get(item_id)
        if not recipe:
            return (Part(str(item_id)),)
        return tuple(Part(str(part.item_id), part.per_kit) for part in recipe)

    def is_kit(self, item_id: int) -> bool:
        return bool(self._recipes.get(item_id))

    def take(self, item: str, location: str, quantity: Decimal) -> None:
        if quantity:
            place = (item, location)
            self.free[place] = self.free.get(place, ZERO) - quantity
            if self._taken is not None:
                self._taken.append((place, quantity))

    def begin(self) -> None:
        """Remember what is taken from now on, so that it can be undone."""
        self._taken = []

    def undo(self) -> None:
        """Put back what was taken since begin()."""
        for place, quantity in self._taken or ():
            self.free[place] += quantity
        self._taken = None

    def below(self, item_id: int, ranking: Iterable[str]) -> Decimal:
        """Return how many sold units are promised beyond what there is at these locations."""
        places = tuple(ranking)
        return max(
            sum((max(ZERO, -self.free.get((part.item, place), ZERO)) for place in places), ZERO)
            / part.per_unit
            for part in self.parts(item_id)
        )

    def name(self, location: str) -> str:
        return self._codes.get(int(location)) or location


@dataclass(frozen=True, slots=True)
class Way:
    """How an order is to be placed.

    `pool`: locations that may serve, best first; empty when only shipments are news. `allowance`: per item as
    sold, how far below nothing a request may go. `loosened`: lines whose open part is routed anew.
    """

    pool: tuple[int, ...] = ()
    mode: ReserveMode = ReserveMode.RECORD
    rules: Sequence[Rule] = DEFAULT_RULES
    allowance: Mapping[int, Decimal] = field(default_factory=dict)
    loosened: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """One line after placing. delivered and unserved are in sold units: unserved was asked for and is neither
    promised nor recorded. reason and routing are "" when nothing new was routed.
    """

    allocations: tuple[Allocation, ...]
    delivered: Decimal
    short: bool
    reason: str = ""
    routing: str = ""
    unserved: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """All lines after placing; refused: nothing was placed, for `missing` is not there."""

    lines: Mapping[str, Placed]
    missing: Mapping[str, Decimal] = field(default_factory=dict)
    refused: bool = False


def place_order(order: HeldOrder, before: HeldOrder, way: Way, floor: Floor) -> PlacedOrder:
    """Return where the demand of each line stands now, all lines decided together.

    before: the order as it was placed last. What is routed lowers what the floor has free for the orders
    that follow; what is refused leaves it as it was.
    """
    books = {
        (line, str(item), str(location)): held
        for (line, item, location), held in books_of(
            (
                (each.line_ref, each.item_id, each.location_id, each.quantity, each.tenure)
                for each in order.fulfilments
            ),
            order.holdings,
        ).items()
    }
    work = {
        ref: _Line(line, before.lines.get(ref), floor, books) for ref, line in sorted(order.lines.items())
    }
    may_refuse = way.mode is not ReserveMode.RECORD
    if may_refuse:
        floor.begin()
    for ref, line in work.items():
        if ref in way.loosened:
            line.loosen()
        line.resize()
        line.release_to(floor)

    ranking = tuple(map(str, way.pool))
    wants = [
        Want(ref, line.to_route, line.parts, ranking, str(line.line.item_id))
        for ref, line in work.items()
        if line.to_route > 0
    ]
    routed = Reserved((), {want.line: want.quantity for want in wants})
    if wants and ranking:
        allowance = {
            want.sold: limit - floor.below(int(want.sold), ranking)
            for want in wants
            if (limit := way.allowance.get(int(want.sold), way.allowance.get(0, ZERO)))
        }
        routed = reserve(wants, floor.free, way.mode, rules=way.rules, allowance=allowance)
    if routed.short and way.mode is ReserveMode.ALL_OR_NOTHING:
        floor.undo()
        return PlacedOrder({}, routed.short, refused=True)
    for placement in routed.placements:
        work[placement.line].put(placement.item, placement.location, placement.quantity)

    placed = {}
    for ref, line in work.items():
        line.follow()
        line.take_from(floor)
        missing = routed.short.get(ref, ZERO)
        placed[ref] = line.placed(
            routed.backordered.get(ref, ZERO) if may_refuse else missing,
            missing if may_refuse else ZERO,
            floor,
            route=routed.routes.get(ref),
            ranking=ranking,
        )
    return PlacedOrder(placed, routed.short)


class _Line:
    """One line while its demand is being placed."""

    def __init__(
        self,
        line: HeldLine,
        before: HeldLine | None,
        floor: Floor,
        books: Mapping[tuple[str, str, str], InBooks],
    ) -> None:
        kept = _recipe_kept(line, before)
        parts = kept or floor.parts(line.item_id)
        self.line = line
        self.parts = parts
        self._starts_over = not kept
        self._loosened = False
        self.to_route = ZERO
        self._routed: dict[str, None] = {}
        self._before = line.allocations
        self.allocations = [self._with_books(each, books) for each in line.allocations]
        if not books:
            return
        known = {(each.item, each.location) for each in self.allocations}
        wanted = {part.item for part in parts}
        for (ref, item, location), held in books.items():
            if ref == line.line_ref and item in wanted and (item, location) not in known and held.contained:
                self.allocations.append(Allocation(item, location, ZERO, held.contained, held.delivered))

    @property
    def target(self) -> Decimal:
        return carried(self.line)

    def loosen(self) -> None:
        """Have the part that no books hold routed anew; a kit only while the books hold nothing of it."""
        if len(self.parts) == 1 or not any(each.contained for each in self.allocations):
            self.allocations = [
                replace(each, demand=min(each.demand, max(ZERO, each.contained))) for each in self.allocations
            ]
            self._loosened = True

    def resize(self) -> None:
        """Change each component by the difference, and note what is still to be routed, in sold units."""
        if self._starts_over and self.allocations:  # another article stands here now, whatever they share
            self.allocations = [replace(each, demand=ZERO) for each in self.allocations]
        if not self.allocations:
            self.to_route = self.target
            return
        per_unit = {part.item: part.per_unit for part in self.parts}
        for item in dict.fromkeys([*per_unit, *(each.item for each in self.allocations)]):
            wanted = self.target * per_unit.get(item, ZERO)
            kept, raised = resize([each for each in self.allocations if each.item == item], wanted)
            if raised and len(self.parts) == 1:
                kept, raised = _cover_shipped(kept, raised)
            others = [each for each in self.allocations if each.item != item]
            self.allocations = [*others, *kept]
            if raised:
                self.to_route = max(self.to_route, raised / per_unit[item])

    def put(self, item: str, location: str, quantity: Decimal) -> None:
        self._routed[location] = None
        for index, each in enumerate(self.allocations):
            if each.item == item and each.location == location:
                self.allocations[index] = replace(each, demand=each.demand + quantity)
                return
        self.allocations.append(Allocation(item, location, quantity))

    def follow(self) -> None:
        """Move demand to the places the authority took it from."""
        if all(each.contained <= each.demand for each in self.allocations):
            return
        items = dict.fromkeys(each.item for each in self.allocations)
        self.allocations = [
            each
            for item in items
            for each in follow_authority([mine for mine in self.allocations if mine.item == item])
        ]

    def release_to(self, floor: Floor) -> None:
        for each in self._before:
            floor.take(each.item, each.location, -each.open)
        for each in self.allocations:
            floor.take(each.item, each.location, each.open)
        self._before = tuple(self.allocations)

    take_from = release_to

    def placed(
        self, below: Decimal, unserved: Decimal, floor: Floor, *, route: Route | None, ranking: Sequence[str]
    ) -> Placed:
        """Return the line as it stands; below: sold units promised where nothing is free."""
        waits = self.line.status is LineStatus.BACKORDERED and not self._loosened
        short = below > 0 or (waits and self.target > 0)
        reason = routing = ""
        if self.to_route and not ranking:
            reason = "no location may serve this channel"
        elif self._routed:
            here = {
                floor.name(each.location): plain(each.demand)
                for each in self.allocations
                if each.item == self.parts[0].item and each.location in self._routed
            }
            names = ", ".join(f"{name} {quantity}" for name, quantity in here.items())
            reason = f"not enough free, provisionally: {names}" if below else f"routed: {names}"
            routing = _told(here, route, ranking, floor, below)
        allocations = self.allocations
        if len(allocations) > 1:
            allocations = sorted(allocations, key=self._rank)
        delivered = self._delivered()
        return Placed(tuple(allocations), delivered, short, reason[:REASON_CHARS], routing, unserved)

    def _rank(self, each: Allocation) -> int:
        """Keep rows in the order they were routed in, so that the last routed is lowered first."""
        places = [(kept.item, kept.location) for kept in self.line.allocations]
        here = (each.item, each.location)
        return places.index(here) if here in places else len(places)

    def _delivered(self) -> Decimal:
        """Return the sold units that were shipped with all their parts."""
        if not any(each.delivered for each in self.allocations):
            return ZERO
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for each in self.allocations:
            sums[each.item] += each.delivered
        if self.target > 0 and all(sums[part.item] >= self.target * part.per_unit for part in self.parts):
            whole = self.target
        else:
            whole = ZERO
        units = min(sums[part.item] / part.per_unit for part in self.parts)
        return max(whole, units.quantize(PLACES, rounding=ROUND_DOWN))

    def _with_books(self, each: Allocation, books: Mapping[tuple[str, str, str], InBooks]) -> Allocation:
        held = books.get((self.line.line_ref, each.item, each.location), NOTHING_HELD)
        if (each.contained, each.delivered) == (held.contained, held.delivered):
            return each
        return replace(each, contained=held.contained, delivered=held.delivered)


def carried(line: HeldLine) -> Decimal:
    """Return the sold units that allocations must carry; a closed line keeps what it has."""
    return line.demand if line.status.subtracts or line.status is LineStatus.CLOSED else ZERO


def _recipe_kept(line: HeldLine, before: HeldLine | None) -> tuple[Part, ...]:
    """Return the recipe the line was placed by, for one edited since does not reach back.

    Empty for a line that carried nothing, or another item: it starts over with the recipe of now.
    """
    if before is None or before.item_id != line.item_id or not carried(before):
        return ()
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for each in before.allocations:
        sums[each.item] += each.demand
    return tuple(Part(item, total / carried(before)) for item, total in sums.items() if total > 0)


def _cover_shipped(
    allocations: tuple[Allocation, ...], raised: Decimal
) -> tuple[tuple[Allocation, ...], Decimal]:
    """Raise first where more was shipped than was promised: no location has to be found for that."""
    result = list(allocations)
    for index, each in enumerate(result):
        more = min(raised, max(ZERO, each.contained - each.demand))
        result[index] = replace(each, demand=each.demand + more)
        raised -= more
    return tuple(result), raised


def _told(
    here: Mapping[str, str], route: Route | None, ranking: Sequence[str], floor: Floor, below: Decimal
) -> str:
    """Return why the line stands where it does, as JSON: the rule, the ranking, what was passed over."""
    told: dict[str, object] = {"rule": "" if route is None else route.rule.value, "to": here}
    if len(ranking) > 1:
        told["ranking"] = [floor.name(location) for location in ranking]
    if route is not None and route.failed:
        told["failed"] = [rule.value for rule in route.failed]
    if route is not None and route.passed:
        told["passed"] = {floor.name(location): plain(units) for location, units in route.passed}
    if below:
        told["below"] = plain(below)
    return json.dumps(told, separators=(",", ":"))
