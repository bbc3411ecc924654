"""Stock to come and stock that came late: announcements, and the periods staff close and open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from inventory_sync.audit import services as audit
from inventory_sync.console.admin.base import Reading, ReadingInline, Reasoned, ReasonForm
from inventory_sync.console.admin.doing import Doing
from inventory_sync.console.deeds import Card, Deed, Outcome, facts, join, many
from inventory_sync.console.formats import quantity
from inventory_sync.console.lists import LyingFilter
from inventory_sync.domain.periods import posting_period
from inventory_sync.ledger import periods
from inventory_sync.ledger.models import Expectation, ExpectationLine, LatePosting, Period
from inventory_sync.pipeline.replay import replay_waiting_everywhere
from inventory_sync.support.clock import utc_now

PERMISSION = "ledger.change_period"


class ExpectationLineInline(ReadingInline):
    model = ExpectationLine
    tab = False
    fields = ("line_ref", "item", "shown_quantity", "shown_arrived", "shown_open", "due_at")
    readonly_fields = fields

    @display(description="announced")
    def shown_quantity(self, row: ExpectationLine) -> str:
        return quantity(row.quantity)

    @display(description="arrived")
    def shown_arrived(self, row: ExpectationLine) -> str:
        return quantity(row.arrived)

    @display(description="still to come")
    def shown_open(self, row: ExpectationLine) -> str:
        return quantity(row.open)


@admin.register(Expectation)
class ExpectationAdmin(Reading):
    list_display = ("ref", "connection", "kind", "status", "location", "due_at", "differs", "over")
    list_filter = ("kind", "status", LyingFilter, "differs", "over", "connection", "location")
    list_select_related = ("connection", "location")
    search_fields = ("ref", "reference", "=correlation_id", "lines__item__sku")
    search_help_text = "Reference, document, SKU or correlation id"
    ordering = ("-id",)
    inlines = (ExpectationLineInline,)
    fields = (
        ("connection", "ref", "version"),
        ("kind", "status", "reference"),
        ("origin", "location", "due_at"),
        ("differs", "over", "changed_at"),
    )


@admin.register(LatePosting)
class LatePostingAdmin(Reading):
    list_display = ("event_key", "item", "location", "origin", "period", "recorded_at")
    list_filter = ("origin", "period", "location")
    list_select_related = ("item", "location", "connection")
    search_fields = ("=event_key", "item__sku")
    search_help_text = "Event key or SKU"
    ordering = ("-event_id",)


class _PeriodDeed(Deed[Period]):
    permission = PERMISSION

    def preview(self, row: Period, *, now: datetime) -> Card:
        late = LatePosting.objects.filter(origin=row.code).count()
        return Card(
            row.code,
            facts=facts(
                ("state", row.get_state_display()), ("by", row.changed_by), ("since", row.changed_at)
            ),
            lines=(f"{many(late, 'report')} of it posted in later periods so far.",) if late else (),
            note=row.reason,
            tone="wait" if row.state == Period.State.CLOSED else "good",
        )

    def result(self, row: Period, *, now: datetime) -> Card:
        return self.preview(Period.objects.get(pk=row.pk), now=now)


class Reopen(_PeriodDeed):
    name, verb, icon = "reopen", "Open again", "lock_open"
    promise = (
        "Movements that happened in it are posted in it from now on. What was parked because it was closed "
        "is applied again; what was posted in a later period stays there."
    )

    def applies(self, row: Period) -> bool:
        return row.state == Period.State.CLOSED

    def do(self, rows: Sequence[Period], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        for row in rows:
            periods.open_period(row.code, actor=actor, reason=reason, now=now)
        again = sum(replay_waiting_everywhere(f"period:{row.code}") for row in rows)
        what = many(again, "delivery", "deliveries")
        return Outcome(f"Open again: {join(row.code for row in rows)}; {what} to be applied again.")


class Close(_PeriodDeed):
    name, verb, icon = "close", "Close", "lock"
    promise = "From now on nothing is posted in it: late movements go into the first open period, or wait."

    def applies(self, row: Period) -> bool:
        return row.state == Period.State.OPEN

    def do(self, rows: Sequence[Period], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        for row in rows:
            periods.close_period(row.code, actor=actor, reason=reason, now=now)
        return Outcome(f"Closed: {join(row.code for row in rows)}.")


class PeriodForm(ReasonForm):
    """Which month to close, and why."""

    code = forms.CharField(
        max_length=7,
        label="Month",
        help_text="Year and month (UTC) that is over, e.g. 2026-10.",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "2026-10"}),
    )

    class Meta:
        model = Period
        fields = ("code",)


@admin.register(Period)
class PeriodAdmin(Doing, Reasoned):
    form = PeriodForm
    deeds = (Close(), Reopen())
    list_display = ("code", "state", "shown_takes", "changed_by", "changed_at", "reason")
    list_filter = ("state",)
    search_fields = ("code",)
    ordering = ("-code",)
    fields = ("code",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A period changes by its deeds alone, which ask for the permission themselves."""
        return obj is None and super().has_change_permission(request, obj)

    @display(description="late movements go to")
    def shown_takes(self, row: Period) -> str:
        closed = set(Period.objects.filter(state=Period.State.CLOSED).values_list("code", flat=True))
        return posting_period(row.code, closed)

    def save_model(self, request: HttpRequest, obj: Period, form: Any, change: bool) -> None:
        row = periods.close_period(form.cleaned_data["code"], now=utc_now(), **self.reason(form))
        obj.pk = row.pk
