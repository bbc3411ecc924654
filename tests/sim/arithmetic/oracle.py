"""A hub that gets the same messages and knows exactly what each reading contained.

What it says an outlet may show at most is worked out from scratch: the books of the newest reading at its
instant, the newest version heard of every order, and how much more all of that together could serve (a
minimum cut over the places). It shares no arithmetic with the hub. A figure above it is an error.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain, combinations

from inventory_sync.domain.external import OrderStatus
from tests.sim.arithmetic.erp import LOCATIONS, MoveSeen, Snapshot
from tests.sim.arithmetic.hub import Reading, Version
from tests.sim.arithmetic.placing import OrderKey

SUBSETS = [
    frozenset(each)
    for each in chain.from_iterable(combinations(LOCATIONS, size) for size in range(len(LOCATIONS) + 1))
]
Claim = tuple[frozenset[str], int]  # (places that may serve it, quantity)


@dataclass
class Oracle:
    """`recipes`: kit → component → how many; `pools`: outlet → places that may serve it."""

    recipes: Mapping[str, Mapping[str, int]]
    pools: Mapping[str, tuple[str, ...]]
    heard: dict[OrderKey, Version] = field(default_factory=dict)
    found: dict[str, tuple[int, Snapshot]] = field(default_factory=dict)  # item → (reading, books)

    def hear(self, version: Version, *, accepted: bool, reading: int) -> None:
        """Note a version the hub could place: of two with one stamp, the one that was read."""
        known = self.heard.get(version.key)
        decidable = accepted or reading or known is None or version.stamp > known.stamp
        if decidable and (known is None or version.nth > known.nth):
            self.heard[version.key] = version

    def read(self, reading: Reading) -> None:
        for item in reading.items:
            if item not in self.found or self.found[item][0] < reading.number:
                self.found[item] = (reading.number, reading.found)

    def most(self, outlet: str, article: str, now_s: float) -> int | None:
        """Return the most an outlet may show; None while no reading told."""
        parts = self.recipes.get(article, {article: 1})
        if any(item not in self.found for item in parts):
            return None
        return min(self._left(outlet, item, now_s) // number for item, number in parts.items())

    def owed(self, version: Version, now_s: float) -> dict[tuple[str, str], int]:
        """Return (line, item) → what the order wants in all, delivered or not."""
        held = (
            version.status is OrderStatus.UNPAID
            and version.hold_until_s is not None
            and now_s < version.hold_until_s
        )
        if not held and version.status not in (OrderStatus.COMMITTED, OrderStatus.SHIPPED):
            return {}
        return {
            (f"{version.outlet}/{version.order}/{line}", item): quantity * number
            for line, _, article, quantity in version.lines
            for item, number in self.recipes.get(article, {article: 1}).items()
        }

    def _left(self, outlet: str, item: str, now_s: float) -> int:
        books = self.found[item][1]
        stock = {
            place: max(0, books.quants.get((item, place), 0) - books.own.get((item, place), 0))
            for place in LOCATIONS
        }
        moves = {move.line: move for move in books.moves if move.item == item}
        claims: list[Claim] = [
            (frozenset({place}), quantity)
            for move in moves.values()
            for place, quantity in move.assigned.items()
            if quantity
        ]
        for version in self.heard.values():
            allowed = frozenset(self.pools[version.outlet])
            for (line, wanted), quantity in self.owed(version, now_s).items():
                if wanted == item and (left := quantity - _held(moves.get(line))) > 0:
                    claims.append((allowed, left))
        pool = frozenset(self.pools[outlet])
        return served(stock, claims, endless=pool) - served(stock, claims)


def served(stock: Mapping[str, int], claims: list[Claim], *, endless: frozenset[str] = frozenset()) -> int:
    """Return how much can be served at once, with endless demand at some places if they are named."""
    merged: dict[frozenset[str], int] = defaultdict(int)
    for places, quantity in claims:
        merged[places] += quantity
    return min(
        sum(stock[place] for place in cut)
        + sum(quantity for places, quantity in merged.items() if not places <= cut)
        for cut in SUBSETS
        if endless <= cut
    )


def _held(move: MoveSeen | None) -> int:
    return 0 if move is None else sum(move.assigned.values()) + sum(move.delivered.values())
