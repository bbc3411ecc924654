"""Copies of channels' orders in Odoo: written once, confirmed apart, changed, cancelled, read back."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from connectors.odoo.naming import OrderName
from inventory_sync.domain.commands import CopyState, SeenLine
from inventory_sync.domain.errors import (
    NotApplied,
    RemoteRefused,
    RemoteUnavailable,
)
from tests.connectors.odoo.hall import SHOP, Hall, copy_of, id_of, settle


@pytest.fixture(params=[18, 19])
def hall(request):
    return Hall(request.param)


def seen(hall, copy):
    return hall.client.read_copies([copy])[0]


def line(hall, copy, line_ref="1"):
    return next(each for each in seen(hall, copy).lines if each.line_ref == line_ref)


def test_an_order_that_was_never_written_is_absent(hall):
    mug = hall.product("MUG")

    assert seen(hall, copy_of(hall, "1001", ("1", mug, 2))).state is CopyState.ABSENT


def test_an_order_is_written_as_a_draft_under_its_external_ids(hall):
    mug, cup = hall.product("MUG", stock=10), hall.product("CUP", stock=10)
    copy = copy_of(hall, "1001", ("1", mug, 2), ("2", cup, "1.5"))

    results = hall.client.write_copies([copy])

    order = hall.orders()[0]
    names = hall.rows("ir.model.data", ("module", "=", "inventory_sync"), ("model", "=", "sale.order"))
    assert results[0].error is None
    assert seen(hall, copy).state is CopyState.DRAFT
    assert seen(hall, copy).lines == (
        SeenLine("1", mug, Decimal(2)),
        SeenLine("2", cup, Decimal("1.5")),
    )
    assert (order["client_order_ref"], order["partner_id"]) == ("#1001", hall.customer)
    assert f"warehouse:{order['warehouse_id']}" == hall.place
    expected = OrderName(SHOP, "1001", hall.place).external_id().removeprefix("inventory_sync.")
    assert [row["name"] for row in names] == [expected]
    assert hall.reserved(mug) == 0


def test_writing_what_is_there_as_wanted_sends_nothing(hall):
    copy = copy_of(hall, "1001", ("1", hall.product("MUG"), 2))
    hall.client.write_copies([copy])
    hall.calls.clear()

    hall.client.write_copies([copy])

    assert hall.writes() == []


def test_a_confirmed_order_reserves_and_a_second_confirmation_is_done_without_a_call(hall):
    mug = hall.product("MUG", stock=10)
    copy = copy_of(hall, "1001", ("1", mug, 3))
    hall.client.write_copies([copy])

    first = hall.client.confirm_copies([copy])
    hall.calls.clear()
    second = hall.client.confirm_copies([copy])

    assert [first[0].error, second[0].error] == [None, None]
    assert hall.writes() == []
    assert seen(hall, copy).state is CopyState.CONFIRMED
    assert line(hall, copy) == SeenLine("1", mug, Decimal(3), Decimal(3), Decimal(0))
    assert hall.reserved(mug) == 3


def test_somebody_who_confirms_in_between_makes_our_confirmation_a_done_one(hall):
    copy = copy_of(hall, "1001", ("1", hall.product("MUG", stock=10), 3))
    hall.client.write_copies([copy])

    def staff_confirm(what, made):
        if what == "sale.order.action_confirm":
            hall.before_call = None
            hall.twin.call("sale.order", "action_confirm", [hall.orders()[0]["id"]])

    hall.before_call = staff_confirm
    results = hall.client.confirm_copies([copy])

    assert results[0].error is None
    assert seen(hall, copy).state is CopyState.CONFIRMED
    assert len(hall.orders()[0]["picking_ids"]) == 1


def test_an_order_that_is_not_there_yet_cannot_be_confirmed_and_is_read_again(hall):
    copy = copy_of(hall, "1001", ("1", hall.product("MUG"), 3))

    assert isinstance(hall.client.confirm_copies([copy])[0].error, RemoteUnavailable)


@pytest.mark.parametrize(
    ("before", "after"), [(3, 5), (5, 3), (5, 1), (4, 0)], ids=["more", "less", "much less", "nothing"]
)
def test_the_open_moves_of_a_confirmed_order_follow_its_quantity(hall, before, after):
    mug, cup = hall.product("MUG", stock=10), hall.product("CUP", stock=10)
    copy = copy_of(hall, "1001", ("1", mug, before), ("2", cup, 2))
    settle(hall, copy)
    changed = copy_of(hall, "1001", ("1", mug, after), ("2", cup, 2))

    settle(hall, changed)

    assert line(hall, changed).ordered == after
    assert line(hall, changed).open == after
    assert hall.reserved(mug) == after
    assert hall.reserved(cup) == 2


def test_a_line_added_to_a_confirmed_order_is_delivered_with_it(hall):
    mug, cup = hall.product("MUG", stock=10), hall.product("CUP", stock=10)
    settle(hall, copy_of(hall, "1001", ("1", mug, 1)))
    copy = copy_of(hall, "1001", ("1", mug, 1), ("2", cup, 4))

    settle(hall, copy)

    assert line(hall, copy, "2").open == 4
    assert hall.reserved(cup) == 4
    assert len(hall.orders()) == 1


def test_a_line_of_ours_that_the_copy_no_longer_names_is_wanted_no_more(hall):
    mug, cup = hall.product("MUG", stock=10), hall.product("CUP", stock=10)
    settle(hall, copy_of(hall, "1001", ("1", mug, 1), ("2", cup, 4)))
    copy = copy_of(hall, "1001", ("1", mug, 1))

    settle(hall, copy)

    assert hall.reserved(cup) == 0
    assert line(hall, copy).open == 1


def test_what_staff_added_to_the_order_in_odoo_stays(hall):
    mug, cup = hall.product("MUG", stock=10), hall.product("CUP", stock=10)
    copy = copy_of(hall, "1001", ("1", mug, 1))
    settle(hall, copy)
    order = hall.orders()[0]["id"]
    hall.write("sale.order", [order], order_line=[[0, 0, {"product_id": id_of(cup), "product_uom_qty": 1}]])

    settle(hall, copy_of(hall, "1001", ("1", mug, 2)))

    assert hall.reserved(cup) == 1
    assert [each.line_ref for each in seen(hall, copy).lines] == ["1"]


def test_what_was_delivered_is_kept_when_less_is_wanted(hall):
    mug = hall.product("MUG", stock=10)
    copy = copy_of(hall, "1001", ("1", mug, 5))
    settle(hall, copy)
    ship(hall, 3)

    results = hall.client.write_copies([copy_of(hall, "1001", ("1", mug, 1))])

    assert results[0].error is None
    assert line(hall, copy) == SeenLine("1", mug, Decimal(3), Decimal(0), Decimal(3))
    assert hall.reserved(mug) == 0


def test_moves_that_odoo_left_too_high_are_seen_as_ordered_and_lowered(hall):
    mug = hall.product("MUG", stock=10)
    copy = copy_of(hall, "1001", ("1", mug, 2))
    settle(hall, copy)
    move = hall.rows("stock.move", ("product_id", "=", id_of(mug)), ("state", "!=", "done"))[0]
    hall.write("stock.move", [move["id"]], product_uom_qty=5)

    before = line(hall, copy).ordered
    settle(hall, copy)

    assert before == 5
    assert line(hall, copy) == SeenLine("1", mug, Decimal(2), Decimal(2), Decimal(0))
    assert hall.reserved(mug) == 2


def test_an_order_of_which_all_has_left_is_done_and_cannot_be_cancelled(hall):
    mug = hall.product("MUG", stock=10)
    copy = copy_of(hall, "1001", ("1", mug, 5))
    settle(hall, copy)
    ship(hall, 5)

    result = hall.client.cancel_copies([copy])[0]

    assert isinstance(result.error, RemoteRefused)
    assert seen(hall, copy).state is CopyState.DONE
    assert hall.on_hand(mug) == 5


def test_returned_goods_stay_delivered(hall):
    mug = hall.product("MUG", stock=10)
    copy = copy_of(hall, "1001", ("1", mug, 5))
    settle(hall, copy)
    delivery = ship(hall, 5)
    give_back(hall, delivery, 2)

    assert line(hall, copy).delivered == 5
    assert hall.on_hand(mug) == 7


def test_an_order_of_which_part_has_left_is_cancelled_and_keeps_that_part(hall):
    mug = hall.product("MUG", stock=10)
    copy = copy_of(hall, "1001", ("1", mug, 5))
    settle(hall, copy)
    ship(hall, 3)

    result = hall.client.cancel_copies([copy])[0]

    assert result.error is None
    assert seen(hall, copy).state is CopyState.CANCELLED
    assert line(hall, copy).delivered == 3
    assert (hall.reserved(mug), hall.on_hand(mug)) == (0, 7)


@pytest.mark.parametrize("confirmed", [False, True], ids=["draft", "confirmed"])
def test_a_cancelled_order_is_cancelled_in_odoo_and_holds_nothing(hall, confirmed):
    mug = hall.product("MUG", stock=10)
    copy = copy_of(hall, "1001", ("1", mug, 5))
    hall.client.write_copies([copy])
    if confirmed:
        hall.client.confirm_copies([copy])

    results = hall.client.cancel_copies([copy]) + hall.client.cancel_copies([copy])

    assert [result.error for result in results] == [None, None]
    assert seen(hall, copy).state is CopyState.CANCELLED
    assert hall.reserved(mug) == 0


def test_cancelling_an_order_that_is_absent_is_done(hall):
    copy = copy_of(hall, "1001", ("1", hall.product("MUG"), 5))

    assert hall.client.cancel_copies([copy])[0].error is None


def test_a_yes_that_cancels_nothing_is_not_believed(hall):
    """18 opens a window instead of cancelling when the context is lost on the way."""
    copy = copy_of(hall, "1001", ("1", hall.product("MUG", stock=9), 5))
    settle(hall, copy)
    write = hall.client.odoo.write

    def forgets(model, method, **named):
        return True if method == "action_cancel" else write(model, method, **named)

    hall.client.odoo.write = forgets
    result = hall.client.cancel_copies([copy])[0]

    assert isinstance(result.error, NotApplied)
    assert seen(hall, copy).state is CopyState.CONFIRMED


def test_a_cancelled_order_that_is_wanted_again_becomes_a_draft_and_is_confirmed(hall):
    mug = hall.product("MUG", stock=10)
    copy = copy_of(hall, "1001", ("1", mug, 5))
    settle(hall, copy)
    settle(hall, replace(copy, cancelled=True))

    settle(hall, copy)

    assert seen(hall, copy).state is CopyState.CONFIRMED
    assert line(hall, copy).open == 5
    assert hall.reserved(mug) == 5
    assert len(hall.orders()) == 1


@pytest.mark.parametrize("ended", [True, False])
def test_an_order_that_was_read_to_be_there_is_not_made_when_people_ended_it_meanwhile(hall, ended):
    mug = hall.product("MUG", stock=10)
    copy = copy_of(hall, "1001", ("1", mug, 5))
    if ended:
        settle(hall, copy)
        settle(hall, replace(copy, cancelled=True))

    result = hall.client.write_copies([replace(copy, may_make=False)])[0]

    assert isinstance(result.error, RemoteUnavailable)
    assert seen(hall, copy).state is (CopyState.CANCELLED if ended else CopyState.ABSENT)


def test_a_kit_sold_as_components_has_one_line_per_component(hall):
    mug, cup = hall.product("MUG", stock=10), hall.product("CUP", stock=10)
    copy = copy_of(hall, "1001", ("1", mug, 2), ("1", cup, 4))

    settle(hall, copy)

    assert {each.item_ref: each.open for each in seen(hall, copy).lines} == {mug: 2, cup: 4}


# ── finding ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_copy_made_by_hand_with_our_number_and_origin_is_not_ours(hall):
    mug = hall.product("MUG", stock=10)
    copy = copy_of(hall, "1001", ("1", mug, 2))
    hall.client.write_copies([copy])
    ours = hall.orders()[0]
    hall.twin.call(
        "sale.order",
        "create",
        vals_list=[
            {
                "partner_id": hall.customer,
                "client_order_ref": ours["client_order_ref"],
                "origin": ours["origin"],
                "order_line": [[0, 0, {"product_id": id_of(mug), "product_uom_qty": 9}]],
            }
        ],
    )

    hall.client.confirm_copies([copy])

    assert {row["id"]: row["state"] for row in hall.orders()} == {ours["id"]: "sale", ours["id"] + 1: "draft"}
    assert line(hall, copy).ordered == 2


@pytest.mark.parametrize("edited", [{"origin": "by phone"}, {"client_order_ref": "PO 7"}], ids=str)
def test_a_copy_is_found_although_staff_edited_what_it_says(hall, edited):
    copy = copy_of(hall, "1001", ("1", hall.product("MUG", stock=10), 2))
    hall.client.write_copies([copy])
    hall.write("sale.order", [hall.orders()[0]["id"]], **edited)

    assert seen(hall, copy).state is CopyState.DRAFT


def test_a_copy_that_cannot_be_found_by_what_it_says_is_still_written_only_once(hall):
    copy = copy_of(hall, "1001", ("1", hall.product("MUG", stock=10), 2))
    hall.client.write_copies([copy])
    hall.write("sale.order", [hall.orders()[0]["id"]], origin="by phone", client_order_ref="PO 7")

    settle(hall, copy)

    assert len(hall.orders()) == 1
    assert seen(hall, copy).state is CopyState.CONFIRMED


def test_two_shops_and_two_places_with_the_same_number_are_four_orders(hall):
    mug = hall.product("MUG", stock=50)
    other = hall.twin.call("stock.warehouse", "create", vals_list=[{"name": "East", "code": "EA"}])[0]
    one = copy_of(hall, "1001", ("1", mug, 1))
    copies = [
        replace(one, source=source, location_ref=place)
        for source in ("woo-de", "woo-fr")
        for place in (hall.place, f"warehouse:{other}")
    ]

    hall.client.write_copies(copies)

    assert len(hall.orders()) == 4
    assert [seen(hall, copy).document for copy in copies] == [row["name"] for row in hall.orders()]
    assert [copy.state for copy in hall.client.read_copies(copies)] == [CopyState.DRAFT] * 4


def ship(hall, quantity):
    """Deliver some of the one open delivery, the rest stays as a backorder; return the picking."""
    picking = hall.rows("stock.picking", ("state", "not in", ["done", "cancel"]))[0]
    move = hall.rows("stock.move", ("picking_id", "=", picking["id"]))[0]
    hall.write("stock.move", [move["id"]], quantity=quantity, picked=True)
    hall.twin.call("stock.picking", "button_validate", [picking["id"]], context={"skip_backorder": True})
    return picking["id"]


def give_back(hall, delivery, quantity):
    wizard = hall.twin.call("stock.return.picking", "create", vals_list=[{"picking_id": delivery}])[0]
    lines = hall.rows("stock.return.picking.line", ("wizard_id", "=", wizard))
    hall.write("stock.return.picking.line", [lines[0]["id"]], quantity=quantity)
    back = hall.twin.call("stock.return.picking", "action_create_returns", [wizard])["res_id"]
    hall.twin.call("stock.picking", "button_validate", [back])
