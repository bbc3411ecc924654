"""The twin's control API: people act over the wire, and witnesses read the books."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.base.twinkit import Request
from connectors.odoo.twin import OdooTwin
from tests.connectors.odoo.world import Clock

RETAILER: dict[str, Any] = {
    "warehouses": [{"code": "WH", "shelves": ["Shelf-A"]}, {"code": "HAM", "name": "Hamburg"}],
    "products": [
        {"sku": "MUG", "name": "Blue mug", "barcode": "4006381333931",
         "stock": {"WH": 50, "WH/Stock/Shelf-A": 5, "HAM": 3}},
        {"sku": "TRAY", "stock": {"WH": 10}},
        {"sku": "TEA", "tracking": "lot", "lots": {"L-1": {"WH": 4}, "L-2": {"WH": 6}}},
    ],
    "kits": [{"sku": "SET", "name": "Tea set", "parts": {"MUG": 2, "TRAY": 1}}],
    "customers": [{"name": "Shop customer", "email": "shop@example.com"}],
    "tills": [{"name": "Shop"}],
    "users": [{"login": "second", "groups": ["stock.group_stock_user"], "key": "b" * 40}],
}  # fmt: skip


class Door:
    """The control API of one twin."""

    def __init__(self, version: int) -> None:
        self.clock = Clock()
        self.twin = OdooTwin(version=version, now=self.clock, sleep=lambda _: None)
        self.post("seed", **RETAILER)

    def request(self, method: str, name: str, query: str = "", **body: Any) -> tuple[int, Any]:
        raw = json.dumps(body).encode() if body else b""
        response = self.twin.answer(Request(method, f"/_twin/{name}", query, {}, raw))
        return response.status, json.loads(response.body)

    def post(self, name: str, **body: Any) -> Any:
        status, document = self.request("POST", name, **body)
        assert status in (200, 201), document
        return document.get("done")

    def level(self, code: str, place: str = "warehouse:1") -> tuple[float, float]:
        _, document = self.request("GET", "book", f"sku={code}")
        found = document["levels"][code].get(place, {"on_hand": 0, "reserved": 0})
        return found["on_hand"], found["reserved"]


@pytest.fixture(params=[18, 19])
def door(request: pytest.FixtureRequest) -> Door:
    return Door(request.param)


def test_a_retailer_is_seeded_once(door: Door) -> None:
    _, again = door.request("POST", "seed", **RETAILER)

    assert set(again["counts"].values()) == {0}
    assert door.level("MUG") == (55, 0)
    assert door.level("MUG", "warehouse:2") == (3, 0)
    assert door.level("TEA") == (10, 0)


def test_a_dataset_of_the_demo_is_read_as_an_odoo(door: Door) -> None:
    dataset: dict[str, Any] = {
        "locations": [{"code": "CO", "name": "All", "kind": "company"},
                      {"code": "WH-MUC", "name": "Warehouse Munich", "kind": "warehouse"},
                      {"code": "ST-BER", "name": "Store Berlin", "kind": "store"}],
        "items": [{"sku": "JAR", "name": "Jar", "gtin": "4006381333948", "kind": "stocked", "price": "3.50"},
                  {"sku": "DUO", "name": "Two jars", "kind": "kit",
                   "components": [{"sku": "JAR", "quantity": "2"}]}],
        "stock": [{"location": "WH-MUC", "sku": "JAR", "quantity": "7"},
                  {"location": "ST-BER", "sku": "JAR", "quantity": "2"}],
    }  # fmt: skip
    _, found = door.request("POST", "seed", **dataset)

    assert found["counts"] == {
        "warehouses": 2, "products": 1, "kits": 1, "customers": 0, "tills": 1, "users": 0,
    }  # fmt: skip
    assert (door.level("JAR", "warehouse:3"), door.level("JAR", "warehouse:4")) == ((7, 0), (2, 0))
    door.post("till/open", till="Store Berlin")
    door.post("till/sell", till="Store Berlin", lines={"DUO": 1})
    door.post("till/close", till="Store Berlin")
    assert door.level("JAR", "warehouse:4") == (0, 0)


def test_the_books_name_goods_places_lots_and_kits(door: Door) -> None:
    _, book = door.request("GET", "book")

    kinds = {row["code"]: row["kit"] for row in book["products"]}
    assert kinds == {"MUG": False, "TRAY": False, "TEA": False, "SET": True}
    shelf = [row for row in book["quants"] if row["location"] == "WH/Stock/Shelf-A"]
    assert [(row["code"], row["quantity"], row["usage"]) for row in shelf] == [("MUG", 5, "internal")]
    assert (
        len({row["lot"] for row in book["quants"] if row["code"] == "TEA" and row["usage"] == "internal"})
        == 2
    )


def test_an_order_is_sold_shipped_in_part_and_brought_to_its_end(door: Door) -> None:
    name = door.post("sell", lines={"MUG": 6, "SET": 2}, reference="R1")
    assert door.level("MUG") == (55, 10)

    first = door.post("ship", order="R1", lines={"MUG": 4})
    assert door.level("MUG") == (51, 6)
    second = door.post("ship", order=name)

    _, found = door.request("GET", "orders", "ref=R1")
    (order,) = found["orders"]
    assert (order["name"], order["state"], order["delivery_status"]) == (name, "sale", "full")
    assert [(line["ordered"], line["delivered"]) for line in order["lines"]] == [(6, 6), (2, 2)]
    assert order["pickings"] == [*first, *second]
    _, found = door.request("GET", "pickings", f"name={second[0]}")
    assert found["pickings"][0]["backorder_of"] is not None


def test_shipping_without_a_backorder_drops_the_rest(door: Door) -> None:
    door.post("sell", lines={"MUG": 6}, reference="R1")
    door.post("ship", order="R1", lines={"MUG": 4}, backorder=False)

    _, found = door.request("GET", "orders", "ref=R1")

    assert found["orders"][0]["delivery_status"] == "full"
    assert len(found["orders"][0]["pickings"]) == 1
    assert door.level("MUG") == (51, 0)


def test_goods_come_back_to_the_shelf_or_elsewhere(door: Door) -> None:
    door.post("sell", lines={"MUG": 6}, reference="R1")
    door.post("ship", order="R1")
    door.post("return", order="R1", lines={"MUG": 1})
    door.post("return", order="R1", lines={"MUG": 2}, to="HAM")

    assert door.level("MUG") == (50, 0)
    assert door.level("MUG", "warehouse:2") == (5, 0)


def test_more_than_one_delivery_may_come_back_and_no_more_than_left(door: Door) -> None:
    door.post("sell", lines={"MUG": 6}, reference="R1")
    for amount in (4, 2):
        door.post("ship", order="R1", lines={"MUG": amount})

    assert len(door.post("return", order="R1", lines={"MUG": 5})) == 2
    assert door.level("MUG") == (54, 0)
    status, refused = door.request("POST", "return", order="R1", lines={"MUG": 2})

    assert (status, door.level("MUG")) == (409, (54, 0))
    assert "More comes back" in refused["refused"]


def test_an_order_is_freed_reserved_changed_and_cancelled(door: Door) -> None:
    door.post("sell", lines={"MUG": 6}, reference="R1")
    seen = []
    for act, more in (
        ("unreserve", {}), ("reserve", {}), ("change", {"code": "MUG", "quantity": 2}), ("cancel", {}),
    ):  # fmt: skip
        door.post(act, order="R1", **more)
        seen.append(door.level("MUG")[1])

    assert seen == [0, 6, 2, 0]


def test_the_stockroom_receives_counts_scraps_and_moves(door: Door) -> None:
    door.post("receive", lines={"TRAY": 5})
    assert door.level("TRAY") == (15, 0)
    door.post("count", code="TRAY", at="WH", quantity=12)
    door.post("count", code="TRAY", at="HAM", quantity=1)
    assert door.level("TRAY") == (12, 0)
    door.post("scrap", code="TRAY", at="WH", quantity=2)
    door.post("transfer", lines={"TRAY": 4}, source="WH", target="HAM")

    assert door.level("TRAY") == (6, 0)
    assert door.level("TRAY", "warehouse:2") == (5, 0)


def test_the_ledger_tells_every_move_but_not_what_was_edited(door: Door) -> None:
    _, before = door.request("GET", "ledger")
    last = before["moved"][-1]["id"]
    door.post("transfer", lines={"MUG": 4}, source="WH", target="HAM")
    door.post("edit-quantity", code="MUG", at="HAM", quantity=100)

    _, after = door.request("GET", "ledger", f"since={last}")

    (line,) = after["moved"]
    assert (line["code"], line["quantity"], line["from"], line["to"]) == (
        "MUG",
        4,
        "warehouse:1",
        "warehouse:2",
    )
    assert door.level("MUG", "warehouse:2") == (100, 0)


def test_rows_split_by_a_locked_row_are_merged_by_the_scheduler(door: Door) -> None:
    door.request("POST", "split-rows", count=1)
    door.post("receive", lines={"TRAY": 5})
    _, split = door.request("GET", "book", "sku=TRAY")
    door.post("merge")
    _, merged = door.request("GET", "book", "sku=TRAY")

    def rows(book: Any) -> list[float]:
        return sorted(row["quantity"] for row in book["quants"] if row["usage"] == "internal")

    assert rows(split) == [5, 10]
    assert rows(merged) == [15]


def test_an_archived_product_keeps_its_stock(door: Door) -> None:
    door.post("archive", code="MUG")
    _, book = door.request("GET", "book", "sku=MUG")

    assert [row["active"] for row in book["products"]] == [False]
    assert door.level("MUG") == (55, 0)


def test_a_till_sells_and_takes_back(door: Door) -> None:
    door.post("till/open", till="Shop")
    sold = door.post("till/sell", till="Shop", lines={"MUG": 3, "SET": 1})
    door.post("till/return", till="Shop", order=sold, lines={"MUG": 1})
    assert door.level("MUG") == (55, 0)

    door.post("till/close", till="Shop")

    assert door.level("MUG") == (51, 0)


def test_what_odoo_refuses_is_told_and_changes_nothing(door: Door) -> None:
    refusals = [
        door.request("POST", "ship", order="R1"),
        door.request("POST", "scrap", code="MUG", at="WH", quantity=1000),
        door.request("POST", "till/sell", till="Shop", lines={"MUG": 1}),
        door.request("POST", "count", code="NONE", at="WH", quantity=1),
        door.request("POST", "count", code="MUG", at="Nowhere", quantity=1),
        door.request("POST", "count", code="MUG"),
        door.request("GET", "nothing"),
    ]

    assert [status for status, _ in refusals] == [404, 409, 409, 404, 404, 400, 404]
    assert "asks back" in refusals[1][1]["refused"]
    assert door.level("MUG") == (55, 0)


def test_faults_are_injected_listed_played_and_cleared(door: Door) -> None:
    door.request("POST", "faults", kind="5xx", status=503, count=2)
    _, listed = door.request("GET", "faults")
    assert [fault["kind"] for fault in listed["faults"]] == ["5xx"]

    body = json.dumps({"jsonrpc": "2.0", "params": {"service": "common", "method": "version", "args": []}})
    answer = door.twin.answer(
        Request("POST", "/jsonrpc", "", {"content-type": "application/json"}, body.encode())
    )
    assert answer.status == 503
    _, cleared = door.request("DELETE", "faults", "kind=5xx")

    assert cleared["faults"] == []
    _, after = door.request("GET", "faults")
    assert after["played"] == {"5xx": 1}


def test_rules_are_added_and_what_was_sent_is_listed(door: Door) -> None:
    door.request(
        "POST", "hooks", model="stock.move", url="http://127.0.0.1:1/hook", fields=["product_id"],
        trigger_fields=["state"], domain=[["state", "=", "done"]],
    )  # fmt: skip
    door.post("transfer", lines={"MUG": 1}, source="WH", target="HAM")

    _, found = door.request("GET", "deliveries")

    (line,) = found["deliveries"]
    assert line["body"]["_model"] == "stock.move"
    assert (line["status"], bool(line["error"])) == (0, True)
    assert line["inside"] == (door.twin.version == 18)


def test_time_is_moved_by_hand(door: Door) -> None:
    _, before = door.request("GET", "book")
    _, moved = door.request("POST", "advance", seconds=3600)

    assert moved["time"][:16] == "2026-11-23T03:31"
    assert before["time"][:16] == "2026-11-23T02:31"


def test_the_books_survive_a_restart(door: Door, tmp_path: Any) -> None:
    path = tmp_path / "odoo.sqlite3"
    first = OdooTwin(version=door.twin.version, path=path)
    first.control.seed(RETAILER)
    first.control.acts.sell({"MUG": 6}, reference="R1")
    first.close()

    second = OdooTwin(version=door.twin.version, path=path)

    assert second.control.book(["MUG"])["levels"]["MUG"]["warehouse:1"] == {"on_hand": 55, "reserved": 6}
    assert second.control.acts.ship("R1")
    second.close()
