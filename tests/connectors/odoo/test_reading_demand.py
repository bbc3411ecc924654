"""What Odoo owes without us, and books that disagree with themselves, as readings tell them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.connectors.odoo.books import (
    NOTHING,
    figures,
    foreign_order,
    held,
    order,
    snapshot,
    transfers,
)
from tests.connectors.odoo.hall import Hall, id_of


@pytest.fixture(params=[18, 19])
def hall(request: pytest.FixtureRequest) -> Hall:
    return Hall(request.param)


# ── demand that is Odoo's own ──


def test_what_odoo_sold_itself_and_could_not_assign_is_unassigned(hall: Hall):
    mug = hall.product("MUG", stock=2)
    foreign_order(hall, mug, 5)

    assert figures(hall, mug) == {**NOTHING, "quantity": 2, "reserved": 2, "unassigned": 3}
    assert held(hall, mug) == {}


def test_a_reservation_taken_back_becomes_unassigned_demand(hall: Hall):
    mug = hall.product("MUG", stock=7)
    sale = foreign_order(hall, mug, 5)
    hall.twin.call("stock.picking", "do_unreserve", [transfers(hall, sale)[0]["id"]])

    assert figures(hall, mug) == {**NOTHING, "quantity": 7, "unassigned": 5}


def test_what_is_due_after_the_horizon_is_not_kept_back_yet(hall: Hall):
    mug = hall.product("MUG", stock=7)
    sale = foreign_order(hall, mug, 5)
    picking = transfers(hall, sale)[0]["id"]
    hall.twin.call("stock.picking", "do_unreserve", [picking])
    moves = [row["id"] for row in hall.rows("stock.move", ("picking_id", "=", picking))]
    hall.write("stock.move", moves, date="2027-11-23 12:00:00")

    assert figures(hall, mug) == {**NOTHING, "quantity": 7}
    assert figures(hall, mug, client=hall.new_client(horizon_days=3650))["unassigned"] == 5


def test_a_cancelled_sale_of_odoo_owes_nothing(hall: Hall):
    mug = hall.product("MUG", stock=2)
    sale = foreign_order(hall, mug, 5)
    hall.twin.call("sale.order", "action_cancel", [sale], context={"disable_cancel_warning": True})

    assert figures(hall, mug) == {**NOTHING, "quantity": 2}


def test_moving_goods_from_shelf_to_shelf_is_no_demand(hall: Hall):
    mug = hall.product("MUG", stock=2)
    with hall.twin.env() as env:
        vals = {"name": "Shelf-A", "usage": "internal", "location_id": hall.stock}
        shelf = int(env.create("stock.location", vals))
    (house,) = hall.rows("stock.warehouse")
    move: dict[str, Any] = {
        "product_id": id_of(mug),
        "product_uom_qty": 5,
        "location_id": hall.stock,
        "location_dest_id": shelf,
    }
    move |= {"name": "x"} if hall.version == 18 else {}
    vals = {
        "picking_type_id": house["int_type_id"], "location_id": hall.stock, "location_dest_id": shelf,
        "move_ids": [(0, 0, move)],
    }  # fmt: skip
    (picking,) = hall.twin.call("stock.picking", "create", vals_list=[vals])
    hall.twin.call("stock.picking", "action_confirm", [picking])
    hall.twin.call("stock.picking", "action_assign", [picking])

    assert figures(hall, mug) == {**NOTHING, "quantity": 2, "reserved": 2}


# ── books that disagree ──


def test_a_phantom_reservation_is_told_cautiously_and_named(hall: Hall):
    mug = hall.product("MUG", stock=7)
    with hall.twin.env() as env:
        (quant,) = env.ids("stock.quant", [("product_id", "=", id_of(mug)), ("location_id", "=", hall.stock)])
        env.write("stock.quant", [quant], {"reserved_quantity": 4})

    found = hall.client.read_object("item", mug)

    assert f'"disputed":["{mug}"]'.encode() in found.body
    assert snapshot(found).rows[0].reserved == 4


def test_a_reservation_missing_in_the_stock_is_still_subtracted_with_what_a_line_contains(hall: Hall):
    mug = hall.product("MUG", stock=7)
    order(hall, "482", mug, 3)
    with hall.twin.env() as env:
        (quant,) = env.ids("stock.quant", [("product_id", "=", id_of(mug)), ("location_id", "=", hall.stock)])
        env.write("stock.quant", [quant], {"reserved_quantity": 0})

    assert figures(hall, mug)["reserved"] == 3
    assert held(hall, mug) == {("482", "l1"): (3, 0)}
