"""Lower what Odoo left too high: open moves of lines whose wanted quantity fell.

Odoo launches moves by itself when a confirmed quantity rises. When it falls, it takes the difference from
open moves where it can merge them, and leaves them as they were where it cannot (a transfer on paper, another
date): then it plans to take the difference back from the customer. So the moves are read, what exceeds the
line is taken away, the newest first, and what was to come back of it with it, or it would be booked in
without having left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby

from connectors.odoo.cells import ZERO, number
from connectors.odoo.order_found import OVER, FoundLine, FoundMove, FoundOrder
from connectors.odoo.wire import Odoo
from inventory_sync.domain.errors import RemoteRefused


def excess_of(line: FoundLine) -> list[tuple[FoundMove, Decimal]]:
    """Return the moves to lower, with the demand each keeps in the product's unit.

    The last open moves together are what would leave: of them those farthest from the customer go first, and
    the newest. A stage that feeds them is demanded again, so it is looked at by itself.
    """
    if not line.excess:
        return []
    back = [(move, ZERO) for move in _unasked_returns(line)]
    wanted = max(line.ordered - line.delivered, ZERO)
    last = sorted(line.last_moves, key=lambda move: (move.target == "customer", -move.id))
    lowered = back + _lowered(last, wanted)
    feeding = sorted(
        (move for move in line.moves if move.is_open and move not in last),
        key=lambda move: (move.stage, -move.id),
    )
    for _, stage in groupby(feeding, key=lambda move: move.stage):
        lowered += _lowered(list(stage), wanted)
    return lowered


def _unasked_returns(line: FoundLine) -> list[FoundMove]:
    """Return the open moves back from the customer that take back nothing that left.

    What people return names the move that it returns.
    """
    return [
        move
        for move in line.moves
        if move.state not in OVER and move.source == "customer" and not move.returned and move.demand
    ]


def _lowered(moves: Sequence[FoundMove], wanted: Decimal) -> list[tuple[FoundMove, Decimal]]:
    excess = sum((move.demand for move in moves), ZERO) - wanted
    lowered: list[tuple[FoundMove, Decimal]] = []
    for move in moves:
        if excess <= 0:
            break
        less = min(excess, move.demand)
        lowered.append((move, move.demand - less))
        excess -= less
    return lowered


def let_moves_follow(odoo: Odoo, orders: Iterable[FoundOrder]) -> None:
    """Lower open moves to what their lines still want; a transfer with nothing left in it is cancelled."""
    touched: dict[int, bool] = {}
    for order in orders:
        if not order.has_excess:
            continue
        for line in order.lines.values():
            for move, keeps in excess_of(line):
                # Lowering below what is reserved frees the whole move; it is assigned again below.
                values = {"product_uom_qty": move.in_own_unit(keeps)}
                odoo.write("stock.move", "write", ids=[move.id], vals=values)
                if move.picking:
                    touched[move.picking] = touched.get(move.picking, False) or bool(move.moved)
    if touched:
        _settle(odoo, touched)


def _settle(odoo: Odoo, touched: dict[int, bool]) -> None:
    rows = odoo.rows(
        "stock.move",
        "search_read",
        domain=[("picking_id", "in", sorted(touched)), ("state", "not in", list(OVER))],
        fields=["picking_id", "product_uom_qty"],
        load=None,
    )
    left = {row["picking_id"] for row in rows if number(row, "product_uom_qty")}
    empty = sorted(touched.keys() - left)
    if empty:
        odoo.write("stock.picking", "action_cancel", ids=empty)
    for picking in sorted(one for one, held in touched.items() if held and one in left):
        try:
            odoo.write("stock.picking", "action_assign", ids=[picking])
        except RemoteRefused:
            # Nothing there to reserve, or done by now. Reserving is Odoo's own errand and comes round again.
            continue
