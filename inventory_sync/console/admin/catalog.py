"""Items with packs and components, and units; beside each item its stock and what channels may sell."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet, Sum
from django.forms import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from unfold.admin import TabularInline
from unfold.decorators import display

from inventory_sync.availability.models import ChannelFigure
from inventory_sync.catalog import recipes, services
from inventory_sync.catalog.models import Item, ItemMapping, ItemUnit, KitComponent, Unit
from inventory_sync.console.admin.base import Reading, ReadingInline, Reasoned, ReasonForm
from inventory_sync.console.admin.explaining import ExplainPages, explain_deeds
from inventory_sync.console.formats import quantity
from inventory_sync.ledger.models import StockLevel


class ItemForm(ReasonForm):
    check = staticmethod(services.check_item)

    class Meta:
        model = Item
        fields = ("sku", "name", "gtin", "kind", "base_unit", "kit_pooled", "active")


class PackForm(forms.ModelForm):
    def clean_gtin(self) -> str:
        gtin = str(self.cleaned_data["gtin"])
        try:
            services.check_gtin(gtin)
        except ValidationError as error:
            raise ValidationError(error.messages) from error
        return gtin


class PackSet(BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        for form in self.forms:
            unit = form.cleaned_data.get("unit") if hasattr(form, "cleaned_data") else None
            if unit is not None and unit.pk == self.instance.base_unit_id:
                raise ValidationError(f"{unit} is the base unit; a pack has another unit.")


class PackInline(TabularInline):
    model = ItemUnit
    form = PackForm
    formset = PackSet
    extra = 0
    tab = True
    verbose_name_plural = "packs"


class ComponentInline(TabularInline):
    model = KitComponent
    fk_name = "kit"
    extra = 0
    tab = True
    autocomplete_fields = ("component",)
    verbose_name_plural = "components"


class LevelInline(ReadingInline):
    model = StockLevel
    verbose_name_plural = "stock"
    ordering = ("item__sku", "location__code")
    fields = ("location", "shown_on_hand", "shown_unavailable", "known", "changed_at")
    readonly_fields = fields

    @display(description="on hand")
    def shown_on_hand(self, row: StockLevel) -> str:
        return quantity(row.on_hand)

    @display(description="unavailable")
    def shown_unavailable(self, row: StockLevel) -> str:
        return quantity(row.unavailable)


class FigureInline(ReadingInline):
    model = ChannelFigure
    verbose_name_plural = "channels"
    fields = ("connection", "shown_figure", "shown_last_known", "computed_at")
    readonly_fields = fields

    @display(description="may sell")
    def shown_figure(self, row: ChannelFigure) -> str:
        return quantity(row.figure)

    @display(description="last known")
    def shown_last_known(self, row: ChannelFigure) -> str:
        return quantity(row.last_known)


class MappingInline(ReadingInline):
    model = ItemMapping
    verbose_name_plural = "sold as"
    fields = ("connection", "external_id", "label", "kind", "numerator", "denominator", "state")
    readonly_fields = fields


@admin.register(Item)
class ItemAdmin(ExplainPages, Reasoned):
    form = ItemForm
    change_form_outer_before_template = "console/deeds_bar.html"
    list_display = ("sku", "name", "gtin", "shown_kind", "base_unit", "shown_on_hand", "active")
    list_filter = ("kind", "active", "mappings__connection")
    search_fields = ("sku", "name", "gtin", "units__gtin", "mappings__external_id")
    search_help_text = "SKU, name, GTIN or a vendor's id"
    inlines = (PackInline, ComponentInline, LevelInline, FigureInline, MappingInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Item]:
        return (
            super().get_queryset(request).select_related("base_unit").annotate(total=Sum("levels__on_hand"))
        )

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """A stocked item has no recipe, and a new one no stock yet."""
        if obj is None:
            return [PackInline]
        hidden = ComponentInline if obj.kind == Item.Kind.STOCKED else PackInline
        return [inline for inline in self.inlines if inline is not hidden]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        item = self.get_object(request, object_id) if object_id else None
        offered = explain_deeds(request, item.sku) if item is not None else []
        return super().changeform_view(
            request, object_id, form_url, {**(extra_context or {}), "deeds": offered}
        )

    @display(description="kind", ordering="kind", label={"Kit": "info", "Stocked": "success"})
    def shown_kind(self, item: Item) -> str:
        return "Kit" if item.kind == Item.Kind.KIT else "Stocked"

    @display(description="on hand, everywhere", ordering="total")
    def shown_on_hand(self, item: Any) -> str:
        return "made of components" if item.kind == Item.Kind.KIT else quantity(item.total)

    def save_model(self, request: HttpRequest, obj: Item, form: Any, change: bool) -> None:
        self.settle(services.save_item(obj, **self.reason(form)))

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        kept = [row.cleaned_data for row in formset.forms if row.cleaned_data and not _leaves(row)]
        why = self.reason(form)
        if formset.model is ItemUnit:
            packs = {row["unit"].pk: (row["numerator"], row["denominator"], row["gtin"]) for row in kept}
            self.settle(services.set_packs(form.instance, packs, **why))
        elif formset.model is KitComponent:
            recipe = {row["component"].pk: row["quantity"] for row in kept}
            self.settle(recipes.set_components(form.instance, recipe, **why))
        formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []


@admin.register(Unit)
class UnitAdmin(Reading):
    list_display = ("code", "name")
    search_fields = ("code", "name")
    search_help_text = "UN/ECE Recommendation 20 code or name"


def _leaves(form: Any) -> bool:
    return bool(form.cleaned_data.get("DELETE"))
