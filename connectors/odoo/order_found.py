"""Copies of orders as Odoo has them: found again, their lines and moves, and what that means.

A copy is found by what people may read and change (origin, customer reference) and believed by its external
id alone, which `get_external_id` tells to every user. One call reads orders, lines and moves together, so
what is open and what is delivered belong to the same moment. Does not write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.odoo.cells import ZERO, Row, is_id, number, objects, plain, ref, words
from connectors.odoo.naming import MODULE, LineName, OrderName, parse_line
from connectors.odoo.wire import Odoo
from inventory_sync.domain.commands import CopySeen, CopyState, OrderCopy, SeenLine
from inventory_sync.domain.errors import RemoteRefused, RemoteUnavailable

DRAFTS = ("draft", "sent")
CANCELLED = "cancel"
CONFIRMED = ("sale", "done")
OVER = ("done", "cancel")
STEP = Decimal("0.000001")
MOVE_FIELDS = (
    "state",
    "product_id",
    "product_qty",
    "product_uom_qty",
    "quantity",
    "picking_id",
    "origin_returned_move_id",
    "move_dest_ids",
)
SPECIFICATION: Mapping[str, Any] = {
    "name": {},
    "state": {},
    "order_line": {
        "fields": {
            "product_id": {},
            "product_uom_qty": {},
            "qty_delivered": {},
            "move_ids": {
                "fields": {name: {} for name in MOVE_FIELDS}
                | {usage: {"fields": {"usage": {}}} for usage in ("location_id", "location_dest_id")}
            },
        }
    },
}


@dataclass(frozen=True, slots=True)
class FoundMove:
    """One stock move of a line. `demand` is in the product's unit, `written` and `moved` in the move's."""

    id: int
    state: str
    product: int
    demand: Decimal
    written: Decimal
    moved: Decimal
    picking: int
    source: str
    target: str
    stage: int
    returned: bool
    feeds: frozenset[int]

    @property
    def quantity(self) -> Decimal:
        """What is reserved or has left, in the product's unit."""
        if self.written in (ZERO, self.demand):
            return self.moved
        return rounded(self.moved * self.demand / self.written)

    def in_own_unit(self, demand: Decimal) -> Decimal:
        return demand if self.written == self.demand else rounded(demand * self.written / self.demand)

    @property
    def is_open(self) -> bool:
        """Open and outward; what comes back is another matter."""
        return self.state not in OVER and not self.returned and self.source != "customer"

    @property
    def is_delivered(self) -> bool:
        return self.state == "done" and not self.returned and self.target == "customer"


@dataclass(frozen=True, slots=True)
class FoundLine:
    id: int
    name: LineName
    product: int
    ordered: Decimal
    told_delivered: Decimal
    moves: tuple[FoundMove, ...]

    @property
    def is_kit(self) -> bool:
        """Whether Odoo takes it apart by itself: its moves then count components."""
        return any(move.product != self.product for move in self.moves)

    @property
    def delivered(self) -> Decimal:
        if self.is_kit:
            return max(self.told_delivered, ZERO)
        return sum((move.quantity for move in self.moves if move.is_delivered), ZERO)

    @property
    def excess(self) -> Decimal:
        """How much more is open than the line still wants."""
        return ZERO if self.is_kit else max(self.open - max(self.ordered - self.delivered, ZERO), ZERO)

    @property
    def open(self) -> Decimal:
        """What is still to leave. A move that feeds another of the line is the same goods on their way."""
        if self.is_kit:
            waiting = any(move.is_open for move in self.moves)
            return max(self.ordered - self.delivered, ZERO) if waiting else ZERO
        return sum((move.demand for move in self.last_moves), ZERO)

    @property
    def last_moves(self) -> tuple[FoundMove, ...]:
        """Return the open moves that feed no other open one of the line."""
        opened = {move.id for move in self.moves if move.is_open}
        return tuple(move for move in self.moves if move.id in opened and not move.feeds & opened)


@dataclass(frozen=True, slots=True)
class FoundOrder:
    """One copy; `lines` are ours only, by external id. What people added in Odoo is not looked at."""

    id: int
    document: str
    state: str
    lines: Mapping[str, FoundLine]

    @property
    def has_left(self) -> bool:
        """Whether all of it has left: something was delivered, nothing is open or short."""
        lines = self.lines.values()
        return any(line.delivered for line in lines) and all(
            not line.open and line.delivered >= line.ordered for line in lines
        )

    @property
    def has_excess(self) -> bool:
        """Whether Odoo would deliver more than its lines say: one fell and its moves did not follow."""
        return self.state in CONFIRMED and any(line.excess for line in self.lines.values())

    def seen(self) -> CopySeen:
        """Return it for the hub; what moves have too much counts as ordered, for it would leave."""
        lines = tuple(
            SeenLine(
                line.name.line_ref, line.name.item_ref, line.ordered + line.excess, line.open, line.delivered
            )
            for line in self.lines.values()
        )
        return CopySeen(self.copy_state(), self.document, lines)

    def copy_state(self) -> CopyState:
        if self.state in DRAFTS:
            return CopyState.DRAFT
        if self.state == CANCELLED:
            return CopyState.CANCELLED
        return CopyState.DONE if self.has_left else CopyState.CONFIRMED


def rounded(quantity: Decimal) -> Decimal:
    return plain(quantity.quantize(STEP))


def name_of(copy: OrderCopy) -> OrderName:
    return OrderName(copy.source, copy.order_ref, copy.location_ref)


def origin_of(name: OrderName) -> str:
    """Return what the source document of a copy says: readable, and exact enough to search by."""
    return f"{name.source}/{name.order_ref}/{name.place}"


def find(odoo: Odoo, copies: Sequence[OrderCopy]) -> dict[OrderName, FoundOrder]:
    """Return those of the copies that Odoo has. Two that share a number or an origin are told apart."""
    if not copies:
        return {}
    names = {name_of(copy).external_id(): name_of(copy) for copy in copies}
    domain: list[Any] = [("origin", "in", sorted({origin_of(name) for name in names.values()}))]
    if numbers := sorted({copy.number for copy in copies if copy.number}):
        domain = ["|", *domain, ("client_order_ref", "in", numbers)]
    records = odoo.rows(
        "sale.order", "web_search_read", domain=domain, specification=SPECIFICATION, order="id"
    )
    order_names = external_ids(odoo, "sale.order", (row["id"] for row in records))
    ours = [row for row in records if order_names.get(row["id"]) in names]
    line_ids = [line["id"] for row in ours for line in objects(row, "order_line")]
    line_names = external_ids(odoo, "sale.order.line", line_ids)
    return {names[order_names[row["id"]]]: _order(row, line_names) for row in ours}


def external_ids(odoo: Odoo, model: str, ids: Iterable[int]) -> dict[int, str]:
    """Return the first external id of each record that has one; any user may ask for it."""
    wanted = list(ids)
    if not wanted:
        return {}
    try:
        told = odoo.ask(model, "get_external_id", ids=wanted)
    except RemoteRefused:
        return _kept_external_ids(odoo, model, wanted)
    if not isinstance(told, Mapping):
        raise RemoteUnavailable(f"Odoo answered {model}.get_external_id with something that names no ids.")
    return {int(key): str(value) for key, value in told.items() if value and str(key).isdigit()}


def _kept_external_ids(odoo: Odoo, model: str, ids: list[int]) -> dict[int, str]:
    """Return them from where they are kept, for a server that does not tell them otherwise."""
    domain = [["model", "=", model], ["res_id", "in", ids], ["module", "=", MODULE]]
    rows = odoo.rows("ir.model.data", "search_read", domain=domain, fields=["name", "res_id"], load=None)
    return {ref(row, "res_id"): f"{MODULE}.{row.get('name')}" for row in rows}


def _order(row: Row, line_names: Mapping[int, str]) -> FoundOrder:
    lines: dict[str, FoundLine] = {}
    for line in objects(row, "order_line"):
        external_id = line_names.get(line["id"], "")
        if name := parse_line(external_id):
            lines[external_id] = _line(line, name)
    return FoundOrder(row["id"], words(row, "name"), words(row, "state"), lines)


def _line(row: Row, name: LineName) -> FoundLine:
    return FoundLine(
        id=row["id"],
        name=name,
        product=ref(row, "product_id"),
        ordered=number(row, "product_uom_qty"),
        told_delivered=number(row, "qty_delivered"),
        moves=tuple(_move(move) for move in objects(row, "move_ids")),
    )


def _move(row: Row) -> FoundMove:
    return FoundMove(
        id=row["id"],
        state=words(row, "state"),
        product=ref(row, "product_id"),
        demand=number(row, "product_qty"),
        written=number(row, "product_uom_qty"),
        moved=number(row, "quantity"),
        picking=ref(row, "picking_id"),
        source=_usage(row, "location_id"),
        target=_usage(row, "location_dest_id"),
        stage=ref(row, "location_dest_id"),
        returned=bool(ref(row, "origin_returned_move_id")),
        feeds=frozenset(one for one in row.get("move_dest_ids") or () if is_id(one)),
    )


def _usage(row: Row, name: str) -> str:
    location = row.get(name)
    return words(location, "usage") if isinstance(location, Mapping) else ""
