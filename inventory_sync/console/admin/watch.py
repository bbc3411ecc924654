"""Who changed what, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from unfold.decorators import display

from inventory_sync.audit.models import Entry
from inventory_sync.console.admin.base import Reading
from inventory_sync.console.admin.channels import trail_link
from inventory_sync.console.formats import code


@admin.register(Entry)
class EntryAdmin(Reading):
    list_display = ("at", "actor_name", "shown_action", "subject_label", "reason")
    list_filter = ("action", "subject_table", "actor")
    search_fields = ("subject_label", "=subject_id", "reason", "actor_name", "=correlation_id")
    search_help_text = "What, who, why, or a correlation id"
    date_hierarchy = "at"
    fields = (
        ("at", "actor_name"),
        ("action", "reason"),
        ("subject_label", "shown_subject"),
        "shown_diff",
        "shown_trail",
    )

    @display(description="action", ordering="action")
    def shown_action(self, row: Entry) -> SafeString:
        return code(row.action)

    @display(description="before and after")
    def shown_diff(self, row: Entry) -> SafeString:
        before, after = row.before or {}, row.after or {}
        names = list(dict.fromkeys([*before, *after]))
        told = teller_of(row.subject_table)
        rows = [(name, told(name, before.get(name)), told(name, after.get(name))) for name in names]
        context = {"rows": rows, "had": row.before is not None, "has": row.after is not None}
        return mark_safe(render_to_string("console/diff.html", context))  # noqa: S308 a template's

    @display(description="row")
    def shown_subject(self, row: Entry) -> str:
        return f"{row.subject_table} {row.subject_id}"

    @display(description="trail")
    def shown_trail(self, row: Entry) -> SafeString | str:
        return trail_link(row.correlation_id)

    def has_view_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:
        return request.user.has_perm("audit.view_entry")


def teller_of(table: str) -> Callable[[str, Any], Any]:
    """Return how a column's value is told: a reference by what it names now, anything else as it is."""
    model = next((each for each in apps.get_models() if each._meta.db_table == table), None)
    fields = {field.name: field for field in model._meta.concrete_fields} if model else {}

    def tell(name: str, value: Any) -> Any:
        field = fields.get(name)
        if value is None or field is None or not field.is_relation or field.related_model is None:
            return value
        named = field.related_model._default_manager.filter(pk=value).first()
        return f"{named} (#{value})" if named else f"#{value}, no longer there"

    return tell
