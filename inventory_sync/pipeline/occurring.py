"""When a message's news happened, by its source's clock. Pure; tells nothing that the source did not date."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from inventory_sync.domain.external import ExternalEvent, OrderReported


def occurred_at(events: Iterable[ExternalEvent]) -> datetime | None:
    """Return the first thing a message tells of: its figures are as old as that. None when none is dated.

    An order's stamp is the vendor's modification time in whole seconds.
    """
    dated = [at for at in map(_of, events) if at is not None]
    return min(dated, default=None)


def _of(event: ExternalEvent) -> datetime | None:
    if isinstance(event, OrderReported):
        return datetime.fromtimestamp(event.stamp, tz=UTC) if 0 < event.stamp < 2**32 else None
    return getattr(event, "occurred_at", None)
