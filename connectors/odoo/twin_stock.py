"""The stock engine's ground: rounding, units, locations and products, as all its parts need them.

Quantities are floats because Odoo's are; every one that is kept was rounded first. No part of the engine
lives here: quants are in twin_quants, counts in twin_counts, moves in twin_moves, twin_move_hooks,
twin_confirm, twin_routes, twin_assign and twin_done, their lines in twin_move_lines, transfers in
twin_pickings, and twin_returns, twin_scrap and twin_lots say it themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

from connectors.odoo.twin_model import HOOKS
from connectors.odoo.twin_orm import Env, Row, user_error

Rounding = Literal["HALF-UP", "UP", "DOWN"]
DIGITS = 0.01
"""Odoo's default precision of quantities, and of a unit."""

ENGINE = "_engine"
OPEN = ("draft", "waiting", "confirmed", "partially_available", "assigned")
RESERVING = ("waiting", "confirmed", "partially_available", "assigned")
LACKING = ("waiting", "confirmed", "partially_available")
OVER = ("done", "cancel")


def rounded(value: float, step: float = DIGITS, method: Rounding = "HALF-UP") -> float:
    """Round to a step. A hair below the half counts as the half: 1.005 is 1.01, as in Odoo."""
    if not value:
        return 0.0
    scaled = abs(value) / step
    hair = scaled * 2**-50
    if method == "UP":
        steps = math.ceil(scaled - hair)
    elif method == "DOWN":
        steps = math.floor(scaled + hair)
    else:
        steps = math.floor(scaled + hair + 0.5)
    parts = round(1 / step)
    amount = steps / parts if step < 1 and math.isclose(parts * step, 1) else steps * step
    return math.copysign(amount, value) if amount else 0.0


def compare(one: float, other: float, step: float = DIGITS) -> int:
    """Return -1, 0 or 1 for two quantities rounded to a step."""
    difference = rounded(one, step) - rounded(other, step)
    return 0 if abs(difference) < step / 2 else (1 if difference > 0 else -1)


def is_zero(value: float, step: float = DIGITS) -> bool:
    return compare(value, 0.0, step) == 0


def engine(env: Env) -> Env:
    """Return the environment the engine works in: unchecked, and not taken for a person's own writing."""
    kept = {name: value for name, value in env.context.items() if not name.startswith("default_")}
    other = Env(env.db, env.tx, env.uid, {**kept, ENGINE: True, "active_test": False})
    other.su = True
    return other


def is_engine(env: Env) -> bool:
    return bool(env.context.get(ENGINE))


def recompute(env: Env, model: str, number: int, **vals: Any) -> None:
    """Keep computed values as Odoo's recomputation does: rules see it, write_date does not move."""
    old = env.db.store.get(model, number)
    changed = {name: value for name, value in vals.items() if old is not None and old.get(name) != value}
    if old is None or not changed:
        return
    env.tx.put(model, number, {**old, **changed})
    tell(env, model, number, old, **changed)


def tell(env: Env, model: str, number: int, old: dict[str, Any] | None = None, /, **vals: Any) -> None:
    """Tell the rules of a value that changed without being written, a related one say."""
    before = old if old is not None else env.db.store.get(model, number) or {}
    for observer in HOOKS[("observes", "*")]:
        observer(env, "write", model, [number], vals, {number: before})


def is_kept_in_stock(env: Env, number: int) -> bool:
    row = env.need("product.product", number)
    return row["type"] == "consu" and bool(row["is_storable"])


def tracking(env: Env, number: int) -> str:
    return str(env.need("product.product", number)["tracking"] or "none")


def product_label(env: Env, number: int) -> str:
    return str(env.value("product.product", number, "display_name"))


def unit_step(env: Env, unit: int | None) -> float:
    row = env.row("uom.uom", unit) if unit else None
    return float(row["rounding"] or DIGITS) if row is not None else DIGITS


def convert(
    env: Env, amount: float, unit: int | None, into: int | None, method: Rounding | None = "UP"
) -> float:
    """Convert between units; `method=None` leaves the result as it falls.

    18 keeps how many of a unit make its reference, 19 how many references make the unit.
    """
    if not amount or not unit or not into or unit == into:
        return rounded(amount, unit_step(env, into), method) if method and into else amount
    from_factor = float(env.need("uom.uom", unit)["factor"])
    to_factor = float(env.need("uom.uom", into)["factor"])
    raw = amount / from_factor * to_factor if env.version < 19 else amount * from_factor / to_factor
    return rounded(raw, unit_step(env, into), method) if method else raw


def in_product_unit(env: Env, amount: float, unit: int | None, product_id: int) -> float:
    return convert(env, amount, unit, env.need("product.product", product_id)["uom_id"], "HALF-UP")


def usage(env: Env, location: int) -> str:
    return str(env.need("stock.location", location)["usage"])


def bypasses_reservation(env: Env, location: int) -> bool:
    """Whether goods there are never reserved: all that is not stock of ours."""
    row = env.need("stock.location", location)
    return row["usage"] in ("supplier", "customer", "inventory", "production") or bool(
        row.get("scrap_location")
    )


def below(env: Env, location: int) -> set[int]:
    """Return a location and all locations inside it, archived ones too."""
    found, waiting = {location}, [location]
    while waiting:
        inside = env.rows("stock.location", [("location_id", "in", waiting)], active_test=False)
        waiting = [int(row["id"]) for row in inside if row["id"] not in found]
        found.update(waiting)
    return found


def is_inside(env: Env, location: int, outer: int) -> bool:
    """Whether a location is another one or lies inside it."""
    number: int | None = location
    while number:
        if number == outer:
            return True
        number = env.need("stock.location", number)["location_id"]
    return False


def warehouse_of(env: Env, location: int) -> int | None:
    number: int | None = location
    by_view = {
        row["view_location_id"]: int(row["id"]) for row in env.rows("stock.warehouse", active_test=False)
    }
    while number:
        if number in by_view:
            return by_view[number]
        number = env.need("stock.location", number)["location_id"]
    return None


def inventory_location(env: Env, product_id: int, company_id: int | None) -> int:
    """Return where adjustments of a product come from and go to."""
    theirs = env.with_context(allowed_company_ids=[company_id]) if company_id else env
    own = theirs.value("product.product", product_id, "property_stock_inventory")
    if own:
        return int(own)
    losses = env.sudo().rows("stock.location", [("usage", "=", "inventory")], active_test=False)
    losses = [row for row in losses if not row.get("scrap_location")] or losses
    ranked = sorted(losses, key=lambda row: (row["company_id"] != company_id, row["company_id"] is not None))
    if not ranked:
        raise user_error("No inventory location is configured.")
    return int(ranked[0]["id"])


def ids_of(rows: Iterable[Row]) -> list[int]:
    return [int(row["id"]) for row in rows]


def window(name: str, model: str, context: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the window action by which Odoo asks back: nothing has been done yet."""
    return {
        "name": name,
        "type": "ir.actions.act_window",
        "view_mode": "form",
        "res_model": model,
        "target": "new",
        "context": context,
        **more,
    }
