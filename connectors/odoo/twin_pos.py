"""Odoo's own tills: sessions, paid orders and refunds, and when their stock moves.

A session books its stock either with every order at once, or all together when it is closed; which of them
is settled when it opens. Until then a paid order is demand that no move shows. People's acts only: the
connector reads these models and writes none of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.odoo.twin_inner import call
from connectors.odoo.twin_kits import exploded
from connectors.odoo.twin_launch import Need, launch
from connectors.odoo.twin_orm import Env, OdooError, Row, before_create, computed, user_error
from connectors.odoo.twin_sales import customers

OPEN_STATES = ("opening_control", "opened", "closing_control")


@dataclass(frozen=True, slots=True)
class Sold:
    """One line of a receipt; negative when it is handed back, `refunds` is then the line it was sold by."""

    product: int
    quantity: float
    price: float = 0.0
    refunds: int | None = None


# ── what people do ──


def open_session(env: Env, config: int, *, at_closing: bool = True) -> int:
    """Open a till; a till has one session at a time."""
    if env.value("pos.config", config, "current_session_id"):
        raise user_error("Another session is already opened for this point of sale.")
    number = env.next_number("pos.session.name")
    name = "POS" if env.version == 18 else env.value("pos.config", config, "name")
    return env.create(
        "pos.session",
        {
            "config_id": config, "name": f"{name}/{number:05d}", "state": "opened", "user_id": env.uid,
            "update_stock_at_closing": at_closing,
        },
    )  # fmt: skip


def sell(
    env: Env,
    session: int,
    lines: Sequence[Sold],
    *,
    partner: int | None = None,
    paid: bool = True,
    ship_on: str = "",
) -> int:
    """Ring up a receipt; what is not `paid` is a basket somebody put aside.

    With a date in `ship_on` the goods are sent later: a delivery waits for them, closing does not book them.
    """
    row = env.need("pos.session", session)
    if row["state"] not in OPEN_STATES:
        raise user_error("The session is closed.")
    config = env.need("pos.config", row["config_id"])
    number = env.next_number(f"pos.order.{config['id']}")
    order = env.create(
        "pos.order",
        {
            "session_id": session, "partner_id": partner, "state": "paid" if paid else "draft",
            "shipping_date": ship_on or None,
            "name": f"{config['name']}/{number:04d}", "date_order": env.stamp(),
            "pos_reference": f"Order {session:05d}-001-{number:04d}",
            "amount_total": sum(line.quantity * line.price for line in lines),
            "lines": [(0, 0, _line(env, line)) for line in lines],
        },
    )  # fmt: skip
    if paid:
        _book_at_once(env, order)
    return order


def pay(env: Env, order: int) -> None:
    """Take the money for a basket that was put aside."""
    if env.value("pos.order", order, "state") != "draft":
        raise user_error("This order is paid already.")
    env.write("pos.order", [order], {"state": "paid"})
    _book_at_once(env, order)


def refund(env: Env, session: int, order: int, quantities: dict[int, float]) -> int:
    """Take goods back in a session that is open; `quantities` by the line they were sold by."""
    back = []
    for line in env.browse("pos.order.line", sorted(quantities)):
        gone = sum(
            -one["qty"] for one in env.rows("pos.order.line", [("refunded_orderline_id", "=", line["id"])])
        )
        if line["order_id"] != order or quantities[line["id"]] > line["qty"] - gone:
            raise user_error("More is handed back than was sold.")
        back.append(Sold(line["product_id"], -quantities[line["id"]], line["price_unit"], line["id"]))
    return sell(env, session, back, partner=env.value("pos.order", order, "partner_id"))


def begin_closing(env: Env, session: int) -> None:
    """Count the drawer: no more sales, but nothing is booked yet."""
    env.write("pos.session", [session], {"state": "closing_control"})


def close_session(env: Env, session: int) -> list[int]:
    """Close a till and return the transfers this made; baskets that nobody paid must be settled first."""
    row = env.need("pos.session", session)
    orders = env.browse("pos.order", row["order_ids"])
    if any(order["state"] == "draft" for order in orders):
        raise user_error("You cannot close the POS when orders are still in draft")
    made: list[int] = []
    if row["update_stock_at_closing"]:
        lines: dict[int, list[Row]] = defaultdict(list)
        for order in orders:
            if order["state"] != "cancel" and not order["shipping_date"]:
                there = _destination(env, row["config_id"], order["partner_id"])
                lines[there] += env.browse("pos.order.line", order["lines"])
        for there, sold in lines.items():
            made += _book(
                env, row["config_id"], there, sold, {"pos_session_id": session, "origin": row["name"]}
            )
    env.write("pos.order", [one["id"] for one in orders if one["state"] == "paid"], {"state": "done"})
    env.write("pos.session", [session], {"state": "closed", "stop_at": env.stamp()})
    return made


# ── booking ──


def _line(env: Env, line: Sold) -> dict[str, Any]:
    return {
        "product_id": line.product, "qty": line.quantity, "price_unit": line.price,
        "refunded_orderline_id": line.refunds,
        "name": env.value("product.product", line.product, "display_name"),
    }  # fmt: skip


def _destination(env: Env, config: int, partner: int | None) -> int:
    own = env.value("res.partner", partner, "property_stock_customer") if partner else None
    if own:
        return int(own)
    return int(
        env.value("pos.config", config, "picking_type_id.default_location_dest_id") or customers(env, None)
    )


def _book_at_once(env: Env, number: int) -> None:
    order = env.need("pos.order", number)
    session = env.need("pos.session", order["session_id"])
    if order["shipping_date"]:
        _send_later(env, order, session)
        return
    if not session["update_stock_at_closing"]:
        named = {"pos_order_id": number, "pos_session_id": session["id"], "origin": order["name"]}
        there = _destination(env, session["config_id"], order["partner_id"])
        _book(env, session["config_id"], there, env.browse("pos.order.line", order["lines"]), named)


def _send_later(env: Env, order: Row, session: Row) -> None:
    """Make the delivery of goods that are sent later; like a sale it reserves at once."""
    warehouse = env.need("stock.warehouse", env.value("pos.config", session["config_id"], "warehouse_id"))
    there = customers(env, order["partner_id"])
    picking = env.create(
        "stock.picking",
        {
            "picking_type_id": warehouse["out_type_id"], "location_id": warehouse["lot_stock_id"],
            "location_dest_id": there, "partner_id": order["partner_id"], "origin": order["name"],
            "pos_order_id": order["id"], "pos_session_id": session["id"],
        },
    )  # fmt: skip
    launch(
        env,
        [
            Need(
                product=line["product_id"], quantity=line["qty"], type_id=warehouse["out_type_id"],
                source=warehouse["lot_stock_id"], destination=there, origin=order["name"], picking=picking,
            )
            for line in env.browse("pos.order.line", order["lines"])
            if line["qty"] > 0 and env.value("product.product", line["product_id"], "type") == "consu"
        ],
    )  # fmt: skip


def _book(env: Env, config: int, there: int, lines: Sequence[Row], named: dict[str, Any]) -> list[int]:
    """Make one transfer of what was sold and one of what was handed back, and do them."""
    kind = env.need("stock.picking.type", env.value("pos.config", config, "picking_type_id"))
    back = env.row("stock.picking.type", kind["return_picking_type_id"])
    home = back["default_location_dest_id"] if back else kind["default_location_src_id"]
    made = []
    for sign, one, source, target in (
        (1, kind, kind["default_location_src_id"], there),
        (-1, back or kind, there, home),
    ):
        amounts: dict[int, float] = defaultdict(float)
        for line in lines:
            if line["qty"] * sign > 0:
                for product, amount in _goods(env, line["product_id"], abs(line["qty"])):
                    amounts[product] += amount
        if amounts:
            made.append(_transfer(env, one, source, target, amounts, named))
    return made


def _goods(env: Env, product: int, quantity: float) -> list[tuple[int, float]]:
    if env.value("product.product", product, "type") != "consu":
        return []
    parts = exploded(env, product, quantity)
    return [(part.product, part.quantity) for part in parts] or [(product, quantity)]


def _transfer(
    env: Env, kind: Row, source: int, target: int, amounts: dict[int, float], named: dict[str, Any]
) -> int:
    moves = [
        {
            "product_id": product, "product_uom_qty": amount, "quantity": amount, "picked": True,
            "location_id": source, "location_dest_id": target,
            **({"name": env.value("product.product", product, "display_name")} if env.version == 18 else {}),
        }
        for product, amount in sorted(amounts.items())
    ]  # fmt: skip
    vals = {"picking_type_id": kind["id"], "location_id": source, "location_dest_id": target, **named}
    picking = env.create("stock.picking", {**vals, "move_ids": [(0, 0, one) for one in moves]})
    try:
        with env.savepoint():
            call(env.with_context(skip_backorder=True), "stock.picking", "button_validate", [picking])
    except OdooError as refused:
        # A lot that nobody scanned, say: the sale stands, its transfer waits for the stockroom.
        if refused.name not in ("odoo.exceptions.UserError", "odoo.exceptions.ValidationError"):
            raise
    return picking


# ── what the models say of themselves ──


@before_create("pos.config")
def complete_config(env: Env, vals: dict[str, Any]) -> None:
    if not vals.get("picking_type_id"):
        company = vals.get("company_id") or env.company_id
        owned = env.rows("stock.warehouse", [("company_id", "=", company)], order="sequence, id", limit=1)
        vals["picking_type_id"] = owned[0]["pos_type_id"] if owned else None


@computed("pos.config", "current_session_id")
def current_session(env: Env, ids: list[int]) -> dict[int, int | None]:
    found: dict[int, int | None] = {}
    for number in ids:
        open_ones = env.ids(
            "pos.session", [("config_id", "=", number), ("state", "in", OPEN_STATES)], order="id"
        )
        found[number] = open_ones[0] if open_ones else None
    return found


@computed("pos.order", "refunded_order_id")
def refunded_order(env: Env, ids: list[int]) -> dict[int, int | None]:
    found: dict[int, int | None] = {}
    for order in env.browse("pos.order", ids):
        sold_by = [line["refunded_orderline_id"] for line in env.browse("pos.order.line", order["lines"])]
        lines = env.browse("pos.order.line", [one for one in sold_by if one])
        found[order["id"]] = lines[0]["order_id"] if lines else None
    return found
