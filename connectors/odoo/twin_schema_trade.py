"""The sales, purchase and till models of the twin. Fields only; what they do is in their own modules."""

from __future__ import annotations

from connectors.odoo.twin_model import Field, Model
from connectors.odoo.twin_schema import company, now

F = Field

Model("crm.team", "Sales Team", {
    "name": F("char"), "company_id": F("many2one", "res.company"), "active": F("boolean", default=True),
})  # fmt: skip

Model("sale.order", "Sales Order", {
    "name": F("char", default="New", index=True), "origin": F("char", index=True),
    "client_order_ref": F("char", index=True), "note": F("html"),
    "state": F("selection", selection=("draft", "sent", "sale", "cancel"), default="draft"),
    "locked": F("boolean"),
    "partner_id": F("many2one", "res.partner", required=True, label="Customer"),
    "partner_invoice_id": F("many2one", "res.partner"), "partner_shipping_id": F("many2one", "res.partner"),
    "company_id": F("many2one", "res.company", required=True, default=company),
    "warehouse_id": F("many2one", "stock.warehouse"), "team_id": F("many2one", "crm.team"),
    "user_id": F("many2one", "res.users"), "date_order": F("datetime", default=now),
    "commitment_date": F("datetime"), "effective_date": F("datetime"), "amount_total": F("monetary"),
    "picking_policy": F("selection", selection=("direct", "one"), default="direct"),
    "delivery_status": F("selection", stored=False), "invoice_status": F("selection", stored=False),
    "order_line": F("one2many", "sale.order.line", "order_id"),
    "picking_ids": F("one2many", "stock.picking", "sale_id"),
    "procurement_group_id": F("many2one", "procurement.group", versions=(18,)),
    "stock_reference_ids": F("many2many", "stock.reference", "sale_ids", versions=(19,)),
    "delivery_count": F("integer", stored=False),
}, order="date_order desc, id desc")  # fmt: skip

Model("sale.order.line", "Sales Order Line", {
    "order_id": F("many2one", "sale.order", required=True, ondelete="cascade", label="Order Reference"),
    "name": F("text"), "sequence": F("integer", default=10),
    "product_id": F("many2one", "product.product", label="Product"),
    "product_template_id": F("many2one", "product.template", related="product_id.product_tmpl_id"),
    "product_uom_qty": F("float", default=1.0),
    "product_uom": F("many2one", "uom.uom", versions=(18,)),
    "product_uom_id": F("many2one", "uom.uom", versions=(19,)),
    "price_unit": F("float"), "discount": F("float"), "price_subtotal": F("monetary"),
    "qty_delivered": F("float", stored=False), "qty_invoiced": F("float"),
    "qty_delivered_method": F("selection", default="stock_move"),
    "customer_lead": F("float"), "display_type": F("selection", selection=("line_section", "line_note")),
    "is_downpayment": F("boolean"),
    "warehouse_id": F("many2one", "stock.warehouse", related="order_id.warehouse_id"),
    "route_id": F("many2one", "stock.route", versions=(18,)),
    "state": F("selection", related="order_id.state"),
    "order_partner_id": F("many2one", "res.partner", related="order_id.partner_id"),
    "company_id": F("many2one", "res.company", related="order_id.company_id"),
    "move_ids": F("one2many", "stock.move", "sale_line_id"),
}, order="order_id, sequence, id")  # fmt: skip

Model("stock.route", "Inventory Routes", {"name": F("char"), "company_id": F("many2one", "res.company")})

Model("sale.order.cancel", "Sales Order Cancel", {
    "order_id": F("many2one", "sale.order"),
}, transient=True, company_field="", versions=(18,))  # fmt: skip

Model("purchase.order", "Purchase Order", {
    "name": F("char", default="New", index=True), "origin": F("char"), "partner_ref": F("char", index=True),
    "state": F("selection",
        selection=("draft", "sent", "to approve", "purchase", "done", "cancel"), default="draft"),
    "partner_id": F("many2one", "res.partner", required=True, label="Vendor"),
    "company_id": F("many2one", "res.company", required=True, default=company),
    "picking_type_id": F("many2one", "stock.picking.type"), "date_order": F("datetime", default=now),
    "date_planned": F("datetime"), "date_approve": F("datetime"), "user_id": F("many2one", "res.users"),
    "receipt_status": F("selection", stored=False), "amount_total": F("monetary"),
    "order_line": F("one2many", "purchase.order.line", "order_id"),
    "picking_ids": F("one2many", "stock.picking", "purchase_id"),
}, order="id desc")  # fmt: skip

Model("purchase.order.line", "Purchase Order Line", {
    "order_id": F("many2one", "purchase.order", required=True, ondelete="cascade", label="Order Reference"),
    "name": F("text"), "sequence": F("integer", default=10),
    "product_id": F("many2one", "product.product", label="Product"),
    "product_qty": F("float", default=1.0), "product_uom_qty": F("float", stored=False),
    "product_uom": F("many2one", "uom.uom", versions=(18,)),
    "product_uom_id": F("many2one", "uom.uom", versions=(19,)),
    "price_unit": F("float"), "date_planned": F("datetime", default=now),
    "qty_received": F("float", stored=False), "qty_invoiced": F("float"),
    "state": F("selection", related="order_id.state"),
    "company_id": F("many2one", "res.company", related="order_id.company_id"),
    "move_ids": F("one2many", "stock.move", "purchase_line_id"),
}, order="order_id, sequence, id")  # fmt: skip

Model("pos.config", "Point of Sale Configuration", {
    "name": F("char", required=True), "active": F("boolean", default=True),
    "company_id": F("many2one", "res.company", required=True, default=company),
    "picking_type_id": F("many2one", "stock.picking.type"),
    "warehouse_id": F("many2one", "stock.warehouse", related="picking_type_id.warehouse_id"),
    "current_session_id": F("many2one", "pos.session", stored=False),
    "session_ids": F("one2many", "pos.session", "config_id"),
})  # fmt: skip

Model("pos.session", "Point of Sale Session", {
    "name": F("char", default="/"), "config_id": F("many2one", "pos.config", required=True),
    "state": F("selection", selection=("opening_control", "opened", "closing_control", "closed"),
        default="opened"),
    "user_id": F("many2one", "res.users"), "start_at": F("datetime", default=now), "stop_at": F("datetime"),
    "company_id": F("many2one", "res.company", related="config_id.company_id"),
    "update_stock_at_closing": F("boolean"), "rescue": F("boolean"),
    "order_ids": F("one2many", "pos.order", "session_id"),
    "picking_ids": F("one2many", "stock.picking", "pos_session_id"),
}, order="id desc")  # fmt: skip

Model("pos.order", "Point of Sale Orders", {
    "name": F("char", default="/"), "pos_reference": F("char", index=True), "uuid": F("char", index=True),
    "session_id": F("many2one", "pos.session", required=True),
    "config_id": F("many2one", "pos.config", related="session_id.config_id"),
    "state": F("selection", selection=("draft", "cancel", "paid", "done", "invoiced"), default="draft"),
    "partner_id": F("many2one", "res.partner"), "date_order": F("datetime", default=now),
    "company_id": F("many2one", "res.company", default=company), "amount_total": F("float"),
    "lines": F("one2many", "pos.order.line", "order_id"),
    "picking_ids": F("one2many", "stock.picking", "pos_order_id"), "shipping_date": F("date"),
    "refunded_order_id": F("many2one", "pos.order", stored=False),
}, order="date_order desc, name desc, id desc")  # fmt: skip

Model("pos.order.line", "Point of Sale Order Lines", {
    "order_id": F("many2one", "pos.order", required=True, ondelete="cascade"), "name": F("char"),
    "product_id": F("many2one", "product.product", required=True), "qty": F("float", default=1.0),
    "price_unit": F("float"), "refunded_orderline_id": F("many2one", "pos.order.line"),
    "company_id": F("many2one", "res.company", related="order_id.company_id"),
}, order="id")  # fmt: skip
