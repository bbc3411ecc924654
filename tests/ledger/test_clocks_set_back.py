"""A shop's clock is set back: what the hub reads of an order counts, and no late message undoes it."""

from __future__ import annotations

from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.reservations import LineStatus
from tests.ledger.reports import gone

CANCELLED = OrderStatus.CANCELLED


def test_a_cancellation_with_an_older_stamp_frees_the_stock_once_it_was_read(shop):
    shop.decide(shop.order(stamp=1_000, begun=4))
    shop.decide(shop.order(stamp=980, status=CANCELLED, begun=4))
    assert shop.total_open() == 2, "a message alone may be a late one"

    shop.decide(shop.order(stamp=980, status=CANCELLED, reading=5, begun=5))

    assert shop.world.open() == {}
    assert shop.world.statuses() == {("1", "a"): LineStatus.CANCELLED}


def test_a_late_message_of_before_does_not_revive_the_order_and_has_it_read_again(shop):
    shop.decide(shop.order(stamp=1_000, begun=4))
    shop.decide(shop.order(stamp=980, status=CANCELLED, reading=5, begun=5))

    late = shop.decide(shop.order(stamp=1_003, begun=6))

    assert shop.world.open() == {}
    assert late.needs_reading == ((shop.shop, "1"),)
    confirmed = shop.decide(shop.order(stamp=980, status=CANCELLED, reading=7, begun=7))
    assert confirmed.needs_reading == ()
    again = shop.decide(shop.order(stamp=1_003, begun=6))
    assert (again.needs_reading, again.applied) == ((), 0), "it came in before the last reading: settled"
    assert shop.world.open() == {}


def test_the_same_cancellation_read_twice_releases_once(shop):
    shop.decide(shop.order(stamp=1_000, begun=4))
    first = shop.decide(shop.order(stamp=980, status=CANCELLED, reading=5, begun=5))
    second = shop.decide(shop.order(stamp=980, status=CANCELLED, reading=6, begun=6))

    assert [news.delta for news in first.news] == [-2]
    assert second.news == ()
    assert shop.world.on_hand()[shop.mug, shop.near] == 5


def test_an_older_message_that_asks_for_more_has_the_order_read_before_it_is_believed(shop):
    shop.decide(shop.order(stamp=1_000, begun=4))

    more = shop.decide(shop.order(stamp=980, lines={"a": (shop.mug, 4)}, begun=4))

    assert more.needs_reading == ((shop.shop, "1"),)
    assert shop.total_open() == 2


def test_a_list_that_shows_an_older_stamp_has_the_order_read(shop):
    shop.decide(shop.order(stamp=1_000, begun=4))

    seen = shop.decide(shop.order(stamp=980, status=CANCELLED, reading=5, begun=5, listed=True))

    assert seen.needs_reading == ((shop.shop, "1"),)
    assert shop.total_open() == 2


def test_an_order_back_from_the_bin_with_an_older_stamp_is_promised_again(shop):
    shop.decide(shop.order(stamp=1_000, begun=4))
    shop.decide(gone("1", by=shop.shop, reading=5))

    shop.decide(shop.order(stamp=980, reading=6, begun=6))

    assert shop.total_open() == 2


def test_a_list_that_still_shows_a_deleted_order_does_not_revive_it(shop):
    shop.decide(shop.order(stamp=1_000, begun=4))
    shop.decide(gone("1", by=shop.shop, reading=5))

    seen = shop.decide(shop.order(stamp=1_000, reading=6, begun=6, listed=True))

    assert shop.world.open() == {}
    assert seen.needs_reading == ((shop.shop, "1"),)


def test_an_order_told_of_while_it_could_not_be_found_is_looked_for_again(shop):
    """Reading 5 began, the order's message came in, and 5 says there is no such order."""
    shop.decide(shop.order(stamp=1_000, begun=5))

    missing = shop.decide(gone("1", by=shop.shop, reading=5))

    assert (missing.needs_reading, missing.closed_short) == (((shop.shop, "1"),), ())
    assert shop.total_open() == 2
    assert shop.decide(gone("1", by=shop.shop, reading=6)).closed_short == ((shop.shop, "1"),)
