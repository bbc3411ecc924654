"""Reserving: which quants a move takes its goods from, and what a person forces it to take.

A reservation is a move line plus its part of a quant's reserved quantity; the line's own hooks keep the two
equal. A chained move takes only what the moves before it brought. Oldest goods go first, whichever shelf
inside the source they lie on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.odoo.twin_moves import bypasses, lines_of, move
from connectors.odoo.twin_orm import Env, Row
from connectors.odoo.twin_quants import Key, Taken, available, key_of, reservable
from connectors.odoo.twin_stock import (
    RESERVING,
    compare,
    convert,
    in_product_unit,
    is_zero,
    rounded,
    tracking,
    unit_step,
)


def assign(env: Env, numbers: Iterable[int]) -> None:
    """Reserve what moves still lack. What is picked, draft or over is left alone."""
    for number in numbers:
        one = env.row("stock.move", number)
        if (
            one is None
            or one["picked"]
            or one["state"] not in ("confirmed", "waiting", "partially_available")
        ):
            continue
        missing = one["product_uom_qty"] - one["quantity"]
        if compare(missing, 0.0, unit_step(env, one["product_uom"])) <= 0:
            _state(env, number, "assigned")
            continue
        need = in_product_unit(env, missing, one["product_uom"], one["product_id"])
        if bypasses(env, one):
            _take_from_outside(env, one, need)
            _state(env, number, "assigned")
        elif one["move_orig_ids"]:
            _settle(env, number, need, _take_what_was_brought(env, one, need))
        elif one["procure_method"] != "make_to_order":
            key = Key(one["product_id"], one["location_id"], owner=one["restrict_partner_id"])
            taken = reservable(env, key, need, unit=one["product_uom"])
            _settle(env, number, need, take(env, one, taken))


def take(env: Env, one: Row, taken: Taken) -> float:
    """Put what may be reserved on the move's lines: onto a line of the same key, else onto a new one."""
    by_key: dict[Key, float] = {}
    for quant, quantity in taken:
        by_key[key_of(quant)] = by_key.get(key_of(quant), 0.0) + quantity
    serial = tracking(env, one["product_id"]) == "serial"
    lines = {key_of(line): line for line in lines_of(env, one["id"]) if not line["result_package_id"]}
    for key, quantity in by_key.items():
        line = lines.get(key)
        if line is not None and not serial:
            more = convert(env, quantity, _own_unit(env, one), line["product_uom_id"], "HALF-UP")
            env.write("stock.move.line", [line["id"]], {"quantity": rounded(line["quantity"] + more)})
        elif serial:
            for _ in range(int(quantity)):
                new_line(env, one, 1.0, key)
        else:
            new_line(env, one, quantity, key)
    return sum(by_key.values())


def new_line(env: Env, one: Row, quantity: float, key: Key | None = None) -> int:
    """Make a line for a quantity in the product's unit; in the move's own unit if that loses nothing."""
    own = _own_unit(env, one)
    amount = convert(env, quantity, own, one["product_uom"], "HALF-UP")
    back = convert(env, amount, one["product_uom"], own, "HALF-UP")
    unit = one["product_uom"] if compare(back, quantity) == 0 else own
    vals: dict[str, Any] = {
        "move_id": one["id"],
        "picking_id": one["picking_id"],
        "product_id": one["product_id"],
        "product_uom_id": unit,
        "quantity": amount if unit == one["product_uom"] else rounded(quantity),
        "location_id": key.location if key else one["location_id"],
        "location_dest_id": one["location_dest_id"],
        "company_id": one["company_id"],
    }
    if key:
        vals |= {"lot_id": key.lot, "package_id": key.package, "owner_id": key.owner}
    return env.create("stock.move.line", vals)


def set_quantity(env: Env, number: int, wanted: float) -> None:
    """Make a move's lines add up to a quantity in its unit, available or not."""
    one = move(env, number)
    step = unit_step(env, one["product_uom"])
    held = sum(_in_move_unit(env, one, line) for line in lines_of(env, number))
    if compare(wanted, held, step) < 0:
        _give_up(env, one, held - wanted)
    elif compare(wanted, held, step) > 0:
        _force(env, one, wanted - held)


def _give_up(env: Env, one: Row, quantity: float) -> None:
    """Shorten lines from the last one on: they were made in the order goods should leave."""
    for line in reversed(lines_of(env, one["id"])):
        if is_zero(quantity):
            return
        part = min(line["quantity"], convert(env, quantity, one["product_uom"], line["product_uom_id"], None))
        if is_zero(part):
            continue
        quantity -= convert(env, part, line["product_uom_id"], one["product_uom"], None)
        if compare(part, line["quantity"]) == 0 and one["state"] not in ("done", "cancel"):
            env.delete("stock.move.line", [line["id"]])
        else:
            env.write("stock.move.line", [line["id"]], {"quantity": rounded(line["quantity"] - part)})


def _force(env: Env, one: Row, quantity: float) -> None:
    """Reserve what can be had, then write down the rest as if it were there: stock may go below zero."""
    lacking = convert(env, quantity, one["product_uom"], _own_unit(env, one), None)
    if not bypasses(env, one):
        lines = [line for line in lines_of(env, one["id"]) if line["location_id"] == one["location_id"]]
        for line in lines[:1]:
            found = reservable(env, key_of(line), lacking, strict=True)
            lacking -= take(env, one, found)
        if compare(lacking, 0.0) > 0:
            lacking -= take(env, one, reservable(env, Key(one["product_id"], one["location_id"]), lacking))
    if compare(lacking, 0.0) <= 0:
        return
    if tracking(env, one["product_id"]) == "serial":
        for _ in range(int(lacking)):
            new_line(env, one, 1.0)
    else:
        new_line(env, one, lacking)


def _take_from_outside(env: Env, one: Row, need: float) -> None:
    """Give lines to a move whose source nobody counts; the quants are not asked."""
    for key, quantity in _brought(env, one).items():
        part = min(need, quantity)
        new_line(env, one, part, key)
        need -= part
        if is_zero(need):
            return
    if tracking(env, one["product_id"]) == "serial" and one["picking_type_id"]:
        for _ in range(int(need)):
            new_line(env, one, 1.0)
        return
    for line in lines_of(env, one["id"]):
        plain = not (line["picked"] or line["lot_id"] or line["package_id"] or line["owner_id"])
        if (
            plain
            and line["location_id"] == one["location_id"]
            and line["product_uom_id"] == one["product_uom"]
        ):
            more = convert(env, need, _own_unit(env, one), one["product_uom"], "HALF-UP")
            env.write("stock.move.line", [line["id"]], {"quantity": rounded(line["quantity"] + more)})
            return
    new_line(env, one, need)


def _take_what_was_brought(env: Env, one: Row, need: float) -> float:
    total = 0.0
    for key, quantity in _brought(env, one).items():
        wanted = min(quantity, need - total, available(env, key, strict=True))
        if compare(wanted, 0.0) > 0:
            total += take(env, move(env, one["id"]), reservable(env, key, wanted, strict=True))
    return total


def _brought(env: Env, one: Row) -> dict[Key, float]:
    """Return what the moves before this one brought, less what it and its siblings took of it."""
    before = env.browse("stock.move", one["move_orig_ids"])
    found: dict[Key, float] = {}
    for each in before:
        for line in lines_of(env, each["id"]) if each["state"] == "done" else ():
            key = Key(
                line["product_id"], line["location_dest_id"], line["lot_id"], line["result_package_id"],
                line["owner_id"],
            )  # fmt: skip
            found[key] = found.get(key, 0.0) + line["quantity_product_uom"]
    siblings = {other for each in before for other in each["move_dest_ids"]}
    for other in siblings:
        if move(env, other)["state"] in (*RESERVING, "done"):
            for line in lines_of(env, other):
                if key_of(line) in found:
                    found[key_of(line)] -= line["quantity_product_uom"]
    return {key: quantity for key, quantity in found.items() if compare(quantity, 0.0) > 0}


def _settle(env: Env, number: int, need: float, taken: float) -> None:
    if is_zero(taken):
        return
    _state(env, number, "assigned" if compare(need, taken) == 0 else "partially_available")


def _state(env: Env, number: int, state: str) -> None:
    if move(env, number)["state"] != state:
        env.write("stock.move", [number], {"state": state})


def _own_unit(env: Env, one: Row) -> int:
    return int(env.need("product.product", one["product_id"])["uom_id"])


def _in_move_unit(env: Env, one: Row, line: Row) -> float:
    return convert(env, line["quantity"], line["product_uom_id"], one["product_uom"], None)
