"""Connections: the form their connector declares, secrets that only go in, and how they are doing."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString, mark_safe
from unfold.decorators import display

from inventory_sync.connections import registry, services
from inventory_sync.connections.ladder import ladder
from inventory_sync.connections.models import Breaker, Budget, Connection, Cursor, Hook, Maintenance
from inventory_sync.console.admin.base import ReadingInline, Reasoned
from inventory_sync.console.admin.connection_deeds import DEEDS
from inventory_sync.console.admin.connection_form import ConnectionForm, fields_of
from inventory_sync.console.admin.doing import Doing
from inventory_sync.console.standing import standing
from inventory_sync.pipeline.replay import replay_waiting_everywhere
from inventory_sync.propagation.hold_acts import arm_first_sync
from inventory_sync.propagation.services import sync_listings
from inventory_sync.support.clock import utc_now

RUNG_COLOURS = {
    "live": "success",
    "throttled": "info",
    "degraded": "danger",
    "held": "warning",
    "stopped": "danger",
}


class CursorInline(ReadingInline):
    model = Cursor
    verbose_name_plural = "read by cursor"
    fields = (
        "stream", "value", "swept_at", "read_at", "run_at", "reads", "finds", "failures", "error_code",
        "error_detail",
    )  # fmt: skip
    readonly_fields = fields


class HookInline(ReadingInline):
    model = Hook
    verbose_name_plural = "webhooks"
    fields = ("topic", "external_id", "status", "checked_at", "recreated")
    readonly_fields = fields


class BudgetInline(ReadingInline):
    model = Budget
    verbose_name_plural = "budget"
    fields = (
        "tokens", "burst", "rate_per_s", "eased", "closed_until", "waits_since", "calls", "refusals",
    )  # fmt: skip
    readonly_fields = fields


class BreakerInline(ReadingInline):
    model = Breaker
    verbose_name_plural = "breaker"
    fields = ("phase", "since", "next_at", "openings", "failures", "error_code", "error_detail")
    readonly_fields = fields


class MaintenanceInline(ReadingInline):
    model = Maintenance
    verbose_name_plural = "maintenance windows"
    fields = ("starts_at", "ends_at", "reason", "closed_at")
    readonly_fields = fields


@admin.register(Connection)
class ConnectionAdmin(Doing, Reasoned):
    deeds = DEEDS
    list_display = ("label", "code", "connector", "shown_state", "sells", "shown_finds", "owner_team")
    list_filter = ("state", "connector", "sells")
    search_fields = ("code", "label", "connector")
    inlines = (CursorInline, HookInline, BudgetInline, BreakerInline, MaintenanceInline)

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return list(self.inlines) if obj else []

    @display(description="stands", ordering="state", label=RUNG_COLOURS)
    def shown_state(self, row: Connection) -> str:
        return ladder(utc_now(), [row])[0].rung.name.lower()

    @display(description="found unannounced")
    def shown_finds(self, row: Connection) -> str:
        cursors = row.cursors.all()
        reads, finds = sum(each.reads for each in cursors), sum(each.finds for each in cursors)
        return f"{finds} of {reads} read" if reads else "—"

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Build the form from what the connector declares; for a new one the address names it."""
        code = obj.connector if obj else request.GET.get("connector", "")
        form = type("Form", (ConnectionForm,), {"connector": registry.connector(code), "user": request.user})
        return type("Form", (form,), fields_of(registry.connector(code), obj))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        code = obj.connector if obj else request.GET.get("connector", "")
        connector = registry.connector(code)
        own = [("code", "label"), ("owner_team", "sells")]
        sets: list[Any] = [(None, {"fields": ["shown_how", *own] if obj else own})]
        if self.has_change_permission(request, obj):
            names = list(fields_of(connector, obj))
            sets += [(f"{connector.label}: settings", {"fields": names}), ("Why", {"fields": ["reason"]})]
        return sets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("code", "shown_how") if obj else ()

    @display(description="how it is doing")
    def shown_how(self, row: Connection) -> SafeString:
        stands = standing(row, now=utc_now())
        return mark_safe(render_to_string("console/standing.html", {"stands": stands}))  # noqa: S308 a template's

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Ask for the connector first: it decides what is filled in."""
        if request.GET.get("connector") in settings.CONNECTORS:
            return super().add_view(request, form_url, extra_context)
        context = {
            **self.admin_site.each_context(request),
            "title": "Which system is it?",
            "opts": Connection._meta,
            "connectors": registry.installed(),
        }
        return TemplateResponse(request, "console/choose_connector.html", context)

    def save_model(self, request: HttpRequest, obj: Connection, form: Any, change: bool) -> None:
        data, why = form.cleaned_data, self.reason(form)
        common = {"label": data["label"], "owner_team": data["owner_team"], "sells": data["sells"]}
        if change:
            row = services.edit_connection(
                connection_id=obj.pk, connector=form.connector, values=form.values(), **common, **why
            )
        else:
            row = services.create_connection(
                connector=form.connector,
                code=data["code"],
                values=form.values(),
                now=utc_now(),
                **common,
                **why,
            )
            obj.pk = row.pk
            if row.sells:
                arm_first_sync(row.pk, **why)
            # Reports may have waited for a connection of that name: shipments of its orders, say.
            transaction.on_commit(partial(replay_waiting_everywhere, f"channel:{row.code}"), robust=True)
        if row.sells:
            sync_listings(row.pk, now=utc_now())
