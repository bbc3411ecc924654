"""Read fields out of a vendor's JSON without trusting any of it.

Each reader returns the value in our type or raises MalformedPayload with the path of the field.
Text that a database cannot keep (NUL, lone surrogates) and numbers no stock can have are refused here,
so that nothing behind translation meets them. Does not know any vendor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from inventory_sync.domain.errors import MalformedPayload, NotExact, NotFinite, NoZone

MAX_QUANTITY = Decimal(10) ** 12
MAX_PLACES = 6
MAX_WHOLE = 2**63 - 1
_UNSTORABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_DECIMAL = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?\Z")
_ENDLESS = re.compile(r"[+-]?(s?nan|inf(inity)?)\Z", re.IGNORECASE)


def obj(value: Any, path: str = "") -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise MalformedPayload(f"{path or 'The body'} must be an object.", field=path)
    return value


def rows(parent: Mapping[str, Any], name: str, path: str = "") -> Sequence[Any]:
    value = parent.get(name)
    if not isinstance(value, list):
        raise MalformedPayload(f"{join(path, name)} must be a list.", field=join(path, name))
    return value


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def clean(value: str, *, limit: int = 200) -> str:
    """Return text for people: what cannot be stored is replaced, what is long is clipped."""
    return _UNSTORABLE.sub("�", value[: limit + 1])[:limit]


def text(parent: Mapping[str, Any], name: str, path: str = "", *, limit: int = 200) -> str:
    """Return a non-empty identifying text; never altered, so it is refused rather than cleaned."""
    value = parent.get(name)
    where = join(path, name)
    if not isinstance(value, str) or not value.strip():
        raise MalformedPayload(f"{where} must be a non-empty text.", field=where)
    if len(value) > limit or _UNSTORABLE.search(value):
        raise MalformedPayload(f"{where} is longer than {limit} or holds control characters.", field=where)
    return value


def whole(parent: Mapping[str, Any], name: str, path: str = "", *, least: int = 0) -> int:
    """Return a whole number; a JSON true is not one."""
    value = parent.get(name)
    where = join(path, name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MAX_WHOLE:
        raise MalformedPayload(f"{where} must be a whole number from {least}.", field=where)
    return value


def quantity_of(value: Any, where: str) -> Decimal:
    """Return an exact quantity from a JSON number or a decimal text, at most 6 places."""
    whole_number = isinstance(value, int) and not isinstance(value, bool)
    if whole_number or isinstance(value, Decimal) or (isinstance(value, str) and _DECIMAL.match(value)):
        number = Decimal(value)
    elif (isinstance(value, float) and not isfinite(value)) or (
        isinstance(value, str) and _ENDLESS.match(value)
    ):
        raise NotFinite(f"{where} is not finite.", field=where)
    elif isinstance(value, float):
        raise NotExact(f"{where} is a binary fraction.", field=where)
    else:
        raise MalformedPayload(f"{where} must be a number.", field=where)
    if not number.is_finite():
        raise NotFinite(f"{where} is not finite.", field=where)
    if abs(number) > MAX_QUANTITY:
        raise MalformedPayload(f"{where} is not a quantity stock can have.", field=where)
    try:
        fitted = number.quantize(Decimal(1).scaleb(-MAX_PLACES))
    except InvalidOperation as error:
        raise NotExact(f"{where} has more digits than a quantity can have.", field=where) from error
    if fitted != number:
        raise NotExact(f"{where} has more than {MAX_PLACES} decimal places.", field=where)
    return _trim(fitted)


def quantity(parent: Mapping[str, Any], name: str, path: str = "") -> Decimal:
    return quantity_of(parent.get(name), join(path, name))


def _trim(number: Decimal) -> Decimal:
    """Drop trailing zeros without turning 100 into 1E+2; no minus before zero."""
    if number == number.to_integral_value():
        return Decimal(int(number))
    return number.normalize()


def utc(parent: Mapping[str, Any], name: str, path: str = "", *, naive_is_utc: bool = False) -> datetime:
    """Return an aware UTC time; a text without offset is refused unless the vendor says it is UTC."""
    value = parent.get(name)
    where = join(path, name)
    if not isinstance(value, str) or len(value) > 40:
        raise MalformedPayload(f"{where} must be a time.", field=where)
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            if not naive_is_utc:
                raise NoZone(f"{where} has no offset.", field=where)
            moment = moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedPayload(f"{where} is not a time: {clean(value, limit=40)!r}.", field=where) from error
    if not 1990 <= moment.year <= 2200:
        raise MalformedPayload(f"{where} lies outside the years 1990 to 2200.", field=where)
    return moment
