"""The refs of products and places on our side, and their ids in Odoo. Does not call Odoo."""

from __future__ import annotations

from connectors.base.fields import clean
from inventory_sync.domain.errors import Unsupported

PRODUCT = "product"
WAREHOUSE = "warehouse"
LOCATION = "location"
LARGEST_ID = 2**31 - 1


def product_id(ref: str) -> int:
    """Return the id in `product:<id>`, or raise Unsupported."""
    kind, number = split(ref)
    if kind != PRODUCT:
        raise Unsupported(f"{clean(ref, limit=60)!r} is no product:ID of Odoo.")
    return number


def place_id(ref: str) -> tuple[str, int]:
    """Return (warehouse or location, id) of a place, or raise Unsupported."""
    kind, number = split(ref)
    if kind not in (WAREHOUSE, LOCATION):
        raise Unsupported(f"{clean(ref, limit=60)!r} is no warehouse:ID or location:ID of Odoo.")
    return kind, number


def split(ref: str) -> tuple[str, int]:
    kind, _, number = ref.partition(":")
    if not (number.isascii() and number.isdigit() and len(number) <= 10 and 0 < int(number) <= LARGEST_ID):
        return "", 0
    return kind, int(number)
