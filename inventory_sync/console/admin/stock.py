"""What the ledger owns, to be read: levels, movements, orders and what they reserve."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from inventory_sync.console.admin.base import Reading, ReadingInline
from inventory_sync.console.admin.doing import Doing
from inventory_sync.console.admin.explaining import explain_anchor
from inventory_sync.console.admin.reserving import DEEDS, RequestFilter
from inventory_sync.console.copies import copies_of
from inventory_sync.console.formats import quantity
from inventory_sync.console.lists import FailedRequestFilter
from inventory_sync.ledger.models import Allocation, Movement, Order, Reservation, StockLevel
from inventory_sync.ledger.selectors_goods import parts_of

RESERVATION_COLOURS = {
    "Committed": "info",
    "Held until it expires": "info",
    "Backordered": "warning",
    "Closed: the books hold it": "success",
    "Cancelled": "danger",
}


class SignFilter(admin.SimpleListFilter):
    title = "on hand"
    parameter_name = "sign"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("negative", "Below zero"), ("zero", "Zero"), ("unknown", "Unknown")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[StockLevel]) -> QuerySet[StockLevel]:
        match self.value():
            case "negative":
                return queryset.filter(on_hand__lt=0)
            case "zero":
                return queryset.filter(on_hand=0, known=True)
            case "unknown":
                return queryset.filter(known=False)
            case _:
                return queryset


@admin.register(StockLevel)
class StockLevelAdmin(Reading):
    list_display = (
        "item",
        "location",
        "shown_on_hand",
        "shown_unavailable",
        "known",
        "counted_at",
        "changed_at",
        "shown_explain",
    )
    list_filter = ("location", SignFilter, "known")
    list_select_related = ("item", "location")
    search_fields = ("item__sku", "item__gtin", "item__name", "location__code")
    search_help_text = "SKU, GTIN, name or location"
    ordering = ("item__sku", "location__code")
    fields = (
        ("item", "location"),
        ("shown_on_hand", "shown_unavailable", "known"),
        ("shown_count", "counted_at", "count_key"),
        ("reading", "version", "changed_at"),
        "shown_parts",
        "shown_movements",
        "shown_explain",
    )

    @display(description="of which")
    def shown_parts(self, row: StockLevel) -> str:
        return "; ".join(
            f"{quantity(part.quantity)} {part.condition or 'sellable'}"
            f"{f', lot {part.lot}' if part.lot else ''}{f', of {part.owner}' if part.owner else ''}"
            for part in parts_of(row)
        )

    @display(description="on hand", ordering="on_hand")
    def shown_on_hand(self, row: StockLevel) -> SafeString:
        return format_html(
            '<span class="{}">{}</span>', "console-bad" if row.on_hand < 0 else "", quantity(row.on_hand)
        )

    @display(description="unavailable", ordering="unavailable")
    def shown_unavailable(self, row: StockLevel) -> str:
        return quantity(row.unavailable)

    @display(description="latest count")
    def shown_count(self, row: StockLevel) -> str:
        return "none yet" if row.count_quantity is None else quantity(row.count_quantity)

    @display(description="explain")
    def shown_explain(self, row: StockLevel) -> SafeString:
        return explain_anchor("what is free", sku=row.item.sku, location=row.location.code)

    @display(description="movements")
    def shown_movements(self, row: StockLevel) -> SafeString:
        url = reverse("admin:ledger_movement_changelist")
        return format_html(
            '<a class="console-link" href="{}?item__id__exact={}">all movements of this item</a>',
            url,
            row.item_id,
        )


@admin.register(Movement)
class MovementAdmin(Reading):
    list_display = (
        "id",
        "item",
        "shown_quantity",
        "source",
        "destination",
        "kind",
        "reference",
        "occurred_at",
    )
    list_filter = ("kind", "source", "destination", "period")
    list_select_related = ("item", "source", "destination")
    search_fields = ("item__sku", "item__gtin", "reference", "=correlation_id", "=event__key")
    search_help_text = "SKU, GTIN, document, event key or correlation id"
    ordering = ("-id",)
    fields = (
        ("item", "shown_quantity"),
        ("source", "destination"),
        ("kind", "reference", "period"),
        ("lot", "owner", "condition"),
        ("occurred_at", "recorded_at"),
        ("event", "correlation_id"),
    )

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "item__id__exact" or super().lookup_allowed(lookup, value, request)

    @display(description="quantity", ordering="quantity")
    def shown_quantity(self, row: Movement) -> str:
        return quantity(row.quantity)


class ReservationInline(ReadingInline):
    model = Reservation
    tab = False
    fields = ("line_ref", "item", "shown_demand", "shown_fulfilled", "state", "shown_places", "reason")
    readonly_fields = fields

    @display(description="wanted")
    def shown_demand(self, row: Reservation) -> str:
        return quantity(row.demand)

    @display(description="delivered")
    def shown_fulfilled(self, row: Reservation) -> str:
        return quantity(row.fulfilled)

    @display(description="owed by")
    def shown_places(self, row: Reservation) -> str:
        return ", ".join(
            f"{quantity(part.quantity)} {part.item.sku} @ {part.location.code}" for part in _parts(row)
        )


@admin.register(Order)
class OrderAdmin(Doing, Reading):
    deeds = DEEDS
    list_display = ("__str__", "connection", "order_ref", "status", "incomplete", "placed_at", "seen_at")
    list_filter = (RequestFilter, "connection", "status", "incomplete")
    list_select_related = ("connection",)
    search_fields = ("order_ref", "number", "=correlation_id")
    search_help_text = "Order number, reference or correlation id"
    ordering = ("-id",)
    inlines = (ReservationInline,)
    fields = (
        ("connection", "order_ref", "number"),
        ("status", "incomplete"),
        ("requested", "review", "mode"),
        ("placed_at", "first_seen_at", "seen_at"),
        ("stamp", "reading", "shown_trail"),
        "shown_elsewhere",
    )

    @display(description="known to")
    def shown_elsewhere(self, row: Order) -> SafeString | str:
        return copies_of(row.pk)

    @display(description="trail")
    def shown_trail(self, row: Order) -> SafeString | str:
        if not row.correlation_id:
            return "—"
        url = reverse("admin:intake_delivery_trail", args=[row.correlation_id])
        return format_html('<a class="console-link" href="{}">{}</a>', url, row.correlation_id)


class OpenFilter(admin.SimpleListFilter):
    title = "open"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Still subtracted"), ("no", "Over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Reservation]) -> QuerySet[Reservation]:
        if self.value() == "yes":
            return queryset.filter(state__in=Reservation.OPEN)
        if self.value() == "no":
            return queryset.exclude(state__in=Reservation.OPEN)
        return queryset


class AllocationInline(ReadingInline):
    model = Allocation
    tab = False
    fields = ("item", "location", "shown_quantity", "shown_contained", "shown_fulfilled", "open")
    readonly_fields = fields

    @display(description="owed")
    def shown_quantity(self, row: Allocation) -> str:
        return quantity(row.quantity)

    @display(description="held by the books")
    def shown_contained(self, row: Allocation) -> str:
        return quantity(row.contained)

    @display(description="delivered")
    def shown_fulfilled(self, row: Allocation) -> str:
        return quantity(row.fulfilled)


@admin.register(Reservation)
class ReservationAdmin(Reading):
    list_display = (
        "order",
        "line_ref",
        "item",
        "shown_demand",
        "shown_fulfilled",
        "shown_state",
        "changed_at",
    )
    list_filter = (OpenFilter, FailedRequestFilter, "state", "order__connection")
    list_select_related = ("order__connection", "item")
    search_fields = ("order__order_ref", "order__number", "item__sku")
    search_help_text = "Order or SKU"
    ordering = ("-id",)
    inlines = (AllocationInline,)
    fields = (
        ("order", "line_ref", "item"),
        ("shown_demand", "shown_fulfilled", "state"),
        ("expires_at", "reason", "changed_at"),
        ("asked", "routing"),
    )

    @display(description="wanted", ordering="demand")
    def shown_demand(self, row: Reservation) -> str:
        return quantity(row.demand)

    @display(description="delivered", ordering="fulfilled")
    def shown_fulfilled(self, row: Reservation) -> str:
        return quantity(row.fulfilled)

    @display(description="state", ordering="state", label=RESERVATION_COLOURS)
    def shown_state(self, row: Reservation) -> str:
        return row.get_state_display()


def _parts(row: Reservation) -> QuerySet[Allocation]:
    return row.allocations.select_related("item", "location").order_by(F("location__rank"), "item__sku")
