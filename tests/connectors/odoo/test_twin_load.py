"""The twin's `load`: records by external ids, created once and updated afterwards, all rows or none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.connectors.odoo.world import OdooWorld


@pytest.fixture(params=[18, 19])
def world(request: pytest.FixtureRequest) -> OdooWorld:
    return OdooWorld(request.param)


def _order(world: OdooWorld, quantity: str, line: str = "inventory_sync.line_1") -> dict[str, Any]:
    return {
        "fields": ["id", "partner_id/.id", "client_order_ref", "order_line/id", "order_line/product_id/.id",
                   "order_line/product_uom_qty"],
        "data": [["inventory_sync.order_1", str(world.people["customer"]), "1001", line,
                  str(world.products[0]), quantity]],
    }  # fmt: skip


def _loaded(world: OdooWorld) -> Any:
    return world.ask(
        "sale.order.line", "search_read", domain=[], fields=["order_id", "product_uom_qty"], load=None
    )


def test_load_creates_under_an_external_id_and_updates_the_second_time(world: OdooWorld):
    first = world.ask("sale.order", "load", **_order(world, "2"))
    second = world.ask("sale.order", "load", **_order(world, "5"))

    assert first == second == {"ids": first["ids"], "messages": [], "nextrow": 0}
    assert [row["product_uom_qty"] for row in _loaded(world)] == [5.0]
    names = world.ask("sale.order", "get_external_id", first["ids"])
    assert names == {str(first["ids"][0]): "inventory_sync.order_1"}
    line = world.ask("sale.order.line", "search", domain=[])
    assert world.ask("sale.order.line", "get_external_id", line) == {str(line[0]): "inventory_sync.line_1"}


def test_load_adds_a_line_whose_external_id_is_new(world: OdooWorld):
    asked = _order(world, "2")
    order = world.ask("sale.order", "load", **asked)["ids"]
    asked["data"].append(["", "", "", "inventory_sync.line_2", str(world.products[1]), "3"])

    assert world.ask("sale.order", "load", **asked)["ids"] == order
    assert [row["product_uom_qty"] for row in _loaded(world)] == [2.0, 3.0]


def test_load_answers_ids_false_and_keeps_nothing_when_a_row_fails(world: OdooWorld):
    asked = _order(world, "2")
    asked["data"].append(["inventory_sync.order_2", "999999", "1002", "inventory_sync.line_9", "1", "1"])

    answer = world.ask("sale.order", "load", **asked)

    assert answer["ids"] is False
    assert [(one["type"], one["record"]) for one in answer["messages"]] == [("error", 1)]
    assert world.ask("sale.order", "search_count", domain=[]) == 0


def test_an_external_id_whose_record_was_deleted_names_a_new_one(world: OdooWorld):
    first = world.ask("sale.order", "load", **_order(world, "2"))["ids"]
    with world.twin.env() as env:
        env.delete("sale.order", first)

    second = world.ask("sale.order", "load", **_order(world, "2"))["ids"]

    assert second != first
    assert len(_loaded(world)) == 1
