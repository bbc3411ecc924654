"""What came in and what it led to: deliveries with their outcome, orders with what they reserve."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_sync.access.models import ApiKey
from inventory_sync.api.v1 import selectors
from inventory_sync.api.v1.paging import paged
from inventory_sync.api.v1.reading import PageQuery, ReadView
from inventory_sync.api.v1.shapes import DeliveryDetailShape, DeliveryShape, OrderDetailShape, OrderShape
from inventory_sync.intake.models import Delivery


class DeliveriesQuery(PageQuery):
    state = serializers.ChoiceField(choices=Delivery.State.choices, required=False, default="")
    connection = serializers.CharField(required=False, default="", help_text="Code of the connection.")
    since = serializers.DateTimeField(
        required=False, default=None, help_text="RFC 3339 with offset; received then or later."
    )


class DeliveriesView(ReadView):
    required_scope = ApiKey.Scope.READ_DELIVERIES
    query_type = DeliveriesQuery

    @extend_schema(
        operation_id="list_deliveries",
        tags=["deliveries"],
        parameters=[DeliveriesQuery],
        responses=paged(DeliveryShape),
    )
    def get(self, request: Request) -> Response:
        """List deliveries, newest first. Bodies are not shown."""
        query = self.query(request)
        rows = selectors.deliveries(
            state=query["state"], connection=query["connection"], since=query["since"]
        )
        return self.page(request, rows, DeliveryShape, query, newest_first=True)


class DeliveryView(ReadView):
    required_scope = ApiKey.Scope.READ_DELIVERIES

    @extend_schema(operation_id="get_delivery", tags=["deliveries"], responses=DeliveryDetailShape)
    def get(self, request: Request, delivery: int) -> Response:
        """Read what became of one delivery, and the lines of it that wait for a person."""
        self.query(request)
        rows = selectors.deliveries().prefetch_related("parked_lines")
        return self.single(request, DeliveryDetailShape(get_object_or_404(rows, id=delivery)).data)


class OrdersQuery(PageQuery):
    connection = serializers.CharField(required=False, default="", help_text="Code of the connection.")
    order = serializers.CharField(required=False, default="", help_text="The channel's own order id.")
    status = serializers.CharField(required=False, default="")
    since = serializers.DateTimeField(
        required=False, default=None, help_text="RFC 3339 with offset; read or reported then or later."
    )


class OrdersView(ReadView):
    required_scope = ApiKey.Scope.READ_ORDERS
    query_type = OrdersQuery

    @extend_schema(
        operation_id="list_orders", tags=["orders"], parameters=[OrdersQuery], responses=paged(OrderShape)
    )
    def get(self, request: Request) -> Response:
        """List orders, newest first."""
        query = self.query(request)
        rows = selectors.orders(
            connection=query["connection"],
            order=query["order"],
            status=query["status"],
            since=query["since"],
        )
        rows = selectors.may_see(rows, request.auth)
        return self.page(request, rows, OrderShape, query, newest_first=True)


class OrderView(ReadView):
    required_scope = ApiKey.Scope.READ_ORDERS

    @extend_schema(operation_id="get_order", tags=["orders"], responses=OrderDetailShape)
    def get(self, request: Request, order: int) -> Response:
        """Read one order with what each line reserves, and where."""
        self.query(request)
        rows = selectors.may_see(selectors.whole_orders(), request.auth)
        return self.single(request, OrderDetailShape(get_object_or_404(rows, id=order)).data)


class NamedOrderView(ReadView):
    required_scope = ApiKey.Scope.READ_ORDERS

    @extend_schema(operation_id="get_order_by_reference", tags=["orders"], responses=OrderDetailShape)
    def get(self, request: Request, channel: str, reference: str) -> Response:
        """Read one order by its channel and the channel's own id of it."""
        self.query(request)
        rows = selectors.may_see(selectors.whole_orders(), request.auth)
        found = get_object_or_404(rows, connection__code=channel, order_ref=reference)
        return self.single(request, OrderDetailShape(found).data)
