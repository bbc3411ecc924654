"""Where the simulated hub keeps what it owes, and how the demand of an order is put at places.

Bookkeeping around domain/containment.py and domain/routing.py, as small as it can be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from inventory_sync.domain.availability import (
    LocationTerms,
    OpenDemand,
    free,
)
from inventory_sync.domain.containment import Allocation, follow_authority, resize
from inventory_sync.domain.levels import Mode
from inventory_sync.domain.reports import (
    ZERO,
    LineContained,
)
from inventory_sync.domain.reservations import (
    LineStatus,
    RecordedLine,
    RecordedOrder,
    books_say,
    leave,
)
from inventory_sync.domain.routing import Part, ReserveMode, Want, reserve
from tests.domain.books import SmallLedger
from tests.sim.arithmetic.erp import LOCATIONS
from tests.sim.arithmetic.repairs import Repairs

OrderKey = tuple[str, str]  # (outlet, order)
Level = tuple[str, str]  # (item, location)


@dataclass(slots=True)
class Held:
    """An order as the hub keeps it."""

    recorded: RecordedOrder | None = None
    gone: int | None = None
    allocations: dict[str, tuple[Allocation, ...]] = field(default_factory=dict)
    recipes: dict[str, tuple[Part, ...]] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)  # lines closed on somebody's word, a repair being off
    unrouted: dict[str, Decimal] = field(default_factory=dict)


class Placing:
    """Levels, what the books say of lines, orders and their allocations."""

    def __init__(
        self,
        repairs: Repairs,
        recipes: Mapping[str, tuple[Part, ...]],
        pools: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.repairs = repairs
        self.recipes = recipes
        self.pools = pools
        mode = Mode.FIGURES if repairs.figures_by_reading else Mode.MOVEMENTS
        self._levels: dict[Level, SmallLedger] = defaultdict(lambda: SmallLedger(mode))
        self._books: dict[Level, dict[str, LineContained]] = defaultdict(dict)
        self._last_free: dict[Level, Decimal] = {}
        self._owed: dict[Level, dict[str, Decimal]] = defaultdict(dict)  # per outlet
        self.orders: dict[OrderKey, Held] = defaultdict(Held)
        self.published: dict[tuple[str, str], Decimal | None] = {}
        self.to_read: list[OrderKey] = []
        self.read_again: set[str] = set()
        self.readings = 0
        self._told_anew: set[OrderKey] = set()  # orders of which the books say something new
        self._holds: set[OrderKey] = set()

    def _terms(self, item: str, location: str) -> LocationTerms:
        state = self._levels[item, location].state
        demand = tuple(
            OpenDemand(
                quantity,
                frozenset(self.pools[outlet]) if self.repairs.shortage_moves else frozenset({location}),
            )
            for outlet, quantity in sorted(self._owed[item, location].items())
            if quantity
        )
        return LocationTerms(
            location,
            state.on_hand,
            known=state.known,
            authority_reserved=state.reserved,
            authority_unassigned=state.unassigned,
            open_demand=demand,
            last_known_free=None if state.known else self._last_free.get((item, location)),
        )

    def _settle(self, key: OrderKey, now: datetime) -> None:
        """Place what an order wants: by the difference, where the authority took it first."""
        held, outlet = self.orders[key], key[0]
        recorded = held.recorded
        assert recorded is not None
        ranking = self.pools[outlet]
        work: dict[str, list[Allocation]] = {}
        wants: list[Want] = []
        for name, line in sorted(recorded.lines.items()):
            parts = held.recipes[name]
            allocations = self._with_books(f"{outlet}/{key[1]}/{name}", held.allocations.get(name, ()), parts)
            target = self._target(line, held)
            missing = ZERO
            work[name] = []
            for part in parts:
                mine = [each for each in allocations if each.item == part.item]
                kept, raised = resize(mine, target * part.per_unit)
                work[name] += kept
                missing = max(missing, raised / part.per_unit)
            if missing:
                wants.append(Want(name, missing, parts, ranking))
        self._owe(outlet, held.allocations.values(), -1)
        self._owe(outlet, (tuple(each) for each in work.values()), 1)
        held.allocations = {name: tuple(each) for name, each in work.items()}

        short: dict[str, Decimal] = {}
        held.unrouted = {}
        if wants:
            places = {(part.item, place) for want in wants for part in want.parts for place in ranking}
            room = {place: free(self._terms(*place)) for place in places}
            mode = ReserveMode.RECORD if self.repairs.every_line_routed else ReserveMode.PARTIAL
            routed = reserve(wants, room, mode)
            short = dict(routed.short)
            for each in routed.placements:
                _put(work[each.line], each.item, each.location, each.quantity)
            if not self.repairs.every_line_routed:
                for want in wants:
                    for part in want.parts:
                        lost = short.get(want.line, ZERO) * part.per_unit
                        held.unrouted[part.item] = held.unrouted.get(part.item, ZERO) + lost
        self._owe(outlet, held.allocations.values(), -1)
        for name, mine in work.items():
            items = dict.fromkeys(each.item for each in mine)
            followed = [
                each for item in items for each in follow_authority([one for one in mine if one.item == item])
            ]
            held.allocations[name] = tuple(followed)
            recorded = self._books_on(recorded, name, held, short, now)
        if not self.repairs.backorder_is_open:
            without = [
                name
                for name, line in recorded.lines.items()
                if line.status is LineStatus.BACKORDERED and name in short
            ]
            if without:
                recorded = leave(recorded, without, LineStatus.CLOSED_SHORT).order
                for name in without:
                    held.allocations[name] = tuple(
                        replace(each, demand=ZERO) for each in held.allocations[name]
                    )
        self._owe(outlet, held.allocations.values(), 1)
        held.recorded = recorded
        if recorded.hold_until is not None:
            self._holds.add(key)

    def _target(self, line: RecordedLine, held: Held) -> Decimal:
        if line.line in held.dropped:
            return ZERO
        return line.demand if line.status.subtracts or line.status is LineStatus.CLOSED else ZERO

    def _books_on(
        self, recorded: RecordedOrder, name: str, held: Held, short: Mapping[str, Decimal], now: datetime
    ) -> RecordedOrder:
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for each in held.allocations[name]:
            sums[each.item] += each.delivered
        delivered = min(sums[part.item] / part.per_unit for part in held.recipes[name])
        line = recorded.lines[name]
        still = line.status is LineStatus.BACKORDERED and line.promised > 0
        return books_say(recorded, name, now=now, delivered=delivered, short=name in short or still).order

    def _with_books(
        self, line: str, allocations: Iterable[Allocation], parts: tuple[Part, ...]
    ) -> list[Allocation]:
        made = {(each.item, each.location): each for each in allocations}
        for part in parts:
            for place in LOCATIONS:
                said = self._books[part.item, place].get(line)
                known = made.get((part.item, place))
                if said is None and known is None:
                    continue
                known = known or Allocation(part.item, place, ZERO)
                holds, gone = (said.contained, said.delivered) if said else (ZERO, ZERO)
                made[part.item, place] = replace(known, contained=holds, delivered=gone)
        return list(made.values())

    def _owe(self, outlet: str, lines: Iterable[tuple[Allocation, ...]], sign: int) -> None:
        for allocations in lines:
            for each in allocations:
                here = self._owed[each.item, each.location]
                here[outlet] = here.get(outlet, ZERO) + sign * each.open


def _put(allocations: list[Allocation], item: str, location: str, quantity: Decimal) -> None:
    for index, each in enumerate(allocations):
        if (each.item, each.location) == (item, location):
            allocations[index] = replace(each, demand=each.demand + quantity)
            return
    allocations.append(Allocation(item, location, quantity))
