"""Sessions that race on real PostgreSQL: every effect once, no deadlock, no lost match."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError

from inventory_sync.domain.reservations import LineStatus
from inventory_sync.ledger import selectors
from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.models import Event, Movement
from inventory_sync.ledger.rows import execute
from inventory_sync.ledger.store import PostgresLedger
from inventory_sync.ledger.types import OrderEvent, StockEvent
from tests.ledger.reports import NOW, count, delta, order, shipment
from tests.ledger.worlds import PostgresWorld

pytestmark = pytest.mark.django_db(transaction=True)


class Retail:
    """A till, a shop, some items and two places."""

    def __init__(self) -> None:
        self.world = PostgresWorld()
        self.till, self.shop = self.world.connection("till"), self.world.connection("shop")
        self.items = [self.world.item(f"I{number}") for number in range(8)]
        self.places = [self.world.place("A"), self.world.place("B")]


@pytest.fixture
def retail() -> Retail:
    return Retail()


def race(*jobs: Callable[[], Any]) -> list[Any]:
    """Run the jobs at once, each on a connection of its own; what one raises is raised here."""
    gate = Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        try:
            execute("SELECT 1")
            gate.wait(timeout=20)
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [each.result(timeout=60) for each in [pool.submit(run, job) for job in jobs]]


def applying(events: Sequence[StockEvent] = (), orders: Sequence[OrderEvent] = ()) -> Callable[[], object]:
    def job() -> object:
        with transaction.atomic():
            return apply_batch(events, orders, store=PostgresLedger(), now=NOW)

    return job


def test_two_sessions_posting_the_same_events_post_them_once(retail):
    place = retail.places[0]
    events = [delta(f"s{n}", retail.items[n % 8], place, -1, n, by=retail.till) for n in range(20)]

    outcomes = race(applying(events), applying(list(reversed(events))), applying(events[5:]))

    assert sum(outcome.posted.recorded for outcome in outcomes) == 20
    assert sum(outcome.posted.duplicates for outcome in outcomes) == 35
    assert sum(retail.world.on_hand().values()) == -20
    assert selectors.verify() == []


@pytest.mark.parametrize("seed", range(3))
def test_a_count_and_the_deltas_around_it_race_to_the_same_level(retail, seed):
    item, place = retail.items[0], retail.places[0]
    reports = [delta(f"s{n}", item, place, -1, n, by=retail.till) for n in range(12)]
    reports.append(count("c", item, place, 50, 5, by=retail.till))
    random.Random(seed).shuffle(reports)

    race(*[applying(reports[n::4]) for n in range(4)])

    assert retail.world.on_hand() == {(item, place): 44}
    assert selectors.verify() == []


@pytest.mark.parametrize("seed", range(3))
def test_an_order_and_its_shipment_race_and_always_meet(retail, seed):
    item, place = retail.items[0], retail.places[0]
    bought = order("o1", {"a": (item, 2)}, by=retail.shop, pool=(place,))
    left = shipment("s1", item, place, 2, "o1", "a", 1, by=retail.till)
    jobs = [applying(orders=[bought]), applying([left]), applying([left]), applying(orders=[bought])]
    random.Random(seed).shuffle(jobs)

    race(*jobs)

    assert retail.world.open() == {}
    assert retail.world.statuses() == {("o1", "a"): LineStatus.CLOSED}
    assert retail.world.on_hand() == {(item, place): -2}


@pytest.mark.parametrize("seed", range(3))
def test_two_revisions_of_an_event_race_and_the_higher_one_counts(retail, seed):
    here, there = retail.items[:2]
    place = retail.places[0]
    first = delta("s1", here, place, -5, by=retail.till)
    second = delta("s1", there, place, -3, by=retail.till, revision=1)
    jobs = [applying([first]), applying([second])]
    random.Random(seed).shuffle(jobs)

    race(*jobs)

    assert {key[0]: n for key, n in retail.world.on_hand().items() if n} == {there: -3}
    assert Event.objects.filter(effective=True).count() == 1
    assert selectors.verify() == []


def test_shuffled_batches_of_events_and_orders_never_deadlock(retail):
    chance = random.Random(7)

    def place() -> tuple[int, int]:
        return chance.choice(retail.items), chance.choice(retail.places)

    def batches(worker: int) -> list[tuple[list[StockEvent], list[OrderEvent]]]:
        made = []
        for turn in range(6):
            events = [
                delta(f"k{chance.randrange(40)}", *place(), -1, by=retail.till, revision=chance.randrange(3))
                for _ in range(6)
            ]
            events += [
                shipment(
                    f"x{chance.randrange(20)}", *place(), 1, f"o{chance.randrange(6)}", "a", by=retail.till
                )
                for _ in range(3)
            ]
            orders = [
                order(
                    f"o{chance.randrange(6)}",
                    {line: (chance.choice(retail.items), 2) for line in "abc"},
                    stamp=worker * 10 + turn + 1,
                    by=retail.shop,
                    pool=tuple(retail.places),
                )
                for _ in range(4)
            ]
            made.append((events, orders))
        return made

    def working(worker: int) -> Callable[[], object]:
        plan = batches(worker)

        def job() -> object:
            return [applying(events, orders)() for events, orders in plan]

        return job

    race(*[working(worker) for worker in range(4)])

    assert selectors.verify() == []
    assert sum(retail.world.open().values()) == _wanted() > 0


def _wanted() -> Decimal:
    """Return what lines still want by demand and shipments, without looking at allocations."""
    ((wanted,),) = execute(
        "SELECT sum(greatest(r.demand - coalesce((SELECT sum(f.quantity) FROM ledger_fulfilment f "
        "JOIN ledger_event e ON e.id = f.event_id AND e.effective WHERE f.order_ref = o.order_ref "
        "AND f.line_ref = r.line_ref AND f.item_id = r.item_id), 0), 0)) FROM ledger_reservation r "
        "JOIN ledger_order o ON o.id = r.order_id"
    )
    return Decimal(wanted)


def test_movements_and_events_cannot_be_edited_or_deleted(retail):
    applying([delta("s1", retail.items[0], retail.places[0], -5, by=retail.till)])()

    for tampering in (
        lambda: Movement.objects.update(quantity=1),
        lambda: Movement.objects.all()._raw_delete("default"),
        lambda: Event.objects.update(quantity=1),
        lambda: Event.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError, match="append-only"):
            tampering()

    assert retail.world.on_hand() == {(retail.items[0], retail.places[0]): -5}


def test_a_level_that_is_not_the_sum_of_its_movements_is_found(retail):
    applying([delta("s1", retail.items[0], retail.places[0], -5, by=retail.till)])()
    execute("UPDATE ledger_stocklevel SET on_hand = -4")

    (difference,) = selectors.verify()

    assert (difference.on_hand, difference.movements) == (-4, -5)
