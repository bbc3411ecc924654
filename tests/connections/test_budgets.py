"""What a credential may call, shared by every worker: exact, whoever asks at the same time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from threading import Barrier, Lock
from typing import Any

import pytest
from django.db import connection, transaction

from inventory_sync.connections import budgets, looks, registry
from inventory_sync.connections.budgets import Why, may_call, note, pay, shut_for
from inventory_sync.connections.gate import Gate
from inventory_sync.connections.models import Budget, Connection
from inventory_sync.domain.budget import Told
from inventory_sync.domain.ports import Capabilities
from inventory_sync.support.spending import spending
from tests.factories import NOON, make_channel
from tests.sessions import end_other_sessions

THREADS = 8
PROCESSES = 4


@pytest.fixture
def shop(transactional_db: None) -> Iterator[Connection]:
    shop = make_channel("woo", budget=False)
    Budget.objects.create(connection=shop, tokens=40, refilled_at=NOON, rate_per_s=2, burst=40)
    yield shop
    end_other_sessions()


@pytest.fixture
def declared(shop: Connection, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have the shop's vendor set other limits."""
    can = registry.connector("woocommerce").capabilities

    def declare(**limits: Any) -> None:
        def shaped(_: Capabilities) -> Any:
            return shape(replace(can, **limits))

        shape = budgets.shape_of
        monkeypatch.setattr(budgets, "shape_of", shaped)

    return declare


def row() -> Budget:
    return Budget.objects.get()


def take(connection_id: int, calls: int, *, now: datetime, tier: str = "") -> float:
    return pay(connection_id, calls, now=now, tier=tier).wait_s


def together(work: Callable[[int], int]) -> int:
    """Have every thread do it at once; returns the sum."""
    begin = Barrier(THREADS)

    def one(number: int) -> int:
        begin.wait(30)
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(one, range(THREADS)))


def test_many_workers_get_what_is_there_and_what_comes_back_and_not_one_call_more(shop: Connection) -> None:
    asked, turns = count(), 30 * THREADS  # one clock for all, as the database's is; ten seconds pass

    def work(number: int) -> int:
        granted = 0
        for _ in range(30):
            now = NOON + timedelta(seconds=10 * next(asked) / turns)
            granted += take(shop.pk, 1, now=now, tier="critical") == 0
        return granted

    granted = together(work)

    passed_s = 10 * (turns - 1) / turns
    assert abs(granted + row().tokens - (40 + 2 * passed_s)) <= 1


def _hammer(connection_id: int, calls: int) -> None:
    """A process of its own that calls as fast as it may, by the database's clock."""
    connection.close()
    made = 0
    while made < calls:
        made += not pay(connection_id, tier="critical").wait_s
    connection.close()


def test_processes_that_hammer_one_budget_stay_within_it_to_the_call(shop: Connection) -> None:
    Budget.objects.update(tokens=10, burst=10, rate_per_s=200, refilled_at=looks.database_now())
    before = row()
    each = 60
    connection.close()
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=_hammer, args=(shop.pk, each)) for _ in range(PROCESSES)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0

    after = row()
    passed_s = (after.refilled_at - before.refilled_at).total_seconds()
    assert after.calls == PROCESSES * each
    assert after.calls + after.tokens <= before.tokens + passed_s * 200 + 1e-3
    assert after.tokens >= 0


def test_no_more_calls_run_at_once_than_the_vendor_takes(
    shop: Connection, declared: Callable[..., None]
) -> None:
    declared(concurrent_calls=3)
    Budget.objects.update(tokens=1000, burst=1000)
    lock, running, most = Lock(), set[str](), [0]

    def work(number: int) -> int:
        done = 0
        for turn in range(6):
            holder = f"{number}-{turn}"
            if pay(shop.pk, tier="critical", holder=holder).wait_s:
                continue
            with lock:
                running.add(holder)
                most[0] = max(most[0], len(running))
            with lock:
                running.discard(holder)
            note(shop.pk, holder=holder)
            done += 1
        return done

    done = together(work)

    assert done > 0
    assert most[0] <= 3
    assert row().slots == []
    assert row().calls == done


def test_a_slot_that_is_given_back_is_there_for_the_next(
    shop: Connection, declared: Callable[..., None]
) -> None:
    declared(concurrent_calls=1)

    assert not pay(shop.pk, tier="critical", holder="first").wait_s
    assert pay(shop.pk, tier="critical", holder="second").why is Why.BUDGET
    note(shop.pk, holder="first")

    assert not pay(shop.pk, tier="critical", holder="second").wait_s


def test_a_sliding_window_survives_in_the_row(shop: Connection, declared: Callable[..., None]) -> None:
    declared(window_calls=3, window_s=60)

    for second in range(3):
        assert take(shop.pk, 1, now=NOON + timedelta(seconds=second), tier="critical") == 0

    assert take(shop.pk, 1, now=NOON + timedelta(seconds=3), tier="critical") == pytest.approx(57)
    assert take(shop.pk, 1, now=NOON + timedelta(seconds=60), tier="critical") == 0


def test_calls_are_taken_all_or_none_and_the_wait_is_told(shop: Connection) -> None:
    assert take(shop.pk, 38, now=NOON, tier="critical") == 0

    assert take(shop.pk, 6, now=NOON, tier="critical") == pytest.approx(2.0)
    assert row().tokens == 2
    assert take(shop.pk, 6, now=NOON + timedelta(seconds=2), tier="critical") == 0


def test_the_last_fifth_is_only_for_what_is_critical(shop: Connection) -> None:
    with spending("bulk"):
        assert take(shop.pk, 32, now=NOON) == 0
        assert take(shop.pk, 1, now=NOON) == pytest.approx(0.5)
    with spending("critical"):
        assert take(shop.pk, 8, now=NOON) == 0


def test_who_asks_whether_there_is_room_takes_nothing(shop: Connection) -> None:
    assert may_call(shop.pk, 6, now=NOON) == 0
    assert row().tokens == 40


def test_nothing_is_given_before_the_time_the_vendor_named(shop: Connection) -> None:
    shut_for(shop.pk, timedelta(seconds=30), now=NOON)

    assert take(shop.pk, 1, now=NOON, tier="critical") == pytest.approx(30)
    assert take(shop.pk, 1, now=NOON + timedelta(seconds=29), tier="critical") > 0
    assert take(shop.pk, 1, now=NOON + timedelta(seconds=31), tier="critical") == 0


def test_a_refusal_shuts_the_budget_for_as_long_as_asked_and_is_counted(shop: Connection) -> None:
    note(shop.pk, told=Told(refused=True, too_many=True, retry_after_s=12), now=NOON)

    assert take(shop.pk, 1, now=NOON, tier="critical") == pytest.approx(12)
    assert (row().refusals, row().eased) == (1, 0.5)


def test_an_answer_that_brings_no_news_writes_nothing(
    shop: Connection, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        note(shop.pk, told=Told(remaining=40, capacity=40), now=NOON)


def test_since_when_calls_wait_is_kept_until_the_limit_is_no_longer_reached(shop: Connection) -> None:
    take(shop.pk, 40, now=NOON, tier="critical")
    take(shop.pk, 1, now=NOON + timedelta(milliseconds=100), tier="critical")
    take(shop.pk, 1, now=NOON + timedelta(milliseconds=200), tier="critical")

    assert row().waits_since == NOON + timedelta(milliseconds=100)
    take(shop.pk, 1, now=NOON + timedelta(seconds=10), tier="critical")
    assert row().waits_since == NOON + timedelta(milliseconds=100)
    take(shop.pk, 1, now=NOON + timedelta(seconds=40), tier="critical")
    assert row().waits_since is None


def test_a_lane_that_may_not_begin_counts_as_waiting(shop: Connection) -> None:
    take(shop.pk, 40, now=NOON, tier="critical")

    assert may_call(shop.pk, 6, now=NOON + timedelta(seconds=1)) > 0

    assert row().waits_since == NOON + timedelta(seconds=1)


def test_a_call_costs_two_statements_and_no_lock_outlives_them(
    shop: Connection, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(2) as asked:
        assert not pay(shop.pk, tier="critical").wait_s

    said = " ".join(one["sql"] for one in asked.captured_queries).upper()
    assert "FOR UPDATE" not in said
    assert "BEGIN" not in said


def test_a_worker_stopped_between_looking_and_paying_holds_nobody_up_and_pays_what_is_left(
    shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    Budget.objects.update(tokens=1)
    real, others = looks.look, []

    def stopped(connection_id: int, *, now: datetime | None = None) -> looks.Look:
        seen = real(connection_id, now=now)
        if not others:
            others.append(True)
            assert not pay(shop.pk, tier="critical", now=now).wait_s  # another takes the only token
        return seen

    monkeypatch.setattr(looks, "look", stopped)

    assert pay(shop.pk, tier="critical", now=NOON).why is Why.BUDGET
    assert (row().calls, row().tokens) == (1, 0)


def test_after_the_clock_was_set_back_by_hours_calls_go_on_at_their_pace(
    shop: Connection, declared: Callable[..., None]
) -> None:
    declared(window_calls=2, window_s=60, concurrent_calls=1)
    ahead = NOON + timedelta(hours=3)
    for second in range(2):
        pay(shop.pk, tier="critical", holder="killed", now=ahead + timedelta(seconds=second))
        note(shop.pk, holder="killed", now=ahead + timedelta(seconds=second))
    shut_for(shop.pk, timedelta(seconds=20), now=ahead + timedelta(seconds=2))

    assert 0 < take(shop.pk, 1, now=NOON, tier="critical") <= 60
    assert take(shop.pk, 1, now=NOON + timedelta(seconds=61), tier="critical") == 0


def test_whoever_asks_with_a_clock_of_his_own_opens_and_shuts_nothing(shop: Connection) -> None:
    Budget.objects.update(tokens=0, refilled_at=looks.database_now())

    assert may_call(shop.pk, 1) < 30
    shut_for(shop.pk, timedelta(seconds=7))

    closed = row().closed_until
    assert closed is not None
    assert timedelta(0) < closed - looks.database_now() <= timedelta(seconds=7)


def test_a_call_inside_a_transaction_is_refused_for_its_payment_could_be_undone(shop: Connection) -> None:
    can = registry.connector("woocommerce").capabilities
    gate = Gate(shop.pk, can, pause=lambda _: None, chance=lambda: 0.0, new_id=lambda: "me")

    with transaction.atomic(), pytest.raises(RuntimeError):
        gate.admit()

    assert row().calls == 0


def test_a_credential_nobody_has_used_yet_starts_with_what_its_vendor_allows(transactional_db: None) -> None:
    shop = make_channel("outlet", budget=False)

    assert take(shop.pk, 1, now=NOON) == 0
    found = Budget.objects.get(connection=shop)
    assert (found.rate_per_s, found.burst) == (2.0, 10.0)
