"""Connections that are held or silent are seen to: windows end, what is drained pauses, silence is owned."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inventory_sync.cases.models import Case
from inventory_sync.connections import holding, services
from inventory_sync.connections.models import Breaker, Connection, Cursor
from inventory_sync.pipeline import tending
from inventory_sync.pipeline.debts import find_debts
from inventory_sync.pipeline.tending import tend
from inventory_sync.propagation.models import Listing
from tests.pipeline.hub import Hub

pytestmark = pytest.mark.django_db

WHY: dict[str, Any] = {"actor": "jo", "reason": "the shop moves house"}
AFTER = timedelta(minutes=10)


def owes(hub: Hub, task: str) -> bool:
    debts = find_debts(hub.clock(), ports=hub.ports)
    return any(debt.task == task and debt.arguments.get("connection_id") == hub.shop.pk for debt in debts)


def tended(hub: Hub) -> dict[str, int]:
    return tend(ports=hub.ports, case_after=AFTER)


def state(hub: Hub) -> str:
    return Connection.objects.get(pk=hub.shop.pk).state


def test_in_a_window_nothing_is_owed_to_anybody_and_afterwards_everything_is_read(hub: Hub) -> None:
    Cursor.objects.create(
        connection=hub.shop, stream="orders", run_at=hub.clock() + timedelta(hours=1), swept_at=hub.clock()
    )
    holding.plan_maintenance(
        connection_id=hub.shop.pk,
        starts_at=hub.clock() + timedelta(minutes=1),
        ends_at=hub.clock() + timedelta(minutes=2),
        now=hub.clock(),
        **WHY,
    )
    assert owes(hub, "pipeline.push")

    hub.clock.advance(60)
    assert not owes(hub, "pipeline.push")
    assert not owes(hub, "pipeline.sweep")
    assert tended(hub)["windows_ended"] == 0

    hub.clock.advance(60)
    assert tended(hub)["windows_ended"] == 1
    assert owes(hub, "pipeline.push")
    assert owes(hub, "pipeline.sweep")
    assert tended(hub)["windows_ended"] == 0


def test_a_drained_connection_pauses_once_what_it_was_owed_is_paid(hub: Hub) -> None:
    holding.drain(connection_id=hub.shop.pk, **WHY)
    since = hub.clock() + timedelta(seconds=1)
    Connection.objects.filter(pk=hub.shop.pk).update(state_since=since, updated_at=since)

    assert owes(hub, "pipeline.push")
    assert not owes(hub, "pipeline.sweep")
    assert tended(hub)["drained"] == 0

    Listing.objects.update(dirty_since=since + timedelta(seconds=5))  # a newer figure: not what was owed
    assert hub.push() == {}
    assert tended(hub)["drained"] == 1
    assert state(hub) == "paused"
    assert not owes(hub, "pipeline.push")


def test_a_long_silence_is_a_case_that_closes_when_it_answers(hub: Hub) -> None:
    row = Breaker.objects.create(
        connection=hub.shop, phase="open", since=hub.clock(), next_at=hub.clock(), error_detail="502"
    )

    hub.clock.advance(9 * 60)
    assert tended(hub)["silent"] == 0
    hub.clock.advance(2 * 60)
    assert tended(hub)["silent"] == 1
    assert tended(hub)["silent"] == 0
    case = Case.objects.get(code="connection.not_answering")
    assert (case.state, case.subject_id) == ("open", str(hub.shop.pk))

    row.phase = "closed"
    row.save()
    assert tended(hub)["silent"] == 1
    case.refresh_from_db()
    assert (case.state, case.resolution) == ("resolved", "It answers again.")


def test_whoever_is_resumed_while_the_drain_is_looked_at_is_not_paused_again(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding.drain(connection_id=hub.shop.pk, **WHY)

    def nothing_left(row: Connection) -> dict[str, int]:
        services.resume(connection_id=row.pk, **WHY)
        return {}

    monkeypatch.setattr(tending, "left_to_drain", nothing_left)

    assert tended(hub)["drained"] == 0
    assert state(hub) == "active"


@pytest.mark.parametrize("how", ["paused", "a window"])
def test_whoever_is_held_by_staff_is_not_blamed_for_its_silence(hub: Hub, how: str) -> None:
    Breaker.objects.create(connection=hub.shop, phase="open", since=hub.clock(), next_at=hub.clock())
    hub.clock.advance(60)
    if how == "paused":
        services.pause(connection_id=hub.shop.pk, **WHY)
    else:
        holding.plan_maintenance(
            connection_id=hub.shop.pk,
            starts_at=hub.clock(),
            ends_at=hub.clock() + timedelta(minutes=20),
            now=hub.clock(),
            **WHY,
        )

    hub.clock.advance(19 * 60)
    assert tended(hub)["silent"] == 0

    if how == "paused":
        services.resume(connection_id=hub.shop.pk, **WHY)
    else:
        hub.clock.advance(9 * 60)
        assert tended(hub)["silent"] == 0  # it had no time to answer yet
        hub.clock.advance(3 * 60)
    assert tended(hub)["silent"] == 1


def test_while_the_breaker_is_open_nobody_is_sent_there_in_vain(hub: Hub) -> None:
    Breaker.objects.create(
        connection=hub.shop, phase="open", since=hub.clock(), next_at=hub.clock() + timedelta(seconds=8)
    )

    assert not owes(hub, "pipeline.push")
    hub.clock.advance(8)
    assert owes(hub, "pipeline.push")
