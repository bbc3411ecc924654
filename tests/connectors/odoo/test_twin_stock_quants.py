"""Quants at the twin: mirrored places, rows that split and merge, lots, units and what products say."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.odoo.twin_errors import OdooError
from connectors.odoo.twin_pickings import button_validate
from connectors.odoo.twin_quants import run_scheduler
from connectors.odoo.twin_stock import convert, rounded
from tests.connectors.odoo.floor import Floor


@pytest.fixture(params=[18, 19])
def floor(request: pytest.FixtureRequest) -> Floor:
    return Floor(request.param)


def shelf_rows(floor: Floor, product: int) -> list[dict[str, Any]]:
    return floor.rows("stock.quant", ("product_id", "=", product), ("location_id", "=", floor.stock))


def schedule(floor: Floor) -> None:
    with floor.twin.env() as env:
        run_scheduler(env)


def test_virtual_places_hold_the_mirror_of_what_moved(floor: Floor) -> None:
    mug = floor.product()
    floor.validate(floor.receipt(mug, 10))
    delivery = floor.delivery(mug, 4)
    floor.validate(delivery)

    places = (floor.vendors, floor.stock, floor.customers)
    assert [floor.on_hand(mug, place) for place in places] == [-10, 6, 4]


def test_a_quant_says_what_is_free_of_it(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 10)
    floor.delivery(mug, 6)

    assert floor.get("stock.quant", quant, "available_quantity") == 4


# ── rows ──


def test_who_finds_the_rows_locked_makes_a_second_row(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 10)

    floor.split_next()
    floor.validate(floor.delta(mug, 5))

    assert sorted(row["quantity"] for row in shelf_rows(floor, mug)) == [5, 10]
    assert floor.on_hand(mug) == 15


def test_a_long_transaction_does_not_make_others_wait_for_its_rows(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 10)
    batch = floor.delta(mug, 5)
    long = floor.twin.db.hold(lambda env: button_validate(env, [batch]), floor.twin.uid)

    floor.validate(floor.delta(mug, 3))
    assert floor.on_hand(mug) == 13
    long.commit()

    assert sorted(row["quantity"] for row in shelf_rows(floor, mug)) == [3, 15]
    assert floor.imbalances() == []


def test_a_reservation_against_locked_rows_is_a_row_of_its_own_below_zero(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 10)

    floor.split_next()
    floor.delivery(mug, 6)

    found = [(row["quantity"], row["reserved_quantity"]) for row in shelf_rows(floor, mug)]
    assert found == [(10.0, 0.0), (0.0, 6.0)]
    second = shelf_rows(floor, mug)[1]["id"]
    assert floor.get("stock.quant", second, "available_quantity") == -6


def test_a_second_delivery_does_not_get_what_another_row_of_the_key_owes(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 10)
    floor.split_next()
    floor.delivery(mug, 6)

    second = floor.delivery(mug, 6)

    assert floor.move(second)["quantity"] == 4


def test_the_scheduler_merges_rows_and_leaves_no_trace_in_write_date(floor: Floor) -> None:
    mug = floor.product()
    kept = floor.count(mug, 10)
    floor.split_next()
    floor.validate(floor.delta(mug, 5))
    before = shelf_rows(floor, mug)[0]

    schedule(floor)

    [after] = shelf_rows(floor, mug)
    assert (after["id"], after["quantity"]) == (kept, 15)
    assert after["write_date"] == before["write_date"]


def test_the_scheduler_deletes_rows_of_nothing(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 10)
    floor.count(mug, 0)
    assert len(shelf_rows(floor, mug)) == 1

    schedule(floor)

    assert shelf_rows(floor, mug) == []


def test_an_unreserved_split_row_leaves_a_phantom_until_the_scheduler_comes(floor: Floor) -> None:
    mug = floor.product()
    floor.count(mug, 10)
    floor.split_next()
    delivery = floor.delivery(mug, 6)

    floor.call("stock.picking", "do_unreserve", [delivery])
    assert floor.reserved(mug) == 6
    schedule(floor)

    assert floor.reserved(mug) == 0


def test_reserving_moves_the_quants_write_date_and_not_the_transfers(floor: Floor) -> None:
    mug = floor.product()
    quant = floor.count(mug, 10)
    delivery = floor.delivery(mug, 6, confirm=False)
    asked = floor.get("stock.picking", delivery, "write_date")
    counted = floor.get("stock.quant", quant, "write_date")

    floor.call("stock.picking", "action_confirm", [delivery])

    assert floor.get("stock.picking", delivery, "state") == "assigned"
    assert floor.get("stock.picking", delivery, "write_date") == asked
    assert floor.get("stock.quant", quant, "write_date") > counted


# ── products ──


def test_a_product_adds_up_all_warehouses_unless_a_place_is_named(floor: Floor) -> None:
    mug = floor.product()
    other = floor.make("stock.warehouse", {"name": "North", "code": "NO"})
    far = floor.get("stock.warehouse", other, "lot_stock_id")
    floor.count(mug, 10)
    floor.count(mug, 5, far)
    floor.delivery(mug, 4)
    floor.receipt(mug, 20)

    def figures(**context: Any) -> list[float]:
        names = ["qty_available", "free_qty", "incoming_qty", "outgoing_qty", "virtual_available"]
        [row] = floor.call("product.product", "read", [mug], fields=names, context=context)
        return [row[name] for name in names]

    assert figures() == [15, 11, 20, 4, 31]
    assert figures(location=far) == [5, 5, 0, 0, 5]
    assert figures(location=floor.stock) == [10, 6, 20, 4, 26]


def test_stock_does_not_touch_the_products_write_date(floor: Floor) -> None:
    mug = floor.product()
    before = floor.get("product.product", mug, "write_date")

    floor.count(mug, 10)

    assert floor.get("product.product", mug, "write_date") == before


def test_a_consumable_that_is_not_kept_moves_without_quants(floor: Floor) -> None:
    tape = floor.product("TAPE", is_storable=False)

    floor.validate(floor.delta(tape, 5))

    assert floor.rows("stock.quant", ("product_id", "=", tape)) == []


# ── units ──


def test_a_move_in_dozens_is_twelve_times_that_on_the_shelf(floor: Floor) -> None:
    egg = floor.product("EGG")

    receipt = floor.receipt(egg, 2, product_uom=floor.dozen)
    floor.validate(receipt)

    [line] = floor.rows("stock.move.line", ("picking_id", "=", receipt))
    assert (line["quantity"], line["quantity_product_uom"]) == (2, 24)
    assert floor.on_hand(egg) == 24


def test_reserving_dozens_takes_whole_units(floor: Floor) -> None:
    egg = floor.product("EGG")
    floor.count(egg, 18)

    delivery = floor.transfer(egg, 2, floor.deliveries, floor.stock, floor.customers, product_uom=floor.dozen)
    floor.call("stock.picking", "action_confirm", [delivery])

    assert floor.move(delivery)["quantity"] == 1.5
    assert floor.reserved(egg) == 18


@pytest.mark.parametrize(
    ("value", "kept"), [(1.005, 1.01), (0.1 + 0.2, 0.3), (-2.675, -2.68), (0.004, 0.0), (7, 7.0)]
)
def test_quantities_are_rounded_half_away_from_zero(value: float, kept: float) -> None:
    assert rounded(value) == kept


def test_units_convert_there_and_back(floor: Floor) -> None:
    with floor.twin.env() as env:
        unit = env.ids("uom.uom", [("name", "=", "Units")])[0]
        assert convert(env, 3, floor.dozen, unit) == 36
        assert convert(env, 36, unit, floor.dozen) == 3
        assert convert(env, 7, unit, floor.dozen, "DOWN") == 0.58


# ── lots ──


def test_a_lot_named_on_a_receipt_is_made_with_it(floor: Floor) -> None:
    wine = floor.product("WINE", tracking="lot")
    line = {
        "product_id": wine, "quantity": 6, "lot_name": "L-04", "picked": True, "location_id": floor.vendors,
        "location_dest_id": floor.stock,
    }  # fmt: skip
    receipt = floor.receipt(wine, 6, confirm=False, picked=True, move_line_ids=[[0, 0, line]])

    floor.validate(receipt)

    [lot] = floor.rows("stock.lot", ("product_id", "=", wine))
    assert lot["name"] == "L-04"
    assert [(row["lot_id"], row["quantity"]) for row in shelf_rows(floor, wine)] == [(lot["id"], 6.0)]
    assert floor.get("stock.lot", lot["id"], "product_qty") == 6


def test_a_tracked_product_without_lot_is_not_moved(floor: Floor) -> None:
    wine = floor.product("WINE", tracking="lot")

    with pytest.raises(OdooError, match="You need to supply a Lot/Serial number for products"):
        floor.validate(floor.delta(wine, 4))
    assert floor.on_hand(wine) == 0


def test_reserving_takes_lots_oldest_first(floor: Floor) -> None:
    wine = floor.product("WINE", tracking="lot")
    old, new = (floor.make("stock.lot", {"name": name, "product_id": wine}) for name in ("OLD", "NEW"))
    floor.count(wine, 3, lot=old)
    floor.count(wine, 3, lot=new)

    delivery = floor.delivery(wine, 4)
    floor.validate(delivery)

    lines = floor.rows("stock.move.line", ("picking_id", "=", delivery))
    assert [(line["lot_id"], line["quantity"]) for line in lines] == [(old, 3.0), (new, 1.0)]
    assert [row["quantity"] for row in shelf_rows(floor, wine)] == [0, 2]


def test_a_lot_that_is_short_takes_goods_without_a_lot(floor: Floor) -> None:
    wine = floor.product("WINE", tracking="lot")
    lot = floor.make("stock.lot", {"name": "L-1", "product_id": wine})
    with floor.twin.env() as env:
        env.create("stock.quant", {"product_id": wine, "location_id": floor.stock, "quantity": 5})
    line = {
        "product_id": wine, "quantity": 4, "lot_id": lot, "picked": True, "location_id": floor.stock,
        "location_dest_id": floor.customers,
    }  # fmt: skip

    floor.validate(
        floor.transfer(
            wine, 4, floor.deliveries, floor.stock, floor.customers, picked=True, move_line_ids=[[0, 0, line]]
        )
    )

    assert [(row["lot_id"], row["quantity"]) for row in shelf_rows(floor, wine)] == [(None, 1.0)]
    [sold] = floor.rows("stock.quant", ("product_id", "=", wine), ("location_id", "=", floor.customers))
    assert (sold["lot_id"], sold["quantity"]) == (lot, 4.0)


def test_a_lot_has_one_name_per_product(floor: Floor) -> None:
    wine = floor.product("WINE", tracking="lot")
    floor.make("stock.lot", {"name": "LOT-A", "product_id": wine})

    with pytest.raises(OdooError, match="must be unique within a company") as refused:
        floor.make("stock.lot", {"name": "LOT-A", "product_id": wine})
    assert refused.value.name == "odoo.exceptions.ValidationError"


def test_a_serial_number_is_not_received_twice(floor: Floor) -> None:
    saw = floor.product("SAW", tracking="serial")

    def receipt() -> int:
        line = {
            "product_id": saw, "quantity": 1, "lot_name": "S-1", "picked": True, "location_id": floor.vendors,
            "location_dest_id": floor.stock,
        }  # fmt: skip
        return floor.receipt(saw, 1, confirm=False, picked=True, move_line_ids=[[0, 0, line]])

    floor.validate(receipt())
    with pytest.raises(OdooError, match="already been assigned"):
        floor.validate(receipt())
    assert floor.on_hand(saw) == 1


def test_each_piece_of_a_serial_product_is_a_line(floor: Floor) -> None:
    saw = floor.product("SAW", tracking="serial")
    for number in range(3):
        serial = floor.make("stock.lot", {"name": f"S-{number}", "product_id": saw})
        floor.count(saw, 1, lot=serial)

    delivery = floor.delivery(saw, 2)

    lines = floor.rows("stock.move.line", ("picking_id", "=", delivery))
    assert [line["quantity"] for line in lines] == [1.0, 1.0]
