"""All lines of an order are routed in one decision, against what is free, never twice over."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.routing import NoLocation, Part, ReserveMode, Want, reserve
from tests.domain.oracles import can_all_be_served

PLACES = ("W1", "W2", "W3")


def want(line: str, item: str, quantity: int | str, *ranking: str, per_unit: int = 1) -> Want:
    return Want(line, Decimal(quantity), (Part(item, Decimal(per_unit)),), ranking or PLACES)


def kit(line: str, quantity: int, *ranking: str, **parts: int) -> Want:
    components = tuple(Part(item, Decimal(n)) for item, n in parts.items())
    return Want(line, Decimal(quantity), components, ranking or PLACES)


def stock(**levels: dict[str, int]) -> dict[tuple[str, str], Decimal]:
    return {(item, place): Decimal(q) for item, places in levels.items() for place, q in places.items()}


def routed(reserved) -> dict[tuple[str, str, str], Decimal]:
    return {(p.line, p.item, p.location): p.quantity for p in reserved.placements}


rankings = st.permutations(PLACES).flatmap(lambda p: st.integers(1, 3).map(lambda n: tuple(p[:n])))
plain_orders = st.lists(st.tuples(st.sampled_from(["mug", "cap"]), st.integers(1, 4), rankings), max_size=4)
free_stock = st.dictionaries(
    st.tuples(st.sampled_from(["mug", "cap"]), st.sampled_from(PLACES)), st.integers(-2, 5).map(Decimal)
)


def wants_of(order) -> list[Want]:
    return [want(f"line{n}", item, quantity, *ranks) for n, (item, quantity, ranks) in enumerate(order)]


@given(order=plain_orders, free=free_stock)
def test_an_order_of_plain_lines_is_refused_only_if_it_cannot_be_served(order, free):
    reserved = reserve(wants_of(order), free, ReserveMode.ALL_OR_NOTHING)

    feasible = all(
        can_all_be_served(
            [(Decimal(q), frozenset(ranks)) for i, q, ranks in order if i == item],
            {place: quantity for (i, place), quantity in free.items() if i == item},
        )
        for item in ("mug", "cap")
    )
    assert (not reserved.rejected) == feasible
    assert bool(reserved.placements) == (feasible and bool(order))


@given(order=plain_orders, free=free_stock, kits=st.integers(0, 3))
@pytest.mark.parametrize("mode", [ReserveMode.ALL_OR_NOTHING, ReserveMode.PARTIAL])
def test_a_request_never_takes_more_than_is_free(mode, order, free, kits):
    wants = [*wants_of(order), kit("kit", kits, mug=2, cap=1)]

    reserved = reserve(wants, free, mode)

    taken: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for placement in reserved.placements:
        taken[placement.item, placement.location] += placement.quantity
    assert all(quantity <= max(0, free.get(place, Decimal(0))) for place, quantity in taken.items())


@given(order=plain_orders, free=free_stock, kits=st.integers(0, 3))
def test_what_a_shop_sold_is_recorded_whole_at_places_it_may_come_from(order, free, kits):
    wants = [*wants_of(order), kit("kit", kits, mug=2, cap=1)]

    reserved = reserve(wants, free, ReserveMode.RECORD)

    placed: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for placement in reserved.placements:
        placed[placement.line, placement.item] += placement.quantity
    asked = {(w.line, p.item): w.quantity * p.per_unit for w in wants for p in w.parts if w.quantity}
    assert placed == asked
    ranking = {w.line: set(w.ranking) for w in wants}
    assert all(p.location in ranking[p.line] for p in reserved.placements)
    assert not reserved.rejected


@given(order=plain_orders, free=free_stock)
def test_routing_does_not_depend_on_the_order_in_which_stock_is_listed(order, free):
    backwards = dict(reversed(free.items()))

    for mode in ReserveMode:
        assert reserve(wants_of(order), free, mode) == reserve(wants_of(order), backwards, mode)


def test_the_same_item_in_two_lines_is_checked_per_order_not_per_line():
    wants = [want("a", "mug", 3), want("b", "mug", 3)]
    free = stock(mug={"W1": 5})

    refused = reserve(wants, free, ReserveMode.ALL_OR_NOTHING)
    partly = reserve(wants, free, ReserveMode.PARTIAL)

    assert refused.rejected == ("a", "b")
    assert refused.placements == ()
    assert routed(partly) == {("a", "mug", "W1"): 3, ("b", "mug", "W1"): 2}
    assert partly.rejected == ("b",)
    assert partly.short == {"b": 1}


def test_one_location_serves_the_whole_order_where_it_can():
    wants = [want("a", "mug", 1), want("b", "cap", 1)]
    free = stock(mug={"W1": 5, "W2": 1}, cap={"W2": 1})

    assert routed(reserve(wants, free, ReserveMode.RECORD)) == {("a", "mug", "W2"): 1, ("b", "cap", "W2"): 1}


def test_a_line_is_split_only_when_no_location_holds_it_whole():
    free = stock(mug={"W1": 2, "W2": 3})

    assert routed(reserve([want("a", "mug", 3)], free, ReserveMode.RECORD)) == {("a", "mug", "W2"): 3}
    assert routed(reserve([want("a", "mug", 4)], free, ReserveMode.RECORD)) == {
        ("a", "mug", "W1"): 2,
        ("a", "mug", "W2"): 2,
    }


def test_a_line_gives_way_to_one_that_has_no_other_place():
    wants = [want("a", "mug", 2, "W1", "W2"), want("b", "mug", 2, "W1")]

    reserved = reserve(wants, stock(mug={"W1": 2, "W2": 2}), ReserveMode.ALL_OR_NOTHING)

    assert routed(reserved) == {("a", "mug", "W2"): 2, ("b", "mug", "W1"): 2}


def test_what_nothing_has_in_stock_goes_below_zero_at_the_best_ranked_location():
    reserved = reserve([want("a", "mug", 2, "W2", "W1")], {}, ReserveMode.RECORD)

    assert routed(reserved) == {("a", "mug", "W2"): 2}
    assert reserved.short == {"a": 2}


def test_the_components_of_a_kit_stand_at_one_location():
    free = stock(mug={"W1": 9, "W2": 2}, cap={"W2": 1, "W3": 9})

    assert routed(reserve([kit("k", 1, mug=2, cap=1)], free, ReserveMode.RECORD)) == {
        ("k", "mug", "W2"): 2,
        ("k", "cap", "W2"): 1,
    }


def test_a_pack_is_never_torn_between_locations():
    sixpacks = want("a", "mug", 2, per_unit=6)
    free = stock(mug={"W1": 7, "W2": 6})

    reserved = reserve([sixpacks], free, ReserveMode.RECORD)

    assert routed(reserved) == {("a", "mug", "W1"): 6, ("a", "mug", "W2"): 6}


def test_a_line_without_a_location_is_an_error_not_an_unrouted_line():
    with pytest.raises(NoLocation):
        reserve([Want("a", Decimal(1), (Part("mug"),), ())], {}, ReserveMode.RECORD)
