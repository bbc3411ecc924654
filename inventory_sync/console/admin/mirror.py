"""Stock mirrored to systems that do not decide it: since when, what they were told, and what they refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from inventory_sync.audit import services as audit
from inventory_sync.console.admin.base import Reading, ReadingInline
from inventory_sync.console.admin.channels import trail_link
from inventory_sync.console.admin.doing import Doing
from inventory_sync.console.deeds import Card, Deed, Outcome, facts, many
from inventory_sync.console.formats import age, quantity
from inventory_sync.pipeline.wake import waker
from inventory_sync.propagation import mirror_acts
from inventory_sync.propagation.mirror_selectors import movements_behind
from inventory_sync.propagation.models import MirrorDocument, MirrorLine, MirrorPlace
from inventory_sync.support.clock import utc_now

State = MirrorDocument.State
TONES = {State.BOOKED: "good", State.REFUSED: "bad", State.GIVEN_UP: "bad"}
COLOURS = {
    "Booked": "success",
    "Owed": "info",
    "Outcome not known": "warning",
    "Refused": "danger",
    "Replaced": "default",
    "Given up": "danger",
}
SHORT = {
    State.OWED: "Owed",
    State.UNKNOWN: "Outcome not known",
    State.BOOKED: "Booked",
    State.REFUSED: "Refused",
    State.SPLIT: "Replaced",
    State.GIVEN_UP: "Given up",
}
LINES_SHOWN = 20


class TryAgain(Deed[MirrorDocument]):
    name = "retry"
    permission = "propagation.change_mirrordocument"
    verb = "Try again"
    icon = "refresh"
    promise = (
        "The documents are owed again, at once, under the same names. One that was cancelled there, or was "
        "known there before it was sent, is told under a new name instead. Nothing is booked twice."
    )

    def applies(self, row: MirrorDocument) -> bool:
        return row.state == State.REFUSED

    def preview(self, row: MirrorDocument, *, now: datetime) -> Card:
        lines = list(row.lines.select_related("item")[: LINES_SHOWN + 1])
        return Card(
            row.name,
            facts=facts(
                ("At", row.connection.label),
                ("Place", row.place.location.code),
                ("Reason", row.get_reason_display()),
                ("State", row.get_state_display()),
                ("Sent", many(row.attempts, "time")),
                ("Error", row.error_detail),
            ),
            lines=tuple(_line_in_words(row, line) for line in lines[:LINES_SHOWN]),
            note="and more" if len(lines) > LINES_SHOWN else "",
            tone=TONES.get(State(row.state), "wait"),
        )

    def do(
        self, rows: Sequence[MirrorDocument], *, actor: audit.Actor, reason: str, now: datetime
    ) -> Outcome:
        tried = mirror_acts.retry([row.pk for row in rows], actor=actor, reason=reason, now=now)
        for connection_id in tried.connections:
            transaction.on_commit(partial(waker().mirror, connection_id), robust=True)
        return Outcome(f"{many(len(tried.documents), 'document')} owed again, at once.")


class GiveUp(TryAgain):
    name = "give-up"
    verb = "Give up"
    icon = "block"
    promise = (
        "These movements are never booked there. The copy stays different by their lines until somebody "
        "corrects it there; the stock record of the hub is not touched."
    )

    def do(
        self, rows: Sequence[MirrorDocument], *, actor: audit.Actor, reason: str, now: datetime
    ) -> Outcome:
        count = mirror_acts.give_up([row.pk for row in rows], actor=actor, reason=reason, now=now)
        return Outcome(f"{many(count, 'document')} given up.")


class LineInline(ReadingInline):
    model = MirrorLine
    tab = False
    fields = ("item", "shown_quantity", "item_ref", "shown_told", "lot", "shown_movements")
    readonly_fields = fields
    verbose_name_plural = "lines"
    per_page = 25

    @display(description="base units")
    def shown_quantity(self, row: MirrorLine) -> str:
        return quantity(row.quantity)

    @display(description="told, in its unit")
    def shown_told(self, row: MirrorLine) -> str:
        return quantity(row.told)

    @display(description="movements it sums")
    def shown_movements(self, row: MirrorLine) -> SafeString:
        url = reverse("admin:propagation_mirrorline_change", args=[row.pk])
        return format_html('<a class="console-link" href="{}">{}</a>', url, many(row.movements, "movement"))


@admin.register(MirrorDocument)
class MirrorDocumentAdmin(Doing, Reading):
    deeds = (TryAgain(), GiveUp())
    nothing = (
        "Nothing was mirrored yet. A location mapping with the role “Keeps a copy of the stock” begins a "
        "mirror: from then on every movement there is told; what lay there before is not."
    )
    nothing_under = MappingProxyType(
        {
            "state__exact=owed": "Nothing is owed: every mirror was told what has moved.",
            "state__exact=unknown": "No outcome is in doubt.",
            "state__exact=refused": "No document was refused.",
        }
    )
    list_display = (
        "name", "connection", "shown_place", "shown_reason", "shown_lines", "shown_state", "shown_age",
        "attempts", "error_code",
    )  # fmt: skip
    list_filter = ("state", "connection", "place", "reason", "error_code")
    list_select_related = ("connection", "place__location")
    search_fields = ("name", "target_name", "lines__item__sku", "lines__item_ref")
    search_help_text = "Name of the document here or there, SKU, or the target's id of an item"
    inlines = (LineInline,)
    fieldsets = (
        (
            None,
            {"fields": [("name", "shown_state"), ("connection", "place"), ("shown_reason", "target_name")]},
        ),
        (
            "On its way",
            {
                "fields": [
                    ("made_at", "booked_at"),
                    ("attempts", "sent_at"),
                    ("run_at", "ambiguous_until"),
                    ("error_code", "error_detail"),
                    ("shown_parent", "shown_parts"),
                ]
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[MirrorDocument]:
        return super().get_queryset(request).annotate(many_lines=Count("lines"))

    @display(description="state", ordering="state", label=COLOURS)
    def shown_state(self, row: MirrorDocument) -> str:
        return SHORT[State(row.state)]

    @display(description="location", ordering="place__location__code")
    def shown_place(self, row: MirrorDocument) -> str:
        return row.place.location.code

    @display(description="what", ordering="reason")
    def shown_reason(self, row: MirrorDocument) -> str:
        return f"{row.get_reason_display()}, {'arrives' if row.arrives else 'leaves'}"

    @display(description="lines", ordering="many_lines")
    def shown_lines(self, row: Any) -> str:
        return str(row.many_lines)

    @display(description="made", ordering="made_at")
    def shown_age(self, row: MirrorDocument) -> str:
        return f"{age(row.made_at, now=utc_now())} ago"

    @display(description="it was part of")
    def shown_parent(self, row: MirrorDocument) -> SafeString | str:
        return _document_link(row.parent) if row.parent else "—"

    @display(description="replaced by")
    def shown_parts(self, row: MirrorDocument) -> SafeString | str:
        parts = row.parts.order_by("pk")
        return format_html_join(", ", "{}", ((_document_link(part),) for part in parts)) or "—"


@admin.register(MirrorLine)
class MirrorLineAdmin(Reading):
    """One line and the movements it sums. Reached from its document."""

    list_display = ("document", "item", "told", "item_ref", "movements")
    list_select_related = ("document", "item")
    search_fields = ("document__name", "item__sku", "item_ref")
    fields = (("document", "item"), ("quantity", "told", "item_ref", "lot"), "shown_movements")
    readonly_fields = ("shown_movements",)

    @display(description="movements it sums")
    def shown_movements(self, row: MirrorLine) -> SafeString:
        return format_html_join(
            "",
            "<p>{}: {} {} {} {}</p>",
            (
                (
                    f"{each.occurred_at:%Y-%m-%d %H:%M:%S}",
                    quantity(each.quantity),
                    each.kind.replace("_", " "),
                    each.reference,
                    trail_link(each.correlation_id),
                )
                for each in movements_behind(row)
            ),
        )


@admin.register(MirrorPlace)
class MirrorPlaceAdmin(Reading):
    nothing = MirrorDocumentAdmin.nothing
    list_display = ("location", "connection", "external_id", "since", "until", "shown_open", "compared_at")
    list_filter = ("connection", "location")
    list_select_related = ("connection", "location")
    fields = (("connection", "external_id"), "location", ("since", "until"), "compared_at", "shown_promise")
    readonly_fields = ("shown_promise",)

    @display(description="waiting")
    def shown_open(self, row: MirrorPlace) -> str:
        waiting = row.documents.filter(state__in=(*MirrorDocument.OPEN, State.REFUSED)).count()
        return many(waiting, "document") if waiting else "—"

    @display(description="what is owed")
    def shown_promise(self, row: MirrorPlace) -> str:
        return (
            f"Every movement since {row.since:%Y-%m-%d %H:%M:%S} UTC. What lay there before was not told: "
            "count it in there once, or compare."
        )


def _document_link(row: MirrorDocument) -> SafeString:
    url = reverse("admin:propagation_mirrordocument_change", args=[row.pk])
    return format_html('<a class="console-link" href="{}">{}</a>', url, row.name)


def _line_in_words(row: MirrorDocument, line: MirrorLine) -> str:
    return f"{'+' if row.arrives else '−'}{quantity(line.told)} × {line.item_ref} ({line.item.sku})"
