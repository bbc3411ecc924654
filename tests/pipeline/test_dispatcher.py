"""The dispatcher: one leader, every debt found, and the work done here when nobody else can be woken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, ProgrammingError, connection

from inventory_sync.connections.models import Connection, Cursor, Hook
from inventory_sync.intake.models import Delivery, ReadDue
from inventory_sync.pipeline import dispatcher as dispatching
from inventory_sync.pipeline import inline, steps
from inventory_sync.pipeline.debts import find_debts
from inventory_sync.pipeline.dispatcher import BROKER_REST, STAND_BACK_S, Dispatcher
from inventory_sync.pipeline.models import Sign, Tick
from inventory_sync.pipeline.routes import QUEUES
from inventory_sync.pipeline.watch import DEAF_AFTER
from inventory_sync.support.clock import utc_now
from tests.pipeline.hub import HandClock, Hub, open_hub

pytestmark = pytest.mark.django_db


class Broker:
    def __init__(self) -> None:
        self.down = False
        self.tries = 0
        self.sent: list[tuple[str, str]] = []

    def send(self, task: str, queue: str, arguments: dict[str, Any]) -> None:
        self.tries += 1
        if self.down:
            raise ConnectionError("refused")
        self.sent.append((task, queue))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    # The steps the dispatcher does itself run by the real clock, so this hub lives in its past.
    hub = open_hub(clock=HandClock(utc_now() - timedelta(hours=1)))
    hub.stocked("MUG", 10, "product:101")
    hub.compute()
    Cursor.objects.all().delete()
    later = hub.clock() + timedelta(days=1)
    for row in Connection.objects.all():
        for stream in hub.ports.connector(row.connector).capabilities.streams:
            Cursor.objects.create(connection=row, stream=stream.name, run_at=later)
    hub.shop.listings.update(state="settled")
    Hook.objects.create(connection=hub.shop, topic="order.updated", status="active", checked_at=hub.clock())
    monkeypatch.setattr(steps, "close_old_connections", lambda: None)  # the test's own is not to be closed
    return hub


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def dispatcher(hub: Hub, broker: Broker) -> Iterator[Dispatcher]:
    yield Dispatcher(hub.ports, broker.send)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock_all()")


def sing(hub: Hub, *queues: str) -> None:
    for queue in queues:
        Sign.objects.update_or_create(
            name=f"canary:{queue}", defaults={"at": hub.clock(), "sent_at": hub.clock()}
        )


# ── debts ──


def test_nothing_is_owed_by_a_hub_at_rest(hub: Hub) -> None:
    assert find_debts(hub.clock(), ports=hub.ports) == []


def test_every_kind_of_debt_is_found_in_the_rows(hub: Hub) -> None:
    hub.till_says("sale", ("MUG", "1"))
    hub.drain()  # the item is dirty now
    hub.order(482, (1, 101, 1))
    hub.shop.listings.update(state="owed", run_at=None, urgent=True)
    ReadDue.objects.create(connection=hub.shop, kind="order", ref="7", run_at=hub.clock())
    Cursor.objects.filter(connection=hub.till).update(run_at=hub.clock())

    debts = {(debt.task, debt.queue) for debt in find_debts(hub.clock(), ports=hub.ports)}

    assert debts == {
        ("pipeline.drain_intake", "critical"),
        ("pipeline.compute", "critical"),
        ("pipeline.push", "critical"),
        ("pipeline.read_again", "standard"),
        ("pipeline.sweep", "bulk"),
    }


def test_what_is_to_be_done_later_is_not_owed_yet(hub: Hub) -> None:
    later = hub.clock() + timedelta(minutes=1)
    Delivery.objects.filter(pk=hub.order(482, (1, 101, 1))).update(run_at=later)
    hub.shop.listings.update(state="owed", run_at=later)
    ReadDue.objects.create(connection=hub.shop, kind="order", ref="7", run_at=later)

    assert find_debts(hub.clock(), ports=hub.ports) == []


def test_a_paused_connection_is_neither_written_nor_read_and_what_it_sends_is_applied(hub: Hub) -> None:
    hub.order(482, (1, 101, 1))
    hub.shop.listings.update(state="owed", run_at=None)
    Cursor.objects.filter(connection=hub.shop).update(run_at=hub.clock())
    Connection.objects.filter(pk=hub.shop.pk).update(state=Connection.State.PAUSED)

    assert [debt.task for debt in find_debts(hub.clock(), ports=hub.ports)] == ["pipeline.drain_intake"]


def test_a_sweep_somebody_does_already_is_not_owed(hub: Hub) -> None:
    Cursor.objects.filter(connection=hub.till).update(
        run_at=hub.clock(), lease_until=hub.clock() + timedelta(seconds=60)
    )

    assert find_debts(hub.clock(), ports=hub.ports) == []


# ── waking ──


def test_a_debt_wakes_its_queue_and_is_left_to_the_workers(
    hub: Hub, broker: Broker, dispatcher: Dispatcher
) -> None:
    sale = hub.till_says("sale", ("MUG", "1"))

    dispatcher.dispatch()

    assert ("pipeline.drain_intake", "standard") in broker.sent
    assert hub.delivery(sale).state == "pending"
    detail = Sign.objects.get(name="dispatcher").detail
    assert (detail["debts"], detail["broker"], detail["deaf"]) == (1, True, [])


def test_canaries_fly_to_every_queue_every_few_seconds(
    hub: Hub, broker: Broker, dispatcher: Dispatcher
) -> None:
    for _ in range(10):
        dispatcher.dispatch()
        hub.clock.advance(1)

    flown = [queue for task, queue in broker.sent if task == "pipeline.canary"]
    assert sorted(flown) == sorted(QUEUES * 2)


def test_without_a_broker_the_dispatcher_does_the_work_itself(
    hub: Hub, broker: Broker, dispatcher: Dispatcher
) -> None:
    broker.down = True
    sale = hub.till_says("sale", ("MUG", "4"))

    dispatcher.dispatch()

    assert hub.delivery(sale).state == "done"
    assert hub.on_hand("MUG") == 6


def test_a_broker_that_failed_is_left_alone_for_a_while_and_then_tried_again(
    hub: Hub, broker: Broker, dispatcher: Dispatcher
) -> None:
    broker.down = True
    dispatcher.dispatch()
    tried = broker.tries

    hub.clock.advance(BROKER_REST.total_seconds() - 1)
    dispatcher.dispatch()
    assert broker.tries == tried

    broker.down = False
    hub.clock.advance(2)
    dispatcher.dispatch()
    assert broker.sent


def test_work_of_a_queue_whose_canary_does_not_sing_is_done_here(
    hub: Hub, broker: Broker, dispatcher: Dispatcher
) -> None:
    dispatcher.dispatch()
    hub.clock.advance((2 * dispatcher.canary_every + DEAF_AFTER).total_seconds() + 1)
    sing(hub, "critical", "bulk", "replay")
    sale = hub.till_says("sale", ("MUG", "4"))

    dispatcher.dispatch()

    assert Sign.objects.get(name="dispatcher").detail["deaf"] == ["standard"]
    assert hub.delivery(sale).state == "done"


def test_a_queue_that_sings_keeps_its_work_however_much_waits(
    hub: Hub, broker: Broker, dispatcher: Dispatcher
) -> None:
    dispatcher.dispatch()
    hub.clock.advance(300)
    sing(hub, *QUEUES)
    sale = hub.till_says("sale", ("MUG", "4"))

    dispatcher.dispatch()

    assert hub.delivery(sale).state == "pending"


def test_a_new_leader_gives_the_canaries_time_to_sing(hub: Hub, dispatcher: Dispatcher) -> None:
    dispatcher.dispatch()

    assert Sign.objects.get(name="dispatcher").detail["deaf"] == []


@pytest.mark.parametrize(
    "error", [RuntimeError("a bug"), IntegrityError("a row of it"), OperationalError("deadlock detected")]
)
def test_one_step_that_fails_does_not_keep_the_others(
    hub: Hub, broker: Broker, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(**arguments: Any) -> dict[str, int]:
        raise error

    monkeypatch.setitem(inline.WORK, "pipeline.compute", fail)
    broker.down = True
    hub.till_says("sale", ("MUG", "1"))
    hub.drain()
    Cursor.objects.filter(connection=hub.till).update(run_at=hub.clock())
    swept: list[dict[str, Any]] = []
    monkeypatch.setitem(inline.WORK, "pipeline.sweep", lambda **arguments: swept.append(arguments) or {})

    dispatcher.dispatch()

    assert swept, "the sweep comes after the computing that failed"


def test_the_house_is_kept_once_a_minute_with_a_broker_or_without(
    hub: Hub, broker: Broker, dispatcher: Dispatcher
) -> None:
    dispatcher.dispatch()
    assert broker.sent.count(("pipeline.keep_house", "standard")) == 1
    assert not Tick.objects.exists()

    broker.down = True
    hub.clock.advance(60)
    dispatcher.dispatch()
    dispatcher.dispatch()

    assert Tick.objects.filter(schedule="keep_house").count() == 1


def test_without_a_broker_what_may_wait_takes_turns_and_keeps_nothing_urgent(
    hub: Hub, broker: Broker, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep may last a minute: of three that are due, each round does one, and sales in every round."""
    broker.down = True
    dispatcher.kept_house_at = hub.clock()
    done: list[str] = []
    monkeypatch.setattr(inline, "PATIENT_S", -1)  # one of them uses up what a round has for them
    monkeypatch.setitem(inline.WORK, "pipeline.sweep", lambda **stream: done.append(str(stream)) or {})
    monkeypatch.setitem(inline.WORK, "pipeline.drain_intake", lambda tier: done.append("drain") or {})
    hub.till_says("sale", ("MUG", "1"))
    Cursor.objects.all().delete()
    due = sum(debt.task == "pipeline.sweep" for debt in find_debts(hub.clock(), ports=hub.ports))

    for _ in range(due):
        dispatcher.dispatch()

    assert due > 1
    assert done[::2] == ["drain"] * due
    assert len(set(done[1::2])) == due, "every stream had its turn"


def test_a_step_done_here_is_cut_short_however_long_it_would_allow_itself() -> None:
    with steps.hurried(-1):
        assert steps.deadline(60)()
    assert not steps.deadline(60)()


# ── leading ──


def rounds(number: int) -> Callable[[], bool]:
    """Return a `stop` that lets so many rounds happen."""
    left = iter(range(number))
    return lambda: next(left, None) is None


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Sleep not, and keep the test's own session."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(dispatching, "close_old_connections", lambda: None)
    monkeypatch.setattr(connection, "close", release, raising=False)
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 600)
    return slept


def release() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock_all()")


@pytest.mark.parametrize("error", [KeyError("flying_since"), ProgrammingError("no such column")])
def test_a_leader_whose_round_fails_gives_the_lead_to_one_that_can(
    hub: Hub,
    dispatcher: Dispatcher,
    unhurried: list[float],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    """One of another version than the tables fails for ever; it must not hold the lead meanwhile."""
    second = replace(dispatcher)

    def elsewhere() -> bool:
        try:
            return second.lead()
        finally:
            connection.close()

    def fail(now: object, *, ports: object) -> None:
        raise error

    monkeypatch.setattr(dispatching, "find_debts", fail)
    dispatcher.run(every_s=1, stop=rounds(1))

    assert unhurried == [STAND_BACK_S]
    with ThreadPoolExecutor(1) as other:
        assert other.submit(elsewhere).result(30)


def test_a_lost_database_is_asked_for_every_second(
    hub: Hub, dispatcher: Dispatcher, unhurried: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(now: object, *, ports: object) -> None:
        raise OperationalError

    monkeypatch.setattr(dispatching, "find_debts", fail)
    monkeypatch.setattr(dispatching, "database_answers", lambda: False)

    dispatcher.run(every_s=1, stop=rounds(2))

    assert max(unhurried) <= 1


def test_the_lead_is_kept_however_old_its_session_gets(
    hub: Hub, dispatcher: Dispatcher, unhurried: list[float]
) -> None:
    connection.close_at = 0.0  # its time came long ago

    dispatcher.run(every_s=1, stop=rounds(1))

    assert connection.close_at is None
    assert connection.settings_dict["CONN_MAX_AGE"] is None, "nor the next one"


def test_a_second_dispatcher_stands_by_until_the_first_is_gone(hub: Hub, dispatcher: Dispatcher) -> None:
    second = replace(dispatcher)

    def elsewhere() -> bool:
        """Ask in a session of its own, as another process does."""
        try:
            return second.lead()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        assert dispatcher.lead()
        assert not other.submit(elsewhere).result(30)
        assert dispatcher.lead(), "it still leads when asked again"
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")
        assert other.submit(elsewhere).result(30)
