"""Two beats, a killed leader, a worker that takes nothing: the platform goes on, and says who it is."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from inventory_sync.pipeline.models import Sign, Tick
from runner.landscape import PYTHON
from runner.processes import process
from tests.walks import retailer
from tests.walks.platform import Platform
from tests.walks.processes import WORKERS

S = timedelta(seconds=1)
BOTH = {"bulk", "replay"}
"""The queues of the worker that is made deaf."""


def sell(walk: Platform, sku: str, quantity: int) -> None:
    line = {"product_id": retailer.product_of("woo", sku), "quantity": quantity}
    walk.shops["woo"].control.checkout([line])


def kept(walk: Platform) -> int:
    """Return how often the house was kept, by whoever it was."""
    return sum(walk.log_of(name).count("event=house.kept") for name in (*WORKERS, "dispatcher"))


@pytest.fixture
def beats(walk: Platform) -> Iterator[tuple[str, str]]:
    """Two beats at once, each with a schedule of its own, that tick every second."""
    names = ("beat-1", "beat-2")
    for name in names:
        command = [
            word.replace("inventory_sync.config.celery", "tests.walks.quick_beat")
            for word in walk.children["beat"].command
        ]
        command[command.index("--schedule") + 1] = str(walk.folder / name)
        walk.children[name] = replace(walk.children["beat"], name=name, command=tuple(command))
    yield names
    walk.stop(*names)


def test_of_two_beats_each_tick_counts_once(walk: Platform, beats: tuple[str, str]) -> None:
    ticks = Tick.objects.filter(schedule="keep_house")
    known, before = set(ticks.values_list("at", flat=True)), kept(walk)
    for name in beats:
        walk._spawn(name)
    sent = "Sending due task keep_house"
    walk.wait(
        lambda: all(walk.log_of(name).count(sent) >= 4 for name in beats), "both beats tick", patience_s=60
    )
    walk.stop(*beats)

    new = ticks.exclude(at__in=known)
    walk.wait(lambda: kept(walk) - before == new.count() > 0, "what ticked is done, once a tick")
    # Eight messages within seconds; a tick is half a minute.
    assert new.count() <= 3
    assert all(at.timestamp() % 30 == 0 for at in new.values_list("at", flat=True))


@pytest.fixture
def second(walk: Platform) -> Iterator[str]:
    """A second dispatcher that stands by; afterwards the first leads alone."""
    name = "dispatcher-2"
    walk.children[name] = replace(walk.children["dispatcher"], name=name)
    walk._spawn(name)
    walk.wait(lambda: "dispatcher.stands_by" in walk.log_of(name), "the second stands by")
    yield name
    walk.stop(name, "dispatcher")
    walk.start("dispatcher")


def test_a_killed_leader_is_followed_by_the_one_that_stands_by(walk: Platform, second: str) -> None:
    first = Sign.objects.get(name="dispatcher").detail["pid"]
    before = walk.figure("outlet", "MUG")
    assert "dispatcher.leads" not in walk.log_of(second), "one leads at a time"

    walk.kill("dispatcher")
    walk.wait(lambda: "dispatcher.leads" in walk.log_of(second), "the second leads", patience_s=10)

    walk.wait(lambda: Sign.objects.get(name="dispatcher").detail["pid"] != first, "and signs")
    sell(walk, "MUG", 1)
    walk.shows("MUG", before - 1)


@pytest.fixture
def watchful(walk: Platform) -> Iterator[str]:
    """A dispatcher with little patience instead of the usual one."""
    name = "dispatcher-watchful"
    command = (PYTHON, "-m", "tests.walks.quick_watch")
    walk.children[name] = replace(walk.children["dispatcher"], name=name, command=command)
    walk.stop("dispatcher")
    walk._spawn(name)
    walk.wait(lambda: "dispatcher.leads" in walk.log_of(name), "it leads", patience_s=60)
    yield name
    walk.stop(name)
    Sign.objects.filter(name="dispatcher").delete()  # what it thought of the queues, with other measures
    walk.start("dispatcher")


def test_a_worker_that_lives_and_takes_nothing_is_named_and_then_heard_again(
    walk: Platform, watchful: str
) -> None:
    """Its main process stands still, its pool is well and says so: no process is gone, no queue is full."""
    parent = process(walk.running["worker-bulk"].popen.pid)
    assert parent is not None
    walk.wait(lambda: Sign.objects.filter(name="canary:bulk", at__gt=timezone.now() - 5 * S), "bulk sings")

    parent.send(signal.SIGSTOP)
    try:
        [line] = walk.wait(lambda: stuck(walk, watchful, parent.pid), "it is named", patience_s=60)
        walk.wait(lambda: told(walk, watchful, "deaf") >= BOTH, "and its queues are", patience_s=60)
    finally:
        parent.send(signal.SIGCONT)

    assert "why=deaf" in line
    assert "queues=bulk,replay" in line
    walk.wait(lambda: told(walk, watchful, "heard") >= BOTH, "they are heard again", patience_s=60)
    assert f"{parent.pid} deaf" in walk.log_of(watchful).split("event=worker.recovered")[1].splitlines()[0]


def stuck(walk: Platform, name: str, pid: int) -> list[str]:
    """Return the lines that name this process."""
    lines = walk.log_of(name).splitlines()
    return [line for line in lines if "event=worker.stuck" in line and f"pid={pid} " in line]


def told(walk: Platform, name: str, what: str) -> set[str]:
    """Return the queues that were said to be deaf, or heard again."""
    return set(re.findall(rf"event=workers\.{what} queue=(\w+)", walk.log_of(name)))
