"""Gather the terms of a batch: whose stock, promises and policy count for one item on one channel.

Turns rows read at one instant into the values of domain.availability. Computes nothing and reads nothing.
Locations are named by their codes, items by their SKUs, because the terms are read by people.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from inventory_sync.availability.micro import exact, maybe_exact
from inventory_sync.availability.ports import (
    WHOLE,
    Channel,
    Demand,
    Expected,
    ItemFacts,
    Landscape,
    Level,
    PolicyFacts,
    Stock,
)
from inventory_sync.domain.availability import Allotment, LocationTerms, OpenDemand, PolicyTerms
from inventory_sync.domain.reports import ZERO
from inventory_sync.domain.units import STEP

ONE = Decimal(1)
STALE = "stale"


class Terms:
    """The terms of every item of one batch, by channel."""

    def __init__(
        self,
        *,
        items: Mapping[int, ItemFacts],
        landscape: Landscape,
        stock: Stock,
        now: datetime,
        expected: Sequence[Expected] = (),
    ) -> None:
        self.items = items
        self.landscape = landscape
        self.levels: defaultdict[int, dict[int, Level]] = defaultdict(dict)
        for level in stock.levels:
            self.levels[level.item_id][level.location_id] = level
        self.demand: dict[int, dict[int, list[Demand]]] = {}
        for demand in stock.demand:
            if demand.quantity > 0:
                here = self.demand.setdefault(demand.item_id, {})
                here.setdefault(demand.location_id, []).append(demand)
        self._now = now
        self._expected: defaultdict[int, list[Expected]] = defaultdict(list)
        for each in expected:
            self._expected[each.item_id].append(each)
        channels = landscape.channels
        self._sells_from = {key: self._codes(each.sells_from) for key, each in channels.items()}
        self._served_from = {key: self._codes(each.served_from) for key, each in channels.items()}
        self._at: dict[tuple[int, int, int], LocationTerms | None] = {}
        self._versions: dict[tuple[str, str], int] | None = None

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
        demand = self.demand.get(item_id, {})
        lines = (each for here in demand.values() for each in here)
        served = (self.landscape.channels[each.connection_id].served_from for each in lines)
        wanted = channel.sells_from.union(demand, *served)
        found = (
            self._location(item_id, location_id, safety_stock(self.landscape, policy, item_id, location_id))
            for location_id in wanted
        )
        return tuple(each for each in found if each is not None)

    def policy(self, channel: Channel, item_id: int) -> PolicyFacts | None:
        """Return the policy for this item on this channel: its own, else the channel's, else none."""
        return self.landscape.policy(channel.connection_id, item_id)

    def policy_terms(self, channel: Channel, item_id: int) -> PolicyTerms:
        """Return the policy as the arithmetic wants it; without a policy the whole pool is sold.

        What is counted in pieces is floored to one; what is weighed or measured to the stored precision.
        """
        policy = self.policy(channel, item_id)
        pack = ONE if self.items[item_id].whole else STEP
        if policy is None:
            return PolicyTerms(pack=pack)
        return PolicyTerms(
            share=Decimal(policy.share) / WHOLE,
            buffer=exact(policy.buffer),
            buffer_percent=Decimal(policy.buffer_percent) / 100,
            cap=maybe_exact(policy.cap),
            threshold=exact(policy.threshold),
            pack=exact(policy.pack) if policy.pack else pack,
            fallback=policy.fallback,
            shrink_to=Decimal(policy.shrink_to) / WHOLE,
            backorder_allowance=exact(policy.backorder_allowance),
            preorder_allowance=exact(policy.preorder_allowance),
        )

    def allotments(self, item_id: int) -> tuple[Allotment, ...]:
        """Return what is set aside of the item, each for its channel at that channel's own pool."""
        return tuple(
            Allotment(
                channel=self.landscape.channels[each.connection_id].code,
                quantity=exact(each.quantity),
                consumed=exact(each.consumed),
                pool=self._sells_from[each.connection_id],
            )
            for each in self.landscape.set_aside.get(item_id, ())
        )

    def expected(self, channel: Channel, item_id: int, policy: PolicyFacts | None) -> Decimal:
        """Return what comes into the channel's pool inside the policy's horizon, if it sells ahead at all."""
        if policy is None or not policy.preorder_allowance:
            return ZERO
        until = self._now + timedelta(days=policy.preorder_days)
        return exact(
            sum(
                each.quantity
                for each in self._expected.get(item_id, ())
                if self._now < each.due_at <= until and each.location_id in channel.sells_from
            )
        )

    def level_version(self, sku: str, code: str) -> int | None:
        """Return the version of the level that was read, None where there is none."""
        if self._versions is None:
            self._versions = {
                (self.items[item_id].sku, self.landscape.places[location_id].code): level.version
                for item_id, levels in self.levels.items()
                for location_id, level in levels.items()
            }
        return self._versions.get((sku, code))

    def _location(self, item_id: int, location_id: int, safety: int) -> LocationTerms | None:
        key = (item_id, location_id, safety)
        if key not in self._at:
            self._at[key] = self._build(item_id, location_id, safety)
        return self._at[key]

    def _build(self, item_id: int, location_id: int, safety: int) -> LocationTerms | None:
        place = self.landscape.places[location_id]
        level = self.levels[item_id].get(location_id)
        owed = self.demand.get(item_id, {}).get(location_id, ())
        if level is None and not place.complete and not owed:
            return None
        told = level is not None or place.complete
        level = level or Level(item_id, location_id, 0, known=place.complete)
        stale = place.stale and level.known
        last = level.last_known_free
        if stale and last is None:  # until it went stale, what it told was known
            last = level.on_hand - level.unavailable - level.reserved - level.unassigned - safety
            last -= sum(each.quantity for each in owed)
        return LocationTerms(
            location=place.code,
            on_hand=exact(level.on_hand) if told else None,
            known=level.known and not stale,
            unavailable=exact(level.unavailable),
            authority_reserved=exact(level.reserved),
            authority_unassigned=exact(level.unassigned),
            open_demand=tuple(
                OpenDemand(exact(each.quantity), self._served_from.get(each.connection_id, frozenset()))
                for each in owed
            ),
            safety_stock=exact(safety),
            last_known_free=maybe_exact(last),
            doubt=STALE if stale else "",
        )

    def _codes(self, location_ids: frozenset[int]) -> frozenset[str]:
        return frozenset(self.landscape.places[each].code for each in location_ids)


def safety_stock(landscape: Landscape, policy: PolicyFacts | None, item_id: int, location_id: int) -> int:
    """Return what is kept back of an item at a location: the greater of the channel's policy and the place's.

    A quantity declared for the item there replaces the one declared for all items of the place.
    """
    safety = landscape.safety
    own = safety.get((item_id, location_id), safety.get((None, location_id), 0)) if safety else 0
    return max(own, policy.safety_stock) if policy else own
