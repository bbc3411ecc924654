"""What readings keep of Odoo, as the client writes it and translation reads it.

Source: the fields of Odoo 18 and 19
(https://www.odoo.com/documentation/19.0/developer/reference/external_api.html) and recorded exchanges with
both; quantities are decimal texts in the product's own unit.
"""

from __future__ import annotations

from typing import TypedDict


class Row(TypedDict):
    """One item at one place. `held`: [source, order, line, contained, delivered] per order line of ours."""

    item: str
    place: str
    quantity: str
    reserved: str
    unassigned: str
    unavailable: str
    held: list[list[str]]


class Reading(TypedDict, total=False):
    """Topics `figures.read` and `item.gone`: whole items at all places; no row means nothing is there.

    `at`: when the hub began to read. For people: `gone` (deleted in Odoo), `archived`, and `disputed`, of
    which stock and moves said different reservations each time they were read.
    """

    at: str
    places: list[str]
    items: list[str]
    rows: list[Row]
    gone: list[str]
    archived: list[str]
    disputed: list[str]


Line = TypedDict(
    "Line",
    {
        "id": int,
        "item": str,
        "from": str,  # place or ""
        "to": str,
        "was": str,  # usage of the location it left; `is` of the one it came to, or "scrap"
        "is": str,
        "quantity": str,
        "date": str,  # naive UTC, as Odoo tells times
        "write_date": str,
        "reference": str,
    },
)


class Lines(TypedDict):
    """Topic `lines.read`: move lines that are done and changed what is at a place."""

    lines: list[Line]


class Hint(TypedDict, total=False):
    """Topic `hint`: what an automation rule sends; other fields as its author chose."""

    _model: str
    _id: int
    product_id: int
