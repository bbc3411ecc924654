"""Figures of random little worlds against oracles that share no code with them, in memory.

The first oracle is the sentence of the rules, added up by hand; the second asks by Hall's condition whether
everything that may still be sold can be served together with everything that was.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from itertools import combinations
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.availability.worlds import MemoryWorld, recompute_all
from tests.domain.oracles import can_all_be_served

PLACES = ("W1", "W2", "W3")
SHOPS = ("east", "west")
pools = st.sets(st.sampled_from(PLACES), min_size=1).map(frozenset)
small = st.integers(0, 8)
repeatable = settings(max_examples=120, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def worlds(draw: st.DrawFn, with_policies: bool = True) -> tuple[MemoryWorld, dict[str, Any]]:
    """A mug and a lid at three places, sold by two shops; every line stands at a place of its shop's pool."""
    world = MemoryWorld()
    facts: dict[str, Any] = {"stock": {}, "lines": [], "pool": {}, "policy": {}}
    for sku in ("MUG", "LID"):
        world.item(sku)
    world.kit("SET", {"MUG": 2, "LID": 1})
    for place in PLACES:
        world.location(place)
    for shop in SHOPS:
        facts["pool"][shop] = draw(pools)
        world.channel(shop, sells=facts["pool"][shop])
        for sku in ("MUG", "LID", "SET"):
            world.offer(shop, sku)
        if with_policies and draw(st.booleans()):
            facts["policy"][shop] = draw(
                st.fixed_dictionaries(
                    {
                        "share_percent": st.sampled_from([0, 25, 50, 100]),
                        "buffer": st.integers(0, 3),
                        "threshold": st.integers(0, 3),
                    },
                    optional={"cap": st.integers(0, 6)},
                )
            )
            world.policy(shop, **facts["policy"][shop])
    for sku in ("MUG", "LID"):
        for place in PLACES:
            facts["stock"][sku, place] = draw(small)
            world.level(sku, place, facts["stock"][sku, place])
        world.mark(sku)
    for _ in range(draw(st.integers(0, 4))):
        shop = draw(st.sampled_from(SHOPS))
        line = (
            shop,
            draw(st.sampled_from(["MUG", "LID"])),
            draw(st.sampled_from(sorted(facts["pool"][shop]))),
            draw(st.integers(1, 6)),
        )
        facts["lines"].append(line)
        world.promise(*line)
    return world, facts


def free_of(facts: dict[str, Any], sku: str, place: str) -> int:
    owed = sum(quantity for _, item, where, quantity in facts["lines"] if (item, where) == (sku, place))
    return facts["stock"][sku, place] - owed


def taken(facts: dict[str, Any], shop: str, sku: str) -> int:
    """What the shop's pool has free by itself and still cannot add to all that is promised: by every cut."""
    pool = facts["pool"][shop]
    lines = [
        (facts["pool"][seller] | {where}, quantity)
        for seller, item, where, quantity in facts["lines"]
        if item == sku
    ]

    def cut(inside: frozenset[str]) -> int:
        owed = sum(quantity for places, quantity in lines if not places <= inside)
        return sum(facts["stock"][sku, place] for place in inside) + owed

    every = [frozenset(some) for size in range(4) for some in combinations(PLACES, size)]
    left = min(cut(inside) for inside in every if pool <= inside) - min(map(cut, every))
    return max(0, sum(max(0, free_of(facts, sku, place)) for place in pool) - left)


def after_policy(policy: dict[str, int], pool_sum: int) -> int:
    figure = Decimal(pool_sum) * policy.get("share_percent", 100) / 100 - policy.get("buffer", 0)
    figure = max(Decimal(0), figure)
    if "cap" in policy:
        figure = min(figure, Decimal(policy["cap"]))
    whole = int(figure.to_integral_value(ROUND_FLOOR))
    return whole if whole >= policy.get("threshold", 0) else 0


@repeatable
@given(worlds())
def test_every_figure_is_the_rule_added_up_by_hand(given_world):
    world, facts = given_world

    recompute_all(world)

    for shop in SHOPS:
        pool, policy = facts["pool"][shop], facts["policy"].get(shop, {})
        for sku in ("MUG", "LID"):
            free = sum(max(0, free_of(facts, sku, place)) for place in pool)
            assert world.shown(shop, sku).figure == after_policy(policy, free - taken(facts, shop, sku))
        kits = max(
            min(
                max(0, max(0, free_of(facts, sku, place)) - taken(facts, shop, sku)) // per_kit
                for sku, per_kit in (("MUG", 2), ("LID", 1))
            )
            for place in pool
        )
        assert world.shown(shop, "SET").figure == after_policy(policy, kits)


@repeatable
@given(worlds())
def test_the_terms_of_every_figure_add_up_to_it(given_world):
    world, _ = given_world

    recompute_all(world)

    for shop in SHOPS:
        for sku in ("MUG", "LID", "SET"):
            shown = world.shown(shop, sku)
            assert shown.sum_of_terms == shown.figure


@repeatable
@given(worlds(with_policies=False), st.sampled_from(SHOPS))
def test_what_a_shop_shows_can_be_served_with_all_that_was_sold_before(given_world, shop):
    """Only where what was sold could be served at all: what cannot be, no figure can mend."""
    world, facts = given_world

    recompute_all(world)

    for sku in ("MUG", "LID"):
        stock = {place: Decimal(facts["stock"][sku, place]) for place in PLACES}
        lines = [
            (Decimal(quantity), facts["pool"][seller])
            for seller, item, _, quantity in facts["lines"]
            if item == sku
        ]
        if can_all_be_served(lines, stock):
            figure = world.shown(shop, sku).figure
            assert can_all_be_served([*lines, (figure, facts["pool"][shop])], stock)


@repeatable
@given(worlds(), st.data())
def test_the_figures_do_not_depend_on_how_the_dirty_items_were_batched(given_world, data):
    world, _ = given_world
    recompute_all(world)
    once = {(shop, sku): world.shown(shop, sku).figure for shop in SHOPS for sku in ("MUG", "LID", "SET")}

    world.tables.figures.clear()
    for sku in data.draw(st.permutations(["MUG", "LID", "SET"])):
        world.mark(sku)
        recompute_all(world, limit=1)

    assert once == {key: world.shown(*key).figure for key in once}
