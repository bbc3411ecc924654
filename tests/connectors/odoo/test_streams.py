"""Reading by cursor: nothing is missed that commits late, nothing is told twice without a reason."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.odoo import streams
from connectors.odoo.twin_pos import Sold, open_session, sell
from inventory_sync.domain.errors import RemoteUnavailable, Unsupported
from inventory_sync.domain.external import Reason, SnapshotReceived, StockMoved
from inventory_sync.domain.ports import Found
from tests.connectors.odoo.books import events, foreign_order, order, ship, snapshots, sweep_all, transfers
from tests.connectors.odoo.hall import Hall, id_of


@pytest.fixture(params=[18, 19])
def hall(request: pytest.FixtureRequest) -> Hall:
    return Hall(request.param)


def started(hall: Hall) -> str:
    """Return the cursor of a first round, with its overlap behind it."""
    _, cursor = sweep_all(hall.client, "changes")
    hall.clock.advance(1)
    return cursor


def changes(hall: Hall, cursor: str) -> tuple[dict[str, Decimal], list[StockMoved], str]:
    """Return quantities by item, the movements, and the next cursor."""
    found, cursor = sweep_all(hall.client, "changes", cursor)
    return quantities(found), movements(found), cursor


def quantities(found: list[Found]) -> dict[str, Decimal]:
    told: dict[str, Decimal] = {}
    for each in found:
        for event in events(each):
            if isinstance(event, SnapshotReceived):
                told |= dict.fromkeys(event.item_refs, Decimal(0))
                for row in event.rows:
                    told[row.item_ref] += row.quantity
    return told


def movements(found: list[Found]) -> list[StockMoved]:
    return [event for each in found for event in events(each) if isinstance(event, StockMoved)]


# ── changes ──


def test_nothing_new_is_nothing_told(hall: Hall):
    hall.product("MUG", stock=7)
    cursor = started(hall)

    assert changes(hall, cursor)[:2] == ({}, [])


def test_a_shipment_is_told_as_a_movement_and_a_whole_reading_of_its_product(hall: Hall):
    mug, other = hall.product("MUG", stock=7), hall.product("CUP", stock=1)
    sale = order(hall, "482", mug, 3)
    cursor = started(hall)
    (picking,) = transfers(hall, sale)
    ship(hall, picking["id"])

    told, moved, cursor = changes(hall, cursor)

    assert told == {mug: 4}
    assert other not in told
    assert [(event.item_ref, event.location_ref, event.quantity, event.reason) for event in moved] == [
        (mug, hall.place, Decimal(-3), Reason.SALE)
    ]
    assert moved[0].reference == picking["name"]
    assert changes(hall, cursor)[:2] == ({}, [])


def test_lines_come_before_the_figures_that_hold_them(hall: Hall):
    mug = hall.product("MUG", stock=7)
    cursor = started(hall)
    hall.put(mug, 9)

    found, _ = sweep_all(hall.client, "changes", cursor)

    assert [each.topic for each in found] == ["lines.read", "figures.read"]


@pytest.mark.parametrize("act", ["reserve", "unreserve", "owe", "direct", "cancel"])
def test_a_change_without_a_done_line_is_told_as_a_reading(hall: Hall, act: str):
    mug = hall.product("MUG", stock=7)
    sale = foreign_order(hall, mug, 3)
    picking = transfers(hall, sale)[0]["id"]
    if act == "reserve":
        hall.twin.call("stock.picking", "do_unreserve", [picking])
    hall.clock.advance(300)
    cursor = started(hall)

    if act == "reserve":
        hall.twin.call("stock.picking", "action_assign", [picking])
    elif act == "unreserve":
        hall.twin.call("stock.picking", "do_unreserve", [picking])
    elif act == "owe":
        foreign_order(hall, mug, 50)
    elif act == "cancel":
        hall.twin.call("stock.picking", "action_cancel", [picking])
    else:
        with hall.twin.env() as env:
            (quant,) = env.ids(
                "stock.quant", [("product_id", "=", id_of(mug)), ("location_id", "=", hall.stock)]
            )
            env.write("stock.quant", [quant], {"quantity": 6.0})

    told, moved, _ = changes(hall, cursor)

    assert set(told) == {mug}
    assert moved == []


def test_a_sale_of_a_till_that_is_not_booked_yet_is_told_as_a_reading(hall: Hall):
    mug = hall.product("MUG", stock=7)
    with hall.twin.env() as env:
        known = env.ids("pos.config")
        session = open_session(env, known[0] if known else env.create("pos.config", {"name": "Shop"}))
    cursor = started(hall)
    with hall.twin.env() as env:
        sell(env, session, [Sold(id_of(mug), 2)])

    assert changes(hall, cursor)[0] == {mug: 7}


def test_what_commits_long_after_it_began_is_not_missed(hall: Hall):
    mug, other = hall.product("MUG", stock=7), hall.product("CUP", stock=1)
    cursor = started(hall)
    begun = hall.twin.db.hold(
        lambda env: env.create(
            "stock.quant", {"product_id": id_of(mug), "location_id": hall.stock, "quantity": 5}
        ),
        hall.twin.uid,
    )
    hall.clock.advance(100)
    hall.put(other, 3)
    told, _, cursor = changes(hall, cursor)
    assert set(told) == {other}

    begun.commit()

    assert changes(hall, cursor)[0] == {mug: 12}


def test_the_overlap_is_longer_than_odoo_lets_any_transaction_run():
    assert streams.CHANGES.overlap_s >= 150


def test_a_line_that_was_corrected_afterwards_comes_again_with_a_higher_revision(hall: Hall):
    mug = hall.product("MUG", stock=7)
    cursor = started(hall)
    hall.put(mug, 9)
    _, (first,), cursor = changes(hall, cursor)
    hall.clock.advance(5)
    with hall.twin.env() as env:
        line = int(first.key.split(":")[1])
        env.write("stock.move.line", [line], {"reference": "corrected"})

    _, (second,), _ = changes(hall, cursor)

    assert second.key == first.key
    assert second.revision > first.revision


def test_a_transfer_between_warehouses_is_one_leg_at_each(hall: Hall):
    mug = hall.product("MUG", stock=7)
    with hall.twin.env() as env:
        number = env.create("stock.warehouse", {"name": "Second", "code": "WH2"})
        target = env.need("stock.warehouse", number)["lot_stock_id"]
    cursor = started(hall)
    moved_to(hall, mug, 4, hall.stock, target)

    told, moved, _ = changes(hall, cursor)

    assert told == {mug: 7}
    assert {(event.location_ref, event.quantity, event.reason) for event in moved} == {
        (hall.place, Decimal(-4), Reason.TRANSFER_OUT),
        (f"warehouse:{number}", Decimal(4), Reason.TRANSFER_IN),
    }


def test_from_shelf_to_shelf_nothing_moved_for_the_place(hall: Hall):
    mug = hall.product("MUG", stock=7)
    with hall.twin.env() as env:
        shelf = env.create("stock.location", {"name": "S", "usage": "internal", "location_id": hall.stock})
    cursor = started(hall)
    moved_to(hall, mug, 4, hall.stock, shelf)

    told, moved, _ = changes(hall, cursor)

    assert told == {mug: 7}
    assert moved == []


def test_a_scrap_is_called_one(hall: Hall):
    mug = hall.product("MUG", stock=7)
    cursor = started(hall)
    vals = {"product_id": id_of(mug), "scrap_qty": 2, "location_id": hall.stock}
    (scrap,) = hall.twin.call("stock.scrap", "create", vals_list=[vals])
    hall.twin.call("stock.scrap", "action_validate", [scrap])

    _, moved, _ = changes(hall, cursor)

    assert [(event.quantity, event.reason) for event in moved] == [(Decimal(-2), Reason.SCRAP)]


def moved_to(hall: Hall, item: str, quantity: float, source: int, target: int) -> None:
    (house,) = hall.rows("stock.warehouse", ("code", "=", "WH"))
    move: dict[str, Any] = {
        "product_id": id_of(item), "product_uom_qty": quantity, "quantity": quantity, "picked": True,
        "location_id": source, "location_dest_id": target, **({"name": "x"} if hall.version == 18 else {}),
    }  # fmt: skip
    vals = {
        "picking_type_id": house["int_type_id"], "location_id": source, "location_dest_id": target,
        "move_ids": [(0, 0, move)],
    }  # fmt: skip
    (picking,) = hall.twin.call("stock.picking", "create", vals_list=[vals])
    hall.twin.call("stock.picking", "button_validate", [picking])


def test_a_round_of_several_pages_misses_nobody_who_changes_meanwhile(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
):
    items = [hall.product(f"P{number}", stock=1) for number in range(12)]
    hall.clock.advance(300)
    cursor = started(hall)
    monkeypatch.setattr(streams, "ROWS", 4)
    for item in items:
        hall.put(item, 5)
        hall.clock.advance(1)

    page = hall.client.sweep("changes", cursor, now=hall.clock())
    assert not page.done
    hall.put(items[0], 6)
    told = quantities(list(page.found))
    found, cursor = sweep_all(hall.client, "changes", page.cursor)
    told |= quantities(found)
    told |= changes(hall, cursor)[0]

    assert told == {item: (6 if item == items[0] else 5) for item in items}


def test_more_products_than_one_reading_takes_are_read_in_several(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
):
    cursor = started(hall)
    monkeypatch.setattr(streams, "MAX_ITEMS", 2)
    items = [hall.product(f"P{number}", stock=1) for number in range(5)]

    page = hall.client.sweep("changes", cursor, now=hall.clock())

    assert [len(each.item_refs) for each in snapshots(page)] == [2, 2, 1]
    assert quantities(list(page.found)) == dict.fromkeys(items, Decimal(1))


def test_a_cursor_does_not_grow_with_the_overlap_behind_it(hall: Hall):
    mug = hall.product("MUG", stock=7)
    cursor = started(hall)
    for quantity in range(20):
        hall.put(mug, quantity)
        hall.clock.advance(30)
        _, _, cursor = changes(hall, cursor)

    assert len(cursor) < 1500


@pytest.mark.parametrize(
    "cursor", ["{", "[]", "5", '{"since":{"lines":"yesterday"}}', '{"seen":[1]}', "null"]
)
def test_a_cursor_of_somebody_else_is_refused(hall: Hall, cursor: str):
    with pytest.raises(Unsupported):
        hall.client.sweep("changes", cursor, now=hall.clock())


# ── the full sweep ──


def test_the_full_sweep_tells_every_product_once_archived_ones_too(hall: Hall):
    items = [hall.product(f"P{number}", stock=number) for number in range(5)]
    hall.archive(items[3])
    hall.product("WRAP", is_storable=False)
    client = hall.new_client(page_size=2)

    found, cursor = sweep_all(client, "stock")

    assert cursor == ""
    assert [len(snapshot_items(each)) for each in found] == [2, 2, 1]
    assert quantities(found) == {item: number for number, item in enumerate(items)}


def snapshot_items(found: Found) -> tuple[str, ...]:
    (event,) = events(found)
    assert isinstance(event, SnapshotReceived)
    return event.item_refs


def test_the_full_sweep_finds_what_was_written_without_a_date(hall: Hall):
    mug = hall.product("MUG", stock=7)
    cursor = started(hall)
    hall.clock.advance(300)
    hall.product("CUP", stock=1)
    _, _, cursor = changes(hall, cursor)
    with hall.twin.db.store.lock:
        quants = hall.twin.db.store.tables["stock.quant"]
        key = next(number for number, row in quants.items() if row["quantity"] == 7)
        quants[key] = {**quants[key], "quantity": 6.0}

    assert changes(hall, cursor)[0] == {}
    assert quantities(sweep_all(hall.client, "stock")[0])[mug] == 6


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "9" * 30])
def test_a_cursor_that_is_no_id_is_refused(hall: Hall, cursor: str):
    with pytest.raises(Unsupported):
        hall.client.sweep("stock", cursor, now=hall.clock())


def test_a_stream_that_odoo_does_not_have_is_refused(hall: Hall):
    with pytest.raises(Unsupported):
        hall.client.sweep("orders", "", now=hall.clock())


def test_an_odoo_that_restarts_puts_the_sweep_off(hall: Hall):
    hall.product("MUG", stock=7)
    cursor = started(hall)
    hall.twin.restart(60)

    with pytest.raises(RemoteUnavailable):
        hall.client.sweep("changes", cursor, now=hall.clock())

    hall.clock.advance(timedelta(minutes=2).total_seconds())
    assert changes(hall, cursor)[0] == {}
