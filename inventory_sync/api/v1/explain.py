"""Why a number is what it is, or was: of an item on a channel or at a place, or of one of them alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_sync.access.models import ApiKey
from inventory_sync.api.v1 import selectors
from inventory_sync.api.v1.explain_shapes import ExplanationShape
from inventory_sync.api.v1.reading import Query, ReadView
from inventory_sync.catalog.models import Item, Location
from inventory_sync.connections.models import Connection
from inventory_sync.pipeline import explain
from inventory_sync.support.clock import utc_now
from inventory_sync.support.snapshot import snapshot


@extend_schema_field(OpenApiTypes.DATETIME)
class Instant(serializers.Field):
    """A moment with its zone; without one nobody knows which moment it is."""

    def to_internal_value(self, data: Any) -> datetime:
        try:
            value = parse_datetime(str(data))
        except ValueError:
            value = None
        if value is None:
            raise ValidationError(
                "Not an instant. Write 2026-11-23T12:00:00Z, or an offset with its + sent as %2B."
            )
        if value.tzinfo is None:
            raise ValidationError("An instant needs its zone: add Z, or an offset with its + sent as %2B.")
        return value

    def to_representation(self, value: datetime) -> str:
        return value.isoformat()


class ExplainQuery(Query):
    sku = serializers.CharField(required=False, default="", help_text="The item's SKU.")
    channel = serializers.CharField(required=False, default="", help_text="Code of a connection that sells.")
    location = serializers.CharField(required=False, default="", help_text="Code of a location.")
    at = Instant(
        required=False, default=None, help_text="RFC 3339 with offset: explain the figure of that instant."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["sku"] and bool(attrs["channel"]) == bool(attrs["location"]):
            raise ValidationError({"sku": ["Name an item, or one channel, or one location."]})
        if attrs["sku"] and attrs["channel"] and attrs["location"]:
            raise ValidationError({"location": ["Name the channel or the location, not both."]})
        if attrs["at"] is not None and attrs["at"] > utc_now():
            raise ValidationError({"at": ["This instant has not come yet."]})
        return attrs


class ExplainView(ReadView):
    required_scope = ApiKey.Scope.READ_AVAILABILITY
    query_type = ExplainQuery

    @extend_schema(
        operation_id="explain_stock",
        tags=["availability"],
        parameters=[ExplainQuery],
        responses=ExplanationShape,
    )
    def get(self, request: Request) -> Response:
        """Read why a number is what it is, or was at a past instant: terms, documents, what channels saw.

        `sku` with `channel`: the figure. `sku` with `location`: what is free there. `sku` alone: the item
        everywhere. `channel` or `location` alone: as a whole.
        """
        query = self.query(request)
        with snapshot():
            answer = ExplanationShape(answered(**query)).data
        return self.single(request, answer)


def answered(*, sku: str, channel: str, location: str, at: datetime | None) -> dict[str, Any]:
    """Return the one explanation that was asked for."""
    answer = ExplanationShape.empty()
    answer |= {"sku": sku or None, "channel": channel or None, "location": location or None, "at": at}
    item = _named(Item, "sku", sku, "item") if sku else None
    shop = _channel(channel) if channel else None
    place = _named(Location, "code", location, "location") if location else None
    if item is not None:
        answer["unit"] = item.base_unit_id
    if item is not None and shop is not None:
        answer["figure"] = explain.explain_figure(connection=shop, item=item, moment=at, now=utc_now())
        if answer["figure"] is None:
            raise NotFound(f"{shop.code} was never offered {sku}.")
    elif item is not None and place is not None:
        answer["level"] = explain.explain_place(item=item, location=place, moment=at)
    elif item is not None:
        answer["item"] = explain.explain_item(item=item, moment=at)
    elif shop is not None:
        answer["channel_as_a_whole"] = explain.explain_channel(connection=shop, moment=at)
    elif place is not None:
        answer["place"] = explain.explain_location(location=place, moment=at)
    return answer


def _channel(code: str) -> Connection:
    found = selectors.channels().filter(code=code).first()
    if found is None:
        raise NotFound(f"There is no channel {code!r}.")
    return found


def _named(model: Any, field: str, name: str, noun: str) -> Any:
    found = model.objects.filter(**{field: name}).first()
    if found is None:
        raise NotFound(f"There is no {noun} {name!r}.")
    return found
