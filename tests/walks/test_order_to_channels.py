"""From a sale in one place to the figures everywhere else."""

from __future__ import annotations

from typing import Any

import pytest

from inventory_sync.connections.models import Connection
from inventory_sync.intake.models import Delivery
from inventory_sync.ledger.models import Reservation
from inventory_sync.propagation.models import PushAttempt
from tests.walks import retailer, witness
from tests.walks.platform import Platform


def order(walk: Platform, shop: str, sku: str, quantity: int, **details: str) -> dict[str, Any]:
    line = {"product_id": retailer.product_of(shop, sku), "quantity": quantity}
    return walk.shops[shop].control.checkout([line], **details)


def test_an_order_at_one_shop_is_reserved_and_the_other_shop_falls(walk: Platform) -> None:
    assert (walk.figure("woo", "MUG"), walk.figure("outlet", "MUG")) == (50, 50)
    since = witness.mark()

    sold = order(walk, "woo", "MUG", 3)

    walk.shows("MUG", 47)
    reservation = Reservation.objects.get(order__connection__code="woo", order__order_ref=str(sold["id"]))
    assert (reservation.demand, reservation.state) == (3, Reservation.State.COMMITTED)
    walk.rest()
    assert witness.seen(since) == {"delivery", "push"}, "an order moves no stock"


def test_one_correlation_id_goes_from_the_door_to_the_push_at_the_other_shop(walk: Platform) -> None:
    sold = order(walk, "woo", "MUG", 2)

    walk.rest()
    told = Delivery.objects.filter(connection__code="woo", object_key=f"order:{sold['id']}")
    first = told.order_by("id").first()
    assert first is not None
    assert first.source == "webhook"
    pushed = PushAttempt.objects.get(listing__connection__code="outlet", correlation_id=first.correlation_id)
    assert (pushed.outcome, pushed.wrote, pushed.read_after) == ("settled", 45, 45)
    assert pushed.call is not None
    written = [one for one in pushed.call.exchanges if one["method"] != "GET"]
    assert {one["correlation_id"] for one in written} == {first.correlation_id}


def test_a_till_sale_lowers_both_shops_and_a_return_a_receipt_and_a_count_raise_them(walk: Platform) -> None:
    def lines(quantity: int) -> list[dict[str, str]]:
        return [{"sku": "BOWL", "quantity": str(quantity)}]

    books = walk.till.till
    books.write("sale", "ST-1", lines(4))
    walk.shows("BOWL", 46)
    books.write("return", "ST-1", lines(1))
    walk.shows("BOWL", 47)
    books.write("receipt", "WH-1", lines(12))
    walk.shows("BOWL", 59)
    books.write("count", "ST-1", lines(5))
    walk.shows("BOWL", 57)

    assert walk.hub_book("BOWL") == walk.till_book("BOWL") == {"WH-1": 52, "ST-1": 5, "ST-2": 5}


def test_what_is_sent_to_a_store_that_no_shop_sells_from_is_gone_for_the_shops(walk: Platform) -> None:
    walk.till.transfer("WH-1", "ST-2", [{"sku": "CUP", "quantity": "6"}])

    walk.shows("CUP", 44)
    walk.rest()
    assert walk.hub_book("CUP") == walk.till_book("CUP") == {"WH-1": 34, "ST-1": 10, "ST-2": 11}
    assert walk.in_transit("CUP") == 0


def test_a_shipment_closes_the_reservation_with_its_movement_and_no_figure_rises(walk: Platform) -> None:
    sold = order(walk, "woo", "LAMP", 5)
    walk.shows("LAMP", 45)
    walk.rest()
    began = {shop: len(walk.history(shop, "LAMP")) for shop in walk.shops}

    (line,) = sold["line_items"]
    walk.till.till.write(
        "shipment", "WH-1",
        [{"sku": "LAMP", "quantity": "5", "order_line": str(line["id"])}],
        order={"source": "woo", "number": str(sold["number"])},
    )  # fmt: skip
    walk.shops["woo"].control.set_status(int(str(sold["id"])), "completed")

    reservation = Reservation.objects.filter(order__connection__code="woo", order__order_ref=str(sold["id"]))
    walk.wait(
        lambda: reservation.get().state == Reservation.State.CLOSED,
        "the reservation closes with the shipment",
    )
    walk.rest()
    assert walk.hub_book("LAMP")["WH-1"] == walk.till_book("LAMP")["WH-1"] == 35
    for shop in walk.shops:
        landed = walk.history(shop, "LAMP")[began[shop] :]
        assert all(row["value"] <= 45 for row in landed), f"{shop} showed more in between: {landed}"
        assert walk.figure(shop, "LAMP") == 45


@pytest.mark.parametrize("shop", ["woo", "outlet"])
def test_a_cancelled_order_gives_back_what_it_held_in_both_shops(walk: Platform, shop: str) -> None:
    before = walk.figure("woo", "TRAY")
    sold = order(walk, shop, "TRAY", 7)
    walk.shows("TRAY", before - 7)

    walk.shops[shop].control.set_status(int(str(sold["id"])), "cancelled")

    walk.shows("TRAY", before)
    walk.rest()
    assert Connection.objects.filter(state=Connection.State.ACTIVE).count() == 3
