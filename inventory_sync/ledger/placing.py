"""Put the demand of an order's lines at locations: by the difference only, where the authority took it first.

domain/containment.py and domain/routing.py hold the rules; here they meet the rows of one batch. Does not
decide how much a line wants or when it is over (demand.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal

from inventory_sync.domain.containment import Allocation, follow_authority, resize
from inventory_sync.domain.reports import ZERO, plain
from inventory_sync.domain.reservations import LineStatus
from inventory_sync.domain.routing import Part, ReserveMode, Want, reserve
from inventory_sync.ledger.ports import Component, HeldLine, HeldOrder
from inventory_sync.ledger.types import LevelKey

PLACES = Decimal("0.000001")


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

    def parts(self, item_id: int) -> tuple[Part, ...]:
        """Return what one sold unit of the item takes now: itself, or the components of a kit."""
        recipe = self._recipes.get(item_id)
        if not recipe:
            return (Part(str(item_id)),)
        return tuple(Part(str(part.item_id), part.per_kit) for part in recipe)

    def take(self, item: str, location: str, quantity: Decimal) -> None:
        if quantity:
            self.free[item, location] = self.free.get((item, location), ZERO) - quantity

    def name(self, location: str) -> str:
        return self._codes.get(int(location)) or location


@dataclass(frozen=True, slots=True)
class Placed:
    """One line after placing. delivered is in sold units; reason is "" when nothing new was routed."""

    allocations: tuple[Allocation, ...]
    delivered: Decimal
    short: bool
    reason: str = ""


def place_order(
    order: HeldOrder, before: HeldOrder, pool: tuple[int, ...], floor: Floor
) -> Mapping[str, Placed]:
    """Return where the demand of each line stands now, all lines decided together.

    before: the order as it was placed last. pool: locations that may serve, best first; empty when only
    shipments are news. What is routed lowers what the floor has free for the orders that follow.
    """
    shipped: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for each in order.fulfilments:
        shipped[each.line_ref, str(each.item_id), str(each.location_id)] += each.quantity
    work = {
        ref: _Line(line, before.lines.get(ref), floor, shipped) for ref, line in sorted(order.lines.items())
    }
    for line in work.values():
        line.resize()
        line.release_to(floor)

    ranking = tuple(str(location) for location in pool)
    wants = [Want(ref, line.to_route, line.parts, ranking) for ref, line in work.items() if line.to_route > 0]
    missing: Mapping[str, Decimal] = {}
    if wants and ranking:
        routed = reserve(wants, floor.free, ReserveMode.RECORD)
        missing = routed.short
        for placement in routed.placements:
            work[placement.line].put(placement.item, placement.location, placement.quantity)
    elif wants:
        missing = {want.line: want.quantity for want in wants}

    placed = {}
    for ref, line in work.items():
        line.follow()
        line.take_from(floor)
        placed[ref] = line.placed(missing.get(ref, ZERO), floor, homeless=not ranking)
    return placed


class _Line:
    """One line while its demand is being placed."""

    def __init__(
        self,
        line: HeldLine,
        before: HeldLine | None,
        floor: Floor,
        shipped: Mapping[tuple[str, str, str], Decimal],
    ) -> None:
        kept = _recipe_kept(line, before)
        parts = kept or floor.parts(line.item_id)
        self.line = line
        self.parts = parts
        self._starts_over = not kept
        self.to_route = ZERO
        self._routed: dict[str, None] = {}
        self._before = line.allocations
        self.allocations = [self._with_books(each, shipped) for each in line.allocations]
        known = {(each.item, each.location) for each in self.allocations}
        wanted = {part.item for part in parts}
        for (ref, item, location), quantity in sorted(shipped.items()):
            if ref == line.line_ref and item in wanted and (item, location) not in known:
                self.allocations.append(Allocation(item, location, ZERO, quantity, quantity))

    @property
    def target(self) -> Decimal:
        return carried(self.line)

    def resize(self) -> None:
        """Change each component by the difference, and note what is still to be routed, in sold units."""
        if self._starts_over:  # another article stands here now, whatever the two have in common
            self.allocations = [replace(each, demand=ZERO) for each in self.allocations]
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
            if (each.item, each.location) == (item, location):
                self.allocations[index] = replace(each, demand=each.demand + quantity)
                return
        self.allocations.append(Allocation(item, location, quantity))

    def follow(self) -> None:
        """Move demand to the places the authority shipped it from."""
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

    def placed(self, missing: Decimal, floor: Floor, *, homeless: bool) -> Placed:
        short = missing > 0 or (self.line.status is LineStatus.BACKORDERED and self.target > 0)
        reason = ""
        if missing and homeless:
            reason = "no location may serve this channel"
        elif self._routed:
            names = ", ".join(
                f"{floor.name(each.location)} {plain(each.demand)}"
                for each in self.allocations
                if each.item == self.parts[0].item and each.location in self._routed
            )
            reason = f"not enough free, provisionally: {names}" if missing else f"routed: {names}"
        ordered = sorted(self.allocations, key=self._rank)
        return Placed(tuple(ordered), self._delivered(), short, reason[:200])

    def _rank(self, each: Allocation) -> int:
        """Keep rows in the order they were routed in, so that the last routed is lowered first."""
        places = [(kept.item, kept.location) for kept in self.line.allocations]
        here = (each.item, each.location)
        return places.index(here) if here in places else len(places)

    def _delivered(self) -> Decimal:
        """Return the sold units that were shipped with all their parts."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for each in self.allocations:
            sums[each.item] += each.delivered
        if not self.parts:
            return ZERO
        if self.target > 0 and all(sums[part.item] >= self.target * part.per_unit for part in self.parts):
            whole = self.target
        else:
            whole = ZERO
        units = min(sums[part.item] / part.per_unit for part in self.parts)
        return max(whole, units.quantize(PLACES, rounding=ROUND_DOWN))

    def _with_books(self, each: Allocation, shipped: Mapping[tuple[str, str, str], Decimal]) -> Allocation:
        sold = shipped.get((self.line.line_ref, each.item, each.location), ZERO)
        return replace(each, contained=sold, delivered=sold)


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
