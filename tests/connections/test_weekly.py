"""Weekly windows are planned ahead, once each, and none that staff ended comes back."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from inventory_sync.audit.models import Entry
from inventory_sync.connections import holding, weekly
from inventory_sync.connections.models import Connection, Maintenance, WeeklyWindow
from inventory_sync.connections.running import runnable
from tests.factories import NOON, make_channel

pytestmark = pytest.mark.django_db

WHY: dict[str, Any] = {"actor": "jo", "reason": "the vendor updates"}
WEEK = timedelta(weeks=1)
NIGHT = {"begins": time(22), "ends": time(2), "zone": "UTC"}


@pytest.fixture
def shop() -> Connection:
    return make_channel("woo")


def plan(shop: Connection, **other: Any) -> WeeklyWindow:
    given = {"days": [NOON.isoweekday()], **NIGHT, **other}
    return weekly.plan_weekly(connection_id=shop.pk, now=NOON, **given, **WHY)


def starts() -> list[Any]:
    return list(Maintenance.objects.filter(closed_at__isnull=True).values_list("starts_at", flat=True))


def test_four_weeks_are_planned_and_the_next_ones_when_those_draw_near(shop: Connection) -> None:
    plan(shop)
    tonight = NOON.replace(hour=22)
    assert starts() == [tonight + number * WEEK for number in range(4)]

    assert weekly.plan_ahead(NOON + timedelta(days=6)) == 0
    assert weekly.plan_ahead(NOON + timedelta(days=8)) == 2
    assert weekly.plan_ahead(NOON + timedelta(days=8)) == 0

    assert starts() == [tonight + number * WEEK for number in range(6)]


def test_in_each_of_them_nobody_is_called(shop: Connection) -> None:
    plan(shop)
    later = NOON.replace(hour=23) + 3 * WEEK

    assert shop.pk in runnable(later - timedelta(hours=2)).to_pay
    assert shop.pk not in runnable(later).to_pay
    assert shop.pk in runnable(later + timedelta(hours=3)).to_pay


def test_one_that_was_ended_by_hand_is_not_planned_again_and_the_next_one_comes(shop: Connection) -> None:
    plan(shop)
    first = Maintenance.objects.earliest("starts_at")
    holding.end_maintenance(window_id=first.pk, now=NOON, **WHY)

    weekly.plan_ahead(NOON + timedelta(days=1) - WEEK + timedelta(weeks=2))

    assert first.starts_at not in starts()
    assert first.starts_at + WEEK in starts()


def test_ended_for_good_none_comes_and_that_is_audited(shop: Connection) -> None:
    row = plan(shop)
    tonight = NOON.replace(hour=23)

    assert weekly.end_weekly(weekly_id=row.pk, now=tonight, **WHY)
    assert not weekly.end_weekly(weekly_id=row.pk, now=tonight, **WHY)
    weekly.plan_ahead(NOON + 8 * WEEK)

    assert starts() == []
    assert shop.pk in runnable(tonight).to_pay
    assert Entry.objects.filter(action="connection.weekly_ended").count() == 1


def test_a_single_window_may_lie_over_one_of_every_week(shop: Connection) -> None:
    plan(shop)
    holding.plan_maintenance(
        connection_id=shop.pk,
        starts_at=NOON.replace(hour=23),
        ends_at=NOON + timedelta(days=1),
        now=NOON,
        **WHY,
    )

    assert shop.pk not in runnable(NOON.replace(hour=2) + timedelta(days=1, hours=5)).to_pay


@pytest.mark.parametrize(
    ("wrong", "words"), [({"zone": "Mars/Base"}, "no time zone"), ({"days": []}, "one day")]
)
def test_what_makes_no_sense_is_refused(shop: Connection, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        plan(shop, **wrong)
