"""A new database as an installation leaves it, and short ways to add goods, places and kits to it."""

from __future__ import annotations

from typing import Any

from connectors.odoo.twin_orm import Env
from connectors.odoo.twin_users import GROUPS, add_user

MODULES = (
    "base", "web", "mail", "product", "uom", "stock", "sale", "sale_management", "sale_stock", "purchase",
    "purchase_stock", "point_of_sale", "base_automation", "product_expiry", "mrp",
)  # fmt: skip
COMPANY = "My Company"


def found(env: Env) -> None:
    """Fill an empty database: company, groups, users, units, places and the first warehouse."""
    company = env.create("res.company", {"name": COMPANY})
    for name, full in GROUPS.items():
        env.create("res.groups", {"name": name, "full_name": full[0 if env.version == 18 else 1]})
    everything = ("base.group_system",)
    add_user(
        env, "__system__", everything, [company], email="odoobot@example.com", active=False, name="OdooBot"
    )
    add_user(env, "admin", everything, [company], email="admin@example.com", name="Administrator")
    for login in ("default", "public", "portaltemplate")[0 if env.version == 18 else 1 :]:
        add_user(env, login, (), [company], active=False)
    env.write("res.company", [company], {"partner_id": env.create("res.partner", {"name": COMPANY})})
    env.create("res.lang", {"name": "English (US)", "code": "en_US"})
    for name in MODULES:
        env.create("ir.module.module", {
            "name": name, "state": "installed", "latest_version": f"{env.version}.0.1.0", "shortdesc": name,
        })  # fmt: skip
    env.create("ir.config_parameter", {"key": "database.uuid", "value": f"twin-{env.db.name}"})
    _units(env)
    _places(env, company)
    env.create("product.category", {"name": "All"})


def _units(env: Env) -> None:
    if env.version == 18:
        for category in ("Unit", "Weight"):
            env.create("uom.category", {"name": category})
        env.create("uom.uom", {"name": "Units", "category_id": 1})
        env.create("uom.uom", {"name": "Dozens", "category_id": 1, "uom_type": "bigger", "factor": 1 / 12})
        env.create("uom.uom", {"name": "kg", "category_id": 2})
    else:
        unit = env.create("uom.uom", {"name": "Units"})
        env.create(
            "uom.uom", {"name": "Dozens", "relative_factor": 12.0, "relative_uom_id": unit, "factor": 12.0}
        )
        env.create("uom.uom", {"name": "kg"})
        env.create("uom.uom", {
            "name": "Pack of 6", "relative_factor": 6.0, "relative_uom_id": unit, "factor": 6.0,
        })  # fmt: skip


def _places(env: Env, company: int) -> None:
    def place(name: str, usage: str, above: int | None = None, company_id: int | None = None) -> int:
        return env.create("stock.location", {
            "name": name, "usage": usage, "location_id": above, "company_id": company_id,
        })  # fmt: skip

    partners = virtual = physical = None
    if env.version == 18:
        physical = place("Physical Locations", "view")
        partners = place("Partners", "view")
        virtual = place("Virtual Locations", "view")
    place("Vendors", "supplier", partners)
    place("Customers", "customer", partners)
    place("Inter-company transit", "transit", physical)
    env.create("stock.warehouse", {"name": COMPANY, "code": "WH", "company_id": company})
    transit = place("Inter-warehouse transit", "transit", physical, company)
    env.write("res.company", [company], {"internal_transit_location_id": transit})
    losses(env, company, virtual)


def losses(env: Env, company: int, virtual: int | None = None) -> None:
    """Make the virtual places every company has: inventory loss, production and, on 18, scrap."""
    for name, usage in (("Inventory adjustment", "inventory"), ("Production", "production")):
        env.create("stock.location", {
            "name": name, "usage": usage, "location_id": virtual, "company_id": company,
        })  # fmt: skip
    if env.version == 18:
        env.create("stock.location", {
            "name": "Scrap", "usage": "inventory", "location_id": virtual, "company_id": company,
            "scrap_location": True,
        })  # fmt: skip


def add_company(env: Env, name: str) -> int:
    """Make a second company with its own places and warehouse."""
    company = env.create("res.company", {"name": name})
    virtual = env.ids("stock.location", [("name", "=", "Virtual Locations")])
    losses(env, company, virtual[0] if virtual else None)
    for login in ("__system__", "admin"):
        for user in env.rows("res.users", [("login", "=", login)], active_test=False):
            env.write("res.users", [user["id"]], {"company_ids": [(4, company)]})
    return company


def add_product(env: Env, code: str, name: str = "", **more: Any) -> int:
    """Make a product kept in stock."""
    return env.create("product.product", {
        "default_code": code, "name": name or code, "is_storable": True, "type": "consu", **more,
    })  # fmt: skip


def add_kit(env: Env, code: str, parts: dict[int, float], **more: Any) -> int:
    """Make a product that is sold as its parts: a phantom bill of materials."""
    kit = env.create("product.product", {"default_code": code, "name": code, **more})
    lines = [(0, 0, {"product_id": part, "product_qty": quantity}) for part, quantity in parts.items()]
    env.create("mrp.bom", {
        "product_tmpl_id": env.need("product.product", kit)["product_tmpl_id"], "type": "phantom",
        "bom_line_ids": lines,
    })  # fmt: skip
    return kit
