"""Keeping the house: every chore by itself, and one that fails is somebody's case until it is done again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError

from inventory_sync.cases.models import Case
from inventory_sync.pipeline import house
from inventory_sync.pipeline.house import Chore
from inventory_sync.pipeline.ports import Ports
from inventory_sync.support.clock import utc_now
from tests.pipeline.hub import HandClock, Hub, open_hub

pytestmark = pytest.mark.django_db


@pytest.fixture
def hub() -> Hub:
    return open_hub(clock=HandClock(utc_now() - timedelta(hours=1)))


def broken(ports: Ports) -> dict[str, int]:
    raise KeyError("a bug")


def noting(done: list[str], name: str) -> Chore:
    def note(ports: Ports) -> dict[str, int]:
        done.append(name)
        return {}

    return note


def keep(hub: Hub) -> dict[str, int]:
    return house.keep(ports=hub.ports, compute=lambda: None)


@pytest.mark.parametrize("name", house.CHORES)
def test_a_chore_that_fails_keeps_no_other(hub: Hub, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    for each in house.CHORES:
        monkeypatch.setitem(house.CHORES, each, noting(done, each))
    monkeypatch.setitem(house.CHORES, name, broken)

    counts = keep(hub)

    assert done == [each for each in house.CHORES if each != name]
    assert counts == {"failed": 1}


def test_a_failed_chore_is_a_case_that_closes_when_it_is_done_again(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(house.CHORES, "heal_webhooks", broken)
        keep(hub)
        keep(hub)
    [case] = Case.objects.filter(subject_kind="chore")
    assert (case.code, case.subject_id, case.state, case.times) == (
        "house.failed",
        "heal_webhooks",
        "open",
        2,
    )
    assert "KeyError" in case.summary

    assert "failed" not in keep(hub)

    case.refresh_from_db()
    assert case.state == "resolved"


def test_a_lost_database_is_no_fault_of_a_chore(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(ports: Ports) -> dict[str, int]:
        raise OperationalError("the server closed the connection")

    monkeypatch.setitem(house.CHORES, "pass_time", lost)

    with pytest.raises(OperationalError):
        keep(hub)

    assert not Case.objects.filter(subject_kind="chore").exists()


def test_figures_are_asked_for_as_soon_as_stock_came_back(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setitem(house.CHORES, "expire_holds", lambda ports: {"expired": 1})
    monkeypatch.setitem(house.CHORES, "forget_history", lambda ports: order.append("forgot") or {})

    house.keep(ports=hub.ports, compute=lambda: order.append("compute"))

    assert order == ["compute", "forgot"]
