"""Counts at the twin: what they set, what they add, and what zeroes a shelf."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.odoo.twin_errors import OdooError
from connectors.odoo.twin_users import add_user
from tests.connectors.odoo.floor import INVENTORY_MODE, Floor


@pytest.fixture(params=[18, 19])
def floor(request: pytest.FixtureRequest) -> Floor:
    return Floor(request.param)


def adjustments(floor: Floor, product: int) -> list[dict[str, Any]]:
    return floor.rows("stock.move", ("product_id", "=", product), ("is_inventory", "=", True))


def test_a_count_in_inventory_mode_takes_the_row_that_is_there(floor: Floor) -> None:
    mug = floor.product()

    first = floor.count(mug, 40)
    again = floor.count(mug, 50)

    assert again == first
    assert floor.on_hand(mug) == 50


def test_applying_answers_nothing_and_books_the_difference_from_the_loss_location(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.make(
        "stock.quant",
        {"product_id": mug, "location_id": floor.stock, "inventory_quantity": 40},
        **INVENTORY_MODE,
    )

    answer = floor.apply(quant)

    [move] = adjustments(floor, mug)
    assert answer is None
    assert (move["location_id"], move["location_dest_id"]) == (floor.loss, floor.stock)
    assert (move["state"], move["quantity"]) == ("done", 40.0)
    assert floor.on_hand(mug, floor.loss) == -40


def test_without_inventory_mode_a_count_makes_a_second_row_and_adds(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 40)

    second = floor.make(
        "stock.quant", {"product_id": mug, "location_id": floor.stock, "inventory_quantity": 50}
    )
    floor.apply(second)

    assert len(floor.rows("stock.quant", ("product_id", "=", mug), ("location_id", "=", floor.stock))) == 2
    assert floor.on_hand(mug) == 90


def test_applying_again_without_a_count_sets_zero_on_19_and_moves_nothing_on_18(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 40)

    floor.apply(quant)

    assert floor.on_hand(mug) == (0 if floor.version == 19 else 40)
    assert len(adjustments(floor, mug)) == 2


def test_applying_a_row_that_was_never_counted_sets_zero(floor: Floor) -> None:
    mug = floor.product()
    floor.validate(floor.receipt(mug, 12))
    [quant] = floor.rows("stock.quant", ("product_id", "=", mug), ("location_id", "=", floor.stock))

    floor.apply(quant["id"])

    assert floor.on_hand(mug) == 0


def test_two_counters_of_one_row_end_at_zero_on_19_and_at_the_last_count_on_18(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 40)
    floor.recount(quant, 30)
    floor.recount(quant, 31)

    floor.apply(quant)
    floor.apply(quant)

    assert floor.on_hand(mug) == (0 if floor.version == 19 else 31)


def test_counting_at_once_is_one_call_and_never_ends_at_zero(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 40)

    for counted in (30, 31):
        floor.call(
            "stock.quant",
            "write",
            [quant],
            vals={"inventory_quantity_auto_apply": counted},
            context=INVENTORY_MODE,
        )

    assert floor.on_hand(mug) == 31


def test_counting_at_once_without_inventory_mode_says_true_and_does_nothing(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 40)

    answer = floor.call("stock.quant", "write", [quant], vals={"inventory_quantity_auto_apply": 5})

    assert answer is True
    assert floor.on_hand(mug) == 40


def test_a_count_at_once_of_zero_makes_zero(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 40)

    vals = {"product_id": mug, "location_id": floor.stock, "inventory_quantity_auto_apply": 0}
    floor.make("stock.quant", vals, **INVENTORY_MODE)

    assert floor.on_hand(mug) == 0


def test_the_marker_is_the_reference_and_18_adds_who_counted(floor: Floor) -> None:
    mug = floor.product()

    floor.count(mug, 40, name="sync:adj:0001")

    [move] = adjustments(floor, mug)
    assert move["reference"] == ("sync:adj:0001" if floor.version == 19 else "sync:adj:0001 (syncbot)")
    line = floor.get("stock.move", move["id"], "move_line_ids")[0]
    assert floor.get("stock.move.line", line, "reference") == move["reference"]


def test_the_marker_is_not_added_to_where_a_count_was_written_and_not_created(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 40)

    floor.recount(quant, 41)
    floor.apply(quant, inventory_name="sync:adj:0002")

    assert adjustments(floor, mug)[-1]["reference"] == "sync:adj:0002"


def test_the_marker_of_a_count_at_once_is_lost_on_18(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 40)

    context = {**INVENTORY_MODE, "inventory_name": "sync:adj:auto"}
    floor.call("stock.quant", "write", [quant], vals={"inventory_quantity_auto_apply": 44}, context=context)

    kept = floor.rows("stock.move", ("reference", "=like", "sync:adj:auto%"))
    assert len(kept) == (1 if floor.version == 19 else 0)


def test_a_count_without_a_name_says_who_counted(floor: Floor) -> None:
    mug = floor.product()

    floor.count(mug, 40)

    assert adjustments(floor, mug)[0]["reference"] == "Product Quantity Updated (syncbot)"


def test_an_equal_count_still_writes_a_move_of_nothing(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 40)

    floor.count(mug, 40)

    assert [move["quantity"] for move in adjustments(floor, mug)] == [40.0, 0.0]
    assert {move["state"] for move in adjustments(floor, mug)} == {"done"}


def test_an_equal_count_at_once_writes_a_move_on_18_only(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 40)

    floor.call(
        "stock.quant", "write", [quant], vals={"inventory_quantity_auto_apply": 40}, context=INVENTORY_MODE
    )

    assert len(adjustments(floor, mug)) == (2 if floor.version == 18 else 1)


def test_deleting_a_quant_by_hand_counts_it_as_nothing(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 40)

    floor.call("stock.quant", "unlink", [quant])

    assert floor.on_hand(mug) == 0
    assert [move["quantity"] for move in adjustments(floor, mug)] == [40.0, 40.0]
    assert floor.imbalances() == []


def test_what_moved_since_the_count_stops_every_row_of_the_call(floor: Floor) -> None:
    mug, cup = floor.product("MUG"), floor.product("CUP")
    moved, still = floor.count(mug, 40), floor.count(cup, 10)
    floor.recount(moved, 50)
    floor.recount(still, 11)
    floor.validate(floor.delta(mug, 3))

    answer = floor.apply(moved, still, inventory_name="sync:adj:conf")

    assert answer["res_model"] == "stock.inventory.conflict"
    assert answer["context"]["default_quant_to_fix_ids"] == [moved]
    assert (floor.on_hand(mug), floor.on_hand(cup)) == (43, 10)


def test_counting_again_ends_the_conflict(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 40)
    floor.recount(quant, 50)
    floor.validate(floor.delta(mug, 3))
    assert floor.get("stock.quant", quant, "is_outdated") is True

    floor.recount(quant, 50)

    assert floor.apply(quant) is None
    assert floor.on_hand(mug) == 50


def test_a_conflict_can_keep_the_difference(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 40)
    floor.recount(quant, 38)
    floor.validate(floor.delta(mug, 10))

    wizard = floor.make("stock.inventory.conflict", {"quant_ids": [[6, 0, [quant]]]})
    floor.call("stock.inventory.conflict", "action_keep_difference", [wizard])

    assert floor.on_hand(mug) == 48


def test_a_pending_count_can_be_dropped(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 40)
    floor.recount(quant, 5)

    floor.call("stock.quant", "action_clear_inventory_quantity", [quant])

    assert floor.get("stock.quant", quant, "inventory_quantity_set") is False
    assert floor.on_hand(mug) == 40


def test_a_count_below_what_is_reserved_robs_the_delivery_without_a_word(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 10)
    delivery = floor.delivery(mug, 8)

    floor.recount(quant, 3)
    answer = floor.apply(quant)

    assert answer is None
    assert floor.move(delivery)["state"] == "partially_available"
    assert floor.move(delivery)["quantity"] == 3
    assert floor.get("stock.picking", delivery, "state") == "assigned"
    assert floor.reserved(mug) == 3


def test_negative_counts_are_accepted(floor: Floor) -> None:
    mug = floor.product()

    floor.count(mug, -5)

    assert floor.on_hand(mug) == -5


@pytest.mark.parametrize(("counted", "kept"), [(1.005, 1.01), (1.004, 1.0), (2.675, 2.68)])
def test_counts_are_rounded_to_the_unit_half_up(floor: Floor, counted: float, kept: float) -> None:
    mug = floor.product()

    floor.count(mug, counted)

    assert floor.on_hand(mug) == kept


def test_a_tracked_product_without_lot_asks_on_18_and_is_applied_on_19(floor: Floor) -> None:
    wine = floor.product("WINE", tracking="lot")
    quant = floor.make(
        "stock.quant",
        {"product_id": wine, "location_id": floor.stock, "inventory_quantity": 6},
        **INVENTORY_MODE,
    )

    answer = floor.apply(quant)

    if floor.version == 18:
        assert answer["res_model"] == "stock.track.confirmation"
        assert floor.on_hand(wine) == 0
    else:
        assert answer is None
        assert floor.on_hand(wine) == 6


def test_two_pieces_of_one_serial_number_are_taken_as_a_count_and_refused_when_applied(floor: Floor) -> None:
    saw = floor.product("SAW", tracking="serial")
    serial = floor.make("stock.lot", {"name": "S-1", "product_id": saw})

    vals = {"product_id": saw, "location_id": floor.stock, "inventory_quantity": 2, "lot_id": serial}
    quant = floor.make("stock.quant", vals, **INVENTORY_MODE)

    with pytest.raises(OdooError, match="already been assigned"):
        floor.apply(quant)
    assert floor.on_hand(saw) == 0


def test_a_list_of_counts_is_made_and_applied_together(floor: Floor) -> None:
    products = [floor.product(f"P{n}") for n in range(4)]
    vals = [
        {"product_id": one, "location_id": floor.stock, "inventory_quantity": 5 + one} for one in products
    ]

    quants = floor.call("stock.quant", "create", vals_list=vals, context=INVENTORY_MODE)
    floor.apply(*quants)

    assert [floor.on_hand(one) for one in products] == [5.0 + one for one in products]


def test_counting_at_once_by_write_is_for_inventory_administrators(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 40)
    with floor.twin.env() as env:
        clerk = add_user(env, "clerk", ("stock.group_stock_user",), [1])

    with pytest.raises(OdooError, match="not have enough rights") as refused:
        floor.call(
            "stock.quant", "write", [quant], vals={"inventory_quantity_auto_apply": 3}, uid=clerk,
            context=INVENTORY_MODE,
        )  # fmt: skip
    assert refused.value.name == "odoo.exceptions.AccessError"
    vals = {"product_id": mug, "location_id": floor.stock, "inventory_quantity_auto_apply": 3}
    floor.call("stock.quant", "create", vals_list=[vals], uid=clerk, context=INVENTORY_MODE)
    assert floor.on_hand(mug) == 3


def test_writing_the_quantity_changes_stock_without_a_move(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 40)

    floor.write("stock.quant", quant, quantity=10)

    assert floor.on_hand(mug) == 10
    assert len(adjustments(floor, mug)) == 1


def test_a_quant_of_a_service_is_refused(floor: Floor) -> None:
    work = floor.product("WORK", type="service", is_storable=False)

    with pytest.raises(OdooError, match="consumables or services"):
        floor.make("stock.quant", {"product_id": work, "location_id": floor.stock, "quantity": 1})


def test_an_archived_product_can_still_be_counted(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 40)
    floor.write("product.product", mug, active=False)

    floor.count(mug, 39)

    assert floor.on_hand(mug) == 39


def test_a_counted_place_remembers_the_day(floor: Floor) -> None:
    floor.count(floor.product(), 40)

    assert floor.get("stock.location", floor.stock, "last_inventory_date") == "2026-03-02"
