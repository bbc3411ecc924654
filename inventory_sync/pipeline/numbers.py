"""A source's own numbers, each of which belongs to one message: a second one with it would hide the first.

Looks at what is translated, before anything is resolved, so that nothing of such a message is applied.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from inventory_sync.domain.errors import SequenceReused
from inventory_sync.domain.external import (
    ConditionChanged,
    ExpectationChanged,
    ExternalEvent,
    GoodsReceived,
    PickReported,
    ReturnDispositioned,
    SessionClosed,
    StockCounted,
    StockMoved,
)
from inventory_sync.intake.ports import NumberUsed, Parking, StoredDelivery


def numbers_of(stored: StoredDelivery, events: Iterable[ExternalEvent]) -> list[NumberUsed]:
    """Return the numbers a message uses, each once; it is known by its first event's key.

    Not by its revision: a source may restate a message under the number it had.
    """
    found: dict[tuple[str, int], NumberUsed] = {}
    for event in events:
        match event:
            case (
                StockMoved() | StockCounted() | GoodsReceived() | ConditionChanged() | ReturnDispositioned()
                | PickReported() | ExpectationChanged() | SessionClosed()
            ):  # fmt: skip
                if event.sequence is None:
                    continue
                place = (event.location_ref, event.sequence)
                if place not in found:
                    found[place] = NumberUsed(stored.connection_id, *place, event.key)
            case _:
                pass
    return list(found.values())


def reused(used: Iterable[NumberUsed], taken: Collection[NumberUsed]) -> Parking | None:
    """Return the line that waits when a number of a message is another's, None when all are its own."""
    for one in used:
        if one in taken:
            words = f"Number {one.number} of {one.place} belongs to another message."
            return Parking("", SequenceReused.code, words, summary=f"{one.place}:{one.number}")
    return None
