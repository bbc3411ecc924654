"""Held writes: what a channel is about to be told, shown before somebody lets it through; and its guard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from inventory_sync.audit import services as audit
from inventory_sync.console.admin.base import Reading, ReadingInline, Reasoned
from inventory_sync.console.admin.doing import Doing
from inventory_sync.console.deeds import Card, Deed, Outcome, facts, many
from inventory_sync.console.formats import age, quantity
from inventory_sync.domain.guards import Effect
from inventory_sync.pipeline.wake import waker
from inventory_sync.propagation import hold_acts
from inventory_sync.propagation.models import HeldFigure, LaneGuard, WriteHold
from inventory_sync.support.clock import utc_now

State = WriteHold.State
COLOURS = {
    "Gathering": "info",
    "Waits": "warning",
    "Approved": "success",
    "Rejected": "danger",
    "Expired": "default",
}
SHORT = {
    State.GATHERING: "Gathering",
    State.WAITING: "Waits",
    State.APPROVED: "Approved",
    State.REJECTED: "Rejected",
    State.EXPIRED: "Expired",
}
TONES = {State.APPROVED: "good", State.REJECTED: "bad"}
LINES_SHOWN = 20


class Approve(Deed[WriteHold]):
    name = "approve"
    permission = "propagation.decide_writehold"
    verb = "Approve"
    icon = "task_alt"
    one_at_a_time = True
    promise = (
        "The figures shown here are written, as they are by then: one that has moved by more than the "
        "tolerance since is judged anew. The channel is read before and after each write, as always."
    )

    def applies(self, row: WriteHold) -> bool:
        return row.state in (State.WAITING, State.REJECTED)

    def preview(self, row: WriteHold, *, now: datetime) -> Card:
        figures = list(row.figures.select_related("listing__mapping__item")[:LINES_SHOWN])
        more = row.listings - len(figures)
        return Card(
            f"{row.connection.label}: {row.get_kind_display().lower()}",
            url=reverse("admin:propagation_writehold_change", args=[row.pk]),
            facts=facts(
                ("State", row.get_state_display()),
                ("Listings", f"{row.listings} of {row.of_listings}"),
                ("To zero", str(row.to_zero)),
                ("Shown in all", quantity(row.shown)),
                ("Would be shown", quantity(row.wanted)),
                ("Shift", shift_of(row)),
                ("Waits since", f"{age(row.opened_at, now=now)}"),
                ("Decided by", row.decided_by),
                ("Reason", row.reason),
            ),
            lines=tuple(line_of(each) for each in figures),
            note=f"and {many(more, 'smaller shift')}" if more > 0 else "",
            tone=TONES.get(State(row.state), "wait"),
        )

    def do(self, rows: Sequence[WriteHold], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        hold = hold_acts.approve(rows[0].pk, actor=actor, reason=reason, now=now)
        transaction.on_commit(partial(waker().push, hold.connection_id), robust=True)
        return Outcome(
            f"Approved: {many(hold.listings, 'figure')} of {hold.connection.label} may be written."
        )


class Reject(Approve):
    name = "reject"
    verb = "Reject"
    icon = "block"
    promise = (
        "Nothing of this is written. The channel keeps what it shows, and each figure stays held until it "
        "changes or a day has passed; then it is judged anew. Put right what made them wrong meanwhile."
    )

    def applies(self, row: WriteHold) -> bool:
        return row.state == State.WAITING

    def do(self, rows: Sequence[WriteHold], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        hold = hold_acts.reject(rows[0].pk, actor=actor, reason=reason, now=now)
        return Outcome(f"Rejected: {hold.connection.label} keeps what it shows.")


class FigureInline(ReadingInline):
    model = HeldFigure
    tab = False
    hide_title = True
    fields = ("shown_listing", "shown_before", "shown_after", "shown_shift", "shown_explained", "shown_now")
    readonly_fields = fields
    verbose_name_plural = "what would be sent, biggest shifts first"
    per_page = 50

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("listing__mapping__item")

    @display(description="listing")
    def shown_listing(self, row: HeldFigure) -> SafeString:
        url = reverse("admin:propagation_listing_change", args=[row.listing_id])
        return format_html('<a href="{}">{}</a>', url, name_of(row))

    @display(description="shows")
    def shown_before(self, row: HeldFigure) -> str:
        return quantity(row.shown)

    @display(description="would show")
    def shown_after(self, row: HeldFigure) -> str:
        return quantity(row.wanted)

    @display(description="shift")
    def shown_shift(self, row: HeldFigure) -> str:
        return quantity(row.shift)

    @display(description="explained by orders")
    def shown_explained(self, row: HeldFigure) -> str:
        return quantity(row.explained)

    @display(description="wanted now")
    def shown_now(self, row: HeldFigure) -> str:
        return "unknown" if row.listing.desired is None else quantity(row.listing.desired)


@admin.register(WriteHold)
class WriteHoldAdmin(Doing, Reading):
    deeds = (Approve(), Reject())
    nothing = "Nothing was held: every figure was plausible, or explained by orders."
    nothing_under = MappingProxyType({"state__exact=waiting": "Nothing waits for an approval."})
    list_display = (
        "connection", "kind", "shown_state", "shown_listings", "to_zero", "shown_shift", "shown_age",
        "decided_by",
    )  # fmt: skip
    list_filter = ("state", "kind", "connection")
    list_select_related = ("connection",)
    search_fields = ("connection__code", "connection__label", "figures__listing__external_id")
    inlines = (FigureInline,)
    fieldsets = (
        (None, {"fields": [("connection", "kind"), ("shown_state", "ends_at"), ("opened_at", "frozen_at")]}),
        (
            "What would happen",
            {"fields": [("shown_listings", "to_zero", "shown_shift"), ("shown_before", "shown_after")]},
        ),
        ("Decision", {"fields": [("decided_by", "decided_at"), "reason"]}),
    )

    @display(description="state", ordering="state", label=COLOURS)
    def shown_state(self, row: WriteHold) -> str:
        return SHORT[State(row.state)]

    @display(description="listings", ordering="listings")
    def shown_listings(self, row: WriteHold) -> str:
        if row.state == State.GATHERING:
            return f"{row.figures.count()} so far"
        return f"{row.listings} of {row.of_listings}"

    @display(description="shift", ordering="shift")
    def shown_shift(self, row: WriteHold) -> str:
        return shift_of(row)

    @display(description="shown in all")
    def shown_before(self, row: WriteHold) -> str:
        return quantity(row.shown)

    @display(description="would be shown in all")
    def shown_after(self, row: WriteHold) -> str:
        return quantity(row.wanted)

    @display(description="held since", ordering="opened_at")
    def shown_age(self, row: WriteHold) -> str:
        return f"{age(row.opened_at, now=utc_now())} ago"


@admin.register(LaneGuard)
class LaneGuardAdmin(Reasoned):
    nothing = "Every channel is guarded by the limits of the installation, and no first sync waits."
    list_display = (
        "connection", "first_sync", "least_listings", "zero_share", "shift_share", "shift_percent",
        "window_s",
    )  # fmt: skip
    list_select_related = ("connection",)
    fields = ("connection", "first_sync", *hold_acts.LIMITS)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("connection",) if obj else ()

    def save_model(self, request: HttpRequest, obj: LaneGuard, form: Any, change: bool) -> None:
        values = {name: form.cleaned_data[name] for name in ("first_sync", *hold_acts.LIMITS)}
        hold_acts.change_guard(obj.connection_id, values, **self.reason(form))


def shift_of(row: WriteHold) -> str:
    """Return how much of what the listings show would move; from nothing there is no percentage."""
    effect = Effect(row.listings, row.to_zero, row.shown, row.wanted, row.shift)
    percent = effect.shift_percent
    return f"{quantity(row.shift)} units" if percent is None else f"{quantity(percent)} %"


def line_of(row: HeldFigure) -> str:
    return f"{name_of(row)}: {quantity(row.shown)} → {quantity(row.wanted)}"


def name_of(row: HeldFigure) -> str:
    item = row.listing.mapping.item
    return f"{row.listing.external_id} ({item.sku})" if item else row.listing.external_id
