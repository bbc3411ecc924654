"""Where the lines of an order are promised: one decision for all of them.

Every line is routed at once, by the channel's rules in their order, deterministically, and says which rule
put it there and what the better-ranked locations had. What nothing has in stock is routed to the best-ranked
location, provisionally, if the shop has sold it already. Components of a kit stand together.

Does not read stock or rank locations: free quantities and rankings are arguments.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    """What one line asks for: quantity in sold units, at locations best first; sold: the item as sold."""

    line: str
    quantity: Decimal
    parts: tuple[Part, ...]
    ranking: tuple[str, ...]
    sold: str = ""

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
class Route:
    """Why a line stands where it does: the rule that decided, those before it that could not, and how many
    sold units each better-ranked location had free when it was passed over.
    """

    rule: Rule
    failed: tuple[Rule, ...] = ()
    passed: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Reserved:
    """The outcome: placements in routing order per line, and the sold units nothing was free for.

    rejected: in the modes that may refuse, the lines refused in whole or part; short: line → missing units,
    which RECORD has placed provisionally nevertheless. backordered: line → units that a declared allowance
    let a request promise below nothing; they are placed provisionally, and not short.
    """

    placements: tuple[Placement, ...]
    short: Mapping[str, Decimal]
    rejected: tuple[str, ...] = ()
    backordered: Mapping[str, Decimal] = field(default_factory=dict)
    routes: Mapping[str, Route] = field(default_factory=dict, compare=False)


class NoLocation(ValueError):
    """A line has no location to be routed to: its channel has an empty pool."""


def reserve(
    wants: Sequence[Want],
    free: Mapping[Place, Decimal],
    mode: ReserveMode,
    *,
    rules: Sequence[Rule] = DEFAULT_RULES,
    allowance: Mapping[str, Decimal] | None = None,
) -> Reserved:
    """Route all lines of one order against what is free, the same item in two lines included.

    The rules are tried in their order, each on the lines that none before it could serve; RANK is the last
    of them, declared or not. A request of plain lines is refused only if no assignment exists; kits are
    placed before them, so a request with several kits may be refused although a cleverer split exists, never
    wrongly accepted.

    free: (item, location) → what is free, absent or negative counts 0. allowance: per item as sold, the
    units a request may still promise below nothing. Raises NoLocation.
    """
    for want in wants:
        if not want.ranking:
            raise NoLocation(want.line)
    table = _Table(free)
    missing = table.route(wants, rules)

    if mode is ReserveMode.RECORD:
        for want in wants:
            table.put(want, want.ranking[0], missing.get(want.line, ZERO))
        return Reserved(table.placements(wants), missing, routes=table.routes)
    backordered = table.backorder(wants, missing, allowance) if missing and allowance else {}
    if missing and mode is ReserveMode.ALL_OR_NOTHING:
        return Reserved((), missing, tuple(want.line for want in wants), routes=table.routes)
    return Reserved(table.placements(wants), missing, tuple(sorted(missing)), backordered, table.routes)


def _common(wants: Sequence[Want]) -> list[str]:
    """Return the locations every line may be served from, in the first line's order."""
    shared = set(wants[0].ranking).intersection(*(want.ranking for want in wants))
    return [place for place in wants[0].ranking if place in shared]


class _Table:
    """What is still free and what was placed, while one order is being decided."""

    def __init__(self, free: Mapping[Place, Decimal]) -> None:
        self._given = free
        self._taken: dict[Place, Decimal] = {}
        self._units: dict[tuple[str, str], Decimal] = {}  # (line, location) → sold units
        self._plain: dict[str, list[Want]] = defaultdict(list)  # item → plain lines already placed
        self.routes: dict[str, Route] = {}

    def free(self, item: str, location: str) -> Decimal:
        quantity = max(ZERO, self._given.get((item, location), ZERO))
        return quantity - self._taken.get((item, location), ZERO)

    def route(self, wants: Sequence[Want], rules: Sequence[Rule]) -> dict[str, Decimal]:
        """Place the lines by the rules, and return the units that cannot be served."""
        left = [want for want in wants if want.quantity > 0]
        if len(left) > 1:
            left.sort(key=lambda each: each.splits_freely)
        missing: dict[str, Decimal] = {}
        failed: list[Rule] = []
        for rule in (*(each for each in rules if each is not Rule.RANK), Rule.RANK):
            if not left:
                break
            tried = tuple(failed)
            if rule is Rule.WHOLE_ORDER:
                left = self._place_order(left, tried)
            elif rule is Rule.RANK:
                for want in left:
                    if short := self._place_ranked(want, tried):
                        missing[want.line] = short
                left = []
            else:
                left = [want for want in left if not self._place_line(want, rule, tried)]
            failed.append(rule)
        return missing

    def put(self, want: Want, location: str, units: Decimal) -> None:
        """Promise units at a location, below zero if need be."""
        if not units:
            return
        key = (want.line, location)
        self._units[key] = self._units.get(key, ZERO) + units
        for part in want.parts:
            place = (part.item, location)
            self._taken[place] = self._taken.get(place, ZERO) + units * part.per_unit

    def backorder(
        self, wants: Sequence[Want], missing: dict[str, Decimal], allowance: Mapping[str, Decimal]
    ) -> dict[str, Decimal]:
        """Promise what is missing below nothing as far as the allowance goes; missing keeps the rest."""
        left = dict(allowance)
        given: dict[str, Decimal] = {}
        for want in wants:
            units = min(missing.get(want.line, ZERO), left.get(want.sold, ZERO))
            if units > 0:
                self.put(want, want.ranking[0], units)
                given[want.line] = units
                left[want.sold] -= units
                missing[want.line] -= units
                if not missing[want.line]:
                    del missing[want.line]
        return given

    def placements(self, wants: Sequence[Want]) -> tuple[Placement, ...]:
        return tuple(
            Placement(want.line, part.item, location, units * part.per_unit)
            for want in wants
            for location in dict.fromkeys(want.ranking)
            if (units := self._units.get((want.line, location)))
            for part in want.parts
        )

    def _place_order(self, wants: list[Want], failed: tuple[Rule, ...]) -> list[Want]:
        """Place all lines at the first location that serves them all; return those still to be placed."""
        need: dict[str, Decimal] = {}
        for want in wants:
            for part in want.parts:
                need[part.item] = need.get(part.item, ZERO) + want.quantity * part.per_unit
        better: list[str] = []
        for location in wants[0].ranking if len(wants) == 1 else _common(wants):
            if all(self.free(item, location) >= quantity for item, quantity in need.items()):
                passed = {want.line: [(each, self._room(want, each)) for each in better] for want in wants}
                for want in wants:
                    self._settle(
                        want, Rule.WHOLE_ORDER, failed, passed[want.line], [(location, want.quantity)]
                    )
                return []
            better.append(location)
        return wants

    def _place_line(self, want: Want, rule: Rule, failed: tuple[Rule, ...]) -> bool:
        """Place a line whole by one rule, or not at all."""
        if rule is Rule.NEAREST_KIT and len(want.parts) == 1:
            return False
        rooms = [(location, self._room(want, location)) for location in dict.fromkeys(want.ranking)]
        if rule is not Rule.FEWEST_SPLITS:
            for index, (location, room) in enumerate(rooms):
                if room >= want.quantity:
                    self._settle(want, rule, failed, rooms[:index], [(location, want.quantity)])
                    return True
            return False
        chosen: dict[str, Decimal] = {}
        left = want.quantity
        for location, room in sorted(rooms, key=lambda each: -each[1]):  # stable: ties stay in ranked order
            if left and room:
                chosen[location] = min(left, room)
                left -= chosen[location]
        if left:
            return False
        worst = max(index for index, (location, _) in enumerate(rooms) if location in chosen)
        passed = [each for each in rooms[:worst] if each[0] not in chosen]
        self._settle(want, rule, failed, passed, list(chosen.items()))
        return True

    def _place_ranked(self, want: Want, failed: tuple[Rule, ...]) -> Decimal:
        """Take what there is in ranked order, move other lines where that helps; return what is missing."""
        left = want.quantity
        passed: list[tuple[str, Decimal]] = []
        for location in dict.fromkeys(want.ranking):
            units = min(left, self._room(want, location))
            self.put(want, location, units)
            left -= units
            if left:
                passed.append((location, units))
        self._settle(want, Rule.RANK, failed, passed, [])
        if want.splits_freely:
            while left and (gained := self._make_room(want, left)):
                left -= gained
        return left

    def _settle(
        self,
        want: Want,
        rule: Rule,
        failed: tuple[Rule, ...],
        passed: Sequence[tuple[str, Decimal]],
        units: Sequence[tuple[str, Decimal]],
    ) -> None:
        for location, quantity in units:
            self.put(want, location, quantity)
        self.routes[want.line] = Route(rule, failed, tuple(passed))
        if want.splits_freely:
            self._plain[want.parts[0].item].append(want)

    def _room(self, want: Want, location: str) -> Decimal:
        """Return the sold units a location can serve; whole units unless the line splits freely."""
        if want.splits_freely:
            return max(ZERO, self.free(want.parts[0].item, location))
        need: dict[str, Decimal] = defaultdict(Decimal)
        for part in want.parts:
            need[part.item] += part.per_unit
        units = min(self.free(item, location) / per_unit for item, per_unit in need.items())
        return max(ZERO, floor_to_pack(units, ONE))

    def _make_room(self, want: Want, left: Decimal) -> Decimal:
        """Move other plain lines of the item along the shortest chain that frees stock for this one."""
        item = want.parts[0].item
        lines = {each.line: each for each in self._plain[item]}
        came_from: dict[str, tuple[str, str] | None] = dict.fromkeys(want.ranking)  # ← (line, its location)
        queue = deque(came_from)
        while queue:
            location = queue.popleft()
            if self.free(item, location) > 0:
                return self._shift(want, lines, location, came_from, left)
            for other in lines.values():
                if self._units.get((other.line, location), ZERO) > 0:
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
            left, self.free(want.parts[0].item, end), *(self._units[line, a] for line, a, _ in chain)
        )
        for line, source, target in chain:
            self.put(lines[line], target, amount)
            self.put(lines[line], source, -amount)
        self.put(want, location, amount)
        return amount
