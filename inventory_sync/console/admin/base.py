"""What the pages of the admin share: reading without writing, and writing with a reason.

No business logic: a page parses, calls one service and shapes the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.admin import ModelAdmin, TabularInline
from unfold.widgets import UnfoldAdminTextInputWidget

from inventory_sync.audit import services as audit
from inventory_sync.catalog.services import Effect
from inventory_sync.console.effects import act_on
from inventory_sync.domain.errors import SyncError
from inventory_sync.support.clock import utc_now


class Desk(ModelAdmin):
    """Base of every page: nothing is deleted here, and a refusal by a service is shown, never a 500.

    nothing: what an empty list means (templates/unfold/helpers/empty_results.html); nothing_under: what it
    means under a filter with which the menu opens the page.
    """

    nothing = "Nothing is here yet."
    nothing_under: Mapping[str, str] = MappingProxyType({})
    list_per_page = 50
    show_full_result_count = False
    warn_unsaved_form = True
    actions: Any = ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        changelist.nothing = self.nothing_under.get(request.GET.urlencode(), "")
        return changelist

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (ValidationError, SyncError) as error:
            for sentence in sentences(error):
                messages.error(request, sentence)
            return HttpResponseRedirect(request.get_full_path())

    def settle(self, effect: Effect) -> None:
        act_on(effect, now=utc_now())


class Reading(Desk):
    """Rows that another room writes: shown, searched, never edited here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadingInline(TabularInline):
    extra = 0
    can_delete = False
    show_change_link = False
    tab = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReasonForm(forms.ModelForm):
    """A form that asks why; `check` is the room's own judgement of the row before it is saved."""

    reason = forms.CharField(
        max_length=300,
        help_text="Kept in the audit with what changed.",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Why this change?"}),
    )
    check: Callable[[Any], None] | None = None

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        judge = type(self).check
        if judge is None or self.errors:
            return
        try:
            judge(self.instance)
        except ValidationError as error:
            self._update_errors(error)  # type: ignore[attr-defined]


class Reasoned(Desk):
    """Rows staff edit: every save goes through a service of the room, with the reason given."""

    form = ReasonForm

    def reason(self, form: Any) -> dict[str, Any]:
        """Return who and why, as services take it."""
        return {"actor": form.user, "reason": form.cleaned_data["reason"]}

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.user = request.user
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask the reason last, in a box of its own; nobody is asked who may only look."""
        sets = [(name, dict(options)) for name, options in super().get_fieldsets(request, obj)]
        may = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        for _, options in sets:
            options["fields"] = [field for field in options["fields"] if field != "reason"]
        return [*sets, ("Why", {"fields": ["reason"]})] if may else sets


def sentences(error: ValidationError | SyncError) -> list[str]:
    return error.messages if isinstance(error, ValidationError) else [error.detail]


def actor_of(request: HttpRequest) -> audit.Actor:
    assert request.user.is_authenticated
    return request.user
