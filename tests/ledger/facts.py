"""What a ledger must hold, worked out afresh from a plain list of everything it was ever told.

Slow, and shares no code with the ledger: no batches, no state, no routing. It keeps the facts in the order of
their arrival and uses that order for one thing only: of two contents with one stamp, none of which was read,
the first to arrive rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from inventory_sync.domain.external import OrderStatus, Reason
from inventory_sync.domain.reservations import LineStatus
from inventory_sync.ledger.types import EventKind, LevelKey, OrderEvent, OrderEventLine, OrderKey, StockEvent

ZERO = Decimal(0)
LineKey = tuple[int, str, str]  # (connection, order, line)
Totals = dict[tuple[int, int, str], Decimal]
Shipped = defaultdict[tuple[LineKey, int], Decimal]

OTHER_END = {
    Reason.SALE: "customer",
    Reason.SHIPMENT: "customer",
    Reason.RETURN: "customer",
    Reason.RECEIPT: "vendor",
    Reason.TRANSFER_OUT: "transit",
    Reason.TRANSFER_IN: "transit",
    Reason.ADJUSTMENT: "adjustment",
    Reason.SCRAP: "scrap",
}
PROMISED = "promised"  # committed or backordered: which of the two depends on what was free when it came


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reservation asked for was granted: of an item as sold, until a time if it is held."""

    item_id: int
    quantity: Decimal
    until: datetime | None


@dataclass(slots=True)
class Facts:
    """Everything that was told, as told. `recipes`: kit → component → how many one kit takes."""

    recipes: Mapping[int, Mapping[int, int]]
    sources: Mapping[str, int]  # connection code → id
    books: frozenset[int] = frozenset()  # places whose authority reports figures
    events: list[StockEvent] = field(default_factory=list)
    orders: list[OrderEvent] = field(default_factory=list)
    asked: dict[LineKey, Asked] = field(default_factory=dict)

    def tell(self, events: Iterable[StockEvent] = (), orders: Iterable[OrderEvent] = ()) -> None:
        self.events += events
        self.orders += orders

    # ── stock ────────────────────────────────────────────────────────────────────────────────────────
    def effective(self) -> list[StockEvent]:
        """Return the highest revision of every key."""
        newest: dict[tuple[int, str], StockEvent] = {}
        for event in self.events:
            name = (event.connection_id, event.key)
            if name not in newest or newest[name].revision < event.revision:
                newest[name] = event
        return list(newest.values())

    def shelf(self) -> tuple[dict[LevelKey, Decimal], Totals]:
        """Return on hand per level, and what each level got from each kind of counterpart; no zeros."""
        here: dict[LevelKey, list[StockEvent]] = defaultdict(list)
        for event in self.effective():
            here[event.item_id, event.location_id].append(event)
        on_hand: dict[LevelKey, Decimal] = {}
        totals: Totals = {}
        for level, events in here.items():
            deltas = [each for each in events if each.kind is EventKind.DELTA]
            figures = [each for each in events if each.kind is EventKind.FIGURE]
            counts = [each for each in events if each.kind is EventKind.COUNT]
            ruling = max(counts, key=lambda each: (*_moment(each), each.key), default=None)
            after = [each for each in deltas if ruling is None or _after(each, ruling)]
            found = (ruling.quantity if ruling else ZERO) + sum((each.quantity for each in after), ZERO)
            if level[1] in self.books:  # where figures decide, nothing is ever added to one
                found = max(figures, key=_reading).quantity if figures else ZERO
            ends: dict[str, Decimal] = defaultdict(Decimal)
            for each in deltas:
                ends[OTHER_END[each.reason or Reason.ADJUSTMENT]] += each.quantity
            ends["adjustment"] += found - sum(ends.values(), ZERO)
            if found:
                on_hand[level] = found
            totals |= {(*level, end): total for end, total in ends.items() if total}
        return on_hand, totals

    # ── demand ───────────────────────────────────────────────────────────────────────────────────────
    def version(self, key: OrderKey) -> OrderEvent | None:
        """Return what rules an order: a version, the news that it is gone, or None if nobody told of it."""
        told = [each for each in self.orders if each.key == key]
        if not told:
            return None
        last_read = max(told, key=lambda each: each.reading)
        if last_read.gone:
            return last_read
        shown = [each for each in told if not each.gone]
        return max(shown, key=lambda each: (each.stamp, each.reading, -shown.index(each)))

    def owed(self, now: datetime) -> dict[tuple[LineKey, int], Decimal]:
        """Return what must be subtracted per line and component item; no zeros."""
        shipped, held = self._shipped(), self._held(delivered=False)
        owed = {}
        for key, line, status in self._lines(now):
            if status in (PROMISED, LineStatus.HELD, LineStatus.SHIPPED_AWAITING_BOOKS):
                for item, per_unit in self._parts(line).items():
                    left = line.quantity * per_unit - shipped[key, item] - held[key, item]
                    if left > 0:
                        owed[key, item] = left
        for key, asked in self.asked.items():
            if asked.until is None or now < asked.until:
                parts = self.recipes.get(asked.item_id) or {asked.item_id: 1}
                owed |= {(key, item): asked.quantity * number for item, number in parts.items()}
        return owed

    def statuses(self, now: datetime) -> dict[LineKey, LineStatus | str]:
        """Return where each line of the ruling versions stands; lines it no longer names are left out."""
        asked = {
            key: PROMISED
            if each.until is None
            else LineStatus.HELD
            if now < each.until
            else LineStatus.EXPIRED
            for key, each in self.asked.items()
        }
        return {**{key: status for key, _, status in self._lines(now)}, **asked}

    def _lines(self, now: datetime) -> Iterator[tuple[LineKey, OrderEventLine, LineStatus | str]]:
        shipped = self._shipped()
        for line_item, quantity in self._held(delivered=True).items():
            shipped[line_item] += quantity
        for order_key in sorted({each.key for each in self.orders}):
            version = self.version(order_key)
            assert version is not None
            for line in version.lines:
                key = (*order_key, line.line_ref)
                yield key, line, self._status(key, line, version, now, shipped)

    def _status(
        self, key: LineKey, line: OrderEventLine, version: OrderEvent, now: datetime, shipped: Shipped
    ) -> LineStatus | str:
        if version.status is OrderStatus.CANCELLED:
            return LineStatus.CANCELLED
        if version.status is OrderStatus.RELEASED or line.quantity <= 0:
            return LineStatus.RELEASED
        if all(shipped[key, item] >= line.quantity * n for item, n in self._parts(line).items()):
            return LineStatus.CLOSED
        if version.status is OrderStatus.UNPAID:
            if version.expires_at is None:
                return LineStatus.REQUESTED
            return LineStatus.HELD if now < version.expires_at else LineStatus.EXPIRED
        return LineStatus.SHIPPED_AWAITING_BOOKS if version.status is OrderStatus.SHIPPED else PROMISED

    def _parts(self, line: OrderEventLine) -> Mapping[int, int]:
        return self.recipes.get(line.item_id) or {line.item_id: 1}

    def _shipped(self) -> Shipped:
        """Return what the authority's effective shipments took off each line, per item: never less than 0."""
        shipped: Shipped = defaultdict(Decimal)
        for each in self.effective():
            if each.fulfils is not None and each.fulfils.source in self.sources:
                line = (self.sources[each.fulfils.source], each.fulfils.order_ref, each.fulfils.line_ref)
                shipped[line, each.item_id] -= each.quantity
        return defaultdict(Decimal, {key: max(ZERO, quantity) for key, quantity in shipped.items()})

    def _held(self, *, delivered: bool) -> Shipped:
        """Return what the books hold of each line, per item: all of it, or what they delivered.

        What was delivered once stays delivered; what is merely assigned is as the newest figure says.
        """
        figures = [each for each in self.effective() if each.kind is EventKind.FIGURE and each.figure]
        newest: dict[LevelKey, StockEvent] = {}
        for each in figures:
            level = (each.item_id, each.location_id)
            newest[level] = max(newest.get(level, each), each, key=_reading)
        most: dict[tuple[LineKey, LevelKey], Decimal] = defaultdict(Decimal)
        for each in figures:
            level = (each.item_id, each.location_id)
            for line in each.figure.contained if each.figure else ():
                if line.source in self.sources:
                    key = (self.sources[line.source], line.order_ref, line.line_ref)
                    counts = line.contained if each is newest[level] and not delivered else line.delivered
                    most[key, level] = max(most[key, level], counts)
        held: Shipped = defaultdict(Decimal)
        for (key, (item, _)), quantity in most.items():
            held[key, item] += quantity
        return held


def _reading(event: StockEvent) -> int:
    return event.reading or 0


def _moment(event: StockEvent) -> tuple[datetime, int]:
    return event.occurred_at, -1 if event.sequence is None else event.sequence


def _after(delta: StockEvent, ruling: StockEvent) -> bool:
    if delta.occurred_at != ruling.occurred_at:
        return delta.occurred_at > ruling.occurred_at
    if delta.sequence is None or ruling.sequence is None:
        return False
    return delta.sequence > ruling.sequence
