"""From the bytes of a request to what is asked. Strict: an unknown or misspelt field is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from inventory_sync.api.reserve.once import Once
from inventory_sync.domain.requests import Act
from inventory_sync.domain.routing import ReserveMode

MOST_LINES = 200
MOST_TOLD = 20  # of what is wrong with a request
MOST_DIGITS = 15  # before the point of any quantity
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:@#+=-]{0,119}")
CHANNEL = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
QUANTITY = re.compile(r"[0-9]{1,14}(\.[0-9]{1,6})?")
LONGEST_HOLD = timedelta(days=366)
MODES = {mode.value: mode for mode in ReserveMode}


class Invalid(Exception):
    """The request cannot be taken; errors: (parameter, detail) for each complaint."""

    def __init__(self, *errors: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {detail}" for name, detail in errors))
        self.errors = errors


class Unreadable(Exception):
    """The body is not JSON."""


@dataclass(frozen=True, slots=True)
class AskedLine:
    line_ref: str
    sku: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Asked:
    """One request in the caller's words: a channel by its code, items by SKU. once: its name, if any."""

    act: Act
    channel: str
    reference: str
    version: int = 1
    lines: tuple[AskedLine, ...] = ()
    mode: ReserveMode = ReserveMode.ALL_OR_NOTHING
    hold: timedelta | None = None
    review: bool = False
    until: datetime | None = None
    reason: str = ""
    correlation_id: str = ""
    once: Once | None = None


def read(
    act: Act, body: bytes, *, channel: str, reference: str, correlation_id: str, sold: bool = False
) -> Asked:
    """Return what is asked; channel and reference come from the address, or from the body of a RESERVE.

    sold: it is an order that happened, so it is recorded whatever is free. Raises Unreadable or Invalid.
    """
    allowed = ORDER_FIELDS if sold and act is Act.RESERVE else FIELDS[act]
    fields = _Fields(_parsed(body) if body or act.has_content else {}, allowed)
    asked = Asked(
        act=act,
        channel=channel or fields.text("channel", CHANNEL, "a connection's code"),
        reference=reference or fields.text("reference", REFERENCE, "1 to 120 plain characters"),
        version=fields.version(),
        lines=fields.lines(needed=act.has_content, zero=act is Act.AMEND),
        mode=ReserveMode.RECORD if sold else fields.mode(),
        hold=fields.seconds("hold_s"),
        review=fields.flag("review"),
        until=fields.time("expires_at"),
        reason=fields.reason(),
        correlation_id=correlation_id,
    )
    if act is Act.EXTEND and asked.until is None and asked.hold is None:
        fields.errors.append(("expires_at", "Say when it is to end: `expires_at` or `hold_s`."))
    if fields.errors:
        raise Invalid(*fields.errors[:MOST_TOLD])
    return asked


FIELDS: Mapping[Act, frozenset[str]] = {
    Act.RESERVE: frozenset({"channel", "reference", "version", "lines", "mode", "hold_s", "review"}),
    Act.AMEND: frozenset({"version", "lines"}),
    Act.COMMIT: frozenset(),
    Act.RELEASE: frozenset({"reason"}),
    Act.CANCEL: frozenset({"reason"}),
    Act.EXTEND: frozenset({"expires_at", "hold_s"}),
    Act.APPROVE: frozenset({"reason"}),
}
ORDER_FIELDS = frozenset({"channel", "reference", "version", "lines"})


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


# Numbers with a point are taken as they are written: no quantity passes through a float.
_decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = _decoder.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise Unreadable from error
    if not isinstance(found, dict):
        raise Unreadable
    return found


class _Fields:
    """Takes fields out of a parsed body, and notes what is wrong with them."""

    def __init__(self, body: dict[str, Any], allowed: frozenset[str]) -> None:
        self._body = body
        unknown = (name for name in body if name not in allowed)
        self.errors = [(name, "There is no such field.") for name in islice(unknown, MOST_TOLD)]

    def text(self, name: str, pattern: re.Pattern[str], words: str) -> str:
        value = self._body.get(name)
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        self.errors.append((name, f"Must be {words}."))
        return ""

    def version(self) -> int:
        value = self._body.get("version", 1)
        if type(value) is int and 0 < value < 2**31:
            return value
        self.errors.append(("version", "Must be a whole number from 1."))
        return 1

    def mode(self) -> ReserveMode:
        value = self._body.get("mode", "all_or_nothing")
        if isinstance(value, str) and value in MODES:
            return MODES[value]
        self.errors.append(("mode", f"Must be one of {', '.join(MODES)}."))
        return ReserveMode.ALL_OR_NOTHING

    def flag(self, name: str) -> bool:
        value = self._body.get(name, False)
        if not isinstance(value, bool):
            self.errors.append((name, "Must be true or false."))
        return value is True

    def seconds(self, name: str) -> timedelta | None:
        value = self._body.get(name)
        if value is None:
            return None
        if type(value) is int and 0 < value <= LONGEST_HOLD.total_seconds():
            return timedelta(seconds=value)
        self.errors.append((name, "Must be a whole number of seconds, at least 1."))
        return None

    def time(self, name: str) -> datetime | None:
        value = self._body.get(name)
        if value is None:
            return None
        found: datetime | None = None
        try:
            written = datetime.fromisoformat(value)
            found = None if written.tzinfo is None else written.astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            pass
        if found is None:
            self.errors.append((name, "Must be an RFC 3339 time with its offset."))
            return None
        return found

    def reason(self) -> str:
        value = self._body.get("reason", "")
        if isinstance(value, str) and len(value) <= 160 and _can_be_stored(value):
            return value
        self.errors.append(("reason", "Must be a text of at most 160 characters."))
        return ""

    def lines(self, *, needed: bool, zero: bool) -> tuple[AskedLine, ...]:
        if not needed:
            return ()
        given = self._body.get("lines")
        if not isinstance(given, list) or not 0 < len(given) <= MOST_LINES:
            self.errors.append(("lines", f"Must be a list of 1 to {MOST_LINES} lines."))
            return ()
        found = []
        for index, each in enumerate(given):
            line = self._line(f"lines.{index}", each, zero=zero)
            if line is not None:
                found.append(line)
        if len({line.line_ref for line in found}) < len(found):
            self.errors.append(("lines", "Each `line` is named once."))
        return tuple(found)

    def _line(self, at: str, each: Any, *, zero: bool) -> AskedLine | None:
        if not isinstance(each, dict) or each.keys() != {"line", "sku", "quantity"}:
            self.errors.append((at, "Must hold `line`, `sku` and `quantity`, and nothing else."))
            return None
        ref, sku, quantity = each["line"], each["sku"], _quantity(each["quantity"])
        before = len(self.errors)
        if not _is_name(ref):
            self.errors.append((f"{at}.line", "Must be a text of 1 to 80 characters."))
        if not _is_name(sku):
            self.errors.append((f"{at}.sku", "Must be a SKU."))
        if quantity is None or (not quantity and not zero):
            self.errors.append(
                (f"{at}.quantity", "Must be a positive decimal, at most 6 places, as a string.")
            )
        if quantity is None or len(self.errors) > before:
            return None
        return AskedLine(ref, sku, quantity)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 80 and _can_be_stored(value)


def _can_be_stored(text: str) -> bool:
    """Say whether the database can take a text: JSON may hold NUL, and half of a surrogate pair."""
    return not any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in text)


def _quantity(value: Any) -> Decimal | None:
    """Return an exact quantity from a string, or from a JSON number as it was written."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    if isinstance(value, Decimal) and not -MOST_DIGITS < value.adjusted() < MOST_DIGITS:
        return None  # a few characters may stand for gigabytes of zeros
    text = value if isinstance(value, str) else f"{value:f}" if isinstance(value, Decimal) else str(value)
    return Decimal(text) if QUANTITY.fullmatch(text) else None
