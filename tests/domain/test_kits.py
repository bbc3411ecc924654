"""What a channel may sell of a kit: the scarcest component, at one location or pooled."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.availability import LocationTerms
from inventory_sync.domain.kits import KitComponent, available_kits
from tests.domain.test_availability import ONLY_W1, PLAIN, POOL, at, places, policies, pools


def part(item: str, per_kit: int, *locations: LocationTerms) -> KitComponent:
    return KitComponent(item, Decimal(per_kit), locations)


def test_a_kit_is_the_best_single_locations_scarcest_component():
    mugs = part("mug", 2, at("W1", 8), at("W2", 9))
    caps = part("cap", 1, at("W1", 3), at("W2", 1))

    answer = available_kits([mugs, caps], PLAIN, pool=POOL)

    assert answer.figure == 3
    assert (answer.steps[0].location, answer.steps[0].component) == ("W1", "cap")


def test_a_pooled_kit_is_gathered_from_everywhere():
    mugs = part("mug", 2, at("W1", 8), at("W2", 9))
    caps = part("cap", 1, at("W1", 3), at("W2", 1))

    assert available_kits([mugs, caps], PLAIN, pool=POOL, pooled=True).figure == 4


def test_a_components_shortage_is_taken_before_the_minimum():
    mugs = part("mug", 1, at("W1", 5), at("W2", 0, (2, POOL)))
    caps = part("cap", 1, at("W1", 9), at("W2", 0))

    assert available_kits([mugs, caps], PLAIN, pool=POOL).figure == 3
    assert available_kits([mugs, caps], PLAIN, pool=POOL, pooled=True).figure == 3


def test_an_unknown_component_makes_the_kit_unknown_and_never_zero():
    mugs = part("mug", 1, at("W1", 5))
    caps = part("cap", 1, at("W1", None))

    answer = available_kits([mugs, caps], PLAIN, pool=ONLY_W1, last_published=Decimal(3))

    assert (answer.figure, answer.unknown) == (None, ("cap@W1",))
    assert available_kits([], PLAIN, pool=ONLY_W1).figure is None


def test_a_components_shortage_reaches_the_kit_along_a_chain_too():
    a_pool, b_pool = frozenset({"W1", "W2"}), frozenset({"W2", "W3"})
    mugs = part("mug", 1, at("W1", 0, (2, a_pool)), at("W2", 2, (2, b_pool)), at("W3", 5))
    caps = part("cap", 1, at("W3", 9))

    for pooled in (False, True):
        assert available_kits([mugs, caps], PLAIN, pool=frozenset({"W3"}), pooled=pooled).figure == 3


@given(mugs=places(), caps=places(), policy=policies, pooled=st.booleans(), pool=pools)
def test_the_terms_of_a_kit_add_up_to_its_figure(mugs, caps, policy, pooled, pool):
    components = [part("mug", 2, *mugs), part("cap", 1, *caps)]

    answer = available_kits(components, policy, pool=pool, pooled=pooled)

    assert answer.figure == sum(step.amount for step in answer.steps)
