"""What people do at the twin: sell, ship, take back, receive, count, scrap, move goods, change their mind.

Every act is one transaction, done with Odoo's own methods as a person at the screen does it. Goods are named
by their code, places by `WH`, `WH/Stock/Shelf-A` or an id, orders by their name or the customer's reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from connectors.base.twinkit import Doc
from connectors.odoo import twin_pos
from connectors.odoo.twin_core import Database
from connectors.odoo.twin_inner import call
from connectors.odoo.twin_orm import Env, Row, user_error
from connectors.odoo.twin_quants import merge_rows
from connectors.odoo.twin_stock import OVER

Quantities = Mapping[str, float]
ORDER = "sale.order"


class Acts:
    """People's acts at one database; `login` is who does them unless one says otherwise."""

    def __init__(self, db: Database, login: str = "admin") -> None:
        self._db, self.login = db, login

    @contextmanager
    def _at_work(self, **context: Any) -> Iterator[Env]:
        with self._db.transaction() as env:
            uid = env.ids("res.users", [("login", "=", self.login)])
            yield Env(env.db, env.tx, uid[0], context)

    # ── sales ──

    def sell(
        self, lines: Quantities, *, reference: str = "", warehouse: str = "", confirm: bool = True
    ) -> str:
        """Take an order at the desk; return its name."""
        with self._at_work() as env:
            vals: Doc = {
                "partner_id": customer(env), "client_order_ref": reference or None,
                "order_line": [
                    (0, 0, {"product_id": goods(env, code), "product_uom_qty": quantity})
                    for code, quantity in lines.items()
                ],
            }  # fmt: skip
            if warehouse:
                vals["warehouse_id"] = env.ids("stock.warehouse", [("code", "=", warehouse)])[0]
            order = env.create("sale.order", vals)
            if confirm:
                call(env, "sale.order", "action_confirm", [order])
            return str(env.value("sale.order", order, "name"))

    def ship(self, order: str, lines: Quantities | None = None, *, backorder: bool = True) -> list[str]:
        """Ship an order, all that is reserved or just `lines`; return the names of the transfers done."""
        with self._at_work(skip_backorder=True) as env:
            done = []
            for picking in open_pickings(env, sale(env, order)):
                left = dict(lines or {})
                self._pack(env, picking, None if lines is None else left)
                if not backorder:
                    env = env.with_context(picking_ids_not_to_backorder=[picking["id"]])
                refuse_window(call(env, "stock.picking", "button_validate", [picking["id"]]))
                done.append(str(picking["name"]))
            if not done:
                raise user_error(f"{order} has nothing to ship.")
            return done

    def _pack(self, env: Env, picking: Row, lines: dict[str, float] | None) -> None:
        call(env, "stock.picking", "action_assign", [picking["id"]])
        for move in env.browse("stock.move", picking["move_ids"]):
            if move["state"] in OVER:
                continue
            code = env.value("product.product", move["product_id"], "default_code")
            amount = move["quantity"] if lines is None else min(lines.get(code, 0.0), move["product_uom_qty"])
            if lines is not None:
                lines[code] = lines.get(code, 0.0) - amount
                env.write("stock.move", [move["id"]], {"quantity": amount, "picked": amount > 0})

    def take_back(self, order: str, lines: Quantities, *, to: str = "") -> list[str]:
        """Book returns of what was shipped, the oldest delivery first; to the shelf, or to the place `to`."""
        with self._at_work(skip_backorder=True) as env:
            left, names = dict(lines), []
            for picking in env.browse(
                "stock.picking", sorted(env.value(ORDER, sale(env, order), "picking_ids"))
            ):
                if picking["state"] == "done" and picking["picking_type_code"] == "outgoing":
                    amounts = _coming_back(env, picking, left)
                    if amounts:
                        names.append(self._book_return(env, picking, amounts, to))
            if any(amount > 0 for amount in left.values()):
                raise user_error(f"More comes back than {order} was shipped.")
            return names

    def _book_return(self, env: Env, picking: Row, amounts: dict[int, float], to: str) -> str:
        wizard = env.create("stock.return.picking", {"picking_id": picking["id"]})
        found = env.value("stock.return.picking", wizard, "product_return_moves")
        for line in env.browse("stock.return.picking.line", found):
            amount = amounts.get(line["move_id"], 0.0)
            env.write("stock.return.picking.line", [line["id"]], {"quantity": amount})
        made = call(env, "stock.return.picking", "action_create_returns", [wizard])["res_id"]
        if to:
            target = {"location_dest_id": place(env, to)}
            moves = env.value("stock.picking", made, "move_ids")
            env.write("stock.picking", [made], target)
            env.write("stock.move", moves, target)
            env.write("stock.move.line", env.ids("stock.move.line", [("move_id", "in", moves)]), target)
        refuse_window(call(env, "stock.picking", "button_validate", [made]))
        return str(env.value("stock.picking", made, "name"))

    def cancel(self, order: str) -> None:
        with self._at_work(disable_cancel_warning=True) as env:
            call(env, "sale.order", "action_cancel", [sale(env, order)])

    def change(self, order: str, code: str, quantity: float) -> None:
        """Change the quantity of an order's line, as in the order's form."""
        with self._at_work() as env:
            number, product = sale(env, order), goods(env, code)
            line = env.ids("sale.order.line", [("order_id", "=", number), ("product_id", "=", product)])
            env.write("sale.order", [number], {"order_line": [(1, line[0], {"product_uom_qty": quantity})]})

    def unreserve(self, order: str) -> None:
        with self._at_work() as env:
            numbers = [one["id"] for one in open_pickings(env, sale(env, order))]
            call(env, "stock.picking", "do_unreserve", numbers)

    def reserve(self, order: str) -> None:
        with self._at_work() as env:
            numbers = [one["id"] for one in open_pickings(env, sale(env, order))]
            call(env, "stock.picking", "action_assign", numbers)

    # ── the stockroom ──

    def receive(self, lines: Quantities, *, warehouse: str = "WH", reference: str = "") -> str:
        """Order goods of a vendor and receive all of them; return the name of the receipt."""
        with self._at_work(skip_backorder=True) as env:
            kind = env.value("stock.warehouse", house(env, warehouse), "in_type_id")
            order = env.create(
                "purchase.order",
                {
                    "partner_id": customer(env), "partner_ref": reference or None, "picking_type_id": kind,
                    "order_line": [
                        (0, 0, {"product_id": goods(env, code), "product_qty": quantity})
                        for code, quantity in lines.items()
                    ],
                },
            )  # fmt: skip
            call(env, "purchase.order", "button_confirm", [order])
            receipts = env.value("purchase.order", order, "picking_ids")
            refuse_window(call(env, "stock.picking", "button_validate", receipts))
            return str(env.value("stock.picking", receipts[0], "name"))

    def count(self, code: str, at: str, quantity: float, *, lot: str = "") -> None:
        """Count one product in one place and apply the count."""
        with self._at_work(inventory_mode=True) as env:
            product, location = goods(env, code), place(env, at)
            number = lot_of(env, product, lot) if lot else None
            vals = {"product_id": product, "location_id": location, "lot_id": number}
            known = env.ids("stock.quant", [(name, "=", value or False) for name, value in vals.items()])
            if known:
                env.write("stock.quant", known[:1], {"inventory_quantity_auto_apply": quantity})
            else:
                env.create("stock.quant", {**vals, "inventory_quantity_auto_apply": quantity})

    def scrap(self, code: str, at: str, quantity: float) -> None:
        with self._at_work() as env:
            vals = {"product_id": goods(env, code), "scrap_qty": quantity, "location_id": place(env, at)}
            number = env.create("stock.scrap", vals)
            refuse_window(call(env, "stock.scrap", "action_validate", [number]))

    def transfer(self, lines: Quantities, source: str, target: str, *, done: bool = True) -> str:
        """Move goods between two places; return the transfer's name."""
        with self._at_work(skip_backorder=True) as env:
            here, there = place(env, source), place(env, target)
            house_here = env.value("stock.location", here, "warehouse_id") or house(env, "WH")
            kind = env.value("stock.warehouse", house_here, "int_type_id")
            moves = []
            for code, quantity in lines.items():
                moves.append({
                    "product_id": goods(env, code), "product_uom_qty": quantity,
                    "location_id": here, "location_dest_id": there,
                    **({"name": code} if env.version == 18 else {}),
                })  # fmt: skip
            vals = {"picking_type_id": kind, "location_id": here, "location_dest_id": there}
            picking = env.create("stock.picking", {**vals, "move_ids": [(0, 0, move) for move in moves]})
            call(env, "stock.picking", "action_confirm", [picking])
            call(env, "stock.picking", "action_assign", [picking])
            if done:
                refuse_window(call(env, "stock.picking", "button_validate", [picking]))
            return str(env.value("stock.picking", picking, "name"))

    def edit_quantity(self, code: str, at: str, quantity: float) -> None:
        """Write a figure straight into the books, as an administrator may: no move tells of it."""
        with self._at_work() as env:
            product, location = goods(env, code), place(env, at)
            known = env.ids("stock.quant", [("product_id", "=", product), ("location_id", "=", location)])
            if known:
                env.write("stock.quant", known[:1], {"quantity": quantity})
            else:
                env.create(
                    "stock.quant", {"product_id": product, "location_id": location, "quantity": quantity}
                )

    def merge(self) -> None:
        """Run the scheduler's job that merges rows of one key and drops empty ones."""
        with self._at_work() as env:
            merge_rows(env)

    def archive(self, code: str, *, active: bool = False) -> None:
        with self._at_work() as env:
            env.write("product.product", [goods(env, code)], {"active": active})

    # ── tills ──

    def open_till(self, till: str, *, at_closing: bool = True) -> int:
        with self._at_work() as env:
            return twin_pos.open_session(env, config(env, till), at_closing=at_closing)

    def ring_up(self, till: str, lines: Quantities, *, paid: bool = True) -> int:
        """Sell at an open till; return the receipt's order."""
        with self._at_work() as env:
            sold = [twin_pos.Sold(goods(env, code), quantity) for code, quantity in lines.items()]
            return twin_pos.sell(env, session(env, till), sold, paid=paid)

    def hand_back(self, till: str, order: int, lines: Quantities) -> int:
        with self._at_work() as env:
            by_line = {}
            for line in env.browse("pos.order.line", env.need("pos.order", order)["lines"]):
                code = env.value("product.product", line["product_id"], "default_code")
                if code in lines:
                    by_line[line["id"]] = lines[code]
            return twin_pos.refund(env, session(env, till), order, by_line)

    def close_till(self, till: str) -> list[str]:
        with self._at_work() as env:
            made = twin_pos.close_session(env, session(env, till))
            return [str(env.value("stock.picking", one, "name")) for one in made]


# ── finding what people name ──


def goods(env: Env, code: str) -> int:
    found = env.ids("product.product", [("default_code", "=", code)], active_test=False)
    if not found:
        raise KeyError(code)
    return found[0]


def house(env: Env, code: str) -> int:
    found = env.ids("stock.warehouse", [("code", "=", code)])
    if not found:
        raise KeyError(code)
    return found[0]


def place(env: Env, name: str) -> int:
    """Return a location by its full name, by its id, or the stock of a warehouse by its code."""
    if name.isdigit():
        return int(env.need("stock.location", int(name))["id"])
    houses = env.rows("stock.warehouse", [("code", "=", name)])
    if houses:
        return int(houses[0]["lot_stock_id"])
    for row in env.rows("stock.location", active_test=False):
        if row["complete_name"] == name:
            return int(row["id"])
    raise KeyError(name)


def customer(env: Env, name: str = "Customer One") -> int:
    found = env.ids("res.partner", [("name", "=", name)])
    return found[0] if found else env.create("res.partner", {"name": name})


def lot_of(env: Env, product: int, name: str) -> int:
    found = env.ids("stock.lot", [("product_id", "=", product), ("name", "=", name)])
    return found[0] if found else env.create("stock.lot", {"product_id": product, "name": name})


def sale(env: Env, order: str) -> int:
    """Return the newest order of this name or customer's reference."""
    found = env.ids(
        "sale.order", ["|", ("name", "=", order), ("client_order_ref", "=", order)], order="id desc"
    )
    if not found:
        raise KeyError(order)
    return found[0]


def _coming_back(env: Env, picking: Row, left: dict[str, float]) -> dict[int, float]:
    """Return what each move of a delivery takes back of `left`, and take it off there."""
    amounts = {}
    for move in env.browse("stock.move", picking["move_ids"]):
        code = env.value("product.product", move["product_id"], "default_code")
        returns = env.browse("stock.move", move["returned_move_ids"])
        gone = sum(one["product_uom_qty"] for one in returns if one["state"] != "cancel")
        amount = min(left.get(code, 0.0), move["quantity"] - gone)
        if move["state"] == "done" and amount > 0:
            amounts[move["id"]] = amount
            left[code] -= amount
    return amounts


def open_pickings(env: Env, order: int) -> list[Row]:
    rows = env.browse("stock.picking", sorted(env.value("sale.order", order, "picking_ids")))
    return [row for row in rows if row["state"] not in OVER]


def config(env: Env, till: str) -> int:
    found = env.ids("pos.config", [("name", "=", till)])
    if not found:
        raise KeyError(till)
    return found[0]


def session(env: Env, till: str) -> int:
    found = env.value("pos.config", config(env, till), "current_session_id")
    if not found:
        raise user_error(f"{till} is not open.")
    return int(found)


def refuse_window(answer: Any) -> None:
    """Nobody is there to answer what Odoo asks back, so the act is not done."""
    if isinstance(answer, dict) and answer.get("type") == "ir.actions.act_window":
        raise user_error(f"Odoo asks back: {answer.get('name')}")
