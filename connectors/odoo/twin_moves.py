"""Moves: their figures and states, and how they are given up.

A move's quantity and picked follow its lines, its state what the lines hold, a transfer's state its moves.
Reserving is in twin_assign, confirming in twin_confirm, doing in twin_done, the lines in twin_move_lines,
and what writing to a move sets off in twin_move_hooks.
"""

from __future__ import annotations

from collections.abc import Iterable

from connectors.odoo.twin_orm import (
    Env,
    Row,
    computed,
    user_error,
)
from connectors.odoo.twin_quants import Key, available
from connectors.odoo.twin_stock import (
    OVER,
    bypasses_reservation,
    compare,
    convert,
    engine,
    in_product_unit,
    is_inside,
    is_kept_in_stock,
    recompute,
    rounded,
    unit_step,
)

_IMPORTANCE = {"assigned": 4, "waiting": 3, "partially_available": 2, "confirmed": 1}


def lines_of(env: Env, move: int) -> list[Row]:
    return env.rows("stock.move.line", [("move_id", "=", move)])


def moves_of(env: Env, picking: int) -> list[Row]:
    return env.rows("stock.move", [("picking_id", "=", picking)])


def move(env: Env, number: int) -> Row:
    return env.need("stock.move", number)


def bypasses(env: Env, one: Row) -> bool:
    """Whether a move takes from where nothing is reserved, or a product nobody counts."""
    return bypasses_reservation(env, one["location_id"]) or not is_kept_in_stock(env, one["product_id"])


def follow_lines(env: Env, number: int, *, without: Iterable[int] = ()) -> None:
    """Work out again what a move takes from its lines; `without` are those about to go."""
    one = env.row("stock.move", number)
    if one is None:
        return
    gone = set(without)
    lines = [line for line in lines_of(env, number) if line["id"] not in gone]
    total = sum(
        convert(env, line["quantity"], line["product_uom_id"], one["product_uom"], None) for line in lines
    )
    picked = one["picked"]
    if one["state"] == "done" or any(line["picked"] for line in lines):
        picked = True
    elif lines:
        picked = False
    recompute(env, "stock.move", number, quantity=rounded(total), picked=picked)


def follow_quantity(env: Env, numbers: Iterable[int]) -> None:
    """Work out again the state of moves from what their lines hold."""
    for number in numbers:
        one = env.row("stock.move", number)
        if one is None or one["state"] in OVER or (one["state"] == "draft" and not one["quantity"]):
            continue
        step = unit_step(env, one["product_uom"])
        if compare(one["quantity"], one["product_uom_qty"], step) >= 0:
            state = "assigned"
        elif one["quantity"]:
            state = "partially_available"
        elif _waits(env, one):
            state = "waiting"
        else:
            state = "confirmed"
        if state != one["state"]:
            env.write("stock.move", [number], {"state": state})


def _waits(env: Env, one: Row) -> bool:
    before = env.browse("stock.move", one["move_orig_ids"])
    if one["procure_method"] == "make_to_order" and not before:
        return True
    return any(each["state"] not in OVER for each in before)


def follow_moves(env: Env, picking: int | None) -> None:
    """Work out again the state of a transfer from its moves."""
    row = env.row("stock.picking", picking)
    if row is None:
        return
    moves = moves_of(env, row["id"])
    states = {one["state"] for one in moves}
    if not moves:
        return
    if "draft" in states:
        state = "draft"
    elif states == {"cancel"}:
        state = "cancel"
    elif states <= set(OVER):
        thrown = all(is_scrap(env, one) for one in moves if one["state"] == "done")
        given_up = any(one["state"] == "cancel" and not is_scrap(env, one) for one in moves)
        state = "cancel" if thrown and given_up else "done"
    elif bypasses_reservation(env, row["location_id"]) and all(
        one["procure_method"] == "make_to_stock" for one in moves
    ):
        state = "assigned"
    else:
        state = _leading_state(row, moves)
        state = "assigned" if state == "partially_available" else state
    recompute(env, "stock.picking", row["id"], state=state)


def _leading_state(picking: Row, moves: list[Row]) -> str:
    todo = [
        one
        for one in moves
        if one["state"] not in OVER and not (one["state"] == "assigned" and not one["product_uom_qty"])
    ]
    if not todo:
        return "assigned"
    todo.sort(key=lambda one: (_IMPORTANCE.get(one["state"], 0), one["product_uom_qty"]))
    if picking.get("move_type") == "one":
        return "confirmed" if todo[0]["state"] == "partially_available" else str(todo[0]["state"])
    if todo[0]["state"] != "assigned" and any(
        one["state"] in ("assigned", "partially_available") for one in todo
    ):
        return "partially_available"
    last = todo[-1]
    return "assigned" if last["state"] == "confirmed" and not last["product_uom_qty"] else str(last["state"])


# ── giving up ──


def unreserve(env: Env, numbers: Iterable[int]) -> None:
    """Give back what moves hold. What is picked stays; the state is written, so write_date moves."""
    for number in numbers:
        one = move(env, number)
        if one["state"] == "cancel" or one["picked"] or (one["state"] == "done" and is_scrap(env, one)):
            continue
        if one["state"] == "done":
            raise user_error("You cannot unreserve a stock move that has been set to 'Done'.")
        lines = lines_of(env, number)
        env.delete("stock.move.line", [line["id"] for line in lines if not line["picked"]])
        if not any(line["picked"] for line in lines):
            follow_quantity(env, [number])


def is_scrap(env: Env, one: Row) -> bool:
    """Whether goods are thrown away: on 18 into a scrap location, on 19 into any inventory loss."""
    place = env.need("stock.location", one["location_dest_id"])
    return bool(place["scrap_location"]) if env.version < 19 else place["usage"] == "inventory"


def cancel(env: Env, numbers: Iterable[int]) -> None:
    """Cancel moves and what only waits for them; what is done cannot be."""
    moves = [move(env, number) for number in numbers]
    if any(one["state"] == "done" and not is_scrap(env, one) for one in moves):
        raise user_error(
            "You cannot cancel a stock move that has been set to 'Done'. "
            "Create a return in order to reverse the moves which took place."
        )
    for one in moves:
        if one["state"] in OVER:
            continue
        number = one["id"]
        env.write("stock.move", [number], {"picked": False})
        unreserve(env, [number])
        env.write("stock.move", [number], {"state": "cancel"})
        after = [each for each in next_moves(env, number) if each["state"] != "done"]
        for each in after:
            others = [env.need("stock.move", other) for other in each["move_orig_ids"] if other != number]
            if all(other["state"] == "cancel" for other in others):
                cancel(env, [each["id"]])
        env.write("stock.move", [number], {"move_orig_ids": [(5, 0, 0)], "procure_method": "make_to_stock"})


def next_moves(env: Env, number: int) -> list[Row]:
    """Return the moves that wait for this one."""
    return env.browse("stock.move", sorted(move(env, number)["move_dest_ids"]))


# ── what is worked out ──


def follow_demand(env: Env, number: int) -> None:
    one = move(env, number)
    demand = in_product_unit(env, one["product_uom_qty"], one["product_uom"], one["product_id"])
    recompute(env, "stock.move", number, product_qty=demand)


def follow_name(env: Env, number: int) -> None:
    """Work out the reference: the transfer's name, or what an adjustment was called."""
    one = move(env, number)
    picking = env.row("stock.picking", one["picking_id"])
    if env.version < 19:
        reference = picking["name"] if picking else one["name"]
    elif one["is_inventory"]:
        reference = one["inventory_name"]
        if not reference:
            reference = "Product Quantity Updated" if one["quantity"] else "Product Quantity Confirmed"
            author = env.row("res.users", one["create_uid"])
            if author and author["id"] != 1:
                reference += f" ({author['display_name']})"
    else:
        reference = picking["name"] if picking else None
    recompute(env, "stock.move", number, reference=reference)


@computed("stock.move", "display_name")
def display_name(env: Env, ids: list[int]) -> dict[int, str]:
    """`S00002 - SHOP-1101/SKU-0032: Stock>Customers`."""
    names = {}
    for one in env.browse("stock.move", ids):
        picking = env.row("stock.picking", one["picking_id"])
        origin = f"{picking['origin']}/" if picking and picking["origin"] else ""
        code = env.value("product.product", one["product_id"], "default_code")
        source = env.value("stock.location", one["location_id"], "name")
        names[one["id"]] = (
            f"{origin}{f'{code}: ' if code else ''}{source}>"
            f"{env.value('stock.location', one['location_dest_id'], 'name')}"
        )
    return names


@computed("stock.move", "availability")
def availability(env: Env, ids: list[int]) -> dict[int, float]:
    """Return what a move could have: all that is free where it takes from, or what it moved."""
    inner = engine(env)
    found = {}
    for one in env.browse("stock.move", ids):
        free = available(inner, Key(one["product_id"], one["location_id"]))
        found[one["id"]] = one["product_qty"] if one["state"] == "done" else min(one["product_qty"], free)
    return found


@computed("stock.move", "lot_ids")
def lots(env: Env, ids: list[int]) -> dict[int, list[int]]:
    """Return the lots its lines name."""
    return {
        number: sorted({line["lot_id"] for line in lines_of(env, number) if line["lot_id"]}) for number in ids
    }


def lies_in(env: Env, one: Row, other: Row) -> bool:
    """Whether two moves meet: one ends where, or around where, the other begins."""
    return is_inside(env, other["location_id"], one["location_dest_id"]) or is_inside(
        env, one["location_dest_id"], other["location_id"]
    )
