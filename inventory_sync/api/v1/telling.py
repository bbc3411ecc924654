"""Who is told of cases, for other systems: the routes, what each is owed, and whether it works. Reads only.

No address and no secret is answered: a route says by what it leads, not to whom.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_sync.access.models import ApiKey
from inventory_sync.api.v1.reading import Query, ReadView
from inventory_sync.cases.models_telling import Route
from inventory_sync.pipeline.gauges import Look
from inventory_sync.support.clock import utc_now


class RoutesQuery(Query):
    team = serializers.CharField(required=False, default="", help_text="Routes that take this team's cases.")


class RouteShape(serializers.ModelSerializer):
    """A route by which people are told. An empty team, code or connection means every one."""

    least_severity = serializers.CharField(help_text="low, normal or urgent: this and worse.")
    connection = serializers.CharField(source="connection_code")
    kind = serializers.CharField(help_text="email or webhook.")
    leads_to = serializers.SerializerMethodField(help_text="The host of a webhook, or how many addresses.")
    escalates_to = serializers.SerializerMethodField(help_text="The name of the next route, if any.")
    waiting = serializers.SerializerMethodField(help_text="What it is still to be told, for whatever reason.")
    unsent = serializers.SerializerMethodField(help_text="Messages that are written and not sent.")
    failing_since = serializers.SerializerMethodField(help_text="Since when none of its messages is taken.")

    class Meta:
        model = Route
        fields = (
            "id", "name", "active", "team", "least_severity", "code_prefix", "connection", "kind", "leads_to",
            "time_zone", "quiet_begins", "quiet_ends", "quiet_breaks", "digest", "digest_at", "per_hour",
            "tells_closing", "escalate_after_min", "escalates_to", "waiting", "unsent", "failing_since",
        )  # fmt: skip

    def get_leads_to(self, row: Route) -> str:
        if row.kind == Route.Kind.WEBHOOK:
            return urlsplit(row.url).hostname or ""
        count = len(row.address_list)
        return f"{count} address{'es' if count != 1 else ''}"

    def get_escalates_to(self, row: Route) -> str | None:
        return row.escalate_to.name if row.escalate_to is not None else None

    def get_waiting(self, row: Route) -> int:
        told = self.context["telling"].get(row.pk)
        return told.waiting if told is not None else 0

    def get_unsent(self, row: Route) -> int:
        told = self.context["telling"].get(row.pk)
        return told.unsent if told is not None else 0

    def get_failing_since(self, row: Route) -> str | None:
        told = self.context["telling"].get(row.pk)
        return told.fails.isoformat() if told is not None and told.fails is not None else None


class RoutesView(ReadView):
    required_scope = ApiKey.Scope.READ_CASES
    query_type = RoutesQuery

    @extend_schema(
        operation_id="list_routes",
        tags=["cases"],
        parameters=[RoutesQuery],
        responses=RouteShape(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the routes by which people are told; a key bound to channels sees those of its own."""
        query = self.query(request)
        rows = Route.objects.select_related("escalate_to").order_by("name")
        if query["team"]:
            rows = rows.filter(team__in=["", query["team"]])
        bound = request.auth.channels if isinstance(request.auth, ApiKey) else []
        if bound:
            rows = rows.filter(connection_code__in=bound)
        context: dict[str, Any] = {"telling": {each.id: each for each in Look(utc_now()).people}}
        return Response(RouteShape(rows, many=True, context=context).data)
