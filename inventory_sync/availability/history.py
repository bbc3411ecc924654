"""What a channel could sell at any moment: the history of a figure, with the terms it stood on.

Reads only. A figure stands from the moment it was computed until the next row; the terms of a row are those
it was computed from. Documents behind the terms (orders, reports) are the ledger's history, not ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from inventory_sync.availability.models import FigureHistory
from inventory_sync.availability.steps import rows_of
from inventory_sync.catalog.models import Item
from inventory_sync.connections.models import Connection


@dataclass(frozen=True, slots=True)
class FigureThen:
    """One figure of the past, or the present one. figure None is unknown, never zero.

    steps add up to the figure; a kit's step holds its components' rows under "basis". It stood from
    computed_at until `until`, None if it still stands.
    """

    figure: Decimal | None
    verdict: str
    unknown: tuple[str, ...]
    steps: tuple[dict[str, Any], ...]
    version: int
    policy_version: int
    computed_at: datetime
    until: datetime | None
    correlation_id: str


def figure_at(*, connection: Connection, item: Item, moment: datetime) -> FigureThen | None:
    """Return what the channel might sell of the item at that moment; None where nothing was computed yet."""
    rows = _rows(connection, item)
    row = rows.filter(computed_at__lte=moment).order_by("-computed_at", "-version", "-id").first()
    if row is None:
        return None
    after = rows.filter(computed_at__gt=moment).order_by("computed_at").values_list("computed_at", flat=True)
    return _then(row, after.first())


def figure_now(*, connection: Connection, item: Item) -> FigureThen | None:
    """Return the figure that stands, with the terms it was computed from."""
    row = _rows(connection, item).order_by("-computed_at", "-version", "-id").first()
    return _then(row, None) if row else None


def figures_between(
    *, connection: Connection, item: Item, since: datetime, until: datetime, limit: int = 200
) -> list[FigureThen]:
    """Return the figures that came to stand in a span of time, newest first."""
    rows = _rows(connection, item).filter(computed_at__gte=since, computed_at__lt=until)
    found = list(rows.order_by("-computed_at", "-version", "-id")[:limit])
    after = [None, *(row.computed_at for row in found)]
    return [_then(row, end) for row, end in zip(found, after, strict=False)]


def _rows(connection: Connection, item: Item) -> Any:
    return FigureHistory.objects.filter(connection_id=connection.pk, item_id=item.pk)


def _then(row: FigureHistory, until: datetime | None) -> FigureThen:
    return FigureThen(
        figure=row.figure,
        verdict=row.verdict,
        unknown=tuple(row.unknown or ()),
        steps=tuple(rows_of(row.terms, row.basis, policy_version=row.policy_version)),
        version=row.version,
        policy_version=row.policy_version,
        computed_at=row.computed_at,
        until=until,
        correlation_id=row.correlation_id,
    )
