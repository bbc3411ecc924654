"""Returns and scrap at the twin: a wizard that starts at nothing, and a document that has no key."""

from __future__ import annotations

import pytest

from connectors.odoo.twin_errors import OdooError
from tests.connectors.odoo.floor import Floor


@pytest.fixture(params=[18, 19])
def floor(request: pytest.FixtureRequest) -> Floor:
    return Floor(request.param)


def test_a_return_starts_at_nothing_and_makes_the_transfer_back(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 10)
    delivery = floor.delivery(mug, 6)
    floor.validate(delivery)

    wizard = floor.make("stock.return.picking", {"picking_id": delivery})
    [line] = floor.rows("stock.return.picking.line", ("wizard_id", "=", wizard))
    assert (line["product_id"], line["quantity"]) == (mug, 0.0)
    floor.write("stock.return.picking.line", line["id"], quantity=2)
    answer = floor.call("stock.return.picking", "action_create_returns", [wizard])
    floor.validate(answer["res_id"])

    assert answer["res_model"] == "stock.picking"
    assert floor.on_hand(mug) == 6
    back = floor.move(answer["res_id"])
    assert back["origin_returned_move_id"] == floor.move(delivery)["id"]
    assert floor.get("stock.picking", answer["res_id"], "return_id") == delivery
    assert floor.get("stock.picking", answer["res_id"], "origin") == "Return of WH/OUT/00001"


def test_a_return_of_nothing_is_refused(floor: Floor) -> None:
    made = floor.delta(floor.product(), 4)
    floor.validate(made)
    wizard = floor.make("stock.return.picking", {"picking_id": made})

    with pytest.raises(OdooError, match="at least one non-zero quantity"):
        floor.call("stock.return.picking", "action_create_returns", [wizard])


def test_only_what_is_done_can_be_returned(floor: Floor) -> None:
    delivery = floor.delivery(floor.product(), 4)

    with pytest.raises(OdooError, match="only return Done pickings"):
        floor.make("stock.return.picking", {"picking_id": delivery})


def test_scrap_replaces_a_name_and_twice_is_twice(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 10)
    scrap = floor.make("stock.scrap", {"product_id": mug, "scrap_qty": 1, "name": "SYNC/SCRAP/1"})

    answers = [floor.call("stock.scrap", "action_validate", [scrap]) for _ in range(2)]

    assert answers == [True, True]
    assert floor.on_hand(mug) == 8
    assert floor.get("stock.scrap", scrap, "name").startswith("SP/")


def test_scrapping_more_than_is_there_asks(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 10)
    scrap = floor.make("stock.scrap", {"product_id": mug, "scrap_qty": 1000})

    answer = floor.call("stock.scrap", "action_validate", [scrap])

    assert answer["res_model"] == "stock.warn.insufficient.qty.scrap"
    assert answer["context"]["default_quantity"] == 1000
    assert floor.on_hand(mug) == 10


def test_scrap_can_be_forced_through_the_question(floor: Floor) -> None:
    mug = floor.product()
    scrap = floor.make("stock.scrap", {"product_id": mug, "scrap_qty": 3})
    asked = floor.call("stock.scrap", "action_validate", [scrap])

    wizard = floor.make(asked["res_model"], {}, **asked["context"])
    floor.call(asked["res_model"], "action_done", [wizard])

    assert floor.on_hand(mug) == -3


def test_what_was_received_goes_back_to_the_vendor(floor: Floor) -> None:
    mug = floor.product()
    receipt = floor.receipt(mug, 9)
    floor.validate(receipt)

    wizard = floor.make("stock.return.picking", {"picking_id": receipt})
    back = floor.call("stock.return.picking", "action_create_returns_all", [wizard])["res_id"]
    assert floor.move(back)["state"] == "assigned"
    floor.validate(back)

    assert (floor.on_hand(mug), floor.on_hand(mug, floor.vendors)) == (0, 0)


def test_19_takes_everything_booked_out_as_thrown_away(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 10)
    out = floor.transfer(mug, 4, floor.internal, floor.stock, floor.loss)
    floor.validate(out)

    wizard = floor.make("stock.return.picking", {"picking_id": out})

    lines = floor.rows("stock.return.picking.line", ("wizard_id", "=", wizard))
    assert len(lines) == (0 if floor.version == 19 else 1)
