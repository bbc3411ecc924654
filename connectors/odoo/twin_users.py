"""Users of the twin, the groups they are in, and the API keys that stand for them."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from connectors.odoo.twin_orm import Env, before_create, user_error

LONGEST_KEY_DAYS = 90
KEY_LENGTH = 40
# key: (full name on 18, full name on 19)
GROUPS: dict[str, tuple[str, str]] = {
    "base.group_user": ("User types/Internal User", "Role / User"),
    "base.group_portal": ("User types/Portal", "Role / Portal"),
    "base.group_system": ("Administration/Settings", "Role / Administrator"),
    "base.group_partner_manager": ("Extra Rights/Contact Creation", "Contact/Creation"),
    "stock.group_stock_user": ("Inventory/User", "Inventory/User"),
    "stock.group_stock_manager": ("Inventory/Administrator", "Inventory/Administrator"),
    "stock.group_stock_multi_locations": (
        "Technical/Manage Multiple Stock Locations", "Manage Multiple Stock Locations",
    ),
    "stock.group_production_lot": ("Technical/Manage Lots / Serial Numbers", "Manage Lots / Serial Numbers"),
    "uom.group_uom": ("Technical/Manage Multiple Units of Measure", "Manage Multiple Units of Measure"),
    "product.group_product_manager": ("Extra Rights/Product Creation", "Products/Create"),
    "sales_team.group_sale_salesman": ("Sales/User: Own Documents Only", "Sales/User: Own Documents Only"),
    "sales_team.group_sale_salesman_all_leads": ("Sales/User: All Documents", "Sales/User: All Documents"),
    "sales_team.group_sale_manager": ("Sales/Administrator", "Sales/Administrator"),
    "sale.group_auto_done_setting": ("Technical/Lock Confirmed Sales", "Lock Confirmed Sales"),
    "purchase.group_purchase_user": ("Purchase/User", "Purchase/User"),
    "purchase.group_purchase_manager": ("Purchase/Administrator", "Purchase/Administrator"),
    "point_of_sale.group_pos_user": ("Point of Sale/User", "Point of Sale/User"),
    "point_of_sale.group_pos_manager": ("Point of Sale/Administrator", "Point of Sale/Administrator"),
    "account.group_account_invoice": ("Invoicing/Invoicing", "Accounting/Invoicing"),
    "account.group_account_manager": ("Invoicing/Administrator", "Accounting/Administrator"),
    "account.group_account_readonly": (
        "Technical/Show Accounting Features - Readonly", "Show Accounting Features - Readonly",
    ),
}  # fmt: skip
IMPLIES: dict[str, tuple[str, ...]] = {
    "stock.group_stock_manager": ("stock.group_stock_user",),
    "stock.group_stock_user": ("base.group_user",),
    "sales_team.group_sale_manager": ("sales_team.group_sale_salesman_all_leads",),
    "sales_team.group_sale_salesman_all_leads": ("sales_team.group_sale_salesman",),
    "sales_team.group_sale_salesman": ("base.group_user",),
    "purchase.group_purchase_manager": ("purchase.group_purchase_user",),
    "purchase.group_purchase_user": ("base.group_user",),
    "point_of_sale.group_pos_manager": ("point_of_sale.group_pos_user", "stock.group_stock_user"),
    "point_of_sale.group_pos_user": ("base.group_user",),
    "base.group_system": tuple(
        name for name in GROUPS if name not in ("base.group_system", "base.group_portal")
    ),
}  # fmt: skip


def group_field(version: int) -> str:
    return "groups_id" if version == 18 else "group_ids"


def implied(names: set[str]) -> set[str]:
    """Return groups with all they bring with them."""
    found, fresh = set(names), set(names)
    while fresh:
        fresh = {one for name in fresh for one in IMPLIES.get(name, ())} - found
        found |= fresh
    return found


def groups_of(env: Env, uid: int) -> set[str]:
    """Return the groups of a user, implied ones included, by their keys."""
    row = env.row("res.users", uid)
    if row is None:
        return set()
    keys = {group["id"]: group["name"] for group in env.rows("res.groups")}
    return implied({keys[one] for one in row[group_field(env.version)] if one in keys})


def add_user(
    env: Env, login: str, groups: tuple[str, ...], companies: list[int], *, email: str = "", **more: Any
) -> int:
    """Make a user with a partner of their own."""
    ids = {group["name"]: group["id"] for group in env.rows("res.groups")}
    partner = env.create("res.partner", {"name": more.pop("name", login), "email": email or None})
    return env.create("res.users", {
        "login": login, "partner_id": partner, "company_id": companies[0] if companies else 1,
        "company_ids": companies, group_field(env.version): [ids[name] for name in groups], **more,
    })  # fmt: skip


def add_key(env: Env, uid: int, name: str, *, days: float | None = None, key: str = "") -> str:
    """Make an API key and return it; nobody can read it afterwards.

    Only administrators may have one without an end, and nobody else's lives longer than 90 days.
    """
    admin = "base.group_system" in groups_of(env, uid)
    if not admin and (days is None or days > LONGEST_KEY_DAYS):
        raise user_error(
            "The API key must have an expiration date" if days is None
            else f"You cannot exceed {LONGEST_KEY_DAYS}.0 days."
        )  # fmt: skip
    key = key or secrets.token_hex(KEY_LENGTH // 2)
    ends = None if days is None else (env.now + timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")
    env.create("res.users.apikeys", {
        "name": name, "user_id": uid, "scope": "rpc", "expiration_date": ends, "digest": digest(key),
    })  # fmt: skip
    return key


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def user_of_key(env: Env, key: str, now: datetime) -> int | None:
    """Return the user a key stands for, if the key has not ended and the user is active."""
    for row in env.rows("res.users.apikeys", [("digest", "=", digest(key))]):
        user = env.need("res.users", row["user_id"])
        ended = row["expiration_date"] and row["expiration_date"] <= now.strftime("%Y-%m-%d %H:%M:%S")
        if user["active"] and not ended:
            return int(user["id"])
    return None


@before_create("res.users")
def login_is_free(env: Env, vals: dict[str, Any]) -> None:
    if env.ids("res.users", [("login", "=", vals.get("login"))], active_test=False):
        raise user_error("You can not have two users with the same login!")
    vals.setdefault("company_ids", [vals.get("company_id") or env.company_id])
    vals.setdefault("company_id", env.company_id)
