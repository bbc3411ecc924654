"""What each channel's requests are decided by, as staff declared it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from inventory_sync.availability.models import Allotment
from inventory_sync.ledger.request_types import Spared
from inventory_sync.pipeline.terms import read_book
from tests import factories
from tests.ledger.reports import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def shops():
    """Two channels that sell from one place; the second also from another."""
    shop, market = factories.make_channel("shop"), factories.make_channel("market")
    near, far = factories.make_location("NEAR"), factories.make_location("FAR")
    for channel, place in ((shop, near), (market, near), (market, far)):
        factories.map_location(channel, place, sells_for=True, fulfils=True)
    return shop, market, near, far


def grant(channel, item, quantity, **values) -> Allotment:
    row = Allotment(connection=channel, item=item, quantity=quantity, granted_at=NOW, **values)
    factories.saved(row, "allotment.granted")
    return row


def spared(channel):
    return dict(read_book(now=NOW + timedelta(minutes=1)).terms[channel.pk].spared)


def test_what_is_set_aside_for_one_channel_the_others_spare_where_that_one_sells_from(shops):
    shop, market, near, far = shops
    mug = factories.make_item("MUG")
    grant(market, mug, 3)

    assert spared(market) == {}
    assert spared(shop) == {mug.pk: (Spared(Decimal(3), (near.pk, far.pk)),)}


def test_a_kit_set_aside_is_spared_as_its_components(shops):
    shop, market, near, far = shops
    mug = factories.make_item("MUG")
    tray = factories.make_kit("TRAY", {mug: 2})
    grant(market, tray, 3)

    assert spared(shop) == {mug.pk: (Spared(Decimal(6), (near.pk, far.pk)),)}


def test_a_lease_that_is_over_or_was_withdrawn_spares_nothing(shops):
    shop, market, *_ = shops
    grant(market, factories.make_item("MUG"), 3, expires_at=NOW + timedelta(seconds=30))
    grant(market, factories.make_item("CUP"), 3, ended_at=NOW)

    assert spared(shop) == {}
