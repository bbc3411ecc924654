"""What is written for one mirrored document, and whether one that is there says the same. Pure.

One picking per document, one move per product. `quantity` with `picked` skips Odoo's availability check on
purpose: the authority says that it happened, so the copy may go below zero rather than differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.odoo import refs
from connectors.odoo.cells import ZERO, Row, number, objects, plain, ref
from connectors.odoo.endpoints import Route
from connectors.odoo.goods import LotKey, Product
from inventory_sync.domain.commands import MirrorDocument
from inventory_sync.domain.errors import RemoteRefused

Content = dict[tuple[int, int, int, int], Decimal]
"""{(product, from, to, lot): quantity}; lot 0 for none."""

CONTENT: Mapping[str, Any] = {
    "name": {},
    "state": {},
    "move_ids": {
        "fields": {
            "state": {},
            "product_id": {},
            "quantity": {},
            "picked": {},
            "location_id": {},
            "location_dest_id": {},
            "move_line_ids": {"fields": {"quantity": {}, "lot_id": {}}},
        }
    },
}


@dataclass(frozen=True, slots=True)
class Booking:
    """A document with the ids of its products, lots and locations: everything a picking needs."""

    document: MirrorDocument
    route: Route
    content: Mapping[tuple[int, int, int, int], Decimal]

    @property
    def name(self) -> str:
        return self.document.name


def sums(document: MirrorDocument) -> dict[LotKey, Decimal]:
    """Return what the document moves, per product and name of the lot; raises Rejected for a bad line."""
    found: dict[LotKey, Decimal] = defaultdict(Decimal)
    for line in document.lines:
        if line.quantity <= 0:
            raise RemoteRefused(f"{line.quantity} of {line.item_ref} cannot be booked.")
        found[refs.product_id(line.item_ref), line.lot] += line.quantity
    if not found:
        raise RemoteRefused("The document has no lines.")
    return dict(found)


def check_goods(document: MirrorDocument, products: Mapping[int, Product], company: int) -> None:
    """Refuse what Odoo cannot book, or would book differently."""
    for (product_id, lot), quantity in sums(document).items():
        product = products.get(product_id)
        if product is None:
            raise RemoteRefused(f"Odoo has no product {product_id}, or keeps it for another company.")
        product.refuse_unless_kept(company)
        product.refuse_unless_exact(quantity)
        if product.tracked and not lot:
            raise RemoteRefused(
                f"Odoo tracks product {product.id} ({product.name}) by lot, and the movement names none."
            )
        if lot and not product.tracked:
            raise RemoteRefused(f"Odoo keeps no lots of product {product.id} ({product.name}).")


def booking_of(
    document: MirrorDocument, route: Route, products: Mapping[int, Product], lots: Mapping[LotKey, int]
) -> Booking:
    """Return the document in Odoo's ids. Raises Rejected for a lot that Odoo does not know."""
    content: Content = {}
    for (product_id, lot), quantity in sums(document).items():
        product = products[product_id]
        start, end = route.ends(product.loss)
        if not start or not end:
            raise RemoteRefused(f"Product {product.id} ({product.name}) has no inventory location in Odoo.")
        if lot and (product_id, lot) not in lots:
            raise RemoteRefused(f"Odoo knows no lot {lot!r} of product {product.id} ({product.name}).")
        content[product_id, start, end, lots.get((product_id, lot), 0)] = quantity
    return Booking(document, route, content)


def picking_of(booking: Booking, *, moves_have_names: bool) -> dict[str, Any]:
    """Return the values of the picking. 18 wants a text on every move, 19 has no such field."""
    moves: dict[tuple[int, int, int], dict[int, Decimal]] = defaultdict(dict)
    for (product, source, target, lot), quantity in booking.content.items():
        moves[product, source, target][lot] = quantity
    _, start, end = next(iter(moves))
    return {
        "name": booking.name,
        "origin": booking.document.note or booking.name,
        "picking_type_id": booking.route.operation,
        "location_id": start,
        "location_dest_id": end,
        "move_ids": [[0, 0, _move(booking.name, key, lots, moves_have_names)] for key, lots in moves.items()],
    }


def _move(
    name: str, key: tuple[int, int, int], lots: Mapping[int, Decimal], moves_have_names: bool
) -> dict[str, Any]:
    product, start, end = key
    ends = {"location_id": start, "location_dest_id": end}
    total = plain(sum(lots.values(), ZERO))
    values: dict[str, Any] = {"product_id": product, "product_uom_qty": total, "picked": True, **ends}
    if moves_have_names:
        values["name"] = name
    if list(lots) == [0]:
        return {**values, "quantity": total}
    lines = [
        {"product_id": product, "lot_id": lot, "quantity": plain(quantity), "picked": True, **ends}
        for lot, quantity in lots.items()
    ]
    return {**values, "move_line_ids": [[0, 0, line] for line in lines]}


def content_of(moves: Iterable[Row]) -> Content:
    """Return what a picking says, its cancelled moves apart."""
    found: Content = defaultdict(Decimal)
    for move in moves:
        if move.get("state") == "cancel":
            continue
        product, start, end = (ref(move, name) for name in ("product_id", "location_id", "location_dest_id"))
        for line in objects(move, "move_line_ids"):
            found[product, start, end, ref(line, "lot_id")] += number(line, "quantity")
    return {key: quantity for key, quantity in found.items() if quantity}


def says_the_same(booking: Booking, moves: Iterable[Row]) -> bool:
    """Whether a picking that is there would book exactly this document."""
    some = list(moves)
    picked = all(move.get("picked") is True for move in some if move.get("state") != "cancel")
    return picked and content_of(some) == dict(booking.content)
