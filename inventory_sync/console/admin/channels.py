"""What channels may sell, what they show, and what is owed to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from unfold.decorators import display

from inventory_sync.audit import services as audit
from inventory_sync.availability import selectors
from inventory_sync.availability.models import ChannelFigure, Policy
from inventory_sync.availability.services import CHANGEABLE, change_policy, remove_policy
from inventory_sync.console.admin.base import Reading, ReadingInline, Reasoned, ReasonForm
from inventory_sync.console.admin.doing import Doing
from inventory_sync.console.admin.explaining import explain_anchor
from inventory_sync.console.deeds import Card, Deed, Outcome, facts, many
from inventory_sync.console.formats import age, pre, pretty_value, quantity
from inventory_sync.console.lists import LateFilter
from inventory_sync.propagation.models import Listing, PushAttempt
from inventory_sync.propagation.services import preview, retry
from inventory_sync.support.clock import utc_now

STATE_COLOURS = {
    "Settled": "success",
    "Owed": "info",
    "Accepted, not applied": "info",
    "Held": "warning",
    "Waits for approval": "warning",
    "Shadow": "default",
    "Failed": "danger",
}
SHORT = {
    "settled": "Settled",
    "owed": "Owed",
    "unknown": "Held",
    "waiting": "Waits for approval",
    "shadow": "Shadow",
    "failed": "Failed",
}
TONES = {
    "settled": "good",
    "owed": "wait",
    "unknown": "wait",
    "waiting": "wait",
    "shadow": "wait",
    "failed": "bad",
}


class RemovePolicy(Deed[Policy]):
    name = "remove"
    permission = "availability.change_policy"
    verb = "Remove"
    icon = "delete_sweep"
    promise = (
        "The items concerned follow the policy of their channel again; without one, the whole pool is "
        "offered. Their figures are worked out anew at once."
    )

    def preview(self, row: Policy, *, now: datetime) -> Card:
        return Card(
            str(row),
            facts=facts(
                ("Share", f"{row.share_percent} %"),
                ("Buffer", quantity(row.buffer)),
                ("Cap", quantity(row.cap) if row.cap is not None else ""),
                ("Threshold", quantity(row.threshold)),
            ),
        )

    def do(self, rows: Sequence[Policy], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        for row in rows:
            remove_policy(actor=actor, policy=row, reason=reason, now=now)
        return Outcome(f"Removed {many(len(rows), 'policy', 'policies')}.")


class PolicyForm(ReasonForm):
    class Meta:
        model = Policy
        fields = ("connection", "item", *CHANGEABLE)

    def clean(self) -> dict[str, Any] | None:
        """A channel has one policy for all its items: the database cannot say so in words."""
        cleaned = super().clean() or {}
        new, channel = self.instance.pk is None, cleaned.get("connection")
        if new and channel and Policy.objects.filter(connection=channel, item=cleaned.get("item")).exists():
            raise ValidationError("There is such a policy already: change that one.")
        return cleaned


@admin.register(Policy)
class PolicyAdmin(Doing, Reasoned):
    form = PolicyForm
    deeds = (RemovePolicy(),)
    list_display = (
        "connection", "shown_item", "share_percent", "shown_buffer", "shown_cap", "shown_threshold",
        "fallback", "version",
    )  # fmt: skip
    list_filter = ("connection", "fallback")
    list_select_related = ("connection", "item")
    search_fields = ("item__sku", "item__name", "connection__code")
    autocomplete_fields = ("item",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("connection", "item", "version") if obj else ()

    @display(description="items")
    def shown_item(self, row: Policy) -> str:
        return str(row.item) if row.item else "all items"

    @display(description="buffer", ordering="buffer")
    def shown_buffer(self, row: Policy) -> str:
        return quantity(row.buffer)

    @display(description="cap", ordering="cap")
    def shown_cap(self, row: Policy) -> str:
        return "—" if row.cap is None else quantity(row.cap)

    @display(description="threshold", ordering="threshold")
    def shown_threshold(self, row: Policy) -> str:
        return quantity(row.threshold)

    def save_model(self, request: HttpRequest, obj: Policy, form: Any, change: bool) -> None:
        row = change_policy(
            connection=obj.connection,
            item=obj.item,
            values={name: form.cleaned_data[name] for name in CHANGEABLE},
            now=utc_now(),
            **self.reason(form),
        )
        obj.pk = row.pk


@admin.register(ChannelFigure)
class ChannelFigureAdmin(Reading):
    list_display = (
        "item", "connection", "shown_figure", "shown_last_known", "version", "computed_at", "shown_explain",
    )  # fmt: skip
    list_filter = ("connection", ("figure", admin.EmptyFieldListFilter))
    list_select_related = ("item", "connection")
    search_fields = ("item__sku", "item__gtin", "item__name", "=correlation_id")
    search_help_text = "SKU, GTIN, name or correlation id"
    ordering = ("item__sku", "connection__code")
    fields = (
        ("item", "connection"),
        ("shown_figure", "shown_last_known"),
        ("version", "policy_version", "computed_at"),
        "shown_why",
        "shown_explain",
        "shown_trail",
    )

    @display(description="may sell", ordering="figure")
    def shown_figure(self, row: ChannelFigure) -> str:
        return quantity(row.figure)

    @display(description="last known", ordering="last_known")
    def shown_last_known(self, row: ChannelFigure) -> str:
        return quantity(row.last_known)

    @display(description="explain")
    def shown_explain(self, row: ChannelFigure) -> SafeString:
        return explain_anchor("with every document", sku=row.item.sku, channel=row.connection.code)

    @display(description="why")
    def shown_why(self, row: ChannelFigure) -> SafeString | str:
        why = selectors.explain(connection=row.connection, item=row.item, now=utc_now())
        if why is None:
            return "—"
        return mark_safe(render_to_string("console/explain.html", {"why": why}))  # noqa: S308 a template's

    @display(description="trail")
    def shown_trail(self, row: ChannelFigure) -> SafeString | str:
        return trail_link(row.correlation_id)


class RetryPush(Deed[Listing]):
    name = "retry"
    permission = "console.retry_push"
    verb = "Retry"
    icon = "upload"
    promise = (
        "The channel is read first, then gets the figure that is right at that moment, and is read again. "
        "Nothing old is sent: a figure that changed since is sent as it is then."
    )

    def preview(self, row: Listing, *, now: datetime) -> Card:
        would = preview(row)
        known = {"would_send", "channel_shows", "acknowledged", "attempts", "error", "note", "listing"}
        return Card(
            f"{row.connection.label}: {row.external_id}",
            url=reverse("admin:propagation_listing_change", args=[row.pk]),
            facts=facts(
                ("Item", row.mapping.item),
                ("Would send", quantity(would.get("would_send"))),
                ("Channel showed", _or_never(would.get("channel_shows"))),
                ("Acknowledged", _or_never(would.get("acknowledged"))),
                ("State", row.get_state_display()),
                ("Attempts", would.get("attempts")),
                ("Error", would.get("error")),
                *((name.replace("_", " "), value) for name, value in would.items() if name not in known),
            ),
            tone=TONES[row.state],
        )

    def result(self, row: Listing, *, now: datetime) -> Card:
        attempts = row.push_attempts.all()[:3]
        return Card(
            f"{row.connection.label}: {row.external_id}",
            url=reverse("admin:propagation_listing_change", args=[row.pk]),
            facts=facts(
                ("State", row.get_state_display()),
                ("Wanted", quantity(row.desired)),
                ("Channel shows", _or_never(row.observed)),
                ("Error", row.error_detail),
            ),
            lines=tuple(
                f"{age(each.at, now=now)} ago: {each.outcome}, read {quantity(each.read_before)}, "
                f"wrote {'nothing' if each.wrote is None else quantity(each.wrote)}"
                for each in attempts
            ),
            tone=TONES[row.state],
        )

    def do(self, rows: Sequence[Listing], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        count = retry([row.pk for row in rows], actor=actor, reason=reason, now=now)
        return Outcome(f"{many(count, 'figure')} owed again, at once.")


class AttemptInline(ReadingInline):
    model = PushAttempt
    tab = False
    fields = ("at", "outcome", "wanted", "read_before", "wrote", "read_after", "error_detail")
    readonly_fields = fields
    verbose_name_plural = "push attempts"
    per_page = 10


@admin.register(Listing)
class ListingAdmin(Doing, Reading):
    deeds = (RetryPush(),)
    nothing_under = MappingProxyType(
        {
            "state__exact=owed": "Nothing is owed: every channel was told its newest figures.",
            "state__exact=failed": "No push has failed.",
        }
    )
    list_display = (
        "external_id", "connection", "shown_item", "shown_state", "shown_desired", "shown_written",
        "shown_acknowledged", "shown_observed", "shown_age", "error_code", "shown_explain",
    )  # fmt: skip
    list_filter = ("state", LateFilter, "connection", "urgent", "error_code")
    list_select_related = ("connection", "mapping__item")
    search_fields = (
        "external_id",
        "mapping__item__sku",
        "mapping__item__gtin",
        "mapping__label",
        "=correlation_id",
    )
    search_help_text = "Vendor's id or name, SKU, GTIN, or a correlation id"
    inlines = (AttemptInline,)
    fieldsets = (
        (
            None,
            {
                "fields": [
                    ("connection", "mapping"),
                    ("external_id", "external_parent"),
                    ("state", "urgent", "shown_explain"),
                ]
            },
        ),
        (
            "Figures, in the vendor's units",
            {
                "fields": [
                    ("shown_desired", "desired_version"),
                    ("shown_written", "writes"),
                    ("shown_acknowledged", "acknowledged_at"),
                    ("shown_observed", "observed_at"),
                ]
            },
        ),
        (
            "Owed",
            {
                "fields": [
                    ("dirty_since", "run_at", "attempts"),
                    ("ambiguous_until", "fall_seen_at"),
                    ("error_code", "error_detail"),
                    "shown_trail",
                ]
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Listing]:
        wrote = PushAttempt.objects.filter(listing=OuterRef("pk"), wrote__isnull=False).order_by("-id")
        return super().get_queryset(request).annotate(last_written=Subquery(wrote.values("wrote")[:1]))

    @display(description="explain")
    def shown_explain(self, row: Listing) -> SafeString | str:
        if row.mapping.item is None:
            return "—"
        return explain_anchor("its figure", sku=row.mapping.item.sku, channel=row.connection.code)

    @display(description="item", ordering="mapping__item__sku")
    def shown_item(self, row: Listing) -> str:
        return row.mapping.item.sku if row.mapping.item else "—"

    @display(description="state", ordering="state", label=STATE_COLOURS)
    def shown_state(self, row: Listing) -> str:
        if row.pending and row.state == Listing.State.OWED:
            return "Accepted, not applied"
        return SHORT[row.state]

    @display(description="wanted", ordering="desired")
    def shown_desired(self, row: Listing) -> str:
        return quantity(row.desired)

    @display(description="written", ordering="last_written")
    def shown_written(self, row: Any) -> str:
        return _or_never(row.last_written)

    @display(description="acknowledged", ordering="acknowledged")
    def shown_acknowledged(self, row: Listing) -> str:
        return _or_never(row.acknowledged)

    @display(description="observed", ordering="observed")
    def shown_observed(self, row: Listing) -> str:
        return _or_never(row.observed)

    @display(description="owed since", ordering="dirty_since")
    def shown_age(self, row: Listing) -> str:
        return age(row.dirty_since, now=utc_now()) if row.state == Listing.State.OWED else "—"

    @display(description="trail")
    def shown_trail(self, row: Listing) -> SafeString | str:
        return trail_link(row.correlation_id)


@admin.register(PushAttempt)
class PushAttemptAdmin(Reading):
    list_display = ("at", "listing", "outcome", "wanted", "read_before", "wrote", "read_after", "error_code")
    list_filter = ("outcome", "listing__connection", "error_code")
    list_select_related = ("listing__connection",)
    search_fields = ("listing__external_id", "=correlation_id")
    fields = (
        ("listing", "outcome"),
        ("at", "finished_at"),
        ("wanted", "read_before", "wrote", "read_after"),
        ("error_code", "error_detail"),
        "shown_trail",
        "shown_exchange",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PushAttempt]:
        return super().get_queryset(request).select_related("call").defer("call__exchanges")

    @display(description="requests and answers of the call")
    def shown_exchange(self, row: PushAttempt) -> SafeString:
        return pre(pretty_value(row.call.exchanges) if row.call else "not kept")

    @display(description="trail")
    def shown_trail(self, row: PushAttempt) -> SafeString | str:
        return trail_link(row.correlation_id)


def trail_link(correlation_id: str) -> SafeString | str:
    if not correlation_id:
        return "—"
    url = reverse("admin:intake_delivery_trail", args=[correlation_id])
    return format_html('<a class="console-link" href="{}">{}</a>', url, correlation_id)


def _or_never(value: Any) -> str:
    return "never" if value is None else quantity(value)
