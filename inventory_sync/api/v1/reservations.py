"""Read what was reserved through the hub. Reserving, and changing it, goes through the door (api/reserve)."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_sync.access.models import ApiKey
from inventory_sync.api.reserve import shaping
from inventory_sync.api.v1.paging import paged
from inventory_sync.api.v1.reading import PageQuery, Quantity, ReadView
from inventory_sync.domain.containment import Allocation
from inventory_sync.domain.routing import ReserveMode
from inventory_sync.ledger.models import Order, Reservation
from inventory_sync.ledger.ports import HeldLine, HeldOrder
from inventory_sync.ledger.request_types import missing_of
from inventory_sync.ledger.rows_orders import STATUS_OF

STATES = ("held", "review", "committed", "closed", "expired", "released", "cancelled", "rejected", "over")


class PromisedShape(serializers.Serializer):
    """What one location owes of a line; for a kit, of each component."""

    sku = serializers.CharField()
    location = serializers.CharField()
    quantity = Quantity()


class RequestedLineShape(serializers.Serializer):
    line = serializers.CharField()
    sku = serializers.CharField()
    state = serializers.CharField()
    asked = Quantity()
    reserved = Quantity(help_text="What is promised now.")
    missing = Quantity(help_text="What was asked for and refused.")
    reason = serializers.CharField(help_text="Why it stands there, or why it ended.")
    routing = serializers.DictField(help_text="The rule, the ranking, and what was passed over.")
    allocations = PromisedShape(many=True)


class RequestedReservationShape(serializers.Serializer):
    """A reservation asked for through the hub."""

    channel = serializers.CharField()
    reference = serializers.CharField(help_text="The caller's own name for it, unique on its channel.")
    version = serializers.IntegerField()
    state = serializers.ChoiceField(choices=STATES)
    mode = serializers.ChoiceField(choices=[mode.value for mode in ReserveMode])
    expires_at = serializers.DateTimeField(allow_null=True, help_text="When a hold ends by itself.")
    lines = RequestedLineShape(many=True)
    correlation_id = serializers.CharField()


class ReservationsQuery(PageQuery):
    channel = serializers.CharField(required=False, default="", help_text="Code of the connection.")
    state = serializers.ChoiceField(
        choices=Reservation.State.choices, required=False, default="", help_text="A line of it stands so."
    )
    review = serializers.BooleanField(
        required=False, default=None, allow_null=True, help_text="Whether it waits for approval."
    )


class ReservationsView(ReadView):
    required_scope = ApiKey.Scope.RESERVE
    query_type = ReservationsQuery

    @extend_schema(
        operation_id="list_reservations",
        tags=["reservations"],
        parameters=[ReservationsQuery],
        responses=paged(RequestedReservationShape),
    )
    def get(self, request: Request) -> Response:
        """List reservations asked for through the hub, newest first."""
        query = self.query(request)
        rows = _requested(request)
        if query["channel"]:
            rows = rows.filter(connection__code=query["channel"])
        if query["state"]:
            lines = Reservation.objects.filter(order=OuterRef("pk"), state=query["state"])
            rows = rows.filter(Exists(lines))
        if query["review"] is not None:
            rows = rows.filter(review=query["review"])
        return self.page(request, rows, RequestedRow, query, newest_first=True)


class ReservationView(ReadView):
    required_scope = ApiKey.Scope.RESERVE

    @extend_schema(operation_id="get_reservation", tags=["reservations"], responses=RequestedReservationShape)
    def get(self, request: Request, channel: str, reference: str) -> Response:
        """Read one reservation by its channel and the caller's reference."""
        self.query(request)
        found = get_object_or_404(_requested(request), connection__code=channel, order_ref=reference)
        return self.single(request, shown(found))


class RequestedRow(RequestedReservationShape):
    """RequestedReservationShape over stored rows."""

    def to_representation(self, instance: Order) -> Any:
        return shown(instance)


def shown(row: Order) -> dict[str, Any]:
    """Return a stored reservation exactly as the door answers it."""
    held = as_held(row)
    allocations = [part for line in row.reservations.all() for part in line.allocations.all()]
    names = shaping.Names(
        channel=row.connection.code,
        skus={line.item_id: line.item.sku for line in row.reservations.all()}
        | {part.item_id: part.item.sku for part in allocations},
        places={part.location_id: part.location.code for part in allocations},
    )
    return shaping.reservation(held, names, missing_of(held.lines.values()))


def as_held(row: Order) -> HeldOrder:
    """Return a stored order as the ledger's rules see it, with what showing it needs."""
    lines = {
        line.line_ref: HeldLine(
            line_ref=line.line_ref,
            item_id=line.item_id,
            demand=line.demand,
            status=STATUS_OF[line.state],
            fulfilled=line.fulfilled,
            expires_at=line.expires_at,
            reason=line.reason,
            allocations=tuple(
                Allocation(str(part.item_id), str(part.location_id), part.quantity, part.contained)
                for part in line.allocations.all()
            ),
            asked=line.asked,
            routing=line.routing,
        )
        for line in row.reservations.all()
    }
    return HeldOrder(
        connection_id=row.connection_id,
        order_ref=row.order_ref,
        seen=row.seen,
        stamp=row.stamp,
        correlation_id=row.correlation_id,
        lines=lines,
        requested=row.requested,
        review=row.review,
        mode=ReserveMode(row.mode),
    )


def _requested(request: Request) -> QuerySet[Order]:
    """Return what was asked through the hub and this caller may see."""
    rows = Order.objects.filter(requested=True, seen=True).select_related("connection")
    channels = request.auth.channels if isinstance(request.auth, ApiKey) else []
    if channels:
        rows = rows.filter(connection__code__in=channels)
    return rows.prefetch_related(
        "reservations__item", "reservations__allocations__item", "reservations__allocations__location"
    )
