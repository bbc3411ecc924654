"""When the credentials of connections end, as their settings say. Calls no vendor and tells nobody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from inventory_sync.connections import registry
from inventory_sync.connections.models import Connection
from inventory_sync.domain.config import expiries_of
from inventory_sync.domain.errors import Misconfigured

WARNED_DAYS = (21, 7, 1)


@dataclass(frozen=True, slots=True)
class Ends:
    """One credential of one connection; `days` left, 0 on its last day, negative when it has ended."""

    connection: Connection
    label: str
    on: date
    days: int

    @property
    def subject(self) -> str:
        return f"{self.connection.code}/{self.label}"

    @property
    def has_ended(self) -> bool:
        return self.days < 0

    @property
    def warned(self) -> bool:
        return self.days <= WARNED_DAYS[0]

    @property
    def urgency(self) -> str:
        """Return how near the end is, in words that change on the days people are warned."""
        if self.has_ended:
            return "has ended"
        within = min((days for days in WARNED_DAYS if self.days <= days), default=None)
        return {None: "is far off", 1: "ends by tomorrow", 7: "ends within a week"}.get(
            within, f"ends within {within} days"
        )

    @property
    def in_words(self) -> str:
        return (
            f"{self.label} of {self.connection.label} {self.urgency} ({self.on.isoformat()}). Make the next "
            "one and enter it in the connection's settings."
        )


def calendar(*, today: date, connections: Iterable[Connection] | None = None) -> list[Ends]:
    """Return every credential whose end is known, the first to end first."""
    rows = Connection.objects.prefetch_related("secrets") if connections is None else connections
    found = [Ends(row, label, on, (on - today).days) for row in rows for label, on in _known(row)]
    return sorted(found, key=lambda each: (each.on, each.connection.code, each.label))


def _known(row: Connection) -> list[tuple[str, date]]:
    try:
        return sorted(expiries_of(registry.config_of(row)).items())
    except Misconfigured:
        return []  # its settings do not build, which its state says already
