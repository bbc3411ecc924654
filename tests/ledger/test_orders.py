"""Orders become reservations and allocations, whatever the order of their versions."""

from __future__ import annotations

from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.reservations import LineStatus
from tests.ledger.reports import gone, minute, order
from tests.ledger.shops import sold


def test_an_order_is_promised_where_it_is_free_by_rank(shop):
    decided = shop.decide(shop.order())

    assert shop.world.open() == {(shop.mug, shop.near): 2}
    assert shop.world.statuses() == {("1", "a"): LineStatus.COMMITTED}
    assert shop.world.reasons() == {("1", "a"): "routed: NEAR 2"}
    assert shop.world.on_hand()[shop.mug, shop.near] == 5, "an order moves nothing"
    assert (decided.applied, decided.touched) == (1, (shop.mug,))
    assert decided.news == (sold(shop.shop, shop.mug, 2),)
    assert shop.mug in shop.world.dirty()


def test_the_same_version_twice_changes_nothing(shop):
    shop.decide(shop.order())
    again = shop.decide(shop.order())

    assert (again.applied, again.ignored, again.news) == (0, 1, ())
    assert shop.total_open() == 2


def test_an_older_version_changes_nothing_and_a_newer_one_only_the_difference(shop):
    shop.decide(shop.order(stamp=5))
    shop.decide(shop.order(stamp=4, lines={"a": (shop.mug, 9)}))
    assert shop.total_open() == 2

    news = shop.decide(shop.order(stamp=6, lines={"a": (shop.mug, 4)})).news
    assert shop.total_open() == 4
    assert news == (sold(shop.shop, shop.mug, 2),)

    shop.decide(shop.order(stamp=7, lines={"a": (shop.mug, 1)}))
    assert shop.world.open() == {(shop.mug, shop.near): 1}


def test_an_equal_stamp_with_other_content_must_be_read(shop):
    shop.decide(shop.order(stamp=5))
    other = shop.order(stamp=5, lines={"a": (shop.mug, 3)})

    assert shop.decide(other).needs_reading == ((shop.shop, "1"),)
    assert shop.total_open() == 2

    read = shop.order(stamp=5, lines={"a": (shop.mug, 3)}, reading=9)
    assert shop.decide(read).applied == 1
    assert shop.total_open() == 3


def test_a_second_order_goes_where_something_is_left_and_what_nobody_has_is_promised_all_the_same(shop):
    shop.decide(shop.order("1", {"a": (shop.mug, 4)}))
    shop.decide(shop.order("2", {"a": (shop.mug, 2)}))
    shop.decide(shop.order("3", {"a": (shop.mug, 3)}))

    assert shop.world.statuses()["2", "a"] is LineStatus.COMMITTED
    assert shop.world.statuses()["3", "a"] is LineStatus.BACKORDERED
    assert shop.world.reasons()["3", "a"].startswith("not enough free, provisionally: NEAR")
    assert shop.total_open() == 9


def test_one_item_in_two_lines_is_not_promised_twice_from_the_same_stock(shop):
    shop.decide(shop.order(lines={"a": (shop.mug, 4), "b": (shop.mug, 2)}))

    assert shop.world.open() == {(shop.mug, shop.near): 4, (shop.mug, shop.far): 2}


def test_a_kit_stands_at_one_place_and_is_closed_by_all_its_parts(shop):
    kit = shop.world.kit("SET", {shop.mug: 2, shop.cup: 1})
    shop.count("c3", shop.cup, shop.far, 9)
    shop.count("c4", shop.mug, shop.far, 8, 1)

    news = shop.decide(shop.order(lines={"a": (kit, 3)})).news
    assert shop.world.open() == {(shop.mug, shop.far): 6, (shop.cup, shop.far): 3}
    assert news == (sold(shop.shop, kit, 3),), "a channel sells kits, not components"

    shop.ship("s1", 6, shop.far)
    assert shop.world.statuses()["1", "a"] is LineStatus.COMMITTED
    shop.ship("s2", 3, shop.far, item=shop.cup)
    assert shop.world.statuses()["1", "a"] is LineStatus.CLOSED
    assert shop.world.open() == {}


def test_a_cancellation_frees_and_only_a_strictly_newer_version_brings_back(shop):
    shop.decide(shop.order(stamp=1))
    cancelled = shop.order(stamp=2, status=OrderStatus.CANCELLED)
    assert shop.decide(cancelled).news == (sold(shop.shop, shop.mug, -2),)
    shop.decide(shop.order(stamp=1), cancelled)
    assert shop.world.open() == {}

    shop.decide(shop.order(stamp=3))
    assert shop.total_open() == 2


def test_a_newer_version_is_news_even_when_demand_stays(shop):
    shop.decide(shop.order(stamp=1))
    restocked = shop.order(stamp=2, fingerprint="a refund with restock")

    assert shop.decide(restocked).news == (sold(shop.shop, shop.mug, 0),)


def test_an_unpaid_order_explains_no_fall_of_the_shops_figure_but_its_payment_does(shop):
    held = shop.decide(shop.order(status=OrderStatus.UNPAID, expires_at=minute(60)), now=minute(1))
    assert held.news == (sold(shop.shop, shop.mug, 0),)
    assert shop.total_open() == 2

    paid = shop.decide(shop.order(stamp=2, status=OrderStatus.COMMITTED), now=minute(2))
    assert paid.news == (sold(shop.shop, shop.mug, 2),)
    assert shop.total_open() == 2


def test_an_unpaid_hold_expires_and_a_repeated_snapshot_does_not_revive_it_but_payment_does(shop):
    unpaid = shop.order(status=OrderStatus.UNPAID, expires_at=minute(60))
    shop.decide(unpaid, now=minute(1))
    assert shop.world.statuses()["1", "a"] is LineStatus.HELD

    assert shop.world.expire(minute(59)).touched == ()
    expired = shop.world.expire(minute(60))
    assert expired.touched == (shop.mug,)
    assert expired.news == (), "the shop lowered nothing for it, so it raises nothing"
    shop.decide(unpaid, now=minute(61))
    assert shop.world.open() == {}
    assert shop.world.statuses()["1", "a"] is LineStatus.EXPIRED
    assert shop.world.expire(minute(62)).touched == ()

    shop.decide(shop.order(stamp=2), now=minute(63))
    assert shop.total_open() == 2


def test_a_hold_prolonged_by_a_newer_version_does_not_end_at_its_first_time(shop):
    shop.decide(shop.order(status=OrderStatus.UNPAID, expires_at=minute(60)), now=minute(1))
    longer = shop.order(stamp=2, status=OrderStatus.UNPAID, expires_at=minute(90), fingerprint="longer")
    shop.decide(longer, now=minute(2))

    shop.world.expire(minute(60))

    assert shop.world.statuses()["1", "a"] is LineStatus.HELD


def test_an_unpaid_order_without_a_hold_promises_nothing(shop):
    shop.decide(shop.order(status=OrderStatus.UNPAID))

    assert shop.world.open() == {}
    assert shop.world.statuses()["1", "a"] is LineStatus.REQUESTED


def test_a_parked_line_is_left_alone_and_added_when_the_same_version_is_replayed(shop):
    shop.decide(shop.order(parked=frozenset({"b"}), fingerprint="x"))
    assert shop.world.statuses().keys() == {("1", "a")}

    shop.decide(shop.order(lines={"a": (shop.mug, 2), "b": (shop.mug, 1)}, fingerprint="x"))
    assert shop.total_open() == 3


def test_a_line_the_order_no_longer_names_is_released_unless_it_is_parked(shop):
    shop.decide(shop.order(lines={"a": (shop.mug, 2), "b": (shop.mug, 1), "c": (shop.mug, 1)}))
    shop.decide(shop.order(stamp=2, parked=frozenset({"c"})))

    assert shop.world.statuses()["1", "b"] is LineStatus.RELEASED
    assert shop.world.statuses()["1", "c"] is LineStatus.COMMITTED
    assert shop.total_open() == 3


def test_another_item_in_the_same_line_moves_the_promise(shop):
    shop.count("c3", shop.cup, shop.near, 9)
    shop.decide(shop.order())
    news = shop.decide(shop.order(stamp=2, lines={"a": (shop.cup, 3)})).news

    assert shop.world.open() == {(shop.cup, shop.near): 3}
    assert set(news) == {sold(shop.shop, shop.mug, -2), sold(shop.shop, shop.cup, 3)}


def test_a_line_that_becomes_a_kit_of_the_same_item_starts_over(shop):
    kit = shop.world.kit("SET", {shop.mug: 2, shop.cup: 1})
    shop.decide(shop.order(lines={"a": (shop.mug, 1)}))
    shop.decide(shop.order(stamp=2, lines={"a": (kit, 1)}))

    assert shop.world.open() == {(shop.mug, shop.near): 2, (shop.cup, shop.near): 1}


def test_an_announced_deletion_cancels_and_is_confirmed_by_reading(shop):
    shop.decide(shop.order())
    decided = shop.decide(gone("1", by=shop.shop))

    assert shop.world.open() == {}
    assert shop.world.statuses()["1", "a"] is LineStatus.CANCELLED
    assert decided.needs_reading == ((shop.shop, "1"),)
    assert decided.closed_short == ()

    confirmed = shop.decide(gone("1", by=shop.shop, reading=8))
    assert (confirmed.needs_reading, confirmed.closed_short) == ((), ())


def test_an_order_found_gone_is_closed_short_and_somebody_is_told(shop):
    shop.decide(shop.order())
    decided = shop.decide(gone("1", by=shop.shop, reading=8))

    assert decided.closed_short == ((shop.shop, "1"),)
    assert shop.world.statuses()["1", "a"] is LineStatus.CLOSED_SHORT
    assert shop.world.open() == {}


def test_a_late_webhook_does_not_revive_a_deleted_order_but_a_later_reading_does(shop):
    shop.decide(gone("1", by=shop.shop))
    late = shop.decide(shop.order(stamp=4))
    assert late.needs_reading == ((shop.shop, "1"),)
    assert shop.world.open() == {}

    shop.decide(shop.order(stamp=4, reading=12))
    assert shop.total_open() == 2


def test_a_reading_begun_before_the_order_was_found_gone_does_not_revive_it(shop):
    shop.decide(shop.order(stamp=4))
    shop.decide(gone("1", by=shop.shop, reading=8))
    shop.decide(shop.order(stamp=5, reading=7))

    assert shop.world.open() == {}


def test_an_order_nobody_may_serve_is_recorded_and_says_so(shop):
    event = order("1", {"a": (shop.mug, 2)}, by=shop.shop, pool=())
    shop.decide(event)

    assert shop.world.statuses()["1", "a"] is LineStatus.BACKORDERED
    assert shop.world.reasons()["1", "a"] == "no location may serve this channel"


def test_lines_of_quantity_zero_promise_nothing(shop):
    shop.decide(shop.order())
    shop.decide(shop.order(stamp=2, lines={"a": (shop.mug, 0)}))

    assert shop.world.open() == {}
    assert shop.world.statuses()["1", "a"] is LineStatus.RELEASED


def test_an_unchanged_order_that_was_read_again_counts_as_seen_then(shop):
    shop.decide(shop.order(), now=minute(1))
    shop.decide(shop.order(reading=5), now=minute(20))
    assert shop.world.seen_at("1") == minute(20)

    shop.ship("s1", 1)
    shop.decide(shop.order(), now=minute(30))
    assert shop.world.seen_at("1") == minute(20), "a repeated webhook is no proof that it is still there"


def test_what_one_order_gives_back_where_nothing_ever_stood_is_not_there_for_the_next(shop):
    vase = shop.world.item("VASE")
    shop.decide(shop.order("1", {"a": (vase, 2)}))

    shop.world.apply([], [shop.order("1", {"a": (vase, 1)}, stamp=2), shop.order("2", {"a": (vase, 1)})])

    assert shop.world.statuses() == {
        ("1", "a"): LineStatus.BACKORDERED,
        ("2", "a"): LineStatus.BACKORDERED,
    }


def test_an_order_waiting_where_nothing_ever_stood_does_not_hide_what_another_place_has(shop):
    vase = shop.world.item("VASE")
    shop.decide(shop.order("1", {"a": (vase, 2)}))
    shop.count("c9", vase, shop.far, 1)

    shop.decide(
        shop.order("1", {"a": (vase, 2)}, stamp=2, status=OrderStatus.CANCELLED),
        shop.order("2", {"a": (vase, 1)}),
    )

    assert shop.world.open() == {(vase, shop.far): 1}
    assert shop.world.statuses()["2", "a"] is LineStatus.COMMITTED
