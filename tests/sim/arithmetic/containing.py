"""What a connector tells of a reading: how much of each line its figures surely hold."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from inventory_sync.domain.containment import Confirmation, contained, contained_in_one_call
from inventory_sync.ledger.types import LineHeld
from tests.sim.arithmetic.erp import MoveSeen
from tests.sim.arithmetic.hub import Reading


def contained_by(reading: Reading) -> dict[tuple[str, str], tuple[LineHeld, ...]]:
    """Return per (item, place) what the figure holds, by one call or by confirmations on both sides."""
    told: dict[tuple[str, str], list[LineHeld]] = defaultdict(list)
    later = {(move.line, move.item): move for move in reading.after}
    for move in reading.found.moves if reading.one_call else reading.before:
        other = move if reading.one_call else later.get((move.line, move.item), move)
        for place in sorted({*move.assigned, *move.delivered, *other.assigned, *other.delivered}):
            one, two = _confirmed(move, place), _confirmed(other, place)
            held = contained_in_one_call(one.assigned, one.delivered) if one == two else contained(one, two)
            line = move.line.split("/")
            told[move.item, place].append(
                LineHeld(line[0], line[1], line[2], held, min(one.delivered, two.delivered))
            )
    return {level: tuple(lines) for level, lines in told.items()}


def _confirmed(move: MoveSeen, place: str) -> Confirmation:
    assigned, delivered = move.assigned.get(place, 0), move.delivered.get(place, 0)
    return Confirmation(Decimal(assigned), Decimal(delivered), move_version=str(move.version))
