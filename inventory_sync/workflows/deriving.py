"""What each target should have of an order, from where the order's lines stand. Pure.

One copy per place that a target decides. A line carries its whole demand there, an ended one what has left.
What a target took for a copy it has already is left with that copy, wherever it took it from.

Reads and stores nothing (following.py); what step is missing at the target is domain/copies.py's question.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from inventory_sync.domain.commands import CopyLine
from inventory_sync.domain.copies import LineKey
from inventory_sync.domain.reports import ZERO, plain
from inventory_sync.domain.units import Factor, InexactQuantity, to_base

Place = tuple[int, int]
"""(target connection id, location id)."""

WANTED = frozenset({"committed", "acknowledged", "picked", "shipped", "backordered"})
KEPT = "closed"


@dataclass(frozen=True, slots=True)
class Part:
    """What one location owes of a line, in base units of the item."""

    item_id: int
    location_id: int
    demand: Decimal
    contained: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True)
class Line:
    line_ref: str
    item_id: int
    demand: Decimal
    state: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order as the ledger holds it.

    withheld: nobody has approved it. incomplete: it has lines nobody here knows. fulfilled: what has left.
    """

    id: int
    source_id: int
    source: str
    order_ref: str
    number: str
    placed_at: datetime | None
    withheld: bool
    lines: tuple[Line, ...]
    correlation_id: str = ""
    incomplete: bool = False
    fulfilled: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Name:
    """How a target calls an item: `factor` base units in one of its units."""

    ref: str
    factor: Factor
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class Prior:
    """The copy there is: what was wanted of it last and what the target was seen to have."""

    wanted: Mapping[LineKey, Decimal] = field(default_factory=dict)
    seen: Mapping[LineKey, Decimal] = field(default_factory=dict)
    labels: Mapping[LineKey, str] = field(default_factory=dict)

    def asked(self, key: LineKey) -> Decimal:
        """Return what the target was asked for: it may have taken that much for this copy."""
        return max(self.wanted.get(key, ZERO), self.seen.get(key, ZERO))


@dataclass(frozen=True, slots=True)
class World:
    """What the catalog says: who takes orders for a place, under which names, what kits are made of."""

    takers: Mapping[int, int]
    names: Mapping[tuple[int, int], Sequence[Name]]
    recipes: Mapping[int, Mapping[int, Decimal]]
    skus: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Derived:
    """One copy as it should be. missing: in words, what it cannot carry."""

    lines: tuple[CopyLine, ...]
    cancelled: bool
    missing: tuple[str, ...] = ()


@dataclass(slots=True)
class _Want:
    """One line of one copy while it is worked out, in the target's unit."""

    quantity: Decimal
    contained: Decimal
    label: str


def derive(order: OrderFacts, world: World, prior: Mapping[Place, Prior]) -> dict[Place, Derived]:
    """Return every copy the order should have, those there are and are wanted no more among them."""
    wants: dict[Place, dict[LineKey, _Want]] = {place: {} for place in prior}
    missing: dict[Place, list[str]] = defaultdict(list)
    alive: set[Place] = set()
    for line in order.lines:
        for place, parts in _by_place(line, order, world).items():
            open_here = line.state in WANTED and not order.withheld
            if place not in wants and not open_here:
                continue
            wants.setdefault(place, {})
            if open_here and any(part.demand for part in parts):
                alive.add(place)
            before = prior.get(place, Prior())
            for item_id, base, contained in _articles(line, parts, place[0], world, before, open_here):
                key_want = _named(line.line_ref, item_id, base, contained, place, world, before)
                if isinstance(key_want, str):
                    missing[place].append(key_want)
                else:
                    key, want = key_want
                    wants[place][key] = want
    _leave_with_their_copy(wants, prior)
    result = {}
    for place, lines in wants.items():
        before = prior.get(place, Prior())
        for key in before.wanted:
            lines.setdefault(key, _Want(ZERO, ZERO, before.labels.get(key, "")))
        told = tuple(
            CopyLine(key[0], key[1], want.quantity, want.label) for key, want in sorted(lines.items())
        )
        wanted = any(each.quantity for each in told)
        if place not in prior and not wanted and not missing[place]:
            continue
        ended = not wanted and not (missing[place] and place in alive)
        result[place] = Derived(told, cancelled=ended, missing=tuple(missing[place]))
    return result


def _by_place(line: Line, order: OrderFacts, world: World) -> dict[Place, list[Part]]:
    found: dict[Place, list[Part]] = defaultdict(list)
    for part in line.parts:
        taker = world.takers.get(part.location_id)
        if taker is not None and taker != order.source_id and (part.demand or part.left):
            found[taker, part.location_id].append(part)
    return found


def _articles(
    line: Line, parts: Sequence[Part], target: int, world: World, before: Prior, open_here: bool
) -> list[tuple[int, Decimal, Decimal]]:
    """Return (item, quantity, contained) in base units: the kit if the target can have it as one."""
    carries = open_here or line.state == KEPT
    recipe = world.recipes.get(line.item_id)
    if recipe and (names := world.names.get((target, line.item_id))):
        went_as_kit = any(before.wanted.get((line.line_ref, name.ref)) for name in names)
        elsewhere = any(part.demand for part in line.parts if part not in parts)
        here = {part.item_id: part.demand for part in parts if part.demand}
        by_recipe = here == {item: line.demand * each for item, each in recipe.items()}
        fresh = by_recipe and any(name.confirmed for name in names)
        if went_as_kit and not carries:
            left = min((part.left / recipe.get(part.item_id, Decimal(1)) for part in parts), default=ZERO)
            return [(line.item_id, left, ZERO)]
        if carries and not elsewhere and (fresh or went_as_kit):
            held = (part.contained / recipe[part.item_id] for part in parts if part.item_id in recipe)
            return [(line.item_id, line.demand, min(held, default=ZERO))]
    return [(part.item_id, part.demand if carries else part.left, part.contained) for part in parts]


def _named(
    line_ref: str,
    item_id: int,
    base: Decimal,
    contained: Decimal,
    place: Place,
    world: World,
    before: Prior,
) -> tuple[LineKey, _Want] | str:
    """Return the line in the target's words, or what is missing for that. A name once used is kept."""
    sku = world.skus.get(item_id, str(item_id))
    names = world.names.get((place[0], item_id), ())
    used = [name for name in names if (line_ref, name.ref) in before.wanted]
    fresh = [name for name in names if name.confirmed]
    why = f"{sku} (line {line_ref}) has no mapping there"
    for name in (*used, *sorted(fresh, key=lambda name: (name.factor.fraction != 1, name.ref))):
        try:
            quantity = to_base(base, Factor(name.factor.denominator, name.factor.numerator))
        except InexactQuantity:
            why = f"{plain(base)} of {sku} (line {line_ref}) is no exact quantity of {name.ref}"
            continue
        share = quantity / base if base else ZERO
        return (line_ref, name.ref), _Want(quantity, contained * share, sku)
    return why


def _leave_with_their_copy(wants: Mapping[Place, dict[LineKey, _Want]], prior: Mapping[Place, Prior]) -> None:
    """Leave what a target took for one copy with that copy, although it took it from another place.

    Demand follows what the authority took. To ask again for what was taken at a place nobody had asked would
    have it delivered twice.
    """
    for place, lines in wants.items():
        for key, want in lines.items():
            asked = prior.get(place, Prior()).asked(key)
            excess = min(want.quantity, want.contained) - asked
            if excess <= 0:
                continue
            want.quantity -= excess
            for other, theirs in wants.items():
                if other == place or other[0] != place[0] or excess <= 0:
                    continue
                lacks = prior.get(other, Prior()).asked(key)
                here = theirs.get(key)
                spare = lacks - (here.quantity if here else ZERO)
                if spare > 0:
                    given = min(spare, excess)
                    if here is None:
                        here = theirs[key] = _Want(ZERO, ZERO, want.label)
                    here.quantity += given
                    excess -= given
