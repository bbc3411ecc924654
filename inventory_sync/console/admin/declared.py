"""What staff declare beside policies: allotments, safety stocks, ages of reports; and every policy's past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.decorators import display

from inventory_sync.audit import services as audit
from inventory_sync.availability.allotments import (
    check_grant,
    grant_allotment,
    renew_allotment,
    withdraw_allotment,
)
from inventory_sync.availability.declared import declare_freshness, declare_safety_stock, remove_declared
from inventory_sync.availability.models import Allotment, Freshness, PolicyVersion, SafetyStock
from inventory_sync.availability.store import PostgresAvailability
from inventory_sync.console.admin.base import Reading, Reasoned, ReasonForm
from inventory_sync.console.admin.doing import Doing
from inventory_sync.console.deeds import Card, Deed, Outcome, facts, many
from inventory_sync.console.formats import quantity
from inventory_sync.domain.errors import Refused
from inventory_sync.support.clock import utc_now


class WithdrawAllotment(Deed[Allotment]):
    name = "withdraw"
    permission = "availability.change_allotment"
    verb = "Withdraw"
    icon = "lock_open"
    promise = "What is set aside and not sold is everybody's again. Figures are worked out anew at once."

    def preview(self, row: Allotment, *, now: datetime) -> Card:
        return Card(
            str(row),
            facts=facts(("Quantity", quantity(row.quantity)), ("Ends", row.expires_at or "when withdrawn")),
        )

    def do(self, rows: Sequence[Allotment], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        for row in rows:
            withdraw_allotment(actor=actor, allotment=row, reason=reason, now=now)
        return Outcome(f"Withdrew {many(len(rows), 'allotment')}.")


class AllotmentForm(ReasonForm):
    class Meta:
        model = Allotment
        fields = ("connection", "item", "quantity", "expires_at")

    def clean(self) -> dict[str, Any] | None:
        """Say in the form that it does not fit, before anything is granted."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            check_grant(
                connection=cleaned.get("connection") or self.instance.connection,
                item=cleaned.get("item") or self.instance.item,
                quantity=cleaned["quantity"],
                now=utc_now(),
                store=PostgresAvailability(),
                instead_of=self.instance if self.instance.pk else None,
            )
        except Refused as error:
            raise ValidationError(error.detail) from None
        return cleaned


@admin.register(Allotment)
class AllotmentAdmin(Doing, Reasoned):
    form = AllotmentForm
    deeds = (WithdrawAllotment(),)
    list_display = ("connection", "item", "shown_quantity", "granted_at", "expires_at", "ended_at")
    list_filter = ("connection", ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("connection", "item")
    search_fields = ("item__sku", "item__name", "connection__code")
    autocomplete_fields = ("item",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("connection", "item", "granted_at", "ended_at") if obj else ()

    @display(description="quantity", ordering="quantity")
    def shown_quantity(self, row: Allotment) -> str:
        return quantity(row.quantity)

    def save_model(self, request: HttpRequest, obj: Allotment, form: Any, change: bool) -> None:
        given = form.cleaned_data
        common = {"now": utc_now(), "store": PostgresAvailability(), **self.reason(form)}
        ends = given["expires_at"]
        if change:
            renew_allotment(allotment=obj, expires_at=ends, quantity=given["quantity"], **common)
            return
        row = grant_allotment(
            connection=obj.connection, item=obj.item, quantity=given["quantity"], expires_at=ends, **common
        )
        obj.pk = row.pk


class RemoveDeclared(Deed[Any]):
    name = "remove"
    verb = "Remove"
    icon = "delete_sweep"
    promise = "It no longer counts. The figures concerned are worked out anew at once."

    def __init__(self, permission: str) -> None:
        self.permission = permission

    def preview(self, row: Any, *, now: datetime) -> Card:
        return Card(str(row))

    def do(self, rows: Sequence[Any], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        for row in rows:
            remove_declared(row, actor=actor, reason=reason, now=now)
        return Outcome(f"Removed {len(rows)}.")


class SafetyStockForm(ReasonForm):
    class Meta:
        model = SafetyStock
        fields = ("location", "item", "quantity")


@admin.register(SafetyStock)
class SafetyStockAdmin(Doing, Reasoned):
    form = SafetyStockForm
    deeds = (RemoveDeclared("availability.change_safetystock"),)
    list_display = ("location", "shown_item", "shown_quantity")
    list_filter = ("location",)
    list_select_related = ("location", "item")
    search_fields = ("item__sku", "item__name", "location__code")
    autocomplete_fields = ("item",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("location", "item") if obj else ()

    @display(description="items")
    def shown_item(self, row: SafetyStock) -> str:
        return str(row.item) if row.item else "each item"

    @display(description="quantity", ordering="quantity")
    def shown_quantity(self, row: SafetyStock) -> str:
        return quantity(row.quantity)

    def save_model(self, request: HttpRequest, obj: SafetyStock, form: Any, change: bool) -> None:
        row = declare_safety_stock(
            location=obj.location,
            item=obj.item,
            quantity=form.cleaned_data["quantity"],
            now=utc_now(),
            **self.reason(form),
        )
        obj.pk = row.pk


class FreshnessForm(ReasonForm):
    class Meta:
        model = Freshness
        fields = ("location", "max_age_s")


@admin.register(Freshness)
class FreshnessAdmin(Doing, Reasoned):
    form = FreshnessForm
    deeds = (RemoveDeclared("availability.change_freshness"),)
    list_display = ("location", "max_age_s", "newest_report_at", "stale")
    list_filter = ("stale",)
    list_select_related = ("location",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("location", "newest_report_at", "stale") if obj else ()

    def save_model(self, request: HttpRequest, obj: Freshness, form: Any, change: bool) -> None:
        row = declare_freshness(
            location=obj.location,
            max_age_s=form.cleaned_data["max_age_s"],
            now=utc_now(),
            **self.reason(form),
        )
        obj.pk = row.pk


@admin.register(PolicyVersion)
class PolicyVersionAdmin(Reading):
    list_display = ("connection", "shown_item", "version", "valid_from", "actor", "reason")
    list_filter = ("connection",)
    list_select_related = ("connection", "item")
    search_fields = ("item__sku", "reason", "actor")
    fields = (("connection", "item"), ("version", "valid_from"), ("actor", "reason"), "values")

    @display(description="items")
    def shown_item(self, row: PolicyVersion) -> str:
        return str(row.item) if row.item else "all other items"
