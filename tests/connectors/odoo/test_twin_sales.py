"""Sales and purchases of the twin: what confirming, changing, shipping and cancelling does to moves."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.odoo.twin_orm import OdooError
from tests.connectors.odoo.world import OdooWorld, Refused

BOTH = pytest.mark.parametrize("version", [18, 19])
SKU = "SKU-0005"


def order(
    world: OdooWorld, lines: dict[int, float], *, confirm: bool = True, **vals: Any
) -> tuple[int, list[int]]:
    """Make an order over the wire; return it and its lines."""
    made = world.ask(
        "sale.order", "create",
        vals_list=[{
            "partner_id": world.people["customer"], "client_order_ref": "SHOP-1",
            "order_line": [
                [0, 0, {"product_id": product, "product_uom_qty": amount}]
                for product, amount in lines.items()
            ],
            **vals,
        }],
    )  # fmt: skip
    if confirm:
        world.ask("sale.order", "action_confirm", made)
    (row,) = world.ask("sale.order", "read", made, fields=["order_line"])
    return made[0], row["order_line"]


def change(world: OdooWorld, number: int, line: int, quantity: float) -> None:
    world.ask(
        "sale.order", "write", [number], vals={"order_line": [[1, line, {"product_uom_qty": quantity}]]}
    )


def read(world: OdooWorld, model: str, number: int, *fields: str) -> dict[str, Any]:
    (row,) = world.ask(model, "read", [number], fields=list(fields))
    assert isinstance(row, dict)
    return row


def moves(world: OdooWorld, line: int) -> list[tuple[float, float, str]]:
    """Return demand, quantity and state of a line's moves, oldest first."""
    with world.twin.env() as env:
        rows = env.rows("stock.move", [("sale_line_id", "=", line)])
        return [(row["product_uom_qty"], row["quantity"], row["state"]) for row in rows]


def level(world: OdooWorld, code: str = SKU) -> tuple[float, float]:
    levels = world.twin.control.book([code])["levels"][code]
    total = [sum(one[name] for one in levels.values()) for name in ("on_hand", "reserved")]
    return total[0], total[1]


def activities(world: OdooWorld) -> int:
    with world.twin.env() as env:
        return len(env.ids("mail.activity"))


@pytest.fixture(params=[18, 19])
def world(request: pytest.FixtureRequest) -> OdooWorld:
    made = OdooWorld(request.param)
    made.quant(made.products[5], 20)
    return made


# ── confirming ──


def test_a_draft_reserves_nothing_and_confirming_reserves_at_once(world: OdooWorld) -> None:
    number, (line,) = order(world, {world.products[5]: 6}, confirm=False)
    assert moves(world, line) == []
    assert level(world) == (20, 0)

    world.ask("sale.order", "action_confirm", [number])

    assert moves(world, line) == [(6, 6, "assigned")]
    assert level(world) == (20, 6)
    assert read(world, "sale.order", number, "state", "delivery_status")["delivery_status"] == "pending"


def test_confirming_twice_is_refused_and_changes_nothing(world: OdooWorld) -> None:
    number, (line,) = order(world, {world.products[5]: 6})

    with pytest.raises(Refused, match="not in a state requiring confirmation"):
        world.ask("sale.order", "action_confirm", [number])

    assert moves(world, line) == [(6, 6, "assigned")]


@BOTH
def test_the_origin_of_a_delivery_differs_by_version(version: int) -> None:
    world = OdooWorld(version)
    number, _ = order(world, {world.products[5]: 1})
    row = read(world, "sale.order", number, "name", "picking_ids")
    delivery = read(world, "stock.picking", row["picking_ids"][0], "origin", "sale_id")

    expected = f"{row['name']} - SHOP-1" if version == 18 else row["name"]
    assert delivery["origin"] == expected
    assert delivery["sale_id"] == [number, row["name"]]


def test_what_is_not_there_waits_and_is_reserved_in_part(world: OdooWorld) -> None:
    _, (line,) = order(world, {world.products[5]: 30})

    assert moves(world, line) == [(30, 20, "partially_available")]


def test_lines_of_one_order_share_a_transfer_and_services_need_none(world: OdooWorld) -> None:
    with world.twin.env() as env:
        service = env.create("product.product", {"name": "Gift wrap", "type": "service"})
    number, (first, second, third) = order(world, {world.products[5]: 1, world.products[6]: 2, service: 1})

    assert len(read(world, "sale.order", number, "picking_ids")["picking_ids"]) == 1
    assert [len(moves(world, line)) for line in (first, second, third)] == [1, 1, 0]


def test_neither_name_nor_reference_of_an_order_is_unique(world: OdooWorld) -> None:
    first, _ = order(world, {}, confirm=False, name="SHOP-X")
    second, _ = order(world, {}, confirm=False, name="SHOP-X")

    assert first != second


def test_a_line_in_dozens_moves_pieces(world: OdooWorld) -> None:
    unit = "product_uom" if world.version == 18 else "product_uom_id"
    line = {"product_id": world.products[5], "product_uom_qty": 1, unit: world.goods["dozen"]}
    _, (number,) = order(world, {}, order_line=[[0, 0, line]])

    assert moves(world, number) == [(12, 12, "assigned")]
    world.twin.control.acts.ship("SHOP-1")
    assert read(world, "sale.order.line", number, "qty_delivered")["qty_delivered"] == 1


# ── changing ──


def test_a_larger_quantity_launches_what_is_missing(world: OdooWorld) -> None:
    number, (line,) = order(world, {world.products[5]: 6})

    change(world, number, line, 8)

    assert moves(world, line) == [(8, 8, "assigned")]
    assert level(world) == (20, 8)
    assert activities(world) == 0


def test_a_larger_quantity_after_shipping_is_a_new_transfer(world: OdooWorld) -> None:
    number, (line,) = order(world, {world.products[5]: 6})
    world.twin.control.acts.ship("SHOP-1")

    change(world, number, line, 8)

    assert moves(world, line) == [(6, 6, "done"), (2, 2, "assigned")]
    assert len(read(world, "sale.order", number, "picking_ids")["picking_ids"]) == 2


def test_a_smaller_quantity_takes_the_move_back_and_leaves_people_a_note(world: OdooWorld) -> None:
    number, (line,) = order(world, {world.products[5]: 6})

    change(world, number, line, 4)

    assert moves(world, line) == [(4, 4, "assigned")]
    assert level(world) == (20, 4)
    assert activities(world) == 1


def test_a_line_made_nothing_cancels_its_move(world: OdooWorld) -> None:
    number, (line,) = order(world, {world.products[5]: 6})

    change(world, number, line, 0)

    assert [state for *_, state in moves(world, line)] == ["cancel"]
    assert level(world) == (20, 0)


def test_what_a_printed_delivery_cannot_give_back_comes_as_a_return(world: OdooWorld) -> None:
    number, (line,) = order(world, {world.products[5]: 6})
    picking = read(world, "sale.order", number, "picking_ids")["picking_ids"][0]
    world.ask("stock.picking", "write", [picking], vals={"printed": True})

    change(world, number, line, 4)

    assert [demand for demand, *_ in moves(world, line)] == [6, 2]
    back = max(read(world, "sale.order", number, "picking_ids")["picking_ids"])
    assert read(world, "stock.picking", back, "picking_type_code")["picking_type_code"] == "incoming"
    assert level(world) == (20, 6)


def test_less_than_was_delivered_is_refused(world: OdooWorld) -> None:
    number, (line,) = order(world, {world.products[5]: 6})
    world.twin.control.acts.ship("SHOP-1", {SKU: 4})

    with pytest.raises(Refused, match="below the amount already delivered"):
        change(world, number, line, 3)

    change(world, number, line, 4)
    assert [state for *_, state in moves(world, line)] == ["done", "cancel"]


def test_a_line_of_a_confirmed_order_cannot_be_removed(world: OdooWorld) -> None:
    number, (line,) = order(world, {world.products[5]: 6})

    with pytest.raises(Refused, match="Set the quantity to 0 instead"):
        world.ask("sale.order.line", "unlink", [line])
    with pytest.raises(OdooError, match="You must first cancel it"), world.twin.env() as env:
        env.delete("sale.order", [number])


def test_a_line_added_to_a_confirmed_order_is_launched(world: OdooWorld) -> None:
    number, _ = order(world, {world.products[5]: 6})
    world.ask(
        "sale.order", "write", [number],
        vals={"order_line": [[0, 0, {"product_id": world.products[5], "product_uom_qty": 3}]]},
    )  # fmt: skip

    new = read(world, "sale.order", number, "order_line")["order_line"][-1]

    assert moves(world, new) == [(3, 3, "assigned")]
    assert level(world) == (20, 9)


def test_loading_an_order_again_under_its_external_id_changes_it(world: OdooWorld) -> None:
    fields = ["id", "partner_id/.id", "client_order_ref", "order_line/id", "order_line/product_id/.id",
              "order_line/product_uom_qty"]  # fmt: skip
    row = ["sync.o1", str(world.people["customer"]), "SHOP-L", "sync.l1", str(world.products[5]), "6"]
    first = world.ask("sale.order", "load", fields=fields, data=[row])["ids"]
    world.ask("sale.order", "action_confirm", first)

    again = world.ask("sale.order", "load", fields=fields, data=[[*row[:-1], "9"]])["ids"]

    assert again == first
    (line,) = read(world, "sale.order", first[0], "order_line")["order_line"]
    assert moves(world, line) == [(9, 9, "assigned")]


# ── kits ──


def test_a_kit_goes_as_its_parts_each_with_the_line_of_the_kit(world: OdooWorld) -> None:
    first, second = world.products[1], world.products[2]
    world.quant(first, 20)
    world.quant(second, 20)
    _, (line,) = order(world, {world.goods["kit"]: 3})

    with world.twin.env() as env:
        rows = env.rows("stock.move", [("sale_line_id", "=", line)])
        assert [(row["product_id"], row["product_uom_qty"]) for row in rows] == [(first, 6), (second, 3)]
        assert all(row["bom_line_id"] for row in rows)


def test_a_part_of_a_kit_is_no_kit_delivered(world: OdooWorld) -> None:
    for product in world.products[1:3]:
        world.quant(product, 20)
    number, (line,) = order(world, {world.goods["kit"]: 3})
    world.twin.control.acts.ship("SHOP-1", {"SKU-0001": 5, "SKU-0002": 3})

    assert read(world, "sale.order.line", line, "qty_delivered")["qty_delivered"] == 2
    assert read(world, "sale.order", number, "delivery_status")["delivery_status"] == "partial"


def test_fewer_kits_take_the_parts_back(world: OdooWorld) -> None:
    for product in world.products[1:3]:
        world.quant(product, 20)
    number, (line,) = order(world, {world.goods["kit"]: 3})

    change(world, number, line, 1)

    assert moves(world, line) == [(2, 2, "assigned"), (1, 1, "assigned")]


# ── delivering and cancelling ──


def test_deliveries_and_returns_are_counted_on_the_line(world: OdooWorld) -> None:
    number, (line,) = order(world, {world.products[5]: 6})
    acts, status = world.twin.control.acts, "delivery_status"
    acts.ship("SHOP-1", {SKU: 4})
    assert read(world, "sale.order", number, status)[status] == "partial"

    acts.ship("SHOP-1")
    assert read(world, "sale.order", number, status)[status] == "full"
    acts.take_back("SHOP-1", {SKU: 1})

    assert read(world, "sale.order.line", line, "qty_delivered")["qty_delivered"] == 5
    assert level(world) == (15, 0)


@BOTH
def test_cancelling_asks_back_on_18_unless_told_not_to(version: int) -> None:
    world = OdooWorld(version)
    world.quant(world.products[5], 20)
    number, (line,) = order(world, {world.products[5]: 6})

    answer = world.ask("sale.order", "action_cancel", [number])

    if version == 18:
        assert (answer["type"], answer["res_model"]) == ("ir.actions.act_window", "sale.order.cancel")
        assert read(world, "sale.order", number, "state")["state"] == "sale"
        assert moves(world, line) == [(6, 6, "assigned")]
        answer = world.ask("sale.order", "action_cancel", [number], context={"disable_cancel_warning": True})
    assert answer is True
    assert read(world, "sale.order", number, "state", "delivery_status")["state"] == "cancel"
    assert moves(world, line) == [(6, 0, "cancel")]
    assert level(world) == (20, 0)


def test_the_wizard_of_18_cancels_when_it_is_confirmed() -> None:
    world = OdooWorld(18)
    number, _ = order(world, {world.products[5]: 6})
    wizard = world.ask("sale.order.cancel", "create", vals_list=[{"order_id": number}])

    world.ask("sale.order.cancel", "action_cancel", wizard)

    assert read(world, "sale.order", number, "state")["state"] == "cancel"


def test_cancelling_leaves_what_was_shipped(world: OdooWorld) -> None:
    number, (line,) = order(world, {world.products[5]: 6})
    world.twin.control.acts.ship("SHOP-1", {SKU: 4})

    world.twin.control.acts.cancel("SHOP-1")

    assert [state for *_, state in moves(world, line)] == ["done", "cancel"]
    assert read(world, "sale.order", number, "delivery_status")["delivery_status"] == "full"
    assert level(world) == (16, 0)


def test_a_cancelled_order_can_be_a_quotation_again(world: OdooWorld) -> None:
    number, (line,) = order(world, {world.products[5]: 6})
    world.twin.control.acts.cancel("SHOP-1")

    world.ask("sale.order", "action_draft", [number])
    world.ask("sale.order", "action_confirm", [number])

    assert moves(world, line)[-1] == (6, 6, "assigned")


# ── purchases ──


def buy(world: OdooWorld, quantity: float) -> tuple[int, int]:
    made = world.ask(
        "purchase.order", "create",
        vals_list=[{
            "partner_id": world.people["customer"], "partner_ref": "EXT-1",
            "order_line": [[0, 0, {"product_id": world.products[5], "product_qty": quantity}]],
        }],
    )  # fmt: skip
    world.ask("purchase.order", "button_confirm", made)
    return made[0], read(world, "purchase.order", made[0], "order_line")["order_line"][0]


def test_a_purchase_makes_a_receipt_that_brings_the_goods(world: OdooWorld) -> None:
    number, line = buy(world, 10)
    (receipt,) = read(world, "purchase.order", number, "picking_ids")["picking_ids"]
    assert read(world, "stock.picking", receipt, "state", "origin")["state"] == "assigned"

    world.ask("stock.picking", "button_validate", [receipt])

    assert level(world) == (30, 0)
    assert read(world, "purchase.order.line", line, "qty_received")["qty_received"] == 10


def test_a_larger_purchase_makes_the_receipt_larger_and_a_smaller_one_leaves_it(world: OdooWorld) -> None:
    number, line = buy(world, 10)
    for quantity in (14, 6):
        world.ask("purchase.order.line", "write", [line], vals={"product_qty": quantity})

    (receipt,) = read(world, "purchase.order", number, "picking_ids")["picking_ids"]

    with world.twin.env() as env:
        assert (
            sum(row["product_uom_qty"] for row in env.rows("stock.move", [("picking_id", "=", receipt)]))
            == 14
        )


def test_a_purchase_that_came_in_part_cannot_be_cancelled(world: OdooWorld) -> None:
    number, _ = buy(world, 10)
    receipts = read(world, "purchase.order", number, "picking_ids")["picking_ids"]
    world.ask("stock.picking", "button_validate", receipts)

    with pytest.raises(Refused, match="receptions have already been done"):
        world.ask("purchase.order", "button_cancel", [number])
