"""Figures, deltas, counts, shipments, orders and changes of mode, in whatever order and however often.

The oracle keeps everything in plain lists and goes through the tenures of a place one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.levels import Mode
from inventory_sync.ledger import selectors
from inventory_sync.ledger.types import OrderEvent, StockEvent
from tests.ledger.reports import count, delta, figure, minute, order, shipment
from tests.ledger.worlds import MemoryWorld, PostgresWorld, World

ZERO = Decimal(0)
ITEMS, PLACES, KIT = 2, 2, 2  # one kit takes two of the first item and one of the second
LINES = [("o0", "a"), ("o1", "a")]

items, places, minutes = st.sampled_from([0, 0, 1]), st.sampled_from([0, 0, 0, 1]), st.integers(0, 9)
small = st.integers(0, 4)


@st.composite
def lives(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what is told, the changes of the first place's mode, and two ways to deliver it all."""
    tells: list[tuple] = []
    readings = sorted(draw(st.sets(st.integers(1, 9), max_size=4)))
    for reading in readings:
        for item in range(ITEMS):
            for place in range(PLACES):
                held = {
                    line: (max(pair), min(pair))
                    for line, pair in draw(
                        st.dictionaries(st.sampled_from(LINES), st.tuples(small, small), max_size=2)
                    ).items()
                }
                facts = {name: draw(small) for name in ("reserved", "unassigned", "unavailable")}
                tells.append(("figure", reading, item, place, draw(st.integers(0, 9)), held, facts))
    tells += [
        ("delta", f"d{number}", revision, draw(items), draw(places), draw(st.integers(-4, 4)), draw(minutes))
        for number in range(draw(st.integers(0, 4)))
        for revision in range(draw(st.integers(1, 2)))
    ]
    for number in range(draw(st.integers(0, 2))):
        at = draw(minutes)  # a corrected count is still the count of its time
        tells += [
            ("count", f"c{number}", revision, draw(items), draw(places), draw(st.integers(0, 9)), at)
            for revision in range(draw(st.integers(1, 2)))
        ]
    for number in range(draw(st.integers(0, 3))):
        line = draw(st.sampled_from(LINES))
        tells.append(
            ("ship", f"s{number}", draw(items), draw(places), draw(st.integers(1, 3)), line, draw(minutes))
        )
    for ref in ("o0", "o1"):
        for stamp in range(1, draw(st.integers(0, 2)) + 1):
            status = draw(
                st.sampled_from([OrderStatus.COMMITTED, OrderStatus.SHIPPED, OrderStatus.CANCELLED])
            )
            lines = {
                name: (draw(st.sampled_from([0, KIT])), draw(small))
                for order_ref, name in LINES
                if order_ref == ref
            }
            tells.append(("order", ref, stamp, status, lines))
    dates = sorted(draw(st.sets(st.integers(1, 8), max_size=2)))
    above = sorted(draw(st.lists(st.integers(0, 9), min_size=len(dates), max_size=len(dates))))
    changes = [
        ("change", draw(st.sampled_from(Mode)), at, reading) for at, reading in zip(dates, above, strict=True)
    ]
    ways = [_way(draw, tells, changes) for _ in range(2)]
    return {"tells": tells, "changes": changes, "first": draw(st.sampled_from(Mode)), "ways": ways}


def _way(draw: st.DrawFn, tells: list[tuple], changes: list[tuple]) -> list[list[tuple]]:
    """Shuffle and repeat the tells and cut them into batches, with the changes in turn between them.

    No reading begun after a change is told before it: its number was not taken yet.
    """
    again = draw(st.lists(st.sampled_from(tells), max_size=4)) if tells else []
    line = list(draw(st.permutations([*tells, *again]))) if tells else []
    for change in reversed(changes):
        place = draw(st.integers(0, len(line)))
        early = [each for each in line[:place] if each[0] == "figure" and each[1] > change[3]]
        line = [each for each in line[:place] if each not in early] + [change, *early, *line[place:]]
    for change, later in pairwise(changes):
        if line.index(change) > line.index(later):
            line.remove(change)
            line.insert(line.index(later), change)
    batches: list[list[tuple]] = [[]]
    for each in line:
        if each[0] == "change" or draw(st.booleans()):
            batches.append([])
        batches[-1].append(each)
        if each[0] == "change":
            batches.append([])
    return [batch for batch in batches if batch]


class Stage:
    """A world with two items, a kit and two places, the first of which changes its mode."""

    def __init__(self, world: World, first: Mode) -> None:
        self.world = world
        self.erp, self.shop = world.connection("erp"), world.connection("shop")
        self.items = [world.item(f"I{number}") for number in range(ITEMS)]
        self.recipe = {self.items[0]: 2, self.items[1]: 1}
        self.items.append(world.kit("KIT", self.recipe))
        self.places = [world.place("P0", figures=first is Mode.FIGURES), world.place("P1", figures=True)]
        self.refused: list[StockEvent] = []

    def event(self, tell: tuple) -> StockEvent | OrderEvent:
        kind, key, *rest = tell
        if kind == "figure":
            item, place, quantity, held, facts = rest
            return figure(
                self.items[item], self.places[place], quantity, key, by=self.erp, held=held, **facts
            )
        if kind == "order":
            stamp, status, lines = rest
            named = {line: (self.items[item], quantity) for line, (item, quantity) in lines.items()}
            return order(key, named, stamp=stamp, by=self.shop, pool=tuple(self.places), status=status)
        if kind == "ship":
            item, place, quantity, (ref, line), at = rest
            return shipment(key, self.items[item], self.places[place], quantity, ref, line, at, by=self.erp)
        revision, item, place, quantity, at = rest
        make = delta if kind == "delta" else count
        return make(key, self.items[item], self.places[place], quantity, at, by=self.erp, revision=revision)

    def play(self, batches: list[list[tuple]]) -> None:
        """Deliver; what is refused waits and is tried again after every change, as parked lines are."""
        for batch in batches:
            if batch[0][0] == "change":
                _, mode, at, reading = batch[0]
                self.world.change(self.places[0], mode, at=minute(at), after_reading=reading)
                waiting, self.refused = self.refused, []
                self.apply(waiting, [])
                continue
            events = [self.event(tell) for tell in batch]
            self.apply(
                [event for event in events if isinstance(event, StockEvent)],
                [event for event in events if isinstance(event, OrderEvent)],
            )

    def apply(self, events: list[StockEvent], orders: list[OrderEvent]) -> None:
        applied = self.world.apply(events, orders)
        self.refused += [refused.event for refused in applied.posted.refused]

    def seen(self) -> dict[str, Any]:
        demand: dict[int, Decimal] = defaultdict(Decimal)
        for (item, _), quantity in self.world.open().items():
            demand[item] += quantity
        said = {
            key: (self.world.on_hand()[key], *facts[:4])
            for key, facts in self.world.facts().items()
            if any(facts[:4]) or self.world.on_hand()[key]
        }
        return {"levels": said, "demand": dict(demand)}

    def expected(self, life: dict[str, Any]) -> dict[str, Any]:
        told = [self.event(tell) for tell in life["tells"]]
        oracle = Oracle(self, life, [each for each in told if isinstance(each, StockEvent)])
        levels = {}
        for item in self.items[:ITEMS]:
            for place in self.places:
                said = oracle.level(item, place)
                if any(said):
                    levels[item, place] = said
        demand: dict[int, Decimal] = defaultdict(Decimal)
        newest: dict[str, OrderEvent] = {}
        for each in told:
            if isinstance(each, OrderEvent) and each.stamp > getattr(newest.get(each.order_ref), "stamp", 0):
                newest[each.order_ref] = each
        for sold in newest.values():
            for line in sold.lines if sold.status is not OrderStatus.CANCELLED else ():
                parts = self.recipe if line.item_id == self.items[KIT] else {line.item_id: 1}
                for item, per_unit in parts.items():
                    held = sum(
                        oracle.held(sold.order_ref, line.line_ref, item, place) for place in self.places
                    )
                    demand[item] += max(ZERO, line.quantity * per_unit - held)
        return {"levels": levels, "demand": {item: total for item, total in demand.items() if total}}


class Oracle:
    """What a place comes to, by going through its tenures with all the papers on the table."""

    def __init__(self, stage: Stage, life: dict[str, Any], events: list[StockEvent]) -> None:
        first = [(life["first"], -1, -1)]
        changes = [(mode, at, reading) for _, mode, at, reading in life["changes"]]
        self.tenures = {stage.places[0]: first + changes, stage.places[1]: [(Mode.FIGURES, -1, -1)]}
        effective: dict[str, StockEvent] = {}
        for event in events:
            known = effective.get(event.key)
            if known is None or event.revision > known.revision:
                effective[event.key] = event
        # A foreign count or figure is never recorded, so it replaces nothing.
        for event in events:
            if effective[event.key].kind != "delta" and self._foreign(effective[event.key]):
                fits = [each for each in events if each.key == event.key and not self._foreign(each)]
                if fits:
                    effective[event.key] = max(fits, key=lambda each: each.revision)
        self.events = [
            event for event in effective.values() if event.kind == "delta" or not self._foreign(event)
        ]

    def level(self, item: int, place: int) -> tuple:
        here = [event for event in self.events if (event.item_id, event.location_id) == (item, place)]
        on_hand, reserved, unassigned, unavailable, known = ZERO, ZERO, ZERO, ZERO, False
        for number, (mode, _, _) in enumerate(self.tenures[place]):
            mine = [event for event in here if self.tenure(event) == number]
            figures = [event for event in mine if event.kind == "figure"]
            counts = [event for event in mine if event.kind == "count"]
            deltas = [event for event in mine if event.kind == "delta"]
            if mode is Mode.FIGURES:
                known = bool(figures)
                if figures:
                    best = max(figures, key=lambda each: each.reading or 0)
                    on_hand, facts = best.quantity, best.figure
                    assert facts is not None
                    reserved, unassigned, unavailable = facts.reserved, facts.unassigned, facts.unavailable
                continue
            known = bool(counts)
            if counts:
                best = max(counts, key=lambda each: (each.occurred_at, each.key))
                on_hand, reserved, unassigned = best.quantity, ZERO, ZERO
                deltas = [each for each in deltas if each.occurred_at > best.occurred_at]
            on_hand += sum((each.quantity for each in deltas), ZERO)
        return (on_hand, known, reserved, unassigned, unavailable)

    def held(self, ref: str, line: str, item: int, place: int) -> Decimal:
        here = [event for event in self.events if (event.item_id, event.location_id) == (item, place)]
        figures = [event for event in here if event.kind == "figure"]
        counts = [event for event in here if event.kind == "count"]
        newest = max(figures, key=lambda each: each.reading or 0, default=None)
        at = self.tenure(newest) if newest else 0
        left, contained = ZERO, ZERO
        for each in figures:
            for held in each.figure.contained if each.figure else ():
                if (held.order_ref, held.line_ref) == (ref, line):
                    left = max(left, held.delivered)
                    contained = held.contained if each is newest else contained
        shipped = [
            (self.tenure(each), -each.quantity)
            for each in here
            if each.fulfils and (each.fulfils.order_ref, each.fulfils.line_ref) == (ref, line)
            if self.tenures[place][self.tenure(each)][0] is Mode.MOVEMENTS
        ]
        named = any(
            (held.order_ref, held.line_ref) == (ref, line)
            for each in figures
            for held in (each.figure.contained if each.figure else ())
        )
        later = sum((quantity for number, quantity in shipped if number > at), ZERO) if named else ZERO
        left = max(left, sum((quantity for _, quantity in shipped), ZERO) - later) + later
        rules = all(self.tenure(each) <= at for each in counts)
        return max(left, contained + later) if rules else left

    def tenure(self, event: StockEvent) -> int:
        found = 0
        for number, (_, at, above) in enumerate(self.tenures[event.location_id]):
            if number and event.kind == "figure":
                found = number if (event.reading or 0) > above else found
            elif number:
                found = number if event.occurred_at >= minute(at) else found
        return found

    def _foreign(self, event: StockEvent) -> bool:
        mode = self.tenures[event.location_id][self.tenure(event)][0]
        return mode is (Mode.MOVEMENTS if event.kind == "figure" else Mode.FIGURES)


@contextmanager
def undone() -> Iterator[None]:
    """Run on PostgreSQL and take everything back, so that examples do not see each other."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@settings(max_examples=100)
@given(lives())
def test_in_memory_figures_and_changes_of_mode_come_to_what_the_oracle_says(life):
    for way in life["ways"]:
        stage = Stage(MemoryWorld(), life["first"])

        stage.play(way)

        assert stage.seen() == stage.expected(life)
        assert stage.world.sums() == {key: left for key, left in stage.world.on_hand().items() if left}


@pytest.mark.django_db
@settings(max_examples=15)
@given(lives())
def test_in_postgresql_two_deliveries_of_figures_come_to_the_oracle_and_have_one_state_hash(life):
    hashes = set()
    for way in life["ways"]:
        with undone():
            stage = Stage(PostgresWorld(), life["first"])

            stage.play(way)

            assert stage.seen() == stage.expected(life)
            assert selectors.verify() == []
            hashes.add(selectors.state_hash())

    assert len(hashes) == 1
