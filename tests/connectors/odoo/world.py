"""An Odoo to test against: two warehouses, shelves, customers, thirty products, a kit and a sync user.

The places, users and goods the recordings were made with, as far as tests need them; without a socket.
"""

from __future__ import annotations

import json
import xmlrpc.client
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.base.twinkit import Request, Response
from connectors.odoo import twin_seed
from connectors.odoo.twin import OdooTwin
from connectors.odoo.twin_users import add_key, add_user

START = datetime(2026, 11, 23, 2, 31, 12, 345678, tzinfo=UTC)
KEY, ADMIN_KEY = "5ca1ab1e" * 5, "adadadad" * 5
STOCK_KEY, LOW_KEY = "57057057" * 5, "10101010" * 5
PRODUCTS = 30


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class OdooWorld:
    """A twin with goods and people. `slept` says what it would have waited; `while_asleep` acts meanwhile."""

    def __init__(self, version: int, **options: Any) -> None:
        self.version, self.clock = version, Clock()
        self.slept: list[float] = []
        self.while_asleep: Callable[[], Any] | None = None
        self.twin = OdooTwin(version=version, now=self.clock, sleep=self._sleep, key=KEY, **options)
        self.places: dict[str, int] = {}
        self.products: list[int] = []
        self.goods: dict[str, int] = {}
        self.people: dict[str, int] = {}
        with self.twin.env() as env:
            self._found_places(env)
            self._found_goods(env)
            self._found_people(env)

    # ── what is there ──

    def _found_places(self, env: Any) -> None:
        warehouse = env.rows("stock.warehouse")[0]
        stock = warehouse["lot_stock_id"]
        for name in ("wh_input_stock_loc_id", "wh_output_stock_loc_id"):
            env.write("stock.location", [warehouse[name]], {"active": True})
        shelves = {
            name: env.create("stock.location", {"name": name, "usage": "internal", "location_id": stock})
            for name in ("Shelf-A", "Shelf-B")
        }
        second = env.create("stock.warehouse", {"name": "Second Hand", "code": "WH2"})
        other = env.need("stock.warehouse", second)
        losses = [("usage", "=", "inventory"), ("name", "=", "Inventory adjustment")]
        self.places = {
            "stock": stock, "shelf": shelves["Shelf-A"], "shelf_b": shelves["Shelf-B"],
            "input": warehouse["wh_input_stock_loc_id"], "output": warehouse["wh_output_stock_loc_id"],
            "stock2": other["lot_stock_id"], "inventory": env.ids("stock.location", losses)[0],
            "customers": env.ids("stock.location", [("usage", "=", "customer")])[0],
            "vendors": env.ids("stock.location", [("usage", "=", "supplier")])[0],
        }  # fmt: skip
        self.warehouses = (warehouse["id"], second)
        self.types = {name: warehouse[f"{name}_type_id"] for name in ("in", "out", "int", "pos")}

    def _found_goods(self, env: Any) -> None:
        for number in range(PRODUCTS):
            product = twin_seed.add_product(
                env, f"SKU-{number:04d}", f"Item {number:04d}", barcode=f"2{number:012d}"
            )
            self.products.append(product)
        parts = {self.products[1]: 2.0, self.products[2]: 1.0}
        self.goods = {
            "lotted": twin_seed.add_product(env, "LOT-1", "Lotted", tracking="lot"),
            "serial": twin_seed.add_product(env, "SER-1", "Serial", tracking="serial"),
            "kit": twin_seed.add_kit(env, "KIT-1", parts),
            "dozen": env.ids("uom.uom", [("name", "=", "Dozens")])[0],
            "unit": env.ids("uom.uom", [("name", "=", "Units")])[0],
        }

    def _found_people(self, env: Any) -> None:
        admin = env.ids("res.users", [("login", "=", "admin")])[0]
        stock = add_user(env, "stockuser", ("stock.group_stock_user",), [1])
        low = add_user(env, "lowuser", ("base.group_user",), [1])
        for user, key, days in ((admin, ADMIN_KEY, None), (stock, STOCK_KEY, 90), (low, LOW_KEY, 90)):
            add_key(env, user, "test", days=days, key=key)
        customer = env.create("res.partner", {"name": "Customer One", "email": "one@example.com"})
        second = env.create("res.partner", {"name": "Customer Two"})
        self.people = {"admin": admin, "stockuser": stock, "lowuser": low, "sync": self.twin.uid,
                       "customer": customer, "customer2": second}  # fmt: skip
        self._by_key = {ADMIN_KEY: admin, STOCK_KEY: stock, LOW_KEY: low, KEY: self.twin.uid}

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        act, self.while_asleep = self.while_asleep, None
        if act is not None:
            act()

    # ── calling it ──

    def send(
        self, method: str, path: str, body: Any = None, *, key: str | None = KEY, **headers: str
    ) -> tuple[int, Any, Response]:
        """Send a request; return status, parsed body (text where it is no JSON) and the raw response."""
        given = {"content-type": "application/json", "x-odoo-database": "odoo"}
        if key is not None:
            given["authorization"] = f"bearer {key}"
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        response = self.twin.answer(Request(method, path, "", given, content))
        kind = dict(response.headers).get("Content-Type", "")
        parsed = json.loads(response.body) if kind.startswith("application/json") else response.body.decode()
        return response.status, parsed, response

    def json2(self, model: str, method: str, *, key: str | None = KEY, **body: Any) -> tuple[int, Any]:
        return self.send("POST", f"/json/2/{model}/{method}", body, key=key)[:2]

    def rpc(self, service: str, method: str, *args: Any) -> Any:
        """Return the whole JSON-RPC document."""
        params = {"service": service, "method": method, "args": list(args)}
        body = {"jsonrpc": "2.0", "method": "call", "id": 7, "params": params}
        status, document, _ = self.send("POST", "/jsonrpc", body, key=None)
        assert status == 200
        return document

    def execute(self, model: str, method: str, *args: Any, key: str = KEY, **kwargs: Any) -> Any:
        """Call by JSON-RPC; return the document without its frame."""
        uid = self._by_key.get(key, self.people["sync"])
        document = self.rpc("object", "execute_kw", "odoo", uid, key, model, method, list(args), kwargs)
        return {name: value for name, value in document.items() if name not in ("jsonrpc", "id")}

    def xml(self, service: str, method: str, *args: Any) -> Any:
        """Call by XML-RPC; return the value, or raise the fault."""
        body = xmlrpc.client.dumps(args, method, allow_none=True).encode()
        _, text, _ = self.send("POST", f"/xmlrpc/2/{service}", body, key=None, content_type="text/xml")
        (value,), _ = xmlrpc.client.loads(text)
        return value

    def ask(
        self, model: str, method: str, ids: list[int] | None = None, *, key: str = KEY, **named: Any
    ) -> Any:
        """Call by the transport of the version; return the value, or raise Refused."""
        if self.version >= 19:
            body = {**named, **({} if ids is None else {"ids": ids})}
            status, value = self.json2(model, method, key=key, **body)
            if status != 200:
                raise Refused(value["name"], value["message"], status)
            return value
        answer = self.execute(model, method, *([] if ids is None else [ids]), key=key, **named)
        if "error" in answer:
            raise Refused(answer["error"]["data"]["name"], answer["error"]["data"]["message"], 200)
        return answer.get("result")

    def quant(self, product: int, quantity: float, place: str = "stock", **more: Any) -> int:
        """Put a row of stock there, as nobody would: without a move."""
        with self.twin.env() as env:
            vals = {"product_id": product, "location_id": self.places[place], "quantity": quantity, **more}
            return int(env.create("stock.quant", vals))


class Refused(Exception):
    """An error by the name Odoo gave it."""

    def __init__(self, name: str, message: str, status: int) -> None:
        super().__init__(f"{name}: {message}")
        self.name, self.message, self.status = name, message, status
