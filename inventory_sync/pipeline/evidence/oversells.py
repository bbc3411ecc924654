"""Which sales of a span the hub's own figure did not cover, and how that came about.

Each sale is held against the figure its channel had right before the hub learned of it, less what was sold
of the item since that figure was computed. What exceeds that is an oversell, of one of these kinds:

- `arithmetic`: the figure was higher than what the ledger knew when it was computed. There must be none.
- `inherent`: the channel had been told enough, rightly at that time; others sold in between. Only a lease or
  a confirmation at the checkout excludes it.
- `beyond_shown`: the channel sold more than it was last told.
- `untold`: there was no figure, or the channel was never told one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from inventory_sync.availability.history import FigureThen, figure_at
from inventory_sync.catalog.models import Item
from inventory_sync.connections.models import Connection
from inventory_sync.ledger.sales import Sale
from inventory_sync.pipeline.explain import explain_figure, told_of

JUST_BEFORE = timedelta(microseconds=1)
ZERO = Decimal(0)


class Kind(StrEnum):
    """How an oversell came about."""

    ARITHMETIC = "arithmetic"
    INHERENT = "inherent"
    BEYOND_SHOWN = "beyond_shown"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class Oversell:
    """A sale that was not covered. `covered`: what the figure still gave, None if there was none.

    `below_zero`: the line was recorded although no place could give it.
    """

    sale: Sale
    kind: Kind
    covered: Decimal | None
    told: Decimal | None
    below_zero: bool


def oversells(sales: Iterable[Sale]) -> list[Oversell]:
    """Return the sales that were not covered; sales come item by item, oldest first."""
    found = []
    earlier: dict[int, list[Sale]] = defaultdict(list)
    connections = {row.pk: row for row in Connection.objects.all()}
    items: dict[int, Item] = {}
    for sale in sales:
        if sale.item_id not in items:
            items = {sale.item_id: Item.objects.get(pk=sale.item_id)}
        channel, item = connections[sale.connection_id], items[sale.item_id]
        then = figure_at(connection=channel, item=item, moment=sale.at - JUST_BEFORE)
        covered = _covered(then, earlier[sale.item_id])
        earlier[sale.item_id].append(sale)
        if covered is None or sale.quantity > covered:
            found.append(_judged(sale, channel, item, covered))
    return found


def _covered(then: FigureThen | None, earlier: list[Sale]) -> Decimal | None:
    """Return what the figure still gives once everything sold since it was computed is taken off."""
    if then is None or then.figure is None:
        return None
    since = (each.quantity for each in earlier if each.at >= then.computed_at)
    return then.figure - sum(since, ZERO)


def _judged(sale: Sale, channel: Connection, item: Item, covered: Decimal | None) -> Oversell:
    placed = sale.at if sale.placed_at is None else min(sale.placed_at, sale.at)
    told = _told(channel, item, placed)
    if told is None:
        kind = Kind.UNTOLD
    elif told < sale.quantity:
        kind = Kind.BEYOND_SHOWN
    else:
        kind = Kind.ARITHMETIC if _figure_was_wrong(channel, item, placed) else Kind.INHERENT
    return Oversell(sale, kind, covered, told, sale.state == "backordered")


def _told(channel: Connection, item: Item, moment: datetime) -> Decimal | None:
    """Return the largest figure a listing of the item was last told by then, in base units."""
    told = [
        each.wrote * _decimal(each.base_units_each)
        for each in told_of(item, connection=channel, moment=moment)
        if each.wrote is not None
    ]
    return max(told, default=None)


def _figure_was_wrong(channel: Connection, item: Item, moment: datetime) -> bool:
    """Say whether the figure of that moment was higher than what had been recorded when it was computed."""
    found = explain_figure(connection=channel, item=item, moment=moment)
    if found is None:
        return False
    terms = [*found.terms, *(part for term in found.terms for part in term.basis)]
    return any(
        document.kind == "newer" and document.quantity is not None and document.quantity > 0
        for term in terms
        for document in term.documents
    )


def _decimal(fraction: str) -> Decimal:
    value = Fraction(fraction)
    return Decimal(value.numerator) / Decimal(value.denominator)
