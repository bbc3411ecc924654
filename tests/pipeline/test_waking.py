"""One good answer wakes all that was put off because a connection did not answer, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings

from connectors.woocommerce.twin import WooTwin
from inventory_sync.connections.models import Breaker, Cursor
from inventory_sync.intake.models import ReadDue
from inventory_sync.intake.ports import ReadWanted
from inventory_sync.pipeline import reading
from inventory_sync.pipeline.debts import find_debts
from inventory_sync.pipeline.waking import TRIED_FEW, wake
from inventory_sync.propagation.models import Listing
from tests.pipeline.hub import HandClock, Hub, open_hub

pytestmark = pytest.mark.django_db

FAR = timedelta(minutes=4)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def twin(clock: HandClock) -> Iterator[WooTwin]:
    twin = WooTwin(now=clock)
    product = {
        "id": 101,
        "type": "simple",
        "sku": "MUG",
        "name": "Mug",
        "manage_stock": True,
        "stock_quantity": 0,
    }
    twin.seed({"products": [product]})
    with twin.serving(ticking=False):
        yield twin


@pytest.fixture
def hub(twin: WooTwin, clock: HandClock, settings: LazySettings) -> Hub:
    settings.INVENTORY_SYNC = {**settings.INVENTORY_SYNC, "EGRESS_ALLOWED_HOSTS": ["127.0.0.1"]}
    hub = open_hub(shop_url=twin.url, clock=clock)
    hub.stocked("MUG", 10, "product:101")
    hub.compute()
    return hub


def asleep(hub: Hub, **fields: Any) -> Listing:
    values = {
        "state": Listing.State.OWED, "run_at": hub.clock() + FAR, "attempts": 4,
        "error_code": "remote.unavailable", **fields,
    }  # fmt: skip
    Listing.objects.filter(connection=hub.shop).update(**values)
    return hub.listing("MUG")


def tasks(hub: Hub) -> set[str]:
    return {debt.task for debt in find_debts(hub.clock(), ports=hub.ports)}


def test_what_slept_through_an_outage_is_pushed_as_soon_as_any_call_is_answered(
    hub: Hub, twin: WooTwin, clock: HandClock
) -> None:
    reading.sweep_due(hub.shop.pk, "orders", ports=hub.ports)
    with hub.ports.intake.transaction():
        hub.ports.intake.want_reads([ReadWanted(hub.shop.pk, "order", "7", "a hint")], now=clock())
    twin.faults.inject("5xx", count=1000)
    while not Breaker.objects.filter(phase=Breaker.Phase.OPEN).exists():
        Listing.objects.update(run_at=clock())
        hub.push()
    asleep(hub)
    ReadDue.objects.update(run_at=clock() + FAR, attempts=3)
    Cursor.objects.filter(stream="products").update(run_at=clock() + FAR, error_code="remote.unavailable")
    twin.faults.clear()
    clock.now = Breaker.objects.get().next_at or clock()
    assert "pipeline.push" not in tasks(hub)
    Cursor.objects.filter(stream="orders").update(run_at=clock())

    reading.sweep_due(hub.shop.pk, "orders", ports=hub.ports)  # whoever calls first

    assert Breaker.objects.get().phase == Breaker.Phase.CLOSED
    assert {"pipeline.push", "pipeline.read_again"} <= tasks(hub)
    assert not Cursor.objects.filter(error_code="remote.unavailable", run_at__gt=clock()).exists()
    hub.settle()
    assert hub.listing("MUG").acknowledged == 10


@pytest.mark.parametrize(
    "fields",
    [
        {"attempts": 8},
        {"error_code": "push.refused"},
        {"error_code": "remote.rate_limited"},
        {"state": Listing.State.FAILED},
    ],
    ids=["failed often", "refused itself", "the vendor named a time", "a person's"],
)
def test_what_waits_for_another_reason_sleeps_on(hub: Hub, fields: dict[str, Any]) -> None:
    run_at = asleep(hub, **fields).run_at

    assert wake(hub.shop.pk, now=hub.clock()) == 0
    assert hub.listing("MUG").run_at == run_at


def test_what_somebody_works_on_is_left_to_him(hub: Hub) -> None:
    asleep(hub, lease_until=hub.clock() + FAR, flight_started_at=hub.clock())

    assert wake(hub.shop.pk, now=hub.clock()) == 0


def test_an_object_that_failed_often_is_not_tried_each_time_its_neighbours_are_answered(hub: Hub) -> None:
    with hub.ports.intake.transaction():
        hub.ports.intake.want_reads(
            [ReadWanted(hub.shop.pk, "order", ref, "a hint") for ref in ("1", "2", "3")], now=hub.clock()
        )
    later = hub.clock() + FAR
    for ref, attempts in (("1", TRIED_FEW), ("2", TRIED_FEW + 1), ("3", 0)):
        ReadDue.objects.filter(ref=ref).update(run_at=later, attempts=attempts)

    assert wake(hub.shop.pk, now=hub.clock()) == 1
    assert set(ReadDue.objects.filter(run_at=later).values_list("ref", flat=True)) == {"2", "3"}


def test_another_connection_is_not_woken(hub: Hub) -> None:
    asleep(hub)

    assert wake(hub.till.pk, now=hub.clock()) == 0


def test_a_flight_that_was_not_let_through_is_no_try_and_sleeps_no_longer_than_the_breaker(
    hub: Hub, twin: WooTwin
) -> None:
    row = asleep(hub, run_at=hub.clock())
    begun = hub.ports.account(hub.shop.pk).client

    class Shut:
        def __getattr__(self, name: str) -> Any:
            Breaker.objects.update_or_create(
                connection=hub.shop,
                defaults={
                    "phase": Breaker.Phase.HALF_OPEN,
                    "since": hub.clock(),
                    "next_at": hub.clock() + timedelta(seconds=30),
                },
            )
            return getattr(begun, name)

    hub.push(lambda _: Shut())

    after = hub.listing("MUG")
    assert after.error_code == "connection.not_answering"
    assert after.attempts == row.attempts
    assert after.run_at == hub.clock() + timedelta(seconds=1)


def test_a_listing_never_sleeps_long_over_a_failure_that_was_the_connections(hub: Hub, twin: WooTwin) -> None:
    asleep(hub, run_at=hub.clock(), attempts=12)
    twin.faults.inject("5xx", count=1)

    hub.push()

    after = hub.listing("MUG")
    assert after.attempts == 13
    assert after.run_at == hub.clock() + timedelta(seconds=15)


def test_a_write_whose_answer_was_lost_alone_is_looked_at_again_soon(hub: Hub, twin: WooTwin) -> None:
    """No breaker opens over it, so none closes to wake it."""
    asleep(hub, run_at=hub.clock(), attempts=7)
    twin.faults.inject("timeout_lost", only="write", count=1)

    hub.push()

    after = hub.listing("MUG")
    assert after.error_code == "remote.outcome_unknown"
    assert after.attempts == 8
    assert after.run_at is not None
    assert after.run_at <= hub.clock() + timedelta(seconds=15)
