"""Reports about stock, from the vendors' names to ours: what moved, was counted, arrived, changed condition.

Part of resolve.py, which parks whatever raises Parked here. One external event may become several stock
events (a receipt with damaged goods is two), which are then recorded together. Pure but for the directory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from inventory_sync.catalog.resolve import (
    EXPECTATIONS,
    ON_HAND,
    UNAVAILABLE,
    Directory,
    Ignored,
    ItemTarget,
    LocationTarget,
    to_base,
)
from inventory_sync.domain.errors import AttributeMissing, FutureReport, NotTheAuthority, Parked, WrongMode
from inventory_sync.domain.external import (
    DAMAGED,
    QUARANTINED,
    ConditionChanged,
    Disposition,
    ExpectationChanged,
    GoodsReceived,
    OrderLineRef,
    PickReported,
    Reason,
    ReturnDispositioned,
    SnapshotReceived,
    StockCounted,
    StockMoved,
)
from inventory_sync.intake.ports import StoredDelivery
from inventory_sync.ledger.expectation_types import AnnouncedLine, ExpectationEvent, Pick, ReceiptOf
from inventory_sync.ledger.types import EventKind, StockEvent

StockReport = StockMoved | StockCounted | GoodsReceived | ConditionChanged | ReturnDispositioned


def stock_events(
    stored: StoredDelivery,
    event: StockReport,
    directory: Directory,
    *,
    now: datetime,
    tolerance: timedelta,
) -> list[StockEvent]:
    """Return what a report is in our ids; nothing for an item that is ignored on purpose."""
    place = decided_place(
        stored,
        event.location_ref,
        directory,
        event.occurred_at,
        now=now,
        tolerance=tolerance,
        attribute=_attribute(event),
        observing=True,
    )
    target = directory.item(stored.connection_id, event.item_ref, event.unit)
    if isinstance(target, Ignored):
        return []
    fulfils = event.fulfils if isinstance(event, StockMoved) else None
    if fulfils is not None:
        directory.channel(fulfils.source)
    if isinstance(event, StockCounted):
        if not place.modes().takes_count(event.occurred_at):
            raise WrongMode(
                f"{place.code} was kept by book figures then; a shelf count is only an observation there.",
                waits_on=f"mode:{place.code}",
            )
        return [_base(stored, event, place, target, EventKind.COUNT)]
    event = _as_tracked(event, place)
    match event:
        case StockMoved():
            moved = _base(stored, event, place, target, EventKind.DELTA)
            return [
                replace(
                    moved,
                    reason=event.reason,
                    fulfils=fulfils,
                    lot=event.lot,
                    owner=event.owner,
                    condition=event.condition,
                )
            ]
        case GoodsReceived():
            return _received(stored, event, directory, place, target)
        case ConditionChanged():
            return [_conditioned(stored, event, place, target)]
        case ReturnDispositioned():
            return [_dispositioned(stored, event, place, target)]


def expectation(
    stored: StoredDelivery, event: ExpectationChanged, directory: Directory
) -> tuple[ExpectationEvent, list[tuple[str, Parked]]]:
    """Return an announcement in our ids, and the lines of it that are not known with the reason."""
    place = directory.location(stored.connection_id, event.location_ref)
    named = place.named(stored.delivery.received_at, EXPECTATIONS)
    if named is not None and named != stored.connection_id:
        raise NotTheAuthority(
            f"{stored.connection_code} does not decide what is announced for {place.code}.",
            waits_on=f"authority:{place.code}",
        )
    origin = directory.location(stored.connection_id, event.origin_ref) if event.origin_ref else None
    lines: list[AnnouncedLine] = []
    unknown: list[tuple[str, Parked]] = []
    for line in event.lines:
        try:
            target = directory.item(stored.connection_id, line.item_ref, line.unit)
            if isinstance(target, ItemTarget):
                quantity = to_base(line.quantity, target)
                lines.append(
                    AnnouncedLine(line.line_ref, target.item_id, quantity, line.due_at or event.due_at)
                )
        except Parked as error:
            unknown.append((line.line_ref, error))
    announced = ExpectationEvent(
        connection_id=stored.connection_id,
        ref=event.ref,
        version=event.version,
        kind=event.kind,
        status=event.status,
        location_id=place.location_id,
        lines=tuple(lines),
        event_key=event.key,
        parked=frozenset(name for name, _ in unknown),
        origin_id=origin.location_id if origin else None,
        due_at=event.due_at,
        reference=event.reference,
        delivery_id=stored.id,
        correlation_id=stored.correlation_id,
    )
    return announced, unknown


def pick(
    stored: StoredDelivery,
    event: PickReported,
    directory: Directory,
    *,
    now: datetime,
    tolerance: timedelta,
) -> Pick | None:
    """Return what was picked for which order line; None for an item that is ignored on purpose."""
    place = decided_place(
        stored, event.location_ref, directory, event.occurred_at, now=now, tolerance=tolerance
    )
    target = directory.item(stored.connection_id, event.item_ref, event.unit)
    if isinstance(target, Ignored):
        return None
    return Pick(
        connection_id=stored.connection_id,
        key=event.key,
        revision=event.revision,
        source=directory.channel(event.order.source),
        order_ref=event.order.order_ref,
        line_ref=event.order.line_ref,
        item_id=target.item_id,
        location_id=place.location_id,
        picked=to_base(event.picked, target),
        short=to_base(event.short, target),
        occurred_at=event.occurred_at,
        delivery_id=stored.id,
        correlation_id=stored.correlation_id,
    )


def channels_named(events: Iterable[object]) -> set[str]:
    """Return the connections whose orders or announcements these events name."""
    codes: set[str] = set()
    for event in events:
        named: OrderLineRef | None = None
        match event:
            case StockMoved():
                named = event.fulfils
            case PickReported():
                named = event.order
            case GoodsReceived() if event.expectation is not None and event.expectation.source:
                codes.add(event.expectation.source)
            case SnapshotReceived():
                codes |= {held.order.source for row in event.rows for held in row.held}
            case _:
                pass
        if named is not None:
            codes.add(named.source)
    return codes


def decided_place(
    stored: StoredDelivery,
    ref: str,
    directory: Directory,
    occurred_at: datetime,
    *,
    now: datetime,
    tolerance: timedelta,
    attribute: str = ON_HAND,
    observing: bool = False,
) -> LocationTarget:
    """Return the place a report is about, if it has happened already and its connection decided there then.

    observing: a declared observer may speak too; what it says is an observation (is_observation).
    """
    if occurred_at > now + tolerance:
        raise FutureReport(f"It says it happened at {occurred_at.isoformat()}, which has not been yet.")
    place = directory.location(stored.connection_id, ref)
    if place.decider(occurred_at, attribute) != stored.connection_id and not (observing and place.observes):
        raise NotTheAuthority(
            f"{stored.connection_code} did not decide what was at {place.code}; its report moves nothing.",
            waits_on=f"authority:{place.code}",
        )
    return place


def is_observation(stored: StoredDelivery, event: StockReport, directory: Directory) -> bool:
    """Say whether the sender only observes what it reports of: it is compared, never posted."""
    place = directory.location(stored.connection_id, event.location_ref)
    return place.decider(event.occurred_at, _attribute(event)) != stored.connection_id


def _attribute(event: StockReport) -> str:
    """Return what a report is about, as authority is given for it."""
    return UNAVAILABLE if isinstance(event, ConditionChanged) else ON_HAND


def _base(
    stored: StoredDelivery, event: StockReport, place: LocationTarget, target: ItemTarget, kind: EventKind
) -> StockEvent:
    return StockEvent(
        connection_id=stored.connection_id,
        key=event.key,
        kind=kind,
        item_id=target.item_id,
        location_id=place.location_id,
        quantity=to_base(event.quantity, target),
        occurred_at=event.occurred_at,
        revision=0 if isinstance(event, StockCounted) else event.revision,
        sequence=event.sequence,
        reference=event.reference,
        delivery_id=stored.id,
        correlation_id=stored.correlation_id,
    )


def _received(
    stored: StoredDelivery,
    event: GoodsReceived,
    directory: Directory,
    place: LocationTarget,
    target: ItemTarget,
) -> list[StockEvent]:
    """The sellable part, and the damaged one under a key of its own.

    A correction always says both, so that damaged goods of an earlier revision are taken back with it.
    """
    receipt: ReceiptOf | None = None
    if event.expectation is not None or event.expected is not None:
        named = event.expectation
        source = directory.channel(named.source) if named and named.source else stored.connection_code
        ref = named.key if named else event.reference or event.key
        expected = None if event.expected is None else to_base(event.expected, target)
        receipt = ReceiptOf(source, ref, expected=expected, final=event.final)
    arrived = replace(
        _base(stored, event, place, target, EventKind.DELTA),
        quantity=to_base(event.quantity - event.damaged, target),
        reason=Reason.TRANSFER_IN if event.transfer else Reason.RECEIPT,
        receipt=receipt,
        lot=event.lot,
        owner=event.owner,
    )
    if not event.damaged and not event.revision:
        return [arrived]
    broken = replace(
        arrived,
        key=f"{event.key}:damaged",
        quantity=to_base(event.damaged, target),
        condition=DAMAGED,
        receipt=None if receipt is None else replace(receipt, damaged=True, expected=None),
    )
    return [arrived, broken]


def _conditioned(
    stored: StoredDelivery, event: ConditionChanged, place: LocationTarget, target: ItemTarget
) -> StockEvent:
    return replace(
        _base(stored, event, place, target, EventKind.CONDITION),
        was=event.was,
        condition=event.condition,
        lot=event.lot,
        owner=event.owner,
    )


def _dispositioned(
    stored: StoredDelivery, event: ReturnDispositioned, place: LocationTarget, target: ItemTarget
) -> StockEvent:
    """Restocking and quarantine change the condition; only scrapping takes goods away."""
    if event.disposition is Disposition.SCRAP:
        gone = _base(stored, event, place, target, EventKind.DELTA)
        return replace(
            gone,
            quantity=-gone.quantity + Decimal(0),
            reason=Reason.SCRAP,
            condition=event.was,
            lot=event.lot,
            owner=event.owner,
        )
    return replace(
        _base(stored, event, place, target, EventKind.CONDITION),
        was=event.was,
        condition="" if event.disposition is Disposition.RESTOCK else QUARANTINED,
        lot=event.lot,
        owner=event.owner,
    )


def _as_tracked(
    event: StockMoved | GoodsReceived | ConditionChanged | ReturnDispositioned, place: LocationTarget
) -> StockMoved | GoodsReceived | ConditionChanged | ReturnDispositioned:
    """Keep lot and owner only where the location tracks them; raise where it does and the line is silent."""
    for tracks, given, what in (
        (place.tracks_lots, event.lot, "lot"),
        (place.tracks_owners, event.owner, "owner"),
    ):
        if tracks and not given:
            raise AttributeMissing(f"{place.code} tracks each {what}, and this line names none.")
    return replace(
        event,
        lot=event.lot if place.tracks_lots else "",
        owner=event.owner if place.tracks_owners else "",
    )
