"""How templates write quantities and instants, and where they lead to an explanation."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlencode

from django import template
from django.urls import reverse

from inventory_sync.cases.telling.selectors import nobody_is_told
from inventory_sync.console import formats
from inventory_sync.console.waterfall import signed as with_sign

register = template.Library()


@register.filter
def quantity(value: Decimal | None) -> str:
    """Write a quantity; None is unknown."""
    return formats.quantity(value)


@register.filter
def quantity_or_dash(value: Decimal | None) -> str:
    """Write a quantity; None is nothing at all."""
    return "—" if value is None else formats.quantity(value)


@register.filter
def signed(value: Decimal) -> str:
    return with_sign(value)


@register.filter
def instant(value: datetime | None) -> str:
    """Write an instant to the second, in UTC."""
    return "—" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


@register.inclusion_tag("console/nobody_told.html")
def nobody_told() -> dict[str, str]:
    """Say plainly that cases reach nobody, while no route is switched on."""
    return {"sentence": nobody_is_told()}


@register.simple_tag
def explain_url(sku: str = "", channel: str = "", location: str = "", at: datetime | None = None) -> str:
    """Return the address that explains this."""
    asked = {"sku": sku, "channel": channel, "location": location, "at": at.isoformat() if at else ""}
    return f"{reverse('admin:catalog_item_explain')}?{urlencode({k: v for k, v in asked.items() if v})}"
