"""Connections: the form their connector declares, secrets that only go in, and how they are doing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
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

from inventory_sync.audit import services as audit
from inventory_sync.connections import registry, services
from inventory_sync.connections.models import Budget, Connection, Cursor, Hook
from inventory_sync.console.admin.base import ReadingInline, Reasoned
from inventory_sync.console.admin.connection_form import ConnectionForm, fields_of
from inventory_sync.console.admin.doing import Doing
from inventory_sync.console.deeds import Card, Deed, Outcome, facts, many
from inventory_sync.console.standing import standing
from inventory_sync.pipeline.replay import replay_waiting_everywhere
from inventory_sync.propagation.services import sync_listings
from inventory_sync.support.clock import utc_now

STATE_COLOURS = {"Active": "success", "Paused by staff": "warning", "Misconfigured": "danger"}


class Pause(Deed[Connection]):
    name = "pause"
    permission = "console.pause_connection"
    verb = "Pause"
    icon = "pause"
    promise = (
        "Nothing is read from it or written to it until it is resumed. What it sends is still taken in at "
        "the door and waits; figures owed to it wait too, and only the newest will be sent."
    )

    def applies(self, row: Connection) -> bool:
        return row.state != Connection.State.PAUSED

    def preview(self, row: Connection, *, now: datetime) -> Card:
        owed = row.listings.filter(state="owed").count()
        return Card(
            row.label,
            facts=facts(("Code", row.code), ("State", row.get_state_display()), ("Why", row.state_reason)),
            note=f"{many(owed, 'figure')} owed to it now." if row.sells else "",
            tone="good" if row.state == Connection.State.ACTIVE else "wait",
        )

    def do(self, rows: Sequence[Connection], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        for row in rows:
            services.pause(connection_id=row.pk, actor=actor, reason=reason)
        return Outcome(f"Paused {many(len(rows), 'connection')}.")


class Resume(Pause):
    name = "resume"
    verb = "Resume"
    icon = "play_arrow"
    promise = "It is read and written again from now on: what waited is worked off, the newest figure wins."

    def applies(self, row: Connection) -> bool:
        return row.state != Connection.State.ACTIVE

    def do(self, rows: Sequence[Connection], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        for row in rows:
            services.resume(connection_id=row.pk, actor=actor, reason=reason)
        return Outcome(f"Resumed {many(len(rows), 'connection')}.")


class RotateToken(Deed[Connection]):
    name = "token"
    permission = "console.rotate_token"
    verb = "New hook token"
    icon = "vpn_key"
    one_at_a_time = True
    promise = (
        "Makes a secret address for senders that cannot sign. The old one ends at once. Messages that come "
        "in by it are hints only: what they name is read again at the source."
    )

    def preview(self, row: Connection, *, now: datetime) -> Card:
        state = "there is one, it ends now" if row.hook_token_hash else "there is none yet"
        return Card(row.label, facts=facts(("Code", row.code), ("Token", state)))

    def result(self, row: Connection, *, now: datetime) -> Card:
        return Card(row.label, facts=facts(("Code", row.code), ("Token", "the one shown here")), tone="good")

    def do(self, rows: Sequence[Connection], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        row = rows[0]
        token = services.rotate_hook_token(connection_id=row.pk, actor=actor, reason=reason)
        hub = str(settings.INVENTORY_SYNC["HUB_URL"]).rstrip("/")
        return Outcome("Made a new hook token.", secret=f"{hub}/hooks/{row.code}/{token}/")


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
    fields = ("tokens", "burst", "rate_per_s", "refilled_at", "closed_until")
    readonly_fields = fields


@admin.register(Connection)
class ConnectionAdmin(Doing, Reasoned):
    deeds = (Pause(), Resume(), RotateToken())
    list_display = ("label", "code", "connector", "shown_state", "sells", "shown_finds", "owner_team")
    list_filter = ("state", "connector", "sells")
    search_fields = ("code", "label", "connector")
    inlines = (CursorInline, HookInline, BudgetInline)

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return list(self.inlines) if obj else []

    @display(description="state", ordering="state", label=STATE_COLOURS)
    def shown_state(self, row: Connection) -> str:
        return row.get_state_display()

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
            # Reports may have waited for a connection of that name: shipments of its orders, say.
            transaction.on_commit(partial(replay_waiting_everywhere, f"channel:{row.code}"), robust=True)
        if row.sells:
            sync_listings(row.pk, now=utc_now())
