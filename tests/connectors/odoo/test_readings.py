"""What one reading says of an item: stock, reservations, lines of ours, demand of Odoo, what is kept back."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import httpx
import pytest

from connectors.odoo.readings import read_items
from connectors.odoo.twin_seed import add_kit
from connectors.odoo.twin_users import add_key
from inventory_sync.domain.errors import Misconfigured, Unsupported
from inventory_sync.domain.external import Reason
from tests.connectors.odoo.books import (
    NOTHING,
    events,
    figures,
    held,
    order,
    read,
    ship,
    snapshot,
    transfers,
)
from tests.connectors.odoo.hall import Hall, document, id_of
from tests.connectors.odoo.replays import called, unread


@pytest.fixture(params=[18, 19])
def hall(request: pytest.FixtureRequest) -> Hall:
    return Hall(request.param)


def location(hall: Hall, name: str, above: int, **more: object) -> int:
    vals = {"name": name, "usage": "internal", "location_id": above, **more}
    with hall.twin.env() as env:
        return int(env.create("stock.location", vals))


# ── quantities and places ──


def test_shelves_of_a_warehouse_are_one_place(hall: Hall):
    mug = hall.product("MUG", stock=7)
    hall.put(mug, 5, location(hall, "Shelf-A", hall.stock))

    assert figures(hall, mug) == {**NOTHING, "quantity": 12}


def test_a_reading_covers_every_warehouse_and_each_internal_location_outside(hall: Hall):
    mug = hall.product("MUG", stock=7)
    with hall.twin.env() as env:
        second = env.create("stock.warehouse", {"name": "Second", "code": "WH2"})
        view = env.ids("stock.location", [("usage", "=", "view")])
        outside = env.create("stock.location", {"name": "Yard", "usage": "internal", "location_id": None})
    assert view
    hall.put(mug, 3, outside)

    found = snapshot(hall.client.read_object("item", mug))

    assert found.location_refs == (hall.place, f"warehouse:{second}", f"location:{outside}")
    assert {row.location_ref: row.quantity for row in found.rows} == {hall.place: 7, f"location:{outside}": 3}


def test_several_rows_of_one_key_are_added_up(hall: Hall):
    mug = hall.product("MUG", stock=7)
    with hall.twin.env() as env:
        env.create("stock.quant", {"product_id": id_of(mug), "location_id": hall.stock, "quantity": 2.5})

    assert figures(hall, mug)["quantity"] == Decimal("9.5")


def test_what_odoo_computes_in_binary_is_told_exactly(hall: Hall):
    mug = hall.product("MUG")
    with hall.twin.env() as env:
        for quantity in (0.1, 0.2):
            env.create(
                "stock.quant", {"product_id": id_of(mug), "location_id": hall.stock, "quantity": quantity}
            )

    assert figures(hall, mug)["quantity"] == Decimal("0.3")


def test_stock_below_zero_is_told_as_it_is(hall: Hall):
    mug = hall.product("MUG")
    with hall.twin.env() as env:
        env.create("stock.quant", {"product_id": id_of(mug), "location_id": hall.stock, "quantity": -4})

    assert figures(hall, mug)["quantity"] == -4


def test_locations_not_for_sale_are_there_and_unavailable_with_all_that_is_in_them(hall: Hall):
    mug = hall.product("MUG", stock=7)
    quality = location(hall, "Quality", hall.stock)
    hall.put(mug, 2, quality)
    hall.put(mug, 1, location(hall, "Bin", quality))
    client = hall.new_client(unavailable_locations=f"{quality}")

    assert figures(hall, mug, client=client) == {**NOTHING, "quantity": 10, "unavailable": 3}


def test_a_location_not_for_sale_may_be_named_by_its_full_name_and_must_exist(hall: Hall):
    mug = hall.product("MUG", stock=7)
    quality = location(hall, "Quality", hall.stock)
    (row,) = hall.rows("stock.location", ("id", "=", quality))
    hall.put(mug, 2, quality)

    named = hall.new_client(unavailable_locations=row["complete_name"])

    assert figures(hall, mug, client=named)["unavailable"] == 2
    with pytest.raises(Misconfigured, match="Nowhere"):
        hall.new_client(unavailable_locations="Nowhere").read_object("item", mug)


def test_goods_of_somebody_else_are_there_and_unavailable_unless_they_may_be_sold(hall: Hall):
    mug = hall.product("MUG", stock=7)
    with hall.twin.env() as env:
        owner = env.create("res.partner", {"name": "Consignor"})
        env.create(
            "stock.quant",
            {"product_id": id_of(mug), "location_id": hall.stock, "quantity": 4, "owner_id": owner},
        )

    assert figures(hall, mug) == {**NOTHING, "quantity": 11, "unavailable": 4}
    assert figures(hall, mug, client=hall.new_client(sell_consigned=True)) == {**NOTHING, "quantity": 11}


def test_lots_past_the_day_of_their_removal_are_there_and_not_for_sale(hall: Hall):
    milk = hall.product("MILK", tracking="lot")
    hall.client.book_documents(
        [document(hall, "SYNC-1", (milk, 6, "L1"), (milk, 4, "L2"), reason=Reason.RECEIPT, arrives=True)]
    )
    old = hall.rows("stock.lot", ("name", "=", "L1"))[0]["id"]
    hall.write("stock.lot", [old], removal_date="2020-01-01 00:00:00")

    assert figures(hall, milk) == {**NOTHING, "quantity": 10, "unavailable": 6}


def test_a_location_made_after_the_client_looked_is_found(hall: Hall):
    mug = hall.product("MUG", stock=7)
    figures(hall, mug)

    hall.put(mug, 5, location(hall, "New shelf", hall.stock))

    assert figures(hall, mug)["quantity"] == 12


def test_an_archived_product_keeps_its_stock_and_is_told_as_archived(hall: Hall):
    mug = hall.product("MUG", stock=7)
    hall.archive(mug)

    found = hall.client.read_object("item", mug)

    assert b'"archived":["product' in found.body
    assert snapshot(found).rows[0].quantity == 7


def test_a_product_that_was_deleted_holds_nothing_anywhere(hall: Hall):
    hall.product("MUG")

    found = hall.client.read_object("item", "product:99999")

    assert found.topic == "item.gone"
    assert snapshot(found).item_refs == ("product:99999",)
    assert snapshot(found).rows == ()


def test_a_deleted_product_does_not_keep_others_from_being_read(hall: Hall):
    mug, gone = hall.product("MUG", stock=7), "product:99999"

    body = read_items(hall.client.database, [id_of(mug), id_of(gone)], now=hall.clock())

    assert (body["items"], body["gone"]) == ([mug, gone], [gone])
    assert [row["item"] for row in body["rows"]] == [mug]


def test_a_product_of_which_odoo_keeps_no_stock_is_no_item(hall: Hall):
    wrap = hall.product("WRAP", is_storable=False)

    assert events(hall.client.read_object("item", wrap)) == []


@pytest.mark.parametrize("ref", ["", "product:", "product:0", "product:x", "variation:3", "product:-1"])
def test_what_is_no_product_is_not_asked_for(hall: Hall, ref: str):
    with pytest.raises(Unsupported):
        hall.client.read_object("item", ref)


# ── lines of ours ──


def test_what_is_assigned_to_a_line_of_ours_is_contained_and_reserved(hall: Hall):
    mug = hall.product("MUG", stock=7)
    order(hall, "482", mug, 3)

    assert figures(hall, mug) == {**NOTHING, "quantity": 7, "reserved": 3}
    assert held(hall, mug) == {("482", "l1"): (3, 0)}


def test_a_line_that_odoo_could_not_assign_whole_contains_what_it_has_and_owes_nothing_twice(hall: Hall):
    mug = hall.product("MUG", stock=2)
    order(hall, "482", mug, 5)

    assert figures(hall, mug) == {**NOTHING, "quantity": 2, "reserved": 2}
    assert held(hall, mug) == {("482", "l1"): (2, 0)}


def test_what_was_shipped_stays_contained(hall: Hall):
    mug = hall.product("MUG", stock=7)
    sale = order(hall, "482", mug, 3)
    ship(hall, transfers(hall, sale)[0]["id"])

    assert figures(hall, mug) == {**NOTHING, "quantity": 4}
    assert held(hall, mug) == {("482", "l1"): (3, 3)}


def test_a_part_shipped_and_its_backorder_are_contained_together(hall: Hall):
    mug = hall.product("MUG", stock=7)
    sale = order(hall, "482", mug, 5)
    ship(hall, transfers(hall, sale)[0]["id"], 2)

    assert figures(hall, mug) == {**NOTHING, "quantity": 5, "reserved": 3}
    assert held(hall, mug) == {("482", "l1"): (5, 2)}


def test_a_line_cut_short_contains_what_left(hall: Hall):
    mug = hall.product("MUG", stock=7)
    sale = order(hall, "482", mug, 5)
    ship(hall, transfers(hall, sale)[0]["id"], 2, backorder=False)

    assert figures(hall, mug) == {**NOTHING, "quantity": 5}
    assert held(hall, mug) == {("482", "l1"): (2, 2)}


def test_a_late_backorder_does_not_take_back_what_was_shipped_long_ago(hall: Hall):
    mug = hall.product("MUG", stock=2)
    sale = order(hall, "482", mug, 5)
    ship(hall, transfers(hall, sale)[0]["id"], 2)
    hall.clock.advance(60 * 86400)

    assert held(hall, mug) == {("482", "l1"): (2, 2)}


def test_a_line_is_told_whole_until_all_of_it_is_older_than_the_window(hall: Hall):
    mug = hall.product("MUG", stock=9)
    sale = order(hall, "482", mug, 5)
    ship(hall, transfers(hall, sale)[0]["id"], 2)
    hall.clock.advance(5 * 86400)
    ship(hall, transfers(hall, sale)[1]["id"])
    client = hall.new_client(delivered_days=4)

    row = read(hall, mug, client=client)[hall.place]

    assert [(each.contained, each.delivered) for each in row.held] == [(5, 5)]


def test_a_return_is_no_part_of_what_a_line_contains(hall: Hall):
    mug = hall.product("MUG", stock=7)
    sale = order(hall, "482", mug, 3)
    picking = transfers(hall, sale)[0]["id"]
    ship(hall, picking)
    (wizard,) = hall.twin.call("stock.return.picking", "create", vals_list=[{"picking_id": picking}])
    lines = [row["id"] for row in hall.rows("stock.return.picking.line", ("wizard_id", "=", wizard))]
    hall.twin.call("stock.return.picking.line", "write", lines, vals={"quantity": 2})
    back = hall.twin.call("stock.return.picking", "action_create_returns", [wizard])["res_id"]
    ship(hall, back)

    assert figures(hall, mug)["quantity"] == 6
    assert held(hall, mug) == {("482", "l1"): (3, 3)}


def test_a_kit_s_line_is_told_per_component(hall: Hall):
    cup, lid = hall.product("CUP", stock=10), hall.product("LID", stock=10)
    with hall.twin.env() as env:
        kit = add_kit(env, "SET", {id_of(cup): 2.0, id_of(lid): 1.0})
    order(hall, "482", f"product:{kit}", 3)

    assert held(hall, cup) == {("482", "l1"): (6, 0)}
    assert held(hall, lid) == {("482", "l1"): (3, 0)}


def test_a_dozen_is_told_in_single_units(hall: Hall):
    mug = hall.product("MUG", stock=30)
    with hall.twin.env() as env:
        dozen = env.ids("uom.uom", [("name", "=", "Dozens")])[0]
    line: dict[str, int] = {"product_id": id_of(mug), "product_uom_qty": 2, "price_unit": 1}
    line |= {"product_uom" if hall.version == 18 else "product_uom_id": dozen}
    vals = {"partner_id": hall.customer, "order_line": [(0, 0, line)]}
    (sale,) = hall.twin.call("sale.order", "create", vals_list=[vals])
    hall.twin.call("sale.order", "action_confirm", [sale])

    assert figures(hall, mug) == {**NOTHING, "quantity": 30, "reserved": 24}


# ── servers that answer otherwise ──


def answering_otherwise(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, otherwise: Callable[[httpx.Request], str]
) -> None:
    """Have the server refuse the calls for which `otherwise` names an error."""
    answer = hall._answer

    def refusing(request: httpx.Request) -> httpx.Response:
        name = otherwise(request)
        if not name:
            return answer(request)
        error = {"name": name, "message": "Record does not exist or has been deleted.", "debug": ""}
        if hall.version >= 19:
            return unread(httpx.Response(404, json=error))
        document = {"jsonrpc": "2.0", "id": 1, "error": {"code": 200, "message": "x", "data": error}}
        return unread(httpx.Response(200, json=document))

    monkeypatch.setattr(hall, "_answer", refusing)


@pytest.mark.parametrize("error", ["odoo.exceptions.AccessError", "builtins.AttributeError"])
def test_a_server_that_does_not_tell_external_ids_is_asked_for_the_table_of_them(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, error: str
):
    mug = hall.product("MUG", stock=7)
    order(hall, "482", mug, 3)
    with hall.twin.env() as env:
        admin = env.ids("res.users", [("login", "=", "admin")])[0]
        add_key(env, admin, "test", days=None, key="ad" * 20)
    answering_otherwise(
        hall, monkeypatch, lambda request: error if called(request).endswith("get_external_id") else ""
    )
    hall.client = hall.new_client(login="admin", api_key="ad" * 20)

    assert held(hall, mug) == {("482", "l1"): (3, 0)}
