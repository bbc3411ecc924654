"""Lots and serial numbers: one name per product and company, and how much of a lot lies on our shelves."""

from __future__ import annotations

from typing import Any

from connectors.odoo.twin_orm import Env, before_create, computed, constrains, user_error, validation_error
from connectors.odoo.twin_stock import product_label, rounded, tracking


@before_create("stock.lot")
def complete_lot(env: Env, vals: dict[str, Any]) -> None:
    if vals.get("product_id") and tracking(env, vals["product_id"]) == "none":
        raise user_error(
            "You are not allowed to create a lot or serial number for a product that is not tracked."
        )
    if not vals.get("name"):
        vals["name"] = f"{env.next_number('stock.lot.serial'):07d}"


@constrains("stock.lot", "name", "product_id", "company_id")
def name_is_unique(env: Env, ids: list[int]) -> None:
    for row in env.browse("stock.lot", ids):
        same = [("name", "=", row["name"]), ("product_id", "=", row["product_id"])]
        others = [
            other for other in env.rows("stock.lot", same, active_test=False) if other["id"] != row["id"]
        ]
        # A lot of no company collides with a lot of any.
        if any(None in (row["company_id"], other["company_id"]) or other["company_id"] == row["company_id"]
               for other in others):  # fmt: skip
            raise validation_error(
                "The combination of lot/serial number and product must be unique within a company including "
                "when no company is defined.\nThe following combinations contain duplicates:\n"
                f" - Product: {product_label(env, row['product_id'])}, Lot/Serial Number: {row['name']}"
            )


@computed("stock.lot", "product_qty")
def on_our_shelves(env: Env, ids: list[int]) -> dict[int, float]:
    totals = dict.fromkeys(ids, 0.0)
    for row in env.rows("stock.quant", [("lot_id", "in", list(ids))]):
        if env.value("stock.location", row["location_id"], "usage") in ("internal", "transit"):
            totals[row["lot_id"]] = rounded(totals[row["lot_id"]] + row["quantity"])
    return totals
