"""The wider view: one item everywhere, one location, one channel; each with what is worst in it by name."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q, QuerySet

from inventory_sync.availability.history import figure_at
from inventory_sync.availability.models import ChannelFigure
from inventory_sync.catalog.models import Item, ItemMapping, Location
from inventory_sync.connections.models import Connection
from inventory_sync.domain.errors import BeforeRecords
from inventory_sync.ledger import history
from inventory_sync.ledger.models import Allocation, DirtyItem, StockLevel
from inventory_sync.pipeline.explain.declared import policy_document
from inventory_sync.pipeline.explain.figures import told_of
from inventory_sync.pipeline.explain.places import explain_place, explain_places, places_of
from inventory_sync.pipeline.explain.types import (
    ChannelExplained,
    Count,
    FigureBrief,
    ItemExplained,
    LocationExplained,
)
from inventory_sync.propagation.models import Listing

WORST = 10


def explain_item(*, item: Item, moment: datetime | None = None) -> ItemExplained:
    """Return what every place held of the item and every channel could sell of it.

    Raises BeforeRecords when the moment lies before anything was recorded of it.
    """
    components = list(item.components.values_list("component_id", flat=True))
    if moment is not None:
        first = history.first_record([item.pk, *components])
        if first is None or moment < first:
            since = f"; the first is of {first.isoformat()}" if first else ""
            raise BeforeRecords(f"Nothing was recorded of {item.sku} by then{since}.")
    channels = Connection.objects.filter(figures__item=item).distinct().order_by("code")
    figures = (_brief(channel, item, moment) for channel in channels)
    return ItemExplained(
        sku=item.sku,
        name=item.name,
        unit=str(item.base_unit_id),
        moment=moment,
        is_kit=item.kind == Item.Kind.KIT,
        places=explain_places(item=item, moment=moment),
        figures=tuple(each for each in figures if each is not None),
    )


def explain_location(*, location: Location, moment: datetime | None = None) -> LocationExplained:
    """Return how the levels of one location stand; for a past moment only who decided there is told."""
    place = places_of([location], moment=moment)[0]
    if moment is not None:
        return LocationExplained(place, moment, ())
    levels = StockLevel.objects.filter(location=location)
    owing = Allocation.objects.filter(location=location, open=True, quantity__gt=F("contained"))
    counts = (
        Count("items", "Items with a level", levels.count()),
        Count("unknown", "Not known", levels.filter(known=False).count()),
        Count("below_zero", "Below zero", levels.filter(on_hand__lt=0).count()),
        Count("order_lines", "Order lines it owes", owing.count()),
    )
    worst = levels.filter(Q(known=False) | Q(on_hand__lt=0)).select_related("item")
    rows = worst.order_by("on_hand", "item__sku")[:WORST]
    return LocationExplained(
        place, None, counts, tuple(explain_place(item=row.item, location=location) for row in rows)
    )


def explain_channel(*, connection: Connection, moment: datetime | None = None) -> ChannelExplained:
    """Return what one channel sells from, by which policy, and how its figures stand now."""
    mapped = connection.location_mappings.select_related("location")
    sells = [row.location for row in mapped if row.sells_for]
    serves = sorted(row.location.code for row in mapped if row.fulfils)
    policy = connection.policies.filter(item__isnull=True).first()
    counts: tuple[Count, ...] = ()
    worst: tuple[FigureBrief, ...] = ()
    if moment is None:
        figures = ChannelFigure.objects.filter(connection=connection)
        listings = Listing.objects.filter(connection=connection)
        offered = ItemMapping.objects.filter(connection=connection, state=ItemMapping.State.CONFIRMED)
        counts = (
            Count("offered", "Items offered", offered.count()),
            Count("figures", "Figures", figures.count()),
            Count("unknown", "Unknown", figures.filter(figure__isnull=True).count()),
            Count("zero", "At zero", figures.filter(figure=0).count()),
            Count("owed", "Pushes owed", listings.filter(state=Listing.State.OWED).count()),
            Count("failed", "Pushes failed", listings.filter(state=Listing.State.FAILED).count()),
            Count("pending", "To be computed again", _dirty(offered)),
        )
        doubtful = figures.filter(Q(figure__isnull=True) | ~Q(unknown=[])).select_related("item")
        worst = tuple(
            FigureBrief(row.item.sku, connection.code, row.figure, tuple(row.unknown), row.computed_at)
            for row in doubtful.order_by("item__sku")[:WORST]
        )
    return ChannelExplained(
        channel=connection.code,
        label=connection.label,
        moment=moment,
        sells_from=places_of(sells, moment=moment, sells={row.pk for row in sells}),
        served_from=tuple(serves),
        policy=policy_document(connection.pk, None, policy.version, moment=moment) if policy else None,
        counts=counts,
        worst=worst,
    )


def _brief(channel: Connection, item: Item, moment: datetime | None) -> FigureBrief | None:
    told = told_of(item, connection=channel, moment=moment)
    if moment is None:
        row = ChannelFigure.objects.get(connection=channel, item=item)
        return FigureBrief(item.sku, channel.code, row.figure, tuple(row.unknown), row.computed_at, told)
    then = figure_at(connection=channel, item=item, moment=moment)
    if then is None:
        return None
    return FigureBrief(item.sku, channel.code, then.figure, then.unknown, then.computed_at, told)


def _dirty(offered: QuerySet[ItemMapping]) -> int:
    return DirtyItem.objects.filter(item_id__in=offered.values("item_id")).count()
