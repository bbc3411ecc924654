"""The hub's books beside the witnesses': what was acknowledged, what is there, what each shop shows."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from inventory_sync.cases.models import Case
from inventory_sync.connections.models import Cursor
from inventory_sync.intake.models import Delivery, ReadDue
from inventory_sync.ledger.models import Reservation, StockLevel
from inventory_sync.ledger.selectors import any_dirty, verify
from inventory_sync.propagation.models import Listing
from tests.chaos.ground import SKUS, Ground
from tests.chaos.journal import Doc
from tests.walks import retailer


@dataclass(slots=True)
class Compared:
    """What the hub has of all that it acknowledged, and where the books differ."""

    acknowledged: int = 0
    stored: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unapplied: list[str] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)
    cases: dict[str, int] = field(default_factory=dict)


def is_swept(since: datetime) -> bool:
    """Whether every stream was read once more after that."""
    return not Cursor.objects.exclude(swept_at__gt=since).exists()


def unrest(ground: Ground) -> list[str]:
    """Return what is still owed, in words; empty when all has converged."""
    found = []
    if ground.till.get("outbox")["owed"]:
        found.append("the till owes messages")
    found += [
        f"{code} owes messages" for code, shop in ground.shops.items() if shop.get("deliveries")["pending"]
    ]
    pending = Delivery.objects.filter(state=Delivery.State.PENDING).count()
    unsettled = Listing.objects.exclude(state=Listing.State.SETTLED)
    if pending:
        found.append(f"{pending} deliveries are pending")
    if any_dirty():
        found.append("items are dirty")
    if doubted := ReadDue.objects.count():
        found.append(f"{doubted} objects are to be read again")
    found += [f"{one} is {one.state} {one.error_code}" for one in unsettled.select_related("connection")[:10]]
    return found


def compare(ground: Ground, journals: dict[str, list[Doc]]) -> Compared:
    """Hold acknowledged messages, the till's book and the shops' figures against ours."""
    made = Compared()
    _compare_messages(made, journals)
    _compare_levels(made, ground)
    _compare_orders(made, ground)
    made.differs += [f"a level is not the sum of its movements: {one}" for one in verify()]
    made.states = dict(Counter(Delivery.objects.values_list("state", flat=True)))
    made.cases = dict(Counter(Case.objects.values_list("code", flat=True)))
    return made


def _compare_messages(made: Compared, journals: dict[str, list[Doc]]) -> None:
    had_case = set(Case.objects.filter(subject_kind="delivery").values_list("subject_id", flat=True))
    for code, lines in journals.items():
        rows = Delivery.objects.filter(connection__code=code).values_list(
            "id", "source", "state", "headers", "body"
        )
        stored: dict[str, list[tuple[int, str]]] = {}
        read: dict[str, list[tuple[int, str]]] = {}  # by a sweep, before its message came and was known
        for number, source, state, headers, body in rows.iterator():
            kept = stored if source == "webhook" else read
            kept.setdefault(_key(code, source, headers, bytes(body)), []).append((number, state))
        acknowledged = set(_acknowledged(code, lines))
        made.acknowledged += len(acknowledged)
        made.stored += sum(len(found) for found in stored.values())
        for key, found in sorted(stored.items()):
            if len(found) > 1:
                made.doubled.append(f"{code} {key}: {len(found)} times")
        for key in sorted(acknowledged):
            if key not in stored and key not in read:
                made.lost.append(f"{code} {key}")
            for number, state in (*stored.get(key, ()), *read.get(key, ())):
                if state != Delivery.State.DONE and str(number) not in had_case:
                    made.unapplied.append(f"{code} {key}: {state}, and no case")


def _acknowledged(code: str, lines: Iterable[Doc]) -> Iterable[str]:
    for line in lines:
        if code == "till" and line["what"] == "acked":
            yield str(line["key"])
        elif line["what"] == "sent" and 200 <= line["status"] < 300:
            yield f"{line['hook']}:{line['sha256']}"


def _key(code: str, source: str, headers: Doc, body: bytes) -> str:
    """Return what a sender knows a message by; a reading of a whole book has no such name."""
    if code == "till":
        return str(json.loads(body).get("id", source))
    lowered = {name.lower(): value for name, value in headers.items()}
    return f"{lowered.get('x-wc-webhook-id', '')}:{hashlib.sha256(body).hexdigest()}"


def _compare_levels(made: Compared, ground: Ground) -> None:
    stores = ground.till.get("book")["stores"]
    ours = {
        (row.location.code, row.item.sku): row.on_hand
        for row in StockLevel.objects.filter(item__sku__in=SKUS).select_related("location", "item")
    }
    for place in retailer.PLACES:
        for sku in SKUS:
            there = Decimal(stores[place]["on_hand"].get(sku, "0"))
            if ours.get((place, sku), Decimal(0)) != there:
                made.differs.append(
                    f"{place} {sku}: the till has {there}, the ledger {ours.get((place, sku))}"
                )


def _compare_orders(made: Compared, ground: Ground) -> None:
    owed: Counter[str] = Counter()
    lines = {}
    for code, shop in ground.shops.items():
        for order in shop.get("orders?status=processing")["orders"]:
            for line in order["lines"]:
                left = line["quantity"] - line["refunded"]
                if left > 0:
                    lines[code, str(order["id"]), str(line["id"])] = Decimal(left)
                    owed[line["sku"]] += left
    rows = Reservation.objects.filter(state__in=Reservation.OPEN, demand__gt=0).select_related(
        "order__connection"
    )
    ours = {
        (row.order.connection.code, row.order.order_ref, row.line_ref): row.demand - row.fulfilled
        for row in rows
    }
    for key in sorted(lines.keys() | ours.keys()):
        if lines.get(key) != ours.get(key):
            made.differs.append(f"order line {key}: the shop owes {lines.get(key)}, we hold {ours.get(key)}")
    stores = ground.till.get("book")["stores"]
    for code, shop in ground.shops.items():
        shown = {row["sku"]: row["stock_quantity"] for row in shop.get("book?history=0&orders=0")["products"]}
        for sku in SKUS:
            there = sum(Decimal(stores[place]["on_hand"].get(sku, "0")) for place in retailer.SOLD_FROM)
            right = max(0, int(there - owed[sku]))
            if int(shown[sku] or 0) != right:
                made.differs.append(f"{code} shows {shown[sku]} of {sku}, {right} may be sold")
