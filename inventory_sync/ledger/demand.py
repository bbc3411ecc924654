"""Decide locked orders: what a version asks of each line, what shipments have taken off it.

domain/reservations.py rules the lines; placing.py puts the demand at locations. A line's fulfilment is a sum
over effective shipments, so it does not matter whether order or shipment came first. Plain code; the rows
are locked and given, the caller saves them (apply.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from inventory_sync.domain.containment import Allocation
from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.order_versions import OrderVersion
from inventory_sync.domain.reports import ZERO
from inventory_sync.domain.reservations import (
    Applied,
    Ignored,
    LineSnapshot,
    LineStatus,
    NeedsReading,
    OrderSnapshot,
    Progress,
    RecordedLine,
    RecordedOrder,
    books_say,
    decide,
    expire,
    vanish,
)
from inventory_sync.domain.routing import DEFAULT_RULES, Rule
from inventory_sync.ledger.placing import Floor, Way, carried, place_order
from inventory_sync.ledger.ports import Fulfilment, HeldLine, HeldOrder
from inventory_sync.ledger.ports_incoming import PickedOf
from inventory_sync.ledger.types import OddShipment, OrderEvent, OrderKey, OrderNews

NEVER = OrderVersion(-1)
PROGRESS = {
    LineStatus.ACKNOWLEDGED: Progress.ACKNOWLEDGED,
    LineStatus.PICKED: Progress.PICKED,
    LineStatus.SHIPPED_AWAITING_BOOKS: Progress.SHIPPED,
}
WHY_ENDED = {
    LineStatus.CANCELLED: "cancelled at its source",
    LineStatus.RELEASED: "its source no longer wants it",
    LineStatus.EXPIRED: "its hold expired unpaid",
    LineStatus.CLOSED_SHORT: "found gone at its source, unannounced",
}
HOLD_EXPIRED = "its hold expired"
NOT_APPROVED = "nobody approved it in time"


@dataclass(slots=True)
class Tally:
    """What happened to a batch of orders."""

    applied: int = 0
    ignored: int = 0
    needs_reading: list[OrderKey] = field(default_factory=list)
    closed_short: list[OrderKey] = field(default_factory=list)
    shown: set[OrderKey] = field(default_factory=set)  # as they are now: by a newer version or a reading


class Desk:
    """The locked orders of one batch, while they are being decided."""

    def __init__(
        self,
        held: Mapping[OrderKey, HeldOrder],
        floor: Floor,
        *,
        now: datetime,
        rules: Mapping[int, Sequence[Rule]] | None = None,
        picked: Mapping[OrderKey, PickedOf] | None = None,
    ) -> None:
        self._before = held
        self._picked = picked or {}
        self._rules = rules or {}
        self._orders = {key: _without_due_holds(order, now) for key, order in held.items()}
        self._pools: dict[OrderKey, tuple[int, ...]] = {}
        self._newer: set[OrderKey] = set()
        self._floor = floor
        self._now = now
        self.tally = Tally()

    def hear(self, event: OrderEvent) -> None:
        """Take in one version of an order, or the news that it is gone."""
        held = self._orders[event.key]
        changed = self._gone(held, event) if event.gone else self._reported(held, event)
        if changed is not None or event.reading:
            self.tally.shown.add(event.key)
        if changed is None:
            self.tally.ignored += 1
            return
        self.tally.applied += 1
        self._orders[event.key] = changed

    def settle(self) -> list[HeldOrder]:
        """Place the demand of every order, take off what was shipped, and return the orders that changed."""
        changed = []
        for key in sorted(self._orders):
            order = self._orders[key]
            if order.lines:
                order = self._settled(order, self._pools.get(key, ()))
            if order != self._before[key]:
                self._orders[key] = order
                changed.append(order)
        return changed

    def is_other(self, key: OrderKey) -> bool:
        """Say whether an order is another version or has other lines now; reading it again is neither."""
        return key in self._newer or self._orders[key].lines != self._before[key].lines

    def odd(self) -> tuple[OddShipment, ...]:
        """Return the shipments that cannot be what their line wants."""
        return tuple(
            OddShipment(key, each.line_ref, each.item_id, each.quantity, why)
            for key, order in sorted(self._orders.items())
            for each in (order.fulfilments if order.seen else ())
            if (line := order.lines.get(each.line_ref)) or not _may_lack_lines(order)
            if (why := self._why_odd(line, each))
        )

    def fitting(self, odd: Iterable[OddShipment]) -> tuple[OrderKey, ...]:
        """Return the orders nothing odd was shipped for; a correction may have taken it back."""
        seen = {key for key, order in self._orders.items() if order.seen}
        return tuple(sorted(seen - {each.order for each in odd}))

    def _why_odd(self, line: HeldLine | None, shipped: Fulfilment) -> str:
        if line is None:
            return "the order has no such line"
        if shipped.quantity < 0:
            return "more came back than ever left"
        wanted = {part.item for part in self._floor.parts(line.item_id)}
        wanted |= {each.item for each in line.allocations if each.demand}
        return "" if str(shipped.item_id) in wanted else "the line wants another item"

    def news(self) -> tuple[OrderNews, ...]:
        """Return how each channel's demand changed; a newer version is news of all its items, be it of 0."""
        changes: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
        for key, order in self._orders.items():
            before = self._before[key]
            for sign, whole in ((-1, before), (1, order)):
                for ref, line in whole.lines.items():
                    if key in self._newer or _asks(before.lines.get(ref)) != _asks(order.lines.get(ref)):
                        # What was asked of the hub beforehand has lowered nothing at the channel.
                        change = ZERO if whole.requested else _asks(line)[1]
                        changes[order.connection_id, line.item_id] += sign * change
        return tuple(OrderNews(*key, delta) for key, delta in sorted(changes.items()))

    def _reported(self, held: HeldOrder, event: OrderEvent) -> HeldOrder | None:
        assert event.status is not None
        recorded = recorded_order(held)
        if held.gone is not None and recorded is not None:
            if not self._is_back(held, event):
                return None
            recorded = replace(recorded, version=NEVER)
        decision = decide(recorded, _snapshot(event, event.status), now=self._now)
        if isinstance(decision, NeedsReading):
            self.tally.needs_reading.append(event.key)
            return None
        if isinstance(decision, Ignored):
            return None
        if (
            recorded is None
            or recorded.version.stamp != event.stamp
            or recorded.fingerprint != event.fingerprint
        ):
            self._newer.add(event.key)
        self._pools[event.key] = event.pool
        version = decision.order.version
        after = _with_lines(held, decision, hold=event.expires_at)
        return replace(
            after,
            lines={ref: replace(line, expires_at=event.expires_at) for ref, line in after.lines.items()},
            seen=True,
            requested=False,
            review=False,
            gone=None,
            status=event.status,
            stamp=version.stamp,
            reading=max(version.reading, held.reading),
            begun=max(version.ended, held.begun),
            set_back=decision.order.set_back,
            fingerprint=event.fingerprint,
            number=event.number or held.number,
            placed_at=event.placed_at or held.placed_at,
            incomplete=event.incomplete,
            correlation_id=event.correlation_id or held.correlation_id,
        )

    def _is_back(self, held: HeldOrder, event: OrderEvent) -> bool:
        """Say whether an order that was gone is there again: only a reading by id begun since can tell."""
        version = _version(event)
        if version.surely_before(_version_of(held)):
            return False
        later = event.reading > held.begun
        if later and not event.listed:
            return True
        # Sent before it went, or because it is back. What is on its way when an order goes is no newer.
        if later or event.stamp > held.stamp or held.set_back:
            self.tally.needs_reading.append(event.key)
        return False

    def _gone(self, held: HeldOrder, event: OrderEvent) -> HeldOrder | None:
        """End an order that no longer exists; a deletion merely announced is confirmed by reading."""
        if held.gone is not None and held.gone >= event.reading:
            return None
        version = _version(event)
        if version.surely_before(_version_of(held)):
            return None
        if 0 < event.reading <= held.begun:
            # It was told of while this reading went on.
            self.tally.needs_reading.append(event.key)
            return None
        if event.reading == 0 and held.seen:
            self.tally.needs_reading.append(event.key)
        recorded = recorded_order(held)
        after = held
        if recorded is not None:
            decision = vanish(recorded, announced=event.announced)
            after = _with_lines(held, decision, hold=None)
            if any(change.after.status is LineStatus.CLOSED_SHORT for change in decision.changes):
                self.tally.closed_short.append(event.key)
        self._newer.add(event.key)
        return replace(
            after,
            seen=True,
            gone=event.reading,
            reading=max(held.reading, event.reading),
            begun=max(held.begun, version.ended),
            status=OrderStatus.CANCELLED,
            correlation_id=event.correlation_id or held.correlation_id,
        )

    def _settled(self, order: HeldOrder, pool: tuple[int, ...]) -> HeldOrder:
        way = Way(pool, rules=self._rules.get(order.connection_id, DEFAULT_RULES))
        placed = place_order(order, self._before[order.key], way, self._floor).lines
        recorded = recorded_order(order)
        assert recorded is not None
        for ref, line in placed.items():
            recorded = books_say(
                recorded,
                ref,
                now=self._now,
                delivered=line.delivered,
                short=line.short,
                progress=self._progress(order.key, ref, line.allocations),
            ).order
        lines = {
            ref: replace(
                held,
                status=recorded.lines[ref].status,
                fulfilled=recorded.lines[ref].delivered,
                allocations=placed[ref].allocations,
                reason=_reason(order, held, recorded.lines[ref].status, placed[ref].reason),
                routing=placed[ref].routing or held.routing,
            )
            for ref, held in order.lines.items()
        }
        return replace(order, lines=lines)

    def _progress(self, key: OrderKey, ref: str, allocations: Iterable[Allocation]) -> Progress:
        """Return PICKED when everything a line is to be served from was taken off the shelf."""
        picked = self._picked.get(key, {}).get(ref, {})
        wanted: dict[int, Decimal] = defaultdict(Decimal)
        for each in allocations:
            wanted[int(each.item)] += each.demand
        if not picked or any(picked.get(item, ZERO) < amount for item, amount in wanted.items()):
            return Progress.NONE
        return Progress.PICKED


def recorded_order(held: HeldOrder) -> RecordedOrder | None:
    """Return the order as the domain knows it, or None for one whose first version is still to come."""
    if not held.seen:
        return None
    holds = [line.expires_at for line in held.lines.values() if line.expires_at is not None]
    return RecordedOrder(
        version=_version_of(held),
        fingerprint=held.fingerprint,
        status=held.status,
        hold_until=max(holds, default=None),
        set_back=held.set_back,
        lines={
            ref: RecordedLine(
                line=ref,
                item=str(line.item_id),
                demand=line.demand,
                status=line.status,
                delivered=line.fulfilled,
                progress=PROGRESS.get(line.status, Progress.NONE)
                if held.status is not OrderStatus.SHIPPED
                else Progress.NONE,
                short=line.status is LineStatus.BACKORDERED,
            )
            for ref, line in held.lines.items()
        },
    )


def items_of(orders: Iterable[HeldOrder], events: Iterable[OrderEvent]) -> set[int]:
    """Return the items as sold that these orders name, or are about to."""
    kept = {line.item_id for order in orders for line in order.lines.values()}
    return kept | {line.item_id for event in events for line in event.lines}


def _may_lack_lines(order: HeldOrder) -> bool:
    """Say whether the source has lines of the order that were never told: parked ones, or deleted with it."""
    return order.incomplete or order.gone is not None


def _without_due_holds(held: HeldOrder, now: datetime) -> HeldOrder:
    recorded = recorded_order(held)
    if recorded is None:
        return held
    return _with_lines(held, expire(recorded, now=now), hold=recorded.hold_until)


def _with_lines(held: HeldOrder, applied: Applied, *, hold: datetime | None) -> HeldOrder:
    lines = dict(held.lines)
    for change in applied.changes:
        after = change.after
        base = lines.get(after.line) or HeldLine(after.line, int(after.item), after.demand, after.status)
        lines[after.line] = replace(
            base,
            item_id=int(after.item),
            demand=after.demand,
            status=after.status,
            fulfilled=after.delivered,
            expires_at=hold,
        )
    return replace(held, lines=lines)


def _version(event: OrderEvent) -> OrderVersion:
    return OrderVersion(event.stamp, event.reading, event.begun)


def _version_of(held: HeldOrder) -> OrderVersion:
    return OrderVersion(held.stamp, held.reading, held.begun)


def _snapshot(event: OrderEvent, status: OrderStatus) -> OrderSnapshot:
    return OrderSnapshot(
        version=_version(event),
        fingerprint=event.fingerprint,
        status=status,
        lines=tuple(LineSnapshot(line.line_ref, str(line.item_id), line.quantity) for line in event.lines),
        parked=event.parked,
        hold_until=event.expires_at,
        listed=event.listed,
    )


def _asks(line: HeldLine | None) -> tuple[int, Decimal]:
    """Return what the channel took off its own figure for this line: what is shipped stays sold.

    An unpaid order holds stock here but lowers nothing there; its payment does.
    """
    if line is None:
        return (0, ZERO)
    return (line.item_id, ZERO if line.status is LineStatus.HELD else carried(line))


def _reason(order: HeldOrder, held: HeldLine, status: LineStatus, routed: str) -> str:
    if status is LineStatus.EXPIRED and order.requested:
        return NOT_APPROVED if order.review else HOLD_EXPIRED
    if status.is_exit and not order.requested:
        return WHY_ENDED.get(status, held.reason)
    return routed or held.reason
