"""Items, locations, stock levels and channel figures as other systems read them."""

from __future__ import annotations

from decimal import Decimal

from rest_framework.test import APIClient

from inventory_sync.catalog.models import Location
from inventory_sync.ledger.models import Allocation, Order, Reservation, StockLevel
from inventory_sync.propagation.models import Listing, PushAttempt
from tests import factories
from tests.factories import NOON


def test_an_item_is_read_with_its_packs_and_components(partner: APIClient):
    mug = factories.make_item("MUG", gtin="4006381333931")
    factories.make_pack(mug, "CT", 12)
    factories.make_kit("SET", {mug: 2})

    assert partner.get("/api/v1/items/MUG").json()["units"] == [
        {"unit": "CT", "numerator": 12, "denominator": 1, "gtin": ""}
    ]
    kit = partner.get("/api/v1/items/SET").json()
    assert kit["kind"] == "kit"
    assert kit["components"] == [{"sku": "MUG", "quantity": "2"}]


def test_an_sku_may_hold_slashes_and_spaces(partner: APIClient):
    factories.make_item("A/B 12")

    assert partner.get("/api/v1/items/A%2FB%2012").json()["sku"] == "A/B 12"


def test_items_are_found_by_gtin_and_by_what_changed_since(partner: APIClient):
    factories.make_item("MUG", gtin="4006381333931")
    factories.make_item("CUP")
    changed = partner.get("/api/v1/items/CUP").json()["updated_at"]

    by_gtin = partner.get("/api/v1/items", {"gtin": "4006381333931"}).json()
    since = partner.get("/api/v1/items", {"updated_since": changed}).json()

    assert changed.endswith("Z")
    assert [row["sku"] for row in by_gtin["results"]] == ["MUG"]
    assert [row["sku"] for row in since["results"]] == ["CUP"]


def test_locations_name_their_authority_and_virtual_ones_are_not_shown(partner: APIClient):
    till = factories.make_till("till")
    company = factories.make_location("CO", kind=Location.Kind.COMPANY)
    factories.make_store("BER", authority=till, parent=company)

    rows = partner.get("/api/v1/locations").json()["results"]

    assert [(row["code"], row["parent"], row["authority"]) for row in rows] == [
        ("CO", None, None),
        ("BER", "CO", "till"),
    ]
    assert partner.get("/api/v1/locations/V-CUSTOMER").status_code == 404
    assert [row["code"] for row in partner.get("/api/v1/locations?kind=store").json()["results"]] == ["BER"]


def test_a_level_tells_what_is_there_and_what_is_owed(partner: APIClient):
    item, place = factories.make_item("MUG"), factories.make_location("WH")
    StockLevel.objects.create(item=item, location=place, on_hand=Decimal("12.5"), known=True, counted_at=NOON)
    reserve(item, place, quantity=5, contained=2)
    reserve(item, place, quantity=1, contained=4)
    reserve(item, place, quantity=7, contained=0, is_open=False)

    level = partner.get("/api/v1/stock-levels/WH/MUG").json()

    assert level["on_hand"] == "12.5"
    assert level["reserved"] == "3"
    assert level["counted_at"] == "2026-11-23T12:00:00Z"


def test_an_unknown_level_is_null_and_never_zero(partner: APIClient):
    item, place = factories.make_item("MUG"), factories.make_location("WH")
    StockLevel.objects.create(item=item, location=place, on_hand=0, known=False)

    level = partner.get("/api/v1/stock-levels/WH/MUG").json()

    assert (level["known"], level["on_hand"]) == (False, None)


def test_levels_are_read_in_bulk_by_items_and_locations(partner: APIClient):
    places = [factories.make_location(code) for code in ("WH", "BER")]
    for sku in ("A", "B", "C"):
        item = factories.make_item(sku)
        for place in places:
            StockLevel.objects.create(item=item, location=place, on_hand=1, known=True)

    rows = partner.get("/api/v1/stock-levels?item=A,C&location=BER").json()["results"]

    assert [(row["item"], row["location"]) for row in rows] == [("A", "BER"), ("C", "BER")]


def test_availability_answers_every_sku_asked_in_the_order_asked(partner: APIClient):
    shop = factories.make_channel("shop")
    figure(shop, factories.make_item("A"), "3")
    figure(shop, factories.make_item("B"), None)
    factories.make_item("C")

    body = partner.get("/api/v1/channels/shop/availability?sku=C,B,NO,A").json()

    assert [(row["sku"], row["available"]) for row in body["results"]] == [
        ("C", None),
        ("B", None),
        ("A", "3"),
    ]
    assert [row["unknown"] for row in body["results"]] == [["figure:never_computed"], ["BER"], []]
    assert body["not_found"] == ["NO"]
    assert body["next"] is None


def test_the_whole_channel_is_read_page_by_page(partner: APIClient):
    shop, other = factories.make_channel("shop"), factories.make_channel("other")
    for sku in ("A", "B", "C"):
        item = factories.make_item(sku)
        figure(shop, item, "1")
        figure(other, item, "9")

    first = partner.get("/api/v1/channels/shop/availability?limit=2").json()
    second = partner.get(first["next"]).json()

    assert [row["sku"] for row in first["results"] + second["results"]] == ["A", "B", "C"]
    assert {row["available"] for row in first["results"] + second["results"]} == {"1"}
    assert second["next"] is None


def test_one_figure_is_explained_and_says_what_the_channel_was_last_told(partner: APIClient):
    shop, item = factories.make_channel("shop"), factories.make_item("MUG")
    figure(shop, item, "3")
    mapping = factories.map_item(shop, item, "product:92")
    listing = factories.make_listing(
        mapping,
        state=Listing.State.OWED,
        desired=Decimal(3),
        acknowledged=Decimal(4),
        acknowledged_at=NOON,
    )
    for wrote in (Decimal(9), Decimal(4), None):
        PushAttempt.objects.create(listing=listing, at=NOON, wrote=wrote, outcome="settled")
    reserve(item, factories.make_location("WH"), quantity=5, contained=2)

    body = partner.get("/api/v1/channels/shop/availability/MUG").json()

    assert body["available"] == "3"
    assert [(term["name"], term["quantity"], term["location"]) for term in body["terms"]] == [
        ("on_hand", "5", "WH"),
        ("buffer", "-2", ""),
    ]
    assert [(p["order"], p["line"], p["open"]) for p in body["promises"]] == [("482", "91", "3")]
    assert sum(Decimal(term["quantity"]) for term in body["terms"]) == Decimal(body["available"])
    assert body["told"] == [
        {
            "listing": "product:92",
            "location": "",
            "state": "owed",
            "wanted": "3",
            "sent": "4",
            "sent_at": "2026-11-23T12:00:00Z",
            "confirmed": "4",
            "confirmed_at": "2026-11-23T12:00:00Z",
            "error_code": "",
        }
    ]


def test_a_connection_that_does_not_sell_is_no_channel(partner: APIClient):
    factories.make_till("till")
    factories.make_channel("shop")

    assert [row["code"] for row in partner.get("/api/v1/channels").json()["results"]] == ["shop"]
    assert partner.get("/api/v1/channels/till/availability").status_code == 404


def figure(shop, item, value: str | None) -> None:
    factories.make_figure(
        shop,
        item,
        None if value is None else Decimal(value),
        ["on_hand", 5, "WH"],
        ["buffer", -2],
        unknown=["BER"] if value is None else [],
    )


def reserve(item, place, *, quantity: int, contained: int, is_open: bool = True) -> Order:
    shop = factories.make_channel()
    order = Order.objects.create(
        connection=shop, order_ref="482", number="482", status="committed", stamp=1, seen_at=NOON
    )
    line = Reservation.objects.create(
        order=order, line_ref="91", item=item, demand=quantity, state=Reservation.State.COMMITTED
    )
    Allocation.objects.create(
        reservation=line, item=item, location=place, quantity=quantity, contained=contained, open=is_open
    )
    return order
