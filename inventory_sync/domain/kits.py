"""What one channel may sell of a kit: the scarcest component decides, at one location or pooled.

A kit's components ship together, so by default the figure is that of the best single location; a kit that may
be gathered from several is declared pooled. A component's movable shortage and other channels' allotments are
taken off before the minimum: a promise made elsewhere eats components, not kits.

Quantities of a component are in its own base unit, the result is in whole kits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from functools import cache

from inventory_sync.domain.availability import (
    ONE,
    Allotment,
    Availability,
    LocationTerms,
    PolicyTerms,
    PoolSum,
    Term,
    Verdict,
    free,
    settle_figure,
    sum_pool,
)
from inventory_sync.domain.reports import ZERO
from inventory_sync.domain.units import floor_to_pack


@dataclass(frozen=True, slots=True)
class KitComponent:
    """One component: how many base units one kit takes, and its own terms and allotments."""

    item: str
    per_kit: Decimal
    locations: tuple[LocationTerms, ...]
    allotments: tuple[Allotment, ...] = ()

    def __post_init__(self) -> None:
        if self.per_kit <= 0:
            raise ValueError("a kit takes a positive quantity of each component")


def available_kits(
    components: Sequence[KitComponent],
    policy: PolicyTerms,
    *,
    pool: frozenset[str],
    pooled: bool = False,
    channel: str = "",
    allotments: Sequence[Allotment] = (),
    last_published: Decimal | None = None,
    missing: Sequence[str] = (),
    expected: Decimal = ZERO,
) -> Availability:
    """Return what one channel may show for a kit, in whole kits; allotments here are of the kit itself.

    expected: kits that can be made of what is to come in, for pre-orders (expected_kits).

    An unknown component at a location of the pool makes the kit unknown, by the same fallbacks as an item.
    A kit without components is unknown: its recipe is missing.
    """
    if not components:
        return Availability(None, Verdict.UNKNOWN, ("recipe", *missing))

    @cache
    def sum_at(shrink_to: Decimal) -> PoolSum:
        sums = {
            each.item: sum_pool(
                each.locations, pool=pool, channel=channel, allotments=each.allotments, shrink_to=shrink_to
            )
            for each in components
        }
        build = _pooled if pooled else _best_location
        step = build(components, sums, pool, shrink_to)
        steps = [step] + [
            Term(f"allotted:{each.channel}", -each.unconsumed)
            for each in allotments
            if each.channel != channel and each.unconsumed and each.concerns(pool)
        ]
        own = sum((each.unconsumed for each in allotments if each.channel == channel), ZERO)
        missing_kits = max(sums[each.item].unmovable_shortage / each.per_kit for each in components)
        return PoolSum(
            total=sum((each.amount for each in steps), ZERO),
            steps=tuple(steps),
            unknown=tuple(f"{each.item}@{place}" for each in components for place in sums[each.item].unknown),
            has_basis=all(sums[each.item].has_basis for each in components),
            unmovable_shortage=missing_kits.to_integral_value(ROUND_CEILING),
            own_allotment=own,
        )

    unseen = [
        f"{each.item}@{place}"
        for each in components
        for place in sorted(pool - {terms.location for terms in each.locations})
    ]
    basis = tuple(
        replace(step, component=each.item)
        for each in components
        for step in sum_pool(each.locations, pool=pool, channel=channel, allotments=each.allotments).steps
    )
    unknown = (*missing, *unseen, *sum_at(ONE).unknown)
    return settle_figure(
        sum_at, policy, unknown=unknown, last_published=last_published, basis=basis, expected=expected
    )


def expected_kits(components: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    """Return the whole kits that (expected quantity, quantity per kit) of each component make."""
    return min((_whole(quantity, per_kit) for quantity, per_kit in components), default=ZERO)


def _pooled(
    components: Sequence[KitComponent], sums: dict[str, PoolSum], pool: frozenset[str], shrink_to: Decimal
) -> Term:
    kits, scarcest = min((_whole(sums[each.item].total, each.per_kit), each.item) for each in components)
    return Term("kits_pooled", kits, component=scarcest)


def _best_location(
    components: Sequence[KitComponent], sums: dict[str, PoolSum], pool: frozenset[str], shrink_to: Decimal
) -> Term:
    taken = {
        each.item: -sum((step.amount for step in sums[each.item].steps if _is_promise(step)), ZERO)
        for each in components
    }
    best = Term("kits_at", ZERO)
    for place in sorted(pool):
        here = [(each, terms) for each in components for terms in each.locations if terms.location == place]
        if {each.item for each, _ in here} != {each.item for each in components}:
            continue
        kits, scarcest = min(
            (_whole(max(ZERO, free(terms, shrink_to=shrink_to)) - taken[each.item], each.per_kit), each.item)
            for each, terms in here
        )
        if not best.location or kits > best.amount:
            best = Term("kits_at", kits, place, scarcest)
    return best


PROMISES = ("movable_shortage", "chained_shortage", "unserved_shortage")


def _is_promise(step: Term) -> bool:
    """Say whether a step takes off what was promised elsewhere, wherever it would be taken from."""
    return step.name in PROMISES or step.name.startswith("allotted:")


def _whole(quantity: Decimal, per_kit: Decimal) -> Decimal:
    return floor_to_pack(max(ZERO, quantity), per_kit) / per_kit
