"""Read single values out of Odoo's rows without trusting them: false is null, many2one has several shapes.

What cannot be read is RemoteUnavailable: a server that answers so is not to be drawn conclusions from.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.base.fields import MAX_QUANTITY, clean
from inventory_sync.domain.errors import RemoteUnavailable

Row = Mapping[str, Any]
ZERO = Decimal(0)
_STEP = Decimal("0.000001")
STAMP = "%Y-%m-%d %H:%M:%S"


def number(row: Row, name: str) -> Decimal:
    """Return a quantity at six places: Odoo computes in binary, so 0.1 + 0.2 comes as 0.30000000000000004."""
    value = row.get(name)
    if value is False or value is None:
        return ZERO
    if isinstance(value, bool) or not isinstance(value, int | Decimal | float):
        raise RemoteUnavailable(f"Odoo answered with a {name} that is no number.")
    try:
        exact = (value if isinstance(value, Decimal) else Decimal(str(value))).quantize(_STEP)
    except InvalidOperation as error:
        raise RemoteUnavailable(f"Odoo answered with a {name} that is no quantity.") from error
    if abs(exact) > MAX_QUANTITY:
        raise RemoteUnavailable(f"Odoo answered with a {name} that is no quantity.")
    return plain(exact)


def plain(value: Decimal) -> Decimal:
    """Return the number without trailing zeros, without an exponent and without a minus before zero."""
    return Decimal(int(value)) if value == value.to_integral_value() else value.normalize()


def is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63


def ref(row: Row, name: str) -> int:
    """Return the id of a many2one, 0 for none: bare, `[id, label]`, or an object with an id."""
    value: Any = row.get(name)
    if isinstance(value, list) and value:
        value = value[0]
    elif isinstance(value, Mapping):
        value = value.get("id")
    if value is False or value is None:
        return 0
    if not is_id(value):
        raise RemoteUnavailable(f"Odoo answered with a {name} that is no reference.")
    return int(value)


def objects(row: Row, name: str) -> list[Row]:
    """Return the related rows of a one2many that was asked for with its fields."""
    found = _many(row, name)
    if not all(isinstance(each, Mapping) for each in found):
        raise RemoteUnavailable(f"Odoo answered with {name} that are no rows.")
    return found


def _many(row: Row, name: str) -> list[Any]:
    value = row.get(name)
    if value is False or value is None:
        return []
    if not isinstance(value, list) or not all(
        is_id(each.get("id") if isinstance(each, Mapping) else each) for each in value
    ):
        raise RemoteUnavailable(f"Odoo answered with {name} that are no references.")
    return value


def words(row: Row, name: str, *, limit: int = 200) -> str:
    value = row.get(name)
    return clean(value.strip(), limit=limit) if isinstance(value, str) else ""


def stamp(row: Row, name: str) -> str:
    """Return a time as Odoo writes it, naive UTC in whole seconds, or "" for none."""
    value = row.get(name)
    if not isinstance(value, str):
        return ""
    try:
        return datetime.strptime(value[:19], STAMP).replace(tzinfo=UTC).strftime(STAMP)
    except ValueError as error:
        raise RemoteUnavailable(f"Odoo answered with a {name} that is no time.") from error


def moment(text: str) -> datetime:
    return datetime.strptime(text, STAMP).replace(tzinfo=UTC)


def told(when: datetime) -> str:
    """Return a time as Odoo reads it: any T, Z or offset would be an error."""
    return when.astimezone(UTC).strftime(STAMP)
