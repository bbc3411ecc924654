"""The answer of `explain`, field by field: terms, documents, places, what channels were told."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from inventory_sync.api.v1.reading import Quantity
from inventory_sync.pipeline.explain.types import Document

RESOURCES = {"ledger_order": "/api/v1/orders/{}", "intake_delivery": "/api/v1/deliveries/{}"}


class DocumentShape(serializers.Serializer):
    """What stands behind a term; the quantities of its documents add up to the term, where they have one."""

    kind = serializers.CharField(help_text="movement, carried, newer, count, reading, order_line, policy, …")
    title = serializers.CharField()
    quantity = Quantity(allow_null=True, help_text="Its part of the term; null: it decides, it adds nothing.")
    at = serializers.DateTimeField(allow_null=True, help_text="As of when it speaks.")
    recorded_at = serializers.DateTimeField(allow_null=True, help_text="Since when the hub knew.")
    detail = serializers.CharField(allow_blank=True)
    state = serializers.CharField(allow_blank=True)
    resource = serializers.SerializerMethodField(help_text="Where this API tells more of it, if it does.")
    correlation_id = serializers.CharField(allow_blank=True)

    def get_resource(self, document: Document) -> str | None:
        form = RESOURCES.get(document.model)
        return form.format(document.pk) if form and document.pk is not None else None


class PartShape(serializers.Serializer):
    """A part of a component's own figure, in the component's unit; explains a kit's term."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    quantity = Quantity()
    total = Quantity(help_text="The sum of the terms up to this one.")
    location = serializers.CharField(allow_blank=True)
    component = serializers.CharField(allow_blank=True)
    documents = DocumentShape(many=True)


class ExplainedTermShape(PartShape):
    """One signed part of a figure, in base units; the parts of a figure add up to it."""

    basis = PartShape(many=True, help_text="For kits; no part of the sum.")


class PlaceShape(serializers.Serializer):
    location = serializers.CharField()
    name = serializers.CharField()
    mode = serializers.CharField()
    authority = serializers.CharField(allow_blank=True, help_text="The connection that decided there.")
    known = serializers.BooleanField()
    ruling = DocumentShape(allow_null=True, help_text="The count or book figure that ruled.")


class ToldListingShape(serializers.Serializer):
    """What one listing was last told, in the channel's own selling unit."""

    listing = serializers.CharField()
    base_units_each = serializers.CharField()
    left_over = Quantity(
        allow_null=True, help_text="Base units of the figure that fill no pack of this listing."
    )
    wrote = Quantity(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    write_id = serializers.CharField(allow_blank=True, help_text="The idempotency key that was sent.")
    wanted = Quantity(allow_null=True)
    shown = Quantity(allow_null=True, help_text="The last figure read from the channel by then.")
    shown_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField()
    error_code = serializers.CharField(allow_blank=True)


class FigureExplainedShape(serializers.Serializer):
    """What a channel may (or might) sell of the item. `figure` null is unknown, never zero."""

    figure = Quantity(allow_null=True)
    verdict = serializers.CharField(help_text="known, held, shrunk, stopped or unknown")
    unknown = serializers.ListField(child=serializers.CharField())
    version = serializers.IntegerField()
    policy_version = serializers.IntegerField()
    computed_at = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)
    pending_since = serializers.DateTimeField(source="pending", allow_null=True)
    correlation_id = serializers.CharField(allow_blank=True)
    why_not_higher = serializers.ListField(child=serializers.CharField())
    terms = ExplainedTermShape(many=True)
    places = PlaceShape(many=True)
    told = ToldListingShape(many=True)


class PlaceExplainedShape(serializers.Serializer):
    """What is (was) free of the item at the place. `stood`: what truly was there, as far as known today."""

    sku = serializers.CharField()
    place = PlaceShape()
    on_hand = Quantity(allow_null=True, help_text="As it was known then; null: not known, never zero.")
    free = Quantity(allow_null=True)
    stood = Quantity(allow_null=True)
    stood_known = serializers.BooleanField()
    terms = ExplainedTermShape(many=True)


class FigureBriefShape(serializers.Serializer):
    sku = serializers.CharField()
    channel = serializers.CharField()
    figure = Quantity(allow_null=True)
    unknown = serializers.ListField(child=serializers.CharField())
    computed_at = serializers.DateTimeField()
    told = ToldListingShape(many=True)


class CountShape(serializers.Serializer):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    number = serializers.IntegerField()


class ItemExplainedShape(serializers.Serializer):
    places = PlaceExplainedShape(many=True)
    figures = FigureBriefShape(many=True)


class LocationExplainedShape(serializers.Serializer):
    place = PlaceShape()
    counts = CountShape(many=True)
    worst = PlaceExplainedShape(many=True)


class ChannelExplainedShape(serializers.Serializer):
    label = serializers.CharField()  # type: ignore[assignment]
    sells_from = PlaceShape(many=True)
    served_from = serializers.ListField(child=serializers.CharField())
    policy = DocumentShape(allow_null=True)
    counts = CountShape(many=True)
    worst = FigureBriefShape(many=True)


class ExplanationShape(serializers.Serializer):
    """One of the five is set, by what was asked: sku with channel, sku with location, or one alone."""

    sku = serializers.CharField(allow_null=True)
    unit = serializers.CharField(allow_null=True)
    channel = serializers.CharField(allow_null=True)
    location = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True, help_text="The instant asked for; null: now.")
    figure = FigureExplainedShape(allow_null=True)
    level = PlaceExplainedShape(allow_null=True)
    item = ItemExplainedShape(allow_null=True)
    place = LocationExplainedShape(allow_null=True)
    channel_as_a_whole = ChannelExplainedShape(allow_null=True)

    @classmethod
    def empty(cls) -> dict[str, Any]:
        return dict.fromkeys(cls().fields)
