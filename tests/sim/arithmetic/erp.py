"""An ERP with books of its own, and the shelves they speak of: what is there, and what is written, apart.

Its transactions are dated when they begin and seen when they commit; paperwork may be later still. It assigns
stock to moves and takes assignments away again: a user does, and so does a count. What it tells of a line is
what its moves say. It knows nothing of the hub.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.sim.arithmetic.schedule import Clock, Mix, Process

LOCATIONS = ("W1", "W2", "S1")
Place = tuple[str, str]  # (item, location)


@dataclass(slots=True)
class Move:
    """What the ERP owes one order line of one item. `shipped` is what physically left, booked or not."""

    line: str
    item: str
    demand: int = 0
    shipped: int = 0
    version: int = 0
    assigned: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    delivered: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def missing(self) -> int:
        return self.demand - sum(self.assigned.values()) - sum(self.delivered.values())


@dataclass(frozen=True, slots=True)
class MoveSeen:
    """One move as a call of the ERP shows it: assigned and delivered per location."""

    line: str
    item: str
    assigned: dict[str, int]
    delivered: dict[str, int]
    version: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The books of some items at one instant. Absent keys are 0."""

    quants: dict[Place, int]
    reserved: dict[Place, int]
    own: dict[Place, int]  # the ERP's own demand, assigned or not
    unassigned: dict[Place, int]
    moves: tuple[MoveSeen, ...]


@dataclass(frozen=True, slots=True)
class LineBooked:
    """A movement line of the books, as its webhook tells it: dated when its transaction began."""

    key: str
    item: str
    location: str
    quantity: int
    at_s: float


@dataclass
class Erp:
    clock: Clock
    mix: Mix
    tell: Callable[[LineBooked], None]
    shelf: dict[Place, int] = field(default_factory=lambda: defaultdict(int))
    quants: dict[Place, int] = field(default_factory=lambda: defaultdict(int))
    own_assigned: dict[Place, int] = field(default_factory=lambda: defaultdict(int))
    own_unassigned: dict[Place, int] = field(default_factory=lambda: defaultdict(int))
    moves: dict[tuple[str, str], Move] = field(default_factory=dict)
    pending: int = 0  # transactions and paperwork under way
    _lines: int = 0

    # ── what it tells ────────────────────────────────────────────────────────────────────────────────
    def snapshot(self, items: Iterable[str], locations: Iterable[str] = LOCATIONS) -> Snapshot:
        places = [(item, location) for item in items for location in locations]
        moves = self.confirm(items)
        held = {place: self._held(place) for place in places}
        return Snapshot(
            {place: self.quants[place] for place in places if self.quants[place]},
            {place: quantity for place, quantity in held.items() if quantity},
            {place: self.own_assigned[place] + self.own_unassigned[place] for place in places},
            {place: self.own_unassigned[place] for place in places if self.own_unassigned[place]},
            moves,
        )

    def confirm(self, items: Iterable[str]) -> tuple[MoveSeen, ...]:
        wanted = set(items)
        return tuple(
            MoveSeen(move.line, move.item, dict(move.assigned), dict(move.delivered), move.version)
            for move in self.moves.values()
            if move.item in wanted
        )

    # ── people ───────────────────────────────────────────────────────────────────────────────────────
    def demand(self, line: str, item: str, quantity: int) -> None:
        """An order is entered, changed or cancelled; assignments it no longer needs are given back."""
        move = self.moves.setdefault((line, item), Move(line, item))
        if move.demand == quantity:
            return
        move.demand = quantity
        move.version += 1
        for location in sorted(move.assigned):
            surplus = min(move.assigned[location], max(0, -move.missing()))
            move.assigned[location] -= surplus

    def assign(self, move: Move, location: str) -> None:
        free = self.quants[move.item, location] - self._held((move.item, location))
        quantity = min(free, move.missing())
        if quantity > 0:
            move.assigned[location] += quantity
            move.version += 1

    def unassign(self, move: Move) -> None:
        if sum(move.assigned.values()):
            move.assigned.clear()
            move.version += 1

    def ship(self, move: Move, location: str, quantity: int) -> None:
        """Goods leave now; the books follow."""
        self.shelf[move.item, location] -= quantity
        move.shipped += quantity
        self.clock.spawn(self._transaction(lambda: self._delivered(move, location, quantity), late=True))

    def sell_at_the_till(self, line: str, item: str, quantity: int) -> Move:
        """A unit leaves the store; its session is closed some time later."""
        self.shelf[item, "S1"] -= quantity
        return self.moves.setdefault((line, item), Move(line, item, demand=0, shipped=quantity))

    def close_session(self, sales: list[tuple[Move, float]]) -> None:
        """Post the sales of a session in one transaction, each dated when it was made."""

        def post() -> None:
            for move, at_s in sales:
                move.demand = move.shipped
                self._delivered(move, "S1", move.shipped, at_s=at_s)

        self.clock.spawn(self._transaction(post, late=True))

    def receive(self, item: str, location: str, quantity: int) -> None:
        self.shelf[item, location] += quantity
        self.clock.spawn(self._transaction(lambda: self._book(item, location, quantity), late=True))

    def transfer(self, item: str, source: str, destination: str, quantity: int) -> None:
        self.shelf[item, source] -= quantity
        self.shelf[item, destination] += quantity

        def post() -> None:
            self._book(item, source, -quantity)
            self._book(item, destination, quantity)
            self._fit(item, source)

        self.clock.spawn(self._transaction(post, late=False))

    def count(self, item: str, location: str, *, takes_assignments: bool) -> None:
        """What is on the shelf now becomes what the books say, and may cost assignments."""
        found = self.shelf[item, location]

        def post() -> None:
            difference = found - self.quants[item, location]
            if difference:
                self._book(item, location, difference)
            if takes_assignments:
                for move in self._moves_at(item, location):
                    self.unassign(move)
            self._fit(item, location)

        self.clock.spawn(self._transaction(post, late=False))

    def own_order(self, item: str, location: str, quantity: int) -> None:
        self.own_unassigned[item, location] += quantity

    def advance_own(self, item: str, location: str) -> None:
        """Assign what the ERP wants for itself, or let it leave."""
        place = (item, location)
        if self.own_assigned[place]:
            quantity, self.own_assigned[place] = self.own_assigned[place], 0
            self.shelf[place] -= quantity
            self._book(item, location, -quantity)
            return
        free = max(0, self.quants[place] - self._held(place))
        taken = min(free, self.own_unassigned[place], max(0, self.shelf[place]))
        self.own_assigned[place] += taken
        self.own_unassigned[place] -= taken

    # ── books ────────────────────────────────────────────────────────────────────────────────────────
    def _transaction(self, change: Callable[[], None], *, late: bool) -> Process:
        """Begin now, be seen at the end; the lines it books are dated now."""
        rng, self.pending = self.clock.rng, self.pending + 1
        if late and rng.random() < 0.5:
            yield rng.uniform(0.0, self.mix.paperwork_s)
        self._began_s = began_s = self.clock.now_s
        yield rng.uniform(0.0, self.mix.transaction_s)
        self._began_s = began_s
        change()
        self.pending -= 1

    _began_s: float = 0.0

    def _book(self, item: str, location: str, quantity: int, *, at_s: float | None = None) -> None:
        self.quants[item, location] += quantity
        self._lines += 1
        at_s = self._began_s if at_s is None else at_s
        self.tell(LineBooked(f"sml:{self._lines}", item, location, quantity, at_s))

    def _delivered(self, move: Move, location: str, quantity: int, *, at_s: float | None = None) -> None:
        move.delivered[location] += quantity
        used = min(move.assigned[location], quantity)
        move.assigned[location] -= used
        move.version += 1
        for other in sorted(move.assigned):
            surplus = min(move.assigned[other], max(0, -move.missing()))
            move.assigned[other] -= surplus
        self._book(move.item, location, -quantity, at_s=at_s)
        self._fit(move.item, location)

    def _fit(self, item: str, location: str) -> None:
        """Take assignments away until the rest is there."""
        for move in self._moves_at(item, location):
            if self._held((item, location)) <= max(0, self.quants[item, location]):
                return
            self.unassign(move)

    def _moves_at(self, item: str, location: str) -> list[Move]:
        return [move for move in self.moves.values() if move.item == item and move.assigned.get(location)]

    def _held(self, place: Place) -> int:
        item, location = place
        ours = sum(move.assigned.get(location, 0) for move in self.moves.values() if move.item == item)
        return ours + self.own_assigned[place]
