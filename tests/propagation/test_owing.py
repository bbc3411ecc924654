"""What one statement owes to many listings is what the lane's rules say of each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest

from inventory_sync.availability.compute import listing_figure
from inventory_sync.domain import lane
from inventory_sync.domain.units import Factor
from inventory_sync.propagation.models import Listing
from inventory_sync.propagation.owing import owe_all
from inventory_sync.propagation.ports import Wanted
from inventory_sync.propagation.rows import to_row, write_back
from tests import factories
from tests.factories import NOON

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=1)
COMPARED = (
    "state", "desired", "desired_version", "desired_news", "observed", "acknowledged", "urgent",
    "dirty_since", "correlation_id", "news", "attempts", "run_at", "token",
)  # fmt: skip


def some(chance: Random) -> Decimal | None:
    return chance.choice([None, Decimal(0), Decimal(1), Decimal(3), Decimal(7)])


@pytest.mark.parametrize("seed", range(6))
def test_a_batch_of_figures_is_owed_as_the_lane_says_of_each_listing(seed: int):
    chance = Random(seed)
    shop = factories.make_channel()
    wanted, expected = [], {}
    for number in range(40):
        factor = Factor(chance.choice([1, 2, 6]), chance.choice([1, 1, 3]))
        item = factories.make_item()
        mapping = factories.map_item(shop, item, numerator=factor.numerator, denominator=factor.denominator)
        desired, acknowledged = some(chance), some(chance)
        owed = chance.random() < 0.5 and desired is not None
        failed = chance.random() < 0.2
        listing = factories.make_listing(
            mapping,
            desired=desired,
            desired_version=chance.randint(0, 3),
            observed=some(chance),
            acknowledged=chance.choice([acknowledged, desired]),
            news=chance.randint(0, 2),
            urgent=chance.random() < 0.5,
            dirty_since=NOON if owed else None,
            state="failed" if failed else "unknown" if desired is None else "owed" if owed else "settled",
            correlation_id="before",
        )
        figure = chance.choice([None, Decimal(0), Decimal(2), Decimal("6.5"), Decimal(18)])
        one = Wanted(shop.pk, item.pk, figure, chance.randint(1, 5), f"cause-{number}")
        wanted.append(one)
        expected[listing.pk] = _by_the_lane(listing, one, factor)

    connections = owe_all(wanted, now=LATER, near_zero=Decimal(2))

    for listing in Listing.objects.all():
        shown = {name: getattr(listing, name) for name in COMPARED}
        assert shown == expected[listing.pk], listing
    assert connections == {shop.pk}


def _by_the_lane(listing: Listing, one: Wanted, factor: Factor) -> dict[str, object]:
    row = to_row(listing, fresh=False)
    figure = None if one.figure is None else listing_figure(one.figure, factor)
    state = lane.owe(
        row.state, figure, one.version, now=LATER, news=row.state.desired_news, near_zero=Decimal(2)
    )
    changed = state.desired != row.state.desired
    cause = one.correlation_id if changed else row.correlation_id
    after = replace(row, state=state, failed=row.failed and not changed, correlation_id=cause)
    copy = Listing(mapping=listing.mapping, observed=listing.observed)
    write_back(copy, after)
    return {name: getattr(copy, name) for name in COMPARED}


def test_a_figure_of_an_item_without_listings_owes_nothing():
    shop, item = factories.make_channel(), factories.make_item()

    assert owe_all([Wanted(shop.pk, item.pk, Decimal(3), 1, "")], now=NOON, near_zero=Decimal(2)) == set()
    assert owe_all([], now=NOON, near_zero=Decimal(2)) == set()


def test_a_third_of_a_carton_is_not_lost_to_rounding():
    shop = factories.make_channel()
    listing = factories.make_listing(factories.map_item(shop, item := factories.make_item(), denominator=3))

    owe_all([Wanted(shop.pk, item.pk, Decimal(1), 1, "")], now=NOON, near_zero=Decimal(2))

    listing.refresh_from_db()
    assert (listing.desired, listing.state) == (Decimal(3), "owed")
