"""The traps of reading and writing stock, one row each: what the shop does with what it is sent."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.woocommerce.twin_shop import Quirks
from tests.connectors.woocommerce.twin_world import World, recording

TEN = 10  # what every managed product of the world starts with

# (what is sent, status of a single call, figure after it, figure after the same inside a batch)
WRITES: list[tuple[str, Any, int, int, int]] = [
    ("an integer", 7, 200, 7, 7),
    ("a numeric string", "7", 200, 7, 7),
    ("a negative figure is taken", -3, 200, -3, -3),
    ("a fraction is refused, in a batch cut off", 7.9, 400, TEN, 7),
    ("a fractional string is refused, in a batch cut off", "7.9", 400, TEN, 7),
    ("1.5 is refused, in a batch cut to 1", 1.5, 400, TEN, 1),
    ("text is refused, in a batch it empties the shelf", "abc", 400, TEN, 0),
    ("nothing empties the shelf, in a batch it is ignored", None, 200, 0, TEN),
    ("an empty string is refused, in a batch it empties the shelf", "", 400, TEN, 0),
]


@pytest.mark.parametrize(("why", "sent", "status", "single", "batch"), WRITES, ids=[row[0] for row in WRITES])
def test_what_a_stock_figure_becomes(why: str, sent: Any, status: int, single: int, batch: int) -> None:
    world = World()

    answered, body, _ = world.call("PUT", "/products/10", {"stock_quantity": sent})
    in_batch, results, _ = world.call(
        "POST", "/products/batch", {"update": [{"id": 11, "stock_quantity": sent}]}
    )

    assert (answered, world.figure(10)) == (status, single)
    assert (in_batch, world.figure(11)) == (200, batch)
    assert results["update"][0]["stock_quantity"] == batch
    if status == 400:
        assert body["code"] == "rest_invalid_param"


# (why, method and path, body, content type, figure of which product, expected figure)
IGNORED: list[tuple[str, str, Any, str, int, Any]] = [
    ("an unknown field", "/products/10", {"stock_qty": 3}, "application/json", 10, TEN),
    ("an unmanaged product", "/products/260", {"stock_quantity": 3}, "application/json", 260, None),
    (
        "a variation its parent manages",
        "/products/382/variations/383",
        {"stock_quantity": 3},
        "application/json",
        383,
        7,
    ),
    ("a body called text/plain", "/products/10", {"stock_quantity": 3}, "text/plain", 10, TEN),
    ("a body with no type at all", "/products/10", {"stock_quantity": 3}, "", 10, TEN),
]


@pytest.mark.parametrize(
    ("why", "path", "body", "kind", "product", "figure"), IGNORED, ids=[r[0] for r in IGNORED]
)
def test_a_write_is_answered_200_and_changes_nothing(
    why: str, path: str, body: Any, kind: str, product: int, figure: Any
) -> None:
    world = World()

    status, answered, _ = world.call("PUT", path, body, content_type=kind)

    assert (status, world.figure(product)) == (200, figure)
    assert answered["stock_quantity"] == figure


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH"])
@pytest.mark.parametrize("path", ["/products/10", "/products/261/variations/262", "/products/382"])
def test_stock_is_written_by_any_of_three_methods(method: str, path: str) -> None:
    world = World()

    status, body, _ = world.call(method, path, {"stock_quantity": 3})

    assert (status, body["stock_quantity"]) == (200, 3)


def test_a_pool_is_shared_by_its_variations_and_written_at_the_parent() -> None:
    world = World()

    world.call("PUT", "/products/382", {"stock_quantity": 4})

    _, body, _ = world.call("GET", "/products/382/variations?_fields=id,manage_stock,stock_quantity")
    assert [(row["manage_stock"], row["stock_quantity"]) for row in body] == [("parent", 4), ("parent", 4)]


def test_forcing_management_takes_the_figure_and_switching_it_off_forgets_it() -> None:
    world = World()

    _, on, _ = world.call("PUT", "/products/260", {"manage_stock": True, "stock_quantity": 5})
    _, off, _ = world.call("PUT", "/products/260", {"manage_stock": False})

    assert (on["manage_stock"], on["stock_quantity"]) == (True, 5)
    assert (off["manage_stock"], off["stock_quantity"], off["stock_status"]) == (False, None, "instock")


# (figure, backorders, status claimed, status shown)
STATUSES = [
    (5, "no", "outofstock", "instock"),
    (0, "no", "instock", "outofstock"),
    (-3, "no", "instock", "outofstock"),
    (0, "notify", "instock", "onbackorder"),
    (-2, "yes", "outofstock", "onbackorder"),
]


@pytest.mark.parametrize(("quantity", "backorders", "claimed", "shown"), STATUSES)
def test_the_status_of_managed_stock_is_computed(
    quantity: int, backorders: str, claimed: str, shown: str
) -> None:
    body = {"stock_quantity": quantity, "backorders": backorders, "stock_status": claimed}

    _, answered, _ = World().call("PUT", "/products/10", body)

    assert answered["stock_status"] == shown


def test_the_status_of_an_ordinary_parent_follows_its_variations() -> None:
    world = World()
    family = range(262, 382)
    body = {"update": [{"id": number, "stock_quantity": 0} for number in family]}

    world.call("POST", "/products/261/variations/batch", {"update": body["update"][:100]})
    _, some, _ = world.call("GET", "/products/261")
    world.call("POST", "/products/261/variations/batch", {"update": body["update"][100:]})
    _, none, _ = world.call("GET", "/products/261")

    assert (some["stock_status"], none["stock_status"]) == ("instock", "outofstock")
    assert none["stock_quantity"] is None


def test_deltas_lose_updates_while_orders_do_not() -> None:
    world = World()
    world.set_figure(10, 100)
    world.twin.products.between_delta_read_and_write = lambda: (
        world.order(10, 1, status="processing") and None
    )

    world.call("PUT", "/products/10", {"inventory_delta": -1})

    assert world.figure(10) == 99

    world.call("PUT", "/products/10", {"inventory_delta": -5, "stock_quantity": 50})
    assert world.figure(10) == 50


# ── batches ──────────────────────────────────────────────────────────────────────────────────────────


def test_over_a_hundred_items_in_all_lists_are_refused_whole() -> None:
    world = World()
    body = {"update": [{"id": 10, "stock_quantity": 1}] * 60, "delete": list(range(100, 141))}

    status, answered, _ = world.call("POST", "/products/batch", body)

    assert (status, answered["code"]) == (413, "woocommerce_rest_request_entity_too_large")
    assert world.figure(10) == TEN


def test_the_same_id_twice_is_applied_in_order_and_a_sku_is_no_id() -> None:
    world = World()
    update = [
        {"id": 10, "stock_quantity": 1},
        {"id": 10, "stock_quantity": 2},
        {"sku": "SKU-0002", "stock_quantity": 3},
    ]

    _, body, _ = world.call("POST", "/products/batch", {"update": update})

    assert (world.figure(10), world.figure(11)) == (2, TEN)
    assert body["update"][2]["error"]["code"] == "woocommerce_rest_product_invalid_id"


def test_cutting_the_fields_of_a_batch_empties_its_answer_but_not_its_effect() -> None:
    world = World()

    status, body, _ = world.call(
        "POST", "/products/batch?_fields=id", {"update": [{"id": 10, "stock_quantity": 1}]}
    )

    assert (status, body, world.figure(10)) == (200, [], 1)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────


def ids(world: World, path: str) -> list[int]:
    status, body, _ = world.call("GET", path)
    assert status == 200
    return [row["id"] for row in body]


def test_a_page_holds_ten_unless_asked_and_newest_come_first() -> None:
    world = World()

    assert len(ids(world, "/products")) == 10
    assert ids(world, "/products?per_page=2&orderby=id&order=asc") == [10, 11]
    assert ids(world, "/products?per_page=3&orderby=id&order=desc") == [382, 261, 260]
    assert len(ids(world, f"/products?per_page=100&include={','.join(map(str, range(10, 110)))}")) == 100


def test_lists_show_parents_and_a_sku_finds_variations_and_drafts_but_nothing_trashed() -> None:
    world = World()
    world.call("PUT", "/products/11", {"status": "draft"})
    world.call("DELETE", "/products/12")

    assert ids(world, "/products?sku=VAR-1-S001,SKU-0002,SKU-0003,NOPE&orderby=id&order=asc") == [11, 262]
    assert 262 not in ids(world, "/products?per_page=100&page=3&orderby=id&order=asc")


def test_a_trashed_product_still_blocks_its_sku_and_can_be_written() -> None:
    world = World()
    world.call("DELETE", "/products/12")

    status, body, _ = world.call("POST", "/products", {"name": "x", "sku": "SKU-0003"})
    written, _, _ = world.call("PUT", "/products/12", {"stock_quantity": 1})

    assert (status, body["code"]) == (400, "woocommerce_rest_product_not_created")
    assert (written, world.figure(12)) == (200, 1)


def test_all_variations_are_listed_at_once_except_by_older_shops() -> None:
    new, old = World(), World(quirks=Quirks(global_variations=False))

    assert new.call("GET", "/variations?per_page=1")[2].headers[-1][0] == "Link"
    status, body, _ = old.call("GET", "/variations")
    assert (status, body["code"]) == (404, "rest_no_route")


def test_a_decimal_shop_shows_floats_as_recorded() -> None:
    world = World(quirks=Quirks(decimal_stock=True))
    world.set_figure(106, 1.5)

    _, body, _ = world.call("GET", "/products/106?_fields=id,stock_quantity,stock_status")

    recorded = recording("product-get-decimal-shop")["response"]["body"]
    assert {name: body[name] for name in ("id", "stock_quantity", "stock_status")} == {
        name: recorded[name] for name in ("id", "stock_quantity", "stock_status")
    }


# ── times: the shop is in Berlin, the change was made at 02:33:24 UTC = 03:33:24 local ───────────────────

MODIFIED: list[tuple[str, str, bool]] = [
    ("UTC with dates_are_gmt", "2026-11-23T02:33:23&dates_are_gmt=true", True),
    ("strictly greater", "2026-11-23T02:33:24&dates_are_gmt=true", False),
    ("naive UTC is read as local: an hour of old rows", "2026-11-23T02:40:00", True),
    ("naive local", "2026-11-23T03:33:24", False),
    ("a Z suffix", "2026-11-23T02:33:23Z", True),
    ("a Z suffix, strictly", "2026-11-23T02:33:24Z", False),
    ("an offset with dates_are_gmt finds nothing", "2026-11-23T02:30:00%2B00:00&dates_are_gmt=true", False),
]


@pytest.mark.parametrize(("why", "query", "found"), MODIFIED, ids=[row[0] for row in MODIFIED])
def test_modified_after(why: str, query: str, found: bool) -> None:
    world = World()
    world.clock.forward(309)
    world.call("PUT", "/products/210", {"stock_quantity": 10})
    world.call("PUT", "/products/261/variations/372", {"stock_quantity": 556})

    assert ids(world, f"/products?modified_after={query}&include=210") == ([210] if found else [])
    assert ids(world, f"/variations?modified_after={query}&include=372") == ([372] if found else [])


def test_modified_after_lists_what_the_recording_lists() -> None:
    world = World()
    world.clock.forward(309)
    world.call("PUT", "/products/210", {"stock_quantity": 10})
    world.call("PUT", "/products/261/variations/372", {"stock_quantity": 556})
    for name in ("products-modified-after", "variations-global-modified-after"):
        asked = recording(name)

        _, body, _ = world.call("GET", asked["request"]["path"])

        assert sorted(body, key=lambda row: row["id"]) == sorted(
            asked["response"]["body"], key=lambda row: row["id"]
        )


# (why, method, path, body, products whose date moves)
BUMPS: list[tuple[str, str, str, Any, set[int]]] = [
    ("a write with the same value", "PUT", "/products/10", {"stock_quantity": 10}, {10}),
    ("a write with an unknown field", "PUT", "/products/10", {"stock_qty": 1}, {10}),
    (
        "a variation's stock, and its parent",
        "PUT",
        "/products/261/variations/262",
        {"stock_quantity": 1},
        {261, 262},
    ),
    (
        "an ignored write to a pooled variation",
        "PUT",
        "/products/382/variations/383",
        {"stock_quantity": 1},
        {383},
    ),
    (
        "an order that reduces",
        "POST",
        "/orders",
        {"status": "processing", "line_items": [{"product_id": 10}]},
        {10},
    ),
    (
        "an order that does not",
        "POST",
        "/orders",
        {"status": "pending", "line_items": [{"product_id": 10}]},
        set(),
    ),
]


@pytest.mark.parametrize(("why", "method", "path", "body", "bumped"), BUMPS, ids=[row[0] for row in BUMPS])
def test_what_moves_the_date_of_modification(
    why: str, method: str, path: str, body: Any, bumped: set[int]
) -> None:
    world = World()
    world.clock.forward(60)

    world.call(method, path, body)

    moved = {doc["id"] for doc in world.twin.products.book.all() if doc["modified"] > doc["created"]}
    assert moved == bumped


def test_a_write_behind_the_shops_back_moves_no_date_and_tells_nobody() -> None:
    world = World()
    world.hook("product.updated")
    world.clock.forward(60)

    world.set_figure(10, 3)

    assert world.figure(10) == 3
    assert world.cron() == []
    assert world.twin.control.book([10])["products"][0]["history"][-1]["value"] == 3
    assert ids(world, "/products?modified_after=2026-11-23T02:28:16&dates_are_gmt=true") == []
