"""The request nearly every caller makes: a new one of one line, a plain item, that one place can serve.

A shortcut and nothing else: answering.py would come to the same order, line, allocation and reason, and does
for every request that is not as plain (tests/ledger/test_plain_requests.py compares the two).
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal

from inventory_sync.domain.containment import Allocation
from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.reports import plain
from inventory_sync.domain.reservations import LineStatus
from inventory_sync.domain.routing import Rule
from inventory_sync.ledger.placing import REASON_CHARS, Floor
from inventory_sync.ledger.ports import HeldLine, HeldOrder
from inventory_sync.ledger.request_types import Request, Terms


def head(request: Request, content: str, terms: Terms, *, now: datetime) -> HeldOrder:
    """Return a new order as a first RESERVE makes it, apart from its lines, if it is accepted."""
    held = request.hold is not None or request.review
    return HeldOrder(
        connection_id=request.connection_id,
        order_ref=request.reference,
        seen=True,
        status=OrderStatus.UNPAID if held else OrderStatus.COMMITTED,
        stamp=request.version,
        fingerprint=content,
        placed_at=now,
        correlation_id=request.correlation_id,
        requested=True,
        review=request.review,
        mode=request.mode,
    )


def reserve_plainly(
    request: Request, order: HeldOrder, content: str, terms: Terms, floor: Floor, *, now: datetime
) -> HeldOrder | None:
    """Return the order decided, or None where it takes more than one look."""
    if len(request.lines) != 1 or order.seen or order.lines or order.fulfilments or order.holdings:
        return None
    (line,) = request.lines
    if (
        line.quantity <= 0
        or not terms.pool
        or terms.rules[:1] != (Rule.WHOLE_ORDER,)
        or floor.is_kit(line.item_id)
        or line.item_id in terms.spared
    ):
        return None
    item, place = str(line.item_id), str(terms.pool[0])
    if floor.free.get((item, place), _NOTHING) < line.quantity:
        return None
    floor.take(item, place, line.quantity)

    until: datetime | None = None
    held = request.hold is not None or request.review
    if held:
        until = now + _hold(request, terms)
    name, quantity = floor.name(place), plain(line.quantity)
    routing = f'{{"rule":"whole_order","to":{{{json.dumps(name)}:"{quantity}"}}'
    if len(terms.pool) > 1:
        routing += (
            f',"ranking":{json.dumps([floor.name(str(each)) for each in terms.pool], separators=(",", ":"))}'
        )
    return HeldOrder(
        connection_id=request.connection_id,
        order_ref=request.reference,
        seen=True,
        status=OrderStatus.UNPAID if held else OrderStatus.COMMITTED,
        stamp=request.version,
        fingerprint=content,
        placed_at=now,
        correlation_id=request.correlation_id,
        lines={
            line.line_ref: HeldLine(
                line_ref=line.line_ref,
                item_id=line.item_id,
                demand=line.quantity,
                status=LineStatus.HELD if held else LineStatus.COMMITTED,
                expires_at=until,
                reason=f"routed: {name} {quantity}"[:REASON_CHARS],
                allocations=(Allocation(item, place, line.quantity),),
                asked=line.quantity,
                routing=routing + "}",
            )
        },
        requested=True,
        review=request.review,
        mode=request.mode,
        made=order.made,
    )


_NOTHING = Decimal(0)


def _hold(request: Request, terms: Terms) -> timedelta:
    window = terms.review_max if request.review else terms.hold_max
    return window if request.hold is None else min(request.hold, window)
