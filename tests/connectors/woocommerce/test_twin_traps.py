"""The contract's own list of traps, one row each; the tables of the other files hold their details."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.woocommerce.twin_control import Refused
from tests.connectors.woocommerce.twin_world import World


def an_absolute_push_overwrites_the_sale_it_did_not_know(world: World) -> None:
    _, read, _ = world.call("GET", "/products/10")
    world.twin.control.checkout([{"product_id": 10, "quantity": 4}])

    world.call("PUT", "/products/10", {"stock_quantity": read["stock_quantity"]})

    assert world.figure(10) == 10
    values = [row["value"] for row in world.twin.control.book([10])["products"][0]["history"]]
    assert values == [10, 6, 10]


def a_200_proves_nothing(world: World) -> None:
    answers = [
        world.call("PUT", "/products/260", {"stock_quantity": 3}),
        world.call("PUT", "/products/382/variations/383", {"stock_quantity": 3}),
        world.call("PUT", "/products/10", {"stock_quantity": 3}, content_type="text/plain"),
        world.call("PUT", "/products/10", {"stock": 3}),
    ]

    assert [(status, body["stock_quantity"]) for status, body, _ in answers] == [
        (200, None), (200, 7), (200, 10), (200, 10),
    ]  # fmt: skip


def nothing_and_text_become_zero(world: World) -> None:
    world.call("PUT", "/products/10", {"stock_quantity": None})
    world.call("POST", "/products/batch", {"update": [{"id": 11, "stock_quantity": "abc"}]})

    assert (world.figure(10), world.figure(11)) == (0, 0)


def webhooks_share_ids_coalesce_and_are_not_retried(world: World) -> None:
    world.hook("product.updated")
    for product in (10, 10, 11):
        world.call("PUT", f"/products/{product}", {"stock_quantity": 1})
    world.receiver_says = 500

    delivered = world.cron()
    ids = {headers["X-WC-Webhook-Delivery-ID"] for _, headers, _ in world.sent}

    assert [body["id"] for _, body in delivered] == [10, 11]
    assert len(ids) == 1
    assert world.cron() == []


def times_are_local_and_bare_and_their_bounds_strict(world: World) -> None:
    _, body, _ = world.call("GET", "/products/10")

    assert (body["date_modified"], body["date_modified_gmt"]) == (
        "2026-11-23T03:28:15",
        "2026-11-23T02:28:15",
    )
    for bound, found in (("02:28:14", 1), ("02:28:15", 0)):
        path = f"/products?include=10&dates_are_gmt=true&modified_after=2026-11-23T{bound}"
        assert len(world.call("GET", path)[1]) == found


def unpaid_orders_hold_stock_that_no_figure_shows(world: World) -> None:
    world.twin.control.checkout([{"product_id": 10, "quantity": 10}], status="pending")

    assert world.call("GET", "/products/10")[1]["stock_quantity"] == 10
    with pytest.raises(Refused):
        world.twin.control.checkout([{"product_id": 10, "quantity": 1}])


def what_stands_before_the_shop_answers_in_html(world: World) -> None:
    for kind, status in (("429", 429), ("5xx", 503), ("5xx", 403), ("html", 406)):
        world.twin.faults.inject(kind, status=status, seconds=3)
        answered, body, response = world.call("GET", "/products/10")

        assert (answered, body) == (status, None)
        assert response.body.startswith(b"<!DOCTYPE html>")


def a_cache_may_answer_with_what_was(world: World) -> None:
    _, _, response = world.call("GET", "/products/10?_fields=stock_quantity")
    world.call("PUT", "/products/10", {"stock_quantity": 1})
    world.twin.faults.inject("stale_read")

    signed_anew = "/products/10?_fields=stock_quantity&oauth_nonce=another"
    stale = world.call("GET", signed_anew)[1]["stock_quantity"]
    fresh = world.call("GET", "/products/10?_fields=stock_quantity")[1]["stock_quantity"]

    assert "no-store" in dict(response.headers)["Cache-Control"]
    assert (stale, fresh) == (10, 1)


def numbers_come_as_text_and_as_numbers(world: World) -> None:
    order = world.order(10, 3, status="processing")

    line = order["line_items"][0]
    assert (order["total"], line["total"], line["quantity"]) == ("30.03", "30.03", 3)
    assert isinstance(line["price"], float)
    assert line["meta_data"][0]["value"] == "3"
    assert world.call("GET", "/products/10")[1]["price"] == "10.01"


def ids_of_all_kinds_come_from_one_sequence(world: World) -> None:
    order = world.order(10, 1, status="processing")
    line = {"id": order["line_items"][0]["id"], "quantity": 1, "refund_total": "1.00"}
    _, refund, _ = world.call(
        "POST", f"/orders/{order['id']}/refunds", {"api_refund": False, "line_items": [line]}
    )
    _, product, _ = world.call("POST", "/products", {"name": "New"})
    _, variation, _ = world.call("POST", "/products/261/variations", {"sku": "VAR-1-NEW"})

    assert [order["id"], refund["id"], product["id"], variation["id"]] == [385, 386, 387, 388]


def one_sku_may_name_several_products(world: World) -> None:
    twice = {"id": 900, "sku": "SKU-0001", "name": "Teil 0001", "manage_stock": True, "stock_quantity": 10}
    world.twin.seed({"products": [twice]})

    _, body, _ = world.call("GET", "/products?sku=SKU-0001&orderby=id&order=asc")

    assert [row["id"] for row in body] == [10, 900]


TRAPS: list[Callable[[World], None]] = [
    an_absolute_push_overwrites_the_sale_it_did_not_know,
    a_200_proves_nothing,
    nothing_and_text_become_zero,
    webhooks_share_ids_coalesce_and_are_not_retried,
    times_are_local_and_bare_and_their_bounds_strict,
    unpaid_orders_hold_stock_that_no_figure_shows,
    what_stands_before_the_shop_answers_in_html,
    a_cache_may_answer_with_what_was,
    numbers_come_as_text_and_as_numbers,
    ids_of_all_kinds_come_from_one_sequence,
    one_sku_may_name_several_products,
]


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.__name__)
def test_trap(trap: Callable[[World], None]) -> None:
    trap(World())
