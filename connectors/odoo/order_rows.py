"""What `load` is given for copies of orders: columns and rows. Pure.

An empty cell would write "nothing" into its field, so what exists and what is new go in tables of their own:
new orders with head and lines, new lines of known orders, and quantities of known lines alone, so that prices
and texts people have changed in Odoo stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from connectors.odoo import refs
from connectors.odoo.cells import ZERO, plain
from connectors.odoo.naming import LineName
from connectors.odoo.order_found import FoundOrder, name_of, origin_of
from inventory_sync.domain.commands import OrderCopy
from inventory_sync.domain.errors import Unsupported

Rows = list[list[str]]

HEAD = ("id", "partner_id/.id", "client_order_ref", "origin", "warehouse_id/.id")
NEW_LINE = ("order_line/id", "order_line/product_id/.id", "order_line/product_uom_qty")
NEW_ORDERS = (*HEAD, *NEW_LINE)
NEW_LINES = ("id", *NEW_LINE)
QUANTITIES = ("id", "order_line/id", "order_line/product_uom_qty")


@dataclass(frozen=True, slots=True)
class WantedLine:
    """One line to be written; `product` 0: it is there, only its quantity changes."""

    external_id: str
    quantity: Decimal
    product: int = 0
    label: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written for one copy; `found` is None for a new one."""

    copy: OrderCopy
    found: FoundOrder | None
    lines: tuple[WantedLine, ...]

    @property
    def external_id(self) -> str:
        return name_of(self.copy).external_id()

    @property
    def new_lines(self) -> tuple[WantedLine, ...]:
        return tuple(line for line in self.lines if line.product)

    @property
    def quantities(self) -> tuple[WantedLine, ...]:
        return tuple(line for line in self.lines if not line.product)


def change_of(copy: OrderCopy, found: FoundOrder | None) -> Change:
    """Return what is missing for Odoo to have the copy as wanted; raises Rejected for what cannot be kept.

    A line is never taken below what has left: Odoo refuses that, and nothing of it is open any more. Lines
    of ours that the copy does not name are wanted no more.
    """
    if refs.place_id(copy.location_ref)[0] != refs.WAREHOUSE:
        raise Unsupported("Odoo delivers orders from warehouses only; this place is outside all of them.")
    known = found.lines if found else {}
    wanted: dict[str, WantedLine] = {}
    for line in copy.lines:
        external_id = _line_name(copy, line.line_ref, line.item_ref).external_id()
        product = refs.product_id(line.item_ref)
        if line.quantity < 0:
            raise Unsupported(f"Line {line.line_ref} asks for less than nothing.")
        earlier = wanted[external_id].quantity if external_id in wanted else ZERO
        wanted[external_id] = WantedLine(external_id, earlier + line.quantity, product, line.label)
    for external_id in known:
        wanted.setdefault(external_id, WantedLine(external_id, ZERO))
    lines: list[WantedLine] = []
    for external_id, want in wanted.items():
        if there := known.get(external_id):
            quantity = max(want.quantity, there.delivered)
            if quantity != there.ordered:
                lines.append(WantedLine(external_id, quantity, 0, want.label))
        elif want.quantity:
            lines.append(want)
    return Change(copy, found, tuple(lines))


def _line_name(copy: OrderCopy, line_ref: str, item_ref: str) -> LineName:
    return LineName(copy.source, copy.order_ref, copy.location_ref, line_ref, item_ref)


def new_orders(changes: Sequence[Change], partner: int) -> Rows:
    """Return one row per line; the head stands in the first row of each order alone."""
    rows: Rows = []
    for change in changes:
        copy = change.copy
        warehouse = refs.place_id(copy.location_ref)[1]
        origin = origin_of(name_of(copy))
        head = [change.external_id, str(partner), copy.number or origin, origin, str(warehouse)]
        rows += _below(
            head, [[line.external_id, str(line.product), _text(line.quantity)] for line in change.lines]
        )
    return rows


def new_lines(changes: Sequence[Change]) -> Rows:
    rows: Rows = []
    for change in changes:
        lines = [[line.external_id, str(line.product), _text(line.quantity)] for line in change.new_lines]
        rows += _below([change.external_id], lines)
    return rows


def quantities(changes: Sequence[Change]) -> Rows:
    rows: Rows = []
    for change in changes:
        lines = [[line.external_id, _text(line.quantity)] for line in change.quantities]
        rows += _below([change.external_id], lines)
    return rows


def _below(head: list[str], lines: list[list[str]]) -> Rows:
    empty = [""] * len(head)
    return [(head if not number else empty) + line for number, line in enumerate(lines)]


def _text(quantity: Decimal) -> str:
    return format(plain(quantity), "f")
