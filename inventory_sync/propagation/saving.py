"""Listings written back after a step of a flight: all of them by one statement, whatever their number.

A flight writes its listings four times. Built by Django, an UPDATE of so many columns of a hundred rows costs
a second of processor time, most of it in making its text. Which rows, and with what, the caller decides;
they are locked by him.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection

from inventory_sync.propagation.models import Listing
from inventory_sync.propagation.rows import FIELDS
from inventory_sync.support.columns import unzip

WRITTEN = (*FIELDS, "observed_stamp")
DOCUMENTS = frozenset({"aim", "unanswered", "pending"})
_TYPES = {
    "DecimalField": "numeric",
    "BigIntegerField": "bigint",
    "PositiveSmallIntegerField": "smallint",
    "BooleanField": "boolean",
    "DateTimeField": "timestamptz",
    "CharField": "text",
    "TextField": "text",
    "JSONField": "text",
}


def _statement() -> str:
    table = Listing._meta
    types = [_TYPES[table.get_field(name).get_internal_type()] for name in WRITTEN]
    sets = [f"{name} = g.{name}{'::jsonb' if name in DOCUMENTS else ''}" for name in WRITTEN]
    given = ", ".join(f"%s::{one}[]" for one in ("bigint", *types))
    return (
        f"UPDATE {table.db_table} l SET {', '.join(sets)}"  # noqa: S608 - names of the model's own columns
        f" FROM unnest({given}) AS g(id, {', '.join(WRITTEN)}) WHERE l.id = g.id"
    )


_WRITE = _statement()


def write_all(listings: Sequence[Listing]) -> None:
    """Write what a flight may change of each."""
    if not listings:
        return
    rows = [(one.pk, *(_value(one, name) for name in WRITTEN)) for one in listings]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, unzip(rows, len(WRITTEN) + 1))


def _value(listing: Listing, name: str) -> Any:
    value = getattr(listing, name)
    if name in DOCUMENTS:
        return None if value is None else json.dumps(value)
    return str(value) if name == "state" else value
