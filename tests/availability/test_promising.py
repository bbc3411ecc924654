"""What can be promised for later, and sold ahead, in memory; the arithmetic is the domain's."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from inventory_sync.availability.micro import to_micro
from inventory_sync.availability.ports import Expected
from inventory_sync.availability.promising import Promised, promise_for
from tests.availability.worlds import NOON, MemoryWorld, recompute_all


@pytest.fixture
def world() -> MemoryWorld:
    """Three mugs and nine lids at W1, five mugs due in two days; a set of one each."""
    world = MemoryWorld()
    world.location("W1")
    world.location("W2")
    world.channel("shop", sells=["W1"])
    for sku, on_hand in (("MUG", 3), ("LID", 9)):
        world.item(sku)
        world.level(sku, "W1", on_hand)
        world.offer("shop", sku)
    world.kit("SET", {"MUG": 1, "LID": 1})
    world.offer("shop", "SET")
    expect(world, "MUG", 5, days=2)
    world.mark("MUG")
    return world


def expect(world: MemoryWorld, sku: str, quantity: int, *, days: int, place: str = "W1") -> None:
    due = NOON + timedelta(days=days)
    row = Expected(world._item(sku), world._location(place), to_micro(quantity), due)
    world.tables.expected.append(row)


def promised(world: MemoryWorld, sku: str, days: int) -> Promised:
    with world.transaction() as store:
        shop, item = world._channel("shop"), world._item(sku)
        found = promise_for(shop, item, NOON + timedelta(days=days), store=store, now=NOON)
    assert found is not None
    return found


@pytest.mark.parametrize(("days", "mugs", "sets"), [(0, 3, 3), (1, 3, 3), (2, 8, 8), (9, 8, 8)])
def test_an_arrival_counts_from_its_day_on_for_items_and_kits(world, days, mugs, sets):
    assert promised(world, "MUG", days).figure == mugs
    assert promised(world, "SET", days).figure == sets


def test_the_steps_of_a_promise_add_up_and_name_the_arrival(world):
    found = promised(world, "MUG", 3)

    assert sum(Decimal(step["quantity"]) for step in found.steps) == found.figure == 8
    assert [step["name"] for step in found.steps] == ["on_hand", "incoming"]


def test_the_policy_applies_to_what_is_promised_too(world):
    world.policy("shop", buffer=1, cap=6)

    assert [promised(world, "MUG", days).figure for days in (0, 3)] == [2, 6]


def test_what_was_sold_is_not_promised_again(world):
    world.promise("shop", "MUG", "W1", 4)

    assert [promised(world, "MUG", days).figure for days in (0, 3)] == [0, 4]


def test_what_comes_in_elsewhere_promises_nothing_here(world):
    expect(world, "MUG", 9, days=1, place="W2")

    assert promised(world, "MUG", 1).figure == 3


def test_without_a_level_nothing_is_promised(world):
    world.item("CAP")
    world.offer("shop", "CAP")
    expect(world, "CAP", 9, days=1)

    assert (promised(world, "CAP", 3).figure, promised(world, "CAP", 3).unknown) == (None, ("W1",))


@pytest.mark.parametrize(
    ("why", "policy", "figure"),
    [
        ("nothing declared", {}, 3),
        ("inside the days", {"preorder_allowance": 4, "preorder_days": 2}, 7),
        ("not more than is due", {"preorder_allowance": 9, "preorder_days": 2}, 8),
        ("due too late", {"preorder_allowance": 4, "preorder_days": 1}, 3),
    ],
)
def test_what_comes_in_is_sold_ahead_only_as_declared(world, why, policy, figure):
    if policy:
        world.policy("shop", **policy)

    recompute_all(world)

    assert world.shown("shop", "MUG").figure == figure, why


def test_a_kit_is_sold_ahead_only_as_far_as_each_of_its_components_comes_in(world):
    world.policy("shop", preorder_allowance=9, preorder_days=7)
    recompute_all(world)
    assert world.shown("shop", "SET").figure == 3

    expect(world, "LID", 2, days=5)
    world.mark("LID")
    recompute_all(world)

    assert world.shown("shop", "SET").figure == 5
