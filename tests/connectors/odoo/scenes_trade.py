"""Scenes of orders, returns, scrap, reading and refusals; how scenes work is said in scenes."""

from __future__ import annotations

from connectors.odoo.twin_users import group_field
from tests.connectors.odoo.scenes import (
    PICKING,
    PRODUCT,
    Given,
    a_receipt_come_in_part,
    after,
    receipt,
    scene,
    to_shelf,
)
from tests.connectors.odoo.stage import Stage

ORDER, RETURN, SCRAP = "sale.order", "stock.return.picking", "stock.scrap"

# ── orders ──


@scene("so-1-create")
def goods_to_sell(stage: Stage) -> Given:
    return {PRODUCT: [stage.product(stock=10)]}


@scene("so-2-confirm")
def a_quotation(stage: Stage) -> Given:
    return {ORDER: [stage.order(stage.product(stock=10), 6, confirm=False)]}


@scene("so-3-read", "error-so-confirm-twice", "so-cancel", "so-cancel-wizard-or-ok")
def a_confirmed_order(stage: Stage) -> Given:
    return {ORDER: [stage.order(stage.product(stock=10), 6, "SHOP-1101")]}


@scene("so-4-read-delivery", "so-5-assign", "unreserve")
def the_delivery_of_an_order(stage: Stage) -> Given:
    return {PICKING: [stage.delivery(a_confirmed_order(stage)[ORDER][0])]}


@scene("load-sale-order-upsert")
def goods_to_load(stage: Stage) -> Given:
    return {PRODUCT: [stage.product(stock=10)]}


@scene("po-1-create")
def goods_to_buy(stage: Stage) -> Given:
    return {PRODUCT: [stage.product("SKU-0031")]}


@scene("po-2-confirm")
def a_request_for_quotation(stage: Stage) -> Given:
    return {"purchase.order": [stage.purchase(stage.product("SKU-0031"), 20, confirm=False)]}


@scene("po-3-read")
def a_purchase(stage: Stage) -> Given:
    return {"purchase.order": [stage.purchase(stage.product("SKU-0031"), 20)]}


@scene("po-4-read-receipt")
def a_receipt(stage: Stage) -> Given:
    return {PICKING: [receipt(stage)]}


# ── returns and scrap ──


@scene("return-1-create-wizard")
def a_shipped_order(stage: Stage) -> Given:
    return {PICKING: [stage.shipped(stage.product(stock=10), 4)[1]]}


@scene("return-2-read-lines", "return-3-set-quantity")
def lines_to_take_back(stage: Stage) -> Given:
    wizard = _wizard(stage)
    return {f"{RETURN}.line": list(stage.value(RETURN, wizard, "product_return_moves"))}


@scene("return-4-create-returns")
def a_return_to_make(stage: Stage) -> Given:
    wizard = _wizard(stage)
    line = stage.value(RETURN, wizard, "product_return_moves")[0]
    stage.write(f"{RETURN}.line", line, {"quantity": 2})
    return {RETURN: [wizard]}


@scene("return-5-validate")
def a_return(stage: Stage) -> Given:
    made = stage.call(RETURN, "action_create_returns", a_return_to_make(stage)[RETURN])
    return {PICKING: [made["res_id"]]}


def _wizard(stage: Stage) -> int:
    number = stage.order(stage.product(stock=10), 4, "SHOP-1101")
    picking = stage.delivery(number)
    stage.call(PICKING, "button_validate", [picking])
    return stage.create(RETURN, {"picking_id": picking})


@scene("scrap-1-create")
def goods_to_scrap(stage: Stage) -> Given:
    return {PRODUCT: [stage.product(stock=10)]}


@scene("scrap-2-validate")
def a_scrap(stage: Stage) -> Given:
    return {SCRAP: [_scrap(stage, 1)]}


@scene("scrap-3-read", "scrap-validate-twice")
def a_scrap_that_is_done(stage: Stage) -> Given:
    number = _scrap(stage, 1)
    stage.call(SCRAP, "action_validate", [number])
    return {SCRAP: [number]}


@scene("scrap-insufficient-returns-wizard")
def a_scrap_of_more_than_there_is(stage: Stage) -> Given:
    return {SCRAP: [_scrap(stage, 1000)]}


def _scrap(stage: Stage, quantity: float) -> int:
    vals = {"product_id": stage.product(stock=10), "scrap_qty": quantity, "location_id": stage.stock}
    return stage.create(SCRAP, {**vals, "origin": "evt-scrap-1"})


# ── reading ──


@scene("list-locations")
def several_places(stage: Stage) -> Given:
    for number in range(2):
        vals = {"name": f"Shelf-{number}", "usage": "internal", "location_id": stage.stock}
        stage.create("stock.location", vals)
    return {}


@scene("find-product-by-default-code")
@scene("list-products-page1", "list-products-next-by-id", "list-products-incremental-write-date")
def a_range_of_products(stage: Stage) -> Given:
    for number in range(12):
        stage.product(f"SKU-{number:04d}", barcode=f"2000000{number:06d}")
    return {}


@scene("read-product-quantities")
def a_product_below_nothing(stage: Stage) -> Given:
    stage.product("SKU-0401", stock=-391)
    return {}


@scene("read-quants-grouped")
def two_products_of_which_one_is_there(stage: Stage) -> Given:
    product = stage.product("SKU-0401", stock=-391)
    return {PRODUCT: [product, stage.product("SKU-0301")]}


@scene("read-quants", "read-quants-load-none")
def several_rows(stage: Stage) -> Given:
    for number in range(5):
        stage.product(f"SKU-{number:04d}", stock=10 + number)
    return {}


@scene("read-quants-reserved")
def a_row_promised_in_part(stage: Stage) -> Given:
    product = stage.product("SKU-0032", stock=10)
    stage.order(product, 6)
    return {PRODUCT: [product]}


@scene("poll-move-lines-by-write-date", "poll-pickings-by-write-date", "poll-quants-by-write-date")
def movements(stage: Stage) -> Given:
    """A count and a transfer; then on 18 another of each, on 19 a receipt of which a part came."""
    product, shelf = stage.product("SKU-0020", stock=100), stage.shelf()
    for number in (1, 2):
        given = {PICKING: [to_shelf(stage, product, shelf, number)]}
        for method in ("action_confirm", "action_assign", "button_validate"):
            after(stage, given, method)
        if number == 1 and stage.version == 18:
            stage.product("SKU-0022", stock=10)
        elif number == 1:
            given = a_receipt_come_in_part(stage)
            stage.call(PICKING, "button_validate", given[PICKING], context={"skip_backorder": True})
    return {}


@scene("webread-products-with-quants")
def three_products(stage: Stage) -> Given:
    return {PRODUCT: [stage.product(f"SKU-09{number:02d}", stock=10) for number in range(3)]}


@scene("webread-open-moves-with-quants")
def open_deliveries(stage: Stage) -> Given:
    for number in range(3):
        stage.order(stage.product(f"SKU-00{number:02d}", stock=10), 6)
    return {}


# ── refusals ──


@scene("error-missing-record-write")
def a_user_who_may_write_products(stage: Stage) -> Given:
    with stage.twin.env() as env:
        group = env.ids("res.groups", [("name", "=", "product.group_product_manager")])[0]
        env.write("res.users", [stage.twin.uid], {group_field(stage.version): [(4, group)]})
    return {}


@scene("error-access-denied-write")
def somebody_elses_product(stage: Stage) -> Given:
    return {PRODUCT: [stage.product()]}


@scene("error-duplicate-barcode")
def a_barcode_that_is_taken(stage: Stage) -> Given:
    stage.product("SKU-0001", barcode="2000000000001")
    return {}


@scene("error-foreign-company")
def a_company_of_others(stage: Stage) -> Given:
    return {"res.company": [stage.second_company()]}


@scene("error-other-company-record")
def a_product_of_others(stage: Stage) -> Given:
    return {PRODUCT: [stage.product("X", company_id=stage.second_company())]}


@scene("error-serialization-failure")
def a_row_kept_busy(stage: Stage) -> Given:
    stage.twin.faults.inject("serialization_failure", path="/product.product/write")
    return {PRODUCT: [stage.product("SKU-0200")]}
