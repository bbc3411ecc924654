"""The simulated hub: nothing but bookkeeping around the real rules of domain/.

Levels are folded, orders decided, lines routed and contained, figures computed by the functions the platform
runs. What may be taken away (repairs.py) is taken away here, never in the rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from inventory_sync.domain.availability import (
    Fallback,
    PolicyTerms,
    available,
    free,
)
from inventory_sync.domain.containment import Confirmation, contained
from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.kits import KitComponent, available_kits
from inventory_sync.domain.levels import mark_unknown
from inventory_sync.domain.order_versions import OrderVersion
from inventory_sync.domain.reports import (
    ZERO,
    BookFigure,
    BookReading,
    Count,
    Counterpart,
    Delta,
    LineContained,
    Position,
    figures_in,
    plain,
)
from inventory_sync.domain.reservations import (
    Applied,
    LineSnapshot,
    LineStatus,
    NeedsReading,
    OrderSnapshot,
    RecordedOrder,
    decide,
    expire,
    vanish,
)
from inventory_sync.domain.routing import Part
from tests.sim.arithmetic.erp import LOCATIONS, LineBooked, MoveSeen, Snapshot
from tests.sim.arithmetic.placing import Held, Level, OrderKey, Placing
from tests.sim.arithmetic.schedule import moment

NEVER = OrderVersion(-1)
PLAIN = PolicyTerms(fallback=Fallback.HOLD_LAST)


@dataclass(frozen=True, slots=True)
class Version:
    """One order as its outlet shows it. `nth` counts its versions, which only the oracle may use."""

    outlet: str
    order: str
    nth: int
    stamp: int
    status: OrderStatus | None  # None: it is gone
    lines: tuple[tuple[str, str, str, int], ...] = ()  # (line, listing, article, quantity)
    ordered: tuple[int, ...] = ()  # before refunds, per line
    hold_until_s: float | None = None

    @property
    def key(self) -> OrderKey:
        return (self.outlet, self.order)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading of the authority brought: its rows, and confirmations before and after if need be."""

    number: int
    began_s: float
    items: frozenset[str]
    found: Snapshot
    before: tuple[MoveSeen, ...] = ()
    after: tuple[MoveSeen, ...] = ()
    one_call: bool = True


class Hub(Placing):
    """Hears everything; says what each outlet may show."""

    def next_reading(self) -> int:
        self.readings += 1
        return self.readings

    # ── orders ───────────────────────────────────────────────────────────────────────────────────────
    def hear(self, version: Version, now: datetime, *, reading: int = 0, listed: bool = False) -> bool:
        """Take in one version of an order; say whether it was news."""
        held = self.orders[version.key]
        if version.status is None:
            return self._gone(version, held, now, reading)
        recorded = held.recorded
        if held.gone is not None and recorded is not None:
            if version.stamp < recorded.version.stamp or 0 < reading <= held.gone:
                return False
            if reading == 0:
                if version.stamp > recorded.version.stamp:
                    self.to_read.append(version.key)
                return False
            recorded = replace(recorded, version=NEVER)
        decision = decide(recorded, self._snapshot(version, version.status, reading, listed), now=now)
        if isinstance(decision, NeedsReading):
            self.to_read.append(version.key)
            return False
        if not isinstance(decision, Applied):
            if not self.repairs.same_version_changes_nothing and recorded is not None:
                self._revive(held, version, now)
            return False
        after = decision.order
        if not self.repairs.newer_version_reopens and recorded is not None:
            dead = {name: line for name, line in recorded.lines.items() if line.status.is_exit}
            after = replace(after, lines={**after.lines, **dead})
        for line, _, article, _ in version.lines:
            held.recipes.setdefault(line, self.recipes.get(article, (Part(article),)))
        held.recorded, held.gone = after, None
        self._settle(version.key, now)
        return True

    def notice(self, outlet: str, order: str, line: str, now: datetime, *, by_till: bool = False) -> None:
        """Somebody who is not the authority says that goods left; only a repair that is off believes it."""
        believed = not (self.repairs.till_waits_for_books if by_till else self.repairs.books_decide)
        held = self.orders[outlet, order]
        if believed and held.recorded is not None:
            held.dropped.add(line)
            self._settle((outlet, order), now)

    def end_holds(self, now: datetime) -> None:
        for key in sorted(self._holds):
            held = self.orders[key]
            if held.recorded is None or held.recorded.hold_until is None:
                self._holds.discard(key)
            elif held.recorded.hold_until <= now:
                self._holds.discard(key)
                applied = expire(held.recorded, now=now)
                if applied.changes:
                    held.recorded = applied.order
                    self._settle(key, now)

    def open_orders(self) -> list[OrderKey]:
        return [key for key, held in self.orders.items() if any(_open(held))]

    # ── stock ────────────────────────────────────────────────────────────────────────────────────────
    def hear_line(self, line: LineBooked) -> None:
        """A movement line explains a figure and causes the item to be read again; it is never added."""
        delta = Delta(
            line.key, 0, Decimal(line.quantity), Position(moment(line.at_s)), Counterpart.ADJUSTMENT
        )
        folded = self._levels[line.item, line.location].record(delta)
        if folded.read_again or not self.repairs.figures_by_reading:
            self.read_again.add(line.item)

    def apply(self, reading: Reading, now: datetime) -> None:
        """Apply all figures of one reading, each with what it contains."""
        facts = self._contained(reading)
        places = frozenset(LOCATIONS)
        rows = {
            (item, location): BookFigure(
                f"reading:{reading.number}",
                reading.number,
                Decimal(reading.found.quants.get((item, location), 0)),
                reserved=Decimal(reading.found.reserved.get((item, location), 0)),
                unassigned=Decimal(reading.found.unassigned.get((item, location), 0)),
                contained=facts.get((item, location), ()),
            )
            for item in reading.items
            for location in LOCATIONS
            if (item, location) in reading.found.quants
            or (item, location) in reading.found.reserved
            or (item, location) in reading.found.unassigned
            or (item, location) in facts
        }
        for level, figure in figures_in(BookReading(reading.number, reading.items, places, rows)).items():
            self._apply_figure(level, figure, reading)
        for key in sorted(self._told_anew):
            if key in self.orders and self.orders[key].recorded is not None:
                self._settle(key, now)
        self._told_anew.clear()

    def doubt(self, item: str, location: str) -> None:
        """Something about a level went wrong: it is unknown until a reading begun from now on."""
        level = self._levels[item, location]
        if level.state.known:
            self._last_free[item, location] = free(self._terms(item, location))
        level.state = mark_unknown(level.state, since_reading=self.next_reading())
        self.read_again.add(item)

    # ── figures ──────────────────────────────────────────────────────────────────────────────────────
    def figure(self, outlet: str, article: str) -> Decimal | None:
        """Return what an outlet may show of an item or a kit, and remember it as published."""
        pool = frozenset(self.pools[outlet])
        last = self.published.get((outlet, article))
        parts = self.recipes.get(article)
        items = [part.item for part in parts] if parts else [article]
        unknown = any(not self._levels[item, place].state.known for item in items for place in pool)
        if unknown and not self.repairs.held_figure_may_fall and last is not None:
            return last
        terms = {item: tuple(self._terms(item, place) for place in LOCATIONS) for item in items}
        if parts:
            components = [KitComponent(part.item, part.per_unit, terms[part.item]) for part in parts]
            found = available_kits(components, PLAIN, pool=pool, last_published=last)
        else:
            found = available(terms[article], PLAIN, pool=pool, last_published=last)
        figure = found.figure
        if figure is not None and not self.repairs.every_line_routed:
            own = [held for (mine, _), held in self.orders.items() if mine == outlet]
            lost = sum((held.unrouted.get(item, ZERO) for held in own for item in items), ZERO)
            figure = max(ZERO, figure - lost)
        if figure is not None:
            self.published[outlet, article] = figure
        return figure

    def meaning(self) -> dict[tuple[str, ...], str]:
        """Return what the hub knows, in words that do not depend on the order in which it was told."""
        said: dict[tuple[str, ...], str] = {}
        for (item, location), level in self._levels.items():
            state = level.state
            if state.reading is not None or state.on_hand or state.count is not None:
                said[item, location] = f"{plain(state.on_hand)}/{plain(state.reserved)}/{state.known}"
        for key, held in self.orders.items():
            for line, allocations in held.allocations.items():
                owed: dict[str, Decimal] = defaultdict(Decimal)
                for each in allocations:
                    owed[each.item] += each.open
                for item, quantity in owed.items():
                    if quantity:
                        said[*key, line, item] = plain(quantity)
        return said

    # ── how ──────────────────────────────────────────────────────────────────────────────────────────
    def _snapshot(self, version: Version, status: OrderStatus, reading: int, listed: bool) -> OrderSnapshot:
        kept = version.ordered if not self.repairs.refunds_lower_demand else ()
        return OrderSnapshot(
            OrderVersion(version.stamp, reading, begun=self.readings),
            fingerprint=repr((status, version.lines)),
            status=status,
            lines=tuple(
                LineSnapshot(line, article, Decimal(kept[place] if kept else quantity))
                for place, (line, _, article, quantity) in enumerate(version.lines)
            ),
            hold_until=None if version.hold_until_s is None else moment(version.hold_until_s),
            listed=listed,
        )

    def _gone(self, version: Version, held: Held, now: datetime, reading: int) -> bool:
        if held.gone is not None and held.gone >= reading:
            return False
        if held.recorded is not None and 0 < reading < held.recorded.version.reading:
            return False
        if reading == 0 and held.recorded is not None:
            self.to_read.append(version.key)
        held.gone = reading
        if held.recorded is None:
            held.recorded = RecordedOrder(OrderVersion(0), "", OrderStatus.CANCELLED)
        else:
            held.recorded = vanish(held.recorded, announced=reading == 0).order
            self._settle(version.key, now)
        return True

    def _revive(self, held: Held, version: Version, now: datetime) -> None:
        assert held.recorded is not None
        expired = {
            name: replace(line, status=LineStatus.HELD)
            for name, line in held.recorded.lines.items()
            if line.status is LineStatus.EXPIRED
        }
        if expired and version.stamp == held.recorded.version.stamp:
            until = now + timedelta(seconds=300)
            lines = {**held.recorded.lines, **expired}
            held.recorded = replace(held.recorded, lines=lines, hold_until=until)
            self._settle(version.key, now)

    def _apply_figure(self, level: Level, figure: BookFigure, reading: Reading) -> None:
        ledger = self._levels[level]
        if self.repairs.figures_by_reading:
            folded = ledger.record(figure)
            if folded.contained is None:
                return
            held = folded.contained
        else:
            at = Position(moment(reading.began_s))
            ledger.record(Count(f"count:{reading.number}", figure.quantity, at))
            ledger.state = replace(ledger.state, reserved=figure.reserved, unassigned=figure.unassigned)
            held = figure.contained
        before, after = self._books[level], {each.line: each for each in held}
        self._books[level] = after
        for line in before.keys() | after.keys():
            if before.get(line) != after.get(line):
                outlet, order, _ = line.split("/")
                self._told_anew.add((outlet, order))

    def _contained(self, reading: Reading) -> dict[Level, tuple[LineContained, ...]]:
        """Return what the figures surely hold of each line, by one call or by two confirmations."""
        told: dict[Level, list[LineContained]] = defaultdict(list)
        if reading.one_call:
            for move in reading.found.moves:
                for place in sorted({*move.assigned, *move.delivered}):
                    assigned, delivered = _amounts(move, place)
                    told[move.item, place].append(LineContained(move.line, assigned + delivered, delivered))
            return {level: tuple(each) for level, each in told.items()}
        later = {(move.line, move.item): move for move in reading.after}
        for move in reading.before:
            other = later.get((move.line, move.item), move)
            for place in sorted({*move.assigned, *move.delivered, *other.assigned, *other.delivered}):
                one, two = _confirmation(move, place), _confirmation(other, place)
                if not self.repairs.confirmed_on_both_sides:
                    two = one
                delivered = min(one.delivered, two.delivered)
                told[move.item, place].append(LineContained(move.line, contained(one, two), delivered))
        return {level: tuple(each) for level, each in told.items()}


def _open(held: Held) -> Iterable[bool]:
    return (each.open > 0 for allocations in held.allocations.values() for each in allocations)


def _amounts(move: MoveSeen, place: str) -> tuple[Decimal, Decimal]:
    return Decimal(move.assigned.get(place, 0)), Decimal(move.delivered.get(place, 0))


def _confirmation(move: MoveSeen, place: str) -> Confirmation:
    return Confirmation(*_amounts(move, place), move_version=str(move.version))
