"""Which sales of a span the hub's own figure did not cover, and how that came about.

Each sale is held against the figure its channel had right before the hub learned of it, less what was sold
of the item since that figure was computed. A kit that is sold takes its components, and so may leave fewer of
them, and of other kits. What exceeds that is an oversell, of one of these kinds:

- `arithmetic`: the figure was higher than what the ledger knew when it was computed. There must be none.
- `inherent`: the channel had been told enough, rightly at that time; others sold in between. Only a lease or
  a confirmation at the checkout excludes it.
- `beyond_shown`: the channel sold more than it was last told.
- `untold`: there was no figure, or the channel was never told one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from inventory_sync.availability.history import FigureThen, figure_at
from inventory_sync.availability.steps import KIT_STEPS, total_of
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

    `below_zero`: the line was recorded although no place could give it. `components`: SKU → what a kit takes.
    """

    sale: Sale
    kind: Kind
    covered: Decimal | None
    told: Decimal | None
    below_zero: bool
    components: Mapping[str, Decimal]


class Taken:
    """What was taken of one item, as time goes on."""

    def __init__(self) -> None:
        self._moments: list[datetime] = []
        self._sums = [ZERO]

    def add(self, quantity: Decimal, at: datetime) -> None:
        self._moments.append(at)
        self._sums.append(self._sums[-1] + quantity)

    def since(self, moment: datetime) -> Decimal:
        return self._sums[-1] - self._sums[bisect_left(self._moments, moment)]


def oversells(sales: Sequence[Sale]) -> list[Oversell]:
    """Return the sales that were not covered; sales come oldest first."""
    found = []
    taken: dict[int, Taken] = defaultdict(Taken)
    connections = {row.pk: row for row in Connection.objects.all()}
    items = Item.objects.in_bulk({each for sale in sales for each in (sale.item_id, *sale.parts)})
    for sale in sales:
        channel, item = connections[sale.connection_id], items[sale.item_id]
        then = figure_at(connection=channel, item=item, moment=sale.at - JUST_BEFORE)
        covered = _covered(then, sale, taken, {part: items[part].sku for part in sale.parts})
        for part, quantity in sale.parts.items():
            taken[part].add(quantity, sale.at)
        if covered is None or sale.quantity > covered:
            components = {items[part].sku: each for part, each in sale.parts.items()} if sale.is_kit else {}
            found.append(_judged(sale, channel, item, covered, components))
    return found


def _covered(
    then: FigureThen | None, sale: Sale, taken: Mapping[int, Taken], skus: Mapping[int, str]
) -> Decimal | None:
    """Return what the figure still gives once everything sold since it was computed is taken off."""
    if then is None or then.figure is None:
        return None
    if not sale.is_kit:
        return then.figure - taken[sale.item_id].since(then.computed_at)
    step = next((row for row in then.steps if row["name"] in KIT_STEPS), None)
    if step is None:
        return then.figure
    fewest = kits = Decimal(step["quantity"])
    for part, quantity in sale.parts.items():
        gone = taken[part].since(then.computed_at)
        rows = [row for row in step["basis"] if row["component"] == skus[part] and _is_of(row, step)]
        if gone and rows:
            fewest = min(fewest, (total_of(rows) - gone) * sale.quantity // quantity)
    return then.figure - (kits - fewest)


def _is_of(row: dict[str, Any], step: dict[str, Any]) -> bool:
    """Say whether a kit's step rests on that row: on the best location's alone, or on all of the pool."""
    return step["name"] != "kits_at" or row.get("location") == step.get("location")


def _judged(
    sale: Sale, channel: Connection, item: Item, covered: Decimal | None, components: Mapping[str, Decimal]
) -> Oversell:
    placed = sale.at if sale.placed_at is None else min(sale.placed_at, sale.at)
    told = _told(channel, item, placed)
    if told is None:
        kind = Kind.UNTOLD
    elif told < sale.quantity:
        kind = Kind.BEYOND_SHOWN
    else:
        kind = Kind.ARITHMETIC if _figure_was_wrong(channel, item, placed) else Kind.INHERENT
    return Oversell(sale, kind, covered, told, sale.state == "backordered", components)


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
