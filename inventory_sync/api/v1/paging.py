"""The schema of one page: its results, and where the next page is."""

from __future__ import annotations

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers


def paged(shape: type[serializers.Serializer]) -> serializers.Serializer:
    """Return the serializer of a page of `shape`; used by the OpenAPI document only."""
    return inline_serializer(
        name=f"PageOf{shape.__name__.removesuffix('Shape')}s",
        fields={
            "results": shape(many=True),
            "next": serializers.URLField(allow_null=True, help_text="The next page, null after the last."),
        },
    )
