"""Scrap: goods thrown away. It has no key of its own: a name given is replaced, and twice is twice."""

from __future__ import annotations

from typing import Any

from connectors.odoo.twin_done import done
from connectors.odoo.twin_model import Field, Model
from connectors.odoo.twin_orm import Env, Row, action, before_create, on_delete, user_error
from connectors.odoo.twin_quants import Key, gather
from connectors.odoo.twin_stock import (
    compare,
    convert,
    engine,
    inventory_location,
    is_zero,
    product_label,
    window,
)

_VIEW_OF_WIZARD = {18: 905, 19: 950}

Model("stock.warn.insufficient.qty.scrap", "Warn Insufficient Scrap Quantity", {
    "product_id": Field("many2one", "product.product"), "location_id": Field("many2one", "stock.location"),
    "scrap_id": Field("many2one", "stock.scrap"), "quantity": Field("float"),
    "product_uom_name": Field("char"),
}, rec_name="product_id", transient=True, company_field="")  # fmt: skip


@before_create("stock.scrap")
def complete_scrap(env: Env, vals: dict[str, Any]) -> None:
    inner = engine(env)
    if not vals.get("product_id"):
        return
    vals["company_id"] = vals.get("company_id") or env.company_id
    vals["product_uom_id"] = (
        vals.get("product_uom_id") or inner.need("product.product", vals["product_id"])["uom_id"]
    )
    if not vals.get("location_id"):
        houses = inner.rows("stock.warehouse", [("company_id", "=", vals["company_id"])])
        vals["location_id"] = houses[0]["lot_stock_id"] if houses else None
    if not vals.get("scrap_location_id"):
        vals["scrap_location_id"] = _scrap_location(inner, vals["product_id"], vals["company_id"])


def _scrap_location(env: Env, product_id: int, company_id: int) -> int:
    """Return where scrap goes: on 18 a location marked for it, on 19 any inventory loss."""
    if env.version < 19:
        marked = [("scrap_location", "=", True), ("company_id", "in", [company_id, False])]
        if found := env.ids("stock.location", marked):
            return found[0]
    return inventory_location(env, product_id, company_id)


@on_delete("stock.scrap")
def keep_done(env: Env, ids: list[int]) -> None:
    if any(row["state"] == "done" for row in env.browse("stock.scrap", ids)):
        raise user_error("You cannot delete a scrap which is done.")


@action("stock.scrap", "action_validate")
def action_validate(env: Env, ids: list[int]) -> Any:
    """Throw away, if that much is there; else ask."""
    row = env.need("stock.scrap", ids[0])
    if is_zero(row["scrap_qty"]):
        raise user_error("You can only enter positive quantities.")
    inner = engine(env)
    unit = inner.need("product.product", row["product_id"])["uom_id"]
    wanted = convert(inner, row["scrap_qty"], row["product_uom_id"], unit, "HALF-UP")
    key = Key(row["product_id"], row["location_id"], row["lot_id"], row["package_id"], row["owner_id"])
    # What is promised counts too: scrap looks at what is on hand.
    there = sum(quant["quantity"] for quant in gather(inner, key, strict=True))
    if compare(there, wanted) >= 0:
        _scrap(inner, row)
        return True
    view = _VIEW_OF_WIZARD[env.version]
    context = {
        **env.context,
        "default_product_id": row["product_id"],
        "default_location_id": row["location_id"],
        "default_scrap_id": row["id"],
        "default_quantity": wanted,
        "default_product_uom_name": inner.value("uom.uom", unit, "name"),
    }
    name = f"{product_label(inner, row['product_id'])}: Insufficient Quantity To Scrap"
    return window(name, "stock.warn.insufficient.qty.scrap", context, view_id=view)


@action("stock.warn.insufficient.qty.scrap", "action_done")
def scrap_anyway(env: Env, ids: list[int]) -> bool:
    wizards = env.browse("stock.warn.insufficient.qty.scrap", ids)
    for row in env.browse("stock.scrap", [wizard["scrap_id"] for wizard in wizards]):
        _scrap(engine(env), row)
    return True


def _scrap(env: Env, row: Row) -> None:
    """Every call takes the next name and makes another move."""
    name = f"SP/{env.next_number('stock.scrap.name'):05d}"
    line = {
        "product_id": row["product_id"],
        "product_uom_id": row["product_uom_id"],
        "quantity": row["scrap_qty"],
        "location_id": row["location_id"],
        "location_dest_id": row["scrap_location_id"],
        "lot_id": row["lot_id"],
        "package_id": row["package_id"],
        "owner_id": row["owner_id"],
        "picked": True,
    }
    vals = {
        "origin": row["origin"] or name,
        "company_id": row["company_id"],
        "product_id": row["product_id"],
        "product_uom": row["product_uom_id"],
        "product_uom_qty": row["scrap_qty"],
        "state": "draft",
        "location_id": row["location_id"],
        "location_dest_id": row["scrap_location_id"],
        "picking_id": row["picking_id"],
        "scrap_id": row["id"],
        "picked": True,
        "move_line_ids": [(0, 0, line)],
    }
    if env.version < 19:
        vals |= {"name": name, "scrapped": True}
    env.write("stock.scrap", [row["id"]], {"name": name})
    done(env, [env.create("stock.move", vals)])
    env.write("stock.scrap", [row["id"]], {"state": "done", "date_done": env.stamp()})
