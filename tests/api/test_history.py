"""Deliveries with their outcome, orders with what they reserve: never a body, never a buyer."""

from __future__ import annotations

from datetime import timedelta

from rest_framework.test import APIClient

from tests import factories
from tests.api.test_stock import reserve
from tests.factories import NOON


def test_a_delivery_tells_its_outcome_and_its_parked_lines_but_not_its_body(partner: APIClient):
    shop = factories.make_channel("shop")
    delivery = factories.make_delivery(
        shop,
        body=b'{"billing": {"email": "jane@example.org"}}',
        headers={"x-secret": "s3cret"},
        state="parked",
        correlation_id="c0ffee00c0ffee00",
    )
    factories.park_line(delivery, "item:product:92")

    response = partner.get(f"/api/v1/deliveries/{delivery.id}")

    body = response.json()
    assert (body["state"], body["correlation_id"]) == ("parked", "c0ffee00c0ffee00")
    assert [(line["code"], line["waits_on"]) for line in body["parked_lines"]] == [
        ("mapping.item_unknown", "item:product:92")
    ]
    assert b"jane" not in response.content
    assert b"s3cret" not in response.content


def test_deliveries_are_found_by_state_connection_and_time(partner: APIClient):
    shop, till = factories.make_channel("shop"), factories.make_till("till")
    factories.make_delivery(shop, state="done", received_at=NOON - timedelta(hours=1))
    parked = factories.make_delivery(shop, state="parked").id
    other = factories.make_delivery(till, state="parked").id

    def found(**query: str) -> list[int]:
        return [row["id"] for row in partner.get("/api/v1/deliveries", query).json()["results"]]

    assert found(state="parked") == [other, parked]
    assert found(state="parked", connection="shop") == [parked]
    assert found(since=NOON.isoformat()) == [other, parked]
    assert partner.get("/api/v1/deliveries?state=lost").status_code == 400


def test_a_list_of_deliveries_costs_one_query_however_long(partner, django_assert_max_num_queries):
    shop = factories.make_channel("shop")
    for _ in range(20):
        factories.make_delivery(shop)
    partner.get("/api/v1/deliveries")

    with django_assert_max_num_queries(3):  # the key, its note of use, the page
        rows = partner.get("/api/v1/deliveries").json()["results"]

    assert len(rows) == 20


def test_an_order_shows_what_each_line_reserves_and_where(partner: APIClient):
    item, place = factories.make_item("MUG"), factories.make_location("WH")
    order = reserve(item, place, quantity=5, contained=2)

    body = partner.get(f"/api/v1/orders/{order.id}").json()

    assert body["order"] == "482"
    (line,) = body["reservations"]
    assert (line["item"], line["demand"], line["state"]) == ("MUG", "5", "committed")
    assert line["allocations"] == [
        {"item": "MUG", "location": "WH", "quantity": "5", "contained": "2", "open": True}
    ]


def test_orders_are_found_by_the_channels_own_id(partner: APIClient):
    item, place = factories.make_item("MUG"), factories.make_location("WH")
    order = reserve(item, place, quantity=5, contained=2)
    reserve(item, place, quantity=1, contained=0)

    rows = partner.get("/api/v1/orders", {"connection": order.connection.code, "order": "482"}).json()[
        "results"
    ]

    assert [row["id"] for row in rows] == [order.id]
