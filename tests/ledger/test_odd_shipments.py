"""A shipment that cannot be what its line wants moves stock, closes nothing, and is told."""

from __future__ import annotations

from tests.ledger.reports import gone


def odd(applied) -> list[tuple[str, str]]:
    return [(each.line_ref, each.why) for each in applied.decided.odd]


def test_a_shipment_of_another_item_is_told_and_the_line_stays_open(shop):
    shop.decide(shop.order())
    shop.count("c3", shop.cup, shop.near, 5)

    applied = shop.ship("s1", 2, item=shop.cup)

    assert odd(applied) == [("a", "the line wants another item")]
    assert shop.total_open() == 2


def test_a_shipment_of_a_line_the_order_does_not_have_is_told(shop):
    shop.decide(shop.order())

    assert odd(shop.ship("s1", 2, line="z")) == [("z", "the order has no such line")]


def test_more_that_comes_back_than_ever_left_is_told(shop):
    shop.decide(shop.order())

    assert odd(shop.ship("s1", -1)) == [("a", "more came back than ever left")]
    assert shop.total_open() == 2


def test_a_line_is_never_owed_more_than_it_wants_however_its_shipment_is_corrected(shop):
    shop.decide(shop.order())
    shop.ship("s1", 2)
    shop.ship("s1", 0, revision=2)

    shop.ship("s1", -2, revision=3)

    assert shop.total_open() == 2


def test_what_came_back_at_another_place_is_owed_again(shop):
    shop.decide(shop.order())
    shop.ship("s1", 2)
    assert shop.total_open() == 0

    shop.ship("s2", -1, place=shop.far)

    assert shop.total_open() == 1


def test_more_than_left_may_come_back_at_another_place_without_raising_what_is_owed(shop):
    shop.decide(shop.order())
    shop.ship("s1", 1)

    shop.ship("s2", -5, place=shop.far)

    assert shop.total_open() == 2


def test_a_shipment_of_a_kits_component_is_nothing_odd(shop):
    tray = shop.world.kit("TRAY", {shop.mug: 2})
    shop.decide(shop.order(lines={"k": (tray, 1)}))

    assert odd(shop.ship("s1", 2, line="k")) == []


def test_a_shipment_before_its_order_is_nothing_odd(shop):
    assert odd(shop.ship("s1", 2)) == []
    assert odd(shop.decide(shop.order()) and shop.ship("s2", 0, at=11)) == []


def test_a_shipment_told_before_the_version_that_names_its_line_fits_when_that_came(shop):
    shop.decide(shop.order())
    assert odd(shop.ship("s1", 2, line="z"))

    told = shop.decide(shop.order(lines={"a": (shop.mug, 2), "z": (shop.mug, 2)}, stamp=2))

    assert (told.odd, told.fits) == ((), ((shop.shop, "1"),))


def test_a_shipment_of_a_line_that_may_be_the_parked_one_is_nothing_odd(shop):
    shop.decide(shop.order(parked=frozenset({"z"})))

    assert odd(shop.ship("s1", 2, line="z")) == []


def test_a_shipment_of_an_order_deleted_before_its_lines_were_told_is_nothing_odd(shop):
    shop.decide(gone("1", by=shop.shop))

    assert odd(shop.ship("s1", 2)) == []
