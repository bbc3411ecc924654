"""The documents behind a term: movements, order lines, the ruling report, the policy that was in force.

What the documents of a sum do not tell (older movements, what came while the figure was computed) is a
document too, so that they always add up to their term.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from inventory_sync.availability.steps import OF_POLICY
from inventory_sync.domain.reports import plain
from inventory_sync.ledger import history
from inventory_sync.ledger.history import Owed, Ruling
from inventory_sync.pipeline.explain.declared import (
    allotment_documents,
    incoming_documents,
    policy_document,
)
from inventory_sync.pipeline.explain.types import ZERO, Document

LISTED = 20
MOVEMENT_KINDS = {
    "sale": "Sale",
    "shipment": "Shipment",
    "return": "Return",
    "receipt": "Receipt",
    "transfer_out": "Transfer out",
    "transfer_in": "Transfer in",
    "adjustment": "Adjustment",
    "scrap": "Scrap",
    "count": "Difference found by a count",
    "figure": "Difference of two book figures",
    "absorption": "Already in a later count",
    "correction": "Correction of an earlier report",
    "delta": "Movement",
}
OF_AUTHORITY = frozenset({"unavailable", "reserved_by_authority", "unassigned_at_authority"})
OF_DOUBT = frozenset({"unknown", "may_not_rise", "last_pack_kept", "last_published", "stop_selling"})


class Papers:
    """The documents of one item (and its components) on one channel at one moment, read when asked for."""

    def __init__(
        self,
        *,
        items: Mapping[str, int],
        places: Mapping[str, int],
        moment: datetime | None,
        connection_id: int | None = None,
        item_id: int | None = None,
        policy_version: int = 0,
        channel: str = "",
        computed_at: datetime | None = None,
    ) -> None:
        self._items, self._places, self._moment = items, places, moment
        self._connection_id, self._item_id, self._policy_version = connection_id, item_id, policy_version
        self._channel, self._now = channel, computed_at
        self._balances: dict[tuple[int, int], Decimal] | None = None
        self._owed: dict[tuple[int, int], list[Owed]] | None = None
        self._rulings: dict[tuple[int, int], Ruling | None] = {}
        self._policy: Document | None = None

    def of(self, name: str, quantity: Decimal, *, sku: str, location: str) -> tuple[Document, ...]:
        """Return what stands behind one term."""
        key = self._key(sku, location)
        if key is not None and name == "on_hand":
            return self.movements(key, quantity)
        if key is not None and name == "open_demand":
            return self.lines(key, quantity)
        if key is not None and name == "movable_shortage":
            return tuple(_order_line(each, None) for each in self.owed_at(key)[:LISTED])
        if key is not None and (name in OF_AUTHORITY or (name in OF_DOUBT and location)):
            return self._ruling_of(key)
        if name in OF_POLICY:
            policy = self.policy()
            return (policy,) if policy else ()
        return self._declared(name, self._items.get(sku))

    def balance(self, key: tuple[int, int]) -> Decimal:
        if self._balances is None:
            self._balances = history.balances(set(self._items.values()), moment=self._moment)
        return self._balances.get(key, ZERO)

    def owed_at(self, key: tuple[int, int]) -> list[Owed]:
        if self._owed is None:
            self._owed = defaultdict(list)
            for each in history.owed(set(self._items.values()), moment=self._moment):
                self._owed[each.item_id, each.location_id].append(each)
        return self._owed.get(key, [])

    def ruling(self, key: tuple[int, int]) -> Ruling | None:
        if key not in self._rulings:
            self._rulings[key] = history.ruling_report(*key, moment=self._moment)
        return self._rulings[key]

    def movements(self, key: tuple[int, int], quantity: Decimal) -> tuple[Document, ...]:
        """Return the newest movements, what was there before them, and what the figure does not hold yet."""
        lines = history.lines_of(*key, moment=self._moment, limit=LISTED)
        found = [
            Document(
                "movement",
                " ".join(part for part in (MOVEMENT_KINDS.get(line.kind, line.kind), line.reference) if part),
                line.quantity,
                at=line.occurred_at,
                recorded_at=line.recorded_at,
                detail=_said_by(line.connection, line.delivery_id, line.event_key),
                model="ledger_movement",
                pk=line.id,
                correlation_id=line.correlation_id,
            )
            for line in lines
        ]
        balance = self.balance(key)
        if before := balance - sum((line.quantity for line in lines), ZERO):
            found.append(Document("carried", "All movements before these", before))
        if newer := quantity - balance:
            found.append(Document("newer", "Recorded while the figure was computed, not in it", newer))
        return tuple(found)

    def lines(self, key: tuple[int, int], quantity: Decimal) -> tuple[Document, ...]:
        """Return the order lines that are subtracted, the largest first."""
        owed = sorted(self.owed_at(key), key=lambda each: (-each.open, each.reservation_id))
        found = [_order_line(each, -each.open) for each in owed[:LISTED]]
        if rest := sum((each.open for each in owed[LISTED:]), ZERO):
            found.append(Document("carried", f"{len(owed) - LISTED} more order lines", -rest))
        if other := quantity + sum((each.open for each in owed), ZERO):
            found.append(Document("newer", "Changed since the figure was computed", other))
        return tuple(found)

    def policy(self) -> Document | None:
        """Return the policy in force, with who set it so and why, from the audit."""
        if self._policy is None and self._connection_id is not None:
            self._policy = policy_document(
                self._connection_id, self._item_id, self._policy_version, moment=self._moment
            )
        return self._policy

    def _declared(self, name: str, item_id: int | None) -> tuple[Document, ...]:
        if item_id is None or self._now is None:
            return ()
        kind, _, channel = name.partition(":")
        if kind in ("allotted", "own_allotment"):
            return allotment_documents(item_id, channel or self._channel, moment=self._now)
        if name in ("incoming", "preorder_allowance") and self._moment is None:
            return incoming_documents(item_id)
        return ()

    def _ruling_of(self, key: tuple[int, int]) -> tuple[Document, ...]:
        found = self.ruling(key)
        return (ruling_document(found),) if found else ()

    def _key(self, sku: str, location: str) -> tuple[int, int] | None:
        if sku not in self._items or location not in self._places:
            return None
        return self._items[sku], self._places[location]


def ruling_document(ruling: Ruling) -> Document:
    """Return the count or book figure in words; it decides, it adds nothing."""
    if ruling.kind == "figure":
        title = f"Book figure {plain(ruling.quantity)}, reading {ruling.reading}"
    else:
        title = f"Shelf count: {plain(ruling.quantity)} found"
    return Document(
        "reading" if ruling.kind == "figure" else "count",
        title,
        at=ruling.occurred_at,
        recorded_at=ruling.recorded_at,
        detail=_said_by(ruling.connection, ruling.delivery_id, ruling.reference or ruling.key),
        model="intake_delivery" if ruling.delivery_id else "",
        pk=ruling.delivery_id,
        correlation_id=ruling.correlation_id,
    )


def _order_line(owed: Owed, quantity: Decimal | None) -> Document:
    held = f", {plain(owed.contained)} of it in the books" if owed.contained else ""
    return Document(
        "order_line",
        f"{owed.connection} order {owed.order}, line {owed.line}",
        quantity,
        at=owed.since,
        detail=f"owes {plain(owed.quantity)}{held}" + (f" · {owed.reason}" if owed.reason else ""),
        state=owed.state,
        model="ledger_order",
        pk=owed.order_id,
        correlation_id=owed.correlation_id,
    )


def _said_by(connection: str, delivery_id: int | None, what: str) -> str:
    delivery = f"delivery {delivery_id}" if delivery_id else ""
    return " · ".join(part for part in (connection, delivery, what) if part)
