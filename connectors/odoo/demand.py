"""What moves say of one product: what is assigned, what our order lines have, what Odoo owes without it.
Pure.

*Contained* of a line is what its open moves have assigned, wherever in the chain from shelf to door the
goods are just now, and what has left to a customer. A unit is assigned to one move at a time, so a chain of
picking, packing and shipping counts once. Returns come back from customers and are no part of it.

*Unassigned* is what moves that leave a place still lack, less what the moves that feed them have assigned
there or bring from outside. Lines of ours are left out: the hub subtracts those itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from connectors.odoo.cells import ZERO, Row, number, objects, ref, stamp, words
from connectors.odoo.naming import LineName
from connectors.odoo.places import Places

OPEN = ("waiting", "confirmed", "partially_available", "assigned")


@dataclass(frozen=True, slots=True)
class Part:
    """One move line: so much, out of this location."""

    location: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Feeder:
    """A move whose goods another one waits for."""

    id: int
    open: bool
    demand: Decimal


@dataclass(frozen=True, slots=True)
class Move:
    """One move of the product. `demand` and `parts` in the product's own unit; `line`: its order line's id
    or 0.

    `final`: where the chain it belongs to ends, as far as Odoo says; `target` is its own end.
    """

    id: int
    product: int
    open: bool
    demand: Decimal
    source: int
    target: int
    final: int
    due: str
    line: int
    parts: tuple[Part, ...]
    feeders: tuple[Feeder, ...] = ()

    @property
    def quantity(self) -> Decimal:
        return sum((part.quantity for part in self.parts), ZERO)


def move_of(row: Row) -> Move:
    return Move(
        id=int(row["id"]),
        product=ref(row, "product_id"),
        open=words(row, "state") in OPEN,
        demand=number(row, "product_qty"),
        source=ref(row, "location_id"),
        target=ref(row, "location_dest_id"),
        final=ref(row, "location_final_id") or ref(row, "location_dest_id"),
        due=stamp(row, "date"),
        line=ref(row, "sale_line_id"),
        parts=tuple(
            Part(ref(line, "location_id"), number(line, "quantity_product_uom"))
            for line in objects(row, "move_line_ids")
        ),
        feeders=tuple(
            Feeder(int(each["id"]), words(each, "state") in OPEN, number(each, "product_qty"))
            for each in objects(row, "move_orig_ids")
        ),
    )


@dataclass(slots=True)
class Held:
    contained: Decimal = ZERO
    delivered: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Demand:
    """Of one product, per place."""

    assigned: Mapping[str, Decimal]
    unassigned: Mapping[str, Decimal]
    held: Mapping[str, Mapping[LineName, Held]]


def demand_of(moves: Sequence[Move], places: Places, names: Mapping[int, LineName], *, until: str) -> Demand:
    """Return what the moves of one product say. `until`: what is due later is not kept back yet."""
    opened = {move.id: move for move in moves if move.open}
    lines = _lines(moves, opened)
    assigned: dict[str, Decimal] = defaultdict(Decimal)
    held: dict[str, dict[LineName, Held]] = defaultdict(dict)
    for move in moves:
        name = names.get(lines[move.id])
        for part in move.parts:
            place = places.place(part.location)
            if not place:
                continue
            if move.open:
                assigned[place] += part.quantity
            if name is None or not (move.open or places.usage(move.target) == "customer"):
                continue
            entry = held[place].setdefault(name, Held())
            entry.contained += part.quantity
            if not move.open:
                entry.delivered += part.quantity
    ours = {move for move, line in lines.items() if line in names}
    return Demand(assigned, _unassigned(opened, places, ours, until), held)


def _lines(moves: Sequence[Move], opened: Mapping[int, Move]) -> dict[int, int]:
    """Return the order line of every move; a feeder without one is of the line it feeds."""
    found = {move.id: move.line for move in moves}
    for move in opened.values():
        if move.line:
            for feeder in _upstream(move, opened):
                found[feeder.id] = found.get(feeder.id) or move.line
    return found


def _upstream(move: Move, opened: Mapping[int, Move]) -> list[Feeder]:
    """Return the open moves that feed this one, directly or through others, nearest first."""
    found: dict[int, Feeder] = {}
    waiting = list(move.feeders)
    while waiting:
        feeder = waiting.pop(0)
        if feeder.open and feeder.id not in found and feeder.id != move.id:
            found[feeder.id] = feeder
            if feeder.id in opened:
                waiting.extend(opened[feeder.id].feeders)
    return list(found.values())


def _unassigned(
    opened: Mapping[int, Move], places: Places, ours: set[int], until: str
) -> Mapping[str, Decimal]:
    leaving = [
        move
        for move in sorted(opened.values(), key=lambda move: (move.due, move.id))
        if move.id not in ours
        and (not move.due or move.due <= until)
        and (places.for_sale(move.source) or move.feeders)
        and places.place(move.source) not in ("", places.place(move.final))
    ]
    upstream = {move.id: _upstream(move, opened) for move in leaving}
    feeding = {feeder.id for feeders in upstream.values() for feeder in feeders}
    left: dict[int, Decimal] = {}
    found: dict[str, Decimal] = defaultdict(Decimal)
    for move in leaving:
        if move.id in feeding:
            continue  # the move it feeds leaves the place, and is counted
        place = places.place(move.source)
        lacking = max(ZERO, move.demand - move.quantity)
        for feeder in upstream[move.id]:
            inside = opened.get(feeder.id)
            if inside is not None and places.place(inside.source) != place:
                continue
            brings = left.setdefault(feeder.id, feeder.demand if inside is None else inside.quantity)
            taken = min(brings, lacking)
            left[feeder.id] -= taken
            lacking -= taken
        found[place] += lacking
    return found
