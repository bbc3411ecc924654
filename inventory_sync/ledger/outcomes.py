"""What becomes of an order's lines when a request is decided: as asked, as placed, refused or over.

Plain functions over values; answering.py decides which applies.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from inventory_sync.domain.containment import Allocation
from inventory_sync.domain.reports import ZERO, plain
from inventory_sync.domain.requests import line_status
from inventory_sync.domain.reservations import LineStatus
from inventory_sync.ledger.placing import PlacedOrder
from inventory_sync.ledger.ports import HeldLine, HeldOrder

NOT_FREE = "not enough was free"


def given_back(before: HeldOrder, after: HeldOrder) -> dict[tuple[str, str], Decimal]:
    """Return what an order owes less than before, by (item, location)."""
    sums: dict[tuple[str, str], Decimal] = {}
    for sign, order in ((1, before), (-1, after)):
        for line in order.lines.values():
            for each in line.allocations:
                place = (each.item, each.location)
                sums[place] = sums.get(place, ZERO) + sign * each.open
    return {place: freed for place, freed in sums.items() if freed > 0}


def as_asked(
    line: HeldLine, item_id: int, quantity: Decimal, until: datetime | None, *, held: bool
) -> HeldLine:
    """Return a line as a version wants it."""
    if not quantity:
        over = line.status.is_exit or line.status is LineStatus.CLOSED
        status = line.status if over else LineStatus.RELEASED
        return replace(
            line, demand=ZERO, asked=ZERO, status=status, expires_at=None, reason="no longer asked for"
        )
    before = None if line.status.is_exit else line.status
    return replace(
        line,
        item_id=item_id,
        demand=quantity,
        asked=quantity,
        status=line_status(before, held=held, short=line.status is LineStatus.BACKORDERED),
        expires_at=until,
    )


def as_placed(order: HeldOrder, placed: PlacedOrder, *, held: bool) -> HeldOrder:
    """Return the order with its lines where they were placed, and as many as were."""
    lines = {}
    for ref, line in order.lines.items():
        found = placed.lines[ref]
        if found.unserved:
            if found.unserved >= line.demand:
                lines[ref] = rejected(line, {ref: found.unserved})
                continue
            line = replace(line, demand=line.demand - found.unserved)
        status = line.status
        if not status.is_exit and line.demand:
            if found.delivered >= line.demand:
                status = LineStatus.CLOSED
            elif not held:
                before = None if status in (LineStatus.BACKORDERED, LineStatus.CLOSED) else status
                status = line_status(before, held=False, short=found.short)
        lines[ref] = replace(
            line,
            status=status,
            fulfilled=found.delivered,
            allocations=found.allocations,
            reason=line.reason if status.is_exit else found.reason or line.reason,
            routing=found.routing or line.routing,
        )
    return replace(order, lines=lines)


def rejected(line: HeldLine, missing: Mapping[str, Decimal]) -> HeldLine:
    """Return a line that is refused, with what was missing kept for whoever asks again."""
    if line.status.is_exit and not line.demand:
        return line
    routing = json.dumps({"missing": plain(missing.get(line.line_ref, ZERO))})
    kept = tuple(
        Allocation(each.item, each.location, min(each.demand, each.contained), each.contained, each.delivered)
        for each in line.allocations
    )
    return replace(
        line,
        status=LineStatus.REJECTED,
        demand=line.asked if line.asked is not None else line.demand,
        expires_at=None,
        reason=NOT_FREE,
        routing=routing,
        allocations=kept,
    )


def may_end(status: LineStatus, exit_as: LineStatus) -> bool:
    if status.is_exit:
        return exit_as is LineStatus.CANCELLED and status is LineStatus.EXPIRED
    return status not in (LineStatus.CLOSED, LineStatus.SHIPPED_AWAITING_BOOKS)
