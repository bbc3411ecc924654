"""Returns: a wizard over a done transfer, whose lines start at nothing, and the transfer back it makes."""

from __future__ import annotations

from typing import Any

from connectors.odoo.twin_assign import assign
from connectors.odoo.twin_confirm import confirm
from connectors.odoo.twin_done import copied
from connectors.odoo.twin_moves import is_scrap, move, moves_of, next_moves, unreserve
from connectors.odoo.twin_orm import Env, Row, action, before_create, computed, on_create, user_error
from connectors.odoo.twin_stock import OVER, engine, is_zero, rounded


@before_create("stock.return.picking")
def complete_wizard(env: Env, vals: dict[str, Any]) -> None:
    if not vals.get("picking_id") and env.context.get("active_model") == "stock.picking":
        vals["picking_id"] = env.context.get("active_id")


@on_create("stock.return.picking")
def list_goods(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    """Name what the transfer moved. Quantities are for people to say."""
    for wizard in env.browse("stock.return.picking", ids):
        picking = env.row("stock.picking", wizard["picking_id"])
        if picking is None or vals.get("product_return_moves"):
            continue
        if picking["state"] != "done":
            raise user_error("You may only return Done pickings.")
        for one in moves_of(env, picking["id"]):
            if one["state"] == "cancel" or (one["state"] == "done" and is_scrap(env, one)):
                continue
            line = {
                "wizard_id": wizard["id"],
                "product_id": one["product_id"],
                "move_id": one["id"],
                "quantity": 0.0,
            }
            env.create("stock.return.picking.line", line)


@computed("stock.return.picking.line", "move_quantity")
def moved(env: Env, ids: list[int]) -> dict[int, float]:
    return {
        line["id"]: move(env, line["move_id"])["quantity"] if line["move_id"] else 0.0
        for line in env.browse("stock.return.picking.line", ids)
    }


@action("stock.return.picking", "action_create_returns")
def action_create_returns(env: Env, ids: list[int]) -> dict[str, Any]:
    """Make the transfer back. The one window that comes after its work was done."""
    return _done_window(env, _make(engine(env), env.need("stock.return.picking", ids[0])))


def _done_window(env: Env, made: int) -> dict[str, Any]:
    return {
        "name": "Returned Picking",
        "view_mode": "form",
        "res_model": "stock.picking",
        "res_id": made,
        "type": "ir.actions.act_window",
        "context": dict(env.context),
    }


@action("stock.return.picking", "action_create_returns_all")
def action_create_returns_all(env: Env, ids: list[int]) -> dict[str, Any]:
    """Take back everything that moved."""
    wizard = env.need("stock.return.picking", ids[0])
    for line in env.browse("stock.return.picking.line", wizard["product_return_moves"]):
        if line["move_id"]:
            quantity = move(env, line["move_id"])["quantity"]
            env.write("stock.return.picking.line", [line["id"]], {"quantity": quantity})
    return _done_window(env, _make(engine(env), wizard))


def _make(env: Env, wizard: Row) -> int:
    lines = [
        line
        for line in env.browse("stock.return.picking.line", wizard["product_return_moves"])
        if not is_zero(line["quantity"])
    ]
    if not lines:
        raise user_error("Please specify at least one non-zero quantity.")
    for line in lines:
        if line["move_id"]:
            after = [one["id"] for one in next_moves(env, line["move_id"]) if one["state"] not in OVER]
            unreserve(env, after)
    old = env.need("stock.picking", wizard["picking_id"])
    kind = env.need("stock.picking.type", old["picking_type_id"])
    back = kind["return_picking_type_id"] or kind["id"]
    vals: dict[str, Any] = {
        name: old[name]
        for name in ("partner_id", "owner_id", "company_id", "move_type", "sale_id", "purchase_id")
    }
    group = "group_id" if env.version < 19 else "reference_ids"
    vals[group] = [(6, 0, old[group])] if isinstance(old[group], list) else old[group]
    new = env.create(
        "stock.picking",
        {
            **vals,
            "picking_type_id": back,
            "return_id": old["id"],
            "origin": f"Return of {old['name']}",
            "location_id": old["location_dest_id"],
            "location_dest_id": old["location_id"],
        },
    )
    moves = [env.create("stock.move", _move_back(env, line, new, back)) for line in lines]
    confirm(env, moves)
    assign(env, moves)
    return new


def _move_back(env: Env, line: Row, picking: int, kind: int) -> dict[str, Any]:
    vals: dict[str, Any] = {
        "product_id": line["product_id"],
        "product_uom_qty": rounded(line["quantity"]),
        "product_uom": env.need("product.product", line["product_id"])["uom_id"],
        "picking_id": picking,
        "picking_type_id": kind,
        "procure_method": "make_to_stock",
        "to_refund": line["to_refund"],
        "date": env.stamp(),
    }
    if not line["move_id"]:
        if env.version < 19:
            vals["name"] = str(line["product_id"])
        return vals
    one = move(env, line["move_id"])
    before = {one["id"]}
    for after in next_moves(env, one["id"]):
        before |= {other for other in after["move_orig_ids"] if move(env, other)["state"] != "cancel"}
    return {
        **copied(one),
        **vals,
        "product_uom": one["product_uom"],
        "location_id": one["location_dest_id"],
        "location_dest_id": env.need("stock.picking", picking)["location_dest_id"] or one["location_id"],
        "location_final_id": None,
        "origin_returned_move_id": one["id"],
        "move_orig_ids": [(6, 0, sorted(before))],
    }
