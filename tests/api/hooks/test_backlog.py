"""When the door asks senders to come later: by tier, by depth, by age, by a full disk; looked at seldom."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import OperationalError

from inventory_sync.api.hooks import wiring
from inventory_sync.api.hooks.backlog import BACKLOG, DISK_FULL, Backlog, Limits, Pressure, Waiting
from inventory_sync.api.hooks.tally import Tally
from inventory_sync.intake.models import Delivery
from inventory_sync.pipeline.models import DoorTally
from inventory_sync.support.clock import utc_now
from tests.pipeline.hub import HandClock, Hub, open_hub

LIMITS = Limits(rows=10, oldest_s=60)


def backlog(**tiers: tuple[int, float]) -> Backlog:
    seen = Pressure({tier: Waiting(*waiting) for tier, waiting in tiers.items()})
    return Backlog(lambda: seen, limits=LIMITS, every_s=3600)


@pytest.mark.parametrize(
    ("rows", "oldest_s", "answer"),
    [(10, 60, ""), (11, 0, BACKLOG), (1, 60.5, BACKLOG)],
    ids=["as much as is declared", "too many", "for too long"],
)
def test_a_tier_is_refused_above_what_is_declared(rows: int, oldest_s: float, answer: str) -> None:
    assert backlog(bulk=(rows, oldest_s)).refuses("bulk") == answer


def test_only_the_tier_that_is_behind_is_refused() -> None:
    behind = backlog(bulk=(1000, 1000))

    assert [behind.refuses(tier) for tier in ("bulk", "critical")] == [BACKLOG, ""]


def test_a_limit_of_zero_is_none() -> None:
    seen = Pressure({"bulk": Waiting(10**9, 10**9)})

    assert Backlog(lambda: seen, limits=Limits(0, 0), every_s=3600).refuses("bulk") == ""


def test_a_full_disk_refuses_every_tier() -> None:
    assert Backlog(lambda: Pressure({}, disk_is_full=True), limits=LIMITS).refuses("critical") == DISK_FULL


def test_it_is_looked_at_once_in_a_while_and_not_once_per_request() -> None:
    looks: list[int] = []

    def look() -> Pressure:
        looks.append(1)
        return Pressure({})

    watched = Backlog(look, limits=LIMITS, every_s=3600)

    assert [watched.refuses("bulk") for _ in range(50)] == [""] * 50
    assert len(looks) == 1


def test_what_was_seen_last_holds_while_the_database_does_not_answer() -> None:
    answers = iter([Pressure({"bulk": Waiting(11, 0)})])

    def look() -> Pressure:
        for pressure in answers:
            return pressure
        raise OperationalError("down")

    watched = Backlog(look, limits=LIMITS, every_s=0)

    assert [watched.refuses("bulk"), watched.refuses("bulk")] == [BACKLOG, BACKLOG]


# ── on PostgreSQL ──


@pytest.fixture
def hub(db: None) -> Hub:
    return open_hub(clock=HandClock(utc_now() - timedelta(hours=1)))


def test_depth_and_age_are_read_per_tier_from_what_waits(hub: Hub) -> None:
    for number in range(3):
        hub.order(480 + number, (1, 101, 1))
    Delivery.objects.update(run_at=utc_now() - timedelta(seconds=90))
    Delivery.objects.filter(pk=Delivery.objects.latest("pk").pk).update(
        tier="bulk", run_at=utc_now() + timedelta(hours=1)
    )

    seen = wiring.look(dict(settings.INVENTORY_SYNC)).tiers

    assert {tier: waiting.rows for tier, waiting in seen.items()} == {"critical": 2, "bulk": 1}
    assert 90 <= seen["critical"].oldest_s < 3600
    assert seen["bulk"].oldest_s == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("declared", "full"),
    [
        ({"DATABASE_FULL_BYTES": 1}, True),
        ({"DATABASE_FULL_BYTES": 10**15}, False),
        ({"DOOR_DISK_PATH": ".", "DOOR_DISK_FREE_PERCENT": 100}, True),
        ({"DOOR_DISK_PATH": ".", "DOOR_DISK_FREE_PERCENT": 0}, False),
        ({}, False),
    ],
    ids=["database too large", "database small", "disk full", "disk free", "nothing declared"],
)
def test_the_disk_is_full_by_what_is_declared_of_it(declared: dict[str, object], full: bool) -> None:
    knobs = {**settings.INVENTORY_SYNC, "DOOR_DISK_PATH": "", "DATABASE_FULL_BYTES": 0, **declared}

    assert wiring.look(knobs).disk_is_full is full


@pytest.mark.django_db
def test_refusals_are_counted_by_code() -> None:
    tally = Tally(every_s=0)
    for code in (BACKLOG, BACKLOG, "hook.unauthentic"):
        tally.note(code)
    tally.add()
    tally.note(BACKLOG)
    tally.add()

    assert dict(DoorTally.objects.values_list("code", "count")) == {BACKLOG: 3, "hook.unauthentic": 1}


@pytest.mark.django_db
def test_refusals_are_not_forgotten_while_they_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = Tally(every_s=0)
    tally.note(BACKLOG)
    with monkeypatch.context() as patch:
        patch.setattr("inventory_sync.api.hooks.tally._ADD", "SELECT no_such_column, %s, %s")
        tally.add()

    tally.add()

    assert DoorTally.objects.get(code=BACKLOG).count == 1
