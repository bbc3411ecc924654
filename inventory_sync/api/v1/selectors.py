"""What v1 reads from the rooms below, each with the joins its answer needs. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Greatest

from inventory_sync.access.models import ApiKey
from inventory_sync.availability.models import ChannelFigure
from inventory_sync.catalog.models import Item, Location
from inventory_sync.connections.models import Connection
from inventory_sync.intake.models import Delivery
from inventory_sync.ledger.models import Allocation, Expectation, ExpectationLine, Order, StockLevel
from inventory_sync.propagation.models import Listing, PushAttempt

_QUANTITY: DecimalField = DecimalField(max_digits=20, decimal_places=6)


def items(
    *, skus: Sequence[str] = (), gtin: str = "", updated_since: datetime | None = None
) -> QuerySet[Item]:
    rows = Item.objects.prefetch_related("units", "components__component")
    if skus:
        rows = rows.filter(sku__in=skus)
    if gtin:
        rows = rows.filter(gtin=gtin)
    if updated_since:
        rows = rows.filter(updated_at__gte=updated_since)
    return rows


def locations(*, kind: str = "") -> QuerySet[Location]:
    """Return the real places; the virtual other legs of movements are no locations to a caller."""
    rows = Location.objects.select_related("parent").prefetch_related("authorities__connection")
    rows = rows.exclude(kind__in=Location.VIRTUAL)
    return rows.filter(kind=kind) if kind else rows


def levels(*, skus: Sequence[str] = (), locations: Sequence[str] = ()) -> QuerySet[StockLevel]:
    """Return levels of real places, with what is promised there (Σ max(0, D − c)), to come and on its way."""
    owed = (
        Allocation.objects.filter(open=True, item=OuterRef("item"), location=OuterRef("location"))
        .order_by()
        .values("item")
        .annotate(
            owed=Sum(Greatest(F("quantity") - F("contained"), Value(Decimal(0)), output_field=_QUANTITY))
        )
        .values("owed")
    )
    rows = StockLevel.objects.select_related("item", "location").exclude(location__kind__in=Location.VIRTUAL)
    expected = ExpectationLine.objects.filter(
        open__gt=0, item=OuterRef("item"), expectation__location=OuterRef("location")
    )
    moving = Q(expectation__kind=Expectation.Kind.TRANSFER)
    rows = rows.annotate(
        promised=_or_none(owed),
        incoming=_or_none(_total(expected.exclude(moving))),
        in_transit=_or_none(_total(expected.filter(moving))),
    )
    if skus:
        rows = rows.filter(item__sku__in=skus)
    if locations:
        rows = rows.filter(location__code__in=locations)
    return rows


def _total(lines: QuerySet[ExpectationLine]) -> QuerySet[Any, Any]:
    return lines.order_by().values("item").annotate(total=Sum("open")).values("total")


def _or_none(sums: QuerySet[Any, Any]) -> Coalesce:
    return Coalesce(Subquery(sums), Value(Decimal(0)), output_field=_QUANTITY)


def channels() -> QuerySet[Connection]:
    return Connection.objects.filter(sells=True)


def figures(connection: Connection) -> QuerySet[ChannelFigure]:
    """Return a channel's figures without their terms; one with its terms is availability's explain()."""
    return ChannelFigure.objects.filter(connection=connection).select_related("item")


def told(connection: Connection, item: Item) -> QuerySet[Listing]:
    """Return the item's listings on a channel, each with what was last written to it and when."""
    written = PushAttempt.objects.filter(listing=OuterRef("pk"), wrote__isnull=False).order_by("-id")
    rows = Listing.objects.filter(connection=connection, mapping__item=item)
    rows = rows.annotate(
        sent=Subquery(written.values("wrote")[:1]), sent_at=Subquery(written.values("at")[:1])
    )
    return rows.order_by("external_id", "external_location")


def deliveries(*, state: str = "", connection: str = "", since: datetime | None = None) -> QuerySet[Delivery]:
    """Return deliveries without their bodies and headers."""
    rows = Delivery.objects.select_related("connection").defer("body", "headers")
    if state:
        rows = rows.filter(state=state)
    if connection:
        rows = rows.filter(connection__code=connection)
    if since:
        rows = rows.filter(received_at__gte=since)
    return rows


def orders(
    *, connection: str = "", order: str = "", status: str = "", since: datetime | None = None
) -> QuerySet[Order]:
    rows = Order.objects.select_related("connection")
    if connection:
        rows = rows.filter(connection__code=connection)
    if order:
        rows = rows.filter(order_ref=order)
    if status:
        rows = rows.filter(status=status)
    if since:
        rows = rows.filter(seen_at__gte=since)
    return rows


def may_see(rows: QuerySet[Order], auth: object) -> QuerySet[Order]:
    """Return the orders of the channels a caller's key is bound to; without such a bond all of them."""
    channels = auth.channels if isinstance(auth, ApiKey) else []
    return rows.filter(connection__code__in=channels) if channels else rows


def whole_orders() -> QuerySet[Order]:
    return orders().prefetch_related(
        "reservations__item", "reservations__allocations__item", "reservations__allocations__location"
    )
