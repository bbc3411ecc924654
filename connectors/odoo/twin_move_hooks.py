"""What making, writing and deleting a move sets off, whoever does it.

The quantity written to a move goes to its lines; the demand, the state and the transfer follow.
"""

from __future__ import annotations

from typing import Any

from connectors.odoo.twin_assign import assign, set_quantity
from connectors.odoo.twin_moves import (
    follow_demand,
    follow_lines,
    follow_moves,
    follow_name,
    follow_quantity,
    lines_of,
    move,
    unreserve,
)
from connectors.odoo.twin_orm import (
    Env,
    before_create,
    before_write,
    on_create,
    on_delete,
    on_write,
    user_error,
)
from connectors.odoo.twin_stock import OVER, compare, engine, is_engine, recompute, rounded, tell, usage


@before_create("stock.move")
def complete_move(env: Env, vals: dict[str, Any]) -> None:
    picking = env.row("stock.picking", vals.get("picking_id"))
    if vals.get("product_id") and not vals.get("product_uom"):
        vals["product_uom"] = env.need("product.product", vals["product_id"])["uom_id"]
    if picking is not None:
        for name in ("location_id", "location_dest_id", "picking_type_id", "company_id", "partner_id"):
            if not vals.get(name):
                vals[name] = picking[name]
    if not vals.get("company_id"):
        vals["company_id"] = env.company_id
    vals["product_uom_qty"] = rounded(float(vals.get("product_uom_qty") or 0.0))
    vals.setdefault("state", "draft")
    vals.setdefault("procure_method", "make_to_stock")
    vals["date"] = vals.get("date") or env.now.strftime("%Y-%m-%d %H:%M:%S")
    if "quantity" in vals:
        vals["quantity"] = rounded(float(vals["quantity"] or 0.0))


@on_create("stock.move")
def after_create(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    inner = engine(env)
    for number in ids:
        follow_demand(inner, number)
        wanted = vals.get("quantity")
        follow_lines(inner, number)
        if "quantity" in vals and not vals.get("move_line_ids"):
            recompute(inner, "stock.move", number, picked=bool(vals.get("picked")))
            set_quantity(inner, number, wanted or 0.0)
        if vals.get("picked"):
            _pick(inner, number, picked=True)
        follow_name(inner, number)
        follow_moves(inner, move(inner, number)["picking_id"])


@before_write("stock.move")
def before_change(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    """Set quantities through the lines, and give back what a smaller demand no longer needs."""
    inner = engine(env)
    if "quantity" in vals:
        wanted = rounded(float(vals.pop("quantity") or 0.0))
        for number in ids:
            set_quantity(inner, number, wanted)
    if "product_uom_qty" in vals:
        demand = vals["product_uom_qty"] = rounded(float(vals["product_uom_qty"] or 0.0))
        if not env.context.get("do_not_unreserve"):
            for number in ids:
                one = move(inner, number)
                if one["state"] not in ("draft", *OVER) and compare(one["quantity"], demand) > 0:
                    unreserve(inner, [number])


@on_write("stock.move")
def after_change(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    inner = engine(env)
    for number in ids:
        one = move(inner, number)
        if "product_uom_qty" in vals or "product_uom" in vals:
            follow_demand(inner, number)
            if one["state"] != "draft":
                follow_quantity(inner, [number])
                if usage(inner, one["location_id"]) == "supplier":
                    assign(inner, [number])  # what is expected follows the demand at once
        if "picked" in vals:
            _pick(inner, number, picked=bool(vals["picked"]))
        if "state" in vals:
            for line in lines_of(inner, number):
                tell(inner, "stock.move.line", line["id"], state=vals["state"])
        if {"name", "inventory_name", "picking_id"} & set(vals):
            follow_name(inner, number)
        follow_moves(inner, move(inner, number)["picking_id"])


@on_delete("stock.move")
def before_delete(env: Env, ids: list[int]) -> None:
    inner = engine(env)
    for number in ids:
        if move(inner, number)["state"] not in ("draft", "cancel") and not is_engine(env):
            raise user_error("You can only delete draft or cancelled moves.")
        inner.delete("stock.move.line", [line["id"] for line in lines_of(inner, number)])


def _pick(env: Env, number: int, *, picked: bool) -> None:
    lines = [line["id"] for line in lines_of(env, number) if line["picked"] != picked]
    if lines:
        env.write("stock.move.line", lines, {"picked": picked})
