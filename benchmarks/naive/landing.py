"""The naive side of landing: a picking for each change, created and validated by itself."""

from __future__ import annotations

import json
import time
import urllib.request
from collections import defaultdict
from decimal import Decimal
from functools import partial
from typing import Any

DATABASE, LOGIN, KEY = "odoo", "syncbot", "5ca1ab1e0ddba11c0ffee0facade0decade0f00d"  # the twin's


def land(url: str, products: dict[str, int], changes: int, first: int) -> dict[str, Any]:
    """Book so many changes, one after the other; returns the seconds, and what was meant by item."""
    codes = list(products)
    version = int(_service(url, "common", "version", [])["server_serie"].split(".")[0])
    uid = _service(url, "common", "authenticate", [DATABASE, LOGIN, KEY, {}])
    do = partial(_do, url, uid)
    house = do("stock.warehouse", "search_read", [[]], fields=["lot_stock_id", "in_type_id", "out_type_id"])[
        0
    ]
    stock = house["lot_stock_id"][0]
    ends = {
        usage: do("stock.location", "search", [[["usage", "=", usage]]], limit=1)[0]
        for usage in ("customer", "supplier")
    }
    meant: dict[str, Decimal] = defaultdict(Decimal)
    began = time.perf_counter()
    for nth in range(changes):
        code = codes[nth % len(codes)]
        arrives = nth % 3 == 2
        source, destination = (ends["supplier"], stock) if arrives else (stock, ends["customer"])
        quantity = 3 if arrives else 1
        move = {
            "product_id": products[code], "product_uom_qty": quantity, "quantity": quantity, "picked": True,
            "location_id": source, "location_dest_id": destination,
        }  # fmt: skip
        if version < 19:
            move["name"] = code
        picking = {
            "picking_type_id": house["in_type_id" if arrives else "out_type_id"][0], "location_id": source,
            "location_dest_id": destination, "origin": f"change {first + nth}", "move_ids": [[0, 0, move]],
        }  # fmt: skip
        ids = do("stock.picking", "create", [[picking]])
        do("stock.picking", "button_validate", [ids])
        meant[code] += quantity if arrives else -quantity
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "moved": {code: str(quantity) for code, quantity in meant.items()}}


def _do(url: str, uid: int, model: str, method: str, args: list[Any], **named: Any) -> Any:
    return _service(url, "object", "execute_kw", [DATABASE, uid, KEY, model, method, args, named])


def _service(url: str, service: str, method: str, args: list[Any]) -> Any:
    params = {"service": service, "method": method, "args": args}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "call", "params": params}).encode()
    request = urllib.request.Request(f"{url}/jsonrpc", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=150) as answer:
        told = json.loads(answer.read())
    if "error" in told:
        raise RuntimeError(told["error"]["data"]["message"])
    return told.get("result")
