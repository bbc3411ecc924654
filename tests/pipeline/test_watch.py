"""Who is alive but deaf is named, once, and is not named for being slow for a moment."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from structlog.testing import capture_logs

from inventory_sync.pipeline import signals
from inventory_sync.pipeline.dispatcher import Dispatcher
from inventory_sync.pipeline.models import Sign, Worker
from inventory_sync.pipeline.presence import Presence
from inventory_sync.pipeline.routes import QUEUES, ROUTES
from inventory_sync.pipeline.watch import (
    DEAF_AFTER,
    FORGET_AFTER,
    HEARD_AFTER,
    IDLE_AFTER,
    SILENT_AFTER,
    Ear,
    watch,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
S = timedelta(seconds=1)


class World:
    """A leader that sends canaries every second into queues of which some sing, and worker rows."""

    def __init__(self) -> None:
        self.now = NOON
        self.deaf: set[str] = set()
        self.broker = True
        self.leader = self.new_leader()

    def new_leader(self) -> Dispatcher:
        ports: Any = SimpleNamespace(clock=lambda: self.now)
        return Dispatcher(ports, self.send, canary_every=5 * S, kept_house_at=NOON + timedelta(days=1))

    def send(self, task: str, queue: str, arguments: dict[str, Any]) -> None:
        if not self.broker:
            raise ConnectionError("refused")
        if task == "pipeline.canary" and queue not in self.deaf:
            Sign.objects.update_or_create(
                name=f"canary:{queue}",
                defaults={"at": self.now, "sent_at": datetime.fromisoformat(arguments["sent_at"])},
            )

    def run(self, how_long: timedelta, step: timedelta = 5 * S) -> None:
        end = self.now + how_long
        while self.now < end:
            self.now += step
            Worker.objects.filter(host="alive").update(seen_at=self.now)
            self.leader.dispatch()

    def worker(self, queue: str, parent: int = 10, **fields: Any) -> Worker:
        fields = {"since": self.now, "pid": parent + 1, **fields}
        return Worker.objects.create(
            host="alive", parent=parent, queues=queue, started_at=NOON, seen_at=self.now, **fields
        )

    @property
    def named(self) -> list[tuple[str, int, str]]:
        return [(each.host, each.pid, each.why) for each in watch(self.now).named]


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("inventory_sync.pipeline.dispatcher.find_debts", lambda now, *, ports: [])
    return World()


# ── queues ──


def test_queues_that_sing_are_heard(world: World) -> None:
    world.run(timedelta(minutes=5))

    assert watch(world.now).deaf == frozenset()


def test_a_queue_whose_canary_nobody_takes_is_deaf_and_the_others_are_not(world: World) -> None:
    world.run(60 * S)
    world.deaf = {"bulk"}
    world.run(DEAF_AFTER)
    assert watch(world.now).deaf == frozenset()

    world.run(10 * S)

    assert watch(world.now).deaf == {"bulk"}


def test_a_deaf_queue_is_heard_again_only_when_it_has_sung_for_a_while(world: World) -> None:
    world.deaf = {"bulk"}
    world.run(60 * S)
    world.deaf = set()
    world.run(HEARD_AFTER - 5 * S)
    assert watch(world.now).deaf == {"bulk"}

    world.run(15 * S)

    assert watch(world.now).deaf == frozenset()


def test_a_queue_that_sings_once_in_a_while_changes_its_state_once(world: World) -> None:
    """A late canary now and then must not ring the alarm and stop it again."""
    seen = []
    for minute in range(20):
        world.deaf = {"bulk"} if minute % 2 == 0 else set()
        world.run(35 * S if minute % 2 == 0 else 10 * S)
        seen.append(watch(world.now).deaf)

    changes = sum(before != after for before, after in pairwise(seen))
    assert changes <= 1


def test_without_a_broker_nobody_is_called_deaf(world: World) -> None:
    world.worker("critical")
    world.run(60 * S)

    world.broker = False
    world.run(timedelta(minutes=5))
    assert (watch(world.now).deaf, world.named) == (frozenset(), [])

    world.broker = True
    world.run(DEAF_AFTER - 10 * S)
    assert (watch(world.now).deaf, world.named) == (frozenset(), [])


def test_a_leader_that_was_busy_blames_nobody_for_canaries_it_did_not_send(world: World) -> None:
    world.worker("critical", 10)
    world.worker("critical", 20)
    world.run(30 * S)

    world.now += timedelta(minutes=5)
    world.run(5 * S)

    assert (watch(world.now).deaf, world.named) == (frozenset(), [])


def test_a_new_leader_goes_on_where_the_one_before_was(world: World) -> None:
    world.deaf = {"replay"}
    world.run(60 * S)

    world.leader = world.new_leader()
    world.run(5 * S)

    assert watch(world.now).deaf == {"replay"}


def test_a_queue_whose_one_process_is_at_a_long_task_is_not_deaf(world: World) -> None:
    """A sweep may take a minute, the evidence of a day four; canaries wait in line behind them."""
    world.deaf = {"bulk"}  # nobody takes the canary meanwhile
    long = world.worker("bulk", 10, task="pipeline.sweep", taken=1)
    world.run(60 * S)
    assert watch(world.now).deaf == frozenset()

    Worker.objects.filter(pk=long.pk).update(task="pipeline.drain_intake", since=world.now)
    world.run(30 * S)
    assert watch(world.now).deaf == frozenset(), "it took the next task at once"

    world.run(DEAF_AFTER + ROUTES["pipeline.drain_intake"].holds)
    assert watch(world.now).deaf == {"bulk"}, "it is at it longer than a healthy one"


def test_a_queue_with_a_process_that_waits_beside_a_busy_one_is_deaf(world: World) -> None:
    world.deaf = {"bulk"}
    world.worker("bulk", 10, task="pipeline.evidence", taken=1)
    world.worker("bulk", 10, pid=12, taken=3)

    world.run(DEAF_AFTER + 10 * S)

    assert watch(world.now).deaf == {"bulk"}


def test_what_the_leader_thinks_survives_its_sign_and_words_of_another_version_are_passed_over() -> None:
    ear = Ear(NOON, NOON - S, NOON + S)

    assert Ear.from_json({**ear.to_json(), "mood": "bright"}) == ear


# ── processes ──


def test_a_process_that_holds_a_task_for_too_long_is_named_with_what_it_is_at(world: World) -> None:
    world.worker("critical", task="pipeline.push", arguments="connection_id=7", task_id="4f", since=world.now)
    holds = ROUTES["pipeline.push"].holds
    world.run(holds)
    assert world.named == []

    world.run(10 * S)

    [named] = watch(world.now).named
    assert (named.why, named.pid, named.task_id) == ("holds", 11, "4f")
    assert (
        named.in_words
        == "critical worker 11 on alive is still at pipeline.push(connection_id=7) since 12:00:00 UTC"
    )


def test_a_stopped_process_is_named_and_at_last_forgotten(world: World) -> None:
    world.worker("bulk", task="pipeline.sweep", arguments="stream=orders")
    Worker.objects.update(host="stopped")

    world.run(SILENT_AFTER + 10 * S)
    [named] = watch(world.now).named
    assert (named.host, named.pid, named.why) == ("stopped", 11, "silent")
    assert "it was at pipeline.sweep(stream=orders)" in named.in_words

    world.run(FORGET_AFTER, step=60 * S)
    assert world.named == []


def test_the_worker_of_a_deaf_queue_is_named_by_the_process_that_takes_its_messages(world: World) -> None:
    world.worker("bulk", 10)
    world.worker("critical", 20)
    world.deaf = {"bulk"}

    world.run(60 * S)

    assert world.named == [("alive", 10, "deaf")]


def test_one_of_two_workers_that_takes_nothing_is_named_while_its_queue_is_heard(world: World) -> None:
    world.worker("bulk", 10)
    busy = world.worker("bulk", 20)
    for _ in range(60):
        world.run(5 * S)
        Worker.objects.filter(pk=busy.pk).update(since=world.now)

    assert world.now - NOON > 2 * IDLE_AFTER
    assert watch(world.now).deaf == frozenset()
    assert world.named == [("alive", 10, "deaf")]


def test_a_worker_is_not_deaf_while_one_of_its_processes_works(world: World) -> None:
    world.worker("bulk", 10)
    world.worker("bulk", 10, pid=12, task="pipeline.evidence", since=world.now)
    world.deaf = {"bulk"}

    world.run(60 * S)

    assert world.named == []


# ── telling ──


def test_what_changes_is_logged_once(world: World) -> None:
    world.worker("bulk", 10)
    world.deaf = {"bulk"}
    with capture_logs() as told:
        world.run(timedelta(minutes=5))
        world.deaf = set()
        for _ in range(12):
            Worker.objects.update(since=world.now)
            world.run(5 * S)

    events = [(each["event"], each.get("queue") or each.get("pid") or each.get("who")) for each in told]
    assert events == [
        ("workers.deaf", "bulk"),
        ("worker.stuck", 10),
        ("worker.recovered", "alive 10 deaf "),
        ("workers.heard", "bulk"),
    ]


# ── presence ──


@pytest.fixture
def presence(db: None) -> Iterator[Presence]:
    mine = Presence(queues="critical", clock=lambda: NOON, host="here", pid=os.getpid(), parent=1)
    signals._mine[:] = [mine]
    yield mine
    signals._mine.clear()


def test_a_process_tells_what_it_is_at_and_that_it_waits_again(presence: Presence) -> None:
    signals.begin(task_id="4f", task=SimpleNamespace(name="pipeline.push"), kwargs={"connection_id": 7})
    presence.write()
    row = Worker.objects.get()
    assert (row.task, row.arguments, row.task_id, row.taken) == ("pipeline.push", "connection_id=7", "4f", 1)

    signals.end()
    presence.write()

    row = Worker.objects.get()
    assert (row.task, row.task_id, row.taken) == ("", "", 1)


def test_a_process_that_was_killed_leaves_no_row_to_those_who_come_after(presence: Presence) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for host, pid in (("here", gone.pid), ("elsewhere", gone.pid), ("here", os.getppid())):
        Worker.objects.create(
            host=host, pid=pid, parent=1, queues="bulk", started_at=NOON, seen_at=NOON, since=NOON
        )

    presence.clear_dead()

    assert set(Worker.objects.values_list("host", "pid")) == {
        ("elsewhere", gone.pid),
        ("here", os.getppid()),
    }


@pytest.mark.django_db(transaction=True)
def test_the_row_is_renewed_while_the_task_hangs() -> None:
    wrote = threading.Event()

    class Watched(Presence):
        def write(self) -> None:
            at = self.at
            super().write()
            if at.task:
                wrote.set()

    presence = Watched(queues="bulk", clock=lambda: NOON, host="here", parent=1, every_s=0.02)
    presence.start()
    presence.begin("pipeline.sweep", {"stream": "orders"}, "5a")  # and nothing more is heard of it

    assert wrote.wait(20)
    presence.stop()
    assert Worker.objects.get(host="here").task == "pipeline.sweep"


def test_a_failed_task_ends_its_session(presence: Presence, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    monkeypatch.setattr(connection, "close", lambda: closed.append("closed"), raising=False)

    signals.leave_no_session()

    assert closed == ["closed"]


def test_every_queue_is_watched(world: World) -> None:
    world.run(5 * S)

    assert [queue.name for queue in watch(world.now).queues] == list(QUEUES)
