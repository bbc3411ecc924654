"""What a person is asked before something is done about cases: always why, sometimes more."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

HIDE_FOR = {"1": "an hour", "4": "four hours", "24": "a day", "72": "three days", "168": "a week"}


class Why(forms.Form):
    reason = forms.CharField(
        max_length=300,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Why? Kept in the audit."}),
    )


class Pace(Why):
    per_minute = forms.IntegerField(
        min_value=1, max_value=600, initial=60, label="At most so many in a minute",
        widget=UnfoldAdminTextInputWidget(attrs={"type": "number"}),
    )  # fmt: skip
    field_order = ("per_minute", "reason")


class To(Why):
    to = forms.ChoiceField(label="Who works on it", required=False, widget=UnfoldAdminSelectWidget)
    field_order = ("to", "reason")

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        staff = get_user_model().objects.filter(is_staff=True, is_active=True).order_by("username")
        names = [(user.get_username(), user.get_username()) for user in staff]
        self.fields["to"].choices = [("", "Nobody: back to its team"), *names]  # type: ignore[attr-defined]


class Until(Why):
    hours = forms.ChoiceField(
        label="Hide for", choices=list(HIDE_FOR.items()), initial="4", widget=UnfoldAdminSelectWidget
    )
    field_order = ("hours", "reason")
