"""Who may do what: rights of groups per model, and the companies whose records a user sees.

Asked for calls that come over the wire. Says no in Odoo's words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from connectors.odoo.twin_model import MODELS
from connectors.odoo.twin_orm import Env, OdooError, access_error, user_error
from connectors.odoo.twin_users import GROUPS, groups_of

Operation = Literal["read", "write", "create", "unlink"]
VERBS: dict[Operation, str] = {"read": "access", "write": "modify", "create": "create", "unlink": "delete"}

USER, SYSTEM = ("base.group_user",), ("base.group_system",)
STOCK = ("stock.group_stock_user", "stock.group_stock_manager")
STOCK_ADMIN = ("stock.group_stock_manager",)
SALES = ("sales_team.group_sale_salesman", "sales_team.group_sale_manager")
PURCHASE = ("purchase.group_purchase_user", "purchase.group_purchase_manager")
TILL = ("point_of_sale.group_pos_user", "point_of_sale.group_pos_manager")
BOOKS = ("account.group_account_invoice", "account.group_account_readonly")
GOODS: dict[int, tuple[str, ...]] = {
    18: (
        "product.group_product_manager", "stock.group_stock_manager", "account.group_account_manager",
        "point_of_sale.group_pos_manager", "purchase.group_purchase_manager", "sales_team.group_sale_manager",
    ),
    19: ("product.group_product_manager",),
}  # fmt: skip
SEE_TRANSFERS = (*BOOKS, *STOCK, TILL[0], *PURCHASE, *SALES, "base.group_portal")
EVERYBODY = (*USER, "base.group_portal")

Groups = tuple[str, ...]
HANDLERS = (*STOCK, *PURCHASE, *SALES, *TILL)
TILL_ADMIN = ("point_of_sale.group_pos_manager",)
CONTACTS = ("base.group_partner_manager", *SALES, *PURCHASE, *STOCK_ADMIN)
RECIPES = ("stock.group_stock_manager", "base.group_system")

# model: (read, change, delete). A model that is not named is read by users and changed by administrators.
RIGHTS: dict[str, tuple[Groups, Groups, Groups]] = {
    "res.company": (EVERYBODY, SYSTEM, SYSTEM),
    "res.users": (EVERYBODY, SYSTEM, SYSTEM),
    "res.users.apikeys": (USER, (), SYSTEM),
    "res.partner": (EVERYBODY, CONTACTS, CONTACTS),
    "ir.module.module": (SYSTEM, SYSTEM, SYSTEM),
    "ir.config_parameter": (SYSTEM, SYSTEM, SYSTEM),
    "ir.model.data": (SYSTEM, SYSTEM, SYSTEM),
    "ir.actions.server": (SYSTEM, SYSTEM, SYSTEM),
    "base.automation": (SYSTEM, SYSTEM, SYSTEM),
    "stock.warehouse": (USER, STOCK_ADMIN, STOCK_ADMIN),
    "stock.location": ((*USER, *BOOKS), STOCK_ADMIN, STOCK_ADMIN),
    "stock.picking.type": (USER, STOCK_ADMIN, STOCK_ADMIN),
    "stock.lot": (USER, HANDLERS, STOCK),
    "stock.quant": (USER, STOCK, ()),
    "stock.picking": (SEE_TRANSFERS, HANDLERS, STOCK),
    "stock.move": (SEE_TRANSFERS, HANDLERS, (*STOCK_ADMIN, "sales_team.group_sale_manager")),
    "stock.move.line": ((*USER, *SEE_TRANSFERS), HANDLERS, STOCK),
    "stock.scrap": (STOCK, STOCK, STOCK),
    "stock.return.picking": (STOCK, STOCK, STOCK),
    "stock.return.picking.line": (STOCK, STOCK, STOCK),
    "stock.backorder.confirmation": (STOCK, STOCK, STOCK),
    "sale.order": ((*SALES, *STOCK, "base.group_portal"), SALES, ("sales_team.group_sale_manager",)),
    "sale.order.line": ((*SALES, *STOCK, "base.group_portal"), SALES, SALES),
    "sale.order.cancel": (SALES, SALES, SALES),
    "purchase.order": ((*PURCHASE, *STOCK), PURCHASE, PURCHASE),
    "purchase.order.line": ((*PURCHASE, *STOCK), PURCHASE, PURCHASE),
    "pos.config": (TILL, TILL_ADMIN, TILL_ADMIN),
    "pos.session": (TILL, TILL, TILL_ADMIN),
    "pos.order": ((*TILL, *STOCK), TILL, TILL),
    "pos.order.line": ((*TILL, *STOCK), TILL, TILL),
    "mrp.bom": (USER, RECIPES, RECIPES),
    "mrp.bom.line": (USER, RECIPES, RECIPES),
}
_COLUMN: dict[Operation, int] = {"read": 0, "write": 1, "create": 1, "unlink": 2}


def allowed_groups(version: int, model: str, operation: Operation) -> tuple[str, ...]:
    if model in ("product.product", "product.template") and operation != "read":
        return GOODS[version]
    return RIGHTS.get(model, (EVERYBODY, SYSTEM, SYSTEM))[_COLUMN[operation]]


def may(env: Env, model: str, operation: Operation) -> bool:
    return env.su or not groups_of(env, env.uid).isdisjoint(allowed_groups(env.version, model, operation))


def check(env: Env, model: str, operation: Operation, ids: Sequence[int] = ()) -> None:
    """Raise AccessError unless the user may do this to the model and sees all of the records."""
    if env.su:
        return
    if not may(env, model, operation):
        raise _no_right(env, model, operation)
    hidden = set(ids) & env.db.store.tables[model].keys() - visible(env, model, ids)
    if hidden:
        login = env.need("res.users", env.uid)["login"]
        raise access_error(
            "Uh-oh! Looks like you have stumbled upon some top-secret records.\n\n"
            f"Sorry, {login} (id={env.uid}) doesn't have '{operation}' access to:\n"
            f"- {MODELS[model].label} ({model})\n\n"
            "If you really, really need access, perhaps you can win over your friendly administrator with a "
            "batch of freshly baked cookies."
        )


def rule(env: Env, model: str) -> list[Any]:
    """Return the domain of the records the user's companies show."""
    name = MODELS[model].company_field
    one_company = len(env.db.store.tables["res.company"]) < 2
    if env.su or one_company or not name or name not in env.fields(model):
        return []
    return [(name, "in", [*env.company_ids, *([False] if name != "id" else [])])]


def visible(env: Env, model: str, ids: Sequence[int]) -> set[int]:
    domain = rule(env, model)
    if not domain or not ids:
        return set(ids)
    return set(env.ids(model, [("id", "in", list(ids)), *domain], active_test=False))


def check_context(env: Env) -> None:
    """Refuse companies that are not the user's, and languages that are not installed."""
    user = env.need("res.users", env.uid)
    given = env.context.get("allowed_company_ids")
    if given and not env.su and not set(given) <= set(user["company_ids"]):
        raise access_error("Access to unauthorized or invalid companies.")
    lang = env.context.get("lang")
    if lang and not env.ids("res.lang", [("code", "=", lang)]):
        raise user_error(f"Invalid language code: {lang}")


def _no_right(env: Env, model: str, operation: Operation) -> OdooError:
    place = 0 if env.version == 18 else 1
    names = list({GROUPS[one][place] for one in allowed_groups(env.version, model, operation)})
    # 19 puts groups of no application (Role / User) behind those of one (Sales/User).
    names.sort(key=lambda name: (env.version >= 19 and ("/" not in name or " / " in name), name))
    listed = "\n".join(f"\t- {name}" for name in names)
    groups = f"This operation is allowed for the following groups:\n{listed}"
    if not names:
        groups = "No group currently allows this operation."
    what = f"'{MODELS[model].label}' ({model}) records"
    return access_error(
        f"You are not allowed to {VERBS[operation]} {what}.\n\n{groups}\n\n"
        "Contact your administrator to request access if necessary."
    )
