"""The till's books of what is there and cannot be sold, and a reading of them for whoever asks.

Reckoned from the store's own events each time: the last version of each document counts. Part of the twin.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

from connectors.base.twinkit import Doc
from connectors.till.twin_books import SIGNS, STAYS, TillBooks, plain

ZERO = Decimal(0)


def unavailable(till: TillBooks, store: str) -> dict[str, Decimal]:
    """Return per item what lies in a condition that keeps it from sale, without zeros."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for event in _effective(till, store):
        for line in event["lines"]:
            sums[line["sku"]] += _kept(till, event, line)
    return {sku: amount for sku, amount in sums.items() if amount}


def reading(till: TillBooks, skus: Sequence[str]) -> Doc:
    """Return one reading of whole items at every store, as GET /v1/snapshot answers it."""
    stores = [store["id"] for store in till.stores()]
    rows = [
        {
            "store": store, "sku": sku, "quantity": plain(till.on_hand(store, sku)),
            "unavailable": plain(unavailable(till, store).get(sku, ZERO)),
        }
        for store in stores
        for sku in skus
        if till.on_hand(store, sku)
    ]  # fmt: skip
    return {
        "time": till.clock.now().astimezone(till.zone).isoformat(),
        "extent": "complete",
        "stores": stores,
        "items": list(skus),
        "rows": rows,
    }


def _effective(till: TillBooks, store: str) -> Iterator[Doc]:
    """Yield the last version of every document that moves stock or changes its condition."""
    chosen: dict[str, Doc] = {}
    for event in till.events(store):
        if event["type"] in (*SIGNS, *STAYS):
            chosen[str(event.get("corrects") or event["id"])] = event
    yield from chosen.values()


def _kept(till: TillBooks, event: Doc, line: Doc) -> Decimal:
    quantity, kind = till.base_quantity(line), event["type"]
    if kind == "condition":
        return (quantity if line.get("condition") else ZERO) - (quantity if line.get("was") else ZERO)
    if kind == "disposition":
        return ZERO if line["disposition"] == "quarantine" else -quantity
    if kind == "receipt":
        return till.base_quantity({**line, "quantity": line.get("damaged", "0")})
    return quantity * SIGNS[kind] if line.get("condition") else ZERO
