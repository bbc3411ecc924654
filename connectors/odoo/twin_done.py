"""Doing moves: the goods change place, what was not done is split off, what follows is told.

A move asked for ten of which six are picked becomes a move of six that is done and a new move, with a new id,
of four. What waits behind a done move is reserved; in deliveries of several steps the next move is made only
now.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.odoo.twin_assign import assign
from connectors.odoo.twin_confirm import confirm
from connectors.odoo.twin_move_lines import finish
from connectors.odoo.twin_moves import (
    cancel,
    follow_lines,
    follow_moves,
    follow_quantity,
    lies_in,
    lines_of,
    move,
    moves_of,
    next_moves,
)
from connectors.odoo.twin_orm import Env, Row, user_error
from connectors.odoo.twin_quants import Key, check_serials
from connectors.odoo.twin_stock import OVER, compare, convert, is_inside, is_zero, warehouse_of

_NOT_COPIED = {
    "id", "create_uid", "create_date", "write_uid", "write_date", "state", "quantity", "picked",
    "product_qty", "reference", "reservation_date", "scrap_id", "additional",
}  # fmt: skip


def done(env: Env, numbers: Iterable[int], *, cancel_backorder: bool = False) -> list[int]:
    """Do what is picked of moves; the rest is split off, or cancelled. Returns the moves that are done."""
    numbers = list(numbers)
    confirm(env, [number for number in numbers if move(env, number)["state"] == "draft"], merge=False)
    for number in numbers:
        one = move(env, number)
        if one["state"] in OVER:
            continue
        if one["picked"]:
            env.delete(
                "stock.move.line", [line["id"] for line in lines_of(env, number) if not line["picked"]]
            )
            one = move(env, number)
        idle = (one["quantity"] <= 0 or not one["picked"]) and not one["is_inventory"]
        if idle and (is_zero(one["product_uom_qty"]) or cancel_backorder):
            cancel(env, [number])
    todo = [number for number in numbers if _is_to_do(move(env, number))]
    if not cancel_backorder:
        for number in todo:
            split_rest(env, number)
    lines = [line for number in todo for line in lines_of(env, number)]
    robbed = finish(env, sorted(lines, key=lambda line: int(line["id"])))
    for number in todo:
        env.write("stock.move", [number], {"state": "done", "date": env.stamp()})
        follow_lines(env, number)
    assign(env, sorted(robbed))
    _push(env, todo)
    _hand_on(env, todo)
    pickings = list(dict.fromkeys(move(env, number)["picking_id"] for number in todo))
    if not cancel_backorder and not all(move(env, number)["scrap_id"] for number in todo):
        for picking in pickings:
            if picking:
                make_backorder(env, picking)
    for line in env.browse("stock.move.line", [line["id"] for line in lines]):
        check_serials(env, Key(line["product_id"], line["location_dest_id"], line["lot_id"]))
    for picking in pickings:
        follow_moves(env, picking)
    return todo


def _is_to_do(one: Row) -> bool:
    return one["state"] not in OVER and one["picked"] and (one["quantity"] > 0 or one["is_inventory"])


def split_rest(env: Env, number: int) -> int | None:
    """Split off what a move was asked for and does not hold; return the new move."""
    one = move(env, number)
    rest = one["product_uom_qty"] - one["quantity"]
    if compare(rest, 0.0) <= 0:
        return None
    own = env.need("product.product", one["product_id"])["uom_id"]
    in_own = convert(env, rest, one["product_uom"], own, "HALF-UP")
    amount, unit = convert(env, in_own, own, one["product_uom"], "HALF-UP"), one["product_uom"]
    if compare(convert(env, amount, unit, own, "HALF-UP"), in_own) != 0:
        amount, unit = in_own, own
    vals = {**copied(one), "product_uom_qty": amount, "product_uom": unit}
    calm = env.with_context(do_not_unreserve=True)
    calm.write("stock.move", [number], {"product_uom_qty": one["quantity"]})
    new = env.create("stock.move", vals)
    for after in next_moves(env, number):
        if after["state"] not in OVER:
            env.write("stock.move", [after["id"]], {"move_orig_ids": [(4, new)]})
    confirm(env, [new], merge=False)
    return new


def copied(one: Row) -> dict[str, Any]:
    """Return the values a copy of a move starts with."""
    vals = {name: value for name, value in one.items() if name not in _NOT_COPIED}
    for name, value in vals.items():
        if isinstance(value, list):
            vals[name] = [(6, 0, value)]
    return vals


# ── backorders ──


def make_backorder(env: Env, number: int) -> int | None:
    """Put what a transfer did not do into a new one that points back at it."""
    rest = [one for one in moves_of(env, number) if one["state"] not in OVER]
    if not rest:
        return None
    follow_quantity(env, [one["id"] for one in rest])
    _say_so(env)
    old = env.need("stock.picking", number)
    keeps = {
        "origin", "partner_id", "owner_id", "company_id", "picking_type_id", "location_id",
        "location_dest_id", "move_type", "scheduled_date", "date_deadline", "sale_id", "purchase_id",
        "group_id", "return_id", "pos_order_id", "pos_session_id",
    }  # fmt: skip
    vals = {name: value for name, value in old.items() if name in keeps}
    if env.version >= 19:
        vals["reference_ids"] = [(6, 0, old["reference_ids"])]
    new = env.create("stock.picking", {**vals, "backorder_id": number})
    for one in rest:
        env.write("stock.move", [one["id"]], {"picking_id": new, "picked": False})
        lines = [line["id"] for line in lines_of(env, one["id"])]
        env.write("stock.move.line", lines, {"picking_id": new})
    kind = env.need("stock.picking.type", old["picking_type_id"])
    if kind["reservation_method"] == "at_confirm":
        confirm(env, [one["id"] for one in rest])
        assign(env, [one["id"] for one in rest if env.row("stock.move", one["id"])])
    follow_moves(env, new)
    return new


def _say_so(env: Env) -> None:
    """Post the message that a backorder was made. Odoo 18 refuses all of it to a user without an address."""
    if env.version < 19 and env.uid != 1 and not env.value("res.users", env.uid, "email"):
        raise user_error("Unable to send message, please configure the sender's email address.")


# ── what follows ──


def _push(env: Env, numbers: list[int]) -> None:
    """Make the next step of goods that have not reached their end."""
    new = []
    for number in numbers:
        one = move(env, number)
        final = one["location_final_id"]
        if not final or one["is_inventory"] or is_inside(env, one["location_dest_id"], final):
            continue
        if any(lies_in(env, one, after) for after in next_moves(env, number)):
            continue
        house = env.row("stock.warehouse", warehouse_of(env, one["location_dest_id"]))
        if house is None:
            continue
        leaves = env.need("stock.location", final)["usage"] in ("customer", "transit")
        vals = copied(one) | {
            "location_id": one["location_dest_id"],
            "location_dest_id": final,
            "location_final_id": final,
            "product_uom_qty": one["quantity"],
            "picking_type_id": house["out_type_id"] if leaves else house["int_type_id"],
            "picking_id": None,
            "date": env.stamp(),
            "move_orig_ids": [(6, 0, [number])],
            "procure_method": "make_to_order",
        }
        if not leaves:
            vals["purchase_line_id"] = None
        new.append(env.create("stock.move", vals))
    if new:
        confirm(env, new)


def _hand_on(env: Env, numbers: list[int]) -> None:
    """Reserve for what waited for these moves; who takes from elsewhere no longer waits."""
    waiting: list[int] = []
    for number in numbers:
        for after in next_moves(env, number):
            if after["state"] in OVER:
                continue
            if lies_in(env, move(env, number), after):
                waiting.append(after["id"])
            else:
                env.write(
                    "stock.move",
                    [after["id"]],
                    {"move_orig_ids": [(3, number)], "procure_method": "make_to_stock"},
                )
                follow_quantity(env, [after["id"]])
    assign(env, list(dict.fromkeys(waiting)))


def serve_waiting(env: Env, numbers: Iterable[int]) -> None:
    """Reserve newly arrived goods for confirmed moves that take from there, in the order they are due."""
    for number in numbers:
        one = move(env, number)
        domain = [
            ("product_id", "=", one["product_id"]),
            ("state", "in", ["confirmed", "partially_available"]),
            ("procure_method", "=", "make_to_stock"),
        ]
        due = [
            other
            for other in env.rows("stock.move", domain, order="priority desc, date, id")
            if is_inside(env, one["location_dest_id"], other["location_id"])
            and _reserves_by_itself(env, other)
        ]
        assign(env, [other["id"] for other in due])


def _reserves_by_itself(env: Env, one: Row) -> bool:
    kind = env.row("stock.picking.type", one["picking_type_id"])
    return kind is not None and kind["reservation_method"] == "at_confirm"
