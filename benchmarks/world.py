"""The world both sides are given: items, stores, names, and the raw deliveries, from a seed and a count.

Pure. The bodies are the recording of a WooCommerce order and the till contract's own example, varied
deterministically: other article, quantity, document and time, one line each, so one event each.
"""

from __future__ import annotations

import json
import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORDING = ROOT / "tests/connectors/woocommerce/payloads/webhook-order-created.json"

WAREHOUSE = "WAREHOUSE"
STORES = ("STORE-1", "STORE-2", "STORE-3", "STORE-4")
TILL, SHOP = "till", "shop"
TILL_SECRET, SHOP_SECRET = "whsec_" + "A" * 32, "w" * 24
NAIVE_SECRETS = {TILL: "t" * 24, SHOP: SHOP_SECRET}
OPENING = 1_000_000
BUFFER = 2


@dataclass(frozen=True, slots=True)
class Size:
    """How large the world is: items in the warehouse and shop, of which the first are in stores, and kits."""

    items: int = 100_000
    in_stores: int = 5_000
    kits: int = 2_000
    parts_of_a_kit: int = 3

    @property
    def stocked(self) -> int:
        return self.items - self.kits


def sku(number: int) -> str:
    """Return the SKU of item `number`, from 1; the till calls it the same."""
    return f"SKU-{number:06d}"


def listing(number: int) -> str:
    """Return what the shop's connector calls item `number`."""
    return f"product:{number}"


def parts_of(kit: int, size: Size) -> list[int]:
    """Return the numbers of the items a kit is made of; kits are the last numbers."""
    first = (kit * size.parts_of_a_kit) % (size.stocked - size.parts_of_a_kit)
    return [first + nth for nth in range(1, size.parts_of_a_kit + 1)]


@dataclass(frozen=True, slots=True)
class Raw:
    """One raw delivery as its sender made it."""

    sender: str
    topic: str
    object_key: str
    key: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """What one till delivery says, parsed: the start of `apply`."""

    key: str
    number: int
    store: str
    quantity: int
    at: datetime
    sequence: int
    reference: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order as its shop sends it, and the one item in it."""

    number: int
    raw: Raw


def choose(count: int, among: int, *, seed: int, zipf: float = 0.0) -> list[int]:
    """Return `count` item numbers out of the first `among`: uniform, or by Zipf's law with this exponent."""
    chance = random.Random(seed)
    if not zipf:
        return [chance.randrange(among) + 1 for _ in range(count)]
    heights = _heights(among, zipf)
    return [bisect_left(heights, chance.random() * heights[-1]) + 1 for _ in range(count)]


@cache
def _heights(among: int, exponent: float) -> Sequence[float]:
    return list(accumulate(1 / rank**exponent for rank in range(1, among + 1)))


def changes(
    count: int,
    size: Size,
    *,
    seed: int,
    now: datetime,
    zipf: float = 0.0,
    first: int = 0,
    everywhere: bool = False,
) -> list[Change]:
    """Return till sales and receipts, `first` onwards; the same arguments, the same changes.

    Of the items that are in stores there, or with `everywhere` of every stocked one in the warehouse.
    """
    chance = random.Random(f"changes {seed} {first}")
    began = now.astimezone(UTC).replace(microsecond=0) - timedelta(hours=2)
    found = []
    among = size.stocked if everywhere else size.in_stores
    for nth, number in enumerate(choose(count, among, seed=seed * 7919 + first, zipf=zipf), first):
        quantity = chance.randint(1, 5)
        found.append(
            Change(
                key=f"T{seed}-{nth:08d}",
                number=number,
                store=WAREHOUSE if everywhere else STORES[number % len(STORES)],
                quantity=quantity if nth % 10 == 9 else -quantity,
                at=began + timedelta(milliseconds=50 * nth) if nth < 100_000 else began,
                sequence=nth + 1,
                reference=f"R-{seed}-{nth // 3}",
            )
        )
    return found


def sales(
    count: int, among: int, *, seed: int, now: datetime, zipf: float = 0.0, first: int = 0
) -> list[Change]:
    """Return till sales of one unit each in the warehouse, which the shop sells from: a new figure each."""
    at = now.astimezone(UTC).replace(microsecond=0)
    return [
        Change(
            key=f"S{seed}-{nth:08d}", number=number, store=WAREHOUSE, quantity=-1, at=at, sequence=nth + 1,
            reference=f"S-{seed}-{nth}",
        )
        for nth, number in enumerate(choose(count, among, seed=seed * 7919 + first, zipf=zipf), first)
    ]  # fmt: skip


def orders(
    count: int, among: int, *, seed: int, now: datetime, zipf: float = 0.0, first: int = 0
) -> list[Ordered]:
    """Return the recorded shop order `count` times, each of one unit of one of the first items."""
    placed = now.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    chosen = choose(count, among, seed=seed * 104_729 + first, zipf=zipf)
    return [
        Ordered(number, shop_body(nth, number, 1, placed, seed)) for nth, number in enumerate(chosen, first)
    ]


def deliveries(count: int, size: Size, *, seed: int, now: datetime, first: int = 0) -> list[Raw]:
    """Return raw deliveries, half from the tills and half from the shop, mixed."""
    tills = [till_body(change) for change in changes((count + 1) // 2, size, seed=seed, now=now, first=first)]
    chance = random.Random(f"orders {seed} {first}")
    placed = now.astimezone(UTC).replace(microsecond=0, tzinfo=None) - timedelta(hours=1)
    orders = [
        shop_body(first + nth, chance.randrange(size.in_stores) + 1, chance.randint(1, 3), placed, seed)
        for nth in range(count // 2)
    ]
    mixed = [*tills, *orders]
    chance.shuffle(mixed)
    return mixed


def till_body(*lines: Change) -> Raw:
    """Return one till event as the contract writes it; of several lines the first names the event."""
    head = lines[0]
    kind = "receipt" if head.quantity > 0 else "sale"
    document = {
        "id": head.key,
        "type": kind,
        "store": head.store,
        "sequence": head.sequence,
        "time": head.at.isoformat(),
        "session": f"{head.store}/{head.at:%Y-%m-%d}",
        "document": {"kind": "receipt", "number": head.reference},
        "lines": [
            {"line": nth, "sku": sku(line.number), "uom": "C62", "quantity": str(abs(line.quantity))}
            for nth, line in enumerate(lines, 1)
        ],
    }
    headers = {"content-type": "application/json", "webhook-id": head.key}
    return Raw(TILL, kind, f"store:{head.store}", head.key, headers, json.dumps(document).encode())


def shop_body(nth: int, number: int, quantity: int, placed: datetime, seed: int) -> Raw:
    """Return the recorded order with another id, article, quantity and time."""
    order = seed % 1000 * 10_000_000 + nth + 1
    stamp = placed.isoformat()
    body = _template()
    for mark, value in (
        ("@ORDER@", str(order)),
        ("@LINE@", str(order)),
        ("@PRODUCT@", str(number)),
        ("@QUANTITY@", str(quantity)),
        ("@STAMP@", stamp),
        ("@SKU@", sku(number)),
    ):
        body = body.replace(mark, value)
    headers = {
        "content-type": "application/json",
        "x-wc-webhook-id": "21",
        "x-wc-webhook-topic": "order.created",
        "x-wc-webhook-resource": "order",
        "x-wc-webhook-event": "created",
        "x-wc-webhook-delivery-id": f"{order:032x}",
    }
    return Raw(SHOP, "order.created", f"order:{order}", f"21:{order}", headers, body.encode())


@cache
def _template() -> str:
    """Return the recorded body with marks where deliveries differ."""
    body = json.loads(RECORDING.read_text(encoding="utf-8"))["request"]["body"]
    line = body["line_items"][0]
    body["line_items"] = [line]
    body |= {"id": "@ORDER@", "number": "@ORDER@"}
    line |= {"id": "@LINE@", "product_id": "@PRODUCT@", "quantity": "@QUANTITY@", "sku": "@SKU@"}
    for name in ("date_created_gmt", "date_modified_gmt", "date_paid_gmt"):
        body[name] = "@STAMP@"
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    text = text.replace('"id":"@ORDER@"', '"id":@ORDER@')
    for mark in ("LINE", "PRODUCT", "QUANTITY"):
        text = text.replace(f'"@{mark}@"', f"@{mark}@")
    return text
