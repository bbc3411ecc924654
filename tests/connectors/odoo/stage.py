"""A twin furnished like the server a recording was made on, so that the recorded request can be played at it.

Arranging goes through the twin's own methods, as the sync user or as the people of the control API.
"""

from __future__ import annotations

import json
import xmlrpc.client
from datetime import UTC, datetime
from typing import Any

from connectors.base.twinkit import Request, Response
from connectors.odoo.twin import DATABASE, KEY, LOGIN, OdooTwin
from connectors.odoo.twin_seed import add_company, add_product
from connectors.odoo.twin_users import add_key, add_user
from tests.connectors.odoo.recordings import Ids, Recording, filled, mapped

AFTER = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)  # every recording is older
KEYS = {"SYNCBOT": KEY, "ADMIN": "a" * 40, "STOCKUSER": "5" * 40, "LOWUSER": "1" * 40}
LOGINS = {"SYNCBOT": LOGIN, "ADMIN": "admin", "STOCKUSER": "stockuser", "LOWUSER": "lowuser"}


class Stage:
    """One twin with the customers, places and users of the recordings; goods come as a scene needs them."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.twin = OdooTwin(version=version, now=lambda: AFTER, sleep=lambda _: None)
        with self.twin.env() as env:
            for name, group in (("STOCKUSER", "stock.group_stock_user"), ("LOWUSER", "base.group_user")):
                user = add_user(env, LOGINS[name], (group,), [1], email=f"{LOGINS[name]}@example.com")
                add_key(env, user, "test", days=30, key=KEYS[name])
            admin = env.ids("res.users", [("login", "=", "admin")])[0]
            add_key(env, admin, "test", days=30, key=KEYS["ADMIN"])
            self.customer = env.create("res.partner", {"name": "Customer One"})
            house = env.rows("stock.warehouse")[0]
            self.stock, self.receipts = house["lot_stock_id"], house["in_type_id"]
            self.internal, self.deliveries = house["int_type_id"], house["out_type_id"]

            def place(usage: str) -> int:
                return env.ids("stock.location", [("usage", "=", usage)])[0]

            self.vendors, self.customers = place("supplier"), place("customer")
            self.inventory = env.ids("stock.location", [("name", "=", "Inventory adjustment")])[0]

    # ── furnishing ──

    def product(self, code: str = "SKU-0032", *, stock: float = 0.0, **more: Any) -> int:
        with self.twin.env() as env:
            number = add_product(env, code, more.pop("name", code.replace("SKU-", "Item ")), **more)
        if stock:
            self.put(number, stock)
        return number

    def put(self, product: int, quantity: float, location: int | None = None) -> int:
        """Count a quantity and return the row that holds it."""
        vals = {"product_id": product, "location_id": location or self.stock, "inventory_quantity": quantity}
        made: list[int] = self.call(
            "stock.quant", "create", vals_list=[vals], context={"inventory_mode": True}
        )
        self.call("stock.quant", "action_apply_inventory", made)
        return made[0]

    def shelf(self) -> int:
        vals = {"name": "Shelf-A", "usage": "internal", "location_id": self.stock}
        return int(self.create("stock.location", vals))

    def counted(self, quant: int, quantity: float) -> int:
        self.write("stock.quant", quant, {"inventory_quantity": quantity}, context={"inventory_mode": True})
        return quant

    def picking(
        self,
        product: int,
        demand: float,
        kind: int,
        source: int,
        target: int,
        *,
        name: str = "",
        origin: str = "evt-1",
        **move: Any,
    ) -> int:
        line: dict[str, Any] = {
            "product_id": product, "product_uom_qty": demand, "location_id": source,
            "location_dest_id": target, **move,
        }  # fmt: skip
        if self.version == 18:
            line["name"] = "x"
        vals: dict[str, Any] = {
            "picking_type_id": kind, "location_id": source, "location_dest_id": target,
            "move_ids": [(0, 0, line)], "origin": origin,
        }  # fmt: skip
        return int(self.create("stock.picking", {**vals, "name": name} if name else vals))

    def order(self, product: int, quantity: float, reference: str = "SHOP-1", *, confirm: bool = True) -> int:
        vals = {
            "partner_id": self.customer, "client_order_ref": reference, "origin": "evt-so-1",
            "order_line": [(0, 0, {"product_id": product, "product_uom_qty": quantity, "price_unit": 12.5})],
        }  # fmt: skip
        number = int(self.create("sale.order", vals))
        if confirm:
            self.call("sale.order", "action_confirm", [number])
        return number

    def purchase(self, product: int, quantity: float, *, confirm: bool = True) -> int:
        vals = {
            "partner_id": self.customer, "partner_ref": "EXT-PO-1", "origin": "evt-po-1",
            "order_line": [(0, 0, {"product_id": product, "product_qty": quantity, "price_unit": 3})],
        }  # fmt: skip
        number = int(self.create("purchase.order", vals))
        if confirm:
            self.call("purchase.order", "button_confirm", [number])
        return number

    def delivery(self, order: int) -> int:
        """Return the newest transfer of an order."""
        return int(max(self.value("sale.order", order, "picking_ids")))

    def moves(self, picking: int) -> list[int]:
        return list(self.value("stock.picking", picking, "move_ids"))

    def shipped(self, product: int, quantity: float) -> tuple[int, int]:
        """Ship a whole order; return it and its delivery."""
        order = self.order(product, quantity)
        picking = self.delivery(order)
        self.call("stock.picking", "button_validate", [picking])
        return order, picking

    # ── the twin without a wire ──

    def call(self, model: str, method: str, ids: list[int] | None = None, **named: Any) -> Any:
        return self.twin.call(model, method, ids or [], **named)

    def create(self, model: str, vals: dict[str, Any]) -> int:
        made: list[int] = self.call(model, "create", vals_list=[vals])
        return made[0]

    def write(self, model: str, number: int, vals: dict[str, Any], **named: Any) -> None:
        self.call(model, "write", [number], vals=vals, **named)

    def value(self, model: str, number: int, name: str) -> Any:
        with self.twin.env() as env:
            return env.value(model, number, name)

    def second_company(self) -> int:
        with self.twin.env() as env:
            return add_company(env, "Other Company")

    # ── playing ──

    def ids(self, given: dict[str, list[int]] | None = None) -> Ids:
        fixed = {
            "stock": self.stock, "inventory": self.inventory, "customers": self.customers,
            "vendors": self.vendors, "receipts": self.receipts, "internal": self.internal,
        }  # fmt: skip
        given = {"res.partner": [self.customer], **(given or {})}
        if "shelf" in given:
            fixed["shelf"] = given.pop("shelf")[0]
        return Ids(self.version, fixed, given)

    def play(self, recorded: Recording, given: dict[str, list[int]] | None = None) -> Response:
        """Send the recorded request with this twin's ids, keys and database; return its answer."""
        request = recorded.request
        body, headers = filled(request.get("body"), self._word), filled(dict(request["headers"]), self._word)
        body = mapped(body, self.ids(given), request["path"])
        if isinstance(body, dict) and len(body.get("params", {}).get("args", ())) > 5:
            body["params"]["args"][1] = self._uid(body["params"]["args"][2])
        if isinstance(body, str) and body.startswith("<?xml"):
            body = self._as_our_user(body)
        raw = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
        lower = {name.lower(): value for name, value in headers.items()}
        return self.twin.answer(Request(request["method"], request["path"], "", lower, raw.encode()))

    def _as_our_user(self, body: str) -> str:
        args, method = xmlrpc.client.loads(body)
        given = list(args)
        if method == "execute_kw":
            given[1] = self._uid(str(given[2]))
        return xmlrpc.client.dumps(tuple(given), method)

    def _word(self, user: str | None) -> str:
        return DATABASE if user is None else KEYS[user]

    def _uid(self, key: str) -> int:
        login = next((LOGINS[name] for name, one in KEYS.items() if one == key), LOGIN)
        with self.twin.env() as env:
            return env.ids("res.users", [("login", "=", login)])[0]
