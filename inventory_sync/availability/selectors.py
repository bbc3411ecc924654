"""Reads of what channels may sell, and why.

Figures are in the item's base unit, as last computed; computed_at and pending say how fresh that is.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from inventory_sync.availability.compute import listing_figure
from inventory_sync.availability.models import ChannelFigure
from inventory_sync.availability.present import figure_present
from inventory_sync.catalog.models import Item, ItemMapping, KitComponent
from inventory_sync.connections.models import Connection
from inventory_sync.domain.units import Factor
from inventory_sync.ledger.models import Allocation, DirtyItem


@dataclass(frozen=True, slots=True)
class FigureView:
    """What one channel may sell of one item. figure None is unknown, never zero."""

    connection: str
    item_id: int
    sku: str
    figure: Decimal | None
    last_known: Decimal | None
    unknown: tuple[str, ...]
    version: int
    computed_at: datetime
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Promise:
    """One open order line behind a figure, at the place that owes it. open: what is still subtracted."""

    order: str
    order_connection: str
    line: str
    state: str
    sku: str
    location: str
    quantity: Decimal
    contained: Decimal

    @property
    def open(self) -> Decimal:
        return max(Decimal(0), self.quantity - self.contained)


@dataclass(frozen=True, slots=True)
class ListingView:
    """What one listing of the item may show of the figure, in the vendor's units."""

    external_id: str
    state: str
    base_units_each: str
    figure: Decimal | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A figure with everything it was made of.

    steps add up to the figure; a kit's step holds its components' rows under "basis". promises are the open
    lines as of now. pending: since when the item waits to be computed again, None if it does not.
    """

    figure: FigureView
    policy_version: int
    steps: tuple[dict[str, Any], ...]
    promises: tuple[Promise, ...]
    listings: tuple[ListingView, ...]
    pending: datetime | None


def figures_of(
    *, connection: Connection, item_ids: Collection[int] | None = None, skus: Collection[str] | None = None
) -> list[FigureView]:
    """Return a channel's figures in SKU order: all of them, or those of some items."""
    rows = ChannelFigure.objects.filter(connection=connection).select_related("item", "connection")
    if item_ids is not None:
        rows = rows.filter(item_id__in=item_ids)
    if skus is not None:
        rows = rows.filter(item__sku__in=skus)
    return [_view(row) for row in rows.order_by("item__sku")]


def figure_of(*, connection: Connection, item: Item) -> FigureView | None:
    """Return what a channel may sell of an item, None where it was never offered there."""
    found = figures_of(connection=connection, item_ids=[item.pk])
    return found[0] if found else None


def explain(*, connection: Connection, item: Item, now: datetime) -> Explanation | None:
    """Return the figure by its terms of now, with the order lines and listings around it."""
    rows = ChannelFigure.objects.filter(connection=connection, item=item)
    row = rows.select_related("item", "connection").first()
    if row is None:
        return None
    then = figure_present(connection=connection, item=item, now=now)
    components = KitComponent.objects.filter(kit=item).values_list("component_id", flat=True)
    dirty = DirtyItem.objects.filter(item_id__in=[item.pk, *components]).order_by("since").first()
    return Explanation(
        figure=_view(row),
        policy_version=row.policy_version,
        steps=then.steps if then else (),
        promises=_promises([item.pk, *components]),
        listings=_listings(connection, item, row.figure),
        pending=dirty.since if dirty else None,
    )


def _view(row: ChannelFigure) -> FigureView:
    return FigureView(
        connection=row.connection.code,
        item_id=row.item_id,
        sku=row.item.sku,
        figure=row.figure,
        last_known=row.last_known,
        unknown=tuple(row.unknown),
        version=row.version,
        computed_at=row.computed_at,
        correlation_id=row.correlation_id,
    )


def _promises(item_ids: Collection[int]) -> tuple[Promise, ...]:
    rows = Allocation.objects.filter(item_id__in=item_ids, open=True).select_related(
        "item", "location", "reservation__order__connection"
    )
    return tuple(
        Promise(
            order=each.reservation.order.number or each.reservation.order.order_ref,
            order_connection=each.reservation.order.connection.code,
            line=each.reservation.line_ref,
            state=each.reservation.state,
            sku=each.item.sku,
            location=each.location.code,
            quantity=each.quantity,
            contained=each.contained,
        )
        for each in rows.order_by("location__code", "reservation_id", "id")
    )


def _listings(connection: Connection, item: Item, figure: Decimal | None) -> tuple[ListingView, ...]:
    rows = ItemMapping.objects.filter(connection=connection, item=item).order_by("external_id")
    return tuple(
        ListingView(
            external_id=each.external_id,
            state=each.state,
            base_units_each=str(Factor(each.numerator, each.denominator).fraction),
            figure=None
            if figure is None
            else listing_figure(figure, Factor(each.numerator, each.denominator)),
        )
        for each in rows
    )
