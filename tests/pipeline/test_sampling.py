"""Samples tell how fast queues fill and empty, and how many requests were refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory_sync.intake.models import Shard
from inventory_sync.ledger.models import Order, Reservation
from inventory_sync.pipeline.gauges import Look
from inventory_sync.pipeline.gauges.flow import Pace
from inventory_sync.pipeline.models import Sample
from inventory_sync.pipeline.sampling import sample
from inventory_sync.propagation.models import Listing
from tests import factories
from tests.factories import NOON

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def test_the_pace_of_a_tier_says_when_it_will_be_clear() -> None:
    shop = factories.make_channel("shop")
    waiting = [factories.make_delivery(shop, tier="bulk", received_at=NOON) for _ in range(8)]
    sample(now=NOON)
    for delivery in waiting[:6]:
        delivery.delete()
    Shard.objects.update_or_create(tier="bulk", number=0, defaults={"drained": 6})
    sample(now=NOON + MINUTE)

    tier = next(each for each in Look(NOON + MINUTE).tiers if each.name == "bulk")

    assert (tier.waiting, tier.arrived, tier.pace) == (2, 8, Pace(0.0, 0.1))
    assert tier.clears_in_s == 20.0
    assert tier.history == (8, 2)


@pytest.mark.parametrize(
    ("why", "pace", "depth", "clears_in_s"),
    [
        ("nothing waits", Pace(), 0, 0.0),
        ("nobody knows the pace yet", Pace(), 3, None),
        ("more comes than goes", Pace(2.0, 1.0), 3, None),
        ("more goes than comes", Pace(1.0, 2.5), 3, 2.0),
    ],
)
def test_when_a_queue_will_be_clear(why: str, pace: Pace, depth: int, clears_in_s: float | None) -> None:
    assert pace.clears_in_s(depth) == clears_in_s, why


def test_a_lane_has_its_own_pace() -> None:
    mapping = factories.map_item(factories.make_channel("shop"), factories.make_item("MUG"))
    listing = factories.make_listing(mapping, state=Listing.State.SETTLED)
    sample(now=NOON)
    Listing.objects.filter(pk=listing.pk).update(state=Listing.State.OWED, dirty_since=NOON, urgent=True)
    sample(now=NOON + MINUTE)

    (lane,) = Look(NOON + 2 * MINUTE).lanes

    assert (lane.owed, lane.urgent, lane.oldest, lane.oldest_urgent) == (1, 1, NOON, NOON)
    assert (lane.arrived, lane.pace.comes, lane.clears_in_s) == (1, 1 / 60, None)


def test_requests_are_counted_from_the_first_sample_on() -> None:
    shop = factories.make_channel("shop")

    def ask(ref: str, *states: str) -> None:
        order = Order.objects.create(
            connection=shop, order_ref=ref, status="open", stamp=1, seen_at=NOON, requested=True
        )
        Order.objects.filter(pk=order.pk).update(first_seen_at=NOON)
        for place, state in enumerate(states):
            item = factories.make_item()
            Reservation.objects.create(order=order, line_ref=str(place), item=item, demand=1, state=state)

    ask("before", "rejected")
    sample(now=NOON + MINUTE)
    ask("whole", "held")
    ask("half", "held", "rejected")
    ask("none", "rejected", "rejected")
    sample(now=NOON + 2 * MINUTE)
    sample(now=NOON + 3 * MINUTE)

    requests = Look(NOON + 3 * MINUTE).requests
    assert (requests.asked, requests.refused) == (3, 1)


def test_old_samples_are_cleared_away() -> None:
    sample(now=NOON)
    sample(now=NOON + timedelta(days=3))

    assert Sample.objects.get().at == NOON + timedelta(days=3)
