"""Keep what is set aside for other channels out of reach while one channel's request is placed.

What is set aside may be served from several places: it is taken first from where the asking channel cannot
be served, then from its worst-ranked places. Where what is set aside for several channels overlaps, that may
withhold more than it must, never less. Does not know what was granted (availability) or place anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from decimal import Decimal

from inventory_sync.domain.reports import ZERO
from inventory_sync.ledger.placing import Floor
from inventory_sync.ledger.request_types import Terms


@contextmanager
def sparing(floor: Floor, terms: Terms, item_ids: Collection[int]) -> Iterator[bool]:
    """Lower the floor by what these items' other channels may still sell, for as long as this lasts.

    Says whether anything was kept back.
    """
    aside = list(_aside(floor, terms, item_ids)) if terms.spared else []
    yield bool(aside)
    for place, quantity in aside:
        floor.free[place] += quantity


def _aside(
    floor: Floor, terms: Terms, item_ids: Collection[int]
) -> Iterator[tuple[tuple[str, str], Decimal]]:
    for item in {int(part.item) for each in item_ids for part in floor.parts(each)}:
        for spared in terms.spared.get(item, ()):
            elsewhere = [place for place in spared.places if place not in terms.pool]
            worst_first = [place for place in reversed(terms.pool) if place in spared.places]
            left = spared.quantity
            for location in (*elsewhere, *worst_first):
                place = (str(item), str(location))
                kept = min(left, max(ZERO, floor.free.get(place, ZERO)))
                if kept:
                    floor.free[place] -= kept
                    left -= kept
                    yield place, kept
