"""What is open and delivered of a line, and which moves are lowered when Odoo left them too high."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.odoo.naming import LineName
from connectors.odoo.order_found import FoundLine, FoundMove
from connectors.odoo.order_moves import excess_of
from tests.connectors.odoo.hall import Hall, copy_of, id_of, settle

MUG = 7
STAGES = {"customer": 5, "internal": 9}


def move(number, demand, state="assigned", *, to="customer", feeds=(), source="internal", **more):
    """Return a move of `demand` pieces; what is done has moved all of them."""
    values = {"product": MUG, "written": Decimal(demand), "returned": False, **more}
    return FoundMove(
        id=number,
        state=state,
        demand=Decimal(demand),
        moved=Decimal(more.get("moved", demand if state == "done" else 0)),
        picking=number,
        source=source,
        target=to,
        stage=STAGES[to],
        feeds=frozenset(feeds),
        **{name: value for name, value in values.items() if name != "moved"},
    )


def line(ordered, *moves, told=0):
    name = LineName("woo", "1", "warehouse:1", "1", f"product:{MUG}")
    return FoundLine(1, name, MUG, Decimal(ordered), Decimal(told), moves)


@pytest.mark.parametrize(
    ("ordered", "moves", "opened", "delivered", "why"),
    [
        (5, (), 0, 0, "a draft has no moves"),
        (5, (move(1, 5),), 5, 0, "one delivery"),
        (5, (move(1, 3, "done"), move(2, 2)), 2, 3, "a backorder"),
        (5, (move(1, 3, "done"), move(2, 2, "cancel")), 0, 3, "the rest was dropped"),
        (5, (move(1, 5, "done"), move(2, 2, "done", to="internal", source="customer")), 0, 5, "came back"),
        (5, (move(1, 5, "done"), move(2, 2, "done", returned=True)), 0, 5, "sent again after a return"),
        (5, (move(1, 5, to="internal", feeds=(2,)), move(2, 5, "waiting")), 5, 0, "picked, then shipped"),
        (
            5,
            (move(1, 3, "done", to="internal"), move(2, 3), move(3, 2, to="internal")),
            5,
            0,
            "part is picked",
        ),
        (24, (move(1, 24, written=Decimal(2)),), 24, 0, "demanded in dozens"),
        (24, (move(1, 24, "done", written=Decimal(2), moved=2),), 0, 24, "delivered in dozens"),
        (2, (move(1, 4, product=8), move(2, 2, product=9)), 2, 0, "a kit that Odoo takes apart"),
    ],
)
def test_what_is_open_and_delivered(ordered, moves, opened, delivered, why):
    found = line(ordered, *moves)

    assert (found.open, found.delivered) == (opened, delivered), why


@pytest.mark.parametrize(
    ("ordered", "moves", "lowered", "why"),
    [
        (5, (move(1, 5),), {}, "nothing is too high"),
        (5, (move(1, 2), move(2, 2)), {}, "too low is Odoo's to mend"),
        (3, (move(1, 5),), {1: 3}, "one move"),
        (0, (move(1, 5),), {1: 0}, "wanted no more"),
        (4, (move(1, 3), move(2, 3)), {2: 1}, "the newest first"),
        (1, (move(1, 3), move(2, 3)), {2: 0, 1: 1}, "then the one before"),
        (4, (move(1, 3, "done"), move(2, 2)), {2: 1}, "what has left counts"),
        (2, (move(1, 3, "done"), move(2, 2)), {2: 0}, "more has left than is wanted"),
        (2, (move(1, 5, to="internal", feeds=(2,)), move(2, 5, "waiting")), {2: 2, 1: 2}, "every stage"),
        (
            4,
            (move(1, 3, "done", to="internal"), move(2, 3), move(3, 2, to="internal")),
            {3: 1},
            "not picked yet",
        ),
        (
            3,
            (move(1, 5), move(2, 2, to="internal", source="customer")),
            {2: 0, 1: 3},
            "what was to come back",
        ),
        (
            4,
            (move(1, 3, "done"), move(2, 2), move(3, 1, to="internal", source="customer", returned=True)),
            {2: 1},
            "a return that people made stays",
        ),
        (1, (move(1, 4, product=8), move(2, 2, product=9)), {}, "of a kit Odoo knows the parts"),
    ],
)
def test_moves_that_are_too_high_are_lowered(ordered, moves, lowered, why):
    assert {one.id: keeps for one, keeps in excess_of(line(ordered, *moves))} == lowered, why


def test_a_move_in_another_unit_is_lowered_in_that_unit():
    [(lowered, keeps)] = excess_of(line(12, move(1, 36, written=Decimal(3))))

    assert (keeps, lowered.in_own_unit(keeps)) == (12, 1)


@pytest.mark.parametrize("version", [18, 19])
@pytest.mark.parametrize("after", [7, 4, 0])
def test_an_order_picked_and_shipped_in_two_steps_follows_its_quantity(version, after):
    hall = Hall(version)
    mug = hall.product("MUG", stock=20)
    house = id_of(hall.place)
    hall.write("stock.warehouse", [house], delivery_steps="pick_ship")
    settle(hall, copy_of(hall, "1", ("1", mug, 5)))
    picking = hall.rows("stock.picking", ("state", "=", "assigned"))[0]
    picked = hall.rows("stock.move", ("picking_id", "=", picking["id"]))[0]
    hall.write("stock.move", [picked["id"]], quantity=3, picked=True)
    hall.twin.call("stock.picking", "button_validate", [picking["id"]], context={"skip_backorder": True})

    seen = settle(hall, copy_of(hall, "1", ("1", mug, after)))

    assert [(each.ordered, each.delivered) for each in seen.lines] == [(after, 0)]
    assert seen.lines[0].open == after


@pytest.mark.parametrize("version", [18, 19])
def test_a_delivery_on_paper_is_lowered_and_nothing_is_awaited_back(version):
    hall = Hall(version)
    mug = hall.product("MUG", stock=20)
    settle(hall, copy_of(hall, "1", ("1", mug, 5)))
    delivery = hall.rows("stock.picking", ("state", "=", "assigned"))[0]
    hall.write("stock.picking", [delivery["id"]], printed=True)

    seen = settle(hall, copy_of(hall, "1", ("1", mug, 3)))

    assert (seen.lines[0].ordered, seen.lines[0].open) == (3, 3)
    waiting = hall.rows("stock.picking", ("state", "not in", ["done", "cancel"]))
    assert [each["id"] for each in waiting] == [delivery["id"]]
    hall.twin.call("stock.picking", "button_validate", [delivery["id"]])
    assert hall.on_hand(mug) == 17
