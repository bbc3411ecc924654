"""How much of a promised line the authority's books already hold.

A sale the books do not hold yet must stay subtracted; one they hold must not be subtracted twice. Every line
keeps its whole demand D; each figure brings c, the part it contains; what is subtracted is max(0, D − c), per
line and location the authority chose. Quantities are in the component item's base unit.

Does not decide demand (reservations.py) or where a new line goes (routing.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from inventory_sync.domain.reports import ZERO


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the authority said of one line at one location, apart from a figure.

    delivered counts outward deliveries only, returns apart, backorders included. move_version changes with
    every change of the line's moves, unassignment too.
    """

    assigned: Decimal
    delivered: Decimal
    move_version: str


@dataclass(frozen=True, slots=True)
class Allocation:
    """The part of one line's demand for one component that is promised at one location.

    contained ≥ delivered; both are replaced by each figure (figures mode), or are the sum of the authority's
    own shipments (movements mode).
    """

    item: str
    location: str
    demand: Decimal
    contained: Decimal = ZERO
    delivered: Decimal = ZERO

    @property
    def open(self) -> Decimal:
        """What must still be subtracted at this location."""
        return open_quantity(self.demand, self.contained)


def open_quantity(demand: Decimal, contained: Decimal) -> Decimal:
    """Return the part of a demand no figure contains yet."""
    return max(ZERO, demand - contained)


def contained(before: Confirmation, after: Confirmation) -> Decimal:
    """Return what a reading surely held of a line, from confirmations on both sides of it.

    before ended before the reading began, after began when the reading had ended: the smaller of the two. If
    the line's moves changed between them an assignment may have come or gone meanwhile: then only the
    delivered part counts. One call that returns stock and moves of one instant replaces both
    (contained_in_one_call).
    """
    delivered = min(before.delivered, after.delivered)
    if before.move_version != after.move_version:
        return delivered
    return min(before.assigned + before.delivered, after.assigned + after.delivered)


def contained_in_one_call(assigned: Decimal, delivered: Decimal) -> Decimal:
    """Return what a figure holds of a line when one consistent call returned both."""
    return assigned + delivered


def follow_authority(allocations: Sequence[Allocation]) -> tuple[Allocation, ...]:
    """Move demand to where the authority took it, for one component item of one line.

    allocations stand in routing order. Where the books hold more than was routed, the excess is taken from
    the open part of the others, last-ranked first. Total demand is unchanged; afterwards what is open in
    total is max(0, D − Σ c).
    """
    result = list(allocations)
    for index, taker in enumerate(result):
        excess = taker.contained - taker.demand
        for giver_index in reversed(range(len(result))):
            if excess <= 0:
                break
            giver = result[giver_index]
            moved = min(excess, giver.open)
            if giver_index == index or moved <= 0:
                continue
            result[giver_index] = replace(giver, demand=giver.demand - moved)
            taker = replace(taker, demand=taker.demand + moved)
            excess -= moved
        result[index] = taker
    return tuple(result)


def resize(allocations: Sequence[Allocation], demand: Decimal) -> tuple[tuple[Allocation, ...], Decimal]:
    """Change the total demand of one component of a line by the difference only.

    Lowering takes from the last-ranked open part first, then from what the books hold. Raising changes
    nothing here: the second value is what is still to be routed. Never a release and a new reservation.
    """
    surplus = sum((each.demand for each in allocations), ZERO) - demand
    if surplus <= 0:
        return tuple(allocations), -surplus
    result = list(allocations)
    for takes_contained in (False, True):
        for index in reversed(range(len(result))):
            each = result[index]
            given = min(surplus, each.demand if takes_contained else each.open)
            result[index] = replace(each, demand=each.demand - given)
            surplus -= given
    return tuple(result), ZERO
