"""A shop like WooCommerce's, with its own figures and its own will.

It lowers its figure when it sells, in one step with the order; takes absolute writes, the last one wins;
stamps changes in whole seconds; hides a new version of an order from pulls for some seconds; deletes orders
without a word. It knows nothing of the hub. What it does is told to `hooks`, which may lose it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

COMMITTED, UNPAID, SHIPPED, CANCELLED, RELEASED = "committed", "unpaid", "shipped", "cancelled", "released"
TAKES = {COMMITTED, SHIPPED}
VISIBLE_WITHIN_S = 6


@dataclass(slots=True)
class Line:
    ref: str
    quantity: int


@dataclass(slots=True)
class Order:
    """One order; `taken` is what it took from the shop's own figures."""

    id: int
    status: str
    lines: dict[str, Line]
    placed_s: float
    hold_minutes: int = 0
    stamp: int = 0
    gone: bool = False
    taken: dict[str, int] = field(default_factory=dict)
    versions: list[tuple[float, int, dict[str, Any]]] = field(default_factory=list)

    def body(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "stamp": self.stamp,
            "status": self.status,
            "placed_s": self.placed_s,
            "hold_minutes": self.hold_minutes,
            "lines": [
                {"id": name, "ref": line.ref, "quantity": line.quantity}
                for name, line in sorted(self.lines.items())
            ],
        }


@dataclass(frozen=True, slots=True)
class Sale:
    """A change of the shop's own figure by an order: who made it, when, by how much it fell."""

    at_s: float
    ref: str
    quantity: int
    order_id: int
    stamp: int


@dataclass(frozen=True, slots=True)
class Landed:
    """A write that arrived."""

    at_s: float
    ref: str
    figure: int
    before: int
    key: str
    late: bool


@dataclass(slots=True)
class Shop:
    """`now` is virtual seconds; `hides` draws for how long a new version stays hidden from pulls."""

    now: Callable[[], float]
    hides: Callable[[], float]
    hook: Callable[[str, str], None]
    figures: dict[str, int] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    landed: list[Landed] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)
    read_at_s: dict[str, float] = field(default_factory=dict)  # when a figure was last read
    typed_at_s: dict[str, float] = field(default_factory=dict)  # when somebody last typed one in

    # ── customers and staff ──────────────────────────────────────────────────────────────────────────
    def place(
        self, wants: list[tuple[str, int]], *, status: str = COMMITTED, hold_minutes: int = 0
    ) -> int | None:
        """Sell, if the figures allow it; the same article may stand in two lines."""
        for ref in {ref for ref, _ in wants}:
            if self.figures[ref] < sum(quantity for other, quantity in wants if other == ref):
                return None
        number = len(self.orders) + 1
        lines = {str(place): Line(ref, quantity) for place, (ref, quantity) in enumerate(wants, start=1)}
        order = Order(number, status, lines, placed_s=int(self.now()), hold_minutes=hold_minutes)
        self.orders[number] = order
        self._changed(order)
        return number

    def set_status(self, order: Order, status: str) -> None:
        order.status = status
        self._changed(order)

    def set_quantity(self, order: Order, line: str, quantity: int, *, restock: bool = True) -> None:
        """Edit or refund a line; without restock the shop's own figure stays as it is."""
        before = order.lines[line]
        order.lines[line] = Line(before.ref, quantity)
        if not restock and order.status in TAKES:
            order.taken[before.ref] += quantity - before.quantity
        self._changed(order)

    def delete(self, order: Order, *, announced: bool) -> None:
        """Delete for good: no restock, and an unannounced one leaves no trace at all."""
        order.gone = True
        order.versions.append((self.now() + self.hides(), -1, {}))
        if announced:
            self.hook("order.gone", str(order.id))

    def edit_figure(self, ref: str, figure: int) -> None:
        """Somebody types a number into the shop."""
        self.figures[ref] = figure
        self.typed_at_s[ref] = self.now()
        self.hook("figure", ref)

    # ── the wire ─────────────────────────────────────────────────────────────────────────────────────
    def write(self, ref: str, figure: int, key: str, *, late: bool) -> None:
        self.landed.append(Landed(self.now(), ref, figure, self.figures[ref], key, late))
        self.figures[ref] = figure
        self.hook("figure", ref)

    def seen_by_pulls(self) -> list[tuple[int, int, dict[str, Any]]]:
        """Return (stamp, id, body) of every order as pulls see it now."""
        found = []
        for order in self.orders.values():
            visible = [each for each in order.versions if each[0] <= self.now()]
            if visible and visible[-1][1] >= 0:
                found.append((visible[-1][1], order.id, visible[-1][2]))
        return sorted(found, key=lambda each: each[:2])

    def order_body(self, number: int) -> dict[str, Any] | None:
        order = self.orders.get(number)
        return None if order is None or order.gone else order.body()

    def figure_body(self, ref: str) -> bytes:
        return dump({"figures": {ref: self.figures[ref]}, "stamp": int(self.now())})

    def _changed(self, order: Order) -> None:
        now = self.now()
        order.stamp = int(now)
        wanted: dict[str, int] = {}
        if order.status in TAKES:
            for line in order.lines.values():
                wanted[line.ref] = wanted.get(line.ref, 0) + line.quantity
        for ref in sorted(wanted.keys() | order.taken.keys()):
            more = wanted.get(ref, 0) - order.taken.get(ref, 0)
            if more:
                self.figures[ref] -= more
                self.sales.append(Sale(now, ref, more, order.id, order.stamp))
                self.hook("figure", ref)
        order.taken = wanted
        # A later version never shows itself to pulls before an earlier one.
        visible = max(now + self.hides(), order.versions[-1][0] if order.versions else now)
        order.versions.append((visible, order.stamp, order.body()))
        self.hook("order", str(order.id))


def dump(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
