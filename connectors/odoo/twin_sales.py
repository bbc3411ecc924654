"""Sales orders of the twin: confirming launches deliveries, changing them changes the deliveries.

A larger quantity launches what is missing. A smaller one takes it back from moves that are not done and
leaves a note for people; what no open move can give comes as a return. Kits go as their components, each
with the line of the kit. How moves are made is in twin_launch, what a kit is in twin_kits.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from connectors.odoo.twin_goods import kit_of
from connectors.odoo.twin_inner import call
from connectors.odoo.twin_kits import whole_kits
from connectors.odoo.twin_launch import Need, launch
from connectors.odoo.twin_orm import (
    Env,
    Field,
    Model,
    Row,
    action,
    before_create,
    before_write,
    computed,
    on_create,
    on_delete,
    on_write,
    user_error,
)
from connectors.odoo.twin_stock import OVER, compare, convert, window

TAKEN_BACK = (
    "The ordered quantity of a sale order line cannot be decreased below the amount already delivered. "
    "Instead, create a return in your inventory."
)

Model(
    "mail.activity",
    "Activity",
    {
        "res_model": Field("char", required=True, index=True), "res_id": Field("integer", index=True),
        "summary": Field("char"), "note": Field("html"), "user_id": Field("many2one", "res.users"),
    },
    rec_name="summary", company_field="",
)  # fmt: skip


def unit_name(env: Env) -> str:
    """Return what this version calls the unit of an order's line."""
    return "product_uom" if env.version == 18 else "product_uom_id"


# ── what an order is when it is made ──


@before_create("sale.order")
def complete_order(env: Env, vals: dict[str, Any]) -> None:
    if vals.get("name") in (None, False, "New"):
        vals["name"] = f"S{env.next_number('sale.order.name'):05d}"
    for name in ("partner_invoice_id", "partner_shipping_id"):
        vals[name] = vals.get(name) or vals.get("partner_id")
    vals["user_id"] = vals.get("user_id") or env.uid
    company = vals.get("company_id") or env.company_id
    if not vals.get("warehouse_id"):
        owned = env.sudo().ids(
            "stock.warehouse", [("company_id", "=", company)], order="sequence, id", limit=1
        )
        vals["warehouse_id"] = owned[0] if owned else None


@before_create("sale.order.line")
def complete_line(env: Env, vals: dict[str, Any]) -> None:
    product = env.row("product.product", vals.get("product_id"))
    if product is None:
        return
    vals.setdefault("name", product["display_name"])
    vals[unit_name(env)] = vals.get(unit_name(env)) or product["uom_id"]
    if "price_unit" not in vals:
        vals["price_unit"] = product["lst_price"]


@on_create("sale.order.line")
def added(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    launch_lines(env, ids)


# ── what changing it does ──


@before_write("sale.order.line")
def check_quantity(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    if "product_uom_qty" not in vals:
        return
    wanted = float(vals["product_uom_qty"] or 0.0)
    for line in env.browse("sale.order.line", ids):
        changed = compare(line["product_uom_qty"], wanted) != 0
        if line["state"] == "sale" and changed and compare(wanted, line["qty_delivered"]) < 0:
            raise user_error(TAKEN_BACK)


@on_write("sale.order.line")
def changed_line(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    if "product_uom_qty" in vals:
        launch_lines(env, ids)


@on_write("sale.order")
def changed_order(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    """Leave people a note at each delivery of which a line was made smaller, as a person's form does."""
    if "order_line" not in vals:
        return
    for order in env.browse("sale.order", ids):
        for line in env.browse("sale.order.line", order["order_line"] if order["state"] == "sale" else []):
            before = env.tx.before("sale.order.line", line["id"])
            if before and compare(line["product_uom_qty"], before["product_uom_qty"]) < 0:
                _note(env, order, line, before["product_uom_qty"])


def _note(env: Env, order: Row, line: Row, before: float) -> None:
    moves = env.browse("stock.move", line["move_ids"])
    for picking in sorted({one["picking_id"] for one in moves if one["picking_id"]}):
        if env.value("stock.picking", picking, "state") == "cancel":
            continue
        said = f"{order['name']}: {line['name']} from {before:g} to {line['product_uom_qty']:g}"
        vals = {
            "res_model": "stock.picking", "res_id": picking, "summary": "Exception(s) occurred",
            "note": said, "user_id": order["user_id"],
        }  # fmt: skip
        env.create("mail.activity", vals)


@on_delete("sale.order.line")
def keep_line(env: Env, ids: list[int]) -> None:
    if any(
        line["state"] == "sale" and not line["display_type"] for line in env.browse("sale.order.line", ids)
    ):
        raise user_error(
            "Once a sales order is confirmed, you can't remove one of its lines (we need to track if "
            "something gets invoiced or delivered).\nSet the quantity to 0 instead."
        )


@on_delete("sale.order")
def keep_order(env: Env, ids: list[int]) -> None:
    if any(order["state"] not in ("draft", "cancel") for order in env.browse("sale.order", ids)):
        raise user_error(
            "You can not delete a sent quotation or a confirmed sales order. You must first cancel it."
        )


# ── confirming and cancelling ──


@action("sale.order", "action_confirm")
def action_confirm(env: Env, ids: list[int]) -> bool:
    orders = env.browse("sale.order", ids)
    if any(order["state"] not in ("draft", "sent") for order in orders):
        raise user_error("Some orders are not in a state requiring confirmation.")
    for order in orders:
        lines = env.browse("sale.order.line", order["order_line"])
        if any(not line["display_type"] and not line["product_id"] for line in lines):
            raise user_error(
                "Some order lines are missing a product, you need to correct them before going further."
            )
    env.write("sale.order", ids, {"state": "sale", "date_order": env.stamp()})
    for order in orders:
        launch_lines(env, order["order_line"])
    return True


@action("sale.order", "action_cancel")
def action_cancel(env: Env, ids: list[int]) -> Any:
    """Cancel with every delivery that is not done. 18 asks back first unless told not to."""
    orders = env.browse("sale.order", ids)
    if any(order["locked"] for order in orders):
        raise user_error("You cannot cancel a locked order. Please unlock it first.")
    asks = env.version == 18 and not env.context.get("disable_cancel_warning")
    if asks and any(order["state"] != "draft" for order in orders):
        return window(
            "Cancel Sales Order",
            "sale.order.cancel",
            {
                "default_template_id": 18, "default_order_id": ids[0], "mark_so_as_canceled": True,
                "default_email_layout_xmlid": "mail.mail_notification_layout_with_responsible_signature",
                "model_description": "Sales Order",
            },
            view_id=1312,
        )  # fmt: skip
    cancel(env, ids)
    return True


@action("sale.order.cancel", "action_cancel", versions=(18,))
def confirm_cancel(env: Env, ids: list[int]) -> bool:
    cancel(env, [wizard["order_id"] for wizard in env.browse("sale.order.cancel", ids)])
    return True


@action("sale.order", "action_draft")
def action_draft(env: Env, ids: list[int]) -> bool:
    again = [order["id"] for order in env.browse("sale.order", ids) if order["state"] in ("cancel", "sent")]
    env.write("sale.order", again, {"state": "draft"})
    return True


def cancel(env: Env, ids: list[int]) -> None:
    for order in env.browse("sale.order", ids):
        pickings = env.browse("stock.picking", order["picking_ids"])
        open_ones = [one["id"] for one in pickings if one["state"] not in OVER]
        if open_ones:
            call(env, "stock.picking", "action_cancel", open_ones)
    env.write("sale.order", ids, {"state": "cancel"})


# ── launching ──


def launch_lines(env: Env, line_ids: list[int]) -> None:
    """Bring the moves of lines of confirmed orders to what the lines ask for."""
    needs = []
    for line in env.browse("sale.order.line", line_ids):
        order = env.need("sale.order", line["order_id"])
        product = env.row("product.product", line["product_id"])
        if order["state"] != "sale" or order["locked"] or product is None or product["type"] != "consu":
            continue
        missing = line["product_uom_qty"] - _moved(env, line, done_only=False)
        if compare(missing, 0.0) != 0:
            quantity = convert(env, missing, line[unit_name(env)], product["uom_id"], "HALF-UP")
            needs.append(_need(env, order, line, quantity))
    launch(env, needs)


def _need(env: Env, order: Row, line: Row, quantity: float) -> Need:
    reference, name = order["client_order_ref"], str(order["name"])
    warehouse = env.need("stock.warehouse", order["warehouse_id"])
    return Need(
        product=line["product_id"],
        quantity=quantity,
        type_id=warehouse["out_type_id"],
        source=warehouse["lot_stock_id"],
        destination=customers(env, order["partner_shipping_id"]),
        # 19 says no more than the order's own name.
        origin=f"{name} - {reference}" if reference and env.version == 18 else name,
        group=_group(env, order),
        vals={
            "sale_line_id": line["id"], "partner_id": order["partner_shipping_id"],
            "description_picking": line["name"], "sequence": line["sequence"],
            "warehouse_id": warehouse["id"],
        },
    )  # fmt: skip


def _group(env: Env, order: Row) -> int:
    """Return what keeps the moves of one order together; made with its first move."""
    field = "procurement_group_id" if env.version == 18 else "stock_reference_ids"
    known = env.value("sale.order", order["id"], field)
    if known:
        return int(known if env.version == 18 else known[0])
    if env.version == 18:
        vals = {"name": order["name"], "sale_id": order["id"], "partner_id": order["partner_shipping_id"]}
        group = env.create("procurement.group", vals)
        env.write("sale.order", [order["id"]], {field: group})
        return group
    return env.create("stock.reference", {"name": order["name"], "sale_ids": [(4, order["id"])]})


def customers(env: Env, partner: int | None) -> int:
    """Return where goods for a customer go."""
    own = env.value("res.partner", partner, "property_stock_customer") if partner else None
    return int(own or env.sudo().ids("stock.location", [("usage", "=", "customer")], limit=1)[0])


# ── counting ──


def _moved(env: Env, line: Row, *, done_only: bool) -> float:
    """Return what is gone for a line, or gone and on its way, returns taken off, in the line's unit."""
    product = env.need("product.product", line["product_id"])
    there: dict[int, float] = defaultdict(float)
    for one in env.rows("stock.move", [("sale_line_id", "=", line["id"])]):
        if one["state"] == "cancel" or (done_only and one["state"] != "done"):
            continue
        amount = one["quantity"] if one["state"] == "done" else one["product_uom_qty"]
        own = env.value("product.product", one["product_id"], "uom_id")
        amount = convert(env, amount, one["product_uom"], own, "HALF-UP")
        if one["location_dest_usage"] == "customer":
            if not one["origin_returned_move_id"] or one["to_refund"]:
                there[one["product_id"]] += amount
        elif one["location_usage"] == "customer" and one["to_refund"]:
            there[one["product_id"]] -= amount
    whole = whole_kits(env, product["id"], there) if kit_of(env, product["id"]) else there[product["id"]]
    return convert(env, whole, product["uom_id"], line[unit_name(env)], "HALF-UP")


@computed("sale.order.line", "qty_delivered")
def qty_delivered(env: Env, ids: list[int]) -> dict[int, float]:
    lines = env.browse("sale.order.line", ids)
    return {line["id"]: _moved(env, line, done_only=True) for line in lines if line["product_id"]}


@computed("sale.order", "delivery_status")
def delivery_status(env: Env, ids: list[int]) -> dict[int, str | None]:
    found: dict[int, str | None] = {}
    for order in env.browse("sale.order", ids):
        pickings = env.browse("stock.picking", order["picking_ids"])
        states = {one["state"] for one in pickings}
        lines = env.browse("sale.order.line", order["order_line"])
        if states <= {"cancel"}:
            status = None
        elif states <= set(OVER):
            status = "full"
        elif "done" in states:
            status = "partial" if any(line["qty_delivered"] for line in lines) else "started"
        else:
            status = "pending"
        found[order["id"]] = status
    return found


@computed("sale.order", "delivery_count")
def delivery_count(env: Env, ids: list[int]) -> dict[int, int]:
    return {order["id"]: len(order["picking_ids"]) for order in env.browse("sale.order", ids)}
