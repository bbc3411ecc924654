"""How a twin is furnished for each recorded exchange: what has to be there before the request is played.

A scene returns the twin's records by model, in the order in which their recorded ids appear in the request.
Scenes are named like the recordings, without version and transport; what needs nothing is in `EMPTY`.
Counts and transfers are here, orders, reading and refusals in scenes_trade.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.connectors.odoo.stage import Stage

Given = dict[str, list[int]]
Scene = Callable[[Stage], Given]
SCENES: dict[str, Scene] = {}
PRODUCT, QUANT, PICKING, MOVE = "product.product", "stock.quant", "stock.picking", "stock.move"

EMPTY = frozenset(
    {
        "authenticate-ok", "authenticate-wrong-key", "authenticate-unknown-db", "execute-wrong-key",
        "version",
        "auth-missing", "auth-no-db-header", "auth-ok", "auth-unknown-db", "auth-wrong-key", "bad-json",
        "error-access-denied", "error-missing-record", "error-type-product-removed",
        "error-product-create-needs-product-group", "error-unknown-field-domain", "error-unknown-field-read",
        "error-unknown-field-write", "error-validation-required", "get-not-allowed", "list-warehouses",
        "load-external-id", "missing-argument", "model-method-with-ids", "positional-body-rejected",
        "private-method", "search-with-ids", "unknown-argument", "unknown-method", "unknown-model",
        "wrong-content-type", "so-duplicate-name-is-accepted", "search-read-still-works", "search-read",
        "access-denied-fault", "missing-record-fault", "validation-fault",
    }
)  # fmt: skip


def scene(*names: str) -> Callable[[Scene], Scene]:
    def note(run: Scene) -> Scene:
        for name in names:
            SCENES[name] = run
        return run

    return note


# ── counts ──


@scene("adjust-1-create-quant", "adjust-auto-apply-create", "adjust-direct-quantity-create")
def a_product(stage: Stage) -> Given:
    return {PRODUCT: [stage.product()]}


@scene("adjust-auto-apply-write", "adjust-direct-quantity-write", "adjust-write-inventory-quantity")
@scene("adjust-apply-without-count")
def a_row(stage: Stage) -> Given:
    return {QUANT: [stage.put(stage.product(), 40)]}


@scene("adjust-2-apply", "adjust-as-stock-user", "none-result")
def a_counted_row(stage: Stage) -> Given:
    return {QUANT: [stage.counted(stage.put(stage.product(), 40), 50)]}


@scene("adjust-negative-count")
def a_row_counted_below_nothing(stage: Stage) -> Given:
    return {QUANT: [stage.counted(stage.put(stage.product(), 4), -3)]}


@scene("adjust-below-reserved")
def a_row_counted_below_what_is_promised(stage: Stage) -> Given:
    product = stage.product()
    quant = stage.put(product, 10)
    stage.order(product, 8)
    return {QUANT: [stage.counted(quant, 5)]}


@scene("adjust-conflict-wizard")
def a_row_that_moved_after_its_count(stage: Stage) -> Given:
    product = stage.product()
    quant = stage.counted(stage.put(product, 10), 12)
    stage.shipped(product, 1)
    return {QUANT: [quant]}


@scene("adjust-lot-create")
def a_lot(stage: Stage) -> Given:
    product = stage.product("LOT-1", tracking="lot")
    return {
        PRODUCT: [product],
        "stock.lot": [stage.create("stock.lot", {"name": "L", "product_id": product})],
    }


@scene("error-serial-quantity-over-1")
def a_serial(stage: Stage) -> Given:
    product = stage.product("SER-1", tracking="serial")
    return {
        PRODUCT: [product],
        "stock.lot": [stage.create("stock.lot", {"name": "S", "product_id": product})],
    }


@scene("create-lot")
def a_lot_tracked_product(stage: Stage) -> Given:
    return {PRODUCT: [stage.product("LOT-1", tracking="lot")]}


@scene("error-duplicate-lot")
def a_lot_of_that_name(stage: Stage) -> Given:
    product = stage.product("LOT-1", tracking="lot", name="Lotted")
    stage.create("stock.lot", {"name": "LOT-A", "product_id": product})
    return {PRODUCT: [product]}


@scene("find-adjustment-by-reference")
def a_count_that_was_named(stage: Stage) -> Given:
    vals = {"product_id": stage.product("SKU-0001"), "location_id": stage.stock, "inventory_quantity": 40}
    made = stage.call(QUANT, "create", vals_list=[vals], context={"inventory_mode": True})
    stage.call(QUANT, "action_apply_inventory", made, context={"inventory_name": "sync:adj:0001"})
    return {}


# ── transfers ──


@scene("delta-1-create-picking", "delta2-1-create-with-quantity")
def goods_for_a_delta(stage: Stage) -> Given:
    return {PRODUCT: [stage.product()]}


@scene("delta-2-confirm", "delta-3-validate")
def a_delta(stage: Stage) -> Given:
    picking = _delta(stage)
    return {PICKING: [picking]}


@scene("delta2-2-validate")
def a_delta_with_quantity(stage: Stage) -> Given:
    return {PICKING: [_delta(stage, quantity=4, picked=True)]}


@scene("validate-already-done", "error-cancel-done-picking")
def a_delta_that_is_done(stage: Stage) -> Given:
    return {PICKING: [_done_delta(stage)]}


@scene("error-duplicate-picking-name")
def a_name_that_is_taken(stage: Stage) -> Given:
    product = stage.product()
    _delta(stage, product=product)
    return {PRODUCT: [product]}


@scene("find-picking-by-name")
def a_delta_to_be_found(stage: Stage) -> Given:
    _done_delta(stage)
    return {}


def _delta(stage: Stage, *, product: int | None = None, **move: Any) -> int:
    here = product or stage.product()
    return stage.picking(here, 4, stage.internal, stage.inventory, stage.stock, name="SYNC/evt-0001", **move)


def _done_delta(stage: Stage) -> int:
    picking = _delta(stage, quantity=4, picked=True)
    stage.call(PICKING, "button_validate", [picking])
    return picking


@scene("internal-1-create")
def goods_for_a_shelf(stage: Stage) -> Given:
    return {PRODUCT: [stage.product(stock=20)], "shelf": [stage.shelf()]}


@scene("internal-2-confirm")
def a_transfer_to_a_shelf(stage: Stage) -> Given:
    return {PICKING: [to_shelf(stage, stage.product("SKU-0030", stock=20), stage.shelf(), 2)]}


@scene("internal-3-assign")
def a_confirmed_transfer(stage: Stage) -> Given:
    return after(stage, a_transfer_to_a_shelf(stage), "action_confirm")


@scene("internal-4-validate")
def an_assigned_transfer(stage: Stage) -> Given:
    return after(stage, a_confirmed_transfer(stage), "action_assign")


@scene("internal-5-move-lines")
def a_transfer_that_is_done(stage: Stage) -> Given:
    return after(stage, an_assigned_transfer(stage), "button_validate")


def after(stage: Stage, given: Given, method: str) -> Given:
    stage.call(PICKING, method, given[PICKING])
    return given


def to_shelf(stage: Stage, product: int, shelf: int, number: int) -> int:
    name = f"SYNC/T/000{number}"
    return stage.picking(product, 12, stage.internal, stage.stock, shelf, name=name, origin="evt-int-1")


@scene("create-location")
def nothing_but_places(stage: Stage) -> Given:
    return {}


@scene("delivery-forced-negative")
def a_delivery_that_is_forced(stage: Stage) -> Given:
    given = a_delivery_of_what_is_not_there(stage)
    stage.write(MOVE, stage.moves(given[PICKING][0])[0], {"quantity": 5, "picked": True})
    return given


@scene("error-validate-nothing-reserved")
def a_delivery_of_what_is_not_there(stage: Stage) -> Given:
    picking = stage.picking(stage.product(), 5, stage.deliveries, stage.stock, stage.customers)
    stage.call(PICKING, "action_confirm", [picking])
    return {PICKING: [picking]}


@scene("delivery-partial-1-validate-returns-wizard", "delivery-partial-4-no-backorder")
@scene("delivery-partial-2-wizard-create")
def a_delivery_packed_in_part(stage: Stage) -> Given:
    return {PICKING: [_packed(stage)]}


@scene("delivery-partial-3-wizard-process")
def a_backorder_asked_for(stage: Stage) -> Given:
    picking = _packed(stage)
    context = {"button_validate_picking_ids": [picking]}
    made = stage.call(
        "stock.backorder.confirmation",
        "create",
        vals_list=[{"pick_ids": [(6, 0, [picking])]}],
        context=context,
    )
    return {PICKING: [picking], "stock.backorder.confirmation": made}


@scene("backorder-by-user-without-email")
def a_user_without_an_address(stage: Stage) -> Given:
    picking = _packed(stage)
    with stage.twin.env() as env:
        everybody = [user["partner_id"] for user in env.rows("res.users")]
        env.write("res.partner", everybody, {"email": None})
    return {PICKING: [picking]}


def _packed(stage: Stage) -> int:
    picking = stage.delivery(stage.order(stage.product(stock=10), 6))
    stage.write(MOVE, stage.moves(picking)[0], {"quantity": 4, "picked": True})
    return picking


@scene("error-lot-required")
def a_tracked_delta_without_lot(stage: Stage) -> Given:
    product = stage.product("LOT-1", tracking="lot", name="Lotted")
    return {PICKING: [_delta(stage, product=product, quantity=4, picked=True)]}


@scene("receipt-lot-1-create")
def a_lot_product_to_receive(stage: Stage) -> Given:
    return {PRODUCT: [stage.product("LOT-1", tracking="lot")]}


@scene("receipt-lot-2-validate")
def a_receipt_with_a_lot(stage: Stage) -> Given:
    product = stage.product("LOT-1", tracking="lot")
    line = {
        "product_id": product, "quantity": 6, "lot_name": "L-04", "location_id": stage.vendors,
        "location_dest_id": stage.stock, "picked": True,
    }  # fmt: skip
    more: dict[str, Any] = {"picked": True, "move_line_ids": [(0, 0, line)]}
    return {PICKING: [stage.picking(product, 6, stage.receipts, stage.vendors, stage.stock, **more)]}


@scene("receipt-partial-1-set-quantity")
def a_receipt_to_come(stage: Stage) -> Given:
    return {MOVE: stage.moves(receipt(stage))}


@scene("receipt-partial-2-validate-returns-wizard", "receipt-partial-3-validate-skip-backorder")
def a_receipt_come_in_part(stage: Stage) -> Given:
    picking = receipt(stage)
    stage.write(MOVE, stage.moves(picking)[0], {"quantity": 15, "picked": True})
    return {PICKING: [picking]}


def receipt(stage: Stage) -> int:
    order = stage.purchase(stage.product("SKU-0031"), 20)
    return int(stage.value("purchase.order", order, "picking_ids")[0])
