"""The external ids under which Odoo keeps the copies of orders and their lines: made and read back here.

An external id says whose line it is, so that a move in Odoo can be told apart from Odoo's own demand without
a table of ours. Does not call Odoo.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MODULE = "inventory_sync"
ORDER = "order"
LINE = "line"

_SEPARATOR = "__"
_ENCODED = re.compile(r"(?:[A-Za-z0-9]|_[0-9a-f]{2})*")
_BYTE = re.compile(r"_([0-9a-f]{2})")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


@dataclass(frozen=True, slots=True)
class OrderName:
    """One copy of an order: the connection that sold, its order, and the place of Odoo that serves it."""

    source: str
    order_ref: str
    place: str

    def external_id(self) -> str:
        return _join(ORDER, self.source, self.order_ref, self.place)


@dataclass(frozen=True, slots=True)
class LineName:
    """One line of a copy; a kit sold as components has several with the same line_ref."""

    source: str
    order_ref: str
    place: str
    line_ref: str
    item_ref: str

    @property
    def order(self) -> OrderName:
        return OrderName(self.source, self.order_ref, self.place)

    def external_id(self) -> str:
        return _join(LINE, self.source, self.order_ref, self.place, self.line_ref, self.item_ref)


def parse_order(external_id: str) -> OrderName | None:
    """Return the copy this external id names, or None if it is not one of ours."""
    parts = _split(external_id, ORDER, 3)
    return OrderName(*parts) if parts else None


def parse_line(external_id: str) -> LineName | None:
    """Return the line this external id names, or None if it is not one of ours."""
    parts = _split(external_id, LINE, 5)
    return LineName(*parts) if parts else None


def encode(part: str) -> str:
    """Return `part` in letters, digits and `_xx`; no two give the same, none holds `__` or ends in `_`."""
    return "".join(chr(byte) if byte in _PLAIN else f"_{byte:02x}" for byte in part.encode())


def decode(encoded: str) -> str | None:
    """Return the part, or None for what `encode` never makes."""
    if not _ENCODED.fullmatch(encoded):
        return None
    raw = _BYTE.sub(lambda found: chr(int(found.group(1), 16)), encoded).encode("latin-1")
    try:
        part = raw.decode()
    except UnicodeDecodeError:
        return None
    return part if encode(part) == encoded else None


def _join(kind: str, *parts: str) -> str:
    return f"{MODULE}.{_SEPARATOR.join([kind, *map(encode, parts)])}"


def _split(external_id: str, kind: str, count: int) -> list[str] | None:
    # A part may begin with "_" and never ends in one, so cutting at the leftmost "__" is unambiguous.
    module, dot, name = external_id.partition(".")
    first, *encoded = name.split(_SEPARATOR)
    if module != MODULE or not dot or first != kind or len(encoded) != count:
        return None
    parts = [part for part in map(decode, encoded) if part is not None]
    return parts if len(parts) == count else None
