"""Transfers at the twin: named once, done once, split and cancelled."""

from __future__ import annotations

import pytest

from connectors.odoo.twin_errors import OdooError
from tests.connectors.odoo.floor import Floor


@pytest.fixture(params=[18, 19])
def floor(request: pytest.FixtureRequest) -> Floor:
    return Floor(request.param)


# ── differences by name ──


def test_a_difference_is_booked_by_create_and_validate(floor: Floor) -> None:
    mug = floor.product()

    made = floor.delta(mug, 4, "SYNC/evt-0001")
    answer = floor.validate(made)

    assert answer is True
    assert floor.on_hand(mug) == 4
    assert floor.move(made)["reference"] == "SYNC/evt-0001"
    assert floor.move(made)["origin"] is None


def test_a_transfer_without_quantities_is_taken_as_asked_for_when_validated_from_draft(floor: Floor) -> None:
    mug = floor.product()
    made = floor.transfer(mug, 4, floor.internal, floor.loss, floor.stock)
    assert floor.get("stock.picking", made, "state") == "draft"

    floor.validate(made)

    assert floor.on_hand(mug) == 4


def test_a_second_transfer_of_the_same_name_is_refused(floor: Floor) -> None:
    mug = floor.product()
    floor.delta(mug, 4, "SYNC/evt-0001")

    with pytest.raises(OdooError, match="Reference must be unique per company!") as refused:
        floor.delta(mug, 4, "SYNC/evt-0001")

    assert refused.value.name == "odoo.exceptions.ValidationError"
    assert len(floor.rows("stock.picking", ("name", "=", "SYNC/evt-0001"))) == 1


def test_validating_again_is_true_and_moves_nothing(floor: Floor) -> None:
    mug = floor.product()
    made = floor.delta(mug, 4)
    floor.validate(made)

    assert floor.validate(made) is True
    assert floor.on_hand(mug) == 4


def test_one_taken_name_takes_back_the_whole_list(floor: Floor) -> None:
    mug = floor.product()
    floor.delta(mug, 1, "SYNC/evt-2")
    vals = {"picking_type_id": floor.internal, "location_id": floor.loss, "location_dest_id": floor.stock}

    with pytest.raises(OdooError):
        floor.call(
            "stock.picking",
            "create",
            vals_list=[{**vals, "name": "SYNC/evt-1"}, {**vals, "name": "SYNC/evt-2"}],
        )

    assert floor.rows("stock.picking", ("name", "=", "SYNC/evt-1")) == []


def test_18_wants_a_text_on_each_move(floor: Floor) -> None:
    mug = floor.product()
    line = {
        "product_id": mug, "product_uom_qty": 1, "location_id": floor.loss, "location_dest_id": floor.stock,
    }  # fmt: skip
    vals = {"picking_type_id": floor.internal, "location_id": floor.loss, "location_dest_id": floor.stock}

    refused = ""
    try:
        floor.make("stock.picking", {**vals, "move_ids": [[0, 0, line]]})
    except OdooError as error:
        refused = error.name

    assert refused == ("odoo.exceptions.ValidationError" if floor.version == 18 else "")


def test_19_knows_no_text_on_a_move() -> None:
    floor = Floor(19)
    mug = floor.product()

    vals = {"product_id": mug, "location_id": floor.loss, "location_dest_id": floor.stock, "name": "x"}
    with pytest.raises(OdooError, match="Invalid field 'name'"):
        floor.make("stock.move", vals)


def test_a_transfer_without_a_place_to_start_from_is_refused(floor: Floor) -> None:
    with pytest.raises(OdooError, match=r"location_id"):
        floor.make("stock.picking", {"origin": "x"})


def test_a_name_is_given_by_the_operation_type(floor: Floor) -> None:
    mug = floor.product()
    first, second = floor.delivery(mug, 1), floor.delivery(mug, 1)

    names = [floor.get("stock.picking", one, "name") for one in (first, second)]

    assert names == ["WH/OUT/00001", "WH/OUT/00002"]


def test_forcing_a_quantity_skips_the_shelf_and_goes_below_zero(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 2)
    delivery = floor.delivery(mug, 5)
    floor.write("stock.move", floor.move(delivery)["id"], quantity=5, picked=True)

    assert floor.validate(delivery) is True
    assert floor.on_hand(mug) == -3


# ── reserving ──


def test_confirming_reserves_and_unreserving_answers_nothing(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 10)
    delivery = floor.delivery(mug, 6)
    before = floor.move(delivery)
    assert (before["state"], floor.reserved(mug)) == ("assigned", 6)

    answer = floor.call("stock.picking", "do_unreserve", [delivery])

    after = floor.move(delivery)
    assert answer is None
    assert (after["state"], floor.reserved(mug)) == ("confirmed", 0)
    assert after["write_date"] > before["write_date"]


def test_what_is_missing_leaves_a_move_partially_available(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 4)

    delivery = floor.delivery(mug, 6)

    assert floor.move(delivery)["state"] == "partially_available"
    assert floor.get("stock.picking", delivery, "state") == "assigned"


def test_nothing_there_leaves_it_confirmed_and_refuses_validation(floor: Floor) -> None:
    mug = floor.product()
    delivery = floor.delivery(mug, 6)
    assert floor.get("stock.picking", delivery, "state") == "confirmed"

    said = "if no quantities are reserved" if floor.version == 18 else "Transfer trouble alert"
    with pytest.raises(OdooError, match=said):
        floor.validate(delivery)


def test_the_oldest_goods_are_reserved_first_wherever_they_lie_inside(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 3, floor.shelf)
    floor.count(mug, 3, floor.stock)

    delivery = floor.delivery(mug, 4)

    lines = floor.rows("stock.move.line", ("picking_id", "=", delivery))
    assert [(line["location_id"], line["quantity"]) for line in lines] == [
        (floor.shelf, 3.0),
        (floor.stock, 1.0),
    ]


def test_goods_that_arrive_go_to_who_waits_for_them(floor: Floor) -> None:
    mug = floor.product()
    delivery = floor.delivery(mug, 5)

    floor.validate(floor.receipt(mug, 8))

    assert floor.move(delivery)["state"] == "assigned"
    assert floor.reserved(mug) == 5


def test_goods_found_by_a_count_are_not_given_to_who_waits(floor: Floor) -> None:
    mug = floor.product()
    delivery = floor.delivery(mug, 5)

    floor.count(mug, 8)

    assert floor.move(delivery)["state"] == "confirmed"
    floor.call("stock.picking", "action_assign", [delivery])
    assert floor.move(delivery)["state"] == "assigned"


def test_asking_for_the_availability_of_what_is_done_is_refused(floor: Floor) -> None:
    mug = floor.product()
    made = floor.delta(mug, 4)
    floor.validate(made)

    with pytest.raises(OdooError, match="Nothing to check the availability for"):
        floor.call("stock.picking", "action_assign", [made])


def test_a_done_line_keeps_the_id_it_was_reserved_under(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 10)
    delivery = floor.delivery(mug, 6)
    [reserved] = floor.rows("stock.move.line", ("picking_id", "=", delivery))

    floor.validate(delivery)

    [line] = floor.rows("stock.move.line", ("picking_id", "=", delivery))
    assert line["id"] == reserved["id"]
    assert floor.get("stock.move.line", line["id"], "state") == "done"
    assert line["write_date"] > reserved["write_date"]


def test_goods_taken_by_force_are_taken_from_who_had_them_reserved(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 10)
    early = floor.delivery(mug, 8)
    late = floor.delivery(mug, 6)
    floor.write("stock.move", floor.move(late)["id"], quantity=6, picked=True)

    floor.validate(late)

    assert floor.on_hand(mug) == 4
    assert floor.move(early)["state"] == "partially_available"
    assert (floor.move(early)["quantity"], floor.reserved(mug)) == (4, 4)


# ── too little, too much ──


def partly(floor: Floor, *, done: float = 6, demand: float = 10) -> tuple[int, int]:
    """A delivery of which a part is picked; with its product."""
    mug = floor.product()
    floor.count(mug, 20)
    delivery = floor.delivery(mug, demand)
    floor.write("stock.move", floor.move(delivery)["id"], quantity=done, picked=True)
    return delivery, mug


def test_too_little_asks_and_does_nothing(floor: Floor) -> None:
    delivery, mug = partly(floor)

    answer = floor.validate(delivery)

    assert answer["res_model"] == "stock.backorder.confirmation"
    assert answer["context"] == {
        "button_validate_picking_ids": [delivery],
        "default_show_transfers": False,
        "default_pick_ids": [[4, delivery]],
    }
    assert floor.on_hand(mug) == 20
    assert floor.move(delivery)["state"] != "done"


def test_skipping_the_question_makes_a_backorder_with_a_new_move(floor: Floor) -> None:
    delivery, mug = partly(floor)
    move = floor.move(delivery)

    assert floor.validate(delivery, skip_backorder=True) is True

    [backorder] = floor.rows("stock.picking", ("backorder_id", "=", delivery))
    assert (floor.move(delivery)["id"], floor.move(delivery)["state"]) == (move["id"], "done")
    assert (floor.move(delivery)["product_uom_qty"], floor.move(backorder["id"])["product_uom_qty"]) == (6, 4)
    assert floor.move(backorder["id"])["id"] != move["id"]
    assert (floor.on_hand(mug), floor.reserved(mug)) == (14, 4)


def test_the_rest_can_be_dropped(floor: Floor) -> None:
    delivery, mug = partly(floor)

    floor.validate(delivery, skip_backorder=True, picking_ids_not_to_backorder=[delivery])

    assert floor.rows("stock.picking", ("backorder_id", "=", delivery)) == []
    assert floor.move(delivery)["quantity"] == 6
    assert floor.move(delivery)["product_uom_qty"] == 10
    assert floor.reserved(mug) == 0


@pytest.mark.parametrize(("method", "backorders"), [("process", 1), ("process_cancel_backorder", 0)])
def test_the_wizard_does_it_with_the_context_that_asked(floor: Floor, method: str, backorders: int) -> None:
    delivery, _ = partly(floor)
    context = floor.validate(delivery)["context"]

    wizard = floor.make("stock.backorder.confirmation", {"pick_ids": [[6, 0, [delivery]]]}, **context)
    answer = floor.call("stock.backorder.confirmation", method, [wizard], context=context)

    assert answer is True
    assert len(floor.rows("stock.picking", ("backorder_id", "=", delivery))) == backorders
    assert floor.get("stock.picking", delivery, "state") == "done"


def test_the_wizard_without_its_context_says_true_and_does_nothing(floor: Floor) -> None:
    delivery, _ = partly(floor)

    wizard = floor.make("stock.backorder.confirmation", {"pick_ids": [[6, 0, [delivery]]]})

    assert floor.call("stock.backorder.confirmation", "process", [wizard]) is True
    assert floor.get("stock.picking", delivery, "state") == "assigned"


def test_a_user_without_address_cannot_make_backorders_on_18(floor: Floor) -> None:
    delivery, mug = partly(floor)
    with floor.twin.env() as env:
        [bot] = env.rows("res.users", [("login", "=", "syncbot")])
        env.write("res.partner", [bot["partner_id"]], {"email": None})

    if floor.version == 19:
        assert floor.validate(delivery, skip_backorder=True) is True
        return
    with pytest.raises(OdooError, match="configure the sender's email address"):
        floor.validate(delivery, skip_backorder=True)
    assert floor.on_hand(mug) == 20


def test_a_partial_receipt_leaves_the_rest_expected(floor: Floor) -> None:
    mug = floor.product()
    receipt = floor.receipt(mug, 20)
    floor.write("stock.move", floor.move(receipt)["id"], quantity=15, picked=True)

    floor.validate(receipt, skip_backorder=True)

    [rest] = floor.rows("stock.picking", ("backorder_id", "=", receipt))
    assert (rest["state"], floor.move(rest["id"])["product_uom_qty"]) == ("assigned", 5)
    assert floor.on_hand(mug) == 15


def test_a_smaller_demand_of_a_receipt_is_expected_at_once(floor: Floor) -> None:
    receipt = floor.receipt(floor.product(), 20)

    floor.write("stock.move", floor.move(receipt)["id"], product_uom_qty=12)

    assert (floor.move(receipt)["state"], floor.move(receipt)["quantity"]) == ("assigned", 12)


def test_what_is_not_picked_beside_something_picked_waits_in_the_backorder(floor: Floor) -> None:
    mug, cup = floor.product("MUG"), floor.product("CUP")
    floor.count(mug, 5)
    floor.count(cup, 5)
    delivery = floor.delivery(mug, 2)
    line = {
        "product_id": cup, "product_uom_qty": 3, "location_id": floor.stock,
        "location_dest_id": floor.customers, **({"name": "x"} if floor.version == 18 else {}),
    }  # fmt: skip
    floor.write("stock.picking", delivery, move_ids=[[0, 0, line]])
    floor.write("stock.move", floor.move(delivery)["id"], picked=True)

    floor.validate(delivery, skip_backorder=True)

    [rest] = floor.rows("stock.picking", ("backorder_id", "=", delivery))
    assert [(one["product_id"], one["quantity"]) for one in floor.moves(rest["id"])] == [(cup, 3.0)]
    assert (floor.on_hand(mug), floor.on_hand(cup), floor.reserved(cup)) == (3, 5, 3)


def test_delivering_more_than_asked_is_accepted(floor: Floor) -> None:
    delivery, mug = partly(floor, done=12)

    assert floor.validate(delivery) is True
    assert (floor.on_hand(mug), floor.move(delivery)["quantity"]) == (8, 12)


# ── giving up ──


def test_cancelling_gives_the_goods_back(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 10)
    delivery = floor.delivery(mug, 6)

    assert floor.call("stock.picking", "action_cancel", [delivery]) is True

    assert floor.get("stock.picking", delivery, "state") == "cancel"
    assert floor.reserved(mug) == 0


def test_what_is_done_cannot_be_cancelled(floor: Floor) -> None:
    made = floor.delta(floor.product(), 4)
    floor.validate(made)

    with pytest.raises(OdooError, match="set to 'Done'"):
        floor.call("stock.picking", "action_cancel", [made])
