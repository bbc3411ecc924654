"""What staff may do to reservations asked for through the hub, and how they find those that need a look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Exists, F, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from inventory_sync.audit import services as audit
from inventory_sync.console.deeds import Card, Deed, Outcome, facts, many
from inventory_sync.console.formats import quantity
from inventory_sync.domain.errors import Refused
from inventory_sync.domain.requests import Act, Stage, judge, stage_of
from inventory_sync.ledger.models import Order, Reservation
from inventory_sync.ledger.rows_orders import STATUS_OF
from inventory_sync.pipeline.reserving import act_on
from inventory_sync.support.clock import utc_now

SOON = timedelta(hours=1)
LONGER = timedelta(hours=24)


class ReservationDeed(Deed[Order]):
    """One act on reservations; offered where the rules of requests allow it."""

    permission = "console.decide_reservation"
    act: Act
    action: str
    done: str
    by: timedelta | None = None

    def applies(self, row: Order) -> bool:
        return row.requested and row.seen and not isinstance(judge(self.act, _stage(row)), Refused)

    def preview(self, row: Order, *, now: datetime) -> Card:
        lines = list(row.reservations.select_related("item").order_by("line_ref"))
        ends = [line.expires_at for line in lines if line.state == Reservation.State.HELD and line.expires_at]
        return Card(
            f"{row.connection.label} {row.order_ref}",
            url=reverse("admin:ledger_order_change", args=[row.pk]),
            facts=facts(
                ("Stands", _stage(row).name.lower()),
                ("Version", row.stamp),
                ("Ends", max(ends) if ends else ""),
            ),
            lines=tuple(
                f"{quantity(line.demand)} × {line.item.sku}: {line.get_state_display().lower()}"
                for line in lines
            ),
            tone="good" if _stage(row) is Stage.COMMITTED else "wait",
        )

    def do(self, rows: Sequence[Order], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        act_on(rows, self.act, action=self.action, actor=actor, reason=reason, now=now, by=self.by)
        return Outcome(f"{self.done} {many(len(rows), 'reservation')}.")


class CommitReservation(ReservationDeed):
    name, verb, icon, act, done = "commit", "Commit", "check_circle", Act.COMMIT, "Committed"
    action = "reservation.committed"
    promise = "Each becomes a sale. A hold that has ended is decided anew: it may be refused."


class ApproveReservation(ReservationDeed):
    name, verb, icon, act, done = "approve", "Approve", "how_to_reg", Act.APPROVE, "Approved"
    action = "reservation.approved"
    promise = "What was held for review becomes a sale."

    def applies(self, row: Order) -> bool:
        return _stage(row) is Stage.REVIEW and super().applies(row)


class ExtendReservation(ReservationDeed):
    name, verb, icon, act, done = "extend", "Hold longer", "more_time", Act.EXTEND, "Extended"
    by = LONGER
    action = "reservation.extended"
    promise = "Each is held for another 24 hours from now, as far as its channel's window reaches."


class ReleaseReservation(ReservationDeed):
    name, verb, icon, act, done = "release", "Release", "lock_open", Act.RELEASE, "Released"
    action = "reservation.released"
    promise = "What is held is free again at once, for whoever waits first. The caller is not told."

    def applies(self, row: Order) -> bool:
        return _stage(row) in (Stage.HELD, Stage.REVIEW) and super().applies(row)


DEEDS = (CommitReservation(), ApproveReservation(), ExtendReservation(), ReleaseReservation())


class RequestFilter(admin.SimpleListFilter):
    """Reservations asked for through the hub, and those that need a look."""

    title = "asked of the hub"
    parameter_name = "asked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("yes", "Asked of the hub"),
            ("held", "Held"),
            ("expiring", "Held, ends within the hour"),
            ("review", "Waits for approval"),
            ("short", "Short: less than asked, or backordered"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        lines = Reservation.objects.filter(order=OuterRef("pk"))
        held = lines.filter(state=Reservation.State.HELD)
        match self.value():
            case "yes":
                return queryset.filter(requested=True)
            case "held":
                return queryset.filter(Exists(held), requested=True)
            case "expiring":
                return queryset.filter(Exists(held.filter(expires_at__lte=utc_now() + SOON)), requested=True)
            case "review":
                return queryset.filter(Exists(held), requested=True, review=True)
            case "short":
                less = lines.filter(state__in=Reservation.OPEN, asked__gt=F("demand"))
                waits = lines.filter(state__in=(Reservation.State.BACKORDERED, Reservation.State.REJECTED))
                return queryset.filter(Exists(less) | Exists(waits), requested=True)
            case _:
                return queryset


def _stage(row: Order) -> Stage:
    return stage_of({STATUS_OF[line.state] for line in row.reservations.all()}, review=row.review)
