"""The tree of places, who decides what is there, and what is there."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Case, Count, F, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from inventory_sync.catalog import authorities, services
from inventory_sync.catalog.models import Location, LocationMapping
from inventory_sync.connections.models import Connection
from inventory_sync.console.admin.authority import AuthorityPage
from inventory_sync.console.admin.base import ReadingInline, Reasoned, ReasonForm
from inventory_sync.console.admin.catalog import LevelInline


class LocationForm(ReasonForm):
    check = staticmethod(services.check_location)
    decided_by = forms.ModelChoiceField(
        Connection.objects.all(),
        required=False,
        widget=UnfoldAdminSelectWidget,
        label="Authority",
        help_text="The one connection whose reports move stock here. Later it changes on a page of its own.",
    )

    class Meta:
        model = Location
        fields = ("code", "name", "kind", "parent", "mode", "rank", "complete_since", "active")


class RoleInline(ReadingInline):
    model = LocationMapping
    verbose_name_plural = "vendors' places"
    fields = ("connection", "external_id", "counts_from", "sells_for", "fulfils", "mirrors")
    readonly_fields = fields


class LocationLevelInline(LevelInline):
    fields = ("item", "shown_on_hand", "shown_unavailable", "known", "changed_at")
    readonly_fields = fields
    per_page = 25


class RealFilter(admin.SimpleListFilter):
    title = "kind of place"
    parameter_name = "real"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Real"), ("no", "Virtual")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Location]) -> QuerySet[Location]:
        if self.value() == "yes":
            return queryset.exclude(kind__in=Location.VIRTUAL)
        if self.value() == "no":
            return queryset.filter(kind__in=Location.VIRTUAL)
        return queryset


@admin.register(Location)
class LocationAdmin(AuthorityPage, Reasoned):
    form = LocationForm
    list_display = ("shown_tree", "name", "kind", "shown_authority", "mode", "rank", "shown_items", "active")
    list_filter = (RealFilter, "kind", "active")
    search_fields = ("code", "name")
    search_help_text = "Code or name"
    autocomplete_fields = ("parent",)
    inlines = (LocationLevelInline, RoleInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Location]:
        rows = super().get_queryset(request).select_related("parent__parent")
        return rows.prefetch_related("authorities__connection").annotate(items=Count("levels"))

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """Return the order of the tree: a place right below its parent."""
        grand, parent = F("parent__parent__code"), F("parent__code")
        return [
            Coalesce(grand, parent, F("code")),
            Case(When(parent__parent__isnull=False, then=parent), When(parent__isnull=False, then=F("code")),
                 default=Value("")),
            Case(When(parent__parent__isnull=False, then=F("code")), default=Value("")),
        ]  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A mode is chosen when the place is made; later it changes on the page of the authority."""
        return (*super().get_readonly_fields(request, obj), *(("mode",) if obj else ()))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sets = super().get_fieldsets(request, obj)
        if obj is not None:
            for _, options in sets:
                options["fields"] = [field for field in options["fields"] if field != "decided_by"]
        return sets

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return list(self.inlines) if obj else []

    @display(description="place", ordering="code")
    def shown_tree(self, place: Location) -> SafeString:
        depth = 0 if place.parent is None else 1 if place.parent.parent is None else 2
        return format_html(
            '<span style="padding-left:{}rem">{}{}</span>', depth * 1.25, "└ " * bool(depth), place.code
        )

    @display(description="authority")
    def shown_authority(self, place: Location) -> str:
        authority = place.authority
        return str(authority.connection) if authority else "—"

    @display(description="items", ordering="items")
    def shown_items(self, place: Any) -> int:
        return int(place.items)

    def save_model(self, request: HttpRequest, obj: Location, form: Any, change: bool) -> None:
        why = self.reason(form)
        effect = services.save_location(obj, **why)
        first = form.cleaned_data.get("decided_by")
        if first is not None and not change:
            effect |= authorities.assign_authority(obj, first, **why)
        self.settle(effect)
