"""Odoo's own tills: what is sold before a session closes shows in no move unless it books at once."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.odoo import twin_pos
from connectors.odoo.twin_orm import OdooError
from tests.connectors.odoo.world import OdooWorld

SKU = "SKU-0005"


@pytest.fixture(params=[18, 19])
def world(request: pytest.FixtureRequest) -> OdooWorld:
    made = OdooWorld(request.param)
    made.quant(made.products[5], 20)
    made.twin.control.seed({"tills": [{"name": "Shop"}]})
    return made


def on_hand(world: OdooWorld, code: str = SKU) -> float:
    levels = world.twin.control.book([code])["levels"][code]
    return float(sum(level["on_hand"] for level in levels.values()))


def rows(world: OdooWorld, model: str, *fields: str) -> list[dict[str, Any]]:
    found = world.ask(model, "search_read", domain=[], fields=list(fields), order="id")
    assert isinstance(found, list)
    return found


def test_a_session_that_books_at_closing_moves_nothing_until_then(world: OdooWorld) -> None:
    acts = world.twin.control.acts
    session = acts.open_till("Shop")
    acts.ring_up("Shop", {SKU: 3})
    acts.ring_up("Shop", {SKU: 2})

    assert on_hand(world) == 20
    assert rows(world, "pos.order", "picking_ids", "state") == [
        {"id": number, "picking_ids": [], "state": "paid"} for number in (1, 2)
    ]
    assert world.twin.control.book([SKU])["tills"] == [
        {"session": session, "product": world.products[5], "quantity": 5}
    ]

    (name,) = acts.close_till("Shop")

    assert on_hand(world) == 15
    (picking,) = world.twin.control.pickings(name)
    assert picking["origin"] == rows(world, "pos.session", "name")[0]["name"]
    assert [(move["demand"], move["state"]) for move in picking["moves"]] == [(5, "done")]
    assert {row["state"] for row in rows(world, "pos.order", "state")} == {"done"}
    assert world.twin.control.book([SKU])["tills"] == []


def test_a_session_that_books_at_once_moves_with_every_order(world: OdooWorld) -> None:
    acts = world.twin.control.acts
    acts.open_till("Shop", at_closing=False)
    acts.ring_up("Shop", {SKU: 3})

    assert on_hand(world) == 17
    assert world.twin.control.book([SKU])["tills"] == []
    (picking,) = world.twin.control.pickings()
    assert picking["origin"] == rows(world, "pos.order", "name")[0]["name"]

    assert acts.close_till("Shop") == []
    assert on_hand(world) == 17


def test_sales_and_returns_of_a_session_are_two_transfers(world: OdooWorld) -> None:
    acts = world.twin.control.acts
    acts.open_till("Shop")
    sold = acts.ring_up("Shop", {SKU: 3})
    acts.hand_back("Shop", sold, {SKU: 1})

    names = acts.close_till("Shop")

    assert on_hand(world) == 18
    ways = [world.twin.control.pickings(name)[0]["moves"][0] for name in names]
    assert [(move["from"].rsplit("/", 1)[-1], move["quantity"]) for move in ways] == [
        ("Stock", 3),
        ("Customers", 1),
    ]


def test_a_return_at_a_till_that_books_at_once_comes_back_at_once(world: OdooWorld) -> None:
    acts = world.twin.control.acts
    acts.open_till("Shop", at_closing=False)
    sold = acts.ring_up("Shop", {SKU: 3})
    acts.hand_back("Shop", sold, {SKU: 2})

    assert on_hand(world) == 19


def test_nobody_gives_back_more_than_was_sold(world: OdooWorld) -> None:
    acts = world.twin.control.acts
    acts.open_till("Shop")
    sold = acts.ring_up("Shop", {SKU: 3})
    acts.hand_back("Shop", sold, {SKU: 2})

    with pytest.raises(OdooError, match="More is handed back"):
        acts.hand_back("Shop", sold, {SKU: 2})


def test_a_till_has_one_session_at_a_time_and_sells_only_in_it(world: OdooWorld) -> None:
    acts = world.twin.control.acts
    with pytest.raises(OdooError, match="not open"):
        acts.ring_up("Shop", {SKU: 1})
    acts.open_till("Shop")

    with pytest.raises(OdooError, match="already opened"):
        acts.open_till("Shop")
    acts.close_till("Shop")
    with pytest.raises(OdooError, match="not open"):
        acts.ring_up("Shop", {SKU: 1})


def test_a_basket_put_aside_is_no_sale_and_keeps_the_session_open(world: OdooWorld) -> None:
    acts = world.twin.control.acts
    acts.open_till("Shop")
    basket = acts.ring_up("Shop", {SKU: 4}, paid=False)
    assert world.twin.control.book([SKU])["tills"] == []

    with pytest.raises(OdooError, match="still in draft"):
        acts.close_till("Shop")
    with world.twin.env() as env:
        twin_pos.pay(env, basket)
    acts.close_till("Shop")

    assert on_hand(world) == 16


def test_while_the_drawer_is_counted_nothing_is_booked_yet(world: OdooWorld) -> None:
    acts = world.twin.control.acts
    session = acts.open_till("Shop")
    acts.ring_up("Shop", {SKU: 4})
    with world.twin.env() as env:
        twin_pos.begin_closing(env, session)

    assert rows(world, "pos.session", "state")[0]["state"] == "closing_control"
    assert on_hand(world) == 20
    assert world.twin.control.book([SKU])["tills"][0]["quantity"] == 4
    acts.close_till("Shop")
    assert on_hand(world) == 16


def test_a_kit_at_the_till_takes_its_parts(world: OdooWorld) -> None:
    for product in world.products[1:3]:
        world.quant(product, 10)
    acts = world.twin.control.acts
    acts.open_till("Shop")
    acts.ring_up("Shop", {"KIT-1": 2})
    acts.close_till("Shop")

    assert (on_hand(world, "SKU-0001"), on_hand(world, "SKU-0002")) == (6, 8)


def test_what_is_sent_later_waits_in_a_delivery_and_is_not_booked_at_closing(world: OdooWorld) -> None:
    acts = world.twin.control.acts
    session = acts.open_till("Shop")
    with world.twin.env() as env:
        sold = [twin_pos.Sold(world.products[5], 4)]
        twin_pos.sell(env, session, sold, partner=world.people["customer"], ship_on="2026-12-01")

    (picking,) = world.twin.control.pickings()
    assert [(move["demand"], move["quantity"]) for move in picking["moves"]] == [(4, 4)]
    assert world.twin.control.book([SKU])["tills"] == []
    assert acts.close_till("Shop") == []
    assert on_hand(world) == 20


def test_a_till_sells_below_nothing(world: OdooWorld) -> None:
    acts = world.twin.control.acts
    acts.open_till("Shop")
    acts.ring_up("Shop", {SKU: 25})
    acts.close_till("Shop")

    assert on_hand(world) == -5


def test_a_lot_nobody_scanned_leaves_the_transfer_to_the_stockroom(world: OdooWorld) -> None:
    acts = world.twin.control.acts
    acts.open_till("Shop")
    acts.ring_up("Shop", {"LOT-1": 1, SKU: 1})

    (name,) = acts.close_till("Shop")

    assert world.twin.control.pickings(name)[0]["state"] != "done"
    assert rows(world, "pos.session", "state")[0]["state"] == "closed"
    assert on_hand(world) == 20
