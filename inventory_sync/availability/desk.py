"""Work out one figure after another of a batch: the quick way where nothing is special, else by the domain.

Both ways come to the same figure and the same terms; only the time they take differs. Terms are made when
somebody wants them, which is seldom: most figures of a batch are what they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from inventory_sync.availability.micro import exact, maybe_exact, to_micro
from inventory_sync.availability.plain import Plain
from inventory_sync.availability.ports import Channel, PolicyFacts, Recipe, StoredFigure
from inventory_sync.availability.steps import compact
from inventory_sync.availability.terms import Terms
from inventory_sync.domain.availability import Availability, Verdict, available
from inventory_sync.domain.kits import KitComponent, available_kits, expected_kits
from inventory_sync.domain.reports import ZERO

Rows = Sequence[Sequence[Any]]
KNOWN = Verdict.KNOWN.value


class Worked(NamedTuple):
    """A figure worked out, beside the one that stands. terms: makes its terms and their basis."""

    connection_id: int
    item_id: int
    old: StoredFigure | None
    figure: int | None
    verdict: str
    unknown: tuple[str, ...]
    policy_version: int
    terms: Callable[[], tuple[Rows, Rows | None]]


class Desk:
    """The figures of one batch."""

    def __init__(self, terms: Terms, recipes: Mapping[int, Recipe]) -> None:
        self._terms = terms
        self._plain = Plain(terms)
        self._recipes = recipes

    def figure(
        self, channel: Channel, item_id: int, old: StoredFigure | None, *, mapped: bool, plainly: bool = True
    ) -> Worked:
        """Return what a channel may show of an item. plainly False: have the domain decide in any case."""
        policy = self._terms.policy(channel, item_id)
        version = policy.version if policy else 0
        plain = plainly and mapped and channel.sells_from
        if plain and (found := self._plainly(channel, item_id, policy)):
            return Worked(channel.connection_id, item_id, old, found[0], KNOWN, (), version, found[1])
        result = self._by_the_domain(channel, item_id, old, policy, mapped=mapped)
        figure = None if result.figure is None else to_micro(result.figure)
        return Worked(
            channel.connection_id,
            item_id,
            old,
            figure,
            result.verdict.value,
            result.unknown,
            version,
            lambda: self._compact(result, item_id),
        )

    def _plainly(
        self, channel: Channel, item_id: int, policy: PolicyFacts | None
    ) -> tuple[int, Callable[[], tuple[Rows, Rows | None]]] | None:
        plain = self._plain
        if not self._terms.items[item_id].is_kit:
            if (sold := plain.item(channel, item_id, policy)) is None:
                return None
            figure, total = sold
            return figure, lambda: (plain.item_terms(channel, item_id, policy, total), None)
        recipe = self._recipes.get(item_id)
        if recipe is None or (built := plain.kit(channel, item_id, recipe, policy)) is None:
            return None
        kits, best = built
        return kits, lambda: plain.kit_terms(channel, item_id, recipe, policy, best)

    def _by_the_domain(
        self,
        channel: Channel,
        item_id: int,
        old: StoredFigure | None,
        policy: PolicyFacts | None,
        *,
        mapped: bool,
    ) -> Availability:
        terms = self._terms
        missing = self._missing(channel, mapped=mapped)
        if terms.items[item_id].is_kit:
            return self._kit(channel, item_id, old, policy, missing)
        return available(
            terms.locations(channel, item_id),
            terms.policy_terms(channel, item_id),
            pool=terms.pool(channel),
            channel=channel.code,
            allotments=terms.allotments(item_id),
            last_published=maybe_exact(_shown(old)),
            missing=missing,
            expected=terms.expected(channel, item_id, policy),
        )

    def _kit(
        self,
        channel: Channel,
        kit_id: int,
        old: StoredFigure | None,
        policy: PolicyFacts | None,
        missing: Sequence[str],
    ) -> Availability:
        """Return what may be shown of a kit. A kit inside a kit is a recipe nobody wrote out: unknown."""
        terms = self._terms
        recipe = self._recipes.get(kit_id)
        parts = [(item_id, exact(per_kit)) for item_id, per_kit in recipe.components] if recipe else []
        nested = [f"recipe:{terms.items[item_id].sku}" for item_id, _ in parts if terms.items[item_id].is_kit]
        ahead = policy is not None and policy.preorder_allowance
        return available_kits(
            [
                KitComponent(
                    terms.items[item_id].sku,
                    per_kit,
                    terms.locations(channel, item_id),
                    terms.allotments(item_id),
                )
                for item_id, per_kit in parts
            ],
            terms.policy_terms(channel, kit_id),
            pool=terms.pool(channel),
            pooled=recipe.pooled if recipe else False,
            channel=channel.code,
            allotments=terms.allotments(kit_id),
            last_published=maybe_exact(_shown(old)),
            missing=(*missing, *nested),
            expected=expected_kits(
                [(terms.expected(channel, item_id, policy), per_kit) for item_id, per_kit in parts]
            )
            if ahead
            else ZERO,
        )

    def _missing(self, channel: Channel, *, mapped: bool) -> tuple[str, ...]:
        """Return what staff took away or never gave: without it a sum of nothing would look like none."""
        found = []
        if not mapped:
            found.append("mapping")
        if not self._terms.pool(channel):
            found.append("pool")
        return tuple(found)

    def _compact(self, result: Availability, item_id: int) -> tuple[Rows, Rows | None]:
        sku, version = self._terms.items[item_id].sku, self._terms.level_version
        basis = compact(result.basis, sku=sku, level_version=version)
        return compact(result.steps, sku=sku, level_version=version), basis or None


def _shown(old: StoredFigure | None) -> int | None:
    """Return what the channel was last owed; while nothing may be published it goes on showing that."""
    if old is None:
        return None
    return old.figure if old.figure is not None else old.last_known
