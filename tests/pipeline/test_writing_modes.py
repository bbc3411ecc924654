"""Live, shadow and read-only: what is computed, what is recorded and what is sent. Time is given."""

from __future__ import annotations

import pytest

from connectors.woocommerce.twin import WooTwin
from inventory_sync.pipeline.debts import find_debts
from inventory_sync.propagation.models import PushAttempt
from inventory_sync.propagation.selectors import connections_owed
from tests.factories import change
from tests.pipeline.hub import HandClock, Hub
from tests.pipeline.lane import MUG, Between, landed, sell, shown

pytestmark = pytest.mark.django_db


def writes(hub: Hub, mode: str) -> None:
    hub.shop.refresh_from_db()
    change(hub.shop, writing=mode)


def test_in_shadow_the_write_is_worked_out_recorded_and_not_sent(hub: Hub, twin: WooTwin) -> None:
    writes(hub, "shadow")

    assert hub.push() == {"shadow": 1}

    assert (landed(twin), shown(twin)) == ([], 0)
    attempt = PushAttempt.objects.get()
    assert (attempt.outcome, attempt.read_before, attempt.wanted, attempt.wrote) == ("shadow", 0, 10, None)
    assert hub.listing("MUG").state == "shadow"


def test_in_shadow_nothing_is_looked_at_again_until_there_is_news(
    hub: Hub, twin: WooTwin, clock: HandClock
) -> None:
    writes(hub, "shadow")
    hub.push()
    calls = len(twin.requests)

    clock.advance(3600)
    assert hub.push() == {}
    assert connections_owed(clock()) == []
    assert len(twin.requests) == calls

    hub.till_says("sale", ("MUG", "1"))
    hub.drain()
    hub.compute()
    assert hub.push() == {"shadow": 1}
    assert PushAttempt.objects.filter(outcome="shadow", wanted=9).count() == 1


def test_in_shadow_an_order_of_the_shop_is_news(hub: Hub, twin: WooTwin) -> None:
    twin.control.set_stock(MUG, 10)
    hub.settle()
    writes(hub, "shadow")
    hub.till_says("receipt", ("MUG", "5"))
    hub.drain()
    hub.compute()
    hub.push()
    assert hub.listing("MUG").state == "shadow"

    sell(twin, 2)
    hub.till_says("receipt", ("MUG", "1"))
    hub.drain()
    hub.compute()
    hub.push()

    assert PushAttempt.objects.filter(outcome="shadow").order_by("-id")[0].wanted == 14
    assert (shown(twin), landed(twin)) == (8, [])


def test_what_is_right_already_settles_in_shadow_too(hub: Hub, twin: WooTwin) -> None:
    twin.control.set_stock(MUG, 10)
    writes(hub, "shadow")

    assert hub.push() == {"settled": 1}


def test_once_live_again_what_was_only_worked_out_is_found_and_written(
    hub: Hub, twin: WooTwin, clock: HandClock
) -> None:
    writes(hub, "shadow")
    hub.push()
    writes(hub, "live")

    assert connections_owed(clock()) == [(hub.shop.pk, False)]
    hub.push()

    assert (shown(twin), hub.listing("MUG").state) == (10, "settled")


def test_read_only_calls_nobody_for_writing_and_keeps_what_is_owed(
    hub: Hub, twin: WooTwin, clock: HandClock
) -> None:
    writes(hub, "read_only")

    assert hub.push() == {}

    assert (twin.requests, hub.listing("MUG").state) == ([], "owed")
    assert connections_owed(clock()) == []
    assert not [debt for debt in find_debts(clock(), ports=hub.ports) if debt.task == "pipeline.push"]

    writes(hub, "live")
    hub.settle()
    assert shown(twin) == 10


@pytest.mark.parametrize("mode", ["shadow", "read_only"])
def test_a_flight_that_began_live_sends_nothing_once_the_connection_is_not(
    hub: Hub, twin: WooTwin, mode: str
) -> None:
    hub.push(lambda client: Between(client, after_read_levels=lambda: writes(hub, mode)))

    assert landed(twin) == []
    assert hub.listing("MUG").state == ("shadow" if mode == "shadow" else "owed")
    assert hub.listing("MUG").writes == 0


def test_news_during_a_shadow_flight_leaves_the_listing_owed(hub: Hub, twin: WooTwin) -> None:
    writes(hub, "shadow")

    def sold() -> None:
        hub.till_says("sale", ("MUG", "2"))
        hub.drain()
        hub.compute()

    # The second reading of orders ends the flight; what the till said by then is not in the figure recorded.
    pulls = {"count": 0}

    class Pulling:
        def __init__(self, client: object) -> None:
            self._client = client

        def __getattr__(self, name: str) -> object:
            if name == "sweep":
                pulls["count"] += 1
                if pulls["count"] == 2:
                    sold()
            return getattr(self._client, name)

    hub.push(Pulling)

    assert hub.listing("MUG").state == "owed"
    hub.clock.advance(1)
    assert hub.push() == {"shadow": 1}
    assert PushAttempt.objects.order_by("-id")[0].wanted == 8
