"""Ticks count once; wake-ups are few, never waited for, and their loss costs time only."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from inventory_sync.config.celery import app
from inventory_sync.pipeline import schedule
from inventory_sync.pipeline.models import Sign, Tick
from inventory_sync.pipeline.wake import Waker, send
from inventory_sync.support import correlation

NOON = "2026-11-23T12:00:00+00:00"


@pytest.mark.django_db
def test_two_beats_make_one_tick() -> None:
    done: list[str] = []

    def work() -> dict[str, int]:
        done.append("kept house")
        return {"kept": 1}

    results = [
        schedule.once("keep_house", at, work)
        for at in (NOON, "2026-11-23T12:00:29+00:00", "2026-11-23T12:00:30+00:00", NOON)
    ]

    assert results == [{"kept": 1}, {"skipped": 1}, {"kept": 1}, {"skipped": 1}]
    assert len(done) == 2


@pytest.mark.django_db(transaction=True)
def test_beats_that_tick_at_the_same_moment_make_one_tick() -> None:
    """Each in a session of its own, as two workers take what two beats sent."""
    done: list[int] = []
    together = threading.Barrier(4)

    def tick(number: int) -> dict[str, int]:
        together.wait(20)
        try:
            return schedule.once("keep_house", NOON, lambda: done.append(number) or {"kept": 1})
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as workers:
        results = list(workers.map(tick, range(4)))

    assert sorted(results, key=str) == [{"kept": 1}, {"skipped": 1}, {"skipped": 1}, {"skipped": 1}]
    assert len(done) == 1


@pytest.mark.django_db
def test_old_ticks_are_cleared_away() -> None:
    schedule.once("keep_house", "2026-11-20T12:00:00+00:00", dict)
    schedule.once("keep_house", NOON, dict)

    assert Tick.objects.count() == 1


@pytest.mark.django_db
def test_a_canary_leaves_its_sign() -> None:
    schedule.sing("critical", NOON)

    assert Sign.objects.get(name="canary:critical").sent_at is not None


class Broker:
    """Keeps what is published; silent until it is let go."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, dict[str, Any]]] = []
        self.asked, self.let_go, self.enough = threading.Event(), threading.Event(), threading.Event()

    def send(self, task: str, queue: str, arguments: dict[str, Any]) -> None:
        self.asked.set()
        assert self.let_go.wait(10)
        self.sent.append((task, queue, arguments))
        if task == "pipeline.compute":
            self.enough.set()


def test_ten_thousand_wishes_become_a_handful_of_messages() -> None:
    broker = Broker()
    waker = Waker(broker.send, every_s=0)
    waker.drain_intake("critical")
    assert broker.asked.wait(10)

    for number in range(10_000):
        waker.drain_intake(("critical", "standard")[number % 2])
        waker.push(7)
    waker.compute()
    broker.let_go.set()
    assert broker.enough.wait(10)
    waker.flush()

    assert len(broker.sent) <= 5
    assert ("pipeline.push", "critical", {"connection_id": 7}) in broker.sent


def test_a_silent_broker_keeps_nobody_who_asks() -> None:
    broker = Broker()
    waker = Waker(broker.send, every_s=0)

    waker.drain_intake("critical")
    assert broker.asked.wait(10), "the message is under way and gets no answer"
    waker.drain_intake("critical")

    assert broker.sent == [], "and yet we are here"
    broker.let_go.set()


def test_a_failing_broker_is_counted_and_told_to_nobody_who_asks() -> None:
    def refuse(task: str, queue: str, arguments: dict[str, Any]) -> None:
        raise ConnectionError("refused")

    waker = Waker(refuse, rest_s=0)
    waker._wanted = {("pipeline.compute", "critical", ()): ""}

    assert waker.flush() is False
    assert waker.failures == 1


def test_flower_is_told_who_asked_first_and_the_task_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[dict[str, Any]] = []
    monkeypatch.setattr(app, "send_task", lambda task, **options: published.append(options))
    waker = Waker(send)
    waker._thread = threading.current_thread()  # alive: no other is started, and we flush ourselves

    for asked_by in ("4f2a90b1c3d4e5f6", "0000000000000000"):
        with correlation.bound(correlation_id=asked_by):
            waker.push(7)
    waker.flush()

    [one] = published
    assert one["kwargs"] == {"connection_id": 7}
    assert one["kwargsrepr"] == "{'connection_id': 7} asked for by 4f2a90b1c3d4e5f6"
