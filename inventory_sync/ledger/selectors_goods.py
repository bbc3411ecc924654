"""What is to come, what is on its way, and what a level is made of: lots, owners, conditions. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from inventory_sync.ledger.models import Expectation, ExpectationLine, StockLevel
from inventory_sync.ledger.rows import execute

_PARTS = """
SELECT lot, owner, condition, sum(quantity) FROM (
    SELECT lot, owner, condition, quantity FROM ledger_movement WHERE item_id = %s AND destination_id = %s
    UNION ALL
    SELECT lot, owner, condition, -quantity FROM ledger_movement WHERE item_id = %s AND source_id = %s
) AS legs
GROUP BY lot, owner, condition HAVING sum(quantity) <> 0
ORDER BY condition COLLATE "C", lot COLLATE "C", owner COLLATE "C"
"""


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a level that shares lot, owner and condition; the parts add up to its on hand.

    What a count found counts as nobody's lot: it finds everything together.
    """

    lot: str
    owner: str
    condition: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class ToCome:
    """What is still to come of an item at a place, and when: None where nobody said."""

    item_id: int
    location_id: int
    quantity: Decimal
    due_at: datetime | None
    kind: str
    connection_id: int
    ref: str


def parts_of(level: StockLevel) -> list[Part]:
    """Return what the movements of a level add up to, per lot, owner and condition."""
    where = (level.item_id, level.location_id)
    return [Part(*row) for row in execute(_PARTS, (*where, *where))]


def to_come(
    *, item_ids: Collection[int] | None = None, location_ids: Collection[int] | None = None
) -> list[ToCome]:
    """Return every open line of every announcement, the earliest due first, those without a day last."""
    rows = ExpectationLine.objects.filter(open__gt=0, expectation__location__isnull=False)
    if item_ids is not None:
        rows = rows.filter(item_id__in=item_ids)
    if location_ids is not None:
        rows = rows.filter(expectation__location_id__in=location_ids)
    return [
        ToCome(*row)
        for row in rows.order_by("due_at", "id").values_list(
            "item_id",
            "expectation__location_id",
            "open",
            "due_at",
            "expectation__kind",
            "expectation__connection_id",
            "expectation__ref",
        )
    ]


def incoming(*, item_id: int) -> dict[int, Decimal]:
    """Return what is announced of an item and not there yet, per place; transfers are in transit instead."""
    return _sums(each for each in to_come(item_ids=[item_id]) if each.kind != Expectation.Kind.TRANSFER)


def in_transit(*, item_id: int) -> dict[int, Decimal]:
    """Return what has left one place for another and is not there yet, per place it goes to."""
    return _sums(each for each in to_come(item_ids=[item_id]) if each.kind == Expectation.Kind.TRANSFER)


def _sums(rows: Iterable[ToCome]) -> dict[int, Decimal]:
    sums: dict[int, Decimal] = {}
    for row in rows:
        sums[row.location_id] = sums.get(row.location_id, Decimal(0)) + row.quantity
    return sums
