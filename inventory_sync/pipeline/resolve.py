"""From external events to stock events: the vendors' names become ours, line by line.

What cannot be resolved is parked by itself; an order keeps its resolved lines and is marked incomplete.
One directory per batch, read inside its transaction. Pure but for that reading.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from inventory_sync.catalog.resolve import CatalogReader, Directory, ItemTarget, load, to_base
from inventory_sync.domain.errors import (
    FutureReport,
    KeyReused,
    Parked,
    PeriodClosed,
    ReadingContradicted,
    UnmappedItem,
    UnmappedLocation,
    WrongMode,
)
from inventory_sync.domain.external import (
    ConditionChanged,
    ExpectationChanged,
    ExternalEvent,
    FigureObserved,
    GoodsReceived,
    ObjectHinted,
    OrderReported,
    OrderStatus,
    OrderVanished,
    PickReported,
    ReturnDispositioned,
    SessionClosed,
    SnapshotReceived,
    StockCounted,
    StockMoved,
)
from inventory_sync.domain.levels import RefusalReason
from inventory_sync.domain.periods import period_of
from inventory_sync.intake.ports import NumberUsed, Parking, ReadWanted, StoredDelivery
from inventory_sync.ledger.expectation_types import ExpectationEvent, Pick
from inventory_sync.ledger.types import (
    Applied,
    CutReading,
    FeedNumber,
    OrderEvent,
    OrderEventLine,
    Refused,
    StockEvent,
)
from inventory_sync.pipeline import reports
from inventory_sync.pipeline.snapshots import figures_of
from inventory_sync.propagation.ports import Sighting

REFUSALS: dict[RefusalReason, type[Parked]] = {
    RefusalReason.FUTURE: FutureReport,
    RefusalReason.MIXED_KINDS: WrongMode,
    RefusalReason.PERIOD_CLOSED: PeriodClosed,
    RefusalReason.KEY_REUSED: KeyReused,
    RefusalReason.CONTRADICTION: ReadingContradicted,
}


@dataclass(slots=True)
class Resolved:
    """A batch in our own ids, and the lines that could not be.

    came: numbers of feeds, in our ids. observations: reports of those who do not decide, kept to be compared.
    named: what a connection calls an item of this batch. told_in: the latest reading that told something of
    it, 0 if something was told unasked.
    """

    events: list[StockEvent] = field(default_factory=list)
    orders: list[OrderEvent] = field(default_factory=list)
    expectations: list[ExpectationEvent] = field(default_factory=list)
    picks: list[Pick] = field(default_factory=list)
    cut: list[CutReading] = field(default_factory=list)
    came: set[FeedNumber] = field(default_factory=set)
    observations: list[StockEvent] = field(default_factory=list)
    named: dict[tuple[int, int], str] = field(default_factory=dict)
    told_in: dict[tuple[int, int], int] = field(default_factory=dict)
    sightings: list[Sighting] = field(default_factory=list)
    reads: list[ReadWanted] = field(default_factory=list)
    skipped: int = 0
    parked: dict[int, list[Parking]] = field(default_factory=lambda: defaultdict(list))

    def parked_of(self, stored: StoredDelivery, applied: Applied) -> list[Parking]:
        """Return the parked lines of a delivery, those refused by the ledger included."""
        refused = [_refusal(one) for one in applied.posted.refused if one.event.delivery_id == stored.id]
        refused += [
            Parking(one.event_key, KeyReused.code, f"Version {one.version} of {one.ref} said something else.")
            for one in applied.expected.refused
            if one.delivery_id == stored.id
        ]
        return [*self.parked.get(stored.id, ()), *refused]

    def park(self, stored: StoredDelivery, key: str, error: Parked, words: str) -> None:
        """Set one line of a delivery aside; its neighbours go on."""
        line = Parking(key[:200], error.code, error.detail, error.waits_on, words)
        self.parked[stored.id].append(line)

    def name(self, stored: StoredDelivery, found: Sequence[StockEvent], ref: str) -> None:
        """Note what the sender calls the items of its report, and in which reading it told of them."""
        reading = stored.delivery.reading
        for each in found:
            key = (stored.connection_id, each.item_id)
            self.named[key] = ref
            before = self.told_in.get(key, reading)
            self.told_in[key] = max(reading, before) if reading and before else 0

    def reads_after(self, applied: Applied) -> list[ReadWanted]:
        """Return what must be read again: hints, orders that only a reading settles, and items of which a
        movement was told where figures decide.

        A movement that was itself read explains a figure of the same reading or a later one; then the figure
        is there already. One that came unasked may be newer than any figure.
        """
        unsettled = [
            ReadWanted(connection_id, "order", ref, "two versions with the same time")
            for connection_id, ref in applied.decided.needs_reading
        ]
        moved = [
            ReadWanted(connection_id, "item", ref, "a movement explains the next figure")
            for (connection_id, item_id), ref in self.named.items()
            if item_id in applied.posted.read_again
            and not 0 < self.told_in[connection_id, item_id] <= applied.posted.figures_from.get(item_id, 0)
        ]
        return [*self.reads, *unsettled, *moved]


Batch = Sequence[tuple[StoredDelivery, tuple[ExternalEvent, ...]]]


def resolve(
    batch: Batch,
    *,
    catalog: CatalogReader,
    now: datetime,
    tolerance: timedelta,
    numbers: Sequence[NumberUsed] = (),
) -> Resolved:
    """Resolve a batch of translated deliveries and their sources' numbers; never raises for a line."""
    items, places, codes = _names([event for _, events in batch for event in events])
    directory = load(
        catalog,
        connection_ids={stored.connection_id for stored, _ in batch},
        item_refs=items,
        location_refs=places | {one.place for one in numbers},
        codes=codes,
    )
    resolved = Resolved(came=_came(numbers, directory))
    for stored, events in batch:
        for event in events:
            try:
                _resolve_one(stored, event, directory, resolved, now=now, tolerance=tolerance)
            except (UnmappedItem, UnmappedLocation) as error:
                if isinstance(event, StockMoved) and event.explains:
                    resolved.skipped += 1
                else:
                    resolved.park(stored, event.key, error, _in_words(event))
            except Parked as error:
                resolved.park(stored, event.key, error, _in_words(event))
    return resolved


def _came(numbers: Sequence[NumberUsed], directory: Directory) -> set[FeedNumber]:
    """Return the numbers of places we know; nobody misses one of another."""
    found: set[FeedNumber] = set()
    for one in numbers:
        with suppress(Parked):
            place = directory.location(one.connection_id, one.place)
            found.add((one.connection_id, place.location_id, one.number))
    return found


def _names(events: Sequence[ExternalEvent]) -> tuple[set[str], set[str], set[str]]:
    """Return the items, places and connections that a batch names."""
    items: set[str] = set()
    places: set[str] = set()
    for event in events:
        match event:
            case OrderReported():
                items.update(line.item_ref for line in event.lines)
            case ExpectationChanged():
                items.update(line.item_ref for line in event.lines)
                places.update({event.location_ref, event.origin_ref} - {""})
            case SnapshotReceived():
                items.update(event.item_refs)
                places.update(event.location_refs)
            case StockMoved() | StockCounted() | GoodsReceived() | ConditionChanged():
                items.add(event.item_ref)
                places.add(event.location_ref)
            case ReturnDispositioned() | PickReported():
                items.add(event.item_ref)
                places.add(event.location_ref)
            case _:
                pass
    return items, places, reports.channels_named(events)


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
        case StockMoved() | StockCounted() | GoodsReceived() | ConditionChanged() | ReturnDispositioned():
            found = reports.stock_events(stored, event, directory, now=now, tolerance=tolerance)
            if reports.is_observation(stored, event, directory):
                into.observations += found
            else:
                into.events += found
                into.name(stored, found, event.item_ref)
            into.skipped += not found
        case PickReported():
            pick = reports.pick(stored, event, directory, now=now, tolerance=tolerance)
            if pick is not None:
                into.picks.append(pick)
        case ExpectationChanged():
            announced, unknown = reports.expectation(stored, event, directory)
            into.expectations.append(announced)
            for name, error in unknown:
                into.park(stored, f"{event.key}/{name}", error, f"Announcement {event.ref}, line {name}")
        case SnapshotReceived():
            reading = figures_of(stored, event, directory)
            into.events += reading.figures
            into.observations += reading.observations
            into.reads += reading.reads
            into.cut += [reading.cut] if reading.cut is not None else []
            into.skipped += reading.left_out
            for name, error in reading.unknown:
                into.park(stored, f"{event.key}/{name}", error, f"Reading of {name}")
        case OrderReported():
            into.orders.append(_order(stored, event, directory, into))
        case OrderVanished():
            into.orders.append(
                OrderEvent(
                    connection_id,
                    event.order_ref,
                    reading=stored.delivery.reading,
                    begun=stored.delivery.begun,
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
                ReadWanted(
                    connection_id, event.kind, event.ref, event.why, stored.correlation_id, event.visible_in_s
                )
            )
        case SessionClosed():
            into.reads.append(ReadWanted(connection_id, "stream", event.location_ref, "session closed"))


def _refusal(refused: Refused) -> Parking:
    """Return what waits of a report the ledger did not take; one of a closed period waits for that period."""
    code = REFUSALS.get(refused.reason, Parked).code
    if refused.reason is RefusalReason.PERIOD_CLOSED:
        period = period_of(refused.event.occurred_at)
        words = f"It happened in {period}, which is closed."
        return Parking(refused.event.key, code, words, waits_on=f"period:{period}")
    return Parking(refused.event.key, code, f"Refused: {refused.reason.value}.")


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
            into.park(stored, f"{event.order_ref}/{line.line_ref}", error, words)
    expires_at = None
    if event.status is OrderStatus.UNPAID and event.hold_minutes > 0:
        placed = event.placed_at or stored.delivery.received_at
        expires_at = placed + timedelta(minutes=event.hold_minutes)
    return OrderEvent(
        connection_id=stored.connection_id,
        order_ref=event.order_ref,
        stamp=event.stamp,
        reading=stored.delivery.reading,
        begun=stored.delivery.begun,
        status=event.status,
        fingerprint=event.fingerprint,
        number=event.number,
        placed_at=event.placed_at,
        expires_at=expires_at,
        lines=tuple(lines),
        parked=frozenset(unresolved),
        pool=directory.pool(stored.connection_id),
        correlation_id=stored.correlation_id,
        listed=stored.delivery.reading > 0 and stored.delivery.source != "read",
    )


def _in_words(event: ExternalEvent) -> str:
    match event:
        case StockMoved():
            return f"{event.reason.value} of {event.quantity} × {event.item_ref} at {event.location_ref}"
        case StockCounted():
            return f"count of {event.quantity} × {event.item_ref} at {event.location_ref}"
        case GoodsReceived():
            return f"arrival of {event.quantity} × {event.item_ref} at {event.location_ref}"
        case ConditionChanged():
            now = event.condition or "sellable"
            return f"{event.quantity} × {event.item_ref} at {event.location_ref} now {now}"
        case ReturnDispositioned():
            what = f"{event.quantity} × {event.item_ref} at {event.location_ref}"
            return f"{event.disposition.value} of {what}"
        case PickReported():
            return f"pick of {event.picked} × {event.item_ref} for order {event.order.order_ref}"
        case ExpectationChanged():
            return f"{event.kind.value} {event.ref} for {event.location_ref}"
        case _:
            return event.key
