"""The schemas of the events, to be read by whoever sends or receives them. Public: they hold no data."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_sync.api.permissions import PUBLIC
from inventory_sync.api.v1.reading import ReadView
from inventory_sync.domain.events import catalogue


class SchemaShape(serializers.Serializer):
    type = serializers.CharField(help_text="The event's `type`.")
    version = serializers.IntegerField()
    dataschema = serializers.CharField(help_text="What the event's `dataschema` says.")
    description = serializers.CharField()
    gs1_cbv = serializers.DictField(child=serializers.CharField(), help_text="GS1 CBV step and disposition.")
    edi = serializers.ListField(child=serializers.CharField(), help_text="EDI messages that say the same.")
    digest = serializers.CharField(
        help_text="SHA-256 of the schema's file; a published version never changes."
    )


class SchemasShape(serializers.Serializer):
    results = SchemaShape(many=True)


class SchemasView(ReadView):
    required_scope = PUBLIC

    @extend_schema(operation_id="list_event_schemas", tags=["events"], auth=[], responses=SchemasShape)
    def get(self, request: Request) -> Response:
        """List every version of every event's schema."""
        self.query(request)
        return self.single(
            request, SchemasShape({"results": [_row(each) for each in catalogue.schemas()]}).data
        )


class EventSchemaView(ReadView):
    required_scope = PUBLIC

    @extend_schema(
        operation_id="get_event_schema",
        tags=["events"],
        auth=[],
        responses={200: {"type": "object", "additionalProperties": True}},
    )
    def get(self, request: Request, name: str, version: int) -> Response:
        """Read one JSON Schema (2020-12) with all it refers to, and its example."""
        self.query(request)
        found = catalogue.find(name, version)
        if found is None:
            raise Http404
        return self.single(request, catalogue.bundled(found))


def _row(schema: catalogue.Schema) -> dict[str, Any]:
    document = schema.document
    return {
        "type": schema.name,
        "version": schema.version,
        "dataschema": schema.urn,
        "description": document["description"],
        "gs1_cbv": document.get("x-gs1-cbv", {}),
        "edi": document.get("x-edi", []),
        "digest": schema.digest,
    }
