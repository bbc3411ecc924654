"""Find reports that say something else under a key that was used before: the first stands, this one is shown.

Repeating a report is harmless and common, so only what differs is refused. A delivery that is applied again
says what it said, even if its names mean something else by now: that is no contradiction of its sender.
"""

from __future__ import annotations

from collections.abc import Sequence

from inventory_sync.domain.levels import RefusalReason
from inventory_sync.ledger.ports import LedgerStore, Recording
from inventory_sync.ledger.types import EventKind, Refused, StockEvent


def reused(accepted: Sequence[StockEvent], recording: Recording, store: LedgerStore) -> list[Refused]:
    """Return the reports refused for their key; figures have a rule of their own (folding.contradictions)."""
    recorded = {(each.event.connection_id, each.event.key): each.event for each in recording.new}
    asked = [event for event in accepted if event.kind is not EventKind.FIGURE]
    known = {
        (event.connection_id, event.key)
        for event in asked
        if (event.connection_id, event.key) not in recorded
    }
    stands = recorded | store.originals(known) if known else recorded
    return [
        Refused(event, RefusalReason.KEY_REUSED)
        for event in asked
        if (first := stands.get((event.connection_id, event.key))) is not None
        and first.revision == event.revision
        and (event.delivery_id is None or event.delivery_id != first.delivery_id)
        and _content(first) != _content(event)
    ]


def _content(event: StockEvent) -> tuple[object, ...]:
    return (
        event.kind,
        event.item_id,
        event.location_id,
        event.quantity,
        event.occurred_at,
        event.sequence,
        event.reason,
        event.lot,
        event.owner,
        event.condition,
        event.was,
    )
