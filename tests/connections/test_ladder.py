"""Where a connection stands: one rung, in a sentence, since when, from the rows that decide."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from inventory_sync.connections import holding, services
from inventory_sync.connections.ladder import Rung, Standing, ladder
from inventory_sync.connections.models import Breaker, Budget, Connection, Cursor
from inventory_sync.domain.writing import Writing
from tests.factories import NOON, change, make_channel

pytestmark = pytest.mark.django_db

WHY: dict[str, Any] = {"actor": "jo", "reason": "stocktaking"}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def shop() -> Connection:
    return make_channel("woo")


def stands() -> Standing:
    (only,) = ladder(NOON)
    return only


def test_one_that_runs_as_planned_is_live(shop: Connection) -> None:
    assert (stands().rung, stands().tone) == (Rung.LIVE, "good")


def test_one_whose_vendor_asked_to_wait_is_throttled_until_then(shop: Connection) -> None:
    Budget.objects.update(closed_until=NOON + MINUTE)

    assert (stands().rung, stands().next_at) == (Rung.THROTTLED, NOON + MINUTE)


def test_a_call_that_waits_its_turn_is_no_event_and_a_queue_of_them_is(shop: Connection) -> None:
    Budget.objects.update(waits_since=NOON - timedelta(seconds=5))
    assert stands().rung is Rung.LIVE

    Budget.objects.update(waits_since=NOON - MINUTE)
    assert (stands().rung, stands().since) == (Rung.THROTTLED, NOON - MINUTE)


def test_one_that_does_not_answer_is_degraded_and_says_what_it_met(shop: Connection) -> None:
    Breaker.objects.create(
        connection=shop, phase="half_open", since=NOON - MINUTE, next_at=NOON + MINUTE, error_detail="502"
    )

    found = stands()

    assert (found.rung, found.since, found.next_at) == (Rung.DEGRADED, NOON - MINUTE, NOON + MINUTE)
    assert "502" in found.sentence
    assert found.breaker == "half_open"


def test_one_whose_stream_was_read_too_long_ago_is_degraded(shop: Connection) -> None:
    Cursor.objects.create(connection=shop, stream="orders", swept_at=NOON - timedelta(hours=2))

    assert stands().rung is Rung.DEGRADED
    assert "orders" in stands().sentence


@pytest.mark.parametrize("writing", [Writing.READ_ONLY, Writing.SHADOW])
def test_one_that_is_not_written_to_is_held(shop: Connection, writing: Writing) -> None:
    holding.set_writing(connection_id=shop.pk, writing=writing, **WHY)

    assert stands().rung is Rung.HELD


def test_one_that_drains_is_held_and_one_that_is_paused_stopped(shop: Connection) -> None:
    holding.drain(connection_id=shop.pk, **WHY)
    assert stands().rung is Rung.HELD

    services.pause(connection_id=shop.pk, **WHY)
    assert (stands().rung, stands().sentence) == (Rung.STOPPED, "Paused by staff. stocktaking")


def test_one_under_maintenance_is_stopped_until_the_window_ends(shop: Connection) -> None:
    holding.plan_maintenance(
        connection_id=shop.pk, starts_at=NOON - MINUTE, ends_at=NOON + MINUTE, now=NOON, **WHY
    )

    assert (stands().rung, stands().next_at) == (Rung.STOPPED, NOON + MINUTE)


def test_the_worst_comes_first(shop: Connection) -> None:
    other = make_channel("another")
    change(shop, state=Connection.State.PAUSED)

    assert [each.connection for each in ladder(NOON)] == [shop, other]


@pytest.mark.parametrize(
    ("starts", "ends", "words"),
    [(2, 1, "before it starts"), (-9, -1, "over already"), (0, 5, "at that time already")],
)
def test_a_window_that_makes_no_sense_is_refused(
    shop: Connection, starts: int, ends: int, words: str
) -> None:
    holding.plan_maintenance(
        connection_id=shop.pk, starts_at=NOON + 4 * MINUTE, ends_at=NOON + 9 * MINUTE, now=NOON, **WHY
    )

    with pytest.raises(ValidationError, match=words):
        holding.plan_maintenance(
            connection_id=shop.pk, starts_at=NOON + starts * MINUTE, ends_at=NOON + ends * MINUTE, now=NOON,
            **WHY,
        )  # fmt: skip
