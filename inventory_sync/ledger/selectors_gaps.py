"""Feeds with a number that has been missing for long."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from inventory_sync.ledger.models import Gap

SHOWN = 10


@dataclass(frozen=True, slots=True)
class OverdueFeed:
    """The numbers of one connection about one location that have been missing for long."""

    connection: str
    location: str
    subject: str
    numbers: tuple[int, ...]
    since: datetime

    @property
    def in_words(self) -> str:
        shown = ", ".join(map(str, self.numbers[:SHOWN]))
        more = f" and {len(self.numbers) - SHOWN} more" if len(self.numbers) > SHOWN else ""
        return (
            f"{self.connection} left out of its reports about {self.location}: {shown}{more}, missing since "
            f"{self.since:%Y-%m-%d %H:%M} UTC. What came after raises no figure."
        )[:300]


def overdue_feeds(*, before: datetime) -> list[OverdueFeed]:
    """Return the feeds with numbers missed before this time that have not come and are not declared lost."""
    found: dict[tuple[int, int], list[Gap]] = defaultdict(list)
    rows = Gap.objects.filter(state=Gap.State.OPEN, opened_at__lt=before)
    for gap in rows.select_related("connection", "location").order_by("sequence"):
        found[gap.connection_id, gap.location_id].append(gap)
    return [
        OverdueFeed(
            gaps[0].connection.code,
            gaps[0].location.code,
            f"{connection_id}:{location_id}",
            tuple(gap.sequence for gap in gaps),
            min(gap.opened_at for gap in gaps),
        )
        for (connection_id, location_id), gaps in sorted(found.items())
    ]
