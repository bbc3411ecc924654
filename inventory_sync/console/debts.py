"""What is owed to others besides figures: orders to ERPs, deliveries to channels, movements to mirrors.

For the control room. Reads only; nothing owed is no row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, QuerySet
from django.urls import reverse

from inventory_sync.connections.models import Connection
from inventory_sync.propagation.models import MirrorDocument
from inventory_sync.workflows.models import Copy, DeliveryTold


@dataclass(frozen=True, slots=True)
class Debt:
    """How much of one kind a connection is owed, and since when the oldest is. `what`: orders, …"""

    connection: Connection
    what: str
    count: int
    oldest: datetime
    link: str


def debts() -> list[Debt]:
    """Return them by connection."""
    found = [
        *_owed("orders", Copy.objects.filter(state=Copy.State.OWED), "target", "since", "workflows_copy"),
        *_owed(
            "deliveries",
            DeliveryTold.objects.filter(state=DeliveryTold.State.OWED),
            "channel",
            "since",
            "workflows_deliverytold",
        ),
        *_owed(
            "mirrored movements",
            MirrorDocument.objects.filter(state__in=MirrorDocument.OPEN),
            "connection",
            "made_at",
            "propagation_mirrordocument",
        ),
    ]
    return sorted(found, key=lambda debt: (debt.connection.code, debt.what))


def _owed(what: str, rows: QuerySet, to: str, since: str, page: str) -> Iterator[Debt]:  # type: ignore[type-arg]
    sums = {row[to]: row for row in rows.values(to).annotate(count=Count("pk"), oldest=Min(since))}
    link = reverse(f"admin:{page}_changelist")
    for connection in Connection.objects.filter(pk__in=sums):
        row = sums[connection.pk]
        yield Debt(connection, what, row["count"], row["oldest"], f"{link}?state__exact=owed")
