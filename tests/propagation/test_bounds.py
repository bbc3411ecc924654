"""How old a figure of a channel may get, per class, as the pages show it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory_sync.connections.models import Budget
from inventory_sync.domain import lane
from inventory_sync.propagation.selectors import bounds
from tests.factories import NOON, make_channel, make_item, make_listing, map_item


@pytest.mark.django_db
def test_each_class_has_its_own_bound_from_what_it_is_owed_now() -> None:
    shop = make_channel("woo")
    Budget.objects.filter(connection=shop).update(rate_per_s=6)
    for number in range(8):
        make_listing(
            map_item(shop, make_item(), f"product:{number}"),
            desired=0 if number < 2 else 9,
            state="owed",
            urgent=number < 2,
            dirty_since=NOON - timedelta(seconds=number),
        )

    found = bounds(shop.pk, now=NOON, calls_per_flight=6)

    assert (found.owed, found.urgent, found.oldest) == (8, 2, timedelta(seconds=7))
    assert found.soonest < found.every


def test_the_bound_is_twice_the_flights_it_takes_and_one_under_way() -> None:
    bound = lane.bound(1000, lines=100, flights_per_s=2.0, service=timedelta(seconds=3))

    assert bound == timedelta(seconds=2 * 1000 / 200 + 3)
    assert lane.bound(0, lines=1, flights_per_s=1.0, service=timedelta(0)) == timedelta(0)
