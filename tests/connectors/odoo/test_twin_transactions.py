"""The twin's transactions: written whole or not at all, dated by their beginning, seen when they commit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.odoo.twin import OdooTwin
from connectors.odoo.twin_errors import OdooError
from connectors.odoo.twin_seed import add_product
from tests.connectors.odoo.world import ADMIN_KEY, KEY, OdooWorld, Refused


@pytest.fixture(params=[18, 19])
def world(request: pytest.FixtureRequest) -> OdooWorld:
    return OdooWorld(request.param)


def found(world: OdooWorld, model: str, domain: list[Any]) -> list[int]:
    ids: list[int] = world.ask(model, "search", domain=domain)
    return ids


def _picking(world: OdooWorld, **more: Any) -> dict[str, Any]:
    return {
        "picking_type_id": world.types["int"], "location_id": world.places["inventory"],
        "location_dest_id": world.places["stock"], **more,
    }  # fmt: skip


@pytest.mark.parametrize("text", ["2026-11-23T02:31:12", "2026-11-23 02:31:12Z", "2026-11-23 02:31:12.5"])
def test_no_version_writes_an_iso_time(world: OdooWorld, text: str):
    with pytest.raises(Refused) as refused:
        world.ask("stock.picking", "create", vals_list=[_picking(world, scheduled_date=text)])
    assert refused.value.name == "builtins.ValueError"


def test_a_call_that_fails_takes_everything_back(world: OdooWorld):
    before = world.ask("stock.location", "search_count", domain=[])
    good = {"name": "New", "usage": "internal", "location_id": world.places["stock"]}

    with pytest.raises(Refused) as refused:
        world.ask("stock.location", "create", vals_list=[good, {"name": "Bad", "usage": "nowhere"}])

    assert refused.value.message == "Wrong value for stock.location.usage: 'nowhere'"
    assert world.ask("stock.location", "search_count", domain=[]) == before
    assert found(world, "stock.location", [("name", "=", "New")]) == []


def test_ids_are_not_given_back_by_a_rollback(world: OdooWorld):
    def place(name: str) -> int:
        return int(world.ask("stock.location", "create", vals_list=[{"name": name}])[0])

    first = place("One")
    with pytest.raises(Refused):
        world.ask("stock.location", "create", vals_list=[{"name": "Two"}, {"usage": "internal"}])

    assert place("Three") == first + 3


def test_all_rows_of_a_call_carry_the_time_it_began(world: OdooWorld):
    with world.twin.env() as env:
        first = add_product(env, "NEW-1")
        world.clock.advance(30)
        second = add_product(env, "NEW-2")

    rows = world.ask("product.product", "read", [first, second], fields=["create_date", "write_date"])
    assert {row["write_date"] for row in rows} == {"2026-11-23 02:31:12"}


def test_a_slow_commit_is_seen_late_under_an_early_time(world: OdooWorld):
    seen: list[list[int]] = []
    early: dict[str, Any] = {"domain": [("name", "like", "Late")], "fields": ["write_date"]}

    def meanwhile() -> None:
        seen.append(found(world, "stock.location", [("name", "like", "Late")]))
        world.clock.advance(2)
        world.ask("stock.location", "create", vals_list=[{"name": "Between"}])

    world.twin.faults.inject("slow_commit", seconds=2, only="write")
    world.while_asleep = meanwhile
    late = world.ask("stock.location", "create", vals_list=[{"name": "Late"}])

    between = world.ask(
        "stock.location", "search_read", domain=[("name", "=", "Between")], fields=["write_date"]
    )[0]
    told = world.ask("stock.location", "search_read", **early)[0]
    assert seen == [[]]
    assert told["id"] == late[0] < between["id"]
    assert told["write_date"] < between["write_date"]


def test_a_slow_commit_that_lost_its_row_is_done_again(world: OdooWorld):
    shelf = world.places["shelf"]
    world.twin.faults.inject("slow_commit", seconds=2, only="write")
    world.while_asleep = lambda: world.ask("stock.location", "write", [shelf], vals={"barcode": "OTHER"})

    assert world.ask("stock.location", "write", [shelf], vals={"comment": "mine"}) is True

    row = world.ask("stock.location", "read", [shelf], fields=["barcode", "comment"])[0]
    assert (row["barcode"], row["comment"]) == ("OTHER", "mine")


def test_writing_a_template_moves_the_write_date_of_its_variants(world: OdooWorld):
    product = world.products[0]
    world.clock.advance(60)
    with world.twin.env() as env:
        env.write(
            "product.template", [env.need("product.product", product)["product_tmpl_id"]], {"name": "Renamed"}
        )

    row = world.ask("product.product", "read", [product], fields=["name", "write_date"])[0]
    assert (row["name"], row["write_date"]) == ("Renamed", "2026-11-23 02:32:12")


def test_an_unknown_field_is_refused_in_the_words_of_the_version(world: OdooWorld):
    cases: list[tuple[str, dict[str, Any], tuple[str, str]]] = [
        ("create", {"vals_list": [{"name": "x", "nope": 1}]},
         ("Invalid field 'nope' on model 'stock.location'", "Invalid field 'nope' in 'stock.location'")),
        ("search_read", {"domain": [], "fields": ["nope"]},
         ("Invalid field 'nope' on model 'stock.location'", "Invalid field 'nope' on 'stock.location'")),
        ("search_read", {"domain": [("nope", "=", 1)]},
         ("Invalid field stock.location.nope in leaf ('nope', '=', 1)",
          "Invalid field stock.location.nope in condition ('nope', '=', 1)")),
    ]  # fmt: skip
    for method, named, words in cases:
        with pytest.raises(Refused) as refused:
            world.ask("stock.location", method, **named)
        assert refused.value.message == words[world.version - 18]
        assert refused.value.name == "builtins.ValueError"


def test_a_barcode_stands_once_and_a_code_may_stand_twice(world: OdooWorld):
    with world.twin.env() as env:
        add_product(env, "SKU-0000")
    assert len(found(world, "product.product", [("default_code", "=", "SKU-0000")])) == 2

    with pytest.raises(OdooError, match="already assigned"), world.twin.env() as env:
        add_product(env, "OTHER", barcode="2000000000000")
    assert found(world, "product.product", [("default_code", "=", "OTHER")]) == []


def test_what_others_need_cannot_be_deleted_and_external_ids_go_with_their_record(world: OdooWorld):
    used, unused = world.products[0], world.products[1]
    world.quant(used, 3)
    with world.twin.env() as env:
        env.create(
            "ir.model.data", {"module": "x", "name": "y", "model": "product.product", "res_id": unused}
        )

    with pytest.raises(Refused) as refused:
        world.ask("product.product", "unlink", [used], key=ADMIN_KEY)
    assert refused.value.name == "odoo.exceptions.ValidationError"
    with world.twin.env() as env:
        env.delete("mrp.bom.line", env.ids("mrp.bom.line"))
    assert world.ask("product.product", "unlink", [unused], key=ADMIN_KEY) is True
    assert world.ask("ir.model.data", "search_count", domain=[("name", "=", "y")], key=ADMIN_KEY) == 0


# ── keeping ──


def test_the_books_are_found_again_after_a_stop(tmp_path: Path):
    path = tmp_path / "odoo.sqlite3"
    twin = OdooTwin(version=19, path=path, key=KEY)
    with twin.env() as env:
        product = add_product(env, "KEEP-1", "Kept")
    twin.close()

    again = OdooTwin(version=19, path=path, key=KEY)
    with again.env() as env:
        assert env.need("product.product", product)["name"] == "Kept"
        assert env.ids("res.company") == [1]
        assert add_product(env, "KEEP-2") > product
    again.close()
