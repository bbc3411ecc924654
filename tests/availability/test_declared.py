"""What staff declare beyond a pool: set aside, kept back, too old, sold ahead; in both stores."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.availability.worlds import NOON, World, recompute_all


@pytest.fixture
def shop(world: World) -> World:
    """One mug in two warehouses, sold by one shop from both."""
    world.item("MUG")
    world.location("W1")
    world.location("W2")
    world.channel("shop", sells=["W1", "W2"])
    world.offer("shop", "MUG")
    world.level("MUG", "W1", 5)
    world.level("MUG", "W2", 3)
    world.mark("MUG", cause="delivery-1")
    return world


def test_what_is_set_aside_is_taken_off_others_until_its_channel_has_sold_it(shop: World):
    shop.channel("market", sells=["W1", "W2"])
    shop.offer("market", "MUG")
    shop.set_aside("market", "MUG", 3)
    recompute_all(shop)
    assert (shop.shown("shop", "MUG").figure, shop.shown("market", "MUG").figure) == (5, 8)
    assert shop.shown("shop", "MUG").term("allotted:market") == -3

    shop.promise("market", "MUG", "W1", 2)
    shop.mark("MUG")
    recompute_all(shop)

    assert (shop.shown("shop", "MUG").figure, shop.shown("market", "MUG").figure) == (5, 6)

    shop.promise("market", "MUG", "W1", 2)
    shop.mark("MUG")
    recompute_all(shop)

    assert (shop.shown("shop", "MUG").figure, shop.shown("market", "MUG").figure) == (4, 4)


def test_a_channel_with_a_small_share_sees_at_least_what_is_set_aside_for_it(shop: World):
    shop.policy("shop", share_percent=10)
    shop.set_aside("shop", "MUG", 4)

    recompute_all(shop)

    shown = shop.shown("shop", "MUG")
    assert (shown.figure, shown.sum_of_terms) == (4, 4)
    assert shown.term("own_allotment") == Decimal("3.2")


def test_a_lease_that_has_ended_holds_nothing_back(shop: World):
    shop.channel("market", sells=["W1"])
    shop.set_aside("market", "MUG", 3, hours=1)
    recompute_all(shop)
    assert shop.shown("shop", "MUG").figure == 5

    shop.mark("MUG")
    recompute_all(shop, now=NOON + timedelta(hours=1))

    assert shop.shown("shop", "MUG").figure == 8


def test_safety_stock_is_the_greater_of_the_places_and_the_channels(shop: World):
    shop.policy("shop", safety_stock=1)
    shop.safety("W1", 4)
    shop.safety("W2", 0, "MUG")

    recompute_all(shop)

    assert shop.shown("shop", "MUG").figure == 3  # 5 − 4 and 3 − 1
    assert shop.shown("shop", "MUG").term("safety_stock", "W1") == -4


def test_what_the_authority_holds_back_is_not_for_sale(shop: World):
    shop.level("MUG", "W1", 5, reserved=Decimal(2), unassigned=Decimal(1))

    recompute_all(shop)

    assert shop.shown("shop", "MUG").figure == 5
    assert shop.shown("shop", "MUG").term("reserved_by_authority", "W1") == -2
    assert shop.shown("shop", "MUG").term("unassigned_at_authority", "W1") == -1


def test_a_place_whose_newest_report_is_too_old_is_unknown_and_says_why(shop: World):
    recompute_all(shop)
    shop.stale("W2")
    shop.level("MUG", "W1", 9)
    shop.mark("MUG")
    recompute_all(shop)
    shown = shop.shown("shop", "MUG")
    assert (shown.figure, shown.unknown) == (8, ["W2:stale"])  # may fall, not rise

    shop.stale("W2", now=False)
    shop.mark("MUG")
    recompute_all(shop)

    assert (shop.shown("shop", "MUG").figure, shop.shown("shop", "MUG").unknown) == (12, [])


def test_backorders_are_sold_only_where_they_are_declared(shop: World):
    shop.level("MUG", "W1", 0)
    shop.level("MUG", "W2", 0)
    shop.policy("shop", backorder_allowance=4)
    shop.channel("market", sells=["W1", "W2"])
    shop.offer("market", "MUG")

    recompute_all(shop)

    assert (shop.shown("shop", "MUG").figure, shop.shown("market", "MUG").figure) == (4, 0)


def test_only_whole_packs_are_shown_and_the_rest_is_named(shop: World):
    shop.policy("shop", pack=6)

    recompute_all(shop)

    assert shop.shown("shop", "MUG").figure == 6
    assert shop.shown("shop", "MUG").term("pack_remainder") == -2


def test_the_greater_of_two_buffers_is_kept_back(shop: World):
    shop.policy("shop", buffer=1, buffer_percent=50)

    recompute_all(shop)

    assert shop.shown("shop", "MUG").figure == 4
    assert shop.shown("shop", "MUG").term("buffer_percent") == -4
