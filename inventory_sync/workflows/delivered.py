"""What has left for an order, as its channel should know it: owed when it rises. Told by telling.py."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from inventory_sync.catalog.models import ItemMapping
from inventory_sync.domain.reports import ZERO, plain
from inventory_sync.domain.units import Factor, InexactQuantity, to_base
from inventory_sync.workflows import naming
from inventory_sync.workflows.deriving import WANTED, OrderFacts
from inventory_sync.workflows.models import DeliveryTold

Factors = Mapping[tuple[int, int], Factor]


def owe(orders: Sequence[OrderFacts], counts: Counter[str], *, now: datetime) -> set[int]:
    """Owe to their channels what has left of these orders; returns the channels owed something new.

    What came back is not told: a return is a matter of its own. A line that shrank after it was told stays.
    """
    left = [order for order in orders if order.fulfilled]
    channels = naming.channels_told({order.source_id for order in left})
    left = [order for order in left if order.source_id in channels]
    if not left:
        return set()
    factors = _factors(left)
    rows = {
        row.order_id: row
        for row in DeliveryTold.objects.filter(order_id__in=[order.id for order in left]).select_for_update()
    }
    owed = set()
    for order in left:
        row = rows.get(order.id) or DeliveryTold(
            order_id=order.id, channel_id=order.source_id, version=0, since=now
        )
        lines = _lines(order, factors, row.lines)
        complete = not order.incomplete and not any(line.state in WANTED for line in order.lines)
        if (lines, complete) == (row.lines, row.complete):
            continue
        row.lines, row.complete, row.version = lines, complete, row.version + 1
        row.correlation_id = order.correlation_id
        if row.state != DeliveryTold.State.GIVEN_UP:
            if row.state == DeliveryTold.State.TOLD:
                row.since = now
            row.state, row.attempts, row.run_at = DeliveryTold.State.OWED, 0, now
            row.error_code = row.error_detail = ""
            owed.add(order.source_id)
            counts["deliveries"] += 1
        row.save()
    return owed


def _lines(order: OrderFacts, factors: Factors, told: Mapping[str, str]) -> dict[str, str]:
    """Return per line all that has left so far, in the channel's units; never less than before."""
    lines = dict(told)
    for line in order.lines:
        base = order.fulfilled.get(line.line_ref, ZERO)
        factor = factors.get((order.source_id, line.item_id), Factor())
        try:
            quantity = to_base(base, Factor(factor.denominator, factor.numerator))
        except InexactQuantity:  # a part of a pack: whole packs are what the channel can be told of
            quantity = Decimal(base * factor.denominator // factor.numerator)
        if quantity > Decimal(told.get(line.line_ref, "0")):
            lines[line.line_ref] = plain(quantity)
    return lines


def _factors(orders: Sequence[OrderFacts]) -> Factors:
    """Return what one unit of the channel is, per item; the plain one where it sells the item in several."""
    found: dict[tuple[int, int], list[Factor]] = defaultdict(list)
    rows = ItemMapping.objects.filter(
        connection_id__in={order.source_id for order in orders},
        item_id__in={line.item_id for order in orders for line in order.lines},
        state=ItemMapping.State.CONFIRMED,
    )
    for row in rows.order_by("id"):
        assert row.item_id is not None
        found[row.connection_id, row.item_id].append(Factor(row.numerator, row.denominator))
    return {
        key: factors[0] if len({each.fraction for each in factors}) == 1 else Factor()
        for key, factors in found.items()
    }
