"""A warehouse floor for tests of the stock engine: one twin, its places, and short ways to act on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.odoo.twin import OdooTwin
from connectors.odoo.twin_confirm import confirm, group_field
from connectors.odoo.twin_quants import Key, key_of
from connectors.odoo.twin_seed import add_product
from connectors.odoo.twin_stock import RESERVING, bypasses_reservation, engine, is_kept_in_stock

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
INVENTORY_MODE = {"inventory_mode": True}


class Floor:
    """One twin whose clock goes a second further with every call."""

    def __init__(self, version: int) -> None:
        self.version, self._now = version, NOON
        self.twin = OdooTwin(version=version, now=self._tick, sleep=lambda _: None)
        with self.twin.env() as env:
            house = env.rows("stock.warehouse")[0]
            self.house, self.stock = house["id"], house["lot_stock_id"]
            self.receipts, self.deliveries = house["in_type_id"], house["out_type_id"]
            self.internal = house["int_type_id"]
            self.vendors = env.ids("stock.location", [("usage", "=", "supplier")])[0]
            self.customers = env.ids("stock.location", [("usage", "=", "customer")])[0]
            self.loss = env.ids("stock.location", [("name", "=", "Inventory adjustment")])[0]
            self.dozen = env.ids("uom.uom", [("name", "=", "Dozens")])[0]
            self.shelf = env.create(
                "stock.location", {"name": "Shelf-A", "usage": "internal", "location_id": self.stock}
            )

    def _tick(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    # ── acts over the wire, as the sync user ──

    def call(self, model: str, method: str, ids: list[int] | None = None, **named: Any) -> Any:
        return self.twin.call(model, method, ids or [], **named)

    def make(self, model: str, vals: dict[str, Any], **context: Any) -> int:
        made: list[int] = self.call(model, "create", vals_list=[vals], context=context)
        return made[0]

    def write(self, model: str, number: int, **vals: Any) -> None:
        self.call(model, "write", [number], vals=vals)

    def product(self, code: str = "MUG", **more: Any) -> int:
        with self.twin.env() as env:
            return add_product(env, code, **more)

    def count(
        self,
        product: int,
        quantity: float,
        place: int | None = None,
        *,
        name: str = "",
        lot: int | None = None,
    ) -> int:
        """Count and apply in two calls; return the quant."""
        vals = {"product_id": product, "location_id": place or self.stock, "inventory_quantity": quantity}
        quant = self.make("stock.quant", {**vals, **({"lot_id": lot} if lot else {})}, **INVENTORY_MODE)
        self.apply(quant, **({"inventory_name": name} if name else {}))
        return quant

    def apply(self, *quants: int, **context: Any) -> Any:
        return self.call("stock.quant", "action_apply_inventory", list(quants), context=context)

    def recount(self, quant: int, quantity: float) -> None:
        self.call(
            "stock.quant", "write", [quant], vals={"inventory_quantity": quantity}, context=INVENTORY_MODE
        )

    def transfer(
        self, product: int, demand: float, kind: int, source: int, target: int, name: str = "", **move: Any
    ) -> int:
        """Create a transfer of one move; nothing is confirmed yet."""
        line = {
            "product_id": product, "product_uom_qty": demand, "location_id": source,
            "location_dest_id": target, **({"name": "x"} if self.version == 18 else {}), **move,
        }  # fmt: skip
        vals = {
            "picking_type_id": kind, "location_id": source, "location_dest_id": target,
            "move_ids": [[0, 0, line]],
        }  # fmt: skip
        return self.make("stock.picking", {**vals, **({"name": name} if name else {})})

    def delta(self, product: int, quantity: float, name: str = "", **move: Any) -> int:
        """Create the document by which the contract books a difference into stock."""
        given = {"quantity": quantity, "picked": True, **move}
        return self.transfer(product, quantity, self.internal, self.loss, self.stock, name, **given)

    def delivery(
        self, product: int, demand: float, source: int | None = None, *, confirm: bool = True
    ) -> int:
        made = self.transfer(product, demand, self.deliveries, source or self.stock, self.customers)
        if confirm:
            self.call("stock.picking", "action_confirm", [made])
        return made

    def receipt(self, product: int, demand: float, *, confirm: bool = True, **move: Any) -> int:
        made = self.transfer(product, demand, self.receipts, self.vendors, self.stock, **move)
        if confirm:
            self.call("stock.picking", "action_confirm", [made])
        return made

    def group(self) -> int:
        """Make what keeps the moves of one order together."""
        with self.twin.env() as env:
            return env.create(
                "procurement.group" if self.version == 18 else "stock.reference", {"name": "S1"}
            )

    def ask(self, product: int, quantity: float, group: int) -> list[int]:
        """Launch a move as an order does: only where from, where to and for which order."""
        with self.twin.env() as env:
            inner = engine(env)
            vals: dict[str, Any] = {
                "product_id": product, "product_uom_qty": quantity, "location_id": self.stock,
                "location_dest_id": self.customers, "location_final_id": self.customers,
                "picking_type_id": self.deliveries, "origin": "S00001",
            }  # fmt: skip
            vals |= {"name": "x"} if self.version == 18 else {}
            vals[group_field(inner)] = group if self.version == 18 else [(6, 0, [group])]
            return confirm(inner, [inner.create("stock.move", vals)])

    def deliver_in_two_steps(self) -> int:
        """Make the warehouse pick before it ships; return the output."""
        with self.twin.env() as env:
            env.write("stock.warehouse", [self.house], {"delivery_steps": "pick_ship"})
            output = int(env.need("stock.warehouse", self.house)["wh_output_stock_loc_id"])
            env.write("stock.location", [output], {"active": True})
            return output

    def validate(self, *pickings: int, **context: Any) -> Any:
        return self.call("stock.picking", "button_validate", list(pickings), context=context)

    # ── what can be seen ──

    def rows(self, model: str, *domain: Any) -> list[dict[str, Any]]:
        with self.twin.env() as env:
            return [dict(row) for row in env.rows(model, list(domain), active_test=False)]

    def get(self, model: str, number: int, field: str) -> Any:
        with self.twin.env() as env:
            return env.value(model, number, field)

    def move(self, picking: int) -> dict[str, Any]:
        return self.moves(picking)[0]

    def moves(self, picking: int) -> list[dict[str, Any]]:
        return self.rows("stock.move", ("picking_id", "=", picking))

    def on_hand(self, product: int, place: int | None = None) -> float:
        found = self.rows(
            "stock.quant", ("product_id", "=", product), ("location_id", "=", place or self.stock)
        )
        return float(sum(row["quantity"] for row in found))

    def reserved(self, product: int, place: int | None = None) -> float:
        found = self.rows(
            "stock.quant", ("product_id", "=", product), ("location_id", "=", place or self.stock)
        )
        return float(sum(row["reserved_quantity"] for row in found))

    def split_next(self, times: int = 1) -> None:
        self.twin.db.settings["split_rows"] = times

    # ── what must always hold ──

    def imbalances(self, *, phantoms: bool = False) -> list[str]:
        """Say what does not add up: goods made of nothing, or promises nobody holds."""
        found = []
        with self.twin.env() as env:
            totals: dict[int, float] = {}
            promised: dict[Key, float] = {}
            for row in env.rows("stock.quant", active_test=False):
                totals[row["product_id"]] = totals.get(row["product_id"], 0.0) + row["quantity"]
                promised[key_of(row)] = promised.get(key_of(row), 0.0) + row["reserved_quantity"]
            held: dict[Key, float] = {}
            for line in env.rows("stock.move.line", active_test=False):
                counts = is_kept_in_stock(env, line["product_id"]) and line["state"] in (*RESERVING, "draft")
                if counts and not bypasses_reservation(env, line["location_id"]):
                    held[key_of(line)] = held.get(key_of(line), 0.0) + line["quantity_product_uom"]
            found += [f"product {one}: {total:g}" for one, total in totals.items() if abs(total) > 1e-6]
            for key in {*promised, *held} if not phantoms else ():
                ours, theirs = promised.get(key, 0.0), held.get(key, 0.0)
                if abs(ours - theirs) > 1e-6:
                    found.append(f"{key}: {ours:g} promised, {theirs:g} held")
            for move in env.rows("stock.move", active_test=False):
                lines = env.browse("stock.move.line", move["move_line_ids"])
                whole = sum(line["quantity_product_uom"] for line in lines)
                if move["state"] == "assigned" and whole + 1e-6 < move["product_qty"]:
                    found.append(f"move {move['id']}: assigned with {whole:g} of {move['product_qty']:g}")
        return found
