"""The page on which staff change who decides what is at a place, or in which mode it reports.

Guarded: choose, see what it would change, give a reason, confirm. What is confirmed is what was shown: when
the numbers have moved on, they are shown again first. It takes effect at the click.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from inventory_sync.catalog import authorities
from inventory_sync.catalog.models import Authority, Location
from inventory_sync.catalog.services import Effect
from inventory_sync.connections.models import Connection
from inventory_sync.console.admin.base import actor_of, sentences
from inventory_sync.console.authority_preview import Change, digest, preview
from inventory_sync.console.effects import act_on
from inventory_sync.domain.errors import SyncError
from inventory_sync.pipeline.wiring import Cursors
from inventory_sync.support.clock import utc_now

PERMISSION = "console.assign_authority"


class AuthorityForm(forms.Form):
    attribute = forms.ChoiceField(
        choices=Authority.Attribute.choices, label="What it decides", widget=UnfoldAdminSelectWidget
    )
    decides = forms.ModelChoiceField(
        Connection.objects.order_by("code"),
        required=False,
        empty_label="Nobody",
        label="Authority",
        help_text="The one connection whose reports count.",
        widget=UnfoldAdminSelectWidget,
    )
    mode = forms.ChoiceField(choices=Location.Mode.choices, widget=UnfoldAdminSelectWidget)
    continues = forms.BooleanField(
        required=False,
        label="The new one reads the same books by the same clock",
        help_text="Then what is known stays known. If in doubt, leave it off.",
        widget=UnfoldBooleanSwitchWidget,
    )
    reason = forms.CharField(
        max_length=300,
        required=False,
        help_text="Kept in the audit with what changed.",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Why this change?"}),
    )
    shown = forms.CharField(required=False, widget=forms.HiddenInput)

    def change(self, place: Location) -> Change:
        said = self.cleaned_data
        return Change(place, said["attribute"], said["decides"], said["mode"], said["continues"])


class AuthorityPage:
    """Mixed into the admin of places: the page and the button that leads to it."""

    change_form_outer_before_template = "console/deeds_bar.html"
    admin_site: Any

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.authority_view)
        name = "catalog_location_authority"
        return [path("<int:place_id>/authority/", page, name=name), *super().get_urls()]  # type: ignore[misc]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        place = self.get_object(request, object_id) if object_id else None  # type: ignore[attr-defined]
        offered = []
        if place is not None and place.kind not in Location.VIRTUAL and request.user.has_perm(PERMISSION):
            url = reverse("admin:catalog_location_authority", args=[place.pk])
            offered = [{"verb": "Change authority or mode", "icon": "gavel", "url": url}]
        context = {**(extra_context or {}), "deeds": offered}
        return super().changeform_view(request, object_id, form_url, context)  # type: ignore[misc, no-any-return]

    def authority_view(self, request: HttpRequest, place_id: int) -> HttpResponse:
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        place = Location.objects.filter(pk=place_id).exclude(kind__in=Location.VIRTUAL).first()
        if place is None:
            raise Http404
        held = place.authority
        initial = {"decides": held.connection_id if held else None, "mode": place.mode}
        form = AuthorityForm(request.POST or None, initial=initial)
        cards: Any = ()
        if request.method == "POST" and form.is_valid():
            change = form.change(place)
            cards = preview(change)
            if "confirm" in request.POST and self._confirmed(request, form, change, digest(cards)):
                return HttpResponseRedirect(reverse("admin:catalog_location_change", args=[place.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Who decides at {place.code}",
            "opts": Location._meta,
            "form": form,
            "cards": cards,
            "shown": digest(cards) if cards else "",
            "spans": place.authorities.select_related("connection"),
            "tenures": place.tenures.all(),
            "back": reverse("admin:catalog_location_change", args=[place.pk]),
        }
        return TemplateResponse(request, "console/authority.html", context)

    @staticmethod
    def _confirmed(request: HttpRequest, form: AuthorityForm, change: Change, shown: str) -> bool:
        """Do what was confirmed, or say on the form why not."""
        reason = form.cleaned_data["reason"].strip()
        if not reason:
            form.add_error("reason", "Say why: it is kept in the audit.")
        elif form.cleaned_data["shown"] != shown:
            form.add_error(None, "It has changed since you looked. This is how it stands now.")
        elif not (change.names_another or change.changes_mode):
            form.add_error(None, "Nothing would change.")
        else:
            try:
                with transaction.atomic():
                    now = utc_now()
                    act_on(apply(change, request, reason=reason), now=now)
            except (ValidationError, SyncError) as error:
                for sentence in sentences(error):
                    form.add_error(None, sentence)
            else:
                messages.success(
                    request, f"{change.place.code} is changed. What waited for it is tried again."
                )
                return True
        return False


def apply(change: Change, request: HttpRequest, *, reason: str) -> Effect:
    """Make the change from now on; one tenure begins, whether authority, mode or both are new."""
    why: dict[str, Any] = {"actor": actor_of(request), "reason": reason}
    at, reading = utc_now(), Cursors().next_reading()
    effect = Effect()
    if change.names_another:
        effect |= authorities.assign_authority(
            change.place,
            change.decides,
            attribute=change.attribute,
            at=at if change.now is not None or _had_one(change) else None,
            after_reading=reading,
            continues=change.continues or change.changes_mode,
            **why,
        )
    if change.changes_mode:
        effect |= authorities.change_mode(change.place, change.mode, at=at, after_reading=reading, **why)
    return effect


def _had_one(change: Change) -> bool:
    return Authority.objects.filter(location=change.place, attribute=change.attribute).exists()
