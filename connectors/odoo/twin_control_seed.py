"""Filling the twin as a retailer would: warehouses, goods, kits, customers, tills, keys, opening stock.

What is there already is left as it is, so the same document may come twice. Where a document names the id of
a warehouse, product or customer, others rely on it: one that gets another is an error.
"""

from __future__ import annotations

from typing import Any

from connectors.base.twinkit import Doc
from connectors.odoo.twin_control_acts import goods, house, lot_of, place
from connectors.odoo.twin_orm import Env
from connectors.odoo.twin_quants import Key, change
from connectors.odoo.twin_seed import add_kit, add_product
from connectors.odoo.twin_stock import engine
from connectors.odoo.twin_users import add_key, add_user, group_field


def seed(env: Env, document: Doc) -> Doc:
    """Add what a document lists and return how many of each were new.

    {"warehouses": [{"code", "name", "shelves": [..]}], "products": [{"sku", "name", "barcode", "tracking",
    "storable", "stock": {"WH/Stock/Shelf-A": 5}, "lots": {..}}], "kits": [{"sku", "name", "parts": {..}}],
    "customers": [{"name"}], "tills": [{"name", "warehouse"}], "users": [{"login", "groups", "key", "days"}]}

    "stock" is counted as a person would; "opening", of the same form, is written straight into the books, as
    who takes over another system's stock does: no move tells of it, and it costs a tenth of the time.

    A dataset of the demo may say this under `odoo`; one that does not is read by its items and locations.
    """
    part = document.get("odoo") or (_of_dataset(document) if "items" in document else document)
    return {
        "warehouses": sum(_warehouse(env, row) for row in part.get("warehouses", ())),
        "products": sum(_product(env, row) for row in part.get("products", ())),
        "kits": sum(_kit(env, row) for row in part.get("kits", ())),
        "customers": sum(_customer(env, row) for row in part.get("customers", ())),
        "tills": sum(_till(env, row) for row in part.get("tills", ())),
        "users": sum(_user(env, row) for row in part.get("users", ())),
    }


def _of_dataset(document: Doc) -> Doc:
    """Read warehouses and stores as warehouses (Odoo's codes are short), and give every store a till."""
    codes = {
        row["code"]: row["code"].rsplit("-", 1)[-1][:5]
        for row in document.get("locations", ())
        if row["kind"] in ("warehouse", "store")
    }
    stock: dict[str, dict[str, float]] = {}
    for row in document.get("stock", ()):
        if row["location"] in codes:
            stock.setdefault(row["sku"], {})[codes[row["location"]]] = float(row["quantity"])
    places = [row for row in document.get("locations", ()) if row["code"] in codes]
    items = document["items"]
    return {
        "warehouses": [{"code": codes[row["code"]], "name": row["name"]} for row in places],
        "tills": [
            {"name": row["name"], "warehouse": codes[row["code"]]} for row in places if row["kind"] == "store"
        ],
        "products": [
            {
                "sku": item["sku"], "name": item["name"], "barcode": item.get("gtin"),
                "price": item.get("price"), "stock": stock.get(item["sku"], {}),
            }
            for item in items
            if item["kind"] != "kit"
        ],
        "kits": [
            {
                "sku": item["sku"], "name": item["name"],
                "parts": {part["sku"]: part["quantity"] for part in item["components"]},
            }
            for item in items
            if item["kind"] == "kit"
        ],
    }  # fmt: skip


def _hold_to(row: Doc, made: int) -> None:
    """Refuse a document that was written for other ids than this database gives."""
    if row.get("id", made) != made:
        raise ValueError(f"{row.get('sku') or row['name']} should be {row['id']} and became {made}.")


def _warehouse(env: Env, row: Doc) -> bool:
    known = env.ids("stock.warehouse", [("code", "=", row["code"])])
    if not known:
        made = env.create("stock.warehouse", {"name": row.get("name") or row["code"], "code": row["code"]})
        _hold_to(row, made)
    stock = env.value("stock.warehouse", house(env, row["code"]), "lot_stock_id")
    for name in row.get("shelves", ()):
        if not env.ids("stock.location", [("location_id", "=", stock), ("name", "=", name)]):
            env.create("stock.location", {"name": name, "usage": "internal", "location_id": stock})
    return not known


def _product(env: Env, row: Doc) -> bool:
    if env.ids("product.product", [("default_code", "=", row["sku"])], active_test=False):
        return False
    more: dict[str, Any] = {
        "is_storable": row.get("storable", True), "tracking": row.get("tracking", "none"),
        "available_in_pos": True,
    }  # fmt: skip
    if row.get("barcode"):
        more["barcode"] = row["barcode"]
    if row.get("price"):
        more["list_price"] = float(row["price"])
    number = add_product(env, row["sku"], row.get("name", ""), **more)
    _hold_to(row, number)
    for where, quantity in row.get("opening", {}).items():
        change(engine(env), Key(number, place(env, where)), quantity=float(quantity))
    for where, quantity in row.get("stock", {}).items():
        _count(env, number, where, float(quantity))
    for name, shelves in row.get("lots", {}).items():
        for where, quantity in shelves.items():
            _count(env, number, where, float(quantity), lot_of(env, number, name))
    return True


def _count(env: Env, product: int, where: str, quantity: float, lot: int | None = None) -> None:
    vals = {"product_id": product, "location_id": place(env, where), "lot_id": lot}
    counting = env.with_context(inventory_mode=True, inventory_name="Opening stock")
    counting.create("stock.quant", {**vals, "inventory_quantity_auto_apply": quantity})


def _kit(env: Env, row: Doc) -> bool:
    if env.ids("product.product", [("default_code", "=", row["sku"])], active_test=False):
        return False
    parts = {goods(env, code): float(quantity) for code, quantity in row["parts"].items()}
    add_kit(env, row["sku"], parts, **({"name": row["name"]} if row.get("name") else {}))
    return True


def _customer(env: Env, row: Doc) -> bool:
    if env.ids("res.partner", [("name", "=", row["name"])]):
        return False
    made = env.create("res.partner", {"name": row["name"], "email": row.get("email"), "ref": row.get("ref")})
    _hold_to(row, made)
    return True


def _till(env: Env, row: Doc) -> bool:
    if env.ids("pos.config", [("name", "=", row["name"])]):
        return False
    kind = env.value("stock.warehouse", house(env, row.get("warehouse", "WH")), "pos_type_id")
    env.create("pos.config", {"name": row["name"], "picking_type_id": kind})
    return True


def _user(env: Env, row: Doc) -> bool:
    known = env.ids("res.users", [("login", "=", row["login"])], active_test=False)
    if not known:
        email = row.get("email", f"{row['login']}@example.com")
        known = [add_user(env, row["login"], tuple(row.get("groups", ())), [env.company_id], email=email)]
        if row.get("key"):
            add_key(env, known[0], "hub", days=float(row.get("days", 90)), key=row["key"])
        return True
    given = [env.ids("res.groups", [("name", "=", name)])[0] for name in row.get("groups", ())]
    field = group_field(env.version)
    env.write("res.users", known, {field: [(4, one) for one in given]})
    return False
