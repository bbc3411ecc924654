"""The quick way to a figure: whole numbers, no objects, for the great many cases in which nothing is special.

Plain means: every location of the pool is known, nothing is set aside, nobody is owed more than his place
has, and nothing is sold ahead. Then the formula of domain.availability is a few sums, and this module comes
to the same figure with the same terms, in millionths (tests/availability/test_plain.py holds both against
each other over random landscapes). For everything else it answers None, and the domain decides.

Does not read, save or compare with what was before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inventory_sync.availability.micro import MICRO
from inventory_sync.availability.ports import WHOLE, Channel, PolicyFacts, Recipe
from inventory_sync.availability.steps import amount_of
from inventory_sync.availability.terms import Terms, safety_stock

# net: on hand less all that is held back or owed, without safety stock
# (net, on hand, unavailable, reserved, unassigned, owed, version)
Place = tuple[int, int, int, int, int, int, int | None]
Pool = tuple[tuple[int, str], ...]  # (location id, code) in the order of the codes
Best = tuple[int, str, str]  # (kits in millionths, the location's code, the scarcest component's SKU)
Part = tuple[int, str, int, PolicyFacts | None, int]  # (item, SKU, per kit, its policy, what its pool has)
NO_POLICY = PolicyFacts(0, None)


class Plain:
    """The plain figures of one batch."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._landscape = terms.landscape
        self._safe = bool(terms.landscape.safety)
        self._nets: dict[int, dict[int, Place] | None] = {}
        places = terms.landscape.places
        self._pools: dict[int, Pool] = {
            key: tuple(sorted(((at, places[at].code) for at in each.sells_from), key=lambda one: one[1]))
            for key, each in terms.landscape.channels.items()
        }
        self._stale = {key for key, place in places.items() if place.stale}
        self._complete = {key for key, place in places.items() if place.complete}

    def item(self, channel: Channel, item_id: int, policy: PolicyFacts | None) -> tuple[int, int] | None:
        """Return the figure of a stocked item, None if the case is not plain."""
        if item_id in self._landscape.set_aside or (policy is not None and policy.preorder_allowance):
            return None
        pool = self._pools[channel.connection_id]
        total = self._free(pool, item_id, policy)
        if total is None:
            return None
        pack = MICRO if self._terms.items[item_id].whole else 1
        return apply_policy(total, policy or NO_POLICY, pack), total

    def item_terms(
        self, channel: Channel, item_id: int, policy: PolicyFacts | None, total: int
    ) -> list[list[Any]]:
        """Return the terms of a figure that `item` found."""
        rows = self._location_terms(self._pools[channel.connection_id], item_id, policy, "")
        pack = MICRO if self._terms.items[item_id].whole else 1
        apply_policy(total, policy or NO_POLICY, pack, rows)
        return rows

    def kit(
        self, channel: Channel, kit_id: int, recipe: Recipe, policy: PolicyFacts | None
    ) -> tuple[int, Best] | None:
        """Return the figure of a kit, None if the case is not plain: of any of its components either."""
        aside = self._landscape.set_aside
        if kit_id in aside or (policy is not None and policy.preorder_allowance):
            return None
        pool = self._pools[channel.connection_id]
        items, landscape = self._terms.items, self._landscape
        parts = []
        for item_id, per_kit in recipe.components:
            if item_id in aside or items[item_id].is_kit:
                return None
            own = landscape.policy(channel.connection_id, item_id)
            total = self._free(pool, item_id, own)
            if total is None:
                return None
            parts.append((item_id, items[item_id].sku, per_kit, own, total))
        if not parts:
            return None
        best = self._pooled(parts) if recipe.pooled else self._best(pool, parts)
        pack = MICRO if items[kit_id].whole else 1
        return apply_policy(best[0], policy or NO_POLICY, pack), best

    def kit_terms(
        self,
        channel: Channel,
        kit_id: int,
        recipe: Recipe,
        policy: PolicyFacts | None,
        best: Best,
    ) -> tuple[list[list[Any]], list[list[Any]]]:
        """Return the terms of a figure that `kit` found, and their basis."""
        total, place, scarcest = best
        pool = self._pools[channel.connection_id]
        rows: list[list[Any]] = [
            ["kits_pooled" if recipe.pooled else "kits_at", amount_of(total), place, scarcest]
        ]
        pack = MICRO if self._terms.items[kit_id].whole else 1
        apply_policy(total, policy or NO_POLICY, pack, rows)
        basis: list[list[Any]] = []
        for item_id, _ in recipe.components:
            own = self._landscape.policy(channel.connection_id, item_id)
            basis += self._location_terms(pool, item_id, own, self._terms.items[item_id].sku)
        return rows, basis

    def _best(self, pool: Pool, parts: Sequence[Part]) -> Best:
        """Return the kits of the best location, where it is, and the scarcest component there."""
        best = (-1, "", "")
        for location_id, code in pool:
            kits, scarcest = min(
                (max(0, self._left(item_id, location_id, own)) // per_kit, sku)
                for item_id, sku, per_kit, own, _ in parts
            )
            if kits > best[0]:
                best = (kits, code, scarcest)
        return best[0] * MICRO, best[1], best[2]

    @staticmethod
    def _pooled(
        parts: Sequence[Part],
    ) -> Best:
        kits, scarcest = min((total // per_kit, sku) for _, sku, per_kit, _, total in parts)
        return kits * MICRO, "", scarcest

    def _left(self, item_id: int, location_id: int, policy: PolicyFacts | None) -> int:
        nets = self._nets[item_id]
        assert nets is not None
        return nets[location_id][0] - self._safety(policy, item_id, location_id)

    def _safety(self, policy: PolicyFacts | None, item_id: int, location_id: int) -> int:
        if self._safe:
            return safety_stock(self._landscape, policy, item_id, location_id)
        return policy.safety_stock if policy else 0

    def _free(self, pool: Pool, item_id: int, policy: PolicyFacts | None) -> int | None:
        """Return Σ max(0, free) of the pool; None when a place is unknown, or owes more than it has."""
        if item_id not in self._nets:
            self._nets[item_id] = self._read(item_id)
        nets = self._nets[item_id]
        if nets is None:
            return None
        total = 0
        safety = policy.safety_stock if policy else 0
        for location_id, _ in pool:
            here = nets.get(location_id)
            if here is None:
                told = location_id in self._terms.levels[item_id]
                if told or location_id not in self._complete or location_id in self._stale:
                    return None  # what it told is in doubt, or nothing was told
                here = nets[location_id] = (0, 0, 0, 0, 0, 0, None)
            if self._safe:
                safety = safety_stock(self._landscape, policy, item_id, location_id)
            if here[0] > safety:
                total += here[0] - safety
        if item_id in self._terms.demand:
            for location_id in self._terms.demand[item_id]:
                if nets[location_id][0] < self._safety(policy, item_id, location_id):
                    return None
        return total

    def _read(self, item_id: int) -> dict[int, Place] | None:
        """Return what is left of the item at each place; None if a place that owes some is not known."""
        nets: dict[int, Place] = {}
        demand = self._terms.demand.get(item_id)
        stale = self._stale
        for level in self._terms.levels[item_id].values():
            _, location_id, on_hand, known, unavailable, reserved, unassigned, _, version = level
            if not known or location_id in stale:
                continue
            owed = 0
            if demand and location_id in demand:
                owed = sum([each[3] for each in demand[location_id]])
            net = on_hand - unavailable - reserved - unassigned - owed
            nets[location_id] = (net, on_hand, unavailable, reserved, unassigned, owed, version)
        if demand and not demand.keys() <= nets.keys():
            return None
        return nets

    def _location_terms(
        self, pool: Pool, item_id: int, policy: PolicyFacts | None, component: str
    ) -> list[list[Any]]:
        nets = self._nets[item_id]
        assert nets is not None
        rows: list[list[Any]] = []
        tail = [component] if component else []
        for location_id, code in pool:
            net, on_hand, unavailable, reserved, unassigned, owed, version = nets[location_id]
            row = ["on_hand", amount_of(on_hand), code]
            if version is not None:
                row += [component, version]
            else:
                row += tail
            rows.append(row)
            if unavailable:
                rows.append(["unavailable", amount_of(-unavailable), code, *tail])
            if reserved:
                rows.append(["reserved_by_authority", amount_of(-reserved), code, *tail])
            if unassigned:
                rows.append(["unassigned_at_authority", amount_of(-unassigned), code, *tail])
            if owed:
                rows.append(["open_demand", amount_of(-owed), code, *tail])
            if safety := self._safety(policy, item_id, location_id):
                rows.append(["safety_stock", amount_of(-safety), code, *tail])
            if net < safety:
                rows.append(["floored_at_zero", amount_of(safety - net), code, *tail])
        return rows


def apply_policy(total: int, policy: PolicyFacts, pack: int, rows: list[list[Any]] | None = None) -> int:
    """Return the figure of a pool's sum, as domain.availability does; adds the terms to rows if given."""
    figure = total
    if policy.share != WHOLE:
        figure = figure * policy.share // WHOLE
        if rows is not None and figure != total:
            rows.append(["share", amount_of(figure - total)])
    percent = -(-max(0, figure) * policy.buffer_percent // WHOLE)
    buffer, name = (percent, "buffer_percent") if percent > policy.buffer else (policy.buffer, "buffer")
    if buffer:
        figure -= buffer
        if rows is not None:
            rows.append([name, amount_of(-buffer)])
    if policy.backorder_allowance:
        figure += policy.backorder_allowance
        if rows is not None:
            rows.append(["backorder_allowance", amount_of(policy.backorder_allowance)])
    if figure < 0:
        if rows is not None:
            rows.append(["clamped_at_zero", amount_of(-figure)])
        figure = 0
    cap = policy.cap
    if cap is not None and figure > cap:
        if rows is not None:
            rows.append(["cap", amount_of(cap - figure)])
        figure = cap
    if remainder := figure % (policy.pack or pack):
        figure -= remainder
        if rows is not None:
            rows.append(["pack_remainder", amount_of(-remainder)])
    if figure < policy.threshold:
        if rows is not None and figure:
            rows.append(["below_threshold", amount_of(-figure)])
        figure = 0
    return figure
