"""Everything that carries one correlation id, from the door to the channel's answer. Reads only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from django.conf import settings
from django.db.models import Q

from inventory_sync.audit.models import Entry
from inventory_sync.availability.models import ChannelFigure
from inventory_sync.console.formats import quantity
from inventory_sync.intake.models import Delivery
from inventory_sync.ledger.models import Event, Movement, Order
from inventory_sync.propagation.models import PushAttempt

MOST = 50


@dataclass(frozen=True, slots=True)
class Stop:
    """One row on the way: when, what, in words; `model` and `pk` say where it can be read whole."""

    at: datetime | None
    title: str
    detail: str
    model: str
    pk: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the path, with what happened there."""

    name: str
    stops: tuple[Stop, ...]
    empty: str


@dataclass(frozen=True, slots=True)
class Trail:
    correlation_id: str
    steps: tuple[Step, ...] = field(default=())

    @property
    def tasks_link(self) -> str:
        """Flower's list of the tasks that name this id in what they were asked by or tell; "" without Flower.

        Its page takes a name and puts it before its own search words, so a second word searches everything.
        """
        if not settings.FLOWER_URL:
            return ""
        return f"{settings.FLOWER_URL.rstrip('/')}/tasks?name={quote(f'pipeline. {self.correlation_id}')}"


def trail_of(correlation_id: str, *, delivery: Delivery | None = None) -> Trail:
    """Return what carries the id; of a delivery also the events it made, whatever id they carry."""
    deliveries = Delivery.objects.filter(correlation_id=correlation_id).select_related("connection")
    wanted = Q(correlation_id=correlation_id)
    if delivery is not None:
        wanted |= Q(delivery_id=delivery.pk)
    events = list(Event.objects.filter(wanted).select_related("item", "location").order_by("id")[:MOST])
    moved = Movement.objects.filter(Q(correlation_id=correlation_id) | Q(event__in=events))
    orders = Order.objects.filter(correlation_id=correlation_id).select_related("connection")
    figures = ChannelFigure.objects.filter(correlation_id=correlation_id).select_related("connection", "item")
    attempts = PushAttempt.objects.filter(correlation_id=correlation_id).select_related(
        "listing__connection", "listing__mapping__item"
    )
    entries = Entry.objects.filter(correlation_id=correlation_id)
    return Trail(
        correlation_id,
        (
            Step("Delivery", tuple(_delivery(row) for row in deliveries.order_by("id")[:MOST]), "none"),
            Step("Events", tuple(_event(row) for row in events), "No stock event carries it."),
            Step(
                "Movements",
                tuple(
                    _movement(row)
                    for row in moved.select_related("item", "source", "destination").order_by("id")[:MOST]
                ),
                "Nothing moved: orders reserve, they move nothing.",
            ),
            Step(
                "Orders",
                tuple(_order(row) for row in orders.order_by("id")[:MOST]),
                "No order was last changed by it.",
            ),
            Step(
                "Figures",
                tuple(_figure(row) for row in figures.order_by("item__sku")[:MOST]),
                "No figure was last computed for it; a later change may have replaced it.",
            ),
            Step(
                "Pushes",
                tuple(_attempt(row) for row in attempts.order_by("id")[:MOST]),
                "Nothing was pushed for it alone.",
            ),
            Step("Audit", tuple(_entry(row) for row in entries.order_by("id")[:MOST]), "Nobody touched it."),
        ),
    )


def _delivery(row: Delivery) -> Stop:
    detail = f"{row.connection.label} · {row.source} · {row.get_state_display().lower()}"
    return Stop(row.received_at, f"{row.topic} #{row.pk}", detail, "intake_delivery", row.pk)


def _event(row: Event) -> Stop:
    title = f"{row.get_kind_display()} {quantity(row.quantity)} × {row.item.sku} at {row.location.code}"
    detail = " · ".join(part for part in (row.reason, row.reference, row.key) if part)
    return Stop(row.occurred_at, title, detail if row.effective else f"{detail} · replaced", "", row.pk)


def _movement(row: Movement) -> Stop:
    title = f"{quantity(row.quantity)} × {row.item.sku}: {row.source.code} → {row.destination.code}"
    return Stop(row.recorded_at, title, f"{row.kind} {row.reference}".strip(), "ledger_movement", row.pk)


def _order(row: Order) -> Stop:
    detail = f"{row.status}{', incomplete: a line is parked' if row.incomplete else ''}"
    return Stop(row.seen_at, str(row), detail, "ledger_order", row.pk)


def _figure(row: ChannelFigure) -> Stop:
    title = f"{row.connection.label} may sell {quantity(row.figure)} × {row.item.sku}"
    return Stop(row.computed_at, title, f"version {row.version}", "availability_channelfigure", row.pk)


def _attempt(row: PushAttempt) -> Stop:
    seen = f"read {quantity(row.read_before)}, wanted {quantity(row.wanted)}"
    wrote = f", wrote {quantity(row.wrote)}, read {quantity(row.read_after)}" if row.wrote is not None else ""
    title = f"{row.listing.connection.label} {row.listing.external_id}: {row.outcome}"
    return Stop(row.at, title, seen + wrote, "propagation_pushattempt", row.pk)


def _entry(row: Entry) -> Stop:
    return Stop(row.at, str(row), f"{row.actor_name}: {row.reason}", "audit_entry", row.pk)
