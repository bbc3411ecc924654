"""A delivery edited and applied as a copy of its own: compared and read aloud first, with a reason."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from inventory_sync.cases import services
from inventory_sync.cases.models import Case
from inventory_sync.console.admin.asking import Why
from inventory_sync.console.admin.base import actor_of
from inventory_sync.console.bodies import NotEditable, diff, editable, restored
from inventory_sync.domain.errors import EditedMeanwhile, SyncError
from inventory_sync.intake.models import Delivery
from inventory_sync.intake.ports import DELIVERY_KIND
from inventory_sync.pipeline.remedies.editing import apply_edited, newest_of, read_aloud
from inventory_sync.pipeline.wake import waker
from inventory_sync.support.clock import utc_now

MAY_EDIT = "console.edit_delivery"


class CaseEditing:
    """Mixed into the page of cases."""

    admin_site: Any

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.edit_view)
        return [path("<int:case_id>/edit/", view, name="cases_case_edit"), *super().get_urls()]  # type: ignore[misc]

    def edit_view(self, request: HttpRequest, case_id: int) -> HttpResponse:
        """Show what an edit changes and how it would be understood, then apply it as a copy.

        What is edited is the newest copy, if one was applied and failed; the original is kept as it came.
        """
        may = request.user.has_perm(MAY_EDIT) and request.user.has_perm(services.PERMISSIONS["retry"])
        if not (may and self.has_view_permission(request)):  # type: ignore[attr-defined]
            raise PermissionDenied
        case = Case.objects.filter(pk=case_id, state=Case.State.OPEN, subject_kind=DELIVERY_KIND).first()
        rows = Delivery.objects.select_related("connection")
        found = rows.filter(pk=case.subject_id).first() if case else None
        if case is None or found is None:
            raise Http404
        row = newest_of(found)
        original = bytes(row.body)
        before = editable(original)
        text = request.POST.get("body", before)
        context: dict[str, Any] = {"text": text, "error": "", "diff": [], "aloud": None, "form": None}
        if request.method == "POST":
            try:
                body = restored(text, original)
            except NotEditable as error:
                context["error"] = str(error)
            else:
                context["diff"] = diff(before, editable(body))
                context["aloud"] = read_aloud(row, body)
                context["form"] = form = Why(request.POST if "apply" in request.POST else None)
                if form.is_valid() and context["diff"]:
                    try:
                        return _applied(request, case, row, body, form.cleaned_data["reason"])
                    except SyncError as error:
                        context["error"] = error.detail
        page = {
            **self.admin_site.each_context(request),
            "title": f"Edit and retry: {row.topic} #{row.pk}",
            "opts": Case._meta,
            "case": case,
            "row": row,
            "before": read_aloud(row, original),
        }
        return TemplateResponse(request, "console/case_edit.html", {**page, **context})


def _applied(request: HttpRequest, case: Case, row: Delivery, body: bytes, reason: str) -> HttpResponse:
    """Apply the copy and go to its outcome; raises EditedMeanwhile when another one was shown."""
    if request.POST.get("shown") != str(row.pk):
        raise EditedMeanwhile("Somebody edited it after it was shown to you. Look at it again.")
    run = apply_edited(case, row, body, actor=actor_of(request), reason=reason, now=utc_now(), wake=waker())
    return HttpResponseRedirect(reverse("admin:cases_retryrun_change", args=[run.pk]))
