"""Gather the terms of a batch: whose stock, promises and policy count for one item on one channel.

Turns rows read at one instant into the values of domain.availability. Computes nothing and reads nothing.
Locations are named by their codes, items by their SKUs, because the terms are read by people.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from inventory_sync.availability.ports import Channel, Demand, ItemFacts, Landscape, Level, PolicyFacts, Stock
from inventory_sync.domain.availability import LocationTerms, OpenDemand, PolicyTerms
from inventory_sync.domain.reports import ZERO
from inventory_sync.domain.units import STEP

ONE = Decimal(1)
HUNDRED = Decimal(100)


class Terms:
    """The terms of every item of one batch, by channel."""

    def __init__(self, *, items: Mapping[int, ItemFacts], landscape: Landscape, stock: Stock) -> None:
        self._items = items
        self._places = landscape.places
        self._channels = landscape.channels
        self._policies = landscape.policies
        self._levels: defaultdict[int, dict[int, Level]] = defaultdict(dict)
        for level in stock.levels:
            self._levels[level.item_id][level.location_id] = level
        self._demand: defaultdict[int, dict[int, list[Demand]]] = defaultdict(dict)
        for demand in stock.demand:
            if demand.quantity > 0:
                self._demand[demand.item_id].setdefault(demand.location_id, []).append(demand)
        self._sells_from = {key: self._codes(each.sells_from) for key, each in self._channels.items()}
        self._served_from = {key: self._codes(each.served_from) for key, each in self._channels.items()}
        self._versions: dict[tuple[str, str], int] | None = None
        self._at: dict[tuple[int, int, Decimal], LocationTerms | None] = {}

    def pool(self, channel: Channel) -> frozenset[str]:
        """Return the codes of the locations this channel sells from."""
        return self._sells_from[channel.connection_id]

    def locations(self, channel: Channel, item_id: int) -> tuple[LocationTerms, ...]:
        """Return the terms of the channel's pool, of the places that owe some of the item, and of those that
        what is owed may be served from instead.

        A location of the pool that never told of the item is left out, which makes it unknown; one whose
        reports are declared complete holds none.
        """
        policy = self.policy(channel, item_id)
        safety = policy.safety_stock if policy else ZERO
        demand = self._demand[item_id]
        lines = (each for here in demand.values() for each in here)
        served = (self._channels[each.connection_id].served_from for each in lines)
        wanted = channel.sells_from.union(demand, *served)
        found = (self._location(item_id, location_id, safety) for location_id in wanted)
        return tuple(each for each in found if each is not None)

    def policy(self, channel: Channel, item_id: int) -> PolicyFacts | None:
        """Return the policy for this item on this channel: its own, else the channel's, else none."""
        connection_id = channel.connection_id
        return self._policies.get((connection_id, item_id)) or self._policies.get((connection_id, None))

    def policy_terms(self, channel: Channel, item_id: int) -> PolicyTerms:
        """Return the policy as the arithmetic wants it; without a policy the whole pool is sold.

        What is counted in pieces is floored to one; what is weighed or measured to the stored precision.
        """
        pack = ONE if self._items[item_id].whole else STEP
        policy = self.policy(channel, item_id)
        if policy is None:
            return PolicyTerms(pack=pack)
        return PolicyTerms(
            share=policy.share,
            buffer=policy.buffer,
            cap=policy.cap,
            threshold=policy.threshold,
            pack=pack,
            fallback=policy.fallback,
        )

    def level_version(self, sku: str, code: str) -> int | None:
        """Return the version of the level that was read, None where there is none."""
        if self._versions is None:
            self._versions = {
                (self._items[item_id].sku, self._places[location_id].code): level.version
                for item_id, levels in self._levels.items()
                for location_id, level in levels.items()
            }
        return self._versions.get((sku, code))

    def _location(self, item_id: int, location_id: int, safety: Decimal) -> LocationTerms | None:
        key = (item_id, location_id, safety)
        if key not in self._at:
            self._at[key] = self._build(item_id, location_id, safety)
        return self._at[key]

    def _build(self, item_id: int, location_id: int, safety: Decimal) -> LocationTerms | None:
        place = self._places[location_id]
        level = self._levels[item_id].get(location_id)
        owed = self._demand[item_id].get(location_id, ())
        if level is None and not place.complete and not owed:
            return None
        known = place.complete if level is None else level.known
        return LocationTerms(
            location=place.code,
            on_hand=level.on_hand if level else ZERO if place.complete else None,
            known=known,
            unavailable=level.unavailable if level else ZERO,
            open_demand=tuple(
                OpenDemand(each.quantity, self._served_from.get(each.connection_id, frozenset()))
                for each in owed
            ),
            safety_stock=safety,
            last_known_free=level.last_known_free if level else None,
        )

    def _codes(self, location_ids: frozenset[int]) -> frozenset[str]:
        return frozenset(self._places[each].code for each in location_ids)
