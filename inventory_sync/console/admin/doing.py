"""The pages of deeds: choose, preview with a reason, do, see what has become of it.

The subjects are frozen at the click: their ids stand in the address, so what fails later is not touched.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from unfold.widgets import UnfoldAdminTextInputWidget

from inventory_sync.console.admin.base import actor_of, sentences
from inventory_sync.console.deeds import Deed, Outcome, ids_in, many
from inventory_sync.domain.errors import SyncError
from inventory_sync.support.clock import utc_now

MOST_AT_ONCE = 200


class Why(forms.Form):
    reason = forms.CharField(
        max_length=300,
        label="Reason",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Why? Kept in the audit."}),
    )


class Doing:
    """Mixed into an admin page: offers its `deeds` in the list and above each row."""

    deeds: tuple[Deed[Any], ...] = ()
    change_form_outer_before_template = "console/deeds_bar.html"

    # What an admin page brings along.
    model: Any
    admin_site: Any

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.deed_view)
        return [path("deed/<slug:name>/", page, name=self._deed_url_name), *super().get_urls()]  # type: ignore[misc]

    @property
    def _deed_url_name(self) -> str:
        return f"{self.model._meta.app_label}_{self.model._meta.model_name}_deed"

    def deed_url(self, deed: Deed[Any], ids: list[int]) -> str:
        address = reverse(f"admin:{self._deed_url_name}", args=[deed.name])
        return f"{address}?{urlencode({'ids': ','.join(map(str, ids))})}"

    def get_actions(self, request: HttpRequest) -> Any:
        """Offer each deed the person may do, for the rows they tick."""
        actions = super().get_actions(request)  # type: ignore[misc]
        for deed in self.deeds:
            if request.user.has_perm(deed.permission) and not deed.one_at_a_time:
                actions[deed.name] = (partial(self._choose, deed), deed.name, f"{deed.verb}…")
        return actions

    @staticmethod
    def _choose(
        deed: Deed[Any], page: Doing, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponseRedirect | None:
        ids = list(queryset.order_by("pk").values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        if len(ids) > MOST_AT_ONCE:
            messages.error(request, f"At most {MOST_AT_ONCE} at once: choose fewer, then go on.")
            return None
        return HttpResponseRedirect(page.deed_url(deed, ids))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id) if object_id else None  # type: ignore[attr-defined]
        offered = [
            {"verb": deed.verb, "icon": deed.icon, "url": self.deed_url(deed, [row.pk])}
            for deed in self.deeds
            if row is not None and request.user.has_perm(deed.permission) and deed.applies(row)
        ]
        context = {**(extra_context or {}), "deeds": offered}
        return super().changeform_view(request, object_id, form_url, context)  # type: ignore[misc, no-any-return]

    def deed_view(self, request: HttpRequest, name: str) -> HttpResponse:
        deed = next((each for each in self.deeds if each.name == name), None)
        if deed is None:
            raise Http404
        if not request.user.has_perm(deed.permission):
            raise PermissionDenied
        now = utc_now()
        rows = deed.rows(self.get_queryset(request), ids_in(request.GET.get("ids", "")))  # type: ignore[attr-defined]
        form = (deed.asks or Why)(request.POST or None)
        if request.method == "POST" and form.is_valid() and rows:
            try:
                with nullcontext() if deed.calls_out else transaction.atomic():
                    outcome = deed.do_asked(rows, answers=form.cleaned_data, actor=actor_of(request), now=now)
            except (ValidationError, SyncError) as error:
                for sentence in sentences(error):
                    form.add_error(None, sentence)
            else:
                if outcome.secret or outcome.cards:
                    answer = self._page(request, deed, rows, None, done=True, outcome=outcome)
                    answer["Cache-Control"] = "no-store"
                    return answer
                messages.success(request, outcome.sentence)
                return HttpResponseRedirect(f"{request.get_full_path()}&done=1")
        done = "done" in request.GET
        return self._page(request, deed, rows, None if done else form, done=done)

    def _page(
        self,
        request: HttpRequest,
        deed: Deed[Any],
        rows: list[Any],
        form: forms.Form | None,
        *,
        done: bool,
        outcome: Outcome | None = None,
    ) -> TemplateResponse:
        now = utc_now()
        found = outcome.cards if outcome is not None else ()
        meta = self.model._meta
        what = many(len(rows), str(meta.verbose_name), str(meta.verbose_name_plural))
        context = {
            **self.admin_site.each_context(request),
            "title": f"{deed.verb}: {what}",
            "opts": meta,
            "deed": deed,
            "cards": found
            or [deed.result(row, now=now) if done else deed.preview(row, now=now) for row in rows],
            "found": outcome.sentence if found and outcome is not None else "",
            "form": form,
            "done": done,
            "secret": outcome.secret if outcome is not None else "",
            "back": reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"),
            "page": reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[rows[0].pk])
            if len(rows) == 1
            else "",
        }
        return TemplateResponse(request, "console/deed.html", context)
