"""How vendors name items and places; the queue of ids that wait for a meaning."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from unfold.decorators import display

from inventory_sync.audit import services as audit
from inventory_sync.catalog import mappings
from inventory_sync.catalog.models import ItemMapping, LocationMapping
from inventory_sync.console import waiting
from inventory_sync.console.admin.base import Reasoned, ReasonForm
from inventory_sync.console.admin.doing import Doing
from inventory_sync.console.deeds import Card, Deed, Outcome, facts, many
from inventory_sync.console.effects import act_on
from inventory_sync.console.formats import age
from inventory_sync.support.clock import utc_now


class SuspendMapping(Deed[ItemMapping]):
    name = "suspend"
    permission = "console.map_items"
    verb = "Suspend"
    icon = "pause_circle"
    promise = (
        "Nothing more is believed under these ids: lines that name them are parked from now on, and no "
        "figure is pushed to their listings. What was posted already stays."
    )

    def applies(self, row: ItemMapping) -> bool:
        return row.state in (ItemMapping.State.CONFIRMED, ItemMapping.State.PROPOSED)

    def preview(self, row: ItemMapping, *, now: datetime) -> Card:
        return Card(
            f"{row.connection.label}: {row.external_id}",
            facts=facts(("Vendor's name", row.label), ("Item", row.item), ("State", row.get_state_display())),
        )

    def do(self, rows: Sequence[ItemMapping], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        for row in rows:
            _, effect = mappings.suspend_item_mapping(mapping_id=row.pk, actor=actor, reason=reason)
            act_on(effect, now=now)
        return Outcome(f"Suspended {many(len(rows), 'mapping')}.")


class IgnoreMapping(SuspendMapping):
    name = "ignore"
    verb = "Ignore on purpose"
    icon = "visibility_off"
    promise = (
        "Lines that name these ids are skipped and counted, no longer parked; no figure is pushed to their "
        "listings. What waits for them now is applied again and passes."
    )

    def applies(self, row: ItemMapping) -> bool:
        return row.state != ItemMapping.State.IGNORED

    def do(self, rows: Sequence[ItemMapping], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        for row in rows:
            _, effect = mappings.ignore_item_mapping(
                connection=row.connection, external_id=row.external_id, actor=actor, reason=reason
            )
            act_on(effect, now=now)
        return Outcome(f"{many(len(rows), 'id')} ignored from now on.")


class ItemMappingForm(ReasonForm):
    class Meta:
        model = ItemMapping
        fields = (
            "connection",
            "external_id",
            "external_parent",
            "label",
            "external_sku",
            "item",
            "kind",
            "numerator",
            "denominator",
            "publishes",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "item" in self.fields:
            self.fields["item"].required = True

    def _post_clean(self) -> None:
        """Saving confirms: the row is judged as what it will be."""
        self.instance.state = ItemMapping.State.CONFIRMED
        super()._post_clean()


@admin.register(ItemMapping)
class ItemMappingAdmin(Doing, Reasoned):
    form = ItemMappingForm
    deeds = (SuspendMapping(), IgnoreMapping())
    list_display = ("external_id", "connection", "label", "external_sku", "item", "shown_unit", "shown_state")
    list_filter = ("connection", "state", "kind", "publishes")
    list_select_related = ("connection", "item")
    list_before_template = "console/waiting_banner.html"
    search_fields = ("external_id", "label", "external_sku", "item__sku", "item__gtin", "item__name")
    search_help_text = "Vendor's id, name or SKU; our SKU, name or GTIN"
    autocomplete_fields = ("item",)

    fieldsets = (
        (
            None,
            {
                "fields": [
                    ("connection", "external_id"),
                    ("label", "external_sku"),
                    "item",
                    ("numerator", "denominator"),
                    ("kind", "external_parent"),
                    "publishes",
                ]
            },
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.waiting_view)
        return [path("waiting/", page, name="catalog_itemmapping_waiting"), *super().get_urls()]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """An id keeps its meaning's history: another id is another row."""
        return ("connection", "external_id") if obj else ()

    @display(description="one is", ordering="numerator")
    def shown_unit(self, row: ItemMapping) -> str:
        if row.numerator == row.denominator:
            return "1"
        return str(row.numerator) if row.denominator == 1 else f"{row.numerator}/{row.denominator}"

    @display(
        description="state",
        ordering="state",
        label={"Confirmed": "success", "Proposed": "info", "Suspended": "warning"},
    )
    def shown_state(self, row: ItemMapping) -> str:
        return row.get_state_display()

    def save_model(self, request: HttpRequest, obj: ItemMapping, form: Any, change: bool) -> None:
        waiting_lines = waiting.lines_waiting_for(obj.connection_id, obj.external_id)
        name = (obj.connection_id, f"{waiting.ITEM}{obj.external_id}")
        case = waiting.cases_of([name]).get(name)
        assert obj.item is not None
        row, effect = mappings.confirm_item_mapping(
            connection=obj.connection,
            external_id=obj.external_id,
            item=obj.item,
            numerator=obj.numerator,
            denominator=obj.denominator,
            kind=obj.kind,
            external_parent=obj.external_parent,
            label=obj.label,
            external_sku=obj.external_sku,
            publishes=obj.publishes,
            **self.reason(form),
        )
        obj.pk = row.pk
        self.settle(effect)
        if waiting_lines:
            lines = many(waiting_lines, "parked line")
            told = format_html("{} waited for this and will be applied again.{}", lines, _told_of_case(case))
            messages.info(request, told)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {**(extra_context or {}), "waiting_ids": waiting.waiting_ids()}
        return super().changelist_view(request, context)  # type: ignore[return-value]

    def waiting_view(self, request: HttpRequest) -> HttpResponse:
        """The queue: ids that parked lines name and nobody has explained."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = utc_now()
        may_map = self.has_add_permission(request)
        items = [(waiting.ITEM, each) for each in waiting.waiting_ids()]
        places = [(waiting.LOCATION, each) for each in waiting.waiting_ids(waiting.LOCATION)]
        cases: dict[tuple[int, str], int] = {}
        if request.user.has_perm("cases.view_case"):
            cases = waiting.cases_of(
                [(each.connection_id, f"{kind}{each.external_id}") for kind, each in (*items, *places)]
            )

        def row(kind: str, each: waiting.WaitingId, *, may: bool) -> dict[str, Any]:
            name = f"{kind}{each.external_id}"
            suggested = each.suggestion.pk if each.suggestion else None
            url = waiting.map_url(each.connection_id, name, label=each.name, item_id=suggested) if may else ""
            case = cases.get((each.connection_id, name))
            return {"id": each, "age": age(each.since, now=now), "map": url, "case": case}

        context = {
            **self.admin_site.each_context(request),
            "title": "Ids that wait for a meaning",
            "opts": ItemMapping._meta,
            "rows": [row(kind, each, may=may_map) for kind, each in items],
            "places": [row(kind, each, may=True) for kind, each in places],
        }
        return TemplateResponse(request, "console/waiting.html", context)


def _told_of_case(case_id: int | None) -> SafeString:
    """Return where to see it through: the case of what was just explained."""
    if case_id is None:
        return mark_safe("")
    url = reverse("admin:cases_case_change", args=[case_id])
    return format_html(' <a class="console-link" href="{}">Its case</a> closes by itself.', url)


class RemoveLocationMapping(Deed[LocationMapping]):
    name = "remove"
    permission = "console.map_items"
    verb = "Remove"
    icon = "link_off"
    promise = (
        "The place no longer plays these roles: its reports are parked, its stock is not sold there, orders "
        "are not routed to it, and a copy of its stock is told of no further movement. Movements and open "
        "orders stay as they are."
    )

    def preview(self, row: LocationMapping, *, now: datetime) -> Card:
        roles = [
            word
            for word, plays in (
                ("reports", row.counts_from),
                ("sells", row.sells_for),
                ("fulfils", row.fulfils),
                ("keeps a copy", row.mirrors),
            )
            if plays
        ]
        return Card(
            f"{row.connection.label}: {row.external_id or 'all'} ↔ {row.location.code}",
            facts=facts(("Roles", ", ".join(roles))),
        )

    def do(
        self, rows: Sequence[LocationMapping], *, actor: audit.Actor, reason: str, now: datetime
    ) -> Outcome:
        for row in rows:
            act_on(mappings.remove_location_mapping(mapping_id=row.pk, actor=actor, reason=reason), now=now)
        return Outcome(f"Removed {many(len(rows), 'location mapping')}.")


class LocationMappingForm(ReasonForm):
    check = staticmethod(mappings.check_location_mapping)

    class Meta:
        model = LocationMapping
        fields = ("connection", "external_id", "location", "counts_from", "sells_for", "fulfils", "mirrors")
        labels = MappingProxyType({"mirrors": "Keeps a copy of the stock"})
        help_texts = MappingProxyType(
            {
                "mirrors": "Every movement from now on is booked there. What lies here already is not: count "
                "it in there when you begin. Only for a connection that does not decide what is here."
            }
        )


@admin.register(LocationMapping)
class LocationMappingAdmin(Doing, Reasoned):
    form = LocationMappingForm
    deeds = (RemoveLocationMapping(),)
    list_display = (
        "location", "connection", "external_id", "counts_from", "sells_for", "fulfils", "mirrors"
    )  # fmt: skip
    list_filter = ("connection", "counts_from", "sells_for", "fulfils", "mirrors")
    list_select_related = ("connection", "location")
    search_fields = ("external_id", "location__code", "location__name", "connection__code")
    autocomplete_fields = ("location",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("connection", "external_id", "location") if obj else ()

    def save_model(self, request: HttpRequest, obj: LocationMapping, form: Any, change: bool) -> None:
        self.settle(mappings.save_location_mapping(obj, **self.reason(form)))
