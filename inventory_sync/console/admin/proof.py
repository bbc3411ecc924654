"""The daily evidence and the rounds of checks, to be read. Sealed documents are never edited here."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from unfold.decorators import display

from inventory_sync.console.admin.base import Reading
from inventory_sync.console.formats import code, pre, pretty_value, span
from inventory_sync.pipeline.models import Evidence, Verification

WORDS = {
    "arithmetic": "by our arithmetic",
    "inherent": "inherent",
    "beyond_shown": "beyond what was shown",
    "untold": "never told",
}


@admin.register(Evidence)
class EvidenceAdmin(Reading):
    list_display = (
        "day", "shown_orders", "shown_lines", "shown_oversells", "shown_invariants", "shown_signed",
        "shown_digest",
    )  # fmt: skip
    date_hierarchy = "day"
    change_form_outer_before_template = "console/evidence.html"
    ordering = ("-day",)
    fields = (
        ("day", "created_at"),
        "shown_digest",
        "shown_previous",
        ("shown_signed", "path"),
        "shown_document",
    )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id) if object_id else None
        told = {"told": _content(row)} if row is not None else {}
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **told})

    @display(description="orders")
    def shown_orders(self, row: Evidence) -> int:
        return int(_content(row)["total"]["orders_taken"])

    @display(description="lines")
    def shown_lines(self, row: Evidence) -> int:
        return int(_content(row)["total"]["lines_taken"])

    @display(description="oversells")
    def shown_oversells(self, row: Evidence) -> SafeString | str:
        kinds = _content(row)["total"]["oversells"]
        told = ", ".join(f"{number} {WORDS[name]}" for name, number in kinds.items() if number)
        if kinds["arithmetic"]:
            return format_html('<span class="console-bad">{}</span>', told)
        return told or "none"

    @display(description="invariants", label={"hold": "success", "violated": "danger"})
    def shown_invariants(self, row: Evidence) -> str:
        return "hold" if _content(row)["invariants"]["hold"] else "violated"

    @display(description="signed", boolean=True)
    def shown_signed(self, row: Evidence) -> bool:
        return bool(row.signature)

    @display(description="SHA-256")
    def shown_digest(self, row: Evidence) -> SafeString:
        return code(row.digest)

    @display(description="the day before it")
    def shown_previous(self, row: Evidence) -> SafeString | str:
        return code(row.previous) if row.previous else "the first of the chain"

    @display(description="the sealed document")
    def shown_document(self, row: Evidence) -> SafeString:
        return pre(pretty_value(_content(row)))


@admin.register(Verification)
class VerificationAdmin(Reading):
    list_display = ("started_at", "shown_took", "shown_state", "shown_found")
    ordering = ("-id",)
    fields = (("started_at", "finished_at"), ("shown_state", "shown_took"), "shown_results")

    @display(description="took")
    def shown_took(self, row: Verification) -> str:
        return "—" if row.finished_at is None else span(row.finished_at - row.started_at)

    @display(description="state", label={"Finished": "success", "Under way": "info"})
    def shown_state(self, row: Verification) -> str:
        return "Finished" if row.finished_at else "Under way"

    @display(description="violations")
    def shown_found(self, row: Verification) -> int:
        return sum(int(each["violations"]) for each in row.results.values())

    @display(description="check by check")
    def shown_results(self, row: Verification) -> SafeString:
        page = render_to_string("console/verification.html", {"results": sorted(row.results.items())})
        return mark_safe(page)  # noqa: S308 a template's


def _content(row: Evidence) -> dict[str, Any]:
    return dict(json.loads(row.document))
