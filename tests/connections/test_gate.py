"""The gate of an account: staff, breaker and budget are asked before each call, and hear how it ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from inventory_sync.audit.models import Entry
from inventory_sync.connections import holding, registry, services
from inventory_sync.connections.gate import Gate
from inventory_sync.connections.looks import database_now
from inventory_sync.connections.models import Breaker, Budget, Connection
from inventory_sync.connections.running import Errand, may_begin, runnable
from inventory_sync.domain.budget import Told
from inventory_sync.domain.errors import BudgetSpent, NotAnswering, OnHold
from inventory_sync.domain.ports import Exchange
from inventory_sync.domain.writing import Writing
from inventory_sync.support.clock import utc_now
from tests.factories import make_channel

pytestmark = pytest.mark.django_db

WHY: dict[str, Any] = {"actor": "jo", "reason": "stocktaking"}


class Naps:
    """Pauses nobody has to wait for: the budget's own clock is set back instead."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        row = Budget.objects.get()
        row.refilled_at -= timedelta(seconds=seconds)
        row.save()


@pytest.fixture
def shop() -> Connection:
    return make_channel("woo")


def gate(shop: Connection, naps: Naps | None = None, **more: Any) -> Gate:
    can = registry.connector(shop.connector).capabilities
    return Gate(shop.pk, can, pause=naps or Naps(), chance=lambda: 0.0, new_id=lambda: "me", **more)


def call(status: int = 200, outcome: str = "", told: Told | None = None) -> Exchange:
    return Exchange("woo", "GET", "/products", status, outcome, "c", 0, 0, 10, told=told)


def fails(gate: Gate, times: int = 5, code: str = "remote.unavailable", status: int = 0) -> None:
    for _ in range(times):
        gate.admit()
        gate.ended(call(status, code))


def phase() -> str:
    row = Breaker.objects.first()
    return row.phase if row else "closed"


def probe_is_due(at: datetime | None = None) -> None:
    Breaker.objects.update(next_at=at or utc_now() - timedelta(seconds=1))


def test_each_call_is_paid_when_it_is_made(shop: Connection) -> None:
    for _ in range(3):
        gate(shop).admit()

    assert Budget.objects.get().calls == 3


def test_a_call_waits_for_its_token_where_it_stands(shop: Connection) -> None:
    Budget.objects.update(tokens=0, burst=10, rate_per_s=2, refilled_at=database_now())
    naps = Naps()

    gate(shop, naps).admit()

    assert sum(naps.slept) == pytest.approx(1.5, abs=0.3)  # its own, and the two that are kept back


def test_nobody_waits_longer_than_a_lease_lasts(shop: Connection) -> None:
    Budget.objects.update(tokens=0, burst=10, rate_per_s=0.01, refilled_at=database_now())

    with pytest.raises(BudgetSpent) as raised:
        gate(shop).admit()

    assert (raised.value.retry_after_s or 0) > 30
    assert Budget.objects.get().calls == 0


@pytest.mark.parametrize(
    ("why", "hold"),
    [
        ("paused", lambda row: services.pause(connection_id=row.pk, **WHY)),
        (
            "under maintenance",
            lambda row: holding.plan_maintenance(
                connection_id=row.pk,
                starts_at=utc_now() - timedelta(minutes=1),
                ends_at=utc_now() + timedelta(minutes=9),
                now=utc_now(),
                **WHY,
            ),
        ),
    ],
)
def test_a_wake_up_that_comes_late_calls_nobody(shop: Connection, why: str, hold: Any) -> None:
    late = gate(shop)
    hold(shop)

    with pytest.raises(OnHold, match=why):
        late.admit()

    assert Budget.objects.get().calls == 0
    assert shop.pk not in runnable(utc_now()).to_pay
    gate(shop, held_too=True).admit()  # staff themselves may look


def test_who_drains_may_finish_what_is_owed_and_begins_nothing(shop: Connection) -> None:
    holding.drain(connection_id=shop.pk, **WHY)

    gate(shop).admit()

    assert may_begin(shop.pk, Errand.PAY, now=utc_now()) == shop
    assert may_begin(shop.pk, Errand.READ, now=utc_now()) is None


def test_a_connection_that_answers_nothing_is_left_alone_and_that_is_written_down_once(
    shop: Connection,
) -> None:
    fails(gate(shop))

    with pytest.raises(NotAnswering):
        gate(shop).admit()

    assert phase() == "open"
    assert shop.pk not in runnable(utc_now()).to_pay
    assert Budget.objects.get().calls == 5
    assert Entry.objects.filter(action="connection.breaker_opened").count() == 1


def test_one_failed_call_changes_nothing_for_the_next(shop: Connection) -> None:
    fails(gate(shop), times=1)

    gate(shop).admit()

    assert phase() == "closed"
    assert not Entry.objects.filter(action__startswith="connection.breaker").exists()


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "push.refused"), (400, "push.refused"), (429, "remote.rate_limited"), (500, ""), (401, "")],
)
def test_an_answer_is_an_answer_whatever_it_says(shop: Connection, status: int, code: str) -> None:
    fails(gate(shop), times=12, code=code, status=status)

    assert phase() == "closed"


@pytest.mark.parametrize(
    ("status", "code"),
    [(502, "remote.unavailable"), (0, "remote.outcome_unknown"), (503, "remote.rate_limited")],
)
def test_a_vendor_in_trouble_is_no_answer(shop: Connection, status: int, code: str) -> None:
    fails(gate(shop), code=code, status=status)

    assert phase() == "open"


def test_one_call_tries_while_the_others_wait_and_its_answer_lets_them_go(shop: Connection) -> None:
    fails(gate(shop))
    probe_is_due()
    tries = gate(shop)

    tries.admit()
    with pytest.raises(NotAnswering):
        gate(shop).admit()
    tries.ended(call())

    assert phase() == "closed"
    gate(shop).admit()
    assert Entry.objects.filter(action="connection.breaker_closed").count() == 1


def test_a_probe_that_fails_is_no_news_for_the_audit(shop: Connection) -> None:
    fails(gate(shop))
    for _ in range(3):
        probe_is_due()
        fails(gate(shop), times=1)

    assert phase() == "open"
    assert Breaker.objects.get().openings == 4
    assert Entry.objects.filter(action__startswith="connection.breaker").count() == 1


def test_a_call_that_is_answered_writes_nothing_afterwards(
    shop: Connection, django_assert_num_queries: Any
) -> None:
    calls = gate(shop)
    calls.admit()

    with django_assert_num_queries(0):
        calls.ended(call())


def test_what_the_vendor_told_is_noted_when_the_call_ends(shop: Connection) -> None:
    calls = gate(shop)
    calls.admit()

    calls.ended(call(429, "remote.rate_limited", Told(refused=True, too_many=True, retry_after_s=40)))

    with pytest.raises(BudgetSpent):
        gate(shop).admit()
    assert Budget.objects.get().refusals == 1


def test_how_far_it_writes_is_changed_with_a_reason(shop: Connection) -> None:
    holding.set_writing(connection_id=shop.pk, writing=Writing.SHADOW, **WHY)

    shop.refresh_from_db()
    entry = Entry.objects.get(action="connection.writing_changed")
    assert (shop.writing, entry.reason) == ("shadow", "stocktaking")
    assert (entry.before, entry.after) == ({"writing": "live"}, {"writing": "shadow"})
