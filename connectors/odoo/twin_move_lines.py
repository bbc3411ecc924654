"""Move lines: what was reserved where, and how goods change place when they are done.

Every change of a line changes the reserved quantity of its quant with it, whoever makes it. A line keeps the
id it got when it was reserved; being done only changes its state, which is its move's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.odoo.twin_assign import assign
from connectors.odoo.twin_moves import (
    bypasses,
    follow_lines,
    follow_quantity,
    move,
    moves_of,
    next_moves,
    unreserve,
)
from connectors.odoo.twin_orm import (
    Env,
    Row,
    before_create,
    before_write,
    on_create,
    on_delete,
    on_write,
    user_error,
)
from connectors.odoo.twin_quants import Key, available, change, key_of, reserve
from connectors.odoo.twin_stock import (
    OVER,
    bypasses_reservation,
    compare,
    convert,
    engine,
    in_product_unit,
    is_kept_in_stock,
    is_zero,
    product_label,
    recompute,
    rounded,
    tracking,
)

_PLACING = {
    "location_id",
    "location_dest_id",
    "lot_id",
    "package_id",
    "owner_id",
    "product_uom_id",
    "quantity",
}


# ── made, written, deleted ──


@before_create("stock.move.line")
def complete_line(env: Env, vals: dict[str, Any]) -> None:
    """Fill in what the move says, and find or make a move for a line that came without."""
    inner = engine(env)
    if not vals.get("move_id") and vals.get("picking_id"):
        vals["move_id"] = _move_for(inner, vals)
    one = inner.row("stock.move", vals.get("move_id"))
    if one is not None:
        for name in ("product_id", "location_id", "location_dest_id", "picking_id", "company_id"):
            vals[name] = vals.get(name) or one[name]
        vals["product_uom_id"] = vals.get("product_uom_id") or one["product_uom"]
        vals.setdefault("picked", one["picked"])
    elif vals.get("product_id") and not vals.get("product_uom_id"):
        vals["product_uom_id"] = inner.need("product.product", vals["product_id"])["uom_id"]
    vals["quantity"] = rounded(float(vals.get("quantity") or 0.0))
    vals["date"] = vals.get("date") or env.now.strftime("%Y-%m-%d %H:%M:%S")


def _move_for(env: Env, vals: dict[str, Any]) -> int:
    picking = env.need("stock.picking", vals["picking_id"])
    same = [one for one in moves_of(env, picking["id"]) if one["product_id"] == vals["product_id"]]
    if same and picking["state"] != "done":
        return int(min(same, key=lambda one: one["quantity"] >= one["product_qty"])["id"])
    made: dict[str, Any] = {
        "picking_id": picking["id"],
        "product_id": vals["product_id"],
        "product_uom_qty": 0.0,
        "location_id": vals.get("location_id") or picking["location_id"],
        "location_dest_id": vals.get("location_dest_id") or picking["location_dest_id"],
        "additional": picking["state"] not in ("draft", *OVER),
    }
    if env.version < 19:
        made["name"] = product_label(env, vals["product_id"])
    return env.create("stock.move", made)


@on_create("stock.move.line")
def after_create(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    inner = engine(env)
    for number in ids:
        _follow_unit(inner, number)
        line = inner.need("stock.move.line", number)
        if not line["move_id"]:
            continue
        one = move(inner, line["move_id"])
        holds = not bypasses(inner, one)
        if one["state"] == "done":
            follow_lines(inner, one["id"])
            _relocate(inner, line)
            continue
        if holds:
            reserve(inner, key_of(line), line["quantity_product_uom"])
        follow_lines(inner, one["id"])
        if holds and line["quantity"]:
            follow_quantity(inner, [one["id"]])


@before_write("stock.move.line")
def before_change(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    """Give back the old reservation and take the new one; of a done line, take back what it moved."""
    if not _PLACING & set(vals):
        return
    inner = engine(env)
    if "quantity" in vals:
        vals["quantity"] = rounded(float(vals["quantity"] or 0.0))
        if vals["quantity"] < 0:
            raise user_error("Reserving a negative quantity is not allowed.")
    for line in inner.browse("stock.move.line", ids):
        one = inner.row("stock.move", line["move_id"])
        if one is None or not is_kept_in_stock(inner, line["product_id"]):
            continue
        if one["state"] == "done":
            _relocate(inner, line, back=True)
            continue
        new = Row(
            inner, "stock.move.line", {**line, **{name: vals[name] or None for name in _PLACING & set(vals)}}
        )
        if not bypasses(inner, one):
            reserve(inner, key_of(line), -line["quantity_product_uom"])
        if not bypasses_reservation(inner, new["location_id"]):
            amount = in_product_unit(inner, new["quantity"] or 0.0, new["product_uom_id"], line["product_id"])
            reserve(inner, key_of(new), amount)


@on_write("stock.move.line")
def after_change(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    inner = engine(env)
    for number in ids:
        line = inner.need("stock.move.line", number)
        if {"quantity", "product_uom_id"} & set(vals):
            _follow_unit(inner, number)
            line = inner.need("stock.move.line", number)
        if not line["move_id"]:
            continue
        if _PLACING & set(vals) and move(inner, line["move_id"])["state"] == "done":
            short = _relocate(inner, line)
            assign(inner, free_reservation(inner, line, short, {number}) if short else [])
            after = [one["id"] for one in next_moves(inner, line["move_id"]) if one["state"] not in OVER]
            unreserve(inner, after)
            assign(inner, after)
        if {"quantity", "product_uom_id", "picked", "move_id"} & set(vals):
            follow_lines(inner, line["move_id"])
        if {"quantity", "product_uom_id"} & set(vals):
            follow_quantity(inner, [line["move_id"]])


@on_delete("stock.move.line")
def before_delete(env: Env, ids: list[int]) -> None:
    inner = engine(env)
    lines = inner.browse("stock.move.line", ids)
    for line in lines:
        one = inner.row("stock.move", line["move_id"])
        if one is None:
            continue
        if one["state"] in OVER:
            raise user_error(
                "You can not delete product moves if the picking is done. "
                "You can only correct the done quantities."
            )
        if not bypasses(inner, one):
            reserve(inner, key_of(line), -line["quantity_product_uom"])
    touched = list(dict.fromkeys(line["move_id"] for line in lines if line["move_id"]))
    for number in touched:
        follow_lines(inner, number, without=ids)
    follow_quantity(inner, touched)


def _follow_unit(env: Env, number: int) -> None:
    line = env.need("stock.move.line", number)
    amount = in_product_unit(env, line["quantity"], line["product_uom_id"], line["product_id"])
    recompute(env, "stock.move.line", number, quantity_product_uom=amount)


# ── done ──


def finish(env: Env, lines: list[Row]) -> set[int]:
    """Move the goods of lines; return the moves that lost a reservation to goods taken by force."""
    lines = _ready(env, lines)
    done: set[int] = set()
    robbed: set[int] = set()
    for line in lines:
        if not bypasses(env, move(env, line["move_id"])):
            reserve(env, key_of(line), -line["quantity_product_uom"])
        short = _relocate(env, line)
        if short:
            robbed |= free_reservation(env, line, short, done | {line["id"]})
        done.add(line["id"])
    if lines:
        env.write("stock.move.line", [line["id"] for line in lines], {"date": env.stamp()})
    return robbed


def _ready(env: Env, lines: list[Row]) -> list[Row]:
    """Refuse tracked goods without a lot, make new lots, drop lines of nothing."""
    nameless, empty, made = [], [], []
    for line in lines:
        counted = bool(line["is_inventory"])
        if compare(line["quantity"], 0.0) < 0:
            raise user_error("No negative quantities allowed")
        if is_zero(line["quantity"]):
            if not counted:
                empty.append(line["id"])
        elif tracking(env, line["product_id"]) != "none" and not line["lot_id"]:
            kind = env.row("stock.picking.type", move(env, line["move_id"])["picking_type_id"])
            if kind is None and counted:
                continue
            if kind is not None and kind["code"] == "incoming" and line["lot_name"]:
                made.append(line["id"])
            else:
                nameless.append(product_label(env, line["product_id"]))
    if nameless:
        raise user_error("You need to supply a Lot/Serial Number for product: \n - " + "\n - ".join(nameless))
    for number in made:
        line = env.need("stock.move.line", number)
        env.write("stock.move.line", [number], {"lot_id": _lot(env, line)})
    env.delete("stock.move.line", empty)
    return env.browse("stock.move.line", [line["id"] for line in lines])


def _lot(env: Env, line: Row) -> int:
    named = [("name", "=", line["lot_name"]), ("product_id", "=", line["product_id"])]
    for lot in env.rows("stock.lot", named):
        if lot["company_id"] in (line["company_id"], None):
            return int(lot["id"])
    return env.create(
        "stock.lot",
        {"name": line["lot_name"], "product_id": line["product_id"], "company_id": line["company_id"]},
    )


def _relocate(env: Env, line: Row, *, back: bool = False) -> float:
    """Take a line's goods from one place to the other; return what others had reserved of them."""
    quantity = line["quantity_product_uom"]
    if is_zero(quantity) or not is_kept_in_stock(env, line["product_id"]):
        return 0.0
    source = key_of(line)
    target = Key(
        line["product_id"],
        line["location_dest_id"],
        line["lot_id"],
        line["result_package_id"],
        line["owner_id"],
    )
    if back:
        source, target = target, source
    free, in_date = change(env, source, quantity=-quantity)
    if free < 0 and source.lot:
        free = _borrow_untracked(env, source, quantity, free)
    change(env, target, quantity=quantity, in_date=in_date)
    return -free if free < 0 else 0.0


def _borrow_untracked(env: Env, source: Key, quantity: float, free: float) -> float:
    """Make up for a lot that is short with goods of no lot in the same place."""
    plain = Key(source.product, source.location, None, source.package, source.owner)
    spare = min(available(env, plain, strict=True), quantity)
    if compare(spare, 0.0) <= 0:
        return free
    change(env, plain, quantity=-spare)
    change(env, source, quantity=spare)
    return free


def free_reservation(env: Env, line: Row, quantity: float, spared: Iterable[int]) -> set[int]:
    """Take a reservation away from lines that hold what is no longer there; return their moves.

    Lines of the same transfer go first, then those of the latest date. What is picked is spared.
    """
    if bypasses_reservation(env, line["location_id"]):
        return set()
    kept = set(spared)
    own = move(env, line["move_id"])["picking_id"]
    held = [
        other
        for other in env.rows("stock.move.line", [("product_id", "=", line["product_id"])])
        if other["id"] not in kept and not other["picked"] and other["quantity_product_uom"] > 0
        and key_of(other) == key_of(line) and other["state"] not in OVER and other["move_id"]
    ]  # fmt: skip
    held.sort(key=lambda other: _scheduled(env, other), reverse=True)
    held.sort(key=lambda other: other["picking_id"] != own)
    touched: set[int] = set()
    for other in held:
        touched.add(other["move_id"])
        if compare(other["quantity_product_uom"], quantity) <= 0:
            quantity -= other["quantity_product_uom"]
            env.delete("stock.move.line", [other["id"]])
            if is_zero(quantity):
                break
        else:
            unit = env.need("product.product", other["product_id"])["uom_id"]
            less = convert(env, quantity, unit, other["product_uom_id"], "HALF-UP")
            env.write("stock.move.line", [other["id"]], {"quantity": rounded(other["quantity"] - less)})
            break
    return touched


def _scheduled(env: Env, line: Row) -> str:
    picking = env.row("stock.picking", line["picking_id"])
    return str((picking and picking["scheduled_date"]) or move(env, line["move_id"])["date"] or "")
