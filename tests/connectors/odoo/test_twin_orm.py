"""The twin's rows: searched, read, nested and grouped as Odoo does it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.connectors.odoo.world import OdooWorld, Refused


@pytest.fixture(params=[18, 19])
def world(request: pytest.FixtureRequest) -> OdooWorld:
    return OdooWorld(request.param)


@pytest.fixture
def stocked(world: OdooWorld) -> OdooWorld:
    for place, product, quantity, reserved in (
        ("stock", 0, 10, 2), ("shelf", 0, 5, 0), ("inventory", 0, -15, 0),
        ("stock", 1, 7, 0), ("stock2", 1, 4, 0),
    ):  # fmt: skip
        world.quant(world.products[product], quantity, place, reserved_quantity=reserved)
    return world


def found(world: OdooWorld, model: str, domain: list[Any], **named: Any) -> list[int]:
    ids: list[int] = world.ask(model, "search", domain=domain, **named)
    return ids


# ── searching ──


def test_the_parts_of_a_domain_are_joined_by_and_unless_an_operator_says_otherwise(stocked: OdooWorld):
    first, second = stocked.products[:2]
    either: list[Any] = ["|", ("default_code", "=", "SKU-0000"), ("default_code", "=", "SKU-0001")]

    assert found(stocked, "product.product", either) == [first, second]
    assert found(stocked, "product.product", [*either, ("barcode", "like", "0001")]) == [second]
    assert found(stocked, "product.product", [*either, "!", ("barcode", "like", "0001")]) == [first]
    assert found(stocked, "product.product", ["&", *either, ("id", ">", second)]) == []


def test_a_dotted_path_goes_through_relations_in_both_directions(stocked: OdooWorld):
    inside = [("location_id.usage", "in", ["internal", "transit"])]

    rows = stocked.ask("stock.quant", "search_read", domain=inside, fields=["quantity"])
    assert [row["quantity"] for row in rows] == [10.0, 5.0, 7.0, 4.0]
    assert found(stocked, "product.product", [("stock_quant_ids.quantity", ">", 6)]) == stocked.products[:2]
    assert found(stocked, "stock.quant", [("product_id.product_tmpl_id.name", "=", "Item 0001")]) == [4, 5]
    assert found(stocked, "stock.quant", [("warehouse_id", "=", stocked.warehouses[1])]) == [5]


def test_child_of_takes_a_place_with_everything_below_it(stocked: OdooWorld):
    below = [("location_id", "child_of", stocked.places["stock"])]

    assert found(stocked, "stock.quant", below) == [1, 2, 4]
    named = [("location_id", "child_of", "WH2/Stock")]
    assert found(stocked, "stock.quant", named) == [5]


@pytest.mark.parametrize(
    ("operator", "pattern", "count"),
    [("=like", "SKU-000%", 10), ("like", "U-001", 10), ("ilike", "sku-002", 10), ("=ilike", "sku-0029", 1),
     ("like", "sku", 0), ("not like", "SKU", 3), ("=like", "SKU-00_5", 3)],
)  # fmt: skip
def test_patterns_are_matched_as_sql_would(world: OdooWorld, operator: str, pattern: str, count: int):
    assert len(found(world, "product.product", [("default_code", operator, pattern)])) == count


def test_false_finds_what_is_empty_and_an_empty_relation(stocked: OdooWorld):
    top = found(stocked, "stock.location", [("location_id", "=", False), ("usage", "=", "view")], order="id")

    assert top == ([1, 2, 3] if stocked.version == 18 else [4, 15])
    assert found(stocked, "product.product", [("barcode", "=", False)], order="id") == sorted(
        stocked.goods[name] for name in ("lotted", "serial", "kit")
    )
    assert len(found(stocked, "product.product", [("stock_quant_ids", "!=", False)])) == 2
    assert found(stocked, "product.product", [("company_id", "in", [False]), ("id", "<", 2)]) == [1]


def test_archived_records_hide_unless_asked_for(world: OdooWorld):
    product = world.products[0]
    with world.twin.env() as env:
        env.write("product.product", [product], {"active": False})

    assert found(world, "product.product", [("default_code", "=", "SKU-0000")]) == []
    shown = found(
        world, "product.product", [("default_code", "=", "SKU-0000")], context={"active_test": False}
    )
    assert shown == [product]
    assert found(world, "product.product", [("active", "=", False)]) == [product]


def test_pages_by_id_and_by_time_follow_the_order_asked_for(world: OdooWorld):
    world.clock.advance(60)
    with world.twin.env() as env:
        env.write("product.product", [world.products[3]], {"weight": 1.0})

    after = [("id", ">", world.products[4])]
    assert found(world, "product.product", after, order="id", limit=3) == world.products[5:8]
    assert found(world, "product.product", [], order="write_date desc, id", limit=2) == [
        world.products[3],
        world.products[0],
    ]
    assert found(world, "product.product", [], order="id", offset=2, limit=1) == [world.products[2]]


def test_write_date_is_told_in_seconds_but_compared_with_its_microseconds(world: OdooWorld):
    product = [("id", "=", world.products[0])]
    seen = world.ask("product.product", "search_read", domain=product, fields=["write_date"])[0]["write_date"]

    assert seen == "2026-11-23 02:31:12"
    assert found(world, "product.product", [*product, ("write_date", ">", seen)]) == [world.products[0]]
    assert found(world, "product.product", [*product, ("write_date", "=", seen)]) == []


@pytest.mark.parametrize("text", ["2026-11-23T02:31:12", "2026-11-23 02:31:12Z", "2026-11-23 04:31:12+02:00"])
def test_18_lets_iso_times_pass_in_a_domain_and_19_refuses_them(world: OdooWorld, text: str):
    if world.version == 18:
        assert isinstance(found(world, "product.product", [("write_date", ">=", text)]), list)
        return
    with pytest.raises(Refused) as refused:
        found(world, "product.product", [("write_date", ">=", text)])
    assert (refused.value.name, refused.value.status) == ("builtins.ValueError", 500)


# ── reading ──


def test_many2one_is_told_with_its_label_or_without_when_load_is_null(stocked: OdooWorld):
    asked: dict[str, Any] = {"domain": [("id", "=", 2)], "fields": ["product_id", "location_id", "lot_id"]}
    product, shelf = stocked.products[0], stocked.places["shelf"]

    assert stocked.ask("stock.quant", "search_read", **asked) == [
        {"id": 2, "product_id": [product, "[SKU-0000] Item 0000"],
         "location_id": [shelf, "WH/Stock/Shelf-A"], "lot_id": False}
    ]  # fmt: skip
    assert stocked.ask("stock.quant", "search_read", load=None, **asked) == [
        {"id": 2, "product_id": product, "location_id": shelf, "lot_id": False}
    ]


def test_one_web_read_nests_the_stock_of_each_product(stocked: OdooWorld):
    first, second = stocked.products[:2]
    specification = {"display_name": {}, "stock_quant_ids": {"fields": {"location_id": {}, "quantity": {}}}}

    rows = stocked.ask("product.product", "web_read", [second, first], specification=specification)

    assert [row["id"] for row in rows] == [second, first]
    assert rows[0]["stock_quant_ids"] == [
        {"id": 4, "location_id": stocked.places["stock"], "quantity": 7.0},
        {"id": 5, "location_id": stocked.places["stock2"], "quantity": 4.0},
    ]


def test_a_web_read_that_nests_fails_whole_when_one_record_is_gone(stocked: OdooWorld):
    plain, nested = {"display_name": {}}, {"stock_quant_ids": {"fields": {"quantity": {}}}}
    ids = [stocked.products[0], 999999]

    rows = stocked.ask("product.product", "web_read", ids, specification=plain)
    assert [row["id"] for row in rows] == [stocked.products[0]]
    with pytest.raises(Refused) as refused:
        stocked.ask("product.product", "web_read", ids, specification=nested)
    assert refused.value.name == "odoo.exceptions.MissingError"


def test_inside_a_one2many_a_domain_is_ignored_and_a_limit_takes_only_the_fields(stocked: OdooWorld):
    lines = {"fields": {"quantity": {}}, "limit": 1, "domain": [("quantity", "<", 0)]}

    row = stocked.ask(
        "product.product", "web_read", [stocked.products[0]], specification={"stock_quant_ids": lines}
    )

    assert row[0]["stock_quant_ids"] == [{"id": 1, "quantity": 10.0}, {"id": 2}, {"id": 3}]


def test_web_search_read_counts_all_and_nests_through_many2one(stocked: OdooWorld):
    specification = {
        "product_id": {"fields": {"display_name": {}, "stock_quant_ids": {"fields": {"quantity": {}}}}},
        "location_id": {}, "lot_id": {"fields": {"name": {}}},
    }  # fmt: skip

    answer = stocked.ask(
        "stock.quant", "web_search_read", domain=[("quantity", ">", 0)], specification=specification, limit=1
    )

    assert answer["length"] == 4
    assert answer["records"][0]["product_id"]["display_name"] == "[SKU-0000] Item 0000"
    assert [row["quantity"] for row in answer["records"][0]["product_id"]["stock_quant_ids"]] == [
        10.0,
        5.0,
        -15.0,
    ]
    assert answer["records"][0]["location_id"] == stocked.places["stock"]
    assert answer["records"][0]["lot_id"] is False


def test_grouped_reading_sums_by_product_and_place(stocked: OdooWorld):
    inside = ["location_id.usage", "=", "internal"]
    if stocked.version == 18:
        rows = stocked.execute(
            "stock.quant", "read_group", [inside], ["quantity:sum", "reserved_quantity:sum"], ["product_id"],
            lazy=False,
        )["result"]  # fmt: skip
        sums = [
            (row["product_id"][0], row["quantity"], row["reserved_quantity"], row["__count"]) for row in rows
        ]
        assert rows[0]["__domain"] == ["&", inside, ["product_id", "=", stocked.products[0]]]
    else:
        rows = stocked.ask(
            "stock.quant", "formatted_read_group", domain=[inside], groupby=["product_id"],
            aggregates=["quantity:sum", "reserved_quantity:sum", "__count"],
        )  # fmt: skip
        sums = [
            (row["product_id"][0], row["quantity:sum"], row["reserved_quantity:sum"], row["__count"])
            for row in rows
        ]
        assert rows[0]["__extra_domain"] == [["product_id", "=", stocked.products[0]]]

    assert sums == [(stocked.products[0], 15.0, 2.0, 2), (stocked.products[1], 11.0, 0.0, 2)]


def test_fields_get_tells_what_a_version_has(world: OdooWorld):
    about = world.ask("stock.move", "fields_get", attributes=["type", "relation", "required"])

    assert ("name" in about) == ("group_id" in about) == (world.version == 18)
    assert ("reference_ids" in about) == (world.version == 19)
    assert about["product_id"] == {"type": "many2one", "relation": "product.product", "required": True}
    assert ("uom_po_id" in world.ask("product.product", "fields_get", attributes=["type"])) == (
        world.version == 18
    )


def test_a_record_that_is_not_there_is_absent_in_read_and_an_error_in_write(world: OdooWorld):
    assert world.ask("product.product", "read", [999999], fields=["name"]) == []
    assert world.ask("product.product", "search_count", domain=[("id", "=", 999999)]) == 0

    with pytest.raises(Refused) as refused:
        world.ask("stock.location", "write", [999999], vals={"barcode": "Z"})
    assert refused.value.name == "odoo.exceptions.MissingError"
    assert f"(Record: stock.location(999999,), User: {world.people['sync']})" in refused.value.message


def test_active_test_in_the_context_is_for_the_search_and_not_for_lines(world: OdooWorld):
    shelf = world.places["shelf_b"]
    world.ask("stock.location", "write", [shelf], vals={"active": False})
    asked: dict[str, Any] = {
        "domain": [("id", "=", world.places["stock"])],
        "context": {"active_test": False},
    }

    row = world.ask("stock.location", "search_read", fields=["child_ids"], **asked)[0]
    nested = world.ask("stock.location", "web_search_read", specification={"child_ids": {}}, **asked)

    assert shelf not in row["child_ids"]
    assert shelf in nested["records"][0]["child_ids"]
