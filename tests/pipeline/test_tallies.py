"""What a settled flight counts: attempts by outcome, and how old the figures were that it acknowledged."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory_sync.domain.freshness import bucket_of
from inventory_sync.intake.models import Delivery, Shard
from inventory_sync.pipeline.models import FlightTally, FreshnessTally
from inventory_sync.pipeline.ports import Acknowledged
from inventory_sync.pipeline.tallies import count_flight, forget
from inventory_sync.propagation.models import PushAttempt
from tests import factories
from tests.factories import NOON
from tests.pipeline.hub import Hub

pytestmark = pytest.mark.django_db


def ever(part: str) -> dict[str, tuple[int, float]]:
    rows = FreshnessTally.objects.filter(grain="ever", part=part)
    return {row.tier: (row.count, round(row.sum_s, 3)) for row in rows}


def test_a_figure_is_as_old_as_what_happened_at_its_source(hub: Hub) -> None:
    hub.settle()
    FreshnessTally.objects.all().delete()
    hub.till_says("sale", ("MUG", "3"), at=(hub.clock() - timedelta(seconds=40)).isoformat())
    hub.clock.advance(5)
    hub.drain()
    hub.compute()
    hub.clock.advance(10)
    hub.push()

    assert ever("occurred") == {"standard": (1, 55.0)}
    assert ever("received") == {"standard": (1, 15.0)}
    assert ever("owed") == {"standard": (1, 10.0)}
    (row,) = FreshnessTally.objects.filter(grain="hour")
    assert row.buckets[bucket_of(55.0)] == sum(row.buckets) == 1


def test_attempts_are_counted_by_outcome_for_good(hub: Hub) -> None:
    hub.settle()
    hub.till_says("sale", ("MUG", "3"))
    hub.drain()
    hub.compute()
    hub.settle()
    PushAttempt.objects.all().delete()

    assert dict(FlightTally.objects.values_list("outcome", "count")) == {"settled": 2}


def test_what_leaves_a_shard_is_counted(hub: Hub) -> None:
    hub.till_says("sale", ("MUG", "1"))
    before = sum(Shard.objects.values_list("drained", flat=True))
    hub.drain()

    assert sum(Shard.objects.values_list("drained", flat=True)) == before + 1
    assert not Delivery.objects.filter(state="pending").exists()


def test_an_urgent_figure_is_critical_whatever_brought_it() -> None:
    shop = factories.make_channel("shop")
    factories.make_delivery(shop, tier="bulk", correlation_id="c1", received_at=NOON)
    urgent, calm = Acknowledged(NOON, "c1", True), Acknowledged(NOON, "c1", False)

    count_flight(shop.pk, {}, [urgent, calm], now=NOON + timedelta(seconds=1))

    assert ever("occurred") == {"critical": (1, 1.0), "bulk": (1, 1.0)}


@pytest.mark.parametrize(
    ("why", "dated", "age_s"),
    [
        ("its clock runs ahead", timedelta(hours=3), 2.0),
        ("it is a till that was cut off", -timedelta(hours=3), 3 * 3600 + 2.0),
        ("its clock has gone wrong", -timedelta(days=400), 2.0),
    ],
)
def test_a_source_that_dates_its_news_oddly(why: str, dated: timedelta, age_s: float) -> None:
    shop = factories.make_channel("shop")
    factories.make_delivery(shop, correlation_id="c1", received_at=NOON, occurred_at=NOON + dated)

    count_flight(shop.pk, {}, [Acknowledged(NOON, "c1", True)], now=NOON + timedelta(seconds=2))

    assert ever("occurred") == {"critical": (1, age_s)}, why


def test_a_debt_older_than_the_newest_cause_counts_from_its_own_beginning() -> None:
    shop = factories.make_channel("shop")
    later = NOON + timedelta(minutes=9)
    factories.make_delivery(shop, correlation_id="c2", received_at=later)

    count_flight(shop.pk, {}, [Acknowledged(NOON, "c2", True)], now=NOON + timedelta(minutes=10))

    assert ever("received") == {"critical": (1, 600.0)}


def test_counters_add_up_over_flights_and_outlive_the_slots() -> None:
    shop = factories.make_channel("shop")
    for minute in (0, 3, 12):
        at = NOON + timedelta(minutes=minute)
        count_flight(shop.pk, {"settled": 1}, [Acknowledged(at, "", True)], now=at + timedelta(seconds=1))

    counts = FreshnessTally.objects.filter(part="occurred").values_list("grain", "count")
    assert sorted(counts) == [("ever", 3), ("hour", 3), ("minutes", 1), ("minutes", 2)]
    assert forget(now=NOON + timedelta(days=3)) == 2
    assert forget(now=NOON + timedelta(days=40)) == 1
    assert ever("occurred") == {"critical": (3, 3.0)}
