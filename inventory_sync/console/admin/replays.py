"""Apply a stretch of deliveries again: what it would be, then a frozen set, then how it goes."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from inventory_sync.catalog.models import Item
from inventory_sync.connections.models import Connection
from inventory_sync.console.admin.asking import Why
from inventory_sync.console.admin.base import Reading, actor_of
from inventory_sync.console.deeds import many
from inventory_sync.intake.models import Delivery
from inventory_sync.pipeline.models import Replay
from inventory_sync.pipeline.replaying import MOST, Wanted, cancel, found, outcomes, progress, start
from inventory_sync.pipeline.wake import waker
from inventory_sync.support.clock import utc_now

MAY = "console.replay_delivery"
LINES = 100
_AT = {"type": "datetime-local", "step": "1"}


class Stretch(forms.Form):
    since = forms.DateTimeField(label="Came in from (UTC)", widget=UnfoldAdminTextInputWidget(attrs=_AT))
    until = forms.DateTimeField(label="and before (UTC)", widget=UnfoldAdminTextInputWidget(attrs=_AT))
    connection = forms.ModelChoiceField(
        Connection.objects.all(),
        required=False,
        empty_label="All connections",
        widget=UnfoldAdminSelectWidget,
    )
    topic = forms.CharField(required=False, max_length=80, widget=UnfoldAdminTextInputWidget)
    sku = forms.CharField(required=False, label="SKU", max_length=120, widget=UnfoldAdminTextInputWidget)
    state = forms.ChoiceField(
        required=False,
        choices=[("", "Any state"), ("done", "Done"), ("parked", "Parked"), ("rejected", "Rejected")],
        widget=UnfoldAdminSelectWidget,
    )
    per_minute = forms.IntegerField(
        min_value=1, max_value=60_000, initial=600, label="At most so many in a minute",
        widget=UnfoldAdminTextInputWidget(attrs={"type": "number"}),
    )  # fmt: skip

    def clean_sku(self) -> str:
        sku = str(self.cleaned_data["sku"])
        if sku and not Item.objects.filter(sku=sku).exists():
            raise forms.ValidationError("No item has this SKU.")
        return sku

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("since") and given.get("until") and given["since"] >= given["until"]:
            raise forms.ValidationError("The stretch ends before it begins.")
        return given

    @property
    def wanted(self) -> Wanted:
        given = self.cleaned_data
        return Wanted(
            since=given["since"].astimezone(UTC),
            until=given["until"].astimezone(UTC),
            connection=given["connection"],
            topic=given["topic"],
            item=Item.objects.filter(sku=given["sku"]).first() if given["sku"] else None,
            state=given["state"],
        )


@admin.register(Replay)
class ReplayAdmin(Reading):
    nothing = "No stretch of deliveries was ever applied again."
    list_display = ("id", "shown_what", "state", "shown_count", "asked_by", "reason", "created_at")
    list_filter = ("state", "asked_by")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("new/", view(self.new_view), name="pipeline_replay_new"),
            path("<int:replay_id>/cancel/", view(self.cancel_view), name="pipeline_replay_cancel"),
            *super().get_urls(),
        ]

    @display(description="what")
    def shown_what(self, row: Replay) -> str:
        return ", ".join(f"{name} {word}" for name, word in row.filters.items())

    @display(description="deliveries")
    def shown_count(self, row: Replay) -> str:
        return f"{row.position} of {len(row.delivery_ids)}"

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """Choose, see what it would be, then have exactly that applied again."""
        if not request.user.has_perm(MAY):
            raise PermissionDenied
        now = utc_now()
        first = {"since": (now - timedelta(hours=1)).replace(tzinfo=None, microsecond=0, second=0)}
        first["until"] = now.replace(tzinfo=None, microsecond=0)
        form = Stretch(request.POST or request.GET or None, initial=first)
        why = Why(request.POST or None)
        seen = found(form.wanted) if form.is_bound and form.is_valid() else None
        up_to = request.POST.get("up_to", "")
        ready = request.method == "POST" and why.is_valid() and up_to.isdigit()
        if seen is not None and seen.total and not seen.too_many and ready:
            row = start(
                form.wanted, up_to=int(up_to), actor=actor_of(request), reason=why.cleaned_data["reason"],
                now=now, per_minute=form.cleaned_data["per_minute"],
            )  # fmt: skip
            waker().want("pipeline.retry_cases")
            return HttpResponseRedirect(reverse("admin:pipeline_replay_change", args=[row.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": "Replay deliveries",
            "opts": Replay._meta,
            "form": form,
            "why": why if request.method == "POST" else Why(),
            "seen": seen,
            "most": MOST,
            "minutes": -(-seen.total // form.cleaned_data["per_minute"]) if seen else 0,
        }
        return TemplateResponse(request, "console/replay_new.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        at = progress(row)
        state = request.GET.get("state", "")
        lines = outcomes(row, state=state if state in Delivery.State.values else "")
        total = len(row.delivery_ids)
        over = total - at["waiting"] - at.get("pending", 0)
        live = row.state == Replay.State.RUNNING or bool(at.get("pending"))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Replay of {many(total, 'delivery', 'deliveries')}",
            "opts": Replay._meta,
            "row": row,
            "what": self.shown_what(row),
            "at": [(name, count) for name, count in at.items() if count],
            "state": state,
            "percent": 100 * over // total if total else 100,
            "page": Paginator(lines, LINES).get_page(request.GET.get("page")),
            "refresh_s": 2 if live else 0,
            "may_cancel": row.state == Replay.State.RUNNING and request.user.has_perm(MAY),
            "form": Why(),
        }
        return TemplateResponse(request, "console/replay.html", context)

    def cancel_view(self, request: HttpRequest, replay_id: int) -> HttpResponse:
        if request.method != "POST" or not Replay.objects.filter(pk=replay_id).exists():
            raise Http404
        if not request.user.has_perm(MAY):
            raise PermissionDenied
        form = Why(request.POST)
        if form.is_valid():
            left = cancel(
                replay_id, actor=actor_of(request), reason=form.cleaned_data["reason"], now=utc_now()
            )
            messages.success(request, f"Cancelled: {many(left, 'delivery', 'deliveries')} stay as they are.")
        else:
            messages.error(request, "Say why, then cancel.")
        return HttpResponseRedirect(reverse("admin:pipeline_replay_change", args=[replay_id]))
