"""Only the authority's shipments take an order off the shelf: movement and close in one."""

from __future__ import annotations

from inventory_sync.domain.external import OrderLineRef, OrderStatus, Reason
from inventory_sync.domain.reservations import LineStatus
from tests.ledger.reports import delta, shipment


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


def test_a_line_closed_by_its_shipment_is_not_revived_by_a_newer_version(shop):
    shop.decide(shop.order(stamp=1))
    shop.ship("s1", 2)
    shop.decide(shop.order(stamp=2, status=OrderStatus.SHIPPED))

    assert shop.world.open() == {}
    assert shop.world.statuses()["1", "a"] is LineStatus.CLOSED


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
