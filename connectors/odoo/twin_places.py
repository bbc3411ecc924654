"""Places of the twin: the names and trees of locations, and what a new warehouse brings with it."""

from __future__ import annotations

from typing import Any

from connectors.odoo.twin_orm import Env, before_create, computed, constrains, on_create, validation_error

# The operation types of a warehouse in the order they are made: (name, code, from, to, prefix).
TYPES = (
    ("Receipts", "incoming", "vendors", "stock", "IN"),
    ("Delivery Orders", "outgoing", "stock", "customers", "OUT"),
    ("Pack", "internal", "pack", "output", "PACK"),
    ("Pick", "internal", "stock", "pack", "PICK"),
    ("Quality Control", "internal", "input", "quality", "QC"),
    ("Storage", "internal", "input", "stock", "STOR"),
    ("Internal Transfers", "internal", "stock", "stock", "INT"),
    ("Cross Dock", "internal", "input", "output", "XD"),
    ("PoS Orders", "outgoing", "stock", "customers", "POS"),
)
ACTIVE_TYPES = frozenset(("Receipts", "Delivery Orders", "Internal Transfers", "PoS Orders"))


def first(ids: list[int]) -> int | None:
    return ids[0] if ids else None


@computed("stock.location", "complete_name")
def complete_name(env: Env, ids: list[int]) -> dict[int, str]:
    return {number: _path(env, number) for number in ids}


def _path(env: Env, number: int) -> str:
    row = env.need("stock.location", number)
    if row["location_id"] and row["usage"] != "view":
        return f"{_path(env, row['location_id'])}/{row['name']}"
    return str(row["name"])


def ancestors(env: Env, number: int) -> list[int]:
    """Return the location and all above it, the nearest first."""
    found, here = [], env.row("stock.location", number)
    while here is not None and here["id"] not in found:
        found.append(here["id"])
        here = env.row("stock.location", here["location_id"])
    return found


@computed("stock.location", "parent_path")
def parent_path(env: Env, ids: list[int]) -> dict[int, str]:
    return {
        number: "".join(f"{one}/" for one in reversed(ancestors(env, number)))
        for number in ids
    }  # fmt: skip


@computed("stock.location", "warehouse_id")
def warehouse_of(env: Env, ids: list[int]) -> dict[int, int | None]:
    views = {row["view_location_id"]: row["id"] for row in env.rows("stock.warehouse", active_test=False)}
    return {
        number: next((views[one] for one in ancestors(env, number) if one in views), None) for number in ids
    }  # fmt: skip


@constrains("stock.location", "barcode", "company_id")
def barcode_is_unique(env: Env, ids: list[int]) -> None:
    for row in env.browse("stock.location", ids):
        same = [
            ("barcode", "=", row["barcode"]),
            ("company_id", "=", row["company_id"]),
            ("id", "!=", row["id"]),
        ]
        if row["barcode"] and env.ids("stock.location", same, active_test=False):
            raise validation_error(
                "The operation cannot be completed: The barcode for a location must be unique per company!"
            )


@computed("stock.picking.type", "display_name")
def type_name(env: Env, ids: list[int]) -> dict[int, str]:
    rows = env.browse("stock.picking.type", ids)
    names = {row["id"]: env.value("stock.picking.type", row["id"], "warehouse_id.name") for row in rows}
    return {row["id"]: ": ".join(one for one in (names[row["id"]], row["name"]) if one) for row in rows}


@before_create("stock.warehouse")
def places_of_a_warehouse(env: Env, vals: dict[str, Any]) -> None:
    """Make the view, Stock, Input, Quality Control, Output and Packing Zone of a new warehouse."""
    if vals.get("view_location_id"):
        return
    company = vals.setdefault("company_id", env.company_id)
    top = first(env.ids("stock.location", [("name", "=", "Physical Locations"), ("usage", "=", "view")]))
    view = env.create("stock.location", {
        "name": vals["code"], "usage": "view", "location_id": top, "company_id": company,
    })  # fmt: skip
    steps = (
        vals.get("reception_steps", "one_step") != "one_step",
        vals.get("delivery_steps", "ship_only") != "ship_only",
    )
    vals["view_location_id"] = view
    for field, name, active in (
        ("lot_stock_id", "Stock", True), ("wh_input_stock_loc_id", "Input", steps[0]),
        ("", "Quality Control", False),
        ("wh_output_stock_loc_id", "Output", steps[1]), ("", "Packing Zone", False),
    ):  # fmt: skip
        code = f"{vals['code']}{name}".upper().replace(" ", "") if company == 1 else None
        place = env.create("stock.location", {
            "name": name, "usage": "internal", "location_id": view, "company_id": company, "active": active,
            "barcode": code if name == "Stock" else None,
        })  # fmt: skip
        if field:
            vals[field] = place


@on_create("stock.warehouse")
def types_of_a_warehouse(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    warehouse = env.need("stock.warehouse", ids[0])

    def outside(usage: str) -> int | None:
        return first(env.ids("stock.location", [("usage", "=", usage)]))

    def inside(name: str) -> int | None:
        domain = [("location_id", "=", warehouse["view_location_id"]), ("name", "=", name)]
        return first(env.ids("stock.location", domain, active_test=False))

    places = {
        "vendors": outside("supplier"), "customers": outside("customer"), "stock": warehouse["lot_stock_id"],
        "input": inside("Input"), "quality": inside("Quality Control"), "output": inside("Output"),
        "pack": inside("Packing Zone"),
    }  # fmt: skip
    made = {}
    for name, code, source, target, prefix in TYPES:
        made[name] = env.create("stock.picking.type", {
            "name": name, "code": code, "sequence_code": prefix, "warehouse_id": ids[0],
            "company_id": warehouse["company_id"], "default_location_src_id": places[source],
            "default_location_dest_id": places[target], "active": name in ACTIVE_TYPES,
        })  # fmt: skip
    env.write("stock.picking.type", [made["Receipts"]], {"return_picking_type_id": made["Delivery Orders"]})
    env.write("stock.picking.type", [made["Delivery Orders"]], {"return_picking_type_id": made["Receipts"]})
    env.write("stock.warehouse", ids, {
        "in_type_id": made["Receipts"], "out_type_id": made["Delivery Orders"],
        "int_type_id": made["Internal Transfers"], "pos_type_id": made["PoS Orders"],
    })  # fmt: skip
