"""What the twin's books say, for witnesses: stock per product and place, orders, transfers, what moved.

Reading only. Names things as people do (codes, references, full names of places) beside their ids.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from connectors.base.twinkit import Doc
from connectors.odoo.twin_orm import Env, Row

KEPT = ("internal", "transit")


def place_of(env: Env, location: int) -> str:
    """Return the place a hub would keep: the warehouse, or the location itself if it stands alone."""
    warehouse = env.value("stock.location", location, "warehouse_id")
    return f"warehouse:{warehouse}" if warehouse else f"location:{location}"


def book(env: Env, codes: Iterable[str] = ()) -> Doc:
    """Return what is there and promised, per product and place, and every row it is the sum of."""
    wanted = list(codes)
    domain = [("default_code", "in", wanted)] if wanted else []
    products = env.rows("product.product", domain, active_test=False)
    ids = [row["id"] for row in products]
    levels: dict[str, dict[str, Doc]] = defaultdict(dict)
    rows = []
    for quant in env.rows("stock.quant", [("product_id", "in", ids)], active_test=False):
        usage = env.value("stock.location", quant["location_id"], "usage")
        place = place_of(env, quant["location_id"])
        code = env.value("product.product", quant["product_id"], "default_code") or str(quant["product_id"])
        rows.append(
            {
                "id": quant["id"], "product": quant["product_id"], "code": code, "place": place,
                "location": env.value("stock.location", quant["location_id"], "complete_name"),
                "location_id": quant["location_id"], "usage": usage, "lot": quant["lot_id"],
                "quantity": quant["quantity"], "reserved": quant["reserved_quantity"],
            }
        )  # fmt: skip
        if usage in KEPT:
            level = levels[code].setdefault(place, {"on_hand": 0.0, "reserved": 0.0})
            level["on_hand"] = round(level["on_hand"] + quant["quantity"], 6)
            level["reserved"] = round(level["reserved"] + quant["reserved_quantity"], 6)
    return {
        "time": env.now.isoformat(),
        "warehouses": {row["code"]: f"warehouse:{row['id']}" for row in env.rows("stock.warehouse")},
        "products": [_product(row) for row in products],
        "levels": levels,
        "quants": rows,
        "tills": unbooked(env, ids),
    }


def _product(row: Row) -> Doc:
    return {
        "id": row["id"], "code": row["default_code"], "name": row["name"], "active": row["active"],
        "barcode": row["barcode"], "storable": row["is_storable"], "kit": row["is_kits"],
    }  # fmt: skip


def unbooked(env: Env, products: list[int]) -> list[Doc]:
    """Return what open till sessions have sold and will book when they close."""
    found: dict[tuple[int, int], float] = defaultdict(float)
    waiting = [("state", "!=", "closed"), ("update_stock_at_closing", "=", True)]
    for session in env.rows("pos.session", waiting):
        for order in env.browse("pos.order", session["order_ids"]):
            waits = order["state"] == "paid" and not order["shipping_date"]
            for line in env.browse("pos.order.line", order["lines"] if waits else []):
                found[(session["id"], line["product_id"])] += line["qty"]
    return [
        {"session": session, "product": product, "quantity": quantity}
        for (session, product), quantity in sorted(found.items())
        if product in products
    ]


def orders(env: Env, reference: str = "") -> list[Doc]:
    """Return sales orders, oldest first: all, or those of one reference (ours, or the customer's)."""
    domain: list[Any] = []
    if reference:
        domain = ["|", ("name", "=", reference), ("client_order_ref", "=", reference)]
    return [_order(env, order) for order in env.rows("sale.order", domain)]


def _order(env: Env, order: Row) -> Doc:
    lines = []
    for line in env.browse("sale.order.line", order["order_line"]):
        moves = env.browse("stock.move", line["move_ids"])
        lines.append(
            {
                "id": line["id"], "product": line["product_id"], "ordered": line["product_uom_qty"],
                "code": env.value("sale.order.line", line["id"], "product_id.default_code"),
                "delivered": line["qty_delivered"],
                "external_id": external_id(env, "sale.order.line", line["id"]),
                "moves": [_move(env, move) for move in moves],
            }
        )  # fmt: skip
    return {
        "id": order["id"], "name": order["name"], "reference": order["client_order_ref"],
        "origin": order["origin"], "state": order["state"], "delivery_status": order["delivery_status"],
        "warehouse": order["warehouse_id"], "external_id": external_id(env, "sale.order", order["id"]),
        "pickings": [env.value("stock.picking", one, "name") for one in sorted(order["picking_ids"])],
        "lines": lines,
    }  # fmt: skip


def external_id(env: Env, model: str, number: int) -> str | None:
    names = env.ids("ir.model.data", [("model", "=", model), ("res_id", "=", number)], limit=1)
    return str(env.value("ir.model.data", names[0], "complete_name")) if names else None


def pickings(env: Env, name: str = "") -> list[Doc]:
    """Return transfers, oldest first: all, or the one of this name."""
    return [
        {
            "id": row["id"], "name": row["name"], "origin": row["origin"], "state": row["state"],
            "backorder_of": row["backorder_id"], "sale": row["sale_id"], "purchase": row["purchase_id"],
            "moves": [_move(env, move) for move in env.browse("stock.move", row["move_ids"])],
        }
        for row in env.rows("stock.picking", [("name", "=", name)] if name else [])
    ]  # fmt: skip


def _move(env: Env, move: Row) -> Doc:
    return {
        "id": move["id"], "state": move["state"], "demand": move["product_uom_qty"],
        "quantity": move["quantity"], "product": move["product_id"], "reference": move["reference"],
        "code": env.value("product.product", move["product_id"], "default_code"),
        "from": env.value("stock.location", move["location_id"], "complete_name"),
        "to": env.value("stock.location", move["location_dest_id"], "complete_name"),
    }  # fmt: skip


def ledger(env: Env, since: int = 0) -> list[Doc]:
    """Return what has moved, in the product's own unit, in the order of the moves' lines."""
    done = [("state", "=", "done"), ("id", ">", since)]
    return [
        {
            "id": line["id"], "move": line["move_id"], "product": line["product_id"],
            "code": env.value("product.product", line["product_id"], "default_code"),
            "quantity": line["quantity_product_uom"], "reference": line["reference"], "date": line["date"],
            "from": place_of(env, line["location_id"]), "to": place_of(env, line["location_dest_id"]),
            "from_usage": line["location_usage"], "to_usage": line["location_dest_usage"],
        }
        for line in env.rows("stock.move.line", done)
    ]  # fmt: skip
