"""The till twin: stores and a stockroom that speak the till's wire contract with books of their own.

In a test: `with TillTwin(hook_url=...).serving() as twin: twin.url`. As a process: `python -m
connectors.till.twin --port 9102 --hook-url URL --seed-file FILE --state-dir DIR`. At its first start
with a dataset it counts every shelf, so the hub learns the opening stock through the front door.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.base.twinkit import (
    Books,
    Doc,
    FaultDoor,
    Faults,
    Request,
    Response,
    Twin,
    TwinClock,
    json_response,
    run_until_signalled,
)
from connectors.till.twin_books import TillBooks, plain
from connectors.till.twin_control import Control
from connectors.till.twin_goods import reading
from connectors.till.twin_outbox import Outbox

SECRET = "whsec_" + base64.b64encode(b"till-twin-signing-secret").decode()
TOKEN = "till-twin-token"  # noqa: S105 (a stand-in for tests; processes get theirs from outside)
MOST_EVENTS = 500


class TillTwin(Twin):
    """Tills and a stockroom of one retailer, with injectable faults.

    `more_secrets` sign beside the first, as during a rotation. Without `hook_url` events only wait.
    """

    def __init__(
        self,
        *,
        secret: str = SECRET,
        more_secrets: Sequence[str] = (),
        token: str = TOKEN,
        hook_url: str = "",
        now: Callable[[], datetime] | None = None,
        state_dir: Path | None = None,
        timezone: str = "Europe/Berlin",
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.books = Books(None if state_dir is None else state_dir / "till.sqlite3")
        self.clock, self.faults = TwinClock(now), Faults(seed)
        self.till = TillBooks(self.books, self.clock, ZoneInfo(timezone))
        self.outbox = Outbox(self.books, self.clock, self.faults, secrets=[secret, *more_secrets])
        if hook_url:
            self.outbox.point_to(hook_url)
        self.till.announce = self.outbox.queue
        self.token = token
        self.control = Control(self)
        self.door = FaultDoor(self.faults, self._vendor, self.clock.now)

    # ── acts ──

    def seed(self, doc: Doc) -> int:
        """Fill empty books from a dataset and count every shelf; return how many counts were written."""
        if self.till.stores():
            return 0
        packs = {
            item["sku"]: {pack["unit"]: str(pack["factor"]) for pack in item.get("packs", [])}
            for item in doc["items"]
        }
        names = {location["code"]: location["name"] for location in doc.get("locations", [])}
        sold = {row["item"]: row["external_id"] for row in doc["till"]["items"]}
        with self.books.transaction():
            for store in doc["till"]["stores"]:
                code = store["location"]
                self.till.add_store(store["external_id"], names.get(code, code), code)
            for row in doc["till"]["items"]:
                units = packs.get(row["item"], {})
                self.till.add_item(row["external_id"], row["name"], row.get("gtin", ""), row["unit"], units)
            self.books.put("setting", "catalog", _catalog(doc, sold))
            places = {store["location"]: store["external_id"] for store in doc["till"]["stores"]}
            opening = [row for row in doc["stock"] if row["location"] in places and row["sku"] in sold]
            for row in opening:
                line = {"sku": sold[row["sku"]], "quantity": row["quantity"]}
                self.till.write("count", places[row["location"]], [line])
        return len(opening)

    def transfer(self, store: str, to_store: str, lines: list[Doc], *, arrives_in_s: float = 0) -> Doc:
        """Send goods from one store to another; the other reports its own receipt when they arrive."""
        with self.books.transaction():
            if self.books.get("store", to_store) is None:
                raise KeyError(to_store)
            event = self.till.write("transfer", store, lines, to_store=to_store)
            due = self.clock.now().timestamp() + arrives_in_s
            on_the_way = {
                "number": event["document"]["number"],
                "to_store": to_store,
                "due": due,
                "lines": lines,
            }
            self.books.put("transit", event["id"], {"id": event["id"], **on_the_way})
        if arrives_in_s <= 0:
            self._arrive()
        return event

    def tick(self) -> None:
        self.door.land_due()
        self._arrive()
        self.outbox.send_due()

    def close(self) -> None:
        self.books.close()

    def _arrive(self) -> None:
        now = self.clock.now().timestamp()
        with self.books.transaction():
            for parcel in [row for row in self.books.all("transit") if row["due"] <= now]:
                document = {"kind": "transfer", "number": parcel["number"]}
                self.till.write("receipt", parcel["to_store"], parcel["lines"], document=document)
                self.books.drop("transit", parcel["id"])

    # ── requests ──

    def answer(self, request: Request) -> Response:
        if request.path.startswith("/_twin/"):
            return self.control.answer(request)
        return self.door(request)

    def _vendor(self, request: Request) -> Response:
        offered = request.headers.get("authorization", "")
        right = hmac.compare_digest(offered.encode(), f"Bearer {self.token}".encode())
        if not right or self.faults.take("auth_revoked"):
            return json_response(401, {"error": "unauthorized"})
        if request.method != "GET":
            return json_response(405, {"error": "method not allowed"})
        with self.books.lock:
            match request.path:
                case "/v1/events":
                    return self._events(request.query)
                case "/v1/stock":
                    return self._stock(request.query)
                case "/v1/stores":
                    stores = [{"id": store["id"], "name": store["name"]} for store in self.till.stores()]
                    return json_response(200, {"stores": stores})
                case "/v1/items":
                    return self._items(request.query)
                case "/v1/snapshot":
                    known = {item["sku"] for item in self.till.items()}
                    sku = request.query.get("item", "")
                    if sku not in known:
                        return json_response(404, {"error": f"no item {sku!r}"})
                    return json_response(200, reading(self.till, [sku]))
        return json_response(404, {"error": "not found"})

    def _events(self, query: dict[str, str]) -> Response:
        store = query.get("store", "")
        if self.books.get("store", store) is None:
            return json_response(404, {"error": f"no store {store!r}"})
        after, limit = _number(query, "after_sequence", 0), _number(query, "limit", MOST_EVENTS)
        if after is None or not limit:
            return json_response(400, {"error": "after_sequence and limit are numbers"})
        events = self.till.events(store)
        page = events[after : after + min(limit, MOST_EVENTS)]
        more = after + len(page) < len(events)
        return json_response(
            200,
            {
                "events": page,
                "last_sequence": len(events),
                "next_after": page[-1]["sequence"] if page and more else None,
            },
        )

    def _stock(self, query: dict[str, str]) -> Response:
        store = query.get("store", "")
        if self.books.get("store", store) is None:
            return json_response(404, {"error": f"no store {store!r}"})
        levels = self.till.levels(store)
        return json_response(
            200,
            {
                "as_of_sequence": self.till.last_sequence(store),
                "time": self.clock.now().astimezone(self.till.zone).isoformat(),
                "items": [{"sku": sku, "on_hand": plain(levels[sku])} for sku in sorted(levels)],
            },
        )

    def _items(self, query: dict[str, str]) -> Response:
        limit = _number(query, "limit", 100)
        if not limit:
            return json_response(400, {"error": "limit is a number"})
        after = query.get("after", "")
        left = [item for item in self.till.items() if item["sku"] > after]
        page = [{name: item[name] for name in ("sku", "name", "gtin", "uom")} for item in left[:limit]]
        return json_response(
            200, {"items": page, "next_after": page[-1]["sku"] if len(left) > len(page) else None}
        )


def _number(query: dict[str, str], name: str, default: int) -> int | None:
    text = query.get(name, str(default))
    return int(text) if text.isdigit() else None


def _catalog(doc: Doc, sold: dict[str, str]) -> Doc:
    """Return what the stockroom knows of the web shop's products: what to take from the shelf for one.

    Keys are the shop's product ids; an unmapped product has no lines.
    """
    items = {item["sku"]: item for item in doc["items"]}
    picks: dict[str, list[Doc]] = {}
    packs = {
        sold[item["sku"]]: {pack["unit"]: str(pack["factor"]) for pack in item["packs"]}
        for item in doc["items"]
        if item.get("packs") and item["sku"] in sold
    }
    for product in doc.get("woo", {}).get("products", []):
        item = items.get(product.get("item") or "")
        if item is None:
            continue
        parts = item.get("components") or [] if item.get("kind") == "kit" else None
        factor = str(product.get("factor") or "1")
        lines = [{"sku": item["sku"], "quantity": factor}] if parts is None else parts
        picks[str(product["id"])] = [
            {"sku": sold[line["sku"]], "quantity": str(line["quantity"])}
            for line in lines
            if line["sku"] in sold
        ]
    return {"picks": picks, "packs": packs, "sells_from": doc.get("woo", {}).get("sells_from", [])}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m connectors.till.twin", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--hook-url", default=os.environ.get("TILL_TWIN_HOOK_URL", ""))
    parser.add_argument("--seed-file", type=Path)
    parser.add_argument("--state-dir", type=Path)
    parser.add_argument("--timezone", default="Europe/Berlin")
    parser.add_argument("--secret", default=os.environ.get("TILL_TWIN_SECRET", SECRET))
    parser.add_argument("--token", default=os.environ.get("TILL_TWIN_TOKEN", TOKEN))
    parser.add_argument("--random-seed", type=int, default=0)
    options = parser.parse_args(argv)
    twin = TillTwin(
        secret=options.secret, token=options.token, hook_url=options.hook_url, state_dir=options.state_dir,
        timezone=options.timezone, seed=options.random_seed,
    )  # fmt: skip
    if options.seed_file is not None:
        twin.seed(json.loads(options.seed_file.read_text(encoding="utf-8")))
    return run_until_signalled(twin, name="till", host=options.host, port=options.port)


if __name__ == "__main__":
    sys.exit(main())
