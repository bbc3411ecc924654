"""One correlation id in every log line of one change, from the door to the channel, and in Flower."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from connectors.woocommerce.twin import WooTwin
from inventory_sync.api.hooks import wiring as door_wiring
from inventory_sync.api.hooks.door import Door
from inventory_sync.intake.models import Delivery
from inventory_sync.pipeline import steps, tasks, wiring
from inventory_sync.pipeline.sweep import stream_named, sweep
from inventory_sync.pipeline.wake import Waker
from inventory_sync.propagation.models import PushAttempt
from inventory_sync.support import correlation
from inventory_sync.support.clock import utc_now
from tests.api.hooks.knocking import knock
from tests.pipeline import accounts
from tests.pipeline.hub import HandClock, Hub
from tests.pipeline.lane import sell, shown

pytestmark = pytest.mark.django_db(transaction=True)

ID = "c0ffee0000000001"
Line = MutableMapping[str, Any]


class Messages:
    """Keeps what is published, with who asked for it, as Flower is told."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.waker = Waker(self._send)
        self.waker.want = self._want  # type: ignore[method-assign]

    def _want(self, task: str, *, on: str = "", **arguments: Any) -> None:
        self.sent.append((task, on, correlation.first()))

    def _send(self, task: str, queue: str, arguments: dict[str, Any]) -> None:
        raise AssertionError("nothing is published here")

    def asked_by(self, task: str) -> set[str]:
        return {cause for name, _, cause in self.sent if name == task}


@pytest.fixture
def clock() -> HandClock:
    return HandClock(utc_now())


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch, lone_session: None) -> Messages:
    made = Messages()
    for module in (door_wiring, steps):
        monkeypatch.setattr(module, "waker", lambda: made.waker)
    return made


@pytest.fixture
def door(messages: Messages, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Door:
    monkeypatch.setattr(steps, "close_old_connections", lambda: None)
    monkeypatch.setattr(wiring, "ports", lambda: hub.ports)
    return door_wiring.make_door()


@pytest.fixture
def lines(door: Door, hub: Hub) -> Iterator[list[Line]]:
    """What is logged once the shop shows what it should."""
    hub.settle()
    with capture_logs(processors=[merge_contextvars]) as captured:
        yield captured


def ids_of(line: Line) -> set[str]:
    return {line["correlation_id"]} if "correlation_id" in line else set(line.get("correlation_ids", ()))


def sale(door: Door, sequence: int, correlation_id: str) -> None:
    body = accounts.till_event(sequence, "sale", ("MUG", "1"), store="ST-1", at=(utc_now()).isoformat())
    headers = accounts.till_headers(body, message_id=f"T-{sequence}")
    answer = knock(door, "/hooks/till/", body, {**headers, "X-Correlation-ID": correlation_id})
    assert answer.status == 202, answer.body


def run(hub: Hub, task: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """Do a task as a worker does, without a broker, after all that the door has taken in."""
    hub.clock.now = max(hub.clock.now, utc_now())  # settling may have run ahead of the door's clock
    counts: dict[str, Any] = task(**arguments)
    return counts


def test_every_line_of_one_change_carries_its_id_from_the_door_to_the_channel(
    door: Door, hub: Hub, twin: WooTwin, lines: list[Line], messages: Messages
) -> None:
    sale(door, 900, ID)
    drained = run(hub, tasks.drain_intake, tier="standard")
    computed = run(hub, tasks.compute)
    pushed = run(hub, tasks.push, connection_id=hub.shop.pk)

    assert shown(twin) == 9
    said = [line["event"] for line in lines]
    assert {"hook.stored", "intake.drained", "availability.computed", "push.done"} <= set(said)
    assert [line for line in lines if ID not in ids_of(line)] == []
    assert PushAttempt.objects.latest("id").correlation_id == ID
    assert {drained["about"], computed["about"], pushed["about"]} == {ID}, "Flower finds the tasks by it"
    asked = ("pipeline.drain_intake", "pipeline.compute", "pipeline.push")
    assert [messages.asked_by(task) for task in asked] == [{ID}, {ID}, {ID}]


def test_what_a_sweep_finds_begins_with_an_id_of_its_own_that_every_line_after_it_carries(
    door: Door, hub: Hub, twin: WooTwin, lines: list[Line]
) -> None:
    sell(twin, 2)
    shop = hub.ports.account(hub.shop.pk)
    stream = stream_named(shop, "orders")
    assert sweep(shop, stream, ports=hub.ports).new == 1
    run(hub, tasks.drain_intake, tier=stream.tier)
    run(hub, tasks.compute)

    found = Delivery.objects.filter(connection=hub.shop).latest("id").correlation_id
    assert [line["event"] for line in lines] == ["stream.swept", "intake.drained", "availability.computed"]
    assert [ids_of(line) for line in lines] == [{found}] * 3


def test_the_lines_of_a_batch_name_every_change_of_it(
    door: Door, hub: Hub, lines: list[Line], messages: Messages
) -> None:
    ids = [f"c0ffee00000000{number:02}" for number in range(3)]
    for number, each in enumerate(ids):
        sale(door, 900 + number, each)

    drained = run(hub, tasks.drain_intake, tier="standard")

    [line] = [line for line in lines if line["event"] == "intake.drained"]
    assert ids_of(line) == set(ids)
    assert drained["about"].split() == ids


def test_a_batch_too_long_for_a_line_is_named_ahead_and_its_lines_carry_its_own_id(lines: list[Line]) -> None:
    ids = [f"{number:016x}" for number in range(1, 251)]

    with correlation.gathered() as gathered, correlation.bound_all(ids, new_id=lambda: "the-batch"):
        correlation.log.info("intake.drained")

    *named, inside = lines
    assert [len(line["correlation_ids"]) for line in named] == [100, 100, 50]
    assert {line["batch"] for line in lines} == {"the-batch"}
    assert "correlation_ids" not in inside
    assert [each for line in named for each in line["correlation_ids"]] == ids
    assert gathered == ids[:50]


def test_what_the_door_refuses_is_logged_with_its_id_and_without_the_secret_of_the_address(
    door: Door, lines: list[Line]
) -> None:
    token = "a-token-that-is-a-secret"
    answer = knock(door, f"/hooks/nobody/{token}/", b"{}", {"X-Correlation-ID": ID})

    assert answer.status == 404
    [line] = lines
    assert (line["event"], line["connection"], line["correlation_id"]) == ("hook.refused", "nobody", ID)
    assert token not in str(line)


def test_a_wake_up_without_a_cause_names_none() -> None:
    assert correlation.first() == ""
