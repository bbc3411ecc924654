"""Where the lines of an order are promised: one decision for all of them.

Every line is routed at once, in ranked order, deterministically; what nothing has in stock is routed to the
best-ranked location, provisionally, if the shop has sold it already. Components of a kit stand together.

Does not read stock or rank locations: free quantities and rankings are arguments.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from inventory_sync.domain.reports import ZERO
from inventory_sync.domain.units import floor_to_pack

ONE = Decimal(1)
Place = tuple[str, str]  # (item, location)


class ReserveMode(StrEnum):
    """What happens when not everything is free."""

    ALL_OR_NOTHING = "all_or_nothing"  # a request the hub may refuse: refused whole
    PARTIAL = "partial"  # a request the hub may refuse: served as far as it goes
    RECORD = "record"  # a shop has sold it: recorded even below zero


class Rule(StrEnum):
    """One way to route; a channel declares which are tried, in which order."""

    WHOLE_ORDER = "whole_order"  # one location serves the whole order
    NEAREST_KIT = "nearest_kit"  # a kit line stands at the best-ranked location that can make all of it
    WHOLE_LINE = "whole_line"  # a line stands at its best-ranked location that can serve it whole
    FEWEST_SPLITS = "fewest_splits"  # as few locations as can serve the line, the largest stock first
    RANK = "rank"  # the locations in their ranked order, each as far as it goes


DEFAULT_RULES = (Rule.WHOLE_ORDER, Rule.WHOLE_LINE, Rule.RANK)


@dataclass(frozen=True, slots=True)
class Part:
    """A component item and how many base units of it one sold unit takes."""

    item: str
    per_unit: Decimal = ONE


@dataclass(frozen=True, slots=True)
class Want:
    """What one line asks for: quantity in sold units, at locations best first."""

    line: str
    quantity: Decimal
    parts: tuple[Part, ...]
    ranking: tuple[str, ...]

    @property
    def splits_freely(self) -> bool:
        """Say whether any quantity may stand anywhere: a single item sold in its base unit."""
        return len(self.parts) == 1 and self.parts[0].per_unit == ONE


@dataclass(frozen=True, slots=True)
class Placement:
    """Base units of an item promised to a line at a location."""

    line: str
    item: str
    location: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Reserved:
    """The outcome: placements in routing order per line, and the sold units nothing was free for.

    rejected: in the modes that may refuse, the lines refused in whole or part; short: line → missing units,
    which RECORD has placed provisionally nevertheless.
    """

    placements: tuple[Placement, ...]
    short: Mapping[str, Decimal]
    rejected: tuple[str, ...] = ()


class NoLocation(ValueError):
    """A line has no location to be routed to: its channel has an empty pool."""


def reserve(wants: Sequence[Want], free: Mapping[Place, Decimal], mode: ReserveMode) -> Reserved:
    """Route all lines of one order against what is free, the same item in two lines included.

    One location serves the whole order where it can (the first by the first line's ranking); else each line
    stands at its first location that can serve it whole; else it is split. A request of plain lines is
    refused only if no assignment exists; kits are placed before them, best location first, so a request with
    several kits may be refused although a cleverer split exists, never wrongly accepted.

    free: (item, location) → what is free, absent or negative counts 0. Raises NoLocation.
    """
    for want in wants:
        if not want.ranking:
            raise NoLocation(want.line)
    table = _Table(free)
    whole = next((place for place in _common(wants) if table.serves_all(wants, place)), None)
    missing: dict[str, Decimal] = {}
    if whole is not None:
        for want in wants:
            table.put(want, whole, want.quantity)
    else:
        for want in sorted(wants, key=lambda each: each.splits_freely):
            left = table.place(want)
            if left:
                missing[want.line] = left

    if mode is ReserveMode.RECORD:
        for want in wants:
            table.put(want, want.ranking[0], missing.get(want.line, ZERO))
        return Reserved(table.placements(wants), missing)
    if missing and mode is ReserveMode.ALL_OR_NOTHING:
        return Reserved((), missing, tuple(want.line for want in wants))
    return Reserved(table.placements(wants), missing, tuple(sorted(missing)))


def _common(wants: Sequence[Want]) -> list[str]:
    """Return the locations every line may be served from, in the first line's order."""
    if not wants:
        return []
    shared = set(wants[0].ranking).intersection(*(want.ranking for want in wants))
    return [place for place in wants[0].ranking if place in shared]


class _Table:
    """What is still free and what was placed, while one order is being decided."""

    def __init__(self, free: Mapping[Place, Decimal]) -> None:
        self._free: dict[Place, Decimal] = defaultdict(Decimal)
        for place, quantity in free.items():
            self._free[place] = max(ZERO, quantity)
        self._units: dict[tuple[str, str], Decimal] = defaultdict(Decimal)  # (line, location) → sold units
        self._plain: dict[str, list[Want]] = defaultdict(list)  # item → plain lines already placed

    def serves_all(self, wants: Sequence[Want], location: str) -> bool:
        need: dict[str, Decimal] = defaultdict(Decimal)
        for want in wants:
            for part in want.parts:
                need[part.item] += want.quantity * part.per_unit
        return all(self._free[item, location] >= quantity for item, quantity in need.items())

    def put(self, want: Want, location: str, units: Decimal) -> None:
        """Promise units at a location, below zero if need be."""
        if not units:
            return
        self._units[want.line, location] += units
        for part in want.parts:
            self._free[part.item, location] -= units * part.per_unit

    def place(self, want: Want) -> Decimal:
        """Promise what can be served, and return the units that cannot."""
        room = {location: self._room(want, location) for location in want.ranking}
        whole = next((location for location in want.ranking if room[location] >= want.quantity), None)
        left = want.quantity
        for location in want.ranking if whole is None else (whole,):
            units = min(left, room[location])
            self.put(want, location, units)
            left -= units
        if want.splits_freely:
            self._plain[want.parts[0].item].append(want)
            while left and (gained := self._make_room(want, left)):
                left -= gained
        return left

    def placements(self, wants: Sequence[Want]) -> tuple[Placement, ...]:
        return tuple(
            Placement(want.line, part.item, location, units * part.per_unit)
            for want in wants
            for location in dict.fromkeys(want.ranking)
            if (units := self._units[want.line, location])
            for part in want.parts
        )

    def _room(self, want: Want, location: str) -> Decimal:
        """Return the sold units a location can serve; whole units unless the line splits freely."""
        need: dict[str, Decimal] = defaultdict(Decimal)
        for part in want.parts:
            need[part.item] += part.per_unit
        units = min(self._free[item, location] / per_unit for item, per_unit in need.items())
        return max(ZERO, units if want.splits_freely else floor_to_pack(units, ONE))

    def _make_room(self, want: Want, left: Decimal) -> Decimal:
        """Move other plain lines of the item along the shortest chain that frees stock for this one."""
        item = want.parts[0].item
        lines = {each.line: each for each in self._plain[item]}
        came_from: dict[str, tuple[str, str] | None] = dict.fromkeys(want.ranking)  # ← (line, its location)
        queue = deque(came_from)
        while queue:
            location = queue.popleft()
            if self._free[item, location] > 0:
                return self._shift(want, lines, location, came_from, left)
            for other in lines.values():
                if self._units[other.line, location] > 0:
                    for target in other.ranking:
                        if target not in came_from:
                            came_from[target] = (other.line, location)
                            queue.append(target)
        return ZERO

    def _shift(
        self,
        want: Want,
        lines: Mapping[str, Want],
        end: str,
        came_from: Mapping[str, tuple[str, str] | None],
        left: Decimal,
    ) -> Decimal:
        chain: list[tuple[str, str, str]] = []  # (line, from, to), last move first
        location = end
        while (step := came_from[location]) is not None:
            chain.append((step[0], step[1], location))
            location = step[1]
        amount = min(
            left, self._free[want.parts[0].item, end], *(self._units[line, a] for line, a, _ in chain)
        )
        for line, source, target in chain:
            self.put(lines[line], target, amount)
            self.put(lines[line], source, -amount)
        self.put(want, location, amount)
        return amount
