"""The demo retailer hangs together: codes, references, pools and the few deliberate oddities."""

from __future__ import annotations

from collections import Counter

import pytest

from connectors.odoo.twin import OdooTwin
from connectors.odoo.twin_seed import add_product
from runner import demo


@pytest.fixture(scope="module")
def retailer() -> demo.Doc:
    return demo.build(seed=1)


def test_the_same_seed_gives_the_same_retailer_and_another_seed_another(retailer: demo.Doc) -> None:
    assert demo.build(seed=1) == retailer
    assert demo.build(seed=2)["stock"] != retailer["stock"]


def test_every_gtin_is_unique_and_has_a_right_check_digit(retailer: demo.Doc) -> None:
    codes = [item["gtin"] for item in retailer["items"]]
    codes += [pack["gtin"] for item in retailer["items"] for pack in item["packs"]]

    assert len(set(codes)) == len(codes)
    for code in codes:
        digits = [int(digit) for digit in code]
        assert len(digits) == 13
        assert (sum(digits[0::2]) + 3 * sum(digits[1::2])) % 10 == 0


def test_it_is_as_big_and_as_mixed_as_promised(retailer: demo.Doc) -> None:
    kinds = Counter(item["kind"] for item in retailer["items"])
    places = Counter(location["kind"] for location in retailer["locations"])

    assert 480 <= len(retailer["items"]) <= 520
    assert kinds["kit"] == 25
    assert 35 <= sum(bool(item["packs"]) for item in retailer["items"]) <= 45
    assert places == {"company": 1, "warehouse": 2, "store": 3}


def test_what_is_named_exists(retailer: demo.Doc) -> None:
    items = {item["sku"] for item in retailer["items"]}
    places = {location["code"] for location in retailer["locations"]}
    products = {product["id"]: product for product in retailer["woo"]["products"]}

    assert {part["sku"] for item in retailer["items"] for part in item["components"]} <= items
    assert {row["sku"] for row in retailer["stock"]} <= items
    assert {row["location"] for row in retailer["stock"]} <= places
    assert set(retailer["woo"]["sells_from"]) <= places
    assert {row["item"] for row in retailer["till"]["items"]} <= items
    assert {row["sku"] for row in retailer["odoo"]["products"]} <= items
    assert {row["location"] for row in retailer["odoo"]["warehouses"]} <= places
    assert {product["item"] for product in products.values() if product["item"]} <= items
    assert all(
        products[product["parent_id"]]["type"] == "variable"
        for product in products.values()
        if product["type"] == "variation"
    )
    assert len({product["sku"] for product in products.values()}) == len(products)


def test_every_stocked_item_is_counted_at_every_place_and_no_kit_is(retailer: demo.Doc) -> None:
    stocked = [item["sku"] for item in retailer["items"] if item["kind"] == "stocked"]
    counted = Counter(row["sku"] for row in retailer["stock"])

    assert counted == dict.fromkeys(stocked, 5)


def test_every_place_is_decided_by_odoo_or_the_tills_and_never_by_both(retailer: demo.Doc) -> None:
    kept = {row["code"] for row in retailer["locations"] if row["kind"] != "company"}
    odoo = [row["location"] for row in retailer["odoo"]["warehouses"] if row["decides"]]
    tills = [row["location"] for row in retailer["till"]["stores"]]

    assert sorted([*odoo, *tills]) == sorted(kept)
    assert set(retailer["woo"]["sells_from"]) == set(odoo)
    assert {row["location"] for row in retailer["odoo"]["warehouses"]} - set(odoo) == {demo.MIRRORED}
    assert {row["code"] for row in retailer["locations"] if row.get("mode") == "figures"} == set(odoo)


def test_odoo_accepts_the_ids_that_the_dataset_promises_and_begins_with_its_stock(retailer: demo.Doc) -> None:
    twin = OdooTwin(version=19)

    made = twin.control.seed(retailer)

    book = twin.control.book()
    stock = {(row["location"], row["sku"]): float(row["quantity"]) for row in retailer["stock"]}
    codes = {row["location"]: row["code"] for row in retailer["odoo"]["warehouses"]}
    levels = {
        (where, sku): book["levels"][sku][book["warehouses"][codes[where]]]["on_hand"]
        for where, sku in stock
        if where in demo.SELLS_FROM
    }
    assert made["products"] == len(retailer["odoo"]["products"]) == 475
    assert levels == {key: stock[key] for key in levels}
    assert not [row for row in book["quants"] if row["place"] == book["warehouses"]["BER"]]


def test_a_dataset_written_for_another_database_is_refused(retailer: demo.Doc) -> None:
    twin = OdooTwin(version=19)
    with twin.env() as env:
        add_product(env, "ELSE")

    with pytest.raises(ValueError, match="should be 1 and became 2"):
        twin.control.seed(retailer)


def test_the_shop_has_three_unmapped_products_some_unmanaged_and_one_shared_pool(retailer: demo.Doc) -> None:
    products = retailer["woo"]["products"]
    sold = [product for product in products if product["type"] != "variable"]

    assert len([product for product in sold if product["item"] is None]) == 3
    assert len([product for product in sold if product["manage_stock"] is False]) == 4
    assert {product["item"] for product in sold if product["manage_stock"] == "parent"} == {"BOX"}
    assert {product["factor"] for product in sold} == {"1", "6", "12"}
