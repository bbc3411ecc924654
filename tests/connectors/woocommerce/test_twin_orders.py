"""The traps of orders and refunds, one row each: when stock goes, and when it comes back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from connectors.woocommerce.twin_control import Refused
from connectors.woocommerce.twin_shop import Quirks
from tests.connectors.woocommerce.twin_world import World, recording

# (why, statuses gone through, the figure after each; five units are ordered of ten)
WALKS: list[tuple[str, list[str], list[int]]] = [
    ("pending holds nothing", ["pending"], [10]),
    ("a draft holds nothing", ["checkout-draft"], [10]),
    ("on-hold holds", ["on-hold"], [5]),
    ("processing holds", ["processing"], [5]),
    ("completed holds", ["completed"], [5]),
    (
        "moving between the holding ones changes nothing",
        ["on-hold", "processing", "completed", "on-hold"],
        [5] * 4,
    ),
    ("the same again changes nothing", ["processing", "processing"], [5, 5]),
    ("cancelling gives back once", ["processing", "cancelled", "cancelled"], [5, 10, 10]),
    ("going back to pending gives back", ["processing", "pending"], [5, 10]),
    ("a failed order gives back", ["processing", "failed"], [5, 10]),
    ("a status of refunded gives nothing back", ["processing", "refunded"], [5, 5]),
    ("taken up again it is held again", ["processing", "cancelled", "processing"], [5, 10, 5]),
    ("cancelled before it was paid gives nothing", ["pending", "cancelled"], [10, 10]),
]


@pytest.mark.parametrize(("why", "statuses", "figures"), WALKS, ids=[row[0] for row in WALKS])
def test_what_each_status_does_to_the_stock(why: str, statuses: list[str], figures: list[int]) -> None:
    world = World()
    order = world.order(10, 5, status=statuses[0])
    seen = [world.figure(10)]

    for status in statuses[1:]:
        world.call("PUT", f"/orders/{order['id']}", {"status": status})
        seen.append(world.figure(10))

    _, after, _ = world.call("GET", f"/orders/{order['id']}")
    assert seen == figures
    assert reduced(after) == ("5" if figures[-1] == 5 else None)


def test_before_version_11_a_failed_order_kept_its_stock() -> None:
    world = World(quirks=Quirks(failed_restores=False))
    order = world.order(10, 5, status="processing")

    world.call("PUT", f"/orders/{order['id']}", {"status": "failed"})

    assert world.figure(10) == 5


def test_set_paid_takes_the_stock_and_a_status_of_refunded_writes_a_full_refund() -> None:
    world = World()
    order = world.order(10, 5, set_paid=True)

    _, after, _ = world.call("PUT", f"/orders/{order['id']}", {"status": "refunded"})

    assert (order["status"], world.figure(10)) == ("processing", 5)
    assert [refund["reason"] for refund in after["refunds"]] == ["Order fully refunded."]
    _, refunds, _ = world.call("GET", f"/orders/{order['id']}/refunds")
    assert [refund["line_items"] for refund in refunds] == [[]]


@pytest.mark.parametrize("force", [False, True])
def test_a_deleted_order_keeps_its_stock(force: bool) -> None:
    world = World()
    order = world.order(10, 5, status="processing")

    status, _, _ = world.call("DELETE", f"/orders/{order['id']}{'?force=true' if force else ''}")

    assert (status, world.figure(10)) == (200, 5)
    gone, _, _ = world.call("GET", f"/orders/{order['id']}")
    assert gone == (404 if force else 200)
    assert world.call("GET", "/orders")[1] == []


# (why, what is sent as line_items; "LINE" is the line's id; figures of products 10 and 11 after it)
EDITS: list[tuple[str, list[dict[str, Any]], tuple[int, int]]] = [
    ("more of a line", [{"id": "LINE", "quantity": 7}], (3, 10)),
    ("less of a line", [{"id": "LINE", "quantity": 1}], (9, 10)),
    ("a line removed", [{"id": "LINE", "quantity": 0}], (10, 10)),
    ("a line removed by its product", [{"id": "LINE", "product_id": None}], (10, 10)),
    ("a line added", [{"product_id": 11, "quantity": 2}], (5, 8)),
]


@pytest.mark.parametrize(("why", "sent", "figures"), EDITS, ids=[row[0] for row in EDITS])
def test_editing_a_holding_order_moves_the_difference(
    why: str, sent: list[dict[str, Any]], figures: tuple[int, int]
) -> None:
    world = World()
    order = world.order(10, 5, status="processing")
    lines = [
        {n: order["line_items"][0]["id"] if v == "LINE" else v for n, v in line.items()} for line in sent
    ]

    status, after, _ = world.call("PUT", f"/orders/{order['id']}", {"line_items": lines})

    assert (status, world.figure(10), world.figure(11)) == (200, *figures)
    held = {line["product_id"]: int(reduced({"line_items": [line]}) or 0) for line in after["line_items"]}
    assert held.get(10, 0) == 10 - figures[0]
    assert held.get(11, 0) == 10 - figures[1]


def test_orders_over_rest_are_not_checked_against_stock_or_products() -> None:
    world = World()

    order = world.order(10, 500, status="processing")
    status, unknown, _ = world.call(
        "POST", "/orders", {"line_items": [{"product_id": 777777, "quantity": 1}]}
    )

    assert (order["line_items"][0]["quantity"], world.figure(10)) == (500, -490)
    assert (status, unknown["line_items"][0]["product_id"], unknown["line_items"][0]["sku"]) == (201, 0, None)


def test_a_sku_resolves_to_product_and_variation() -> None:
    world = World()
    lines = [{"sku": "VAR-1-S001", "quantity": 1}, {"sku": "SKU-0001", "quantity": 1}]

    _, order, _ = world.call("POST", "/orders", {"line_items": lines, "status": "processing"})

    named = [(line["product_id"], line["variation_id"]) for line in order["line_items"]]
    assert named == [(261, 262), (10, 0)]
    assert (world.figure(262), world.figure(10)) == (9, 9)


def test_a_pooled_variation_sells_from_its_parent_and_an_unmanaged_product_from_nothing() -> None:
    world = World()
    lines = [{"product_id": 382, "variation_id": 383, "quantity": 2}, {"product_id": 260, "quantity": 4}]

    _, order, _ = world.call("POST", "/orders", {"line_items": lines, "status": "processing"})

    assert (world.figure(382), world.figure(384), world.figure(260)) == (5, 5, None)
    assert [line["meta_data"] != [] for line in order["line_items"]] == [True, False]


def test_eight_at_once_take_the_stock_once_and_forty_orders_take_forty() -> None:
    world = World()
    world.set_figure(11, 100)
    order = world.order(10, 5, status="pending")

    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda _: world.call("PUT", f"/orders/{order['id']}", {"status": "processing"}), range(8)
            )
        )
        list(pool.map(lambda _: world.order(11, 1, status="processing"), range(40)))

    assert (world.figure(10), world.figure(11)) == (5, 60)


# ── refunds ──────────────────────────────────────────────────────────────────────────────────────────

# (why, body but for the line's id, answered, figure after it, _reduced_stock after it)
REFUNDS: list[tuple[str, dict[str, Any], int, int, str]] = [
    ("lines go back on the shelf unless told otherwise", {"units": 1}, 201, 6, "4"),
    ("api_restock false leaves them out", {"units": 1, "api_restock": False}, 201, 5, "5"),
    ("an amount alone moves nothing", {"amount": "1.00"}, 201, 5, "5"),
    ("more units than were sold are put back", {"units": 9, "amount": "1.00"}, 201, 14, "-4"),
    ("too much money is refused", {"amount": "9999"}, 500, 5, "5"),
    ("a gateway that cannot refund is refused", {"units": 1, "api_refund": True}, 500, 5, "5"),
]


@pytest.mark.parametrize(("why", "body", "answered", "figure", "held"), REFUNDS, ids=[r[0] for r in REFUNDS])
def test_what_a_refund_puts_back(
    why: str, body: dict[str, Any], answered: int, figure: int, held: str
) -> None:
    world = World()
    order = world.order(10, 5, status="processing")
    units = body.pop("units", 0)
    lines = [{"id": order["line_items"][0]["id"], "quantity": units, "refund_total": "1.00"}] if units else []

    status, refund, _ = world.call(
        "POST", f"/orders/{order['id']}/refunds", {"api_refund": False, **body, "line_items": lines}
    )

    _, after, _ = world.call("GET", f"/orders/{order['id']}")
    assert (status, world.figure(10), reduced(after)) == (answered, figure, held)
    if answered == 500:
        assert refund["code"] == "woocommerce_rest_cannot_create_order_refund"
        assert after["refunds"] == []


def test_a_later_cancel_gives_back_only_the_rest() -> None:
    world = World()
    order = world.order(10, 5, status="processing")
    refund_units(world, order, 2)

    _, after, _ = world.call("PUT", f"/orders/{order['id']}", {"status": "cancelled"})

    meta = {row["key"]: row["value"] for row in after["line_items"][0]["meta_data"]}
    assert (world.figure(10), meta) == (10, {"_restock_refunded_items": "2"})


def test_refunds_that_reach_the_total_close_the_order_and_deleting_one_takes_nothing_back() -> None:
    world = World()
    order = world.order(10, 5, status="processing")

    refund = refund_units(world, order, 5, amount=order["total"])
    _, after, _ = world.call("GET", f"/orders/{order['id']}")
    path = f"/orders/{order['id']}/refunds/{refund['id']}"
    refused, why, _ = world.call("DELETE", path)
    deleted, _, _ = world.call("DELETE", f"{path}?force=true")

    assert (after["status"], world.figure(10)) == ("refunded", 10)
    assert (refused, why["code"], deleted) == (501, "woocommerce_rest_trash_not_supported", 200)
    assert world.call("GET", f"/orders/{order['id']}/refunds")[1] == []


def test_an_order_lists_only_sums_and_refunds_are_listed_across_orders_as_recorded() -> None:
    world = World()
    first, second = world.order(10, 5, status="processing"), world.order(11, 5, status="processing")
    refund_units(world, first, 1)
    world.clock.forward(1)
    refund_units(world, second, 2)

    _, order, _ = world.call("GET", f"/orders/{first['id']}")
    _, everywhere, _ = world.call("GET", "/refunds?per_page=2")

    recorded = recording("refunds-list-global")["response"]["body"]
    assert [set(row) for row in order["refunds"]] == [{"id", "reason", "total", "total_tax"}]
    assert [row["parent_id"] for row in everywhere] == [second["id"], first["id"]]
    assert set(everywhere[0]) == set(recorded[0])
    assert set(everywhere[0]["line_items"][0]) == set(recorded[1]["line_items"][0])
    assert everywhere[0]["line_items"][0]["quantity"] == -2


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────


def test_orders_are_listed_by_status_id_and_time_of_change() -> None:
    world = World()
    first, second, third = (world.order(10, 1, status=s) for s in ("pending", "processing", "cancelled"))
    world.clock.forward(60)
    world.call("PUT", f"/orders/{first['id']}", {"status": "processing"})

    def listed(query: str) -> list[int]:
        return [row["id"] for row in world.call("GET", f"/orders?orderby=modified&order=asc&{query}")[1]]

    assert listed("status=processing%2Ccancelled") == [second["id"], third["id"], first["id"]]
    assert listed(f"include={second['id']},{third['id']}") == [second["id"], third["id"]]
    assert listed("modified_after=2026-11-23T02:28:16&dates_are_gmt=true") == [first["id"]]
    asked = recording("orders-list")
    status, rows, _ = world.call("GET", asked["request"]["path"])
    assert (status, len(rows)) == (200, 2)
    assert set(rows[0]) == set(asked["response"]["body"][0])
    assert world.call("GET", "/orders?status=bogus")[0] == 400


# ── the storefront ───────────────────────────────────────────────────────────────────────────────────


def test_the_storefront_sells_only_what_the_shop_shows_and_says_what_is_short() -> None:
    world = World()

    order = world.twin.control.checkout(
        [{"product_id": 10, "quantity": 6}, {"product_id": 10, "quantity": 4}]
    )

    assert (order["status"], order["created_via"], world.figure(10)) == ("processing", "checkout", 0)
    with pytest.raises(Refused) as refused:
        world.twin.control.checkout([{"product_id": 11, "quantity": 1}, {"product_id": 10, "quantity": 1}])
    assert refused.value.lines == [{"product_id": 10, "asked": 1, "shown": 0}]
    assert world.figure(11) == 10


def test_two_lines_of_one_product_are_judged_together() -> None:
    world = World()

    with pytest.raises(Refused):
        world.twin.control.checkout([{"product_id": 10, "quantity": 6}, {"product_id": 10, "quantity": 5}])

    assert (world.figure(10), world.twin.control.orders()) == (10, [])


def test_an_unpaid_storefront_order_keeps_stock_from_others_without_showing_it() -> None:
    world = World()
    order = world.twin.control.checkout([{"product_id": 10, "quantity": 8}], status="pending")

    with pytest.raises(Refused):
        world.twin.control.checkout([{"product_id": 10, "quantity": 3}])
    shown = world.figure(10)
    world.clock.forward(3601)
    world.twin.control.checkout([{"product_id": 10, "quantity": 3}])

    assert (order["status"], shown, world.figure(10)) == ("pending", 10, 7)


def test_backorders_are_sold_below_zero() -> None:
    world = World()
    world.call("PUT", "/products/10", {"backorders": "notify", "stock_quantity": 1})

    world.twin.control.checkout([{"product_id": 10, "quantity": 3}])

    assert world.figure(10) == -2


def reduced(order: dict[str, Any]) -> str | None:
    meta = [
        row for line in order["line_items"] for row in line["meta_data"] if row["key"] == "_reduced_stock"
    ]
    return meta[0]["value"] if meta else None


def refund_units(world: World, order: dict[str, Any], units: int, amount: str = "1.00") -> dict[str, Any]:
    line = {"id": order["line_items"][0]["id"], "quantity": units, "refund_total": amount}
    body = {"api_refund": False, "amount": amount, "line_items": [line]}
    status, refund, _ = world.call("POST", f"/orders/{order['id']}/refunds", body)
    assert status == 201
    document: dict[str, Any] = refund
    return document
