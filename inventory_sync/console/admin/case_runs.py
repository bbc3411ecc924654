"""Runs of retries, with the outcome of every case; nothing is decided here but to cancel the rest."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from unfold.decorators import display

from inventory_sync.cases import runs, selectors, services
from inventory_sync.cases.models import RetryLine, RetryRun
from inventory_sync.console.admin.asking import Why
from inventory_sync.console.admin.base import Reading, actor_of
from inventory_sync.console.admin.case_acts import group_of, run_is_live
from inventory_sync.console.deeds import many
from inventory_sync.support.clock import utc_now

REFRESH_S = 2
LINES = 100
STATE_COLOURS = {"Running": "info", "Done": "success", "Cancelled": "warning"}
TONES = {"succeeded": "good", "failed": "bad", "begun": "wait"}


@admin.register(RetryRun)
class RetryRunAdmin(Reading):
    nothing = "Nothing was retried yet. Retry a case or a group from the inbox; every outcome stands here."
    list_display = (
        "id",
        "shown_what",
        "shown_state",
        "shown_progress",
        "per_minute",
        "asked_by",
        "created_at",
    )
    list_filter = ("state", "code", "connection_code", "asked_by")
    search_fields = ("reason", "code")

    def get_urls(self) -> list[URLPattern]:
        cancel = self.admin_site.admin_view(self.cancel_view)
        return [path("<int:run_id>/cancel/", cancel, name="cases_retryrun_cancel"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RetryRun]:
        """Have each run counted with its row: no query of its own for every line of the list."""
        return (
            super()
            .get_queryset(request)
            .annotate(
                total=_count(),
                waiting=_count("waiting", "begun"),
                succeeded=_count("succeeded"),
                failed=_count("failed"),
            )
        )

    @display(description="what")
    def shown_what(self, row: RetryRun) -> str:
        return " ".join(part for part in (row.code or "chosen cases", row.connection_code) if part)

    @display(description="state", ordering="state", label=STATE_COLOURS)
    def shown_state(self, row: RetryRun) -> str:
        return str(row.get_state_display())

    @display(description="outcomes")
    def shown_progress(self, row: RetryRun) -> str:
        told: Any = row
        over = told.total - told.waiting
        return f"{told.succeeded} succeeded, {told.failed} failed, {over} of {told.total} over"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = self.get_object(request, object_id)
        if run is None:
            raise Http404
        at = selectors.progress([run])[run.pk]
        state = request.GET.get("state", "")
        lines = RetryLine.objects.filter(run=run).select_related("case")
        lines = lines.filter(state=state) if state in RetryLine.State.values else lines
        page = Paginator(lines, LINES).get_page(request.GET.get("page"))
        live = run_is_live(run)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Retry of {many(at.total, 'case')}",
            "opts": RetryRun._meta,
            "run": run,
            "at": at,
            "percent": 100 * at.over // at.total if at.total else 100,
            "lines": [{"line": line, "tone": TONES.get(line.state, "")} for line in page],
            "page": page,
            "state": state,
            "states": [(name, label, getattr(at, name)) for name, label in _STATES if getattr(at, name)],
            "live": live,
            "refresh_s": REFRESH_S if live else 0,
            "may_cancel": run.state == RetryRun.State.RUNNING and self._may_retry(request),
            "rest": self._rest(request, run, at) if not live else None,
            "form": Why(),
        }
        return TemplateResponse(request, "console/case_run.html", context)

    def cancel_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        run = RetryRun.objects.filter(pk=run_id).first()
        if run is None or request.method != "POST":
            raise Http404
        if not self._may_retry(request):
            raise PermissionDenied
        form = Why(request.POST)
        if form.is_valid():
            left = runs.cancel_run(
                run.pk, actor=actor_of(request), reason=form.cleaned_data["reason"], now=utc_now()
            )
            messages.success(request, f"Cancelled: {many(left, 'case')} will not be begun.")
        else:
            messages.error(request, "Say why, then cancel.")
        return HttpResponseRedirect(reverse("admin:cases_retryrun_change", args=[run.pk]))

    def _may_retry(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(services.PERMISSIONS["retry"]))

    def _rest(self, request: HttpRequest, run: RetryRun, at: selectors.Progress) -> dict[str, Any] | None:
        """Return what is left of the group once its first one was tried alone."""
        if at.total != 1 or not run.code or not self._may_retry(request):
            return None
        group = selectors.Filters(code=run.code, connection_code=run.connection_code, snoozed=False)
        left = selectors.cases(group, now=utc_now()).count()
        url = f"{reverse('admin:cases_case_act', args=['retry'])}?"
        return (
            {"count": left, "url": url + urlencode(group_of(run.code, run.connection_code))} if left else None
        )


def _count(*states: str) -> Coalesce:
    """Return how many lines a run has, all or those of these states."""
    lines = RetryLine.objects.filter(run=OuterRef("pk")).order_by()
    lines = lines.filter(state__in=states) if states else lines
    counted = lines.values("run").annotate(many=Count("pk")).values("many")
    return Coalesce(Subquery(counted), 0)


_STATES = (
    ("waiting", "waiting"),
    ("begun", "under way"),
    ("succeeded", "succeeded"),
    ("failed", "failed again"),
    ("skipped", "skipped"),
    ("cancelled", "cancelled"),
)
