"""Traps of the contract that cost stock, each sprung at the twin."""

from __future__ import annotations

import pytest

from connectors.odoo.twin_errors import OdooError
from tests.connectors.odoo.floor import INVENTORY_MODE, Floor


@pytest.fixture(params=[18, 19])
def floor(request: pytest.FixtureRequest) -> Floor:
    return Floor(request.param)


# ── naive repetition ──


def test_repeating_an_apply_over_a_lost_answer_zeroes_19(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 40)
    floor.recount(quant, 55)

    for _ in range(2):  # the answer to the first was lost
        floor.apply(quant)

    assert floor.on_hand(mug) == {18: 55, 19: 0}[floor.version]


def test_writing_the_count_again_before_repeating_is_safe(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 40)

    for _ in range(2):
        floor.recount(quant, 55)
        floor.apply(quant)

    assert floor.on_hand(mug) == 55


def test_repeating_a_named_document_is_safe(floor: Floor) -> None:
    mug = floor.product()
    floor.validate(floor.delta(mug, 4, "SYNC/evt-1"))

    with pytest.raises(OdooError):
        floor.delta(mug, 4, "SYNC/evt-1")
    [found] = floor.rows("stock.picking", ("name", "=", "SYNC/evt-1"))

    assert found["state"] == "done"
    assert floor.on_hand(mug) == 4


def test_a_difference_between_count_and_apply_is_not_lost_by_a_count_at_once(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 40)
    floor.validate(floor.delta(mug, 3))

    vals = {"product_id": mug, "location_id": floor.stock, "inventory_quantity_auto_apply": 42}
    floor.make("stock.quant", vals, **INVENTORY_MODE)

    assert floor.on_hand(mug) == 42


def test_a_transfer_of_many_lines_is_one_movement_per_line(floor: Floor) -> None:
    products = [floor.product(f"P{n}") for n in range(5)]
    lines = [
        [0, 0, {
            "product_id": one, "product_uom_qty": 2, "quantity": 2, "picked": True, "location_id": floor.loss,
            "location_dest_id": floor.stock, **({"name": "x"} if floor.version == 18 else {}),
        }]
        for one in products
    ]  # fmt: skip
    made = floor.make(
        "stock.picking",
        {
            "picking_type_id": floor.internal,
            "location_id": floor.loss,
            "location_dest_id": floor.stock,
            "move_ids": lines,
        },
    )
    floor.validate(made)

    assert {move["state"] for move in floor.moves(made)} == {"done"}
    assert [floor.on_hand(one) for one in products] == [2.0] * 5


# ── summing ──


def test_a_count_of_one_of_two_rows_is_not_a_count_of_the_shelf(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 10)
    floor.split_next()
    floor.validate(floor.delta(mug, 5))

    floor.count(mug, 10)

    assert floor.on_hand(mug) == 15


def test_a_state_that_says_assigned_is_no_promise_of_all(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 1)

    delivery = floor.delivery(mug, 6)

    assert floor.get("stock.picking", delivery, "state") == "assigned"
    assert floor.move(delivery)["quantity"] == 1


def test_an_incoming_transfer_is_assigned_before_anything_is_there(floor: Floor) -> None:
    receipt = floor.receipt(floor.product(), 5)

    assert floor.get("stock.picking", receipt, "state") == "assigned"


# ── orders ──


def test_moves_of_one_order_share_a_transfer_and_equal_ones_merge(floor: Floor) -> None:
    mug, cup, order = floor.product("MUG"), floor.product("CUP"), floor.group()
    floor.count(mug, 20)

    floor.ask(mug, 4, order)
    floor.ask(cup, 1, order)
    floor.ask(mug, 3, order)

    [picking] = floor.rows("stock.picking")
    assert [(one["product_id"], one["product_uom_qty"]) for one in floor.moves(picking["id"])] == [
        (mug, 7.0),
        (cup, 1.0),
    ]
    assert floor.reserved(mug) == 7
    assert picking["group_id" if floor.version == 18 else "reference_ids"] in (order, [order])


def test_what_an_order_takes_back_is_taken_off_its_open_move(floor: Floor) -> None:
    mug, order, other = floor.product(), floor.group(), floor.group()
    floor.count(mug, 20)
    floor.ask(mug, 7, order)
    floor.ask(mug, 6, other)

    floor.ask(mug, -3, order)

    asked = [one["product_uom_qty"] for one in floor.rows("stock.move", ("picking_id", "!=", False))]
    assert asked == [4.0, 6.0]
    assert floor.reserved(mug) == 10


def test_taking_everything_back_cancels_the_delivery(floor: Floor) -> None:
    mug, order = floor.product(), floor.group()
    floor.count(mug, 20)
    floor.ask(mug, 7, order)

    floor.ask(mug, -7, order)

    assert [row["state"] for row in floor.rows("stock.picking")] == ["cancel"]
    assert floor.reserved(mug) == 0


def test_taking_back_what_was_delivered_is_a_return(floor: Floor) -> None:
    mug, order = floor.product(), floor.group()
    floor.count(mug, 20)
    floor.ask(mug, 7, order)
    floor.validate(floor.rows("stock.picking")[0]["id"])

    floor.ask(mug, -2, order)

    back = floor.rows("stock.picking")[1]
    assert (back["location_id"], back["location_dest_id"]) == (floor.customers, floor.stock)
    floor.validate(back["id"])
    assert floor.on_hand(mug) == 15


def test_a_smaller_demand_frees_what_it_no_longer_needs(floor: Floor) -> None:
    mug, order = floor.product(), floor.group()
    floor.count(mug, 20)
    floor.ask(mug, 7, order)
    [picking] = floor.rows("stock.picking")

    floor.write("stock.move", floor.move(picking["id"])["id"], product_uom_qty=5)
    floor.call("stock.picking", "action_assign", [picking["id"]])

    assert floor.reserved(mug) == 5


def test_a_move_added_to_a_confirmed_transfer_confirms_itself(floor: Floor) -> None:
    mug, cup = floor.product("MUG"), floor.product("CUP")
    floor.count(cup, 5)
    delivery = floor.delivery(mug, 1)
    line = {
        "product_id": cup, "product_uom_qty": 2, "location_id": floor.stock,
        "location_dest_id": floor.customers, **({"name": "x"} if floor.version == 18 else {}),
    }  # fmt: skip

    floor.write("stock.picking", delivery, move_ids=[[0, 0, line]])

    assert [one["state"] for one in floor.moves(delivery)] == ["confirmed", "assigned"]


# ── deliveries in two steps ──


@pytest.fixture
def stepwise(floor: Floor) -> Floor:
    floor.deliver_in_two_steps()
    return floor


def test_the_step_to_the_customer_is_made_when_the_goods_reach_the_output(stepwise: Floor) -> None:
    mug, order = stepwise.product(), stepwise.group()
    stepwise.count(mug, 10)

    stepwise.ask(mug, 4, order)
    [pick] = stepwise.rows("stock.picking")
    output = stepwise.get("stock.warehouse", stepwise.house, "wh_output_stock_loc_id")
    assert (pick["location_dest_id"], stepwise.move(pick["id"])["state"]) == (output, "assigned")

    stepwise.validate(pick["id"])

    ship = stepwise.rows("stock.picking")[1]
    assert (ship["location_id"], ship["location_dest_id"]) == (output, stepwise.customers)
    assert stepwise.move(ship["id"])["state"] == "assigned"
    assert stepwise.move(ship["id"])["move_orig_ids"] == [stepwise.move(pick["id"])["id"]]
    stepwise.validate(ship["id"])
    assert (stepwise.on_hand(mug), stepwise.on_hand(mug, output)) == (6, 0)


def test_the_second_step_reserves_only_what_the_first_brought(stepwise: Floor) -> None:
    mug, order = stepwise.product(), stepwise.group()
    output = stepwise.get("stock.warehouse", stepwise.house, "wh_output_stock_loc_id")
    stepwise.count(mug, 10)
    stepwise.count(mug, 50, output)
    stepwise.ask(mug, 4, order)
    [pick] = stepwise.rows("stock.picking")
    stepwise.write("stock.move", stepwise.move(pick["id"])["id"], quantity=3, picked=True)

    stepwise.validate(pick["id"], skip_backorder=True)

    ships = stepwise.rows("stock.picking", ("location_id", "=", output))
    assert [stepwise.move(one["id"])["quantity"] for one in ships] == [3.0]


def test_cancelling_the_first_step_leaves_no_second(stepwise: Floor) -> None:
    mug, order = stepwise.product(), stepwise.group()
    stepwise.count(mug, 10)
    stepwise.ask(mug, 4, order)
    [pick] = stepwise.rows("stock.picking")

    stepwise.call("stock.picking", "action_cancel", [pick["id"]])

    assert [row["state"] for row in stepwise.rows("stock.picking")] == ["cancel"]
    assert stepwise.reserved(mug) == 0


# ── what people correct afterwards ──


def test_correcting_a_done_line_moves_the_difference_and_its_write_date(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 10)
    delivery = floor.delivery(mug, 6)
    floor.validate(delivery)
    [line] = floor.rows("stock.move.line", ("picking_id", "=", delivery))

    floor.write("stock.move.line", line["id"], quantity=4)

    assert floor.on_hand(mug) == 6
    assert floor.move(delivery)["quantity"] == 4
    [after] = floor.rows("stock.move.line", ("picking_id", "=", delivery))
    assert after["write_date"] > line["write_date"]


def test_a_done_line_cannot_be_deleted(floor: Floor) -> None:
    made = floor.delta(floor.product(), 4)
    floor.validate(made)
    [line] = floor.rows("stock.move.line", ("picking_id", "=", made))

    with pytest.raises(OdooError, match="only correct the done quantities"):
        floor.call("stock.move.line", "unlink", [line["id"]])


def test_moving_a_reserved_line_to_another_shelf_moves_its_reservation(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 10)
    floor.count(mug, 10, floor.shelf)
    delivery = floor.delivery(mug, 6)
    [line] = floor.rows("stock.move.line", ("picking_id", "=", delivery))

    floor.write("stock.move.line", line["id"], location_id=floor.shelf)

    assert (floor.reserved(mug), floor.reserved(mug, floor.shelf)) == (0, 6)


def test_an_internal_transfer_leaves_one_line_with_both_places(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 100)
    made = floor.transfer(mug, 12, floor.internal, floor.stock, floor.shelf, "SYNC/T/0002")
    for method in ("action_confirm", "action_assign"):
        assert floor.call("stock.picking", method, [made]) is True

    floor.validate(made)

    fields = ["quantity", "quantity_product_uom", "picked", "reference", "origin", "state", "lot_id"]
    [line] = floor.call("stock.move.line", "search_read", domain=[["picking_id", "=", made]], fields=fields)
    assert {name: line[name] for name in fields} == {
        "quantity": 12.0, "quantity_product_uom": 12.0, "picked": True, "reference": "SYNC/T/0002",
        "origin": False, "state": "done", "lot_id": False,
    }  # fmt: skip
    assert (floor.on_hand(mug), floor.on_hand(mug, floor.shelf)) == (88, 12)


def test_nothing_is_out_of_balance_after_all_of_it(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 20)
    delivery = floor.delivery(mug, 7)
    floor.write("stock.move", floor.move(delivery)["id"], quantity=3, picked=True)
    floor.validate(delivery, skip_backorder=True)
    floor.validate(floor.delta(mug, 5))

    assert floor.imbalances() == []
