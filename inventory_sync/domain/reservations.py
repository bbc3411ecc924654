"""The life of a promise: what a version of an order asks of each line, and when it is over.

    requested → held (expires) → committed → acknowledged → picked → shipped, awaiting books → closed
    backordered is open and subtracted; exits: rejected, released, expired, cancelled, closed short

An order is decided whole, as a function of its newest version, of what the authority's books say and of
now; so the result depends neither on the order in which snapshots arrive nor on how often. A strictly newer
version reopens an exit, the same version never. A reading by id that began after what is recorded had come in
is newer, whatever the source's clock stamped on it; where neither that nor the stamps tell, the order is
read. A list of orders may show an older version than the newest: at an equal stamp it may only ask for more.

Does not choose locations (routing.py), count what books contain (containment.py) or store anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum

from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.order_versions import OrderVersion, Standing, standing
from inventory_sync.domain.reports import ZERO


class LineStatus(StrEnum):
    """Where one line stands. Requested promises nothing yet."""

    REQUESTED = "requested"
    HELD = "held"
    COMMITTED = "committed"
    ACKNOWLEDGED = "acknowledged"
    PICKED = "picked"
    SHIPPED_AWAITING_BOOKS = "shipped_awaiting_books"
    BACKORDERED = "backordered"
    CLOSED = "closed"
    REJECTED = "rejected"
    RELEASED = "released"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    CLOSED_SHORT = "closed_short"

    @property
    def subtracts(self) -> bool:
        """Say whether the line's open quantity is taken off what is free."""
        return self in SUBTRACTED

    @property
    def is_exit(self) -> bool:
        """Say whether only a strictly newer version of the order brings the line back."""
        return self in EXITS


SUBTRACTED = frozenset(
    {
        LineStatus.HELD,
        LineStatus.COMMITTED,
        LineStatus.ACKNOWLEDGED,
        LineStatus.PICKED,
        LineStatus.SHIPPED_AWAITING_BOOKS,
        LineStatus.BACKORDERED,
    }
)
EXITS = frozenset(
    {
        LineStatus.REJECTED,
        LineStatus.RELEASED,
        LineStatus.EXPIRED,
        LineStatus.CANCELLED,
        LineStatus.CLOSED_SHORT,
    }
)


class Progress(IntEnum):
    """How far fulfilment says it is; it only advances, and moves no stock."""

    NONE = 0
    ACKNOWLEDGED = 1
    PICKED = 2
    SHIPPED = 3


@dataclass(frozen=True, slots=True)
class LineSnapshot:
    """One line as its source shows it; quantity is the demand it stands behind (see wanted)."""

    line: str
    item: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class OrderSnapshot:
    """One version of a whole order.

    fingerprint tells contents apart. parked names lines the hub could not resolve: they are left as they
    are. hold_until is the end of an unpaid order's hold, reckoned from the source's own times; None: no hold.
    listed: found in a list of orders, which may lag behind; not read by its id.
    """

    version: OrderVersion
    fingerprint: str
    status: OrderStatus
    lines: tuple[LineSnapshot, ...]
    parked: frozenset[str] = frozenset()
    hold_until: datetime | None = None
    listed: bool = False


@dataclass(frozen=True, slots=True)
class RecordedLine:
    """One line as the hub holds it.

    demand is the whole demand D. delivered: what the authority's books contain as delivered. short: promised
    beyond what was free when it was routed.
    """

    line: str
    item: str
    demand: Decimal
    status: LineStatus
    delivered: Decimal = ZERO
    progress: Progress = Progress.NONE
    short: bool = False

    @property
    def promised(self) -> Decimal:
        """The demand that allocations must carry: D while the line is open, else 0."""
        return self.demand if self.status.subtracts else ZERO


@dataclass(frozen=True, slots=True)
class RecordedOrder:
    """An order as the hub holds it: its newest version and the lines it knows.

    set_back: a reading showed that the source's clock was set back between two versions of it. From then on
    no stamp of this order tells anything; only readings do.
    """

    version: OrderVersion
    fingerprint: str
    status: OrderStatus
    hold_until: datetime | None = None
    lines: Mapping[str, RecordedLine] = field(default_factory=dict)
    set_back: bool = False


@dataclass(frozen=True, slots=True)
class LineChange:
    """A line before (None: new) and after; promised is the change its allocations must follow."""

    before: RecordedLine | None
    after: RecordedLine

    @property
    def promised(self) -> Decimal:
        """Return the signed change of promised demand (of the item after, if the item changed)."""
        if self.before is None or self.item_changed:
            return self.after.promised
        return self.after.promised - self.before.promised

    @property
    def item_changed(self) -> bool:
        return self.before is not None and self.before.item != self.after.item

    @property
    def may_lower(self) -> bool:
        """Say whether less is promised, or will be once a hold ends that was none before."""
        if self.before is None:
            return False
        begins_to_end = self.after.status is LineStatus.HELD and self.before.status is not LineStatus.HELD
        return self.item_changed or self.promised < 0 or begins_to_end

    @property
    def may_raise(self) -> bool:
        """Say whether more is promised, or longer: a hold that ends becomes a promise that does not."""
        if self.before is None or self.before.status is not LineStatus.HELD:
            return self.item_changed or self.promised > 0
        paid = self.after.status.subtracts and self.after.status is not LineStatus.HELD
        return self.item_changed or self.promised > 0 or paid

    @property
    def reopened(self) -> bool:
        return self.before is not None and self.before.status.is_exit and not self.after.status.is_exit


@dataclass(frozen=True, slots=True)
class Applied:
    """The order to record now, and the lines that differ from what was recorded."""

    order: RecordedOrder
    changes: tuple[LineChange, ...]


@dataclass(frozen=True, slots=True)
class Ignored:
    """An older version, or the same with nothing missing."""

    reason: str


@dataclass(frozen=True, slots=True)
class NeedsReading:
    """Same stamp, other content: only reading the order by its id, from now on, tells which is later."""

    version: OrderVersion


Decision = Applied | Ignored | NeedsReading


def wanted(ordered: Decimal, refunded: Decimal, returned: Decimal = ZERO) -> Decimal:
    """Return a line's demand after refunds: refunding undelivered units lowers it.

    returned: the part of refunded that had been delivered before; it lowers no demand. Never negative.
    """
    return max(ZERO, ordered - max(ZERO, refunded - returned))


def compare(recorded: RecordedOrder, snapshot: OrderSnapshot) -> Standing:
    """Say how a snapshot stands to what is recorded."""
    return standing(
        snapshot.version,
        recorded.version,
        same_content=snapshot.fingerprint == recorded.fingerprint,
        listed=snapshot.listed,
        set_back=recorded.set_back,
    )


def decide(recorded: RecordedOrder | None, snapshot: OrderSnapshot, *, now: datetime) -> Decision:
    """Return what a snapshot changes, all lines of the order at once.

    Get-or-create per line; a changed quantity is a difference. The same version creates lines that are
    missing (parked before, resolved now) and touches no other. A line that a newer version no longer names is
    released, unless it is parked. A version that only its stamp calls older is ignored if it asks for no more
    than stands; if it asks for more, a clock set back would oversell: the order is read.
    """
    stands = Standing.NEWER if recorded is None else compare(recorded, snapshot)
    if stands is Standing.UNDECIDABLE:
        return NeedsReading(snapshot.version)
    if recorded is not None and stands is Standing.OLDER:
        proven = snapshot.version.surely_before(recorded.version)
        if not proven and any(change.may_raise for change in _changes(recorded, snapshot, now)):
            return NeedsReading(snapshot.version)
        return Ignored("older version")
    same = stands is Standing.SAME
    if recorded is not None and same:
        # Repeating an unpaid order revives no expired hold.
        snapshot = replace(snapshot, status=recorded.status, hold_until=recorded.hold_until)

    changes = _changes(recorded, snapshot, now, missing_only=same)
    version = snapshot.version.after(None if recorded is None else recorded.version, listed=snapshot.listed)
    if recorded is not None:
        tied = not same and version.stamp == recorded.version.stamp
        if tied and snapshot.listed and any(change.may_lower for change in changes):
            return NeedsReading(snapshot.version)
        if same and not changes and version == recorded.version:
            return Ignored("same version")
    known = {} if recorded is None else dict(recorded.lines)
    order = RecordedOrder(
        version,
        snapshot.fingerprint,
        snapshot.status,
        snapshot.hold_until,
        known | {change.after.line: change.after for change in changes},
        set_back=recorded is not None and (recorded.set_back or version.stamp < recorded.version.stamp),
    )
    return Applied(order, changes)


def expire(recorded: RecordedOrder, *, now: datetime) -> Applied:
    """Return the order with its hold ended, if it is time; a pure function of now."""
    if recorded.hold_until is None or now < recorded.hold_until:
        return Applied(recorded, ())
    held = [line for line in recorded.lines.values() if line.status is LineStatus.HELD]
    return _with(recorded, (replace(line, status=LineStatus.EXPIRED) for line in held))


def books_say(
    recorded: RecordedOrder,
    line: str,
    *,
    now: datetime,
    delivered: Decimal | None = None,
    progress: Progress = Progress.NONE,
    short: bool | None = None,
) -> Applied:
    """Return the order after news of one line that is not its source's: books, fulfilment, routing.

    delivered replaces what was delivered before; progress only advances; an exit stays an exit, but for an
    expired hold that was delivered after all. A shipment notice is progress: only delivered closes a line.
    """
    before = recorded.lines[line]
    after = replace(
        before,
        delivered=before.delivered if delivered is None else delivered,
        progress=max(before.progress, progress),
        short=before.short if short is None else short,
    )
    overtaken = before.status is LineStatus.EXPIRED and after.delivered >= after.demand
    if overtaken or not before.status.is_exit:
        after = replace(after, status=_status(after, recorded.status, recorded.hold_until, now))
    return _with(recorded, [after])


def leave(recorded: RecordedOrder, lines: Iterable[str], exit_as: LineStatus) -> Applied:
    """Return the order with open lines taken out (rejected, released, cancelled, closed short).

    A later version of the order brings them back; repeating the same one does not.
    """
    if not exit_as.is_exit:
        raise ValueError(f"{exit_as} is not an exit")
    leaving = [recorded.lines[name] for name in sorted(set(lines))]
    open_ones = (line for line in leaving if not line.status.is_exit and line.status is not LineStatus.CLOSED)
    return _with(recorded, (replace(line, status=exit_as) for line in open_ones))


def vanish(recorded: RecordedOrder, *, announced: bool) -> Applied:
    """Return an order that no longer exists at its source: cancelled if announced, else closed short.

    Closing short is a failure someone owns: the caller opens a case.
    """
    return leave(recorded, recorded.lines, LineStatus.CANCELLED if announced else LineStatus.CLOSED_SHORT)


def _changes(
    recorded: RecordedOrder | None, snapshot: OrderSnapshot, now: datetime, *, missing_only: bool = False
) -> tuple[LineChange, ...]:
    """Return the lines that would differ, by name; missing_only: those the order does not have yet."""
    known = {} if recorded is None else recorded.lines
    fresh = {line.line: line for line in snapshot.lines}
    changes: list[LineChange] = []
    for name in sorted(known.keys() | fresh.keys()):
        before = known.get(name)
        if name in snapshot.parked or (missing_only and before is not None):
            continue
        after = _line_after(before, fresh.get(name), snapshot, now)
        if after != before:
            changes.append(LineChange(before, after))
    return tuple(changes)


def _line_after(
    before: RecordedLine | None, fresh: LineSnapshot | None, snapshot: OrderSnapshot, now: datetime
) -> RecordedLine:
    if fresh is None:
        assert before is not None
        gone = replace(before, demand=ZERO)
        return replace(gone, status=_status(gone, snapshot.status, snapshot.hold_until, now))
    if before is None:
        base = RecordedLine(fresh.line, fresh.item, fresh.quantity, LineStatus.REQUESTED)
    elif before.item != fresh.item:
        base = RecordedLine(fresh.line, fresh.item, fresh.quantity, before.status)
    else:
        base = replace(before, demand=fresh.quantity)
    return replace(base, status=_status(base, snapshot.status, snapshot.hold_until, now))


def _status(line: RecordedLine, order: OrderStatus, hold_until: datetime | None, now: datetime) -> LineStatus:
    """Return where a line stands, from its order's status, its own facts and now."""
    if order is OrderStatus.CANCELLED:
        return LineStatus.CANCELLED
    if order is OrderStatus.RELEASED or line.demand <= 0:
        return LineStatus.RELEASED
    if line.delivered >= line.demand:
        return LineStatus.CLOSED
    if order is OrderStatus.UNPAID:
        if hold_until is None:
            return LineStatus.REQUESTED
        return LineStatus.HELD if now < hold_until else LineStatus.EXPIRED
    if order is OrderStatus.SHIPPED or line.progress is Progress.SHIPPED:
        return LineStatus.SHIPPED_AWAITING_BOOKS
    if line.progress is Progress.PICKED:
        return LineStatus.PICKED
    if line.short:
        return LineStatus.BACKORDERED
    return LineStatus.ACKNOWLEDGED if line.progress is Progress.ACKNOWLEDGED else LineStatus.COMMITTED


def _with(recorded: RecordedOrder, lines: Iterable[RecordedLine]) -> Applied:
    after = dict(recorded.lines)
    changes = []
    for line in lines:
        if line != after[line.line]:
            changes.append(LineChange(after[line.line], line))
            after[line.line] = line
    return Applied(replace(recorded, lines=after), tuple(changes))
