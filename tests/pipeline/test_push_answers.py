"""Pushes that get no answer, a late one, a refusal: what is not known is looked at again. Time is given."""

from __future__ import annotations

import pytest

from connectors.woocommerce.twin import WooTwin
from inventory_sync.cases.models import Case
from inventory_sync.connections.models import Connection
from inventory_sync.propagation.models import Listing
from tests.pipeline.hub import HandClock, Hub
from tests.pipeline.lane import shown

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("fault", ["timeout_applied", "timeout_lost"])
def test_a_write_without_an_answer_is_settled_only_when_no_request_can_land_any_more(
    hub: Hub, twin: WooTwin, clock: HandClock, fault: str
) -> None:
    twin.faults.inject(fault, only="write", count=1)
    life = hub.ports.connector("woocommerce").capabilities.max_request_life_s

    hub.push()
    listing = hub.listing("MUG")
    assert listing.unanswered is not None
    key = listing.unanswered["write_key"]
    hub.clock.now = listing.run_at or hub.clock.now
    hub.push()
    assert hub.listing("MUG").state == "owed", "one reading proves nothing yet"
    assert (hub.listing("MUG").unanswered or {"write_key": key})["write_key"] == key

    clock.advance(life + 1)
    hub.settle()
    assert (shown(twin), hub.listing("MUG").state) == (10, "settled")


def test_a_write_that_lands_late_over_a_newer_one_is_noticed_and_put_right(
    hub: Hub, twin: WooTwin, clock: HandClock
) -> None:
    hub.settle()
    twin.faults.inject("late_landing", only="write", count=1, seconds=60)
    sell(hub, "2")
    hub.push()
    sell(hub, "2")
    for _ in range(5):
        clock.advance(3)
        hub.push()
    assert shown(twin) == 6, "lowering does not wait"
    assert hub.listing("MUG").state == "owed", "the old request may still land"

    clock.advance(60)
    twin.tick()
    assert shown(twin) == 8, "it landed"

    clock.advance(130)
    hub.settle()
    assert (shown(twin), hub.listing("MUG").acknowledged) == (6, 6)


def test_after_a_write_without_an_answer_nothing_is_raised_while_it_may_still_land(
    hub: Hub, twin: WooTwin, clock: HandClock
) -> None:
    twin.faults.inject("late_landing", only="write", count=1, seconds=600)
    life = hub.ports.connector("woocommerce").capabilities.max_request_life_s
    hub.push()
    for _ in range(5):
        clock.advance(3)
        hub.push()
    assert shown(twin) == 0, "it may have landed and been sold from"

    clock.advance(life + 1)
    hub.settle()
    assert (shown(twin), hub.listing("MUG").state) == (10, "settled")


def sell(hub: Hub, quantity: str) -> None:
    hub.till_says("sale", ("MUG", quantity))
    hub.drain()
    hub.compute()


def test_a_throttle_shuts_the_budget_for_as_long_as_the_shop_asked(
    hub: Hub, twin: WooTwin, clock: HandClock
) -> None:
    twin.faults.inject("429", count=1, seconds=30)

    assert hub.push() == {"unread": 1}
    calls = len(twin.requests)
    clock.advance(29)
    Listing.objects.update(run_at=None)
    assert hub.push() == {"waits_for_budget_ms": 1000}
    assert len(twin.requests) == calls, "nobody knocked while it was shut"

    clock.advance(2)
    hub.settle()
    assert shown(twin) == 10


@pytest.mark.parametrize("fault", ["5xx", "html"])
def test_a_shop_that_is_down_is_tried_again_with_longer_waits(
    hub: Hub, twin: WooTwin, clock: HandClock, fault: str
) -> None:
    twin.faults.inject(fault, count=1000)
    waits = []
    for _ in range(4):
        hub.push()
        row = hub.listing("MUG")
        assert row.run_at is not None
        waits.append((row.run_at - clock()).total_seconds())
        clock.now = row.run_at

    assert waits == sorted(waits)
    assert waits[-1] > waits[0]
    twin.faults.clear()
    hub.settle()
    assert shown(twin) == 10


def test_keys_the_shop_refuses_pause_the_connection_and_tell_its_owner(hub: Hub, twin: WooTwin) -> None:
    twin.faults.inject("auth_revoked")

    hub.push()

    hub.shop.refresh_from_db()
    assert hub.shop.state == Connection.State.MISCONFIGURED
    assert Case.objects.get(subject_kind="connection").state == Case.State.OPEN
