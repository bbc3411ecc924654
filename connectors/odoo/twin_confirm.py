"""Confirming moves: from wish to waiting or reserved, each into its transfer, equal ones merged.

A move of less than nothing takes away from an open move of the same kind; what is left becomes a return.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.odoo.twin_assign import assign
from connectors.odoo.twin_moves import (
    bypasses,
    cancel,
    follow_lines,
    follow_moves,
    follow_quantity,
    lines_of,
    move,
    moves_of,
)
from connectors.odoo.twin_orm import Env, Row
from connectors.odoo.twin_routes import take_first_step
from connectors.odoo.twin_stock import LACKING, OVER, RESERVING, compare, is_zero

_SAME = (
    "product_id", "procure_method", "location_id", "location_dest_id", "location_final_id", "product_uom",
    "restrict_partner_id", "origin_returned_move_id", "sale_line_id", "purchase_line_id", "bom_line_id",
    "description_picking",
)  # fmt: skip


def group_field(env: Env) -> str:
    """Return the field by which moves of one order find one transfer."""
    return "group_id" if env.version < 19 else "reference_ids"


def confirm(env: Env, numbers: Iterable[int], *, merge: bool = True) -> list[int]:
    """Confirm draft moves and reserve for those that reserve at once; return what they became."""
    moves = [one for number in numbers if (one := move(env, number))["state"] == "draft"]
    for one in moves:
        waits = bool(one["move_orig_ids"]) or one["procure_method"] == "make_to_order"
        env.write("stock.move", [one["id"]], {"state": "waiting" if waits else "confirmed"})
    homeless = [one for one in moves if not one["picking_id"] and one["picking_type_id"]]
    for one in homeless:
        take_first_step(env, one)
    put_in_transfers(env, [one["id"] for one in homeless if one["product_uom_qty"] >= 0])
    left = [one["id"] for one in moves]
    if merge:
        left = _merge(env, left)
    left = _absorb(env, left)
    assign(env, [number for number in left if _reserves_at_once(env, number)])
    for picking in {move(env, number)["picking_id"] for number in left}:
        follow_moves(env, picking)
    return left


def put_in_transfers(env: Env, numbers: Iterable[int]) -> None:
    """Put moves into the open transfer of their order and route, or into a new one."""
    by_route: dict[Any, list[Row]] = {}
    for number in numbers:
        one = move(env, number)
        group = one[group_field(env)]
        route = (tuple(group) if isinstance(group, list) else group, one["location_id"],
                 one["location_dest_id"], one["picking_type_id"])  # fmt: skip
        by_route.setdefault(route, []).append(one)
    for (group, *_), moves in by_route.items():
        picking = _open_transfer(env, moves[0]) if group else None
        picking = picking or _new_transfer(env, moves)
        env.write("stock.move", [one["id"] for one in moves], {"picking_id": picking})
        _name_orders(env, picking, moves)


def _open_transfer(env: Env, one: Row) -> int | None:
    name = group_field(env)
    domain = [
        ("location_id", "=", one["location_id"]), ("location_dest_id", "=", one["location_dest_id"]),
        ("picking_type_id", "=", one["picking_type_id"]), ("printed", "=", False),
        ("state", "in", ["draft", "confirmed", "waiting", "assigned"]),
    ]  # fmt: skip
    for row in env.rows("stock.picking", domain):
        if row[name] == one[name]:
            return int(row["id"])
    return None


def _new_transfer(env: Env, moves: list[Row]) -> int:
    first = moves[0]
    origins = list(dict.fromkeys(one["origin"] for one in moves if one["origin"]))
    partners = {one["partner_id"] for one in moves}
    group = first[group_field(env)]
    return env.create(
        "stock.picking",
        {
            "origin": ",".join(origins[:5]) + ("..." if len(origins) > 5 else "") or None,
            "company_id": first["company_id"],
            "partner_id": first["partner_id"] if len(partners) == 1 else None,
            "picking_type_id": first["picking_type_id"],
            "location_id": first["location_id"],
            "location_dest_id": first["location_dest_id"],
            "scheduled_date": first["date"],
            group_field(env): [(6, 0, group)] if isinstance(group, list) else group,
        },
    )


def _name_orders(env: Env, picking: int, moves: list[Row]) -> None:
    """Say on the transfer which sale or purchase it serves."""
    for field, line_field, line_model in (
        ("sale_id", "sale_line_id", "sale.order.line"),
        ("purchase_id", "purchase_line_id", "purchase.order.line"),
    ):
        orders = {env.value(line_model, one[line_field], "order_id") for one in moves if one[line_field]}
        if orders and not env.need("stock.picking", picking)[field]:
            env.write("stock.picking", [picking], {field: min(orders)})


def _reserves_at_once(env: Env, number: int) -> bool:
    one = move(env, number)
    if one["state"] not in LACKING:
        return False
    kind = env.row("stock.picking.type", one["picking_type_id"])
    method = kind["reservation_method"] if kind else None
    return bypasses(env, one) or method == "at_confirm" or bool(one["move_orig_ids"])


def _merge(env: Env, numbers: list[int]) -> list[int]:
    """Merge confirmed moves with equal ones of the same transfer; the oldest stays."""
    left = list(numbers)
    for picking in dict.fromkeys(move(env, number)["picking_id"] for number in numbers):
        alike: dict[tuple[Any, ...], list[Row]] = {}
        for one in moves_of(env, picking) if picking else ():
            if one["state"] not in ("draft", *OVER) and one["product_uom_qty"] >= 0:
                alike.setdefault(_kind(one), []).append(one)
        for moves in alike.values():
            if len(moves) > 1 and any(one["id"] in numbers for one in moves):
                left = [number for number in left if number not in {one["id"] for one in moves}]
                left.append(_merge_into(env, moves[0], moves[1:]))
    return left


def _merge_into(env: Env, kept: Row, others: list[Row]) -> int:
    number = int(kept["id"])
    before = {orig for one in (kept, *others) for orig in one["move_orig_ids"]}
    for one in others:
        env.write("stock.move.line", [line["id"] for line in lines_of(env, one["id"])], {"move_id": number})
        for after in one["move_dest_ids"]:
            env.write("stock.move", [after], {"move_orig_ids": [(4, number)]})
        env.delete("stock.move", [one["id"]])
    demand = sum(one["product_uom_qty"] for one in (kept, *others))
    follow_lines(env, number)
    env.write("stock.move", [number], {"product_uom_qty": demand, "move_orig_ids": [(6, 0, sorted(before))]})
    follow_quantity(env, [number])
    return number


def _absorb(env: Env, numbers: list[int]) -> list[int]:
    """Take negative moves off open ones of the same kind; turn the rest into returns."""
    left = []
    for number in numbers:
        one = env.row("stock.move", number)
        if one is None:
            continue
        if one["product_uom_qty"] >= 0:
            left.append(number)
            continue
        owed = -one["product_uom_qty"]
        for other in _counterparts(env, one):
            part = min(owed, other["product_uom_qty"])
            env.write("stock.move", [other["id"]], {"product_uom_qty": other["product_uom_qty"] - part})
            owed -= part
            if is_zero(other["product_uom_qty"] - part):
                cancel(env, [other["id"]])
            elif other["id"] not in left:
                left.append(other["id"])
            if is_zero(owed):
                break
        if is_zero(owed):
            env.delete("stock.move", [number])
        else:
            left.append(_as_return(env, one, owed))
    return left


def _counterparts(env: Env, one: Row) -> list[Row]:
    """Return the open moves a negative one may take from; those of a transfer on paper are left alone."""
    domain = [
        ("product_id", "=", one["product_id"]),
        ("state", "in", list(RESERVING)),
        ("location_id", "=", one["location_id"]),
    ]
    return [
        other
        for other in env.rows("stock.move", domain)
        if other["id"] != one["id"]
        and compare(other["product_uom_qty"], 0.0) > 0
        and _kind(other) == _kind(one)
        and not (other["picking_id"] and env.value("stock.picking", other["picking_id"], "printed"))
        and _serves_the_same(env, one, other)
    ]


def _serves_the_same(env: Env, one: Row, other: Row) -> bool:
    """Whether two moves of the same kind are for one line, one order or one transfer."""
    name = group_field(env)
    named = one["sale_line_id"] or one["purchase_line_id"]
    return bool(named or (one[name] and one[name] == other[name]) or one["picking_id"] == other["picking_id"])


def _as_return(env: Env, one: Row, quantity: float) -> int:
    kind = env.row("stock.picking.type", one["picking_type_id"])
    back = (kind["return_picking_type_id"] if kind else None) or one["picking_type_id"]
    env.write(
        "stock.move",
        [one["id"]],
        {
            "location_id": one["location_dest_id"],
            "location_dest_id": one["location_id"],
            "location_final_id": one["location_id"],
            "product_uom_qty": quantity,
            "picking_type_id": back,
            "picking_id": None,
            "procure_method": "make_to_stock",
        },
    )
    put_in_transfers(env, [one["id"]])
    return int(one["id"])


def _kind(one: Row) -> tuple[Any, ...]:
    return tuple(one[name] for name in _SAME)
