"""What came in: deliveries with their trail, the lines that wait, and objects to be read again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from unfold.decorators import display

from inventory_sync.audit import services as audit
from inventory_sync.console.admin.base import Reading, ReadingInline
from inventory_sync.console.admin.doing import Doing
from inventory_sync.console.deeds import Card, Deed, Outcome, facts, many
from inventory_sync.console.formats import age, code, masked, pre, pretty_body, pretty_value
from inventory_sync.console.trail import Trail, trail_of
from inventory_sync.console.waiting import waiting_ids
from inventory_sync.intake.models import Delivery, ParkedLine, ReadDue
from inventory_sync.intake.services import resolve_parked
from inventory_sync.ledger.models import Event
from inventory_sync.pipeline.replay import replay
from inventory_sync.support.clock import utc_now

NOTE = mark_safe('<p class="console-note">What it says of people is masked.</p>')
SHORT = {"pending": "Pending", "done": "Done", "parked": "Parked", "rejected": "Rejected"}
STATE_COLOURS = {"Pending": "info", "Done": "success", "Parked": "warning", "Rejected": "danger"}
TONES = {"done": "good", "parked": "wait", "pending": "wait", "rejected": "bad"}


class ReplayDelivery(Deed[Delivery]):
    name = "replay"
    permission = "console.replay_delivery"
    verb = "Replay"
    icon = "replay"
    promise = (
        "The stored message will be translated and applied again, with the mappings of now. Events that were "
        "posted already count once, and an older version of an order changes nothing: replaying is safe."
    )

    def preview(self, row: Delivery, *, now: datetime) -> Card:
        posted = Event.objects.filter(delivery_id=row.pk).count()
        waiting = row.parked_lines.filter(resolved_at__isnull=True)
        return Card(
            f"{row.topic} #{row.pk}",
            url=reverse("admin:intake_delivery_change", args=[row.pk]),
            facts=facts(
                ("Connection", row.connection.label),
                ("Object", row.object_key),
                ("Came in", f"{age(row.received_at, now=now)} ago, by {row.source}"),
                ("State", row.get_state_display()),
                ("Attempts", row.attempts),
                ("Already posted", many(posted, "event")),
                ("Error", row.error_detail or row.error_code),
            ),
            lines=tuple(f"{line.summary or line.event_key}: {line.detail}" for line in waiting[:20]),
            tone=TONES[row.state],
        )

    def do(self, rows: Sequence[Delivery], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        count = replay([row.pk for row in rows], actor=actor, reason=reason)
        return Outcome(f"{many(count, 'delivery', 'deliveries')} will be applied again.")


class LineInline(ReadingInline):
    model = ParkedLine
    fields = ("summary", "code", "waits_on", "detail", "resolved_at", "resolution")
    readonly_fields = fields
    verbose_name_plural = "parked lines"


@admin.register(Delivery)
class DeliveryAdmin(Doing, Reading):
    deeds = (ReplayDelivery(),)
    nothing_under = MappingProxyType({"state__exact=rejected": "No delivery has failed."})
    list_display = (
        "id",
        "shown_topic",
        "connection",
        "object_key",
        "shown_state",
        "shown_age",
        "events",
        "tier",
    )
    list_display_links = ("id", "shown_topic")
    list_filter = ("state", "connection", "topic", "source", "tier", "error_code")
    list_select_related = ("connection",)
    search_fields = ("=correlation_id", "=id", "object_key__startswith")
    search_help_text = "Correlation id, number, or the object's key (order:482)"
    inlines = (LineInline,)
    fieldsets = (
        (None, {"fields": [("connection", "topic"), ("state", "source"), ("received_at", "finished_at")]}),
        ("How it went", {"fields": [("attempts", "events"), "error_code", "error_detail"]}),
        ("Trail", {"fields": ["shown_trail"]}),
        ("Message", {"fields": [("object_key", "correlation_id"), "shown_headers", "shown_body"]}),
    )

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.trail_view)
        return [path("trail/<str:correlation_id>/", page, name="intake_delivery_trail"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        """Leave the bodies in the database until one is read."""
        return super().get_queryset(request).select_related("connection").defer("body", "headers")

    @display(description="topic", ordering="topic")
    def shown_topic(self, row: Delivery) -> SafeString:
        return code(row.topic)

    @display(description="state", ordering="state", label=STATE_COLOURS)
    def shown_state(self, row: Delivery) -> str:
        return SHORT[row.state]

    @display(description="came in", ordering="received_at")
    def shown_age(self, row: Delivery) -> str:
        return f"{age(row.received_at, now=utc_now())} ago"

    @display(description="headers")
    def shown_headers(self, row: Delivery) -> SafeString:
        return pre(pretty_value(masked(row.headers)))

    @display(description="body")
    def shown_body(self, row: Delivery) -> SafeString:
        return pre(pretty_body(bytes(row.body))) + NOTE

    @display(description="from the door to the channel")
    def shown_trail(self, row: Delivery) -> SafeString:
        return shown_trail(trail_of(row.correlation_id, delivery=row))

    def trail_view(self, request: HttpRequest, correlation_id: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        trail = trail_of(correlation_id)
        context = {
            **self.admin_site.each_context(request),
            "title": "Trail",
            "opts": Delivery._meta,
            "trail": trail,
            "shown": shown_trail(trail),
        }
        return TemplateResponse(request, "console/trail_page.html", context)


class ResolveLine(Deed[ParkedLine]):
    name = "resolve"
    permission = "console.resolve_parked"
    verb = "Close without applying"
    icon = "do_not_disturb_on"
    promise = (
        "The line is put aside for good: what it reports is not applied, and no mapping made later replays "
        "it. Its neighbours are not touched."
    )

    def applies(self, row: ParkedLine) -> bool:
        return row.resolved_at is None

    def preview(self, row: ParkedLine, *, now: datetime) -> Card:
        return Card(
            row.summary or row.event_key,
            url=reverse("admin:intake_parkedline_change", args=[row.pk]),
            facts=facts(
                ("Connection", row.connection.label),
                ("Delivery", f"{row.delivery.topic} #{row.delivery_id}"),
                ("Waits for", row.waits_on),
                ("Since", f"{age(row.created_at, now=now)}"),
                ("Resolved", row.resolution if row.resolved_at else ""),
            ),
            note=row.detail,
            tone="good" if row.resolved_at else "wait",
        )

    def do(self, rows: Sequence[ParkedLine], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        count = resolve_parked([row.pk for row in rows], actor=actor, reason=reason, now=now)
        return Outcome(f"Closed {many(count, 'line')}.")


class ReplayLine(ResolveLine):
    name = "replay"
    permission = "console.replay_delivery"
    verb = "Replay its delivery"
    icon = "replay"
    promise = (
        "The whole message of the line is applied again, with the mappings of now. Lines that were applied "
        "already count once; a line that still lacks what it waits for is parked again."
    )

    def do(self, rows: Sequence[ParkedLine], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        count = replay({row.delivery_id for row in rows}, actor=actor, reason=reason)
        return Outcome(f"{many(count, 'delivery', 'deliveries')} will be applied again.")


class WaitingFilter(admin.SimpleListFilter):
    title = "waiting"
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Still waiting"), ("mapping", "For a mapping"), ("over", "Resolved")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ParkedLine]) -> QuerySet[ParkedLine]:
        match self.value():
            case "open":
                return queryset.filter(resolved_at__isnull=True)
            case "mapping":
                return queryset.filter(resolved_at__isnull=True, code__startswith="mapping.")
            case "over":
                return queryset.filter(resolved_at__isnull=False)
            case _:
                return queryset


@admin.register(ParkedLine)
class ParkedLineAdmin(Doing, Reading):
    deeds = (ReplayLine(), ResolveLine())
    list_display = (
        "shown_line",
        "connection",
        "shown_code",
        "waits_on",
        "shown_delivery",
        "shown_age",
        "resolution",
    )
    list_filter = (WaitingFilter, "connection", "code")
    list_select_related = ("connection", "delivery")
    list_before_template = "console/waiting_banner.html"
    search_fields = ("waits_on", "event_key", "summary", "=delivery__correlation_id")
    search_help_text = "What it waits for, words of the line, or a correlation id"
    fields = (
        ("connection", "code"),
        "summary",
        "detail",
        ("waits_on", "event_key"),
        "shown_delivery",
        ("resolved_at", "resolution"),
    )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {**(extra_context or {}), "waiting_ids": waiting_ids()}
        return super().changelist_view(request, context)  # type: ignore[return-value]

    @display(description="line")
    def shown_line(self, row: ParkedLine) -> str:
        return row.summary or row.event_key

    @display(description="code", ordering="code", label="warning")
    def shown_code(self, row: ParkedLine) -> str:
        return row.code

    @display(description="delivery")
    def shown_delivery(self, row: ParkedLine) -> SafeString:
        url = reverse("admin:intake_delivery_change", args=[row.delivery_id])
        return format_html(
            '<a class="console-link" href="{}">{} #{}</a>', url, row.delivery.topic, row.delivery_id
        )

    @display(description="waits", ordering="created_at")
    def shown_age(self, row: ParkedLine) -> str:
        return age(row.created_at, now=row.resolved_at or utc_now())


@admin.register(ReadDue)
class ReadDueAdmin(Reading):
    list_display = ("connection", "kind", "ref", "why", "run_at", "attempts", "error_detail")
    list_filter = ("connection", "kind")
    list_select_related = ("connection",)
    search_fields = ("ref", "=correlation_id")


def shown_trail(trail: Trail) -> SafeString:
    steps = [
        {
            "name": step.name,
            "empty": step.empty,
            "stops": [
                {
                    "at": stop.at,
                    "title": stop.title,
                    "detail": stop.detail,
                    "link": reverse(f"admin:{stop.model}_change", args=[stop.pk]) if stop.model else "",
                }
                for stop in step.stops
            ],
        }
        for step in trail.steps
    ]
    shown = {"steps": steps, "tasks_link": trail.tasks_link}
    return mark_safe(render_to_string("console/trail.html", {"trail": shown}))  # noqa: S308 a template's
