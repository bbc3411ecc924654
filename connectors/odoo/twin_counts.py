"""Counts: what a person or program writes to quants, and how a count becomes a movement.

Only in inventory mode a count finds the row that is there. Applying a row without a pending count means
"counted: nothing": on 19 always, on 18 unless it was counted before. One row moved since its count stops all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.odoo.twin_done import done
from connectors.odoo.twin_model import Field, Model
from connectors.odoo.twin_orm import (
    Env,
    Row,
    access_error,
    action,
    before_write,
    computed,
    constrains,
    inverse,
    on_create,
    on_delete,
    on_write,
    user_error,
    validation_error,
)
from connectors.odoo.twin_quants import Key, gather, key_of
from connectors.odoo.twin_stock import (
    compare,
    engine,
    inventory_location,
    is_engine,
    is_kept_in_stock,
    is_zero,
    recompute,
    rounded,
    window,
)
from connectors.odoo.twin_users import groups_of

_COUNTS = ("inventory_quantity", "inventory_quantity_auto_apply")
_MAY_BE_GIVEN = {
    "product_id", "owner_id", "lot_id", "location_id", "package_id", "user_id", "inventory_date",
    "inventory_diff_quantity", "inventory_quantity_set", "is_outdated", *_COUNTS,
}  # fmt: skip
_FIXED = {"product_id", "location_id", "lot_id", "package_id", "owner_id"}

Model("stock.track.confirmation", "Stock Track Confirmation", {
    "quant_ids": Field("many2many", "stock.quant"), "product_ids": Field("many2many", "product.product"),
}, transient=True, company_field="", versions=(18,))  # fmt: skip


def in_inventory_mode(env: Env) -> bool:
    return bool(env.context.get("inventory_mode")) and "stock.group_stock_user" in groups_of(env, env.uid)


# ── made and written ──


def create_quant(env: Env, vals: dict[str, Any]) -> int:
    """Create a quant as `create` over the wire does: a count in inventory mode takes the row there is."""
    if not (in_inventory_mode(env) and any(name in vals for name in _COUNTS)):
        return env.create("stock.quant", vals)
    if set(vals) - _MAY_BE_GIVEN:
        raise user_error("Quant's creation is restricted, you can't do this operation.")
    at_once = "inventory_quantity_auto_apply" in vals
    counted = vals.get("inventory_quantity_auto_apply") or vals.get("inventory_quantity") or 0.0
    vals = {name: value for name, value in vals.items() if name not in _COUNTS}
    key = Key(
        vals["product_id"], vals["location_id"], vals.get("lot_id") or None, vals.get("package_id") or None,
        vals.get("owner_id") or None,
    )  # fmt: skip
    inner = env.sudo()
    rows = gather(engine(env), key, strict=True)
    if key.lot:
        rows = [row for row in rows if row["lot_id"]]
    number = int(rows[0]["id"]) if rows else inner.create("stock.quant", vals)
    if at_once:
        inner.write("stock.quant", [number], {"inventory_quantity_auto_apply": counted})
    else:
        inner.write(
            "stock.quant",
            [number],
            {
                "inventory_quantity": counted,
                "user_id": vals.get("user_id") or env.uid,
                "inventory_date": env.stamp()[:10],
            },
        )
    return number


@action("stock.quant", "create", model_level=True)
def create(env: Env, vals_list: Any) -> Any:
    if isinstance(vals_list, dict):
        return create_quant(env, vals_list)
    return [create_quant(env, dict(vals)) for vals in vals_list]


@on_create("stock.quant")
def after_create(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    """Keep the difference to a count that came with the row. 18 also keeps one to no count at all."""
    for row in env.browse("stock.quant", ids):
        counted = "inventory_quantity" in vals
        difference = row["inventory_quantity"] - row["quantity"] if counted or env.version < 19 else 0.0
        recompute(
            env,
            "stock.quant",
            row["id"],
            quantity=rounded(row["quantity"]),
            inventory_quantity=rounded(row["inventory_quantity"]),
            inventory_diff_quantity=rounded(difference),
            inventory_quantity_set=counted or bool(vals.get("inventory_quantity_set")),
        )


@on_delete("stock.quant")
def before_delete(env: Env, ids: list[int]) -> None:
    """Whoever deletes a quant by hand counts it as nothing first; most people may not."""
    if env.su:
        return
    if "stock.group_stock_manager" not in groups_of(env, env.uid):
        raise user_error(
            "Quants are auto-deleted when appropriate. "
            "If you must manually delete them, please ask a stock manager to do it."
        )
    inner = env.sudo()
    inner.write("stock.quant", ids, {"inventory_quantity": 0.0})
    apply(inner, ids)


@before_write("stock.quant")
def before_change(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    for name in ("quantity", "reserved_quantity", "inventory_quantity"):
        if name in vals:
            vals[name] = rounded(float(vals[name] or 0.0))
    manager = env.su or "stock.group_stock_manager" in groups_of(env, env.uid)
    if "inventory_quantity_auto_apply" in vals and not manager:
        raise access_error(
            'You do not have enough rights to access the field "inventory_quantity_auto_apply" on Quants '
            "(stock.quant). Please contact your system administrator.\n\nOperation: write"
        )
    if not is_engine(env) and in_inventory_mode(env) and _FIXED & set(vals):
        raise user_error("Quant's editing is restricted, you can't do this operation.")


@on_write("stock.quant")
def after_change(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    if "inventory_quantity" in vals:
        for number in ids:
            recompute(env, "stock.quant", number, inventory_quantity_set=True)
            _follow_count(env, number)
    elif "inventory_quantity_set" in vals and env.version >= 19:
        for number in ids:
            _follow_count(env, number)


def _follow_count(env: Env, number: int) -> None:
    row = env.need("stock.quant", number)
    pending = row["inventory_quantity_set"] or env.version < 19
    difference = rounded(row["inventory_quantity"] - row["quantity"]) if pending else 0.0
    recompute(env, "stock.quant", number, inventory_diff_quantity=difference)


@inverse("stock.quant", "inventory_quantity_auto_apply")
def set_at_once(env: Env, ids: list[int], value: float) -> None:
    """Count and apply in one; outside inventory mode the value is dropped without a word."""
    if not in_inventory_mode(env):
        return
    changed = []
    for row in env.browse("stock.quant", ids):
        if env.version >= 19 and compare(row["quantity"], value or 0.0) == 0:
            continue
        env.write("stock.quant", [row["id"]], {"inventory_quantity": value or 0.0})
        changed.append(row["id"])
    # 18 forgets the name it was given here.
    unnamed = env.with_context(inventory_name=None) if env.version < 19 else env
    if changed:
        action_apply_inventory(unnamed, changed)


@computed("stock.quant", "inventory_quantity_auto_apply")
def quantity_there(env: Env, ids: list[int]) -> dict[int, float]:
    return {row["id"]: row["quantity"] for row in env.browse("stock.quant", ids)}


@computed("stock.quant", "is_outdated")
def outdated(env: Env, ids: list[int]) -> dict[int, bool]:
    return {row["id"]: _is_outdated(row) for row in env.browse("stock.quant", ids)}


def _is_outdated(row: Row) -> bool:
    counted_from = row["inventory_quantity"] - row["inventory_diff_quantity"]
    return bool(row["inventory_quantity_set"]) and compare(counted_from, row["quantity"]) != 0


# ── applied ──


@action("stock.quant", "action_apply_inventory")
def action_apply_inventory(env: Env, ids: list[int]) -> dict[str, Any] | None:
    """Make the stock what was counted. Answers nothing, or a window: then none of the rows was applied."""
    context = {name: value for name, value in env.context.items() if value is not None}
    context["default_quant_ids"] = list(ids)
    rows = env.browse("stock.quant", ids)
    moved = [row["id"] for row in rows if _is_outdated(row)]
    if moved:
        context["default_quant_to_fix_ids"] = moved
        return window(
            "Conflict in Inventory Adjustment", "stock.inventory.conflict", context, views=[[False, "form"]]
        )
    if env.version < 19 and (nameless := _counted_without_lot(rows)):
        context["default_product_ids"] = nameless
        return window(
            "Tracked Products in Inventory Adjustment", "stock.track.confirmation", context,
            views=[[False, "form"]],
        )  # fmt: skip
    apply(env, ids)
    return None


def _counted_without_lot(rows: Iterable[Row]) -> list[int]:
    return [
        row["product_id"]
        for row in rows
        if row["tracking"] in ("lot", "serial")
        and not row["lot_id"]
        and not row["quantity"]
        and compare(row["inventory_quantity"], row["quantity"]) != 0
    ]


def apply(env: Env, ids: Iterable[int]) -> None:
    """Write and do one move per row for the difference, even for none; then forget the counts."""
    inner = engine(env)
    ids = list(ids)
    inner.write("stock.quant", ids, {"inventory_quantity_set": True})
    moves = []
    for row in inner.browse("stock.quant", ids):
        lost = inventory_location(inner, row["product_id"], row["company_id"])
        difference = row["inventory_diff_quantity"]
        there = (lost, row["location_id"]) if compare(difference, 0.0) > 0 else (row["location_id"], lost)
        moves.append(inner.create("stock.move", _adjustment(env, row, abs(difference), *there)))
    done(inner, moves)
    today = inner.stamp()[:10]
    places = sorted({row["location_id"] for row in inner.browse("stock.quant", ids)})
    inner.write("stock.location", places, {"last_inventory_date": today})
    action_clear_inventory_quantity(inner, ids)


def _adjustment(env: Env, row: Row, quantity: float, source: int, target: int) -> dict[str, Any]:
    given = env.context.get("inventory_name")
    company = row["company_id"] or env.company_id
    leaving = source == row["location_id"]
    line = {
        "product_id": row["product_id"],
        "product_uom_id": row["product_uom_id"],
        "quantity": quantity,
        "location_id": source,
        "location_dest_id": target,
        "company_id": company,
        "lot_id": row["lot_id"],
        "package_id": row["package_id"] if leaving else None,
        "result_package_id": None if leaving else row["package_id"],
        "owner_id": row["owner_id"],
        "picked": True,
    }
    vals = {
        "product_id": row["product_id"],
        "product_uom": row["product_uom_id"],
        "product_uom_qty": quantity,
        "company_id": company,
        "state": "confirmed",
        "location_id": source,
        "location_dest_id": target,
        "restrict_partner_id": row["owner_id"],
        "is_inventory": True,
        "picked": True,
        "move_line_ids": [(0, 0, line)],
    }
    if env.version >= 19:
        return {**vals, "inventory_name": given or row["inventory_name"]}
    name = given or ("Product Quantity Confirmed" if is_zero(quantity) else "Product Quantity Updated")
    author = env.row("res.users", row["user_id"])
    if author is not None and author["id"] != 1:
        name += f" ({author['name']})"
    return {**vals, "name": name}


@action("stock.quant", "action_clear_inventory_quantity")
def action_clear_inventory_quantity(env: Env, ids: list[int]) -> None:
    """Drop pending counts."""
    env.write("stock.quant", ids, {"inventory_quantity": 0.0, "user_id": None})
    env.write("stock.quant", ids, {"inventory_quantity_set": False})
    for number in ids:
        recompute(env, "stock.quant", number, inventory_diff_quantity=0.0)


@action("stock.quant", "action_set_inventory_quantity")
def action_set_inventory_quantity(env: Env, ids: list[int]) -> None:
    """Take what the books say as the count."""
    for row in env.browse("stock.quant", ids):
        env.write("stock.quant", [row["id"]], {"inventory_quantity": row["quantity"], "user_id": env.uid})


@action("stock.quant", "action_set_inventory_quantity_zero")
def action_set_inventory_quantity_zero(env: Env, ids: list[int]) -> None:
    env.write("stock.quant", ids, {"inventory_quantity": 0.0, "user_id": env.uid})


# ── the questions ──


@action("stock.inventory.conflict", "action_keep_counted_quantity")
def keep_counted(env: Env, ids: list[int]) -> Any:
    """The count stands, whatever moved since."""
    numbers = [one for row in env.browse("stock.inventory.conflict", ids) for one in row["quant_ids"]]
    for row in env.browse("stock.quant", numbers):
        env.write("stock.quant", [row["id"]], {"inventory_quantity": row["inventory_quantity"]})
    return action_apply_inventory(env, numbers)


@action("stock.inventory.conflict", "action_keep_difference")
def keep_difference(env: Env, ids: list[int]) -> Any:
    """The difference found by the count stands, on top of what moved since."""
    numbers = [one for row in env.browse("stock.inventory.conflict", ids) for one in row["quant_ids"]]
    for row in env.browse("stock.quant", numbers):
        found = row["quantity"] + row["inventory_diff_quantity"]
        env.write("stock.quant", [row["id"]], {"inventory_quantity": found})
    return action_apply_inventory(env, numbers)


@action("stock.track.confirmation", "action_confirm", versions=(18,))
def apply_without_lots(env: Env, ids: list[int]) -> None:
    apply(env, [one for row in env.browse("stock.track.confirmation", ids) for one in row["quant_ids"]])


# ── what a quant may be ──


@constrains("stock.quant", "product_id", "location_id", "lot_id")
def check_quant(env: Env, ids: list[int]) -> None:
    for row in env.browse("stock.quant", ids):
        if not is_kept_in_stock(env, row["product_id"]):
            raise validation_error("Quants cannot be created for consumables or services.")
        place = env.need("stock.location", row["location_id"])
        if place["usage"] == "view":
            raise validation_error(
                "You cannot take products from or deliver products to a location of type "
                f'"view" ({place["name"]}).'
            )
        key = key_of(row)
        if key.lot and env.need("stock.lot", key.lot)["product_id"] != key.product:
            name = env.need("stock.lot", key.lot)["name"]
            raise validation_error(f"The Lot/Serial number ({name}) is linked to another product.")
