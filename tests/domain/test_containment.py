"""What is promised stays subtracted until a figure contains it, wherever the authority took it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.containment import (
    Allocation,
    Confirmation,
    contained,
    contained_in_one_call,
    follow_authority,
    open_quantity,
    resize,
)

small = st.integers(0, 5).map(Decimal)
allocations = st.lists(
    st.builds(Allocation, st.just("mug"), st.sampled_from(["W1", "W2", "W3"]), small, small),
    max_size=3,
    unique_by=lambda a: a.location,
)


def total(parts, name: str) -> Decimal:
    return sum((getattr(part, name) for part in parts), Decimal(0))


@pytest.mark.parametrize(
    ("why", "before", "after", "held"),
    [
        ("nothing yet", (0, 0, "v1"), (0, 0, "v1"), 0),
        ("assigned throughout", (2, 0, "v1"), (2, 0, "v1"), 2),
        ("assigned and delivered count together", (1, 1, "v1"), (1, 1, "v1"), 2),
        ("assigned only after the reading", (0, 0, "v1"), (2, 0, "v2"), 0),
        ("unassigned meanwhile", (2, 0, "v1"), (0, 0, "v2"), 0),
        ("unassigned meanwhile, unnoticed by the version", (2, 0, "v1"), (0, 0, "v1"), 0),
        ("assigned meanwhile, unnoticed by the version", (0, 0, "v1"), (2, 0, "v1"), 0),
        ("unassigned and assigned again meanwhile", (2, 0, "v1"), (2, 0, "v3"), 0),
        ("delivered meanwhile: not surely held", (2, 0, "v1"), (0, 2, "v2"), 0),
        ("the part delivered before is held even if the rest moved", (1, 1, "v1"), (0, 1, "v2"), 1),
    ],
)
def test_what_two_confirmations_prove_a_reading_held(why, before, after, held):
    one = Confirmation(Decimal(before[0]), Decimal(before[1]), before[2])
    other = Confirmation(Decimal(after[0]), Decimal(after[1]), after[2])

    assert contained(one, other) == held


def test_one_consistent_call_needs_no_confirmations():
    assert contained_in_one_call(Decimal(2), Decimal(1)) == 3


def test_more_contained_than_demanded_frees_nothing():
    assert open_quantity(Decimal(2), Decimal(5)) == 0
    assert open_quantity(Decimal(5), Decimal(2)) == 3


@given(parts=allocations)
def test_demand_follows_the_authority_and_none_is_lost(parts):
    moved = follow_authority(parts)

    assert total(moved, "demand") == total(parts, "demand")
    assert total(moved, "open") == max(0, total(parts, "demand") - total(parts, "contained"))
    assert [a.location for a in moved] == [a.location for a in parts]


def test_a_shipment_from_another_place_takes_the_promise_along():
    routed = Allocation("mug", "W1", Decimal(2))
    shipped = Allocation("mug", "W2", Decimal(0), contained=Decimal(2), delivered=Decimal(2))

    at_w1, at_w2 = follow_authority([routed, shipped])

    assert (at_w1.open, at_w2.demand, at_w2.open) == (0, 2, 0)


@given(parts=allocations, demand=st.integers(0, 12).map(Decimal))
def test_a_changed_demand_moves_by_the_difference_only(parts, demand):
    resized, to_route = resize(parts, demand)

    assert total(resized, "demand") + to_route == demand
    assert all(part.demand >= 0 for part in resized)
    if demand >= total(parts, "demand"):
        assert resized == tuple(parts)


def test_lowering_a_demand_gives_up_what_is_open_before_what_the_books_hold():
    held = Allocation("mug", "W1", Decimal(2), contained=Decimal(2))
    open_part = Allocation("mug", "W2", Decimal(2))

    resized, _ = resize([open_part, held], Decimal(2))

    assert [part.demand for part in resized] == [0, 2]
