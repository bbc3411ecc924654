"""The token bucket of a credential, shared by every worker: exact, whoever asks at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction

from inventory_sync.connections.budgets import shut_until, take_calls
from inventory_sync.connections.models import Budget, Connection
from tests.factories import NOON, make_channel
from tests.sessions import end_other_sessions

THREADS = 8


@pytest.fixture
def shop(transactional_db: None) -> Iterator[Connection]:
    shop = make_channel("woo", budget=False)
    Budget.objects.create(connection=shop, tokens=40, refilled_at=NOON, rate_per_s=2, burst=40)
    yield shop
    end_other_sessions()


def test_many_workers_get_what_is_there_and_what_comes_back_and_not_one_call_more(shop: Connection) -> None:
    together = Barrier(THREADS)

    def work(number: int) -> int:
        granted = 0
        together.wait(30)
        for step in range(30):  # ten seconds pass, in every thread at its own pace
            now = NOON + timedelta(seconds=step / 3)
            granted += take_calls(shop.pk, 1, now=now) == 0
        connection.close()
        return granted

    with ThreadPoolExecutor(THREADS) as pool:
        granted = sum(pool.map(work, range(THREADS)))
    left = Budget.objects.get(connection=shop).tokens

    passed_s = 29 / 3
    assert abs(granted + left - (40 + 2 * passed_s)) <= 1


def test_calls_are_taken_all_or_none_and_the_wait_is_told(shop: Connection) -> None:
    assert take_calls(shop.pk, 38, now=NOON) == 0

    assert take_calls(shop.pk, 6, now=NOON) == pytest.approx(2.0)
    assert Budget.objects.get(connection=shop).tokens == 2
    assert take_calls(shop.pk, 6, now=NOON + timedelta(seconds=2)) == 0


def test_a_claim_that_is_rolled_back_spends_nothing(shop: Connection) -> None:
    with transaction.atomic():
        take_calls(shop.pk, 30, now=NOON)
        transaction.set_rollback(True)

    assert Budget.objects.get(connection=shop).tokens == 40


def test_nothing_is_given_before_the_time_the_vendor_named(shop: Connection) -> None:
    shut_until(shop.pk, NOON + timedelta(seconds=30))

    assert take_calls(shop.pk, 1, now=NOON) == pytest.approx(30)
    assert take_calls(shop.pk, 1, now=NOON + timedelta(seconds=29)) > 0
    assert take_calls(shop.pk, 1, now=NOON + timedelta(seconds=31)) == 0


def test_a_credential_nobody_has_used_yet_starts_with_what_its_vendor_allows(transactional_db: None) -> None:
    shop = make_channel("outlet", budget=False)

    assert take_calls(shop.pk, 1, now=NOON) == 0
    row = Budget.objects.get(connection=shop)
    assert (row.rate_per_s, row.burst) == (2.0, 10.0)
