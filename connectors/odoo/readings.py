"""Read whole items: what Odoo's books hold at every place, taken at one instant per item.

Two calls make a page. The first reads the products with their quants. The second reads the moves that hold
stock of them, or took it for an order line, with the products' quants nested: one transaction, so what it
says of quantity, reservations and deliveries belongs together, and it replaces what the first call said of
those products. A product that the second call does not name had no such move when it was made. Had there
been one at the first call, it would be done by now, and then the second call names it, or it was taken back,
and then it left a reservation without a move in the first: such a product is read again.

Which done moves belong in the second call decides whether c can fall without a reason. A line with an open
move needs all its done ones, however old, or a late backorder would take back what was delivered in spring.
A line without open moves needs all of them or none, never some. So the domain asks for the line's moves, not
for its own date: all done moves of lines of which *any* move is open or lies within the window. After the
window a line is not told at all any more. The hub closes a line by the first figure that contains it as
delivered; one that was cut short and still wanted after the window is subtracted in whole again, which shows
too little, never too much, and has been an order's case long before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.odoo.cells import ZERO, Row, number, objects, plain, ref, told
from connectors.odoo.database import Database
from connectors.odoo.demand import OPEN, Demand, Move, demand_of, move_of
from connectors.odoo.places import HELD_IN, Places
from connectors.odoo.tills import open_sessions, unbooked
from inventory_sync.domain.errors import RemoteUnavailable

MAX_ITEMS = 200
AGAIN = 3
QUANTS: Mapping[str, Any] = {
    "fields": {
        "location_id": {},
        "quantity": {},
        "reserved_quantity": {},
        "owner_id": {},
        "available_quantity": {},
    }
}


@dataclass(frozen=True, slots=True)
class Quant:
    """One row of stock; several of the same key are added up. `expired`: past the day of its removal."""

    location: int
    quantity: Decimal
    reserved: Decimal
    owner: int
    expired: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """One product at one instant. `kept`: Odoo keeps stock of it at all."""

    product: int
    active: bool
    kept: bool
    quants: tuple[Quant, ...]
    moves: tuple[Move, ...] = ()


def read_items(database: Database, products: Sequence[int], *, now: datetime) -> dict[str, Any]:
    """Return the body of one reading (schemas.Reading) of at most MAX_ITEMS products.

    A product that does not exist is said to be gone, and what it held is 0; one of which no stock is kept is
    left out.
    """
    products = sorted(set(products))[:MAX_ITEMS]
    for _ in range(AGAIN):
        sessions = open_sessions(database)
        sold = unbooked(database, sessions, products)
        pictures, places, disputed = _settled(database, products, now)
        after = open_sessions(database) if sessions else {}
        if sessions.keys() <= after.keys():
            break
    else:
        raise RemoteUnavailable("Odoo's tills close their sessions faster than stock can be read.")
    gone = set(products) - pictures.keys()
    pictures = {item: picture for item, picture in pictures.items() if picture.kept}
    names = database.names(
        {move.line for picture in pictures.values() for move in picture.moves if move.line}
    )
    until = told(now + timedelta(days=database.config.horizon_days))
    rows: list[dict[str, Any]] = []
    for picture in pictures.values():
        demand = demand_of(picture.moves, places, names, until=until)
        rows += _rows(picture, demand, places, sold, consigned_too=database.config.sell_consigned)
    return {
        "at": now.isoformat(),
        "places": list(places.refs),
        "items": [_item(product) for product in sorted(gone | pictures.keys())],
        "rows": rows,
        **_noted("gone", gone),
        **_noted("archived", {item for item, picture in pictures.items() if not picture.active}),
        **_noted("disputed", disputed & pictures.keys()),
    }


def _noted(name: str, products: set[int]) -> dict[str, list[str]]:
    return {name: [_item(product) for product in sorted(products)]} if products else {}


def _item(product: int) -> str:
    return f"product:{product}"


# ── the pictures ─────────────────────────────────────────────────────────────────────────────────────


def _settled(
    database: Database, products: Sequence[int], now: datetime
) -> tuple[dict[int, Picture], Places, set[int]]:
    """Return the pictures, the places they speak of, and the products whose reservations stay disputed.

    Disputed: the stock says something else than the moves. That is read again, as it may be a call between
    two others; what remains is a fault in Odoo's books (two rows of one key do that) and is told cautiously.
    """
    pictures = _pictures(database, products, now)
    places = _known(database, pictures)
    disputed = {item for item, picture in pictures.items() if not _agrees(picture, places)}
    for _ in range(AGAIN - 1):
        if not disputed:
            break
        again = _pictures(database, sorted(disputed), now)
        pictures = {item: each for item, each in pictures.items() if item not in disputed} | again
        places = _known(database, pictures)
        disputed = {item for item, each in again.items() if not _agrees(each, places)}
    return dict(sorted(pictures.items())), places, disputed


def _known(database: Database, pictures: Mapping[int, Picture]) -> Places:
    """Return the places, read anew if the stock lies in a location that was not there before."""
    places = database.places()
    named = {quant.location for picture in pictures.values() for quant in picture.quants}
    return places if named <= places.locations.keys() else database.places(fresh=True)


def _pictures(database: Database, products: Sequence[int], now: datetime) -> dict[int, Picture]:
    """Return each existing product as it was at one instant; the order of the two calls matters (above)."""
    found: dict[int, Picture] = {}
    for row in database.odoo.rows(
        "product.product",
        "web_search_read",  # web_read of a deleted product fails the whole call once something is nested
        domain=[["id", "in", list(products)]],
        specification=_product(database),
        order="id",
        context={"active_test": False},
    ):
        found[int(row["id"])] = _picture(row, (), database)
    holding: dict[int, list[Move]] = defaultdict(list)
    stock: dict[int, Row] = {}
    for row in database.odoo.rows(
        "stock.move",
        "web_search_read",
        domain=_domain(database, products, now),
        specification=_specification(database),
        order="id",
        context={"active_test": False},
    ):
        product = row.get("product_id")
        if not isinstance(product, Mapping):
            raise RemoteUnavailable("Odoo answered with moves without their product.")
        move = move_of(row)
        holding[move.product].append(move)
        stock.setdefault(move.product, product)
    asked = set(products)
    for item, moves in holding.items():
        found[item] = _picture(stock[item], moves, database)
    return {item: picture for item, picture in found.items() if item in asked}


def _product(database: Database) -> dict[str, Any]:
    kept = "is_storable" if database.shape.storable else "type"
    return {"active": {}, kept: {}, "stock_quant_ids": QUANTS}


def _picture(row: Row, moves: Sequence[Move], database: Database) -> Picture:
    quants = tuple(
        Quant(
            ref(each, "location_id"), number(each, "quantity"), number(each, "reserved_quantity"),
            ref(each, "owner_id"), _expired(each),
        )
        for each in objects(row, "stock_quant_ids")
    )  # fmt: skip
    kept = row.get("is_storable") is True if database.shape.storable else row.get("type") == "product"
    return Picture(int(row["id"]), row.get("active") is not False, kept, quants, tuple(moves))


def _expired(quant: Row) -> bool:
    """Whether Odoo has nothing available of what lies there and nobody reserved: with product_expiry, a lot
    past the day of its removal.
    """
    free = number(quant, "quantity") - number(quant, "reserved_quantity")
    return free > ZERO and "available_quantity" in quant and not number(quant, "available_quantity")


def _domain(database: Database, products: Sequence[int], now: datetime) -> list[Any]:
    from_stock = [["product_id", "in", list(products)], ["location_id.usage", "in", list(HELD_IN)]]
    opened = ["state", "in", list(OPEN)]
    if not database.shape.sale:
        return [*from_stock, opened]
    since = told(now - timedelta(days=database.config.delivered_days))
    return [
        *from_stock,
        "|", opened, "&", "&", ["state", "=", "done"], ["sale_line_id", "!=", False],
        "|", ["sale_line_id.move_ids.state", "in", list(OPEN)], ["sale_line_id.move_ids.date", ">=", since],
    ]  # fmt: skip


def _specification(database: Database) -> dict[str, Any]:
    """The fields of one call; nothing in it is nested that grows without bound."""
    shape = database.shape
    return {
        "product_id": {"fields": _product(database)},
        "state": {},
        "product_qty": {},
        "location_id": {},
        "location_dest_id": {},
        "date": {},
        "move_line_ids": {"fields": {"location_id": {}, "quantity_product_uom": {}}},
        "move_orig_ids": {"fields": {"state": {}, "product_qty": {}}},
        **({"sale_line_id": {}} if shape.sale else {}),
        **({"location_final_id": {}} if shape.final else {}),
    }


# ── from pictures to rows ────────────────────────────────────────────────────────────────────────────


def _reserved(picture: Picture, places: Places) -> Mapping[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for quant in picture.quants:
        if place := places.place(quant.location):
            found[place] += quant.reserved
    return found


def _assigned(picture: Picture, places: Places) -> Mapping[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for move in picture.moves:
        for part in move.parts if move.open else ():
            if place := places.place(part.location):
                found[place] += part.quantity
    return found


def _agrees(picture: Picture, places: Places) -> bool:
    reserved, assigned = _reserved(picture, places), _assigned(picture, places)
    return all(reserved.get(place, ZERO) == assigned.get(place, ZERO) for place in {*reserved, *assigned})


def _rows(
    picture: Picture,
    demand: Demand,
    places: Places,
    sold: Mapping[tuple[int, str], Decimal],
    *,
    consigned_too: bool,
) -> list[dict[str, Any]]:
    """Return one row per place at which there is anything to tell.

    Goods not for sale are in the quantity, and all of them that nobody has reserved are unavailable. Where
    stock and moves dispute what is reserved, the larger is told: c never holds what is not subtracted.
    """
    quantity: dict[str, Decimal] = defaultdict(Decimal)
    apart: dict[tuple[str, int, bool], Decimal] = defaultdict(Decimal)
    reserved = _reserved(picture, places)
    for quant in picture.quants:
        place = places.place(quant.location)
        if not place:
            continue
        quantity[place] += quant.quantity
        held_back = quant.expired or (not consigned_too and quant.owner not in (0, places.owner))
        if held_back or not places.for_sale(quant.location):
            apart[place, quant.location, held_back] += quant.quantity - quant.reserved
    unavailable: dict[str, Decimal] = defaultdict(Decimal)
    for (place, _, _), free in apart.items():
        unavailable[place] += max(ZERO, free)
    found: list[dict[str, Any]] = []
    for place in places.refs:
        told_reserved = max(reserved.get(place, ZERO), demand.assigned.get(place, ZERO))
        owed = demand.unassigned.get(place, ZERO) + sold.get((picture.product, place), ZERO)
        held = [
            [name.source, name.order_ref, name.line_ref, _text(each.contained), _text(each.delivered)]
            for name, each in demand.held.get(place, {}).items()
        ]
        figures = (quantity[place], told_reserved, owed, unavailable[place])
        if held or any(figures):
            texts = [_text(figure) for figure in figures]
            row = dict(zip(("quantity", "reserved", "unassigned", "unavailable"), texts, strict=True))
            found.append({"item": _item(picture.product), "place": place, **row, "held": sorted(held)})
    return found


def _text(value: Decimal) -> str:
    return format(plain(value), "f")
