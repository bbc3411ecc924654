"""Which vendors' ids wait for a mapping: read from the parked lines, with a suggestion where one is certain.

A suggestion is an equal SKU, GTIN or name of one item alone, never a guess; a person confirms it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min, Q

from inventory_sync.catalog.models import Item, ItemMapping
from inventory_sync.intake.models import ParkedLine

ITEM, LOCATION = "item:", "location:"


@dataclass(frozen=True, slots=True)
class WaitingId:
    """One id of a vendor that parks lines. `words` is what the newest line said of it."""

    connection_id: int
    connection: str
    external_id: str
    words: str
    lines: int
    since: datetime
    suggestion: Item | None = None

    @property
    def name(self) -> str:
        """What the vendor seems to call it: the end of "Order 113: 2 × Gift card"; a filling-in aid only."""
        return self.words.rpartition(" × ")[2]


def waiting_ids(kind: str = ITEM) -> list[WaitingId]:
    """Return the ids that open parked lines wait for, the most waited for first."""
    groups = (
        ParkedLine.objects.filter(resolved_at__isnull=True, waits_on__startswith=kind)
        .values("connection_id", "connection__label", "waits_on")
        .annotate(lines=Count("id"), since=Min("created_at"), newest=Max("id"))
        .order_by("-lines", "since")
    )
    words = dict(
        ParkedLine.objects.filter(pk__in=[group["newest"] for group in groups]).values_list("id", "summary")
    )
    found = [
        WaitingId(
            connection_id=group["connection_id"],
            connection=group["connection__label"],
            external_id=group["waits_on"].removeprefix(kind),
            words=words.get(group["newest"], ""),
            lines=group["lines"],
            since=group["since"],
        )
        for group in groups
    ]
    return [_with_suggestion(each) for each in found] if kind == ITEM else found


def lines_waiting_for(connection_id: int, external_id: str) -> int:
    return ParkedLine.objects.filter(
        connection_id=connection_id, waits_on=f"{ITEM}{external_id}", resolved_at__isnull=True
    ).count()


def _with_suggestion(waiting: WaitingId) -> WaitingId:
    proposed = ItemMapping.objects.filter(
        connection_id=waiting.connection_id, external_id=waiting.external_id
    ).first()
    if proposed is not None and proposed.item is not None:
        suggestion: Item | None = proposed.item
    else:
        names = [waiting.external_id, waiting.name, proposed.external_sku if proposed else ""]
        names = [name for name in names if name]
        same = Item.objects.filter(Q(sku__in=names) | Q(gtin__in=names) | Q(name__in=names))[:2]
        suggestion = same[0] if len(same) == 1 else None
    return WaitingId(
        connection_id=waiting.connection_id,
        connection=waiting.connection,
        external_id=waiting.external_id,
        words=waiting.words,
        lines=waiting.lines,
        since=waiting.since,
        suggestion=suggestion,
    )
