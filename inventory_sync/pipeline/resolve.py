"""From external events to stock events: the vendors' names become ours, line by line.

What cannot be resolved is parked by itself; an order keeps its resolved lines and is marked incomplete.
One directory per batch, read inside its transaction. Pure but for that reading.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from inventory_sync.catalog.resolve import CatalogReader, Directory, Ignored, ItemTarget, load, to_base
from inventory_sync.domain.errors import FutureReport, NotTheAuthority, Parked, WrongMode
from inventory_sync.domain.external import (
    ExternalEvent,
    FigureObserved,
    ObjectHinted,
    OrderReported,
    OrderStatus,
    OrderVanished,
    SessionClosed,
    StockCounted,
    StockMoved,
)
from inventory_sync.domain.levels import Mode, RefusalReason
from inventory_sync.intake.ports import Parking, ReadWanted, StoredDelivery
from inventory_sync.ledger.types import (
    Applied,
    EventKind,
    OrderEvent,
    OrderEventLine,
    StockEvent,
)
from inventory_sync.propagation.ports import Sighting

REFUSALS: dict[RefusalReason, type[Parked]] = {
    RefusalReason.FUTURE: FutureReport,
    RefusalReason.MIXED_KINDS: WrongMode,
}


@dataclass(slots=True)
class Resolved:
    """A batch in our own ids, and the lines that could not be."""

    events: list[StockEvent] = field(default_factory=list)
    orders: list[OrderEvent] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)
    reads: list[ReadWanted] = field(default_factory=list)
    skipped: int = 0
    parked: dict[int, list[Parking]] = field(default_factory=lambda: defaultdict(list))

    def parked_of(self, stored: StoredDelivery, applied: Applied) -> list[Parking]:
        """Return the parked lines of a delivery, those refused by the ledger included."""
        refused = [
            Parking(one.event.key, REFUSALS.get(one.reason, Parked).code, f"Refused: {one.reason.value}.")
            for one in applied.posted.refused
            if one.event.delivery_id == stored.id
        ]
        return [*self.parked.get(stored.id, ()), *refused]

    def reads_after(self, applied: Applied) -> list[ReadWanted]:
        """Return what must be read again: hints, and orders that only a reading settles."""
        unsettled = [
            ReadWanted(connection_id, "order", ref, "two versions with the same time")
            for connection_id, ref in applied.decided.needs_reading
        ]
        return [*self.reads, *unsettled]


Batch = Sequence[tuple[StoredDelivery, tuple[ExternalEvent, ...]]]


def resolve(batch: Batch, *, catalog: CatalogReader, now: datetime, tolerance: timedelta) -> Resolved:
    """Resolve a batch of translated deliveries; never raises for a single line."""
    items, places = _names(event for _, events in batch for event in events)
    directory = load(
        catalog,
        connection_ids={stored.connection_id for stored, _ in batch},
        item_refs=items,
        location_refs=places,
    )
    resolved = Resolved()
    for stored, events in batch:
        for event in events:
            try:
                _resolve_one(stored, event, directory, resolved, now=now, tolerance=tolerance)
            except Parked as error:
                resolved.parked[stored.id].append(
                    Parking(event.key, error.code, error.detail, error.waits_on, _in_words(event))
                )
    return resolved


def _names(events: Iterable[ExternalEvent]) -> tuple[set[str], set[str]]:
    items: set[str] = set()
    places: set[str] = set()
    for event in events:
        match event:
            case StockMoved() | StockCounted():
                items.add(event.item_ref)
                places.add(event.location_ref)
            case OrderReported():
                items.update(line.item_ref for line in event.lines)
            case _:
                pass
    return items, places


def _resolve_one(
    stored: StoredDelivery,
    event: ExternalEvent,
    directory: Directory,
    into: Resolved,
    *,
    now: datetime,
    tolerance: timedelta,
) -> None:
    connection_id = stored.connection_id
    match event:
        case StockMoved() | StockCounted():
            _resolve_report(stored, event, directory, into, now=now, tolerance=tolerance)
        case OrderReported():
            into.orders.append(_order(stored, event, directory, into))
        case OrderVanished():
            into.orders.append(
                OrderEvent(
                    connection_id,
                    event.order_ref,
                    reading=stored.delivery.reading,
                    announced=event.announced,
                    correlation_id=stored.correlation_id,
                )
            )
        case FigureObserved():
            into.sightings.append(
                Sighting(connection_id, event.item_ref, event.figure, event.stamp, event.managed)
            )
        case ObjectHinted():
            into.reads.append(
                ReadWanted(connection_id, event.kind, event.ref, event.why, stored.correlation_id)
            )
        case SessionClosed():
            into.reads.append(ReadWanted(connection_id, "stream", event.location_ref, "session closed"))


def _resolve_report(
    stored: StoredDelivery,
    event: StockMoved | StockCounted,
    directory: Directory,
    into: Resolved,
    *,
    now: datetime,
    tolerance: timedelta,
) -> None:
    if event.occurred_at > now + tolerance:
        raise FutureReport(f"It says it happened at {event.occurred_at.isoformat()}, which has not been yet.")
    place = directory.location(stored.connection_id, event.location_ref)
    if place.authority_connection_id != stored.connection_id:
        raise NotTheAuthority(
            f"{stored.connection_code} does not decide what is at {place.code}; its report moves nothing.",
            waits_on=f"authority:{event.location_ref}",
        )
    target = directory.item(stored.connection_id, event.item_ref, event.unit)
    if isinstance(target, Ignored):
        into.skipped += 1
        return
    if place.mode is not Mode.MOVEMENTS and isinstance(event, StockCounted):
        raise WrongMode(f"{place.code} is kept by book figures; a shelf count is only an observation there.")
    moved = isinstance(event, StockMoved)
    into.events.append(
        StockEvent(
            connection_id=stored.connection_id,
            key=event.key,
            kind=EventKind.DELTA if moved else EventKind.COUNT,
            item_id=target.item_id,
            location_id=place.location_id,
            quantity=to_base(event.quantity, target),
            occurred_at=event.occurred_at,
            revision=event.revision if isinstance(event, StockMoved) else 0,
            sequence=event.sequence,
            reason=event.reason if isinstance(event, StockMoved) else None,
            reference=event.reference,
            delivery_id=stored.id,
            correlation_id=stored.correlation_id,
            fulfils=event.fulfils if isinstance(event, StockMoved) else None,
        )
    )


def _order(stored: StoredDelivery, event: OrderReported, directory: Directory, into: Resolved) -> OrderEvent:
    lines: list[OrderEventLine] = []
    unresolved: set[str] = set()
    for line in event.lines:
        try:
            target = directory.item(stored.connection_id, line.item_ref, line.unit, label=line.label)
            if isinstance(target, ItemTarget):
                lines.append(OrderEventLine(line.line_ref, target.item_id, to_base(line.quantity, target)))
            else:
                into.skipped += 1
        except Parked as error:
            unresolved.add(line.line_ref)
            article = line.label or line.item_ref
            words = f"Order {event.number or event.order_ref}: {line.quantity} × {article}"
            into.parked[stored.id].append(
                Parking(f"{event.order_ref}/{line.line_ref}", error.code, error.detail, error.waits_on, words)
            )
    expires_at = None
    if event.status is OrderStatus.UNPAID and event.hold_minutes > 0:
        placed = event.placed_at or stored.delivery.received_at
        expires_at = placed + timedelta(minutes=event.hold_minutes)
    return OrderEvent(
        connection_id=stored.connection_id,
        order_ref=event.order_ref,
        stamp=event.stamp,
        reading=stored.delivery.reading,
        status=event.status,
        fingerprint=event.fingerprint,
        number=event.number,
        placed_at=event.placed_at,
        expires_at=expires_at,
        lines=tuple(lines),
        parked=frozenset(unresolved),
        pool=directory.pool(stored.connection_id),
        correlation_id=stored.correlation_id,
    )


def _in_words(event: ExternalEvent) -> str:
    match event:
        case StockMoved():
            return f"{event.reason.value} of {event.quantity} × {event.item_ref} at {event.location_ref}"
        case StockCounted():
            return f"count of {event.quantity} × {event.item_ref} at {event.location_ref}"
        case _:
            return event.key
