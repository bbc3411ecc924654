"""Who computes what, and what happens to items that are touched meanwhile, in both stores."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory_sync.availability.compute import recompute_batch, recompute_claimed
from tests.availability.worlds import NOON, World, recompute_all


@pytest.fixture
def stock(world: World) -> World:
    world.location("W1")
    world.channel("shop", sells=["W1"])
    for number in range(8):
        world.item(f"I{number}")
        world.offer("shop", f"I{number}")
        world.level(f"I{number}", "W1", 10 + number)
    return world


def claim(world: World, limit: int) -> list[str]:
    with world.transaction() as store:
        return [world.sku(each.item_id) for each in store.claim(limit, now=NOON)]


def test_half_of_a_claim_is_urgent_and_the_rest_the_oldest(stock: World):
    for number in range(4):
        stock.mark(f"I{number}", after_s=number)
    for number in range(4, 8):
        stock.mark(f"I{number}", after_s=number, urgent=True)

    assert sorted(claim(stock, 4)) == ["I0", "I1", "I4", "I5"]


def test_urgent_items_fill_up_for_missing_others_and_the_reverse(stock: World):
    stock.mark("I0", after_s=0)
    for number in range(1, 5):
        stock.mark(f"I{number}", after_s=number, urgent=True)
    assert sorted(claim(stock, 4)) == ["I0", "I1", "I2", "I3"]

    for number in range(5, 8):
        stock.mark(f"I{number}", after_s=number)
    with stock.transaction() as store:
        urgent = [each for each in store.claim(8, now=NOON) if each.urgent]
        store.settle(urgent)
    assert sorted(claim(stock, 4)) == ["I0", "I5", "I6", "I7"]


def test_a_claim_tells_since_when_and_why(stock: World):
    stock.mark("I0", after_s=5, cause="delivery-1")
    stock.mark("I0", after_s=9, cause="delivery-2", urgent=True)

    with stock.transaction() as store:
        [claimed] = store.claim(10, now=NOON)

    assert (claimed.version, claimed.urgent, claimed.correlation_id) == (2, True, "delivery-2")
    assert claimed.since == NOON + timedelta(seconds=5)


def test_a_computation_that_fails_leaves_its_items_dirty_and_free(stock: World):
    stock.mark("I0")

    def crash_before_the_commit() -> None:
        with stock.transaction() as store:
            recompute_batch(store=store, now=NOON, limit=10, urgent_at_or_below=2)
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        crash_before_the_commit()

    assert not stock.has_figure("shop", "I0")
    assert claim(stock, 10) == ["I0"]


def test_an_item_marked_again_inside_the_computation_stays_dirty(stock: World):
    stock.mark("I0")
    stock.mark("I1")

    with stock.transaction() as store:
        claimed = store.claim(10, now=NOON)
        stock.mark("I0")
        store.settle(claimed)

    assert stock.dirty() == {"I0"}


def test_items_beyond_the_limit_wait_and_are_found_next(stock: World):
    for number in range(8):
        stock.mark(f"I{number}", after_s=number)

    first = recompute_all(stock, limit=5)

    assert (first.claimed, len(first.changes)) == (5, 5)
    assert stock.dirty() == {"I5", "I6", "I7"}
    assert recompute_all(stock, limit=5).claimed == 3
    assert recompute_all(stock, limit=5).claimed == 0


def test_an_item_set_aside_is_left_until_its_time_however_often_it_is_marked(stock: World):
    stock.mark("I0")
    stock.mark("I1", after_s=1)
    with stock.transaction() as store:
        first, _ = sorted(store.claim(10, now=NOON), key=lambda each: each.since)
        store.set_aside(first.item_id, until=NOON + timedelta(seconds=60))

    stock.mark("I0", urgent=True)

    assert claim(stock, 10) == ["I1"]
    with stock.transaction() as store:
        later = {stock.sku(each.item_id): each for each in store.claim(10, now=NOON + timedelta(seconds=60))}
    assert {sku: each.failed for sku, each in later.items()} == {"I0": True, "I1": False}


def test_an_item_that_was_computed_after_all_is_no_longer_set_aside(stock: World):
    stock.mark("I0")
    with stock.transaction() as store:
        [item] = store.claim(10, now=NOON)
        store.set_aside(item.item_id, until=NOON + timedelta(seconds=60))
        store.settle([item])

    stock.mark("I0")

    with stock.transaction() as store:
        assert [each.failed for each in store.claim(10, now=NOON)] == [False]


def test_an_item_computed_without_its_kits_leaves_them_dirty(stock: World):
    stock.kit("SET", {"I0": 2})
    stock.offer("shop", "SET")
    stock.mark("I0", cause="delivery-1")

    with stock.transaction() as store:
        items = store.claim(10, now=NOON)
        recompute_claimed(items, store=store, now=NOON, urgent_at_or_below=2, with_kits=False)

    assert stock.shown("shop", "I0").figure == 10
    assert not stock.has_figure("shop", "SET")
    assert stock.dirty() == {"SET"}
    recompute_all(stock)
    assert (stock.shown("shop", "SET").figure, stock.shown("shop", "SET").correlation_id) == (5, "delivery-1")
