"""Orders at the ERP and deliveries told: what another system should have against what it was seen to have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from inventory_sync.audit import services as audit
from inventory_sync.console.admin.base import Reading, ReadingInline
from inventory_sync.console.admin.channels import trail_link
from inventory_sync.console.admin.doing import Doing
from inventory_sync.console.copies import SHORT, compared, lines_table
from inventory_sync.console.deeds import Card, Deed, Outcome, facts, many
from inventory_sync.console.formats import age, pre, pretty_value, quantity
from inventory_sync.pipeline.wake import waker
from inventory_sync.support.clock import utc_now
from inventory_sync.workflows import services
from inventory_sync.workflows.models import Attempt, Copy, DeliveryTold

COLOURS = {
    "Owed": "info",
    "As wanted": "success",
    "Told": "success",
    "Refused": "danger",
    "Given up": "default",
}
TONES = {"owed": "wait", "settled": "good", "told": "good", "refused": "bad", "given_up": "bad"}


class CopyDeed(Deed[Copy]):
    permission = "workflows.change_copy"

    def preview(self, row: Copy, *, now: datetime) -> Card:
        return Card(
            str(row),
            url=reverse("admin:workflows_copy_change", args=[row.pk]),
            facts=facts(
                ("Place", row.location.code),
                ("State", row.get_state_display()),
                ("Wanted", "nothing any more" if row.cancelled else ""),
                ("There", f"{row.seen_document} {row.seen_state or 'never read'}"),
                ("Steps", row.attempts),
                ("Not before", row.not_before if row.not_before and row.not_before > now else ""),
                ("Error", row.error_detail),
            ),
            lines=tuple(
                f"{item} of line {line}: wanted {quantity(want)}, there {quantity(there)}"
                for line, item, want, there in compared(row)
            ),
            tone=TONES[row.state],
        )


class RetryCopy(CopyDeed):
    name, verb, icon = "retry", "Try again", "refresh"
    promise = (
        "The ERP is read first, then the one step that is missing is taken. A copy that people cancelled or "
        "deleted there may be made again. Nothing is written while an earlier call may still land."
    )

    def applies(self, row: Copy) -> bool:
        return row.state != Copy.State.SETTLED

    def do(self, rows: Sequence[Copy], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        count = services.retry(Copy, [row.pk for row in rows], actor=actor, reason=reason, now=now)
        for connection_id in sorted({row.target_id for row in rows}):
            _after_commit(partial(waker().send_orders, connection_id))
        return Outcome(f"{many(count, 'copy', 'copies')} owed again, at once.")


class GiveUpCopy(CopyDeed):
    name, verb, icon = "give-up", "Give up", "block"
    promise = (
        "The copies stay as the ERP has them, whatever becomes of their orders, until somebody tries again. "
        "Their cases close. Say who looks after the order at the ERP instead."
    )

    def applies(self, row: Copy) -> bool:
        return row.state in (Copy.State.OWED, Copy.State.REFUSED)

    def do(self, rows: Sequence[Copy], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        count = services.give_up(Copy, [row.pk for row in rows], actor=actor, reason=reason, now=now)
        return Outcome(f"Gave up {many(count, 'copy', 'copies')}.")


class StepInline(ReadingInline):
    model = Attempt
    tab = False
    fields = ("at", "step", "version", "outcome", "document", "error_detail", "shown_calls")
    readonly_fields = fields
    verbose_name_plural = "steps taken, the newest first"
    per_page = 10

    @display(description="calls")
    def shown_calls(self, row: Attempt) -> SafeString | str:
        url = reverse("admin:workflows_attempt_change", args=[row.pk])
        return format_html('<a class="console-link" href="{}">requests and answers</a>', url)


class CopyStepInline(StepInline):
    fk_name = "copy"


class DeliveryStepInline(StepInline):
    fk_name = "delivery"


class IncompleteFilter(admin.SimpleListFilter):
    title = "carries"
    parameter_name = "carries"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("less", "Less than the order wants"), ("all", "Everything")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Copy]) -> QuerySet[Copy]:
        match self.value():
            case "less":
                return queryset.exclude(missing=[], location_ref__gt="")
            case "all":
                return queryset.filter(missing=[], location_ref__gt="")
            case _:
                return queryset


@admin.register(Copy)
class CopyAdmin(Doing, Reading):
    deeds = (RetryCopy(), GiveUpCopy())
    nothing = (
        "No order was sent. Switch on Send orders in the settings of a connection that takes orders and "
        "decides a location; what is open then and what is sold from then on appears here."
    )
    nothing_under = MappingProxyType(
        {
            "state__exact=refused": "Nothing is refused: every copy is as wanted or on its way.",
            "state__exact=owed": "Nothing is owed: every system has its orders as they are wanted.",
        }
    )
    list_display = (
        "number", "source", "target", "location", "shown_state", "seen_document", "seen_state",
        "shown_missing", "shown_age", "error_code",
    )  # fmt: skip
    list_filter = ("state", IncompleteFilter, "target", "location", "source", "seen_state", "error_code")
    list_select_related = ("source", "target", "location")
    search_fields = ("number", "order_ref", "seen_document", "=correlation_id")
    search_help_text = "Order number or reference, the document there, or a correlation id"
    inlines = (CopyStepInline,)
    fieldsets = (
        (
            None,
            {"fields": [("target", "location", "location_ref"), ("source", "shown_order"), "shown_state"]},
        ),
        (
            "Wanted and seen",
            {"fields": ["shown_lines", "shown_incomplete", ("seen_document", "seen_state", "seen_at")]},
        ),
        (
            "On its way",
            {
                "fields": [
                    ("wanted_version", "done_version"),
                    ("since", "run_at", "not_before"),
                    ("step", "attempts", "failures"),
                    ("error_code", "error_detail"),
                    "shown_trail",
                ]
            },
        ),
    )  # fmt: skip

    @display(description="state", ordering="state", label=COLOURS)
    def shown_state(self, row: Copy) -> str:
        return SHORT[row.state]

    @display(description="cannot carry")
    def shown_missing(self, row: Copy) -> str:
        return many(len(row.missing), "line") if row.missing else "" if row.location_ref else "no place there"

    @display(description="cannot carry")
    def shown_incomplete(self, row: Copy) -> str:
        return "; ".join(row.missing) or "nothing: it carries all the order wants there"

    @display(description="owed since", ordering="since")
    def shown_age(self, row: Copy) -> str:
        return age(row.since, now=utc_now()) if row.state == Copy.State.OWED else "—"

    @display(description="order")
    def shown_order(self, row: Copy) -> SafeString:
        url = reverse("admin:ledger_order_change", args=[row.order_id])
        return format_html('<a class="console-link" href="{}">{}</a>', url, row.number)

    @display(description="lines")
    def shown_lines(self, row: Copy) -> SafeString:
        return lines_table(row)

    @display(description="trail")
    def shown_trail(self, row: Copy) -> SafeString | str:
        return trail_link(row.correlation_id)


class DeliveryDeed(Deed[DeliveryTold]):
    permission = "workflows.change_deliverytold"

    def preview(self, row: DeliveryTold, *, now: datetime) -> Card:
        return Card(
            str(row),
            url=reverse("admin:workflows_deliverytold_change", args=[row.pk]),
            facts=facts(
                ("Channel", row.channel.label),
                ("State", row.get_state_display()),
                ("All of it", "yes" if row.complete else "no, a part"),
                ("Told", row.document),
                ("Tries", row.attempts),
                ("Error", row.error_detail),
            ),
            lines=tuple(f"{left} of line {line}" for line, left in sorted(row.lines.items())),
            tone=TONES[row.state],
        )


class RetryDelivery(DeliveryDeed):
    name, verb, icon = "retry", "Tell again", "refresh"
    promise = (
        "The channel is read first and told only what it does not know. A completed order mails the customer."
    )

    def applies(self, row: DeliveryTold) -> bool:
        return row.state != DeliveryTold.State.TOLD

    def do(self, rows: Sequence[DeliveryTold], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        count = services.retry(DeliveryTold, [row.pk for row in rows], actor=actor, reason=reason, now=now)
        for connection_id in sorted({row.channel_id for row in rows}):
            _after_commit(partial(waker().tell_deliveries, connection_id))
        return Outcome(f"{many(count, 'delivery', 'deliveries')} owed again, at once.")


class GiveUpDelivery(DeliveryDeed):
    name, verb, icon = "give-up", "Give up", "block"
    promise = "The channels are not told of these deliveries, nor of what leaves later. Their cases close."

    def applies(self, row: DeliveryTold) -> bool:
        return row.state in (DeliveryTold.State.OWED, DeliveryTold.State.REFUSED)

    def do(self, rows: Sequence[DeliveryTold], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        count = services.give_up(DeliveryTold, [row.pk for row in rows], actor=actor, reason=reason, now=now)
        return Outcome(f"Gave up {many(count, 'delivery', 'deliveries')}.")


@admin.register(DeliveryTold)
class DeliveryToldAdmin(Doing, Reading):
    deeds = (RetryDelivery(), GiveUpDelivery())
    nothing = (
        "No channel was told of a delivery. Switch on Tell deliveries in the settings of a channel; what "
        "leaves from then on is told to it."
    )
    nothing_under = MappingProxyType(
        {"state__exact=refused": "Nothing is refused: every channel knows what left, or will soon."}
    )
    list_display = (
        "order", "channel", "shown_state", "complete", "shown_lines", "document", "told_at", "error_code",
    )  # fmt: skip
    list_filter = ("state", "channel", "complete", "error_code")
    list_select_related = ("order__connection", "channel")
    search_fields = ("order__order_ref", "order__number", "=correlation_id")
    search_help_text = "Order number or reference, or a correlation id"
    inlines = (DeliveryStepInline,)
    fields = (
        ("channel", "shown_order"),
        ("shown_state", "complete"),
        "shown_lines",
        ("version", "told_version", "told_at", "document"),
        ("since", "run_at", "attempts"),
        ("error_code", "error_detail"),
        "shown_trail",
    )

    @display(description="state", ordering="state", label=COLOURS)
    def shown_state(self, row: DeliveryTold) -> str:
        return SHORT[row.state]

    @display(description="left so far, in the channel's units")
    def shown_lines(self, row: DeliveryTold) -> str:
        return ", ".join(f"line {line}: {left}" for line, left in sorted(row.lines.items()))

    @display(description="order")
    def shown_order(self, row: DeliveryTold) -> SafeString:
        url = reverse("admin:ledger_order_change", args=[row.order_id])
        return format_html('<a class="console-link" href="{}">{}</a>', url, row.order)

    @display(description="trail")
    def shown_trail(self, row: DeliveryTold) -> SafeString | str:
        return trail_link(row.correlation_id)


@admin.register(Attempt)
class AttemptAdmin(Reading):
    nothing = "No step was taken yet: no order was sent anywhere, no delivery told."
    list_display = ("at", "copy", "delivery", "step", "outcome", "document", "error_code")
    list_filter = ("step", "outcome", "error_code")
    list_select_related = ("copy__source", "copy__target", "delivery__order__connection")
    search_fields = ("document", "=correlation_id")
    fields = (
        ("copy", "delivery"),
        ("step", "version", "outcome", "document"),
        ("at", "finished_at"),
        ("error_code", "error_detail"),
        "shown_trail",
        "shown_exchange",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attempt]:
        return super().get_queryset(request).select_related("call").defer("call__exchanges")

    @display(description="requests and answers of the step")
    def shown_exchange(self, row: Attempt) -> SafeString:
        return pre(pretty_value(row.call.exchanges) if row.call else "not kept")

    @display(description="trail")
    def shown_trail(self, row: Attempt) -> SafeString | str:
        return trail_link(row.correlation_id)


def _after_commit(call: Callable[[], None]) -> None:
    transaction.on_commit(call, robust=True)
