"""Turn what an unsigned sender says into what it may say: which objects to read again.

A body that nobody signed is believed in nothing else. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from inventory_sync.domain.external import (
    ConditionChanged,
    ExpectationChanged,
    ExternalEvent,
    FigureObserved,
    GoodsReceived,
    ObjectHinted,
    OrderReported,
    OrderVanished,
    PickReported,
    ReturnDispositioned,
    SessionClosed,
    SnapshotReceived,
    StockCounted,
    StockMoved,
)


def as_hints(events: Iterable[ExternalEvent]) -> tuple[ExternalEvent, ...]:
    """Return one hint per object the events are about."""
    hints: dict[tuple[str, str], ObjectHinted] = {}
    for event in events:
        hint = _hint(event)
        hints.setdefault((hint.kind, hint.ref), hint)
    return tuple(hints.values())


def _hint(event: ExternalEvent) -> ObjectHinted:
    match event:
        case ObjectHinted():
            return event
        case OrderReported() | OrderVanished():
            return ObjectHinted(event.key, "order", event.order_ref, "hinted")
        case FigureObserved():
            # No vendor is asked for one listing by itself; its streams tell what changed.
            return ObjectHinted(event.key, "stream", "", "hinted")
        case StockMoved() | StockCounted() | SessionClosed() | GoodsReceived() | ConditionChanged():
            return ObjectHinted(event.key, "stream", event.location_ref, "hinted")
        case ReturnDispositioned() | PickReported() | ExpectationChanged():
            return ObjectHinted(event.key, "stream", event.location_ref, "hinted")
        case SnapshotReceived():
            return ObjectHinted(event.key, "stream", "", "hinted")
