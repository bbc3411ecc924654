"""Orders become reservations and allocations; only the authority's shipments take them off the shelf."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inventory_sync.domain.external import OrderLineRef, OrderStatus, Reason
from inventory_sync.domain.reservations import LineStatus
from inventory_sync.ledger.types import OrderNews
from tests.ledger.reports import count, delta, gone, minute, order, shipment
from tests.ledger.worlds import World


class Shop:
    """A shop that sells from two places, with five mugs at the first and two at the second."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shop = world.connection("shop")
        self.till = world.connection("till")
        self.mug = world.item("MUG")
        self.cup = world.item("CUP")
        self.near = world.place("NEAR")
        self.far = world.place("FAR")
        self.pool = (self.near, self.far)
        self.count("c1", self.mug, self.near, 5)
        self.count("c2", self.mug, self.far, 2)

    def count(self, key, item, place, quantity, at=0):
        return self.world.apply([count(key, item, place, quantity, at, by=self.till)])

    def order(self, ref="1", lines=None, **values):
        return order(ref, lines or {"a": (self.mug, 2)}, by=self.shop, pool=self.pool, **values)

    def decide(self, *orders, **values):
        return self.world.apply(orders=orders, **values).decided

    def ship(self, key, quantity, place=None, ref="1", line="a", item=None, at=10, **values):
        event = shipment(
            key, item or self.mug, place or self.near, quantity, ref, line, at, by=self.till, **values
        )
        return self.world.apply([event])

    def total_open(self):
        return sum(self.world.open().values())


def sold(shop: int, item: int, quantity: int) -> OrderNews:
    return OrderNews(shop, item, Decimal(quantity))


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop(world)


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


def test_a_shipment_moves_stock_and_closes_the_line_together(shop):
    shop.decide(shop.order())

    applied = shop.ship("s1", 2)

    assert shop.world.on_hand()[shop.mug, shop.near] == 3
    assert shop.world.open() == {}
    assert shop.world.statuses()["1", "a"] is LineStatus.CLOSED
    assert applied.decided.news == (), "what is shipped stays sold"


def test_a_part_shipment_leaves_the_rest_open_and_a_repeat_takes_nothing_more(shop):
    shop.decide(shop.order())
    shop.ship("s1", 1)
    shop.ship("s1", 1)

    assert shop.world.open() == {(shop.mug, shop.near): 1}
    assert shop.world.on_hand()[shop.mug, shop.near] == 4


def test_what_is_shipped_from_another_place_is_no_longer_owed_where_it_was_routed(shop):
    shop.decide(shop.order())
    shop.ship("s1", 2, shop.far)

    assert shop.world.open() == {}
    assert shop.world.on_hand() == {(shop.mug, shop.near): 5, (shop.mug, shop.far): 0}


def test_a_shipment_before_its_order_is_taken_off_when_the_order_comes(shop):
    shop.ship("s1", 1)
    shop.decide(shop.order())

    assert shop.world.open() == {(shop.mug, shop.near): 1}
    assert shop.world.statuses()["1", "a"] is LineStatus.COMMITTED
    shop.ship("s2", 1)
    assert shop.world.statuses()["1", "a"] is LineStatus.CLOSED


def test_a_corrected_shipment_opens_again_what_did_not_leave(shop):
    shop.decide(shop.order())
    shop.ship("s1", 2)
    shop.ship("s1", 1, revision=1)

    assert shop.world.open() == {(shop.mug, shop.near): 1}
    assert shop.world.statuses()["1", "a"] is LineStatus.COMMITTED
    assert shop.world.on_hand()[shop.mug, shop.near] == 4


def test_a_shipment_older_than_the_count_still_closes_its_line(shop):
    shop.decide(shop.order())
    shop.count("c9", shop.mug, shop.near, 3, 30)
    shop.ship("s1", 2, at=20)

    assert shop.world.on_hand()[shop.mug, shop.near] == 3
    assert shop.world.open() == {}


def test_the_shops_word_that_it_shipped_releases_nothing(shop):
    shop.decide(shop.order())
    shop.decide(shop.order(stamp=2, status=OrderStatus.SHIPPED))

    assert shop.world.statuses()["1", "a"] is LineStatus.SHIPPED_AWAITING_BOOKS
    assert shop.total_open() == 2


def test_a_cancellation_frees_and_only_a_strictly_newer_version_brings_back(shop):
    shop.decide(shop.order(stamp=1))
    cancelled = shop.order(stamp=2, status=OrderStatus.CANCELLED)
    assert shop.decide(cancelled).news == (sold(shop.shop, shop.mug, -2),)
    shop.decide(shop.order(stamp=1), cancelled)
    assert shop.world.open() == {}

    shop.decide(shop.order(stamp=3))
    assert shop.total_open() == 2


def test_a_line_closed_by_its_shipment_is_not_revived_by_a_newer_version(shop):
    shop.decide(shop.order(stamp=1))
    shop.ship("s1", 2)
    shop.decide(shop.order(stamp=2, status=OrderStatus.SHIPPED))

    assert shop.world.open() == {}
    assert shop.world.statuses()["1", "a"] is LineStatus.CLOSED


def test_a_newer_version_is_news_even_when_demand_stays(shop):
    shop.decide(shop.order(stamp=1))
    restocked = shop.order(stamp=2, fingerprint="a refund with restock")

    assert shop.decide(restocked).news == (sold(shop.shop, shop.mug, 0),)


def test_an_unpaid_hold_expires_and_a_repeated_snapshot_does_not_revive_it_but_payment_does(shop):
    unpaid = shop.order(status=OrderStatus.UNPAID, expires_at=minute(60))
    shop.decide(unpaid, now=minute(1))
    assert shop.world.statuses()["1", "a"] is LineStatus.HELD

    assert shop.world.expire(minute(59)).touched == ()
    expired = shop.world.expire(minute(60))
    assert expired.touched == (shop.mug,)
    assert expired.news == (sold(shop.shop, shop.mug, -2),)
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


def test_order_and_shipment_of_one_batch_meet(shop):
    event = shipment("s1", shop.mug, shop.near, 2, "1", "a", 10, by=shop.till)
    applied = shop.world.apply([event], [shop.order()])

    assert applied.posted.recorded == applied.decided.applied == 1
    assert shop.world.open() == {}
    assert shop.world.statuses()["1", "a"] is LineStatus.CLOSED


def test_a_sale_without_an_order_is_just_a_movement(shop):
    shop.world.apply([delta("t1", shop.mug, shop.near, -1, 5, by=shop.till)])

    assert shop.world.on_hand()[shop.mug, shop.near] == 4
    assert shop.world.statuses() == {}


def test_a_recipe_edited_later_does_not_reach_back_to_a_shipped_kit(shop):
    kit = shop.world.kit("SET", {shop.mug: 1})
    shop.decide(shop.order(lines={"a": (kit, 2)}))
    shop.ship("s1", 2)
    assert shop.world.statuses()["1", "a"] is LineStatus.CLOSED

    shop.world.edit_recipe(kit, {shop.mug: 1, shop.cup: 1})
    shop.decide(shop.order(stamp=2, lines={"a": (kit, 2)}, status=OrderStatus.SHIPPED))

    assert shop.world.statuses()["1", "a"] is LineStatus.CLOSED
    assert shop.world.open() == {}


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


def test_where_book_figures_decide_a_shipment_notice_closes_nothing(shop):
    odoo = shop.world.place("ODOO", figures=True)
    shop.decide(shop.order())
    shop.ship("s1", 2, odoo)

    assert shop.total_open() == 2
    assert shop.world.statuses()["1", "a"] is LineStatus.COMMITTED


def test_goods_that_come_back_do_not_open_their_order_again(shop):
    shop.decide(shop.order())
    shop.ship("s1", 2)
    back = OrderLineRef("shop", "1", "a")
    shop.world.apply(
        [delta("r1", shop.mug, shop.near, 2, 20, by=shop.till, reason=Reason.RETURN, fulfils=back)]
    )

    assert shop.world.on_hand()[shop.mug, shop.near] == 5
    assert shop.world.open() == {}
