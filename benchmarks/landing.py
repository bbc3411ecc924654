"""The measure of landing: stock changes of a store → booked in an Odoo that keeps a copy of it.

Against the twin of Odoo 18 or 19, with what calls cost on a real server (connectors/odoo/twin_timings.py).
Each side has a twin of its own. What Odoo's books show in the end is compared with what each side meant.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from statistics import median
from typing import Any

from benchmarks import world
from benchmarks.bench import Bench
from benchmarks.figures import Figure, of_pairs
from benchmarks.ground import settle
from benchmarks.sides import Failed, Running
from runner.servers import LOOPBACK, free_port

CHANGES = 400
NAIVE_CHANGES = 30
CHANGES_OF_ONE_ITEM = 10

Books = dict[str, Decimal]


def landing(bench: Bench, *, version: int) -> list[Figure]:
    """One writer a side: our batches, and the naive build's picking for each change."""
    changes, few = bench.effort.count(CHANGES, 20), bench.effort.count(NAIVE_CHANGES, 4)
    pairs: list[tuple[float, float]] = []
    summed: list[float] = []
    void = ""
    with _twin(bench, version, "ours", changes) as ours, _twin(bench, version, "naive", few) as naive:
        for nth in range(bench.effort.pairs):
            bench.reset()
            first = nth * 100_000
            theirs, other = _one(bench, naive, "naive", few, few, first=first)
            rates, unequal = [], [other]
            for items in (changes, max(1, changes // CHANGES_OF_ONE_ITEM)):
                settle()
                rate, differing = _one(bench, ours, f"ours {version}", changes, items, first=first)
                rates.append(rate)
                unequal.append(differing)
                first += changes
            void = void or next((words for words in unequal if words), "")
            pairs.append((rates[0], theirs))
            summed.append(rates[1])
            bench.say(
                f"  landing in {version}, {nth + 1}: {rates[0]:,.1f}/s, "
                f"ten of each item {rates[1]:,.1f}/s, naive {theirs:,.1f}/s"
            )
    return [
        of_pairs(
            f"landing_{version}", f"stock changes/s in Odoo {version}", pairs, void=void,
            details={
                f"{CHANGES_OF_ONE_ITEM}_changes_of_each_item": round(median(summed), 1),
                "final_stock": "equal to ours, read from Odoo's books",
                "odoo": "twin with the times of a real server",
            },
        )
    ]  # fmt: skip


def _one(bench: Bench, url: str, side: str, changes: int, items: int, *, first: int) -> tuple[float, str]:
    """Measure one side once; returns changes/s, and how Odoo's books differ from what was meant, or ""."""
    before = _stock(url)
    products = _products(url)
    if side == "naive":
        done = bench.naive.call("land", url=url, products=products, changes=changes, first=first)
    else:
        version = int(side.split()[1])
        done = bench.ours.call(
            "land", url=url, version=version, products=products, changes=changes, items=items, first=first
        )
    after = _stock(url)
    moved = {code: after.get(code, Decimal(0)) - before.get(code, Decimal(0)) for code in products}
    meant = {code: Decimal(done["moved"].get(code, "0")) for code in products}
    wrong = [code for code in products if moved[code] != meant[code]]
    if wrong:
        code = wrong[0]
        return (
            0.001,
            f"{side}: {code} moved by {moved[code]} in Odoo, by {meant[code]} here ({len(wrong)} differ)",
        )
    return changes / float(done["seconds"]), ""


@contextmanager
def _twin(bench: Bench, version: int, side: str, products: int) -> Iterator[str]:
    """Run a twin with so many products until the block ends, and yield its address."""
    port = free_port()
    command = [sys.executable, "-m", "connectors.odoo.twin", "--version", str(version)]
    name = f"odoo-{version}-of-{side}"
    server = Running(name, [*command, "--port", str(port), "--timings"], {}, bench.ground.logs)
    url = f"http://{LOOPBACK}:{port}"
    try:
        deadline = time.monotonic() + 60
        while not _answers(url):
            if server.popen.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{name} does not answer. The end of its log:\n{server.end_of_log()}")
            time.sleep(0.1)
        codes = [world.sku(number) for number in range(1, products + 1)]
        _control(url, "seed", {"products": [{"sku": code, "name": code} for code in codes]})
        yield url
    finally:
        server.stop()


def _answers(url: str) -> bool:
    try:
        _control(url, "requests")
    except OSError:
        return False
    return True


def _products(url: str) -> dict[str, int]:
    return {each["code"]: each["id"] for each in _control(url, "book")["products"]}


def _stock(url: str) -> Books:
    """Return what Odoo's own books say of each product, all its internal locations together."""
    levels = _control(url, "book")["levels"]
    return {
        code: sum((Decimal(str(place["on_hand"])) for place in places.values()), Decimal(0))
        for code, places in levels.items()
    }


def _control(url: str, name: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{url}/_twin/{name}", data), timeout=60) as answer:
        return json.loads(answer.read())
