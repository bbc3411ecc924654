"""Items, locations and stock levels: one and many."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_sync.access.models import ApiKey
from inventory_sync.api.v1 import selectors
from inventory_sync.api.v1.paging import paged
from inventory_sync.api.v1.reading import Names, PageQuery, ReadView
from inventory_sync.api.v1.shapes import ItemShape, LevelShape, LocationShape
from inventory_sync.catalog.models import Location


class ItemsQuery(PageQuery):
    sku = Names(required=False, default=list, help_text="One or more SKUs, comma-separated.")
    gtin = serializers.CharField(required=False, default="")
    updated_since = serializers.DateTimeField(
        required=False, default=None, help_text="RFC 3339 with offset; items changed then or later."
    )


class ItemsView(ReadView):
    required_scope = ApiKey.Scope.READ_STOCK
    query_type = ItemsQuery

    @extend_schema(
        operation_id="list_items", tags=["stock"], parameters=[ItemsQuery], responses=paged(ItemShape)
    )
    def get(self, request: Request) -> Response:
        """List items, oldest first."""
        query = self.query(request)
        rows = selectors.items(skus=query["sku"], gtin=query["gtin"], updated_since=query["updated_since"])
        return self.page(request, rows, ItemShape, query)


class ItemView(ReadView):
    required_scope = ApiKey.Scope.READ_STOCK

    @extend_schema(operation_id="get_item", tags=["stock"], responses=ItemShape)
    def get(self, request: Request, sku: str) -> Response:
        """Read one item by its SKU."""
        self.query(request)
        return self.single(request, ItemShape(get_object_or_404(selectors.items(), sku=sku)).data)


class LocationsQuery(PageQuery):
    kind = serializers.ChoiceField(
        choices=[choice for choice in Location.Kind.choices if choice[0] not in Location.VIRTUAL],
        required=False,
        default="",
    )


class LocationsView(ReadView):
    required_scope = ApiKey.Scope.READ_STOCK
    query_type = LocationsQuery

    @extend_schema(
        operation_id="list_locations",
        tags=["stock"],
        parameters=[LocationsQuery],
        responses=paged(LocationShape),
    )
    def get(self, request: Request) -> Response:
        """List the places where stock stands."""
        query = self.query(request)
        return self.page(request, selectors.locations(kind=query["kind"]), LocationShape, query)


class LocationView(ReadView):
    required_scope = ApiKey.Scope.READ_STOCK

    @extend_schema(operation_id="get_location", tags=["stock"], responses=LocationShape)
    def get(self, request: Request, code: str) -> Response:
        """Read one location by its code."""
        self.query(request)
        return self.single(request, LocationShape(get_object_or_404(selectors.locations(), code=code)).data)


class LevelsQuery(PageQuery):
    item = Names(required=False, default=list, help_text="One or more SKUs, comma-separated.")
    location = Names(required=False, default=list, help_text="One or more location codes, comma-separated.")


class LevelsView(ReadView):
    required_scope = ApiKey.Scope.READ_STOCK
    query_type = LevelsQuery

    @extend_schema(
        operation_id="list_stock_levels",
        tags=["stock"],
        parameters=[LevelsQuery],
        responses=paged(LevelShape),
    )
    def get(self, request: Request) -> Response:
        """List stock levels. An item without a row at a place was never reported there."""
        query = self.query(request)
        rows = selectors.levels(skus=query["item"], locations=query["location"])
        return self.page(request, rows, LevelShape, query)


class LevelView(ReadView):
    required_scope = ApiKey.Scope.READ_STOCK

    @extend_schema(operation_id="get_stock_level", tags=["stock"], responses=LevelShape)
    def get(self, request: Request, location: str, sku: str) -> Response:
        """Read the stock level of one item at one location."""
        self.query(request)
        level = get_object_or_404(selectors.levels(), item__sku=sku, location__code=location)
        return self.single(request, LevelShape(level).data)
