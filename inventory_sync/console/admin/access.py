"""Who gets in: keys of external systems, people and their roles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextInputWidget,
)

from inventory_sync.access import services
from inventory_sync.access.models import ApiKey
from inventory_sync.audit import services as audit
from inventory_sync.console.admin.base import Desk, Reading, actor_of
from inventory_sync.console.admin.doing import Doing
from inventory_sync.console.deeds import Card, Deed, Outcome, facts, many
from inventory_sync.support.clock import utc_now

admin.site.unregister(User)
admin.site.unregister(Group)


class RevokeKey(Deed[ApiKey]):
    name = "revoke"
    permission = "console.revoke_key"
    verb = "Revoke"
    icon = "key_off"
    promise = "The key opens nothing from now on, for good. Its consumer needs a new one."

    def applies(self, row: ApiKey) -> bool:
        return row.revoked_at is None

    def preview(self, row: ApiKey, *, now: datetime) -> Card:
        return Card(
            str(row),
            facts=facts(
                ("Scopes", ", ".join(row.scopes)),
                ("Last used", row.last_used_at or "never"),
                ("Revoked", row.revoked_at),
            ),
            tone="bad" if row.revoked_at else "good",
        )

    def do(self, rows: Sequence[ApiKey], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        for row in rows:
            services.revoke_key(key_id=row.pk, actor=actor, reason=reason, now=now)
        return Outcome(f"Revoked {many(len(rows), 'key')}.")


class NewKey(forms.Form):
    consumer = forms.CharField(
        max_length=120,
        help_text="The system or partner that uses the key.",
        widget=UnfoldAdminTextInputWidget,
    )
    scopes = forms.MultipleChoiceField(
        choices=ApiKey.Scope.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="No more than it needs.",
    )
    channels = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Codes of the connections it may act for, separated by spaces; empty: all of them.",
    )
    expires_at = forms.DateTimeField(
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
        help_text="Empty: until it is revoked.",
    )
    reason = forms.CharField(max_length=300, widget=UnfoldAdminTextInputWidget)

    def clean_channels(self) -> list[str]:
        return str(self.cleaned_data["channels"]).split()


@admin.register(ApiKey)
class ApiKeyAdmin(Doing, Reading):
    deeds = (RevokeKey(),)
    list_display = ("consumer", "prefix", "shown_scopes", "shown_state", "last_used_at", "expires_at")
    search_fields = ("consumer", "prefix")
    fields = (
        "consumer",
        "prefix",
        "shown_scopes",
        ("created_at", "last_used_at"),
        ("expires_at", "revoked_at"),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("access.add_apikey")

    @display(description="scopes")
    def shown_scopes(self, row: ApiKey) -> str:
        return ", ".join(row.scopes)

    @display(description="state", label={"Valid": "success", "Revoked": "danger", "Expired": "warning"})
    def shown_state(self, row: ApiKey) -> str:
        if row.revoked_at:
            return "Revoked"
        return "Expired" if row.expires_at and row.expires_at <= utc_now() else "Valid"

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Make a key and show it once: it is in no page afterwards."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form, raw_key = NewKey(request.POST or None), ""
        if request.method == "POST" and form.is_valid():
            _, raw_key = services.create_key(actor=actor_of(request), **form.cleaned_data)
        context = {
            **self.admin_site.each_context(request),
            "title": "New API key",
            "opts": ApiKey._meta,
            "form": form,
            "raw_key": raw_key,
            "back": reverse("admin:access_apikey_changelist"),
            "media": form.media,
        }
        answer = TemplateResponse(request, "console/new_key.html", context)
        if raw_key:
            answer["Cache-Control"] = "no-store"
        return answer


class Written(Desk):
    """People and roles are not audited tables, yet who may do what is worth an entry."""

    noun = ""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Write the entry last, when roles and permissions are stored too."""
        with transaction.atomic():
            super().save_related(request, form, formsets, change)
            audit.record(
                actor=actor_of(request),
                action=f"{self.noun}.{'changed' if change else 'created'}",
                subject=form.instance,
                after={"fields": list(form.changed_data)},
            )


@admin.register(User)
class UserAdmin(Written, BaseUserAdmin):
    noun = "user"
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_staff", "is_superuser", "is_active", "last_login")


@admin.register(Group)
class GroupAdmin(Written, BaseGroupAdmin):
    noun = "role"
    search_fields = ("name",)
