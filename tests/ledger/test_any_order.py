"""Whatever order reports, orders and shipments come in, and however often: the same stock, the same demand.

The oracle is slow and plain: it keeps everything, sorts it, and adds up. It knows nothing of batches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import pairwise

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_sync.domain.external import OrderStatus
from inventory_sync.ledger import selectors
from inventory_sync.ledger.types import EventKind, OrderEvent, StockEvent
from tests.ledger.reports import count, delta, gone, order, shipment
from tests.ledger.worlds import MemoryWorld, PostgresWorld, World

TILL, SHOP = "till", "shop"
ITEMS, PLACES = 2, 2
KIT = ITEMS  # one kit takes two of the first item and one of the second


@st.composite
def histories(draw: st.DrawFn) -> tuple[list, list[list[int]]]:
    """Draw what is reported, abstractly, and a way to deliver it: shuffled, repeated, in batches."""
    tells: list[tuple] = []
    for number in range(draw(st.integers(1, 6))):
        tells += [
            (
                "delta",
                f"d{number}",
                revision,
                draw(st.integers(0, ITEMS - 1)),
                draw(st.integers(0, PLACES - 1)),
                draw(st.integers(-5, 5)),
                draw(st.integers(0, 6)),
                draw(st.none() | st.integers(0, 3)),
            )
            for revision in range(draw(st.integers(1, 3)))
        ]
    for number in range(draw(st.integers(0, 3))):
        tells += [
            (
                "count",
                f"c{number}",
                revision,
                draw(st.integers(0, ITEMS - 1)),
                draw(st.integers(0, PLACES - 1)),
                draw(st.integers(0, 9)),
                draw(st.integers(0, 6)),
                draw(st.none() | st.integers(0, 3)),
            )
            for revision in range(draw(st.integers(1, 2)))
        ]
    for number in range(draw(st.integers(0, 2))):
        for stamp in range(draw(st.integers(1, 3))):
            status = draw(
                st.sampled_from([OrderStatus.COMMITTED, OrderStatus.SHIPPED, OrderStatus.CANCELLED])
            )
            lines = draw(
                st.dictionaries(
                    st.sampled_from("ab"),
                    st.tuples(st.sampled_from([0, KIT]), st.integers(0, 4)),
                    min_size=1,
                    max_size=2,
                )
            )
            tells.append(("order", f"o{number}", stamp + 1, status, lines))
    for number in range(draw(st.integers(0, 4))):
        tells += [
            (
                "ship",
                f"s{number}",
                revision,
                draw(st.integers(0, ITEMS - 1)),
                draw(st.integers(0, PLACES - 1)),
                draw(st.integers(0, 3)),
                draw(st.sampled_from(["o0", "o1"])),
                draw(st.sampled_from("ab")),
                draw(st.integers(0, 6)),
            )
            for revision in range(draw(st.integers(1, 2)))
        ]
    repeated = [*range(len(tells)), *draw(st.lists(st.integers(0, len(tells) - 1), max_size=4))]
    sequence = draw(st.permutations(repeated))
    cuts = draw(st.lists(st.integers(0, len(sequence)), max_size=5))
    edges = [0, *sorted(cuts), len(sequence)]
    return tells, [list(sequence[a:b]) for a, b in pairwise(edges) if a < b]


class Stage:
    """A world with two items and two places, in which abstract tells become events."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.till, self.shop = world.connection(TILL), world.connection(SHOP)
        self.items = [world.item(f"I{n}") for n in range(ITEMS)]
        self.recipe = {self.items[0]: 2, self.items[1]: 1}
        self.items.append(world.kit("KIT", self.recipe))
        self.places = [world.place(f"P{n}") for n in range(PLACES)]

    def event(self, tell: tuple) -> StockEvent | OrderEvent:
        kind, key, revision, *rest = tell
        if kind == "order":
            status, lines = rest
            named = {line: (self.items[item], quantity) for line, (item, quantity) in lines.items()}
            pool = tuple(self.places)
            return order(key, named, stamp=revision, by=self.shop, pool=pool, status=status)
        says = {"by": self.till, "revision": revision}
        if kind == "ship":
            item, place, quantity, ref, line, at = rest
            return shipment(key, self.items[item], self.places[place], quantity, ref, line, at, **says)
        item, place, quantity, at, sequence = rest
        make = delta if kind == "delta" else count
        return make(key, self.items[item], self.places[place], quantity, at, sequence=sequence, **says)

    def play(self, tells: list[tuple], batches: list[list[int]]) -> None:
        for batch in batches:
            events = [self.event(tells[number]) for number in batch]
            self.world.apply(
                [event for event in events if isinstance(event, StockEvent)],
                [event for event in events if isinstance(event, OrderEvent)],
            )

    def seen(self) -> tuple[dict, dict, dict]:
        """Return on hand, totals per counterpart, and open demand per item."""
        demand: dict[int, Decimal] = defaultdict(Decimal)
        for (item, _), quantity in self.world.open().items():
            demand[item] += quantity
        on_hand = {key: quantity for key, quantity in self.world.on_hand().items() if quantity}
        return on_hand, self.world.totals(), dict(demand)

    def expected(self, tells: list[tuple]) -> tuple[dict, dict, dict]:
        made = [self.event(tell) for tell in tells]
        events = [event for event in made if isinstance(event, StockEvent)]
        newest: dict[str, StockEvent] = {}
        for event in events:
            if event.key not in newest or event.revision > newest[event.key].revision:
                newest[event.key] = event
        on_hand, totals = _shelf(list(newest.values()))
        return on_hand, totals, self._demand(made, newest)

    def _demand(self, made: list, newest: dict[str, StockEvent]) -> dict[int, Decimal]:
        orders: dict[str, OrderEvent] = {}
        for event in made:
            if isinstance(event, OrderEvent) and event.stamp >= getattr(
                orders.get(event.order_ref), "stamp", 0
            ):
                orders[event.order_ref] = event
        demand: dict[int, Decimal] = defaultdict(Decimal)
        for event in orders.values():
            if event.status is OrderStatus.CANCELLED:
                continue
            for line in event.lines:
                parts = self.recipe if line.item_id == self.items[KIT] else {line.item_id: 1}
                for item, per_unit in parts.items():
                    shipped = sum(
                        -each.quantity
                        for each in newest.values()
                        if each.fulfils
                        and (each.fulfils.order_ref, each.fulfils.line_ref, each.item_id)
                        == (event.order_ref, line.line_ref, item)
                    )
                    demand[item] += max(Decimal(0), line.quantity * per_unit - shipped)
        return {item: quantity for item, quantity in demand.items() if quantity}


def _shelf(events: list[StockEvent]) -> tuple[dict, dict]:
    """Sort everything, find the latest count of each place, add up what happened after it."""
    levels = {(event.item_id, event.location_id) for event in events}
    on_hand, totals = {}, {}
    for level in levels:
        here = [event for event in events if (event.item_id, event.location_id) == level]
        deltas = [event for event in here if event.kind is EventKind.DELTA]
        counts = [event for event in here if event.kind is EventKind.COUNT]
        ruling = max(
            counts, key=lambda each: (each.occurred_at, _rank(each.sequence), each.key), default=None
        )
        after = deltas if ruling is None else [each for each in deltas if _after(each, ruling)]
        found = (ruling.quantity if ruling else Decimal(0)) + sum(each.quantity for each in after)
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for each in deltas:
            sums["vendor" if each.reason == "receipt" else "customer"] += each.quantity
        sums["adjustment"] = found - sum(sums.values())
        on_hand[level] = found
        totals |= {(*level, kind): total for kind, total in sums.items() if total}
    return {level: found for level, found in on_hand.items() if found}, totals


def _rank(sequence: int | None) -> int:
    return -1 if sequence is None else sequence


def _after(event: StockEvent, ruling: StockEvent) -> bool:
    if event.occurred_at != ruling.occurred_at:
        return event.occurred_at > ruling.occurred_at
    if event.sequence is None or ruling.sequence is None:
        return False
    return event.sequence > ruling.sequence


@contextmanager
def undone() -> Iterator[None]:
    """Run on PostgreSQL and take everything back, so that examples do not see each other."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@settings(max_examples=150)
@given(histories())
def test_in_memory_any_delivery_leads_to_what_the_oracle_says(history):
    tells, batches = history
    stage = Stage(MemoryWorld())

    stage.play(tells, batches)

    assert stage.seen() == stage.expected(tells)
    assert stage.world.sums() == {key: n for key, n in stage.world.on_hand().items() if n}


@pytest.mark.django_db
@settings(max_examples=25)
@given(histories())
def test_in_postgresql_any_delivery_leads_to_what_the_oracle_says(history):
    tells, batches = history
    with undone():
        stage = Stage(PostgresWorld())

        stage.play(tells, batches)

        assert stage.seen() == stage.expected(tells)
        assert selectors.verify() == []


@pytest.mark.django_db
@settings(max_examples=12)
@given(histories(), st.randoms(use_true_random=False))
def test_two_deliveries_of_the_same_history_have_one_state_hash(history, random):
    tells, batches = history
    other = [number for batch in batches for number in batch]
    random.shuffle(other)
    hashes = []
    for way in (batches, [other]):
        with undone():
            stage = Stage(PostgresWorld())
            stage.play(tells, way)
            hashes.append(selectors.state_hash())

    assert hashes[0] == hashes[1]


@settings(max_examples=150)
@given(st.data())
def test_a_deleted_order_stays_deleted_whatever_arrives_late_until_it_is_read_again(data):
    stage = Stage(MemoryWorld())
    mug = stage.items[0]
    versions = [
        order("o", {"a": (mug, stamp)}, stamp=stamp, by=stage.shop, pool=tuple(stage.places))
        for stamp in (1, 2, 3)
    ]
    arrivals = data.draw(st.permutations([*versions, gone("o", by=stage.shop), versions[0]]))

    asked = [stage.world.apply(orders=[event]).decided.needs_reading for event in arrivals]

    assert any(asked), "a deletion merely announced is settled by reading"
    assert stage.world.open() == {}
    stage.world.apply(orders=[gone("o", by=stage.shop, reading=9)])
    assert stage.world.open() == {}
