"""The form of a connection, made from the settings its connector declares. Secrets are never rendered."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from inventory_sync.connections import secrets, services
from inventory_sync.connections.models import Connection
from inventory_sync.console.admin.base import ReasonForm
from inventory_sync.domain import config
from inventory_sync.domain.config import Setting
from inventory_sync.domain.errors import Misconfigured
from inventory_sync.domain.ports import Connector

PREFIX = "setting_"


class ConnectionForm(ReasonForm):
    connector: Connector
    user: Any

    class Meta:
        model = Connection
        fields = ("code", "label", "owner_team", "sells")
        widgets = {
            "code": UnfoldAdminTextInputWidget,
            "label": UnfoldAdminTextInputWidget,
            "owner_team": UnfoldAdminTextInputWidget,
            "sells": UnfoldBooleanSwitchWidget,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields.pop("code", None)
        elif "sells" in self.fields:
            self.fields["sells"].initial = self.connector.capabilities.sells

    def values(self) -> dict[str, Any]:
        """Return the connector's settings as filled in; secrets left empty stay as they are."""
        return {
            name.removeprefix(PREFIX): value
            for name, value in self.cleaned_data.items()
            if name.startswith(PREFIX) and value is not None
        }

    def clean(self) -> dict[str, Any] | None:
        """Have the connector itself judge the settings, together with the secrets it already has."""
        cleaned = super().clean()
        if not self.errors:
            plain, hidden = services.split(self.connector.config_type, self.values())
            try:
                known = secrets.read_all(self.instance) if self.instance.pk else {}
                config.build(self.connector.config_type, {**plain, **known, **hidden})
            except Misconfigured as error:
                self.add_error(None, error.detail)
        return cleaned


def fields_of(connector: Connector, row: Connection | None) -> dict[str, forms.Field]:
    """Return one form field per declared setting, filled with what is kept; secrets empty."""
    kept = row.config if row else {}
    there = set(row.secrets.values_list("name", flat=True)) if row else set()
    return {
        f"{PREFIX}{each.name}": _field(each, kept.get(each.name, each.default), each.name in there)
        for each in config.settings_of(connector.config_type)
    }


def _field(each: Setting, value: Any, is_set: bool) -> forms.Field:
    common: dict[str, Any] = {"label": each.label, "help_text": each.help, "required": each.required}
    if each.secret:
        told = "It is set; leave empty to keep it. " if is_set else ""
        return forms.CharField(
            **{**common, "required": each.required and not is_set, "help_text": f"{told}{each.help}"},
            widget=UnfoldAdminPasswordWidget(
                attrs={"autocomplete": "new-password", "placeholder": "••••••••" if is_set else ""}
            ),
            strip=True,
        )
    common["initial"] = value
    if each.choices:
        return forms.ChoiceField(**common, choices=each.choices, widget=UnfoldAdminSelectWidget)
    if each.kind == "bool":
        return forms.BooleanField(**{**common, "required": False}, widget=UnfoldBooleanSwitchWidget)
    if each.kind == "int":
        return forms.IntegerField(**common, widget=UnfoldAdminIntegerFieldWidget)
    if each.kind == "Decimal":
        common["initial"] = None if value is None else Decimal(str(value))
        return forms.DecimalField(**common, widget=UnfoldAdminDecimalFieldWidget)
    return forms.CharField(**common, widget=UnfoldAdminTextInputWidget)
