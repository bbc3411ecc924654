"""What recompute promises of its figures, in both stores."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.availability.worlds import World, recompute_all


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


def test_a_figure_is_what_the_pool_has_less_what_is_promised(shop: World):
    shop.promise("shop", "MUG", "W1", 2)

    [change] = recompute_all(shop).changes

    assert (change.figure, change.previous, change.version) == (Decimal(6), None, 1)
    assert change.correlation_id == "delivery-1"
    assert shop.shown("shop", "MUG").figure == 6
    assert shop.dirty() == set()


def test_the_terms_add_up_to_the_figure_and_name_their_places(shop: World):
    shop.policy("shop", share_percent=50, buffer=1, cap=20, safety_stock=1)
    shop.level("MUG", "W1", 9, unavailable=Decimal(1), version=7)
    shop.promise("shop", "MUG", "W2", 5)

    recompute_all(shop)

    shown = shop.shown("shop", "MUG")
    assert shown.sum_of_terms == shown.figure == 1  # half of 7 less 3 movable, less 1, no fraction of a mug
    assert shown.term("on_hand", "W1") == 9
    assert shown.term("unavailable", "W1") == -1
    assert shown.term("open_demand", "W2") == -5
    assert shown.term("movable_shortage", "W2") == -3
    assert shown.policy_version == 1
    assert next(term for term in shown.terms if term["name"] == "on_hand")["level_version"] == 7
    assert {term["policy_version"] for term in shown.terms if term["name"] == "share"} == {1}
    assert all(term["label"] for term in shown.terms)


def test_only_the_part_no_figure_contains_is_subtracted(shop: World):
    shop.promise("shop", "MUG", "W1", 4, contained=3)

    recompute_all(shop)

    assert shop.shown("shop", "MUG").figure == 7


def test_a_version_rises_only_when_the_figure_changes(shop: World):
    recompute_all(shop)
    shop.level("MUG", "W1", 4)
    shop.level("MUG", "W2", 4)
    shop.mark("MUG", cause="delivery-2")

    again = recompute_all(shop)

    shown = shop.shown("shop", "MUG")
    assert (again.claimed, again.changes) == (1, ())
    assert (shown.version, shown.lines, shown.correlation_id) == (1, 1, "delivery-1")
    assert shown.sum_of_terms == shown.figure == 8

    shop.level("MUG", "W1", 1)
    shop.mark("MUG", cause="delivery-3")
    [change] = recompute_all(shop).changes

    assert (change.previous, change.figure, change.version) == (Decimal(8), Decimal(5), 2)
    assert shop.shown("shop", "MUG").correlation_id == "delivery-3"
    assert shop.shown("shop", "MUG").lines == 2


@pytest.mark.parametrize(
    ("why", "before", "after", "urgent"),
    [
        ("it fell to none", 9, -3, True),
        ("it fell to near zero", 9, -1, True),
        ("it fell with plenty left", 9, 5, False),
        ("it rose from none: nobody oversells by it", -3, -2, False),
    ],
)
def test_a_fall_to_or_near_zero_is_urgent(shop: World, why: str, before: int, after: int, urgent: bool):
    shop.level("MUG", "W1", max(0, before))
    shop.level("MUG", "W2", 3 + min(0, before))
    recompute_all(shop)
    shop.level("MUG", "W1", max(0, after))
    shop.level("MUG", "W2", 3 + min(0, after))
    shop.mark("MUG")

    [change] = recompute_all(shop, urgent_at=2).changes

    assert change.urgent is urgent, why


def test_an_item_never_mapped_on_a_channel_has_no_figure_there(shop: World):
    shop.item("CAP")
    shop.level("CAP", "W1", 5)
    shop.mark("CAP")

    recompute_all(shop)

    assert not shop.has_figure("shop", "CAP")
    assert shop.shown("shop", "MUG").figure == 8


def test_one_pool_serves_two_channels_and_each_sells_the_promise_of_the_other_no_more(shop: World):
    shop.channel("market", sells=["W1"])
    shop.offer("market", "MUG")
    shop.promise("market", "MUG", "W1", 4)

    changes = recompute_all(shop).changes

    assert {each.figure for each in changes} == {1, 4}
    assert shop.shown("shop", "MUG").figure == 4
    assert shop.shown("market", "MUG").figure == 1


def test_a_promise_routed_to_an_empty_place_counts_against_every_pool_that_may_serve_it(shop: World):
    """Counterexample 6: W1 1, W2 1; two sold and routed to W2. Its free −1 is not forgotten as 0."""
    shop.level("MUG", "W1", 1)
    shop.level("MUG", "W2", 1)
    shop.channel("market", sells=["W1"])
    shop.offer("market", "MUG")
    shop.promise("shop", "MUG", "W2", 2)

    recompute_all(shop)

    assert shop.shown("shop", "MUG").figure == 0
    assert shop.shown("market", "MUG").figure == 0
    assert shop.shown("market", "MUG").term("movable_shortage", "W2") == -1


def test_a_shortage_that_no_other_place_may_serve_stays_where_it_is(shop: World):
    shop.channel("store", sells=["W2"])
    shop.offer("store", "MUG")
    shop.promise("store", "MUG", "W2", 4)

    recompute_all(shop)

    assert shop.shown("shop", "MUG").figure == 5
    assert shop.shown("store", "MUG").figure == 0


def test_lines_are_served_from_where_orders_may_be_routed_not_from_what_is_shown(shop: World):
    shop.location("W3")
    shop.channel("market", sells=["W3"], serves=["W2", "W1"])
    shop.promise("market", "MUG", "W2", 5)

    recompute_all(shop)

    assert shop.shown("shop", "MUG").figure == 3  # W2 owes 2 that W1 may serve


def test_the_policy_of_an_item_replaces_the_channels(shop: World):
    shop.policy("shop", buffer=5)
    shop.policy("shop", "MUG", cap=2)

    recompute_all(shop)

    assert shop.shown("shop", "MUG").figure == 2


def test_a_kilogram_is_not_floored_but_a_piece_is(shop: World):
    shop.item("FLOUR", unit="KGM")
    shop.offer("shop", "FLOUR")
    shop.level("FLOUR", "W1", "2.500")
    shop.level("FLOUR", "W2", 0)
    shop.policy("shop", share_percent=50)
    shop.level("MUG", "W2", 0)
    shop.mark("FLOUR")

    recompute_all(shop)

    assert shop.shown("shop", "FLOUR").figure == Decimal("1.25")
    assert shop.shown("shop", "MUG").figure == 2


# ── unknown is not zero ──────────────────────────────────────────────────────────────────────────────


def test_a_place_that_never_told_of_the_item_makes_the_first_figure_unknown(shop: World):
    shop.location("W3")
    shop.channel("market", sells=["W1", "W3"])
    shop.offer("market", "MUG")

    recompute_all(shop)

    shown = shop.shown("market", "MUG")
    assert (shown.figure, shown.last_known, shown.unknown) == (None, None, ["W3"])


def test_a_place_whose_reports_are_complete_has_none_of_what_it_never_named(shop: World):
    shop.location("W3", complete=True)
    shop.channel("market", sells=["W1", "W3"])
    shop.offer("market", "MUG")

    recompute_all(shop)

    assert shop.shown("market", "MUG").figure == 5
    assert shop.shown("market", "MUG").unknown == []


def test_while_a_place_is_unknown_the_figure_falls_with_sales_and_never_rises(shop: World):
    recompute_all(shop)
    shop.level("MUG", "W2", 9, known=False, last_known_free=Decimal(3))
    shop.level("MUG", "W1", 50)
    shop.mark("MUG")
    assert recompute_all(shop).changes == ()
    held = shop.shown("shop", "MUG")
    assert (held.figure, held.last_known, held.unknown) == (Decimal(8), Decimal(8), ["W2"])
    assert held.sum_of_terms == 8

    shop.level("MUG", "W1", 5)
    shop.promise("shop", "MUG", "W1", 2)
    shop.mark("MUG")
    [change] = recompute_all(shop).changes

    assert change.figure == 6
    assert shop.shown("shop", "MUG").last_known == 8

    shop.level("MUG", "W2", 9)
    shop.mark("MUG")
    recompute_all(shop)
    assert shop.shown("shop", "MUG").figure == 12


@pytest.mark.parametrize(("fallback", "figure"), [("hold_last", 8), ("shrink", 6), ("stop_selling", 0)])
def test_the_declared_fallback_decides_what_doubt_shows(shop: World, fallback: str, figure: int):
    shop.policy("shop", fallback=fallback)
    recompute_all(shop)
    shop.level("MUG", "W2", 3, known=False, last_known_free=Decimal(3))
    shop.mark("MUG")

    recompute_all(shop)

    assert shop.shown("shop", "MUG").figure == figure
    assert shop.shown("shop", "MUG").sum_of_terms == figure
    assert shop.shown("shop", "MUG").last_known == 8


def test_a_mapping_taken_away_holds_the_figure_and_names_what_is_missing(shop: World):
    recompute_all(shop)
    shop.withdraw("shop", "MUG")
    shop.level("MUG", "W1", 100)
    shop.mark("MUG")

    recompute_all(shop)

    assert shop.shown("shop", "MUG").figure == 8
    assert shop.shown("shop", "MUG").unknown == ["mapping"]


def test_a_channel_without_a_pool_is_unknown_and_never_zero(shop: World):
    shop.channel("market")
    shop.offer("market", "MUG")

    recompute_all(shop)

    assert shop.shown("market", "MUG").figure is None
    assert shop.shown("market", "MUG").unknown == ["pool"]


# ── kits ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def gifts(shop: World) -> World:
    """A mug with a cap, and two mugs in a box: both kits share the mug."""
    shop.item("CAP")
    shop.kit("SET", {"MUG": 1, "CAP": 1})
    shop.kit("PAIR", {"MUG": 2})
    for sku in ("SET", "PAIR"):
        shop.offer("shop", sku)
    shop.level("CAP", "W1", 9)
    shop.level("CAP", "W2", 9)
    return shop


def test_a_touched_component_moves_every_kit_that_uses_it(gifts: World):
    recompute_all(gifts)

    assert gifts.shown("shop", "SET").figure == 5  # all at one place
    assert gifts.shown("shop", "PAIR").figure == 2
    assert gifts.shown("shop", "PAIR").correlation_id == "delivery-1"
    assert gifts.shown("shop", "SET").sum_of_terms == 5
    assert gifts.dirty() == set()


def test_a_kits_step_carries_the_terms_of_its_components(gifts: World):
    recompute_all(gifts)

    [step] = [term for term in gifts.shown("shop", "SET").terms if term["name"] == "kits_at"]
    assert (step["location"], step["quantity"]) == ("W1", "5")
    assert {(row["component"], row["location"]) for row in step["basis"] if row["name"] == "on_hand"} == {
        ("MUG", "W1"),
        ("MUG", "W2"),
        ("CAP", "W1"),
        ("CAP", "W2"),
    }


def test_a_promise_of_one_kit_is_taken_from_the_other_by_their_shared_component(gifts: World):
    gifts.promise("shop", "MUG", "W1", 4)  # two PAIRs, as allocations of their component

    recompute_all(gifts)

    assert gifts.shown("shop", "SET").figure == 3
    assert gifts.shown("shop", "PAIR").figure == 1
    assert gifts.shown("shop", "MUG").figure == 4


def test_a_kit_whose_component_is_unknown_somewhere_is_unknown(gifts: World):
    gifts.item("LID")
    gifts.kit("TRIO", {"MUG": 1, "LID": 1})
    gifts.offer("shop", "TRIO")

    recompute_all(gifts)

    assert gifts.shown("shop", "TRIO").figure is None
    assert gifts.shown("shop", "TRIO").unknown == ["LID@W1", "LID@W2"]


def test_a_kit_inside_a_kit_is_unknown_until_its_recipe_is_written_out(gifts: World):
    gifts.kit("HAMPER", {"SET": 1, "MUG": 1})
    gifts.offer("shop", "HAMPER")
    gifts.mark("HAMPER")

    recompute_all(gifts)

    assert gifts.shown("shop", "HAMPER").figure is None
    assert "recipe:SET" in gifts.shown("shop", "HAMPER").unknown


def test_a_kit_without_a_recipe_is_unknown(gifts: World):
    gifts.kit("EMPTY", {})
    gifts.offer("shop", "EMPTY")
    gifts.mark("EMPTY")

    recompute_all(gifts)

    assert gifts.shown("shop", "EMPTY").figure is None
    assert gifts.shown("shop", "EMPTY").unknown == ["recipe"]


def test_a_pooled_kit_is_gathered_from_every_location(gifts: World):
    gifts.level("MUG", "W1", 1)
    gifts.level("CAP", "W1", 0)
    gifts.kit("MIXED", {"MUG": 2, "CAP": 1}, pooled=True)
    gifts.offer("shop", "MIXED")

    recompute_all(gifts)

    assert gifts.shown("shop", "MIXED").figure == 2
    assert gifts.shown("shop", "SET").figure == 3
