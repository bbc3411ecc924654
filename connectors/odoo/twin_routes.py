"""Routes of a warehouse: where goods that leave or arrive in two steps go first.

An order asks for goods from the shelf to the customer. A warehouse that delivers in two steps makes only the
first move then, to its output; the move to the customer is made when that one is done (twin_done pushes it).
Receipts in two steps stop at the input in the same way.
"""

from __future__ import annotations

from typing import Any

from connectors.odoo.twin_orm import Env, Row
from connectors.odoo.twin_stock import is_inside, warehouse_of


def take_first_step(env: Env, one: Row) -> None:
    """Bend a new move to the first place on its way; where it should end stays written on it."""
    kind = env.need("stock.picking.type", one["picking_type_id"])
    inward = kind["code"] == "incoming"
    end = "location_dest_id" if inward else "location_id"
    house = env.row("stock.warehouse", warehouse_of(env, one[end]))
    if house is None or not house["lot_stock_id"] or not is_inside(env, one[end], house["lot_stock_id"]):
        return
    stop: dict[str, Any] = {}
    if inward and house["reception_steps"] != "one_step":
        stop = {"location_dest_id": house["wh_input_stock_loc_id"]}
    elif kind["id"] == house["out_type_id"] and house["delivery_steps"] != "ship_only":
        named = [("warehouse_id", "=", house["id"]), ("sequence_code", "=", "PICK")]
        picks = env.ids("stock.picking.type", named, active_test=False)
        if picks:
            stop = {"location_dest_id": house["wh_output_stock_loc_id"], "picking_type_id": picks[0]}
    if stop.get("location_dest_id"):
        final = one["location_final_id"] or one["location_dest_id"]
        env.write("stock.move", [one["id"]], {**stop, "location_final_id": final})
