"""Quants: how much of a product lies where, and how much of it is promised.

One key (product, location, lot, package, owner) may have several rows: whoever finds the rows locked makes a
new one instead of waiting. They are merged later, by the scheduler, without a trace in write_date. Counts are
in twin_counts; what a person may do to a quant over the wire is there too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from connectors.odoo.twin_orm import Env, Row, action, computed, validation_error
from connectors.odoo.twin_stock import (
    RESERVING,
    below,
    bypasses_reservation,
    compare,
    convert,
    engine,
    is_kept_in_stock,
    is_zero,
    product_label,
    rounded,
    tracking,
    unit_step,
)

SPLIT_ROWS = "split_rows"
"""Switch of the database: so many next changes find every row of their key locked, and make a new one."""
Taken = list[tuple[Row, float]]


@dataclass(frozen=True, slots=True)
class Key:
    """What one quant row is about."""

    product: int
    location: int
    lot: int | None = None
    package: int | None = None
    owner: int | None = None


def key_of(row: Row) -> Key:
    """Return the key of a quant or, at its source, of a move line."""
    return Key(row["product_id"], row["location_id"], row["lot_id"], row["package_id"], row["owner_id"])


def gather(env: Env, key: Key, *, strict: bool) -> list[Row]:
    """Return the rows that serve a key, oldest first, those with a lot before those without.

    Strict means exactly there; else everything inside the location, of any package and owner not named.
    """
    places = {key.location} if strict else below(env, key.location)
    found = []
    for row in env.rows("stock.quant", [("product_id", "=", key.product)], order="in_date, id"):
        if row["location_id"] not in places:
            continue
        if key.lot and row["lot_id"] not in (key.lot, None):
            continue
        if strict and not key.lot and row["lot_id"]:
            continue
        if (strict or key.package) and row["package_id"] != key.package:
            continue
        if (strict or key.owner) and row["owner_id"] != key.owner:
            continue
        found.append(row)
    return sorted(found, key=lambda row: not row["lot_id"])


def available(env: Env, key: Key, *, strict: bool = False, allow_negative: bool = False) -> float:
    """Return what is there and not promised; of tracked products per lot, a lot short never eats another."""
    rows = gather(env, key, strict=strict)
    if tracking(env, key.product) == "none":
        free = sum(row["quantity"] - row["reserved_quantity"] for row in rows)
        return free if allow_negative or compare(free, 0.0) >= 0 else 0.0
    by_lot: dict[int | None, float] = {}
    for row in rows:
        if not row["lot_id"] and strict and key.lot:
            continue
        by_lot[row["lot_id"]] = by_lot.get(row["lot_id"], 0.0) + row["quantity"] - row["reserved_quantity"]
    if allow_negative:
        return sum(by_lot.values())
    return sum(free for free in by_lot.values() if compare(free, 0.0) > 0)


def reservable(env: Env, key: Key, wanted: float, *, unit: int | None = None, strict: bool = False) -> Taken:
    """Say of which rows a quantity may be reserved; shortage on one row of a key is taken off the others."""
    own_unit = env.need("product.product", key.product)["uom_id"]
    step = unit_step(env, own_unit)
    rows = gather(env, key, strict=strict)
    quantity = min(wanted, available(env, key, strict=strict))
    if not strict and unit and unit != own_unit:
        quantity = convert(env, convert(env, quantity, own_unit, unit, "DOWN"), unit, own_unit, "HALF-UP")
    if tracking(env, key.product) == "serial" and compare(quantity, int(quantity), step) != 0:
        quantity = 0.0
    if compare(quantity, 0.0, step) <= 0:
        return []
    left = sum(row["quantity"] for row in rows if row["quantity"] > 0)
    left -= sum(row["reserved_quantity"] for row in rows)
    short: dict[Key, float] = {}
    for row in rows:
        if (free := row["quantity"] - row["reserved_quantity"]) < 0:
            short[key_of(row)] = short.get(key_of(row), 0.0) - free
    taken: Taken = []
    for row in rows:
        free = row["quantity"] - row["reserved_quantity"]
        if free <= 0:
            continue
        lent = min(short.get(key_of(row), 0.0), free)
        if lent:
            short[key_of(row)] -= lent
        part = min(free - lent, quantity)
        if compare(part, 0.0, step) <= 0:
            continue
        taken.append((row, rounded(part, step)))
        quantity -= part
        left -= part
        if is_zero(quantity, step) or is_zero(left, step):
            break
    return taken


def change(
    env: Env, key: Key, *, quantity: float = 0.0, reserved: float = 0.0, in_date: str | None = None
) -> tuple[float, str]:
    """Add to what lies at a key, or to what is promised of it; return what is free there, and its age."""
    rows = gather(env, key, strict=True)
    if key.lot and (quantity > 0 or (quantity < 0 and sum(row["quantity"] for row in rows) < quantity)):
        rows = [row for row in rows if row["lot_id"]]
    dates = [in_date] if in_date else []
    if not bypasses_reservation(env, key.location):
        dates += [row["in_date"] for row in rows if row["in_date"] and row["quantity"] > 0]
    oldest = min(dates) if dates else env.now.strftime("%Y-%m-%d %H:%M:%S")
    free_row = _unlocked(env, key, rows)
    if free_row is not None:
        vals: dict[str, Any] = {"in_date": oldest}
        if quantity:
            vals["quantity"] = rounded(free_row["quantity"] + quantity)
        if reserved:
            vals["reserved_quantity"] = max(0.0, rounded(free_row["reserved_quantity"] + reserved))
        env.write("stock.quant", [free_row["id"]], vals)
    else:
        _new_row(env, key, rounded(quantity), rounded(reserved), oldest)
    return available(env, key, strict=True, allow_negative=True), oldest


def reserve(env: Env, key: Key, quantity: float) -> None:
    """Promise more of a key, or less; nothing is asked of what is there."""
    if not is_zero(quantity):
        change(env, key, reserved=quantity)


def _unlocked(env: Env, key: Key, rows: list[Row]) -> Row | None:
    """Return the row to change: with a lot its own row first. With every row locked, none."""
    if not rows:
        return None
    locked = int(env.db.settings.get(SPLIT_ROWS) or 0)
    if locked > 0 and not bypasses_reservation(env, key.location):
        env.db.settings[SPLIT_ROWS] = locked - 1
        return None
    held = env.db.store.locked
    free = [row for row in rows if ("stock.quant", row["id"]) not in held]
    return min(free, key=lambda row: (row["lot_id"] is None, row["id"]), default=None)


def _new_row(env: Env, key: Key, quantity: float, reserved: float, in_date: str) -> int:
    return env.create(
        "stock.quant",
        {
            "product_id": key.product,
            "location_id": key.location,
            "lot_id": key.lot,
            "package_id": key.package,
            "owner_id": key.owner,
            "quantity": quantity,
            "reserved_quantity": reserved,
            "in_date": in_date,
        },
    )


# ── the scheduler ──


def merge_rows(env: Env) -> None:
    """Merge the rows of each key into the oldest, in plain SQL: no hook runs, write_date stays."""
    by_key: dict[Key, list[Row]] = {}
    for row in env.rows("stock.quant"):
        by_key.setdefault(key_of(row), []).append(row)
    for rows in by_key.values():
        if len(rows) < 2:
            continue
        kept = {
            "quantity": rounded(sum(row["quantity"] for row in rows)),
            "reserved_quantity": max(0.0, rounded(sum(row["reserved_quantity"] for row in rows))),
            "inventory_quantity": rounded(sum(row["inventory_quantity"] for row in rows)),
            "in_date": min(row["in_date"] for row in rows),
        }
        env.tx.put("stock.quant", rows[0]["id"], {**rows[0], **kept})
        for row in rows[1:]:
            env.tx.put("stock.quant", row["id"], None)


def clean_reservations(env: Env) -> None:
    """Make what the rows promise equal to what open move lines hold."""
    promised: dict[Key, float] = {}
    for row in env.rows("stock.quant", [("reserved_quantity", "!=", 0)]):
        promised[key_of(row)] = promised.get(key_of(row), 0.0) + row["reserved_quantity"]
    held: dict[Key, float] = {}
    for line in env.rows("stock.move.line", [("state", "in", list(RESERVING))]):
        if is_kept_in_stock(env, line["product_id"]) and not bypasses_reservation(env, line["location_id"]):
            held[key_of(line)] = held.get(key_of(line), 0.0) + line["quantity_product_uom"]
    for key in {*promised, *held}:
        reserve(env, key, held.get(key, 0.0) - promised.get(key, 0.0))


def drop_zero_rows(env: Env) -> None:
    gone = [
        row["id"]
        for row in env.rows("stock.quant", [("quantity", "=", 0), ("reserved_quantity", "=", 0)])
        if is_zero(row["inventory_quantity"], 1e-6) and not row["user_id"]
    ]
    env.delete("stock.quant", gone)


def run_scheduler(env: Env) -> None:
    """What the scheduled job (and opening the stock list) does to quants."""
    inner = engine(env)
    merge_rows(inner)
    clean_reservations(inner)
    drop_zero_rows(inner)


@action("stock.quant", "action_view_quants", model_level=True)
def action_view_quants(env: Env) -> dict[str, Any]:
    """Open the stock list, which tidies the rows first."""
    run_scheduler(env)
    return {"type": "ir.actions.act_window", "res_model": "stock.quant", "view_mode": "list,form"}


@computed("stock.quant", "available_quantity")
def available_quantity(env: Env, ids: list[int]) -> dict[int, float]:
    """Return what is free of each; nothing of a lot past the day of its removal (product_expiry)."""
    rows = env.browse("stock.quant", ids)
    ends = {
        row["lot_id"]: env.value("stock.lot", row["lot_id"], "removal_date") for row in rows if row["lot_id"]
    }
    now = env.stamp()
    return {
        row["id"]: 0.0
        if (end := ends.get(row["lot_id"])) and end <= now
        else row["quantity"] - row["reserved_quantity"]
        for row in rows
    }


# ── what a product says of its stock ──


@computed("product.product", "qty_available", "free_qty", "incoming_qty", "outgoing_qty", "virtual_available")
def product_figures(env: Env, ids: list[int], name: str) -> dict[int, float]:
    """Return a total over the places the context names, or over all warehouses of the companies."""
    inner = engine(env)
    places = _places(inner)
    return {number: _figure(inner, number, places, name) for number in ids}


def _figure(env: Env, number: int, places: set[int], name: str) -> float:
    of_product = ("product_id", "=", number)
    if name in ("qty_available", "free_qty"):
        rows = [row for row in env.rows("stock.quant", [of_product]) if row["location_id"] in places]
        held = sum(row["reserved_quantity"] for row in rows) if name == "free_qty" else 0.0
        return rounded(sum(row["quantity"] for row in rows) - held)
    if name == "virtual_available":
        here = _figure(env, number, places, "qty_available")
        coming = _figure(env, number, places, "incoming_qty")
        return rounded(here + coming - _figure(env, number, places, "outgoing_qty"))
    total = 0.0
    for move in env.rows("stock.move", [of_product, ("state", "in", list(RESERVING))]):
        leaves, enters = move["location_id"] in places, move["location_dest_id"] in places
        if leaves != enters and enters == (name == "incoming_qty"):
            total += move["product_qty"]
    return rounded(total)


def _places(env: Env) -> set[int]:
    named = env.context.get("location")
    house = env.context.get("warehouse_id") or env.context.get("warehouse")
    if named:
        roots = [int(one) for one in (named if isinstance(named, list) else [named])]
    else:
        domain: list[Any] = [("company_id", "in", env.company_ids)]
        if house:
            domain.append(("id", "in", house if isinstance(house, list) else [house]))
        roots = [row["view_location_id"] for row in env.rows("stock.warehouse", domain)]
    return {one for root in roots for one in below(env, root)}


def check_serials(env: Env, key: Key) -> None:
    """Refuse a serial number that would lie twice in one place."""
    if not key.lot or tracking(env, key.product) != "serial":
        return
    rows = [row for row in gather(env, replace(key, package=None), strict=False) if row["lot_id"] == key.lot]
    by_place: dict[int, float] = {}
    for row in rows:
        by_place[row["location_id"]] = by_place.get(row["location_id"], 0.0) + row["quantity"]
    for place, total in by_place.items():
        usage = env.need("stock.location", place)["usage"]
        if usage != "inventory" and compare(abs(total), 1.0) > 0:
            raise validation_error(
                "The serial number has already been assigned: \n "
                f"Product: {product_label(env, key.product)}, "
                f"Serial Number: {env.need('stock.lot', key.lot)['name']}"
            )
