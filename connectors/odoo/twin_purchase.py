"""Purchase orders of the twin: confirming makes the receipt, a larger line makes it larger.

A smaller line leaves the receipt alone and people a note; what has come cannot be taken off the order.
"""

from __future__ import annotations

from typing import Any

from connectors.odoo.twin_inner import call
from connectors.odoo.twin_launch import Need, launch
from connectors.odoo.twin_orm import (
    Env,
    Row,
    action,
    before_create,
    before_write,
    computed,
    on_create,
    on_write,
    user_error,
)
from connectors.odoo.twin_sales import unit_name
from connectors.odoo.twin_stock import OVER, compare, convert


@before_create("purchase.order")
def complete_order(env: Env, vals: dict[str, Any]) -> None:
    if vals.get("name") in (None, False, "New"):
        vals["name"] = f"P{env.next_number('purchase.order.name'):05d}"
    vals["user_id"] = vals.get("user_id") or env.uid
    company = vals.get("company_id") or env.company_id
    if not vals.get("picking_type_id"):
        owned = env.rows("stock.warehouse", [("company_id", "=", company)], order="sequence, id", limit=1)
        vals["picking_type_id"] = owned[0]["in_type_id"] if owned else None


@before_create("purchase.order.line")
def complete_line(env: Env, vals: dict[str, Any]) -> None:
    product = env.row("product.product", vals.get("product_id"))
    if product is not None:
        vals.setdefault("name", product["display_name"])
        vals[unit_name(env)] = vals.get(unit_name(env)) or product["uom_id"]


@on_create("purchase.order.line")
def added(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    launch_lines(env, ids)


@before_write("purchase.order.line")
def check_quantity(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    for line in env.browse("purchase.order.line", ids if "product_qty" in vals else []):
        if line["state"] == "purchase" and compare(float(vals["product_qty"] or 0), line["qty_received"]) < 0:
            raise user_error(
                "You cannot decrease the ordered quantity below the received quantity.\n"
                "Create a return first."
            )


@on_write("purchase.order.line")
def changed_line(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    if "product_qty" in vals:
        launch_lines(env, ids)


@action("purchase.order", "button_confirm")
def button_confirm(env: Env, ids: list[int]) -> bool:
    for order in env.browse("purchase.order", ids):
        if order["state"] in ("draft", "sent"):
            env.write("purchase.order", [order["id"]], {"state": "purchase", "date_approve": env.stamp()})
            launch_lines(env, order["order_line"])
    return True


@action("purchase.order", "button_cancel")
def button_cancel(env: Env, ids: list[int]) -> None:
    for order in env.browse("purchase.order", ids):
        pickings = env.browse("stock.picking", order["picking_ids"])
        if any(one["state"] == "done" for one in pickings):
            raise user_error(
                f"Unable to cancel purchase order {order['name']} as some receptions have already been done."
            )
        open_ones = [one["id"] for one in pickings if one["state"] not in OVER]
        if open_ones:
            call(env, "stock.picking", "action_cancel", open_ones)
    env.write("purchase.order", ids, {"state": "cancel"})


def launch_lines(env: Env, line_ids: list[int]) -> None:
    """Expect what confirmed orders ask for and no receipt has yet."""
    needs = []
    for line in env.browse("purchase.order.line", line_ids):
        order = env.need("purchase.order", line["order_id"])
        product = env.row("product.product", line["product_id"])
        if order["state"] != "purchase" or product is None or product["type"] != "consu":
            continue
        missing = line["product_qty"] - _moved(env, line, done_only=False)
        if compare(missing, 0.0) > 0:
            quantity = convert(env, missing, line[unit_name(env)], product["uom_id"], "HALF-UP")
            needs.append(_need(env, order, line, quantity))
    launch(env, needs)


def _need(env: Env, order: Row, line: Row, quantity: float) -> Need:
    kind = env.need("stock.picking.type", order["picking_type_id"])
    vendors = env.value("res.partner", order["partner_id"], "property_stock_supplier")
    receipts = env.browse("stock.picking", sorted(order["picking_ids"]))
    return Need(
        product=line["product_id"],
        quantity=quantity,
        type_id=kind["id"],
        source=vendors,
        destination=kind["default_location_dest_id"],
        origin=order["name"],
        picking=next((one["id"] for one in receipts if one["state"] not in OVER), None)
        or _receipt(env, order, vendors, kind),
        vals={
            "purchase_line_id": line["id"], "partner_id": order["partner_id"],
            "warehouse_id": kind["warehouse_id"],
        },
    )  # fmt: skip


def _receipt(env: Env, order: Row, vendors: int, kind: Row) -> int:
    vals = {
        "picking_type_id": kind["id"], "location_id": vendors, "origin": order["name"],
        "location_dest_id": kind["default_location_dest_id"], "partner_id": order["partner_id"],
        "purchase_id": order["id"], "company_id": order["company_id"],
    }  # fmt: skip
    return env.create("stock.picking", vals)


def _moved(env: Env, line: Row, *, done_only: bool) -> float:
    """Return what came (or is to come) for a line, what was sent back taken off, in the line's unit."""
    total = 0.0
    for one in env.rows("stock.move", [("purchase_line_id", "=", line["id"])]):
        if one["state"] == "cancel" or (done_only and one["state"] != "done"):
            continue
        amount = one["quantity"] if one["state"] == "done" else one["product_uom_qty"]
        amount = convert(env, amount, one["product_uom"], line[unit_name(env)], "HALF-UP")
        total += -amount if one["location_dest_usage"] == "supplier" else amount
    return total


@computed("purchase.order.line", "qty_received")
def qty_received(env: Env, ids: list[int]) -> dict[int, float]:
    return {line["id"]: _moved(env, line, done_only=True) for line in env.browse("purchase.order.line", ids)}


@computed("purchase.order", "receipt_status")
def receipt_status(env: Env, ids: list[int]) -> dict[int, str | None]:
    found: dict[int, str | None] = {}
    for order in env.browse("purchase.order", ids):
        states = {one["state"] for one in env.browse("stock.picking", order["picking_ids"])}
        if states <= {"cancel"}:
            found[order["id"]] = None
        elif states <= set(OVER):
            found[order["id"]] = "full"
        else:
            found[order["id"]] = "partial" if "done" in states else "pending"
    return found


@computed("purchase.order", "display_name")
def display_name(env: Env, ids: list[int]) -> dict[int, str]:
    """`P00002 (EXT-PO-1)`."""
    orders = env.browse("purchase.order", ids)
    return {
        one["id"]: f"{one['name']} ({one['partner_ref']})" if one["partner_ref"] else str(one["name"])
        for one in orders
    }
