"""Transfers over the wire: made, confirmed, reserved, validated, cancelled, and the question about the rest.

A window action means that nothing was done yet. Validating what is done answers true and moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.odoo import twin_rights
from connectors.odoo.twin_assign import assign, set_quantity
from connectors.odoo.twin_confirm import confirm
from connectors.odoo.twin_done import done, serve_waiting
from connectors.odoo.twin_moves import (
    cancel,
    follow_moves,
    follow_name,
    is_scrap,
    lines_of,
    move,
    moves_of,
    unreserve,
)
from connectors.odoo.twin_orm import (
    Env,
    Row,
    action,
    before_create,
    computed,
    on_create,
    on_delete,
    on_write,
    user_error,
)
from connectors.odoo.twin_stock import (
    OVER,
    compare,
    convert,
    engine,
    is_zero,
    product_label,
    tracking,
    window,
)
from connectors.odoo.twin_values import missing_value

_VIEW_OF_WIZARD = {18: 897, 19: 942}


# ── made and changed ──


@before_create("stock.picking")
def complete_picking(env: Env, vals: dict[str, Any]) -> None:
    """Fill in what the operation type says, and a name where none was given."""
    inner = engine(env)
    kind = inner.row("stock.picking.type", vals.get("picking_type_id"))
    if kind is not None:
        vals["location_id"] = vals.get("location_id") or kind["default_location_src_id"]
        vals["location_dest_id"] = vals.get("location_dest_id") or kind["default_location_dest_id"]
        vals["company_id"] = vals.get("company_id") or kind["company_id"]
        if vals.get("name") in (None, False, "", "/"):
            vals["name"] = _next_name(inner, kind)
    elif not vals.get("location_id"):
        raise missing_value(env, env.model("stock.picking"), env.fields("stock.picking")["location_id"])
    vals["company_id"] = vals.get("company_id") or env.company_id
    vals.pop("state", None)


def _next_name(env: Env, kind: Row) -> str:
    house = env.row("stock.warehouse", kind["warehouse_id"])
    prefix = f"{house['code']}/{kind['sequence_code']}" if house else str(kind["sequence_code"])
    number = env.next_number(f"stock.picking.type.{kind['id']}")
    return f"{prefix}/{number:05d}"


@on_create("stock.picking")
def after_create(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    for number in ids:
        if vals.get("scheduled_date"):
            moves = [one["id"] for one in moves_of(env, number)]
            env.write("stock.move", moves, {"date": vals["scheduled_date"]})
        _confirm_by_itself(engine(env), number)


@on_write("stock.picking")
def after_change(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    inner = engine(env)
    passed_on = {
        name: vals[name] for name in ("location_id", "location_dest_id", "partner_id") if vals.get(name)
    }
    for number in ids:
        moves = moves_of(inner, number)
        open_moves = [one["id"] for one in moves if one["state"] not in OVER]
        if passed_on:
            inner.write("stock.move", open_moves, passed_on)
        if vals.get("scheduled_date"):
            inner.write("stock.move", open_moves, {"date": vals["scheduled_date"]})
        if "name" in vals:
            for one in moves:
                follow_name(inner, one["id"])
        if vals.get("move_ids") or vals.get("move_ids_without_package"):
            _confirm_by_itself(inner, number)


@on_delete("stock.picking")
def before_delete(env: Env, ids: list[int]) -> None:
    """Delete the moves as well, which users of Inventory may not."""
    inner = engine(env)
    for number in ids:
        moves = [one["id"] for one in moves_of(inner, number)]
        cancel(inner, moves)
        twin_rights.check(env, "stock.move", "unlink", moves)
        inner.delete("stock.move", moves)


def _confirm_by_itself(env: Env, number: int) -> None:
    """Confirm what joined a transfer that was confirmed, and what came with a quantity."""
    picking = env.need("stock.picking", number)
    if picking["state"] in OVER:
        return
    moves = moves_of(env, number)
    joined = picking["state"] != "draft" or any(one["state"] not in ("draft", *OVER) for one in moves)
    drafts = [one["id"] for one in moves if one["state"] == "draft" and (joined or one["quantity"])]
    if drafts:
        confirm(env, drafts, merge=joined)
    follow_moves(env, number)


# ── buttons ──


@action("stock.picking", "action_confirm")
def action_confirm(env: Env, ids: list[int]) -> bool:
    inner = engine(env)
    drafts = [one["id"] for number in ids for one in moves_of(inner, number) if one["state"] == "draft"]
    confirm(inner, drafts)
    return True


@action("stock.picking", "action_assign")
def action_assign(env: Env, ids: list[int]) -> bool:
    inner = engine(env)
    action_confirm(env, [row["id"] for row in inner.browse("stock.picking", ids) if row["state"] == "draft"])
    moves = [one for number in ids for one in moves_of(inner, number) if one["state"] not in ("draft", *OVER)]
    if not moves:
        raise user_error("Nothing to check the availability for.")
    moves.sort(key=_urgency)
    assign(inner, [one["id"] for one in moves])
    return True


def _urgency(one: Row) -> tuple[Any, ...]:
    return -int(one["priority"] or 0), str(one["date_deadline"] or "9"), one["date"], one["id"]


@action("stock.picking", "do_unreserve")
def do_unreserve(env: Env, ids: list[int]) -> None:
    inner = engine(env)
    unreserve(inner, [one["id"] for number in ids for one in moves_of(inner, number)])


@action("stock.picking", "action_cancel")
def action_cancel(env: Env, ids: list[int]) -> bool:
    inner = engine(env)
    for number in ids:
        moves = [one["id"] for one in moves_of(inner, number)]
        cancel(inner, moves)
        vals: dict[str, Any] = {"is_locked": True}
        inner.write("stock.picking", [number], vals if moves else {**vals, "state": "cancel"})
    return True


@action("stock.picking", "button_validate")
def button_validate(env: Env, ids: list[int]) -> Any:
    """Do transfers. Draft ones are confirmed and taken as asked for; too little asks about the rest."""
    inner = engine(env)
    todo = [row["id"] for row in inner.browse("stock.picking", ids) if row["state"] != "done"]
    drafts = [number for number in todo if inner.need("stock.picking", number)["state"] == "draft"]
    action_confirm(env, drafts)
    for number in drafts:
        for one in moves_of(inner, number):
            if is_zero(one["quantity"]) and not is_zero(one["product_uom_qty"]):
                set_quantity(inner, one["id"], one["product_uom_qty"])
    if not env.context.get("skip_sanity_check"):
        _check_sane(inner, todo)
    for number in todo:
        _pick_all_if_none_is(inner, number)
    named = env.context.get("button_validate_picking_ids") or todo
    asked = [] if env.context.get("skip_backorder") else [one for one in todo if _leaves_a_rest(inner, one)]
    if asked:
        view = _VIEW_OF_WIZARD[env.version]
        context = {
            **env.context,
            "button_validate_picking_ids": list(named),
            "default_show_transfers": len(asked) > 1,
            "default_pick_ids": [[4, number] for number in asked],
        }
        return window(
            "Create Backorder?", "stock.backorder.confirmation", context, views=[[view, "form"]], view_id=view
        )
    if not env.context.get("skip_expired") and (expired := _expired(inner, todo)):
        context = {
            **env.context,
            "default_picking_ids": [[6, 0, list(todo)]],
            "default_lot_ids": [[6, 0, expired]],
        }
        return window("Confirmation", "expiry.picking.confirmation", context, views=[[False, "form"]])
    dropped = {int(one) for one in env.context.get("picking_ids_not_to_backorder") or ()}
    kinds = {number: _backorders(inner, number) for number in todo}
    without = [one for one in todo if kinds[one] == "never" or (one in dropped and kinds[one] != "always")]
    _do(inner, without, cancel_backorder=True)
    _do(inner, [one for one in todo if one not in without], cancel_backorder=False)
    return True


def _do(env: Env, ids: Iterable[int], *, cancel_backorder: bool) -> None:
    ids = list(ids)
    moves = [one["id"] for number in ids for one in moves_of(env, number) if one["state"] not in OVER]
    did = done(env, moves, cancel_backorder=cancel_backorder)
    if ids:
        env.write("stock.picking", ids, {"date_done": env.stamp(), "priority": "0"})
    for number in ids:
        follow_moves(env, number)
    arriving = [number for number in did if move(env, number)["picking_code"] in ("incoming", "internal")]
    serve_waiting(env, arriving)


def _expired(env: Env, ids: Iterable[int]) -> list[int]:
    """Return the lots of these transfers that have expired (product_expiry)."""
    lines = [
        line
        for number in ids
        for one in moves_of(env, number)
        for line in lines_of(env, one["id"])
        if line["lot_id"]
    ]
    ends = {line["lot_id"]: env.value("stock.lot", line["lot_id"], "expiration_date") for line in lines}
    return sorted(lot for lot, end in ends.items() if end and end <= env.stamp())


def _check_sane(env: Env, ids: list[int]) -> None:
    for number in ids:
        moves = moves_of(env, number)
        if not moves:
            raise user_error(
                "You can’t validate an empty transfer. Please add some products to move before proceeding."
            )
        live = [one for one in moves if one["state"] not in OVER]
        chosen = any(one["picked"] for one in live)
        if len(ids) == 1 and all(is_zero(one["quantity"]) for one in live if one["picked"] or not chosen):
            raise user_error(_nothing_to_move(env))
        nameless = [
            product_label(env, line["product_id"])
            for one in live
            for line in lines_of(env, one["id"])
            if tracking(env, line["product_id"]) != "none"
            and not (line["lot_id"] or line["lot_name"])
            and line["quantity"]
            and (line["picked"] or not chosen)
        ]
        if nameless and env.need("stock.picking", number)["picking_type_id"]:
            products = ", ".join(dict.fromkeys(nameless))
            raise user_error(f"You need to supply a Lot/Serial number for products {products}.")


def _nothing_to_move(env: Env) -> str:
    if env.version < 19:
        return (
            "You cannot validate a transfer if no quantities are reserved. "
            "To force the transfer, encode quantities."
        )
    return (
        "Transfer trouble alert! Validating a zero quantity transfer? "
        "You're not moving invisible goods around are you?\nSet some quantities and let's get moving!"
    )


def _pick_all_if_none_is(env: Env, number: int) -> None:
    moves = moves_of(env, number)
    picked = any(one["picked"] for one in moves if not is_scrap(env, one))
    if any(one["quantity"] for one in moves) and not picked:
        unpicked = [one["id"] for one in moves if not one["picked"] and one["state"] not in OVER]
        env.write("stock.move", unpicked, {"picked": True})


def _leaves_a_rest(env: Env, number: int) -> bool:
    if _backorders(env, number) != "ask":
        return False
    for one in moves_of(env, number):
        if one["state"] == "cancel":
            continue
        taken = one["quantity"]
        lines = lines_of(env, one["id"])
        if one["picked"] and not all(line["picked"] for line in lines):
            units = [(line["quantity"], line["product_uom_id"]) for line in lines if line["picked"]]
            taken = sum(convert(env, amount, unit, one["product_uom"], None) for amount, unit in units)
        if (one["product_uom_qty"] and not one["picked"]) or compare(taken, one["product_uom_qty"]) < 0:
            return True
    return False


def _backorders(env: Env, number: int) -> str:
    kind = env.need("stock.picking.type", env.need("stock.picking", number)["picking_type_id"])
    return str(kind["create_backorder"] or "ask")


# ── the question about the rest ──


@action("stock.backorder.confirmation", "process")
def process(env: Env, ids: list[int]) -> Any:
    """Make the backorder. Without the context that asked, nothing is validated and true is answered."""
    named = env.context.get("button_validate_picking_ids")
    if not named:
        return True
    return button_validate(env.with_context(skip_backorder=True), list(named))


@action("stock.backorder.confirmation", "process_cancel_backorder")
def process_cancel_backorder(env: Env, ids: list[int]) -> Any:
    named = env.context.get("button_validate_picking_ids")
    if not named:
        return False
    dropped = [
        one for wizard in env.browse("stock.backorder.confirmation", ids) for one in wizard["pick_ids"]
    ]
    again = env.with_context(skip_backorder=True, picking_ids_not_to_backorder=dropped)
    return button_validate(again, list(named))


# ── what a transfer says of its goods ──


@computed("stock.picking", "products_availability_state", "products_availability")
def availability_state(env: Env, ids: list[int], name: str) -> dict[int, str | None]:
    """Return whether a delivery's goods are all there; nothing is said of other transfers."""
    found: dict[int, str | None] = {}
    for row in env.browse("stock.picking", ids):
        if row["state"] not in ("confirmed", "waiting", "assigned") or row["picking_type_code"] != "outgoing":
            found[row["id"]] = None
            continue
        there = all(one["state"] in ("assigned", *OVER) for one in moves_of(env, row["id"]))
        if name == "products_availability_state":
            found[row["id"]] = "available" if there else "late"
        else:
            found[row["id"]] = "Available" if there else "Not Available"
    return found
