"""Two workers and a posting at the same time, on real PostgreSQL: nobody waits and nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from django.db import connection, transaction

from inventory_sync.availability.compute import recompute_batch
from inventory_sync.availability.micro import to_micro
from inventory_sync.availability.store import PostgresAvailability
from inventory_sync.ledger.models import Allocation, StockLevel
from tests.availability.worlds import NOON, PostgresWorld, recompute_all

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")


@pytest.fixture
def shop() -> PostgresWorld:
    world = PostgresWorld()
    world.location("W1")
    world.channel("shop", sells=["W1"])
    for sku in ("MUG", "CAP", "LID"):
        world.item(sku)
        world.offer("shop", sku)
        world.level(sku, "W1", 5)
        world.mark(sku)
    return world


def close_mine() -> None:
    """Close the calling thread's own session."""
    connection.close()


@pytest.fixture
def elsewhere() -> Iterator[Callable[[Callable[[], T]], T]]:
    """Run something in another session, in a transaction of its own, and wait at most 20 s for it."""
    pool = ThreadPoolExecutor(1)

    def run(work: Callable[[], T]) -> T:
        def in_a_transaction() -> T:
            with transaction.atomic():
                return work()

        return pool.submit(in_a_transaction).result(timeout=20)

    yield run
    pool.submit(close_mine).result()
    pool.shutdown()


def skus(world: PostgresWorld, limit: int = 10) -> set[str]:
    return {world.sku(each.item_id) for each in PostgresAvailability().claim(limit, now=NOON)}


def test_two_claimers_never_hold_the_same_item(shop: PostgresWorld, elsewhere):
    with transaction.atomic():
        first = skus(shop, 2)
        second = elsewhere(lambda: skus(shop))

        assert len(first) == 2
        assert second == {"MUG", "CAP", "LID"} - first


def test_a_posting_committed_while_computing_waits_for_nobody_and_leaves_the_item_dirty(
    shop: PostgresWorld, elsewhere
):
    def sell() -> None:
        shop.level("MUG", "W1", 1)
        shop.mark("MUG")

    class Slow(PostgresAvailability):
        def save(self, figures, *, now):
            elsewhere(sell)  # would time out if the claim blocked it
            super().save(figures, now=now)

    with transaction.atomic():
        recompute_batch(store=Slow(), now=NOON, limit=10, urgent_at_or_below=2)

    assert shop.shown("shop", "MUG").figure == 5
    assert shop.dirty() == {"MUG"}
    recompute_all(shop)
    assert shop.shown("shop", "MUG").figure == 1
    assert shop.dirty() == set()


def test_a_posting_still_uncommitted_at_the_end_is_not_waited_for_and_not_lost(
    shop: PostgresWorld, elsewhere
):
    marked, may_commit = threading.Event(), threading.Event()

    def sell() -> None:
        shop.level("MUG", "W1", 1)
        shop.mark("MUG")
        marked.set()
        assert may_commit.wait(20)

    with ThreadPoolExecutor(1) as pool:

        def in_a_transaction() -> None:
            with transaction.atomic():
                sell()
            connection.close()

        selling = pool.submit(in_a_transaction)
        assert marked.wait(20)
        recompute_all(shop)
        before = shop.shown("shop", "MUG").figure
        may_commit.set()
        selling.result(20)

    assert before == 5
    assert shop.dirty() == {"MUG"}


def test_a_kit_held_by_another_worker_keeps_its_component_dirty(shop: PostgresWorld, elsewhere):
    shop.kit("SET", {"MUG": 1, "CAP": 1})
    shop.offer("shop", "SET")
    recompute_all(shop)
    shop.level("MUG", "W1", 3)
    shop.level("CAP", "W1", 2)
    shop.mark("MUG")

    with transaction.atomic():
        recompute_batch(store=PostgresAvailability(), now=NOON, limit=10, urgent_at_or_below=2)
        shop_before = shop.shown("shop", "SET").figure

        def other_worker() -> tuple[int, int]:
            shop.mark("CAP")
            done = recompute_batch(store=PostgresAvailability(), now=NOON, limit=10, urgent_at_or_below=2)
            return done.claimed, done.kept

        assert elsewhere(other_worker) == (1, 1)

    assert shop_before == 2
    assert shop.shown("shop", "CAP").figure == 2
    assert shop.dirty() == {"CAP"}
    recompute_all(shop)
    assert shop.dirty() == set()


def test_a_shipment_is_never_seen_half(shop: PostgresWorld):
    """On hand and promise change together: whoever reads sees 5 − 1 or 4 − 0, never 5 − 0."""
    shop.promise("shop", "MUG", "W1", 1)
    rounds, done = 60, threading.Event()

    def ship_and_take_back() -> None:
        try:
            for turn in range(rounds):
                with transaction.atomic():
                    shipped = turn % 2 == 0
                    StockLevel.objects.filter(item__sku="MUG").update(on_hand=4 if shipped else 5)
                    Allocation.objects.filter(item__sku="MUG").update(open=not shipped)
        finally:
            done.set()
            connection.close()

    item_id = shop._item("MUG").pk
    seen: set[int] = set()
    with ThreadPoolExecutor(1) as pool:
        shipping = pool.submit(ship_and_take_back)
        while not done.is_set():
            stock = PostgresAvailability().stock([item_id])
            seen.add(stock.levels[0].on_hand - sum(each.quantity for each in stock.demand))
        shipping.result(20)

    assert seen == {to_micro(4)}
