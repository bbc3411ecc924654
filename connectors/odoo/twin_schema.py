"""The base models of the twin: companies, partners, users, keys, modules, units and products.

Fields the contract and its recordings name, and those the modules need; not Odoo's whole schema.
Stock models are in twin_schema_stock, sales, purchase and till models in twin_schema_trade.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.odoo.twin_model import Field, Model

if TYPE_CHECKING:
    from connectors.odoo.twin_orm import Env

F = Field


def unit(env: Env, vals: dict[str, Any]) -> int | None:
    """Return the unit everything is counted in unless said otherwise."""
    return min(env.db.store.tables["uom.uom"], default=None)


def company(env: Env, vals: dict[str, Any]) -> int:
    return env.company_id


def now(env: Env, vals: dict[str, Any]) -> str:
    return env.stamp()


Model("res.company", "Companies", {
    "name": F("char", required=True), "partner_id": F("many2one", "res.partner"),
    "parent_id": F("many2one", "res.company"), "active": F("boolean", default=True),
    "internal_transit_location_id": F("many2one", "stock.location"),
}, company_field="id")  # fmt: skip

Model("res.partner", "Contact", {
    "name": F("char"), "email": F("char"), "phone": F("char"), "ref": F("char", index=True),
    "street": F("char"), "city": F("char"), "zip": F("char"), "is_company": F("boolean"),
    "parent_id": F("many2one", "res.partner"), "company_id": F("many2one", "res.company"),
    "active": F("boolean", default=True), "lang": F("char", default="en_US"),
    "property_stock_customer": F("many2one", "stock.location", stored=False),
    "property_stock_supplier": F("many2one", "stock.location", stored=False),
}, order="name, id")  # fmt: skip

Model("res.groups", "Access Groups", {
    "name": F("char", required=True), "full_name": F("char"), "implied_ids": F("many2many", "res.groups"),
}, company_field="")  # fmt: skip

Model("res.users", "User", {
    "partner_id": F("many2one", "res.partner"), "login": F("char", required=True, index=True),
    "name": F("char", related="partner_id.name"), "email": F("char", related="partner_id.email"),
    "active": F("boolean", default=True), "share": F("boolean"),
    "company_id": F("many2one", "res.company", required=True),
    "company_ids": F("many2many", "res.company"),
    "groups_id": F("many2many", "res.groups", versions=(18,)),
    "group_ids": F("many2many", "res.groups", versions=(19,)),
    "lang": F("char", default="en_US"), "tz": F("char"), "password": F("char"),
}, rec_name="name", order="login, id", company_field="")  # fmt: skip

Model("res.users.apikeys", "Users API Keys", {
    "name": F("char", required=True),
    "user_id": F("many2one", "res.users", required=True, ondelete="cascade"),
    "scope": F("char"), "expiration_date": F("datetime"), "digest": F("char", index=True),
}, company_field="")  # fmt: skip

Model("res.lang", "Languages", {
    "name": F("char"), "code": F("char", index=True), "active": F("boolean", default=True),
}, company_field="")  # fmt: skip

Model("ir.module.module", "Module", {
    "name": F("char", index=True), "shortdesc": F("char"), "state": F("selection"),
    "latest_version": F("char"),
}, company_field="")  # fmt: skip

Model("ir.config_parameter", "System Parameter", {
    "key": F("char", required=True, index=True), "value": F("text"),
}, rec_name="key", company_field="")  # fmt: skip

Model("ir.model", "Models", {
    "model": F("char", index=True), "name": F("char"),
}, company_field="")  # fmt: skip

Model("ir.model.fields", "Fields", {
    "model_id": F("many2one", "ir.model"), "model": F("char", index=True), "name": F("char", index=True),
    "field_description": F("char"), "ttype": F("char"),
}, company_field="")  # fmt: skip

Model("ir.model.data", "Model Data", {
    "module": F("char", required=True), "name": F("char", required=True, index=True),
    "model": F("char", required=True, index=True), "res_id": F("integer", index=True),
    "noupdate": F("boolean"), "complete_name": F("char", stored=False),
}, company_field="")  # fmt: skip

Model("ir.sequence", "Sequence", {
    "name": F("char"), "code": F("char", index=True), "prefix": F("char"),
    "padding": F("integer", default=5), "company_id": F("many2one", "res.company"),
})  # fmt: skip

Model("uom.category", "Product UoM Categories", {"name": F("char", required=True)}, versions=(18,))

Model("uom.uom", "Product Unit of Measure", {
    "name": F("char", required=True), "active": F("boolean", default=True),
    "category_id": F("many2one", "uom.category", versions=(18,)),
    "uom_type": F("selection", selection=("bigger", "reference", "smaller"), default="reference",
        versions=(18,)),
    "factor_inv": F("float", versions=(18,), stored=False),
    "factor": F("float", default=1.0),
    "rounding": F("float", default=0.01),
    "relative_factor": F("float", default=1.0, versions=(19,)),
    "relative_uom_id": F("many2one", "uom.uom", versions=(19,)),
}, company_field="")  # fmt: skip

Model("product.category", "Product Category", {
    "name": F("char", required=True), "complete_name": F("char", stored=False),
    "parent_id": F("many2one", "product.category"),
}, company_field="")  # fmt: skip

Model("product.template", "Product", {
    "name": F("char", required=True), "active": F("boolean", default=True),
    "type": F("selection", selection=("consu", "service", "combo"), default="consu", required=True),
    "is_storable": F("boolean"),
    "tracking": F("selection", selection=("serial", "lot", "none"), default="none", required=True),
    "uom_id": F("many2one", "uom.uom", required=True, default=unit),
    "uom_po_id": F("many2one", "uom.uom", default=unit, versions=(18,)),
    "uom_name": F("char", related="uom_id.name"),
    "categ_id": F("many2one", "product.category"), "company_id": F("many2one", "res.company"),
    "list_price": F("float", default=1.0), "sale_ok": F("boolean", default=True),
    "purchase_ok": F("boolean", default=True), "available_in_pos": F("boolean"),
    "description": F("html"),
    "product_variant_ids": F("one2many", "product.product", "product_tmpl_id"),
    "product_variant_id": F("many2one", "product.product", stored=False),
    "default_code": F("char", stored=False), "barcode": F("char", stored=False),
    "bom_ids": F("one2many", "mrp.bom", "product_tmpl_id"),
}, order="name, id")  # fmt: skip

Model("product.product", "Product Variant", {
    "product_tmpl_id": F("many2one", "product.template", required=True, ondelete="cascade"),
    "default_code": F("char", index=True, label="Internal Reference"), "barcode": F("char", index=True),
    "active": F("boolean", default=True), "standard_price": F("float"), "weight": F("float"),
    "lst_price": F("float", related="product_tmpl_id.list_price"),
    "combination_indices": F("char"), "is_kits": F("boolean", stored=False),
    "qty_available": F("float", stored=False), "free_qty": F("float", stored=False),
    "virtual_available": F("float", stored=False), "incoming_qty": F("float", stored=False),
    "outgoing_qty": F("float", stored=False),
    "stock_quant_ids": F("one2many", "stock.quant", "product_id"),
    "stock_move_ids": F("one2many", "stock.move", "product_id"),
    "property_stock_inventory": F("many2one", "stock.location", stored=False),
    "property_stock_production": F("many2one", "stock.location", stored=False),
}, inherits={"product_tmpl_id": "product.template"}, order="default_code, id")  # fmt: skip

Model("mrp.bom", "Bill of Material", {
    "code": F("char"), "active": F("boolean", default=True),
    "type": F("selection", selection=("normal", "phantom"), default="normal", required=True),
    "product_tmpl_id": F("many2one", "product.template", required=True, ondelete="cascade"),
    "product_id": F("many2one", "product.product"),
    "product_qty": F("float", default=1.0, required=True),
    "product_uom_id": F("many2one", "uom.uom", required=True, default=unit),
    "company_id": F("many2one", "res.company", default=company),
    "sequence": F("integer"),
    "bom_line_ids": F("one2many", "mrp.bom.line", "bom_id"),
}, rec_name="code", order="sequence, id")  # fmt: skip

Model("mrp.bom.line", "Bill of Material Line", {
    "bom_id": F("many2one", "mrp.bom", required=True, ondelete="cascade"),
    "product_id": F("many2one", "product.product", required=True),
    "product_qty": F("float", default=1.0, required=True),
    "product_uom_id": F("many2one", "uom.uom", required=True, default=unit),
    "company_id": F("many2one", "res.company", related="bom_id.company_id"),
    "sequence": F("integer", default=1),
}, rec_name="product_id", order="sequence, id")  # fmt: skip

Model("base.automation", "Automation Rule", {
    "name": F("char", required=True), "active": F("boolean", default=True),
    "model_id": F("many2one", "ir.model", required=True), "model_name": F("char", related="model_id.model"),
    "trigger": F("selection", selection=(
        "on_create_or_write", "on_create", "on_write", "on_unlink", "on_state_set", "on_archive",
        "on_unarchive", "on_time", "on_webhook",
    ), required=True),
    "trigger_field_ids": F("many2many", "ir.model.fields"),
    "filter_domain": F("char"), "filter_pre_domain": F("char"),
    "action_server_ids": F("one2many", "ir.actions.server", "base_automation_id"),
}, company_field="")  # fmt: skip

Model("ir.actions.server", "Server Action", {
    "name": F("char"), "model_id": F("many2one", "ir.model", required=True),
    "model_name": F("char", related="model_id.model"),
    "state": F("selection", selection=("object_write", "object_create", "code", "webhook", "multi"),
               default="code", required=True),
    "usage": F("char", default="ir_actions_server"),
    "base_automation_id": F("many2one", "base.automation", ondelete="cascade"),
    "webhook_url": F("char"), "webhook_field_ids": F("many2many", "ir.model.fields"), "code": F("text"),
}, company_field="")  # fmt: skip
