"""The WooCommerce twin: a small server that speaks the shop's wire contract with books of its own.

In a test: `with WooTwin().serving() as twin: twin.url`. As a process: `python -m
connectors.woocommerce.twin --port 9101 --seed-file FILE --state-dir DIR`. Imports nothing of the connector.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.base.twinkit import (
    Answer,
    Books,
    Doc,
    FaultDoor,
    Faults,
    Request,
    Response,
    Twin,
    TwinClock,
    post,
    run_until_signalled,
)
from connectors.woocommerce.twin_auth import ApiKey, KeyRing, refusal
from connectors.woocommerce.twin_control import Control
from connectors.woocommerce.twin_notes import NoteApi
from connectors.woocommerce.twin_order_api import OrderApi
from connectors.woocommerce.twin_orders import OrderBook
from connectors.woocommerce.twin_products import ProductApi
from connectors.woocommerce.twin_shop import Quirks, Shop
from connectors.woocommerce.twin_stock import ProductBook
from connectors.woocommerce.twin_webhooks import Webhooks
from connectors.woocommerce.twin_wire import API, ShopError, body_of, no_route, shop_response

KEY, SECRET = "ck_twin", "cs_twin"
ROUTES: tuple[tuple[str, str, str], ...] = (
    ("GET", "products", "products.index"), ("POST", "products", "products.create"),
    ("POST|PUT|PATCH", "products/batch", "products.batch"),
    ("GET", "products/(\\d+)", "products.read"), ("POST|PUT|PATCH", "products/(\\d+)", "products.write"),
    ("DELETE", "products/(\\d+)", "products.delete"),
    ("GET", "products/(\\d+)/variations", "variations.index"),
    ("POST", "products/(\\d+)/variations", "variations.create"),
    ("POST|PUT|PATCH", "products/(\\d+)/variations/batch", "variations.batch"),
    ("GET", "products/(\\d+)/variations/(\\d+)", "variations.read"),
    ("POST|PUT|PATCH", "products/(\\d+)/variations/(\\d+)", "variations.write"),
    ("DELETE", "products/(\\d+)/variations/(\\d+)", "variations.delete"),
    ("GET", "variations", "variations.global"),
    ("GET", "orders", "orders.index"), ("POST", "orders", "orders.create"),
    ("POST|PUT|PATCH", "orders/batch", "orders.batch"),
    ("GET", "orders/(\\d+)", "orders.read"), ("POST|PUT|PATCH", "orders/(\\d+)", "orders.write"),
    ("DELETE", "orders/(\\d+)", "orders.delete"),
    ("GET", "orders/(\\d+)/notes", "notes.index"), ("POST", "orders/(\\d+)/notes", "notes.create"),
    ("GET", "orders/(\\d+)/refunds", "refunds.index"), ("POST", "orders/(\\d+)/refunds", "refunds.create"),
    ("GET", "orders/(\\d+)/refunds/(\\d+)", "refunds.read"),
    ("DELETE", "orders/(\\d+)/refunds/(\\d+)", "refunds.delete"), ("GET", "refunds", "refunds.global"),
    ("GET", "webhooks", "webhooks.index"), ("POST", "webhooks", "webhooks.create"),
    ("GET", "webhooks/(\\d+)", "webhooks.read"), ("POST|PUT|PATCH", "webhooks/(\\d+)", "webhooks.write"),
    ("DELETE", "webhooks/(\\d+)", "webhooks.delete"),
)  # fmt: skip
_COMPILED = [(frozenset(methods.split("|")), re.compile(path), name) for methods, path, name in ROUTES]
_ACTIONS = {"index": "view", "read": "view", "global": "view", "write": "edit"}


class WooTwin(Twin):
    """A WooCommerce shop with its own books and injectable faults.

    `cron_s` None leaves the webhook queue to `run_cron()`; a number runs it that often. `https` says
    whether the shop believes its callers come over HTTPS (a terminator in front of it, say).
    """

    def __init__(
        self,
        *,
        key: str = KEY,
        secret: str = SECRET,
        more_keys: Sequence[ApiKey] = (),
        now: Callable[[], datetime] | None = None,
        state_dir: Path | None = None,
        home: str | None = None,
        timezone: str = "Europe/Berlin",
        https: bool = True,
        quirks: Quirks | None = None,
        cron_s: float | None = None,
        cron_needs_traffic: bool = False,
        allow_local: bool = True,
        delivery_timeout_s: float = 60.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.books = Books(None if state_dir is None else state_dir / "shop.sqlite3")
        self.clock, self.faults = TwinClock(now), Faults(seed)
        self.shop = Shop(self.books, self.clock, self.faults, ZoneInfo(timezone), quirks or Quirks())
        self._fixed_home = home.rstrip("/") if home else None
        self.keys = KeyRing({one.key: one for one in (ApiKey(key, secret), *more_keys)}, https)
        self.products = ProductApi(self.shop, ProductBook(self.shop))
        self.orders = OrderApi(self.shop, OrderBook(self.shop, self.products.book))

        self.notes = NoteApi(self.shop, self.orders.book)

        def send(url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
            return post(url, headers, body, timeout_s=delivery_timeout_s)

        self.webhooks = Webhooks(self.shop, post=send, body_for=self._resource, allow_local=allow_local)
        self.shop.announce = self.webhooks.announce
        self.control = Control(self, self.products, self.orders, self.webhooks)
        self.door = FaultDoor(self.faults, self._vendor, self.clock.now)
        self.requests: list[Doc] = []
        self._cron_s, self._cron_needs_traffic = cron_s, cron_needs_traffic
        self._cron_guard = threading.Lock()
        self._cron_at = self.clock.now().timestamp()
        self._visited = False

    # ── acts ──

    def seed(self, doc: Doc) -> int:
        """Fill an empty shop from a dataset (or its `woo` part); return how many products were added."""
        given = doc.get("woo", doc).get("products", [])
        prices = {item["sku"]: item.get("price", "") for item in doc.get("items", [])}
        added = 0
        with self.books.transaction():
            for row in given:
                if self.products.book.get(int(row["id"])) is not None:
                    continue
                fields = _seed_fields(row, prices)
                if fields["stock_quantity"] is not None:
                    fields["_who"] = "seed"
                self.products.book.add(fields)
                top = int(self.books.table("sequence").get("post", {"next": 0})["next"])
                self.books.put("sequence", "post", {"next": max(top, int(row["id"]) + 1)})
                added += 1
        return added

    def run_cron(self) -> int:
        """Run the shop's background queue once; one runner at a time."""
        with self._cron_guard:
            return self.webhooks.run_cron()

    def tick(self) -> None:
        self.door.land_due()
        now = self.clock.now().timestamp()
        if self._cron_s is not None and now - self._cron_at >= self._cron_s:
            if self._cron_needs_traffic and not self._visited:
                return
            self._cron_at, self._visited = now, False
            self.run_cron()

    def close(self) -> None:
        self.books.close()

    # ── requests ──

    def answer(self, request: Request) -> Response:
        self.shop.home = self._fixed_home or self.url
        if request.path.startswith("/_twin/"):
            return self.control.answer(request)
        self._visited = True
        self.requests.append(
            {
                "time": self.clock.now().isoformat(), "method": request.method, "path": request.path,
                "query": request.raw_query,
            }
        )  # fmt: skip
        del self.requests[:-5000]
        return self.door(request)

    def _vendor(self, request: Request) -> Response:
        self.shop.home = self._fixed_home or self.url
        try:
            if self.faults.take("auth_revoked"):
                raise refusal("view")
            known = self.keys.authenticate(request, home=self.shop.home, now=self.shop.now_s())
            name, numbers = _route(request)
            body_of(request)
            if not known:
                verb = name.partition(".")[2]
                raise refusal(_ACTIONS.get(verb, verb))
            if request.method == "GET":
                with self.books.lock:
                    return self._dispatch(name, request, numbers)
            return self._dispatch(name, request, numbers)
        except ShopError as problem:
            return shop_response(problem.status, problem.document)

    def _dispatch(self, name: str, request: Request, numbers: tuple[int, ...]) -> Response:
        products, orders, hooks = self.products, self.orders, self.webhooks
        match name:
            case "products.index":
                return products.index(request)
            case "products.read":
                return products.read(request, *numbers)
            case "products.write":
                return products.write(request, *numbers)
            case "products.create" | "variations.create":
                return products.create(request, *numbers)
            case "products.delete":
                return products.delete(request, *numbers)
            case "variations.delete":
                return products.delete(request, numbers[1], numbers[0])
            case "products.batch" | "variations.batch":
                return self._batch(request, *numbers)
            case "variations.index":
                return products.list_variations(request, *numbers)
            case "variations.global":
                return products.list_variations(request, None)
            case "variations.read":
                return products.read_variation(request, *numbers)
            case "variations.write":
                return products.write_variation(request, *numbers)
            case "notes.index":
                return self.notes.index(request, *numbers)
            case "notes.create":
                return self.notes.create(request, *numbers)
            case "refunds.index":
                return orders.list_refunds(request, *numbers)
            case "refunds.global":
                return orders.list_refunds(request, None)
            case "refunds.create":
                return orders.refund(request, *numbers)
            case "refunds.read":
                return orders.read_refund(request, *numbers)
            case "refunds.delete":
                return orders.delete_refund(request, *numbers)
        part, _, verb = name.partition(".")
        handler: Callable[..., Response] = getattr(orders if part == "orders" else hooks, verb)
        return handler(request, *numbers)

    def _batch(self, request: Request, parent_id: int = 0) -> Response:
        if self.faults.take("partial", request.method, request.path):
            update = body_of(request).get("update") or []
            self.products.batch(request, parent_id, stop_after=len(update) // 2)
            return Response(0, hang_up=True)
        return self.products.batch(request, parent_id)

    def _resource(self, resource: str, number: int) -> Doc | None:
        """Return a webhook body as of now, a REST error when it is gone, None while it is hidden."""
        if resource == "order":
            order = self.orders.book.get(number)
            if order is None:
                return ShopError(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.").document
            return self.orders.document(order) if self.orders.book.visible(order) else None
        product = self.products.book.get(number)
        if product is None:
            return ShopError(404, "woocommerce_rest_product_invalid_id", "Invalid ID.").document
        return self.products.document(product)


def _route(request: Request) -> tuple[str, tuple[int, ...]]:
    query = request.query
    path = request.path
    if "rest_route" in query:
        path = f"/wp-json{query['rest_route']}"
    if path.startswith(API + "/"):
        tail = path[len(API) + 1 :].rstrip("/")
        for methods, pattern, name in _COMPILED:
            found = pattern.fullmatch(tail)
            if found and request.method in methods:
                return name, tuple(int(number) for number in found.groups())
    raise no_route()


def _seed_fields(row: Doc, prices: dict[str, str]) -> Doc:
    managed = row.get("manage_stock", False) is True
    attributes = row.get("attributes") or []
    if row.get("type") == "variation" and not attributes:
        option = str(row.get("option") or row["name"]).rsplit(" - ", 1)[-1]
        attributes = [{"id": 0, "name": "Variant", "slug": "variant", "option": option}]
    return {
        "id": int(row["id"]), "type": row.get("type", "simple"), "parent_id": int(row.get("parent_id") or 0),
        "sku": row.get("sku", ""), "name": row.get("name", ""), "manage_stock": managed,
        "stock_quantity": row.get("stock_quantity", 0) if managed else None,
        "regular_price": str(row.get("price") or prices.get(str(row.get("item")), "10.00")),
        "backorders": row.get("backorders", "no"), "status": row.get("status", "publish"),
        "attributes": attributes,
    }  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m connectors.woocommerce.twin", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed-file", type=Path)
    parser.add_argument("--state-dir", type=Path)
    parser.add_argument("--cron-s", type=float, default=2.0, help="how often the webhook queue runs")
    parser.add_argument("--timezone", default="Europe/Berlin")
    parser.add_argument("--home", default=None, help="the shop's configured home address")
    parser.add_argument("--plain-http", action="store_true", help="a shop that knows it is not on HTTPS")
    parser.add_argument("--key", default=os.environ.get("WOO_TWIN_KEY", KEY))
    parser.add_argument("--secret", default=os.environ.get("WOO_TWIN_SECRET", SECRET))
    parser.add_argument("--random-seed", type=int, default=0)
    options = parser.parse_args(argv)
    twin = WooTwin(
        key=options.key, secret=options.secret, state_dir=options.state_dir, home=options.home,
        timezone=options.timezone, https=not options.plain_http, cron_s=options.cron_s,
        seed=options.random_seed,
    )  # fmt: skip
    if options.seed_file is not None:
        twin.seed(json.loads(options.seed_file.read_text(encoding="utf-8")))
    return run_until_signalled(twin, name="woocommerce", host=options.host, port=options.port)


if __name__ == "__main__":
    sys.exit(main())
