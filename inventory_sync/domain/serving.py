"""What a few places can serve together: an exact flow from those who are owed to where the stock is.

A promise routed to an empty place moves to another place of its pool, and may push on the promise that stands
there: shortages travel along chains of pools that overlap. How much is left for one pool is therefore a
maximum flow, and its bottleneck a minimum cut. The networks are tiny (the places of one item), so paths are
looked for one at a time.

Does not know channels' policies or locations' terms (availability.py).
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping
from decimal import Decimal
from typing import Generic, TypeVar

from inventory_sync.domain.reports import ZERO

Place = TypeVar("Place", bound=Hashable)


def left_for(
    pool: Iterable[Place],
    stock: Mapping[Place, Decimal],
    promised: Iterable[tuple[frozenset[Place], Decimal]],
) -> Decimal:
    """Return what a pool can still promise while everything promised is served as far as stock allows."""
    serving = Serving(stock)
    claims: dict[frozenset[Place], Decimal] = {}
    for places, quantity in promised:
        claims[places] = claims.get(places, ZERO) + quantity
    for places, quantity in claims.items():
        serving.add(places, quantity)
    return serving.add(pool)


class Serving(Generic[Place]):
    """Stock at places, and what of it serves whom. Adding a claim moves earlier ones only if it must."""

    def __init__(self, stock: Mapping[Place, Decimal]) -> None:
        self._left = {place: quantity for place, quantity in stock.items() if quantity > 0}
        self._pools: list[frozenset[Place]] = []
        self._served: list[dict[Place, Decimal]] = []

    def add(self, pool: Iterable[Place], quantity: Decimal | None = None) -> Decimal:
        """Serve up to quantity (None: as much as there is) from the pool, and return how much that is.

        What was served before stays served in full, possibly from elsewhere in its own pool.
        """
        self._pools.append(frozenset(pool))
        self._served.append({})
        claim = len(self._pools) - 1
        done = ZERO
        while quantity is None or done < quantity:
            path = self._path(claim)
            if path is None:
                break
            room = self._left[path[-1][1]]
            for (_, place), (mover, _) in itertools.pairwise(path):
                room = min(room, self._served[mover][place])
            if quantity is not None:
                room = min(room, quantity - done)
            self._push(path, room)
            done += room
        return done

    def _path(self, claim: int) -> list[tuple[int, Place]] | None:
        """Return the shortest chain (claim, place it takes), each place freed by the next claim in it."""
        reached: dict[Place, tuple[int, Place | None]] = {}
        queue: list[tuple[int, Place | None]] = [(claim, None)]
        asked = {claim}
        while queue:
            mover, freed = queue.pop(0)
            for place in sorted(self._pools[mover] - reached.keys(), key=str):
                reached[place] = (mover, freed)
                if self._left.get(place, ZERO) > 0:
                    return self._back(place, reached)
                for other, served in enumerate(self._served):
                    if other not in asked and served.get(place, ZERO) > 0:
                        asked.add(other)
                        queue.append((other, place))
        return None

    @staticmethod
    def _back(
        place: Place | None, reached: Mapping[Place, tuple[int, Place | None]]
    ) -> list[tuple[int, Place]]:
        path: list[tuple[int, Place]] = []
        while place is not None:
            mover, freed = reached[place]
            path.append((mover, place))
            place = freed
        return path[::-1]

    def _push(self, path: list[tuple[int, Place]], quantity: Decimal) -> None:
        for index, (mover, place) in enumerate(path):
            self._served[mover][place] = self._served[mover].get(place, ZERO) + quantity
            if index + 1 < len(path):
                self._served[path[index + 1][0]][place] -= quantity
            else:
                self._left[place] -= quantity
