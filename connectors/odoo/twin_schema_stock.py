"""The stock models of the twin: places, quants, moves, transfers, lots, scrap, returns. Fields only.

What they do is in the twin_stock modules.
"""

from __future__ import annotations

from connectors.odoo.twin_model import Field, Model
from connectors.odoo.twin_schema import company, now

F = Field
STATES = ("draft", "waiting", "confirmed", "partially_available", "assigned", "done", "cancel")
USAGES = ("supplier", "view", "internal", "customer", "inventory", "production", "transit")
CODES = ("incoming", "outgoing", "internal", "mrp_operation", "repair_operation", "dropship")

Model("stock.warehouse", "Warehouse", {
    "name": F("char", required=True), "code": F("char", required=True), "active": F("boolean", default=True),
    "company_id": F("many2one", "res.company", required=True, default=company),
    "partner_id": F("many2one", "res.partner"),
    "view_location_id": F("many2one", "stock.location"), "lot_stock_id": F("many2one", "stock.location"),
    "wh_input_stock_loc_id": F("many2one", "stock.location"),
    "wh_output_stock_loc_id": F("many2one", "stock.location"),
    "in_type_id": F("many2one", "stock.picking.type"), "out_type_id": F("many2one", "stock.picking.type"),
    "int_type_id": F("many2one", "stock.picking.type"), "pos_type_id": F("many2one", "stock.picking.type"),
    "reception_steps": F("selection", selection=("one_step", "two_steps", "three_steps"), default="one_step"),
    "delivery_steps": F("selection", selection=("ship_only", "pick_ship", "pick_pack_ship"),
        default="ship_only"),
    "sequence": F("integer", default=10),
}, order="sequence, id")  # fmt: skip

Model("stock.location", "Inventory Locations", {
    "name": F("char", required=True), "complete_name": F("char", stored=False),
    "active": F("boolean", default=True),
    "usage": F("selection", selection=USAGES, default="internal", required=True),
    "location_id": F("many2one", "stock.location", label="Parent Location"),
    "child_ids": F("one2many", "stock.location", "location_id"), "parent_path": F("char", stored=False),
    "barcode": F("char", index=True), "company_id": F("many2one", "res.company", default=company),
    "warehouse_id": F("many2one", "stock.warehouse", stored=False),
    "scrap_location": F("boolean", versions=(18,)),
    "last_inventory_date": F("date"), "comment": F("html"),
    "quant_ids": F("one2many", "stock.quant", "location_id"),
    "removal_strategy_id": F("many2one", "product.removal"),
}, rec_name="complete_name", order="complete_name, id")  # fmt: skip

Model("product.removal", "Removal Strategy", {"name": F("char"), "method": F("char")}, company_field="")

Model("stock.picking.type", "Picking Type", {
    "name": F("char", required=True), "code": F("selection", selection=CODES, required=True),
    "sequence_code": F("char"), "sequence": F("integer", default=10), "active": F("boolean", default=True),
    "warehouse_id": F("many2one", "stock.warehouse"),
    "company_id": F("many2one", "res.company", required=True, default=company),
    "default_location_src_id": F("many2one", "stock.location"),
    "default_location_dest_id": F("many2one", "stock.location"),
    "return_picking_type_id": F("many2one", "stock.picking.type"),
    "reservation_method": F("selection", selection=("at_confirm", "manual", "by_date"), default="at_confirm"),
    "create_backorder": F("selection", selection=("ask", "always", "never"), default="ask"),
}, order="sequence, id")  # fmt: skip

Model("stock.lot", "Lot/Serial", {
    "name": F("char", required=True, index=True), "ref": F("char"),
    "product_id": F("many2one", "product.product", required=True),
    "company_id": F("many2one", "res.company"), "active": F("boolean", default=True, versions=(19,)),
    "expiration_date": F("datetime"), "use_date": F("datetime"), "removal_date": F("datetime"),
    "alert_date": F("datetime"), "product_qty": F("float", stored=False),
    "quant_ids": F("one2many", "stock.quant", "lot_id"),
}, order="name, id")  # fmt: skip

Model("stock.quant.package", "Packages", {
    "name": F("char"), "company_id": F("many2one", "res.company"),
}, versions=(18,))  # fmt: skip
Model("stock.package", "Package", {
    "name": F("char"), "company_id": F("many2one", "res.company"),
}, versions=(19,))  # fmt: skip

Model("stock.quant", "Quants", {
    "product_id": F("many2one", "product.product", required=True, label="Product"),
    "product_tmpl_id": F("many2one", "product.template", related="product_id.product_tmpl_id"),
    "product_uom_id": F("many2one", "uom.uom", related="product_id.uom_id"),
    "location_id": F("many2one", "stock.location", required=True, label="Location"),
    "warehouse_id": F("many2one", "stock.warehouse", related="location_id.warehouse_id"),
    "company_id": F("many2one", "res.company", related="location_id.company_id"),
    "lot_id": F("many2one", "stock.lot"), "owner_id": F("many2one", "res.partner"),
    "package_id": F("many2one", "stock.quant.package"),
    "quantity": F("float"), "reserved_quantity": F("float", default=0.0),
    "available_quantity": F("float", stored=False), "in_date": F("datetime", default=now),
    "tracking": F("selection", related="product_id.tracking"),
    "inventory_quantity": F("float"), "inventory_quantity_set": F("boolean"),
    "inventory_quantity_auto_apply": F("float", stored=False), "inventory_diff_quantity": F("float"),
    "inventory_date": F("date"), "is_outdated": F("boolean", stored=False),
    "user_id": F("many2one", "res.users"),
    "inventory_name": F("char", versions=(19,)),
}, rec_name="product_id")  # fmt: skip

Model("stock.picking", "Transfer", {
    "name": F("char", index=True), "origin": F("char", index=True), "note": F("html"),
    "state": F("selection",
        selection=("draft", "waiting", "confirmed", "assigned", "done", "cancel"), default="draft"),
    "move_type": F("selection", selection=("direct", "one"), default="direct"),
    "picking_type_id": F("many2one", "stock.picking.type", required=True, label="Operation Type"),
    "picking_type_code": F("selection", related="picking_type_id.code"),
    "location_id": F("many2one", "stock.location", required=True, label="Source Location"),
    "location_dest_id": F("many2one", "stock.location", required=True, label="Destination Location"),
    "partner_id": F("many2one", "res.partner"), "owner_id": F("many2one", "res.partner"),
    "company_id": F("many2one", "res.company"), "user_id": F("many2one", "res.users"),
    "date": F("datetime", default=now, versions=(18,)), "date_done": F("datetime"),
    "date_deadline": F("datetime"),
    "scheduled_date": F("datetime", default=now), "immediate_transfer": F("boolean"),
    "is_locked": F("boolean", default=True),
    "printed": F("boolean"), "priority": F("selection", selection=("0", "1"), default="0"),
    "backorder_id": F("many2one", "stock.picking"),
    "backorder_ids": F("one2many", "stock.picking", "backorder_id"),
    "return_id": F("many2one", "stock.picking"), "return_ids": F("one2many", "stock.picking", "return_id"),
    "move_ids": F("one2many", "stock.move", "picking_id"),
    "move_ids_without_package": F("one2many", "stock.move", "picking_id", versions=(18,)),
    "move_line_ids": F("one2many", "stock.move.line", "picking_id"),
    "products_availability": F("char", stored=False),
    "products_availability_state": F("selection", stored=False),
    "sale_id": F("many2one", "sale.order"), "purchase_id": F("many2one", "purchase.order"),
    "pos_order_id": F("many2one", "pos.order"), "pos_session_id": F("many2one", "pos.session"),
    "group_id": F("many2one", "procurement.group", versions=(18,)),
    "reference_ids": F("many2many", "stock.reference", versions=(19,)),
    "carrier_tracking_ref": F("char"),
}, order="id desc", uniques=((("name", "company_id"), "Reference must be unique per company!"),))  # fmt: skip

Model("procurement.group", "Procurement Group", {
    "name": F("char"), "partner_id": F("many2one", "res.partner"), "sale_id": F("many2one", "sale.order"),
}, versions=(18,), company_field="")  # fmt: skip
Model("stock.reference", "Stock Reference", {
    "name": F("char"), "sale_ids": F("many2many", "sale.order"),
}, versions=(19,), company_field="")  # fmt: skip

Model("stock.move", "Stock Move", {
    "name": F("char", required=True, versions=(18,), label="Description"), "reference": F("char", index=True),
    "inventory_name": F("char", versions=(19,)), "origin": F("char", index=True),
    "sequence": F("integer", default=10),
    "state": F("selection", selection=STATES, default="draft", index=True),
    "priority": F("selection", selection=("0", "1"), default="0"),
    "product_id": F("many2one", "product.product", required=True, label="Product"),
    "product_tmpl_id": F("many2one", "product.template", related="product_id.product_tmpl_id"),
    "product_uom": F("many2one", "uom.uom"), "product_uom_qty": F("float"), "product_qty": F("float"),
    "quantity": F("float"), "picked": F("boolean"),
    "has_tracking": F("selection", related="product_id.tracking"),
    "location_id": F("many2one", "stock.location", required=True, label="Source Location"),
    "location_dest_id": F("many2one", "stock.location", required=True, label="Intermediate Location"),
    "location_final_id": F("many2one", "stock.location"),
    "location_usage": F("selection", related="location_id.usage"),
    "location_dest_usage": F("selection", related="location_dest_id.usage"),
    "picking_id": F("many2one", "stock.picking"), "picking_type_id": F("many2one", "stock.picking.type"),
    "picking_code": F("selection", related="picking_type_id.code"),
    "warehouse_id": F("many2one", "stock.warehouse"),
    "company_id": F("many2one", "res.company", default=company),
    "partner_id": F("many2one", "res.partner"), "restrict_partner_id": F("many2one", "res.partner"),
    "date": F("datetime", default=now), "date_deadline": F("datetime"), "reservation_date": F("date"),
    "delay_alert_date": F("datetime"), "availability": F("float", stored=False),
    "forecast_availability": F("float", stored=False),
    "procure_method": F("selection", selection=("make_to_stock", "make_to_order", "mts_else_mto"),
        default="make_to_stock"),
    "move_orig_ids": F("many2many", "stock.move"),
    "move_dest_ids": F("many2many", "stock.move", "move_orig_ids"),
    "origin_returned_move_id": F("many2one", "stock.move"),
    "returned_move_ids": F("one2many", "stock.move", "origin_returned_move_id"), "to_refund": F("boolean"),
    "move_line_ids": F("one2many", "stock.move.line", "move_id"), "is_inventory": F("boolean"),
    "additional": F("boolean"), "propagate_cancel": F("boolean", default=True),
    "scrapped": F("boolean", versions=(18,)), "scrap_id": F("many2one", "stock.scrap"),
    "group_id": F("many2one", "procurement.group", versions=(18,)),
    "reference_ids": F("many2many", "stock.reference", versions=(19,)),
    "sale_line_id": F("many2one", "sale.order.line"),
    "purchase_line_id": F("many2one", "purchase.order.line"),
    "bom_line_id": F("many2one", "mrp.bom.line"), "description_picking": F("text"),
    "lot_ids": F("many2many", "stock.lot", stored=False),
}, rec_name="reference", order="sequence, id")  # fmt: skip

Model("stock.move.line", "Product Moves (Stock Move Line)", {
    "move_id": F("many2one", "stock.move", ondelete="cascade"), "picking_id": F("many2one", "stock.picking"),
    "product_id": F("many2one", "product.product", label="Product"),
    "product_uom_id": F("many2one", "uom.uom"),
    "quantity": F("float"), "quantity_product_uom": F("float"), "picked": F("boolean"),
    "lot_id": F("many2one", "stock.lot"), "lot_name": F("char"), "owner_id": F("many2one", "res.partner"),
    "package_id": F("many2one", "stock.quant.package"),
    "result_package_id": F("many2one", "stock.quant.package"),
    "location_id": F("many2one", "stock.location", required=True, label="From"),
    "location_dest_id": F("many2one", "stock.location", required=True, label="To"),
    "location_usage": F("selection", related="location_id.usage"),
    "location_dest_usage": F("selection", related="location_dest_id.usage"),
    "company_id": F("many2one", "res.company", default=company), "date": F("datetime", default=now),
    "state": F("selection", related="move_id.state"), "reference": F("char", related="move_id.reference"),
    "origin": F("char", related="move_id.origin"),
    "is_inventory": F("boolean", related="move_id.is_inventory"),
    "quant_id": F("many2one", "stock.quant"), "expiration_date": F("datetime"),
}, rec_name="product_id")  # fmt: skip

Model("stock.scrap", "Scrap", {
    "name": F("char", default="New"), "origin": F("char"),
    "state": F("selection", selection=("draft", "done"), default="draft"),
    "product_id": F("many2one", "product.product", required=True, label="Product"),
    "product_uom_id": F("many2one", "uom.uom"), "scrap_qty": F("float", default=1.0),
    "lot_id": F("many2one", "stock.lot"), "owner_id": F("many2one", "res.partner"),
    "package_id": F("many2one", "stock.quant.package"), "picking_id": F("many2one", "stock.picking"),
    "location_id": F("many2one", "stock.location", label="Source Location"),
    "scrap_location_id": F("many2one", "stock.location"), "date_done": F("datetime"),
    "company_id": F("many2one", "res.company", default=company), "should_replenish": F("boolean"),
    "move_ids": F("one2many", "stock.move", "scrap_id"),
}, order="id desc")  # fmt: skip

Model("stock.return.picking", "Return Picking", {
    "picking_id": F("many2one", "stock.picking"),
    "product_return_moves": F("one2many", "stock.return.picking.line", "wizard_id"),
    "company_id": F("many2one", "res.company", related="picking_id.company_id"),
}, transient=True, company_field="")  # fmt: skip

Model("stock.return.picking.line", "Return Picking Line", {
    "wizard_id": F("many2one", "stock.return.picking", ondelete="cascade"),
    "product_id": F("many2one", "product.product", required=True), "quantity": F("float"),
    "uom_id": F("many2one", "uom.uom", related="move_id.product_uom"),
    "to_refund": F("boolean", default=True),
    "move_id": F("many2one", "stock.move"), "move_quantity": F("float", stored=False),
}, transient=True, company_field="")  # fmt: skip

Model("stock.backorder.confirmation", "Backorder Confirmation", {
    "pick_ids": F("many2many", "stock.picking"), "show_transfers": F("boolean"),
}, transient=True, company_field="")  # fmt: skip

Model("stock.inventory.conflict", "Conflict in Inventory", {
    "quant_ids": F("many2many", "stock.quant"), "quant_to_fix_ids": F("many2many", "stock.quant"),
}, transient=True, company_field="")  # fmt: skip
