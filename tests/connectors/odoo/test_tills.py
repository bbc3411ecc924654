"""Sales of Odoo's own tills, and deliveries in steps, as readings tell them."""

from __future__ import annotations

import pytest

from connectors.odoo.twin_pos import Sold, begin_closing, close_session, open_session, refund, sell
from connectors.odoo.twin_seed import add_kit
from inventory_sync.domain.errors import RemoteUnavailable
from tests.connectors.odoo.books import NOTHING, figures, foreign_order, held, order, ship, transfers
from tests.connectors.odoo.hall import Hall, id_of


@pytest.fixture(params=[18, 19])
def hall(request: pytest.FixtureRequest) -> Hall:
    return Hall(request.param)


def till(hall: Hall) -> int:
    with hall.twin.env() as env:
        known = env.ids("pos.config")
        return known[0] if known else int(env.create("pos.config", {"name": "Shop"}))


def opened(hall: Hall, *, at_closing: bool = True) -> int:
    config = till(hall)
    with hall.twin.env() as env:
        return open_session(env, config, at_closing=at_closing)


def sold(hall: Hall, session: int, item: str, quantity: float, *, paid: bool = True) -> int:
    with hall.twin.env() as env:
        return sell(env, session, [Sold(id_of(item), quantity)], paid=paid)


def closed(hall: Hall, session: int) -> None:
    with hall.twin.env() as env:
        close_session(env, session)


def test_a_sale_not_booked_before_closing_is_unassigned_until_then(hall: Hall):
    mug = hall.product("MUG", stock=7)
    session = opened(hall)
    sold(hall, session, mug, 3)

    assert figures(hall, mug) == {**NOTHING, "quantity": 7, "unassigned": 3}

    with hall.twin.env() as env:
        begin_closing(env, session)
    assert figures(hall, mug)["unassigned"] == 3

    closed(hall, session)
    assert figures(hall, mug) == {**NOTHING, "quantity": 4}


def test_a_sale_that_is_booked_at_once_is_in_the_stock_and_nowhere_else(hall: Hall):
    mug = hall.product("MUG", stock=7)
    sold(hall, opened(hall, at_closing=False), mug, 3)

    assert figures(hall, mug) == {**NOTHING, "quantity": 4}


def test_a_basket_that_nobody_paid_owes_nothing(hall: Hall):
    mug = hall.product("MUG", stock=7)
    sold(hall, opened(hall), mug, 3, paid=False)

    assert figures(hall, mug) == {**NOTHING, "quantity": 7}


def test_what_a_customer_hands_back_is_owed_less_and_never_less_than_nothing(hall: Hall):
    mug = hall.product("MUG", stock=7)
    session = opened(hall)
    receipt = sold(hall, session, mug, 3)
    (line,) = hall.rows("pos.order.line", ("order_id", "=", receipt))
    with hall.twin.env() as env:
        refund(env, session, receipt, {line["id"]: 2})

    assert figures(hall, mug)["unassigned"] == 1


def test_a_kit_sold_at_a_till_owes_its_components(hall: Hall):
    cup, lid = hall.product("CUP", stock=10), hall.product("LID", stock=10)
    with hall.twin.env() as env:
        kit = add_kit(env, "SET", {id_of(cup): 2.0, id_of(lid): 1.0})
    session = opened(hall)
    sold(hall, session, f"product:{kit}", 3)

    assert figures(hall, cup)["unassigned"] == 6
    assert figures(hall, lid)["unassigned"] == 3


@pytest.mark.parametrize("before", range(6))
def test_a_session_that_closes_while_it_is_read_is_read_again(hall: Hall, before: int):
    mug = hall.product("MUG", stock=7)
    session = opened(hall)
    sold(hall, session, mug, 3)
    figures(hall, mug)
    start, done = len(hall.calls), []

    def somebody(_: str, made: int) -> None:
        if made - start == before and not done:
            done.append(session)
            closed(hall, session)

    hall.before_call = somebody
    told = figures(hall, mug)

    assert (told["quantity"], told["unassigned"]) in ((7, 3), (4, 0))


def test_tills_that_never_rest_put_the_reading_off(hall: Hall):
    mug = hall.product("MUG", stock=7)
    session = opened(hall)
    figures(hall, mug)
    sessions = [session]

    def somebody(what: str, _: int) -> None:
        if what == "stock.move.web_search_read":
            closed(hall, sessions.pop())
            sessions.append(opened(hall))

    hall.before_call = somebody

    with pytest.raises(RemoteUnavailable, match="tills"):
        figures(hall, mug)


# ── deliveries in steps ──


def in_two_steps(hall: Hall) -> None:
    with hall.twin.env() as env:
        house = env.rows("stock.warehouse")[0]
        env.write("stock.location", [house["wh_output_stock_loc_id"]], {"active": True})
        env.write("stock.warehouse", [house["id"]], {"delivery_steps": "pick_ship"})


def test_a_line_that_goes_by_the_output_is_contained_once_at_every_step(hall: Hall):
    in_two_steps(hall)
    mug = hall.product("MUG", stock=7)
    sale = order(hall, "482", mug, 5)
    assert figures(hall, mug) == {**NOTHING, "quantity": 7, "reserved": 5}
    assert held(hall, mug) == {("482", "l1"): (5, 0)}

    ship(hall, transfers(hall, sale)[0]["id"], 2)
    assert figures(hall, mug) == {**NOTHING, "quantity": 7, "reserved": 5}
    assert held(hall, mug) == {("482", "l1"): (5, 0)}

    out = next(row for row in transfers(hall, sale) if row["picking_type_id"] == _out_type(hall))
    ship(hall, out["id"])
    assert figures(hall, mug) == {**NOTHING, "quantity": 5, "reserved": 3}
    assert held(hall, mug) == {("482", "l1"): (5, 2)}


def _out_type(hall: Hall) -> int:
    return int(hall.rows("stock.warehouse")[0]["out_type_id"])


def test_a_first_step_that_found_nothing_is_demand_of_odoo_s_own(hall: Hall):
    in_two_steps(hall)
    mug = hall.product("MUG", stock=2)
    foreign_order(hall, mug, 5)

    assert figures(hall, mug) == {**NOTHING, "quantity": 2, "reserved": 2, "unassigned": 3}
