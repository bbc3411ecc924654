"""What a target should have of an order follows from where its lines stand; nothing is asked for twice."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inventory_sync.domain.units import Factor
from inventory_sync.workflows.deriving import (
    Derived,
    Line,
    Name,
    OrderFacts,
    Part,
    Place,
    Prior,
    World,
    derive,
)

SHOP, ODOO, TILL = 1, 2, 3
MAIN, SECOND, STORE = 10, 20, 30
MUG, TRAY, SET, ODD = 100, 101, 102, 103
WORLD = World(
    takers={MAIN: ODOO, SECOND: ODOO},
    names={
        (ODOO, MUG): [Name("product:1", Factor(1))],
        (ODOO, TRAY): [Name("product:2", Factor(12))],
    },
    recipes={SET: {MUG: Decimal(2), TRAY: Decimal(12)}},
    skus={MUG: "MUG", TRAY: "TRAY", SET: "SET", ODD: "ODD"},
)


def part(item: int, place: int, demand: int, contained: int = 0, left: int = 0) -> Part:
    return Part(item, place, Decimal(demand), Decimal(contained), Decimal(left))


def line(*parts: Part, ref: str = "1", item: int = MUG, demand: int = 0, state: str = "committed") -> Line:
    return Line(ref, item, Decimal(demand) or sum((each.demand for each in parts), Decimal(0)), state, parts)


def order(*lines: Line, source: int = SHOP, withheld: bool = False) -> OrderFacts:
    return OrderFacts(1, source, "shop", "o1", "#1", None, withheld, lines)


def asked(**wanted: int) -> Prior:
    """A copy of which so much of product:1 was wanted per line."""
    return Prior(wanted={(ref[1:], "product:1"): Decimal(quantity) for ref, quantity in wanted.items()})


def told(derived: dict[Place, Derived], place: int = MAIN) -> dict[tuple[str, str], int]:
    return {(each.line_ref, each.item_ref): int(each.quantity) for each in derived[ODOO, place].lines}


def test_a_line_is_carried_with_its_whole_demand_whatever_the_books_hold_of_it_already() -> None:
    derived = derive(order(line(part(MUG, MAIN, 5, contained=5, left=2))), WORLD, {(ODOO, MAIN): asked(l1=5)})

    assert told(derived) == {("1", "product:1"): 5}


def test_a_line_split_over_two_places_is_in_two_copies() -> None:
    derived = derive(order(line(part(MUG, MAIN, 3), part(MUG, SECOND, 2))), WORLD, {})

    assert (told(derived, MAIN), told(derived, SECOND)) == ({("1", "product:1"): 3}, {("1", "product:1"): 2})


def test_demand_at_a_place_nobody_takes_orders_for_is_no_copy() -> None:
    assert derive(order(line(part(MUG, STORE, 3))), WORLD, {}) == {}


def test_an_order_of_the_target_itself_is_not_sent_back_to_it() -> None:
    assert derive(order(line(part(MUG, MAIN, 3)), source=ODOO), WORLD, {}) == {}


@pytest.mark.parametrize("state", ["held", "requested", "rejected", "expired", "cancelled", "closed"])
def test_only_what_is_sold_is_sent(state: str) -> None:
    assert derive(order(line(part(MUG, MAIN, 3), state=state)), WORLD, {}) == {}


def test_an_order_under_review_waits() -> None:
    assert derive(order(line(part(MUG, MAIN, 3)), withheld=True), WORLD, {}) == {}


def test_a_line_that_ended_goes_to_nothing_and_the_others_stay() -> None:
    derived = derive(
        order(line(part(MUG, MAIN, 2)), line(part(MUG, MAIN, 0), ref="2", state="released")),
        WORLD,
        {(ODOO, MAIN): asked(l1=2, l2=1)},
    )

    assert told(derived) == {("1", "product:1"): 2, ("2", "product:1"): 0}
    assert not derived[ODOO, MAIN].cancelled


def test_an_order_that_ended_is_cancelled() -> None:
    derived = derive(order(line(part(MUG, MAIN, 0), state="cancelled")), WORLD, {(ODOO, MAIN): asked(l1=2)})

    assert derived[ODOO, MAIN].cancelled


def test_an_order_that_ended_after_a_part_had_left_keeps_that_part() -> None:
    derived = derive(
        order(line(part(MUG, MAIN, 0, contained=1, left=1), state="cancelled")),
        WORLD,
        {(ODOO, MAIN): asked(l1=2)},
    )

    assert told(derived) == {("1", "product:1"): 1}
    assert not derived[ODOO, MAIN].cancelled


def test_rerouting_moves_demand_from_one_copy_to_another() -> None:
    derived = derive(
        order(line(part(MUG, MAIN, 0), part(MUG, SECOND, 3))), WORLD, {(ODOO, MAIN): asked(l1=3)}
    )

    assert derived[ODOO, MAIN].cancelled
    assert told(derived, SECOND) == {("1", "product:1"): 3}


def test_what_the_target_took_for_a_copy_from_another_place_stays_with_that_copy() -> None:
    derived = derive(
        order(line(part(MUG, MAIN, 1), part(MUG, SECOND, 2, contained=2))),
        WORLD,
        {(ODOO, MAIN): asked(l1=3)},
    )

    assert told(derived, MAIN) == {("1", "product:1"): 3}
    assert (ODOO, SECOND) not in derived


def test_what_the_target_was_asked_for_may_be_taken_for_the_same_copy() -> None:
    derived = derive(
        order(line(part(MUG, MAIN, 0), part(MUG, SECOND, 3, contained=3))),
        WORLD,
        {(ODOO, MAIN): asked(l1=0), (ODOO, SECOND): asked(l1=3)},
    )

    assert told(derived, SECOND) == {("1", "product:1"): 3}
    assert derived[ODOO, MAIN].cancelled


def test_quantities_go_in_the_targets_unit_and_what_is_no_whole_unit_there_is_named() -> None:
    whole = derive(order(line(part(TRAY, MAIN, 24), item=TRAY)), WORLD, {})
    broken = derive(order(line(part(TRAY, MAIN, 7), item=TRAY)), WORLD, {})

    assert told(whole) == {("1", "product:2"): 2}
    assert broken[ODOO, MAIN].missing == ("7 of TRAY (line 1) is no exact quantity of product:2",)


def test_an_unmapped_item_leaves_the_copy_visibly_incomplete_and_its_neighbours_go() -> None:
    derived = derive(order(line(part(MUG, MAIN, 2)), line(part(ODD, MAIN, 1), ref="2", item=ODD)), WORLD, {})

    assert told(derived) == {("1", "product:1"): 2}
    assert derived[ODOO, MAIN].missing == ("ODD (line 2) has no mapping there",)


def test_an_order_of_nothing_but_unmapped_items_is_not_cancelled_but_waits_for_them() -> None:
    derived = derive(order(line(part(ODD, MAIN, 1), item=ODD)), WORLD, {})

    assert not derived[ODOO, MAIN].cancelled
    assert derived[ODOO, MAIN].lines == ()


KIT_MAPPED = World(
    WORLD.takers, {**WORLD.names, (ODOO, SET): [Name("product:9", Factor(1))]}, WORLD.recipes, WORLD.skus
)
KIT = line(part(MUG, MAIN, 4), part(TRAY, MAIN, 24), item=SET, demand=2)


def test_a_kit_goes_as_the_kit_where_the_target_knows_it_and_has_all_of_it() -> None:
    assert told(derive(order(KIT), KIT_MAPPED, {})) == {("1", "product:9"): 2}


def test_a_kit_goes_as_its_components_where_the_target_does_not_know_it() -> None:
    assert told(derive(order(KIT), WORLD, {})) == {("1", "product:1"): 4, ("1", "product:2"): 2}


def test_a_kit_that_stands_at_two_places_goes_as_its_components() -> None:
    kit = line(part(MUG, MAIN, 4), part(TRAY, SECOND, 24), item=SET, demand=2)

    derived = derive(order(kit), KIT_MAPPED, {})

    assert told(derived, MAIN) == {("1", "product:1"): 4}
    assert told(derived, SECOND) == {("1", "product:2"): 2}


def test_a_kit_sold_by_another_recipe_goes_as_the_components_it_was_sold_with() -> None:
    kit = line(part(MUG, MAIN, 2), part(TRAY, MAIN, 24), item=SET, demand=2)

    assert told(derive(order(kit), KIT_MAPPED, {})) == {("1", "product:1"): 2, ("1", "product:2"): 2}


def test_a_kit_that_went_as_a_kit_stays_one_when_its_recipe_changes() -> None:
    kit = line(part(MUG, MAIN, 2), part(TRAY, MAIN, 24), item=SET, demand=2)
    went = Prior(wanted={("1", "product:9"): Decimal(2)})

    assert told(derive(order(kit), KIT_MAPPED, {(ODOO, MAIN): went})) == {("1", "product:9"): 2}


def test_a_name_once_used_is_kept_although_a_better_one_appeared_or_it_is_confirmed_no_more() -> None:
    names = {(ODOO, MUG): [Name("product:0", Factor(1)), Name("product:1", Factor(1), confirmed=False)]}
    world = World(WORLD.takers, names, {}, WORLD.skus)

    again = derive(order(line(part(MUG, MAIN, 3))), world, {(ODOO, MAIN): asked(l1=2)})
    fresh = derive(order(line(part(MUG, MAIN, 3))), world, {})

    assert told(again) == {("1", "product:1"): 3}
    assert told(fresh) == {("1", "product:0"): 3}


def test_a_line_that_became_another_article_has_the_first_one_taken_out() -> None:
    derived = derive(order(line(part(TRAY, MAIN, 12), item=TRAY)), WORLD, {(ODOO, MAIN): asked(l1=2)})

    assert told(derived) == {("1", "product:1"): 0, ("1", "product:2"): 1}
