"""What each channel may sell, why, and what it was last told."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_sync.access.models import ApiKey
from inventory_sync.api.errors import ChannelUnknown
from inventory_sync.api.v1 import selectors
from inventory_sync.api.v1.paging import paged
from inventory_sync.api.v1.reading import Names, PageQuery, ReadView
from inventory_sync.api.v1.shapes import ChannelShape, ExplainedFigureShape, FigureShape
from inventory_sync.availability.models import ChannelFigure
from inventory_sync.availability.selectors import FigureView, explain, figures_of
from inventory_sync.catalog.models import Item
from inventory_sync.connections.models import Connection
from inventory_sync.support.clock import utc_now

NEVER_COMPUTED = "figure:never_computed"


def channel_called(code: str) -> Connection:
    """Return the channel of an address, or answer that there is none."""
    found = selectors.channels().filter(code=code).first()
    if found is None:
        raise ChannelUnknown
    return found


class ChannelsView(ReadView):
    required_scope = ApiKey.Scope.READ_AVAILABILITY
    query_type = PageQuery

    @extend_schema(
        operation_id="list_channels",
        tags=["availability"],
        parameters=[PageQuery],
        responses=paged(ChannelShape),
    )
    def get(self, request: Request) -> Response:
        """List the connections that sell."""
        return self.page(request, selectors.channels(), ChannelShape, self.query(request))


class AvailabilityQuery(PageQuery):
    sku = Names(
        required=False,
        default=list,
        help_text="Up to 500 SKUs, comma-separated: one result per SKU, in the order asked.",
    )


BULK = inline_serializer(
    name="PageOfFigures",
    fields={
        "results": FigureShape(many=True),
        "not_found": serializers.ListField(
            child=serializers.CharField(), help_text="SKUs asked for that no item has."
        ),
        "next": serializers.URLField(allow_null=True, help_text="The next page, null after the last."),
    },
)


class AvailabilityListView(ReadView):
    required_scope = ApiKey.Scope.READ_AVAILABILITY
    query_type = AvailabilityQuery

    @extend_schema(
        operation_id="list_availability",
        tags=["availability"],
        parameters=[AvailabilityQuery],
        responses=BULK,
    )
    def get(self, request: Request, connection: str) -> Response:
        """Read what a channel may sell of many items.

        With `sku`, every one of them gets an answer: a figure, an unknown, or a place in `not_found`.
        """
        query = self.query(request)
        channel = channel_called(connection)
        if not query["sku"]:
            page = self.page(request, selectors.figures(channel), FigureRow, query)
            page.data["not_found"] = []
            return page
        items = {item.sku: item for item in Item.objects.filter(sku__in=query["sku"])}
        figures = {view.sku: view for view in figures_of(connection=channel, skus=query["sku"])}
        results = [
            FigureShape(figure_shown(items[sku], figures.get(sku))).data
            for sku in query["sku"]
            if sku in items
        ]
        missing = [sku for sku in query["sku"] if sku not in items]
        return Response({"results": results, "not_found": missing, "next": None})


class AvailabilityView(ReadView):
    required_scope = ApiKey.Scope.READ_AVAILABILITY

    @extend_schema(operation_id="explain_availability", tags=["availability"], responses=ExplainedFigureShape)
    def get(self, request: Request, connection: str, sku: str) -> Response:
        """Read what a channel may sell of one item, term by term, and what the channel was last told."""
        self.query(request)
        channel = channel_called(connection)
        item = get_object_or_404(Item, sku=sku)
        told = selectors.told(channel, item)
        explanation = explain(connection=channel, item=item, now=utc_now())
        if explanation is None:
            shown = {"terms": [], "policy_version": 0, "pending_since": None, "promises": []}
        else:
            shown = {
                "terms": explanation.steps,
                "policy_version": explanation.policy_version,
                "pending_since": explanation.pending,
                "promises": explanation.promises,
            }
        figure = figure_shown(item, explanation.figure if explanation else None)
        return self.single(request, ExplainedFigureShape({**figure, **shown, "told": told}).data)


class FigureRow(FigureShape):
    """FigureShape over stored figures."""

    def to_representation(self, instance: ChannelFigure) -> Any:
        return super().to_representation(figure_shown(instance.item, instance))


def figure_shown(item: Item, figure: ChannelFigure | FigureView | None) -> dict[str, Any]:
    """Return the figure, or an honest unknown where none was ever computed."""
    return {
        "sku": item.sku,
        "unit": item.base_unit_id,
        "available": figure.figure if figure else None,
        "unknown": [str(name) for name in figure.unknown] if figure else [NEVER_COMPUTED],
        "version": figure.version if figure else 0,
        "computed_at": figure.computed_at if figure else None,
        "correlation_id": figure.correlation_id if figure else "",
    }
