"""The critical queue is for what is urgent, in turns: what many ask for keeps nobody waiting."""

from __future__ import annotations

from typing import Any

import pytest

from inventory_sync.ledger.models import DirtyItem
from inventory_sync.pipeline import steps
from inventory_sync.pipeline.debts import find_debts
from inventory_sync.pipeline.wake import Waker
from inventory_sync.propagation.models import Listing
from tests.pipeline.hub import Hub

pytestmark = pytest.mark.django_db


class Wishes(Waker):
    """Keeps what is asked for instead of sending it."""

    def __init__(self) -> None:
        super().__init__(lambda task, queue, arguments: None)
        self.wanted: list[tuple[str, str]] = []

    def want(self, task: str, *, on: str = "", **arguments: Any) -> None:
        self.wanted.append((task, on))


@pytest.fixture
def wishes(monkeypatch: pytest.MonkeyPatch) -> Wishes:
    monkeypatch.setattr(steps, "close_old_connections", lambda: None)
    return Wishes()


@pytest.mark.parametrize(("sold", "queue"), [("1", "standard"), ("9", "critical")])
def test_a_figure_is_pushed_on_the_tier_of_its_listing(
    hub: Hub, wishes: Wishes, sold: str, queue: str
) -> None:
    """A figure near zero is urgent; a channel that owes thousands of others is not."""
    hub.settle()
    hub.till_says("sale", ("MUG", sold))
    hub.drain()

    steps.compute_availability(ports=hub.ports, wake=wishes)

    assert wishes.wanted == [("pipeline.push", queue)]
    debts = {(debt.task, debt.queue) for debt in find_debts(hub.clock(), ports=hub.ports)}
    assert ("pipeline.push", queue) in debts, "as the dispatcher has it"


def test_computing_that_takes_longer_gets_in_line_again_behind_the_sales(
    hub: Hub, wishes: Wishes, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.settle()
    hub.till_says("sale", ("MUG", "1"))
    hub.drain()
    monkeypatch.setattr(steps, "COMPUTE_SECONDS", -1)

    steps.compute_availability(ports=hub.ports, wake=wishes)

    assert DirtyItem.objects.exists(), "its time was up before it began"
    assert wishes.wanted == [("pipeline.compute", "")]


@pytest.mark.parametrize(("urgent", "queue"), [(False, "standard"), (True, "critical")])
def test_a_push_that_takes_longer_gets_in_line_again_on_the_tier_of_what_is_left(
    hub: Hub, wishes: Wishes, monkeypatch: pytest.MonkeyPatch, urgent: bool, queue: str
) -> None:
    Listing.objects.update(urgent=urgent)
    monkeypatch.setattr(steps, "PUSH_SECONDS", -1)

    assert steps.push_connection(hub.shop.pk, ports=hub.ports, wake=wishes) == {}

    assert wishes.wanted == [("pipeline.push", queue)]


def test_a_push_that_is_through_asks_for_nothing(hub: Hub, wishes: Wishes) -> None:
    assert steps.push_connection(hub.shop.pk, ports=hub.ports, wake=wishes) == {"settled": 1}

    assert wishes.wanted == []
