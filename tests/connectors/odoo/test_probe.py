"""What a look at a live Odoo finds, and what it says to staff."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from connectors.odoo.twin_seed import add_kit
from connectors.odoo.twin_users import add_key, add_user
from inventory_sync.domain.ports import Probe
from tests.connectors.odoo.hall import Hall, id_of
from tests.connectors.odoo.replays import replaying, result


@pytest.fixture(params=[18, 19])
def hall(request: pytest.FixtureRequest) -> Hall:
    return Hall(request.param)


def switched_on(hall: Hall) -> None:
    with hall.twin.env() as env:
        house = env.rows("stock.warehouse")[0]
        env.write("stock.picking.type", [house["int_type_id"]], {"active": True})


def looked(hall: Hall, **changes: Any) -> Probe:
    return hall.new_client(**{"company_id": 0, **changes}).probe()


def test_a_well_prepared_odoo_has_no_problems_and_its_facts_are_told(hall: Hall):
    switched_on(hall)
    hall.product("MUG", stock=1)

    found = looked(hall)

    assert (found.ok, list(found.problems)) == (True, [])
    assert found.facts["version"] == str(hall.version)
    assert found.facts["protocol"] == ("jsonrpc" if hall.version == 18 else "json2")
    assert found.facts["company"] == "1 My Company"
    assert found.facts["user"] == "syncbot"
    assert found.facts["products"] == "1"
    assert hall.place in found.facts["warehouses"]
    assert hall.place in found.facts["places"]
    assert {"stock", "sale_stock", "mrp", "point_of_sale"} <= set(found.facts["modules"].split(", "))
    assert found.facts["key_expires_on"] == "2027-02-21"
    assert [found.facts[name] for name in ("storage_locations", "lots", "units")] == ["yes", "yes", "yes"]


def test_looking_changes_nothing(hall: Hall):
    looked(hall)

    assert hall.writes() == []


def person(hall: Hall, login: str, groups: tuple[str, ...], **more: Any) -> str:
    key = (login * 40)[:40]
    with hall.twin.env() as env:
        add_key(env, add_user(env, login, groups, [1], **more), "test", days=90, key=key)
    return key


def test_each_right_that_is_missing_is_named_with_the_group_that_gives_it(hall: Hall):
    switched_on(hall)
    key = person(hall, "lowuser", ("base.group_user",), email="low@example.com")

    found = looked(hall, login="lowuser", api_key=key)

    said = "\n".join(found.problems)
    assert not found.ok
    assert "may not write transfers (create on stock.picking); give it the group Inventory / User" in said
    assert "may not write orders (create on sale.order); give it the group Sales" in said


def test_a_user_without_an_e_mail_address_is_told_to_get_one(hall: Hall):
    switched_on(hall)
    with hall.twin.env() as env:
        user = env.need("res.users", hall.twin.uid)
        env.write("res.partner", [user["partner_id"]], {"email": None})

    assert any("no e-mail address" in problem for problem in looked(hall).problems)


def test_orders_that_odoo_locks_are_told_where_channels_orders_are_kept(hall: Hall):
    switched_on(hall)
    groups = ("stock.group_stock_user", "sales_team.group_sale_salesman_all_leads")
    key = person(hall, "seller", (*groups, "sale.group_auto_done_setting"), email="seller@example.com")

    told = [
        any("Lock Confirmed Sales" in problem for problem in found.problems)
        for found in (
            looked(hall, login="seller", api_key=key, send_orders=True),
            looked(hall, login="seller", api_key=key, send_orders=False),
            looked(hall, send_orders=True),
        )
    ]

    assert told == [True, False, False]


def test_internal_transfers_that_are_switched_off_are_told(hall: Hall):
    with hall.twin.env() as env:
        house = env.rows("stock.warehouse")[0]
        env.write("stock.picking.type", [house["int_type_id"]], {"active": False})

    found = looked(hall)

    assert found.facts["internal_transfers"] == "no"
    assert any("Internal transfers are switched off" in problem for problem in found.problems)


@pytest.mark.parametrize(("off_s", "told"), [(0, False), (-90, False), (400, True), (-400, True)])
def test_a_clock_that_is_off_is_told(hall: Hall, monkeypatch: pytest.MonkeyPatch, off_s: int, told: bool):
    switched_on(hall)
    there = hall.clock.now + timedelta(seconds=off_s)
    answer = hall._answer

    def dated(request: httpx.Request) -> httpx.Response:
        response = answer(request)
        response.headers["date"] = format_datetime(there, usegmt=True)
        return response

    monkeypatch.setattr(hall, "_answer", dated)

    found = looked(hall)

    assert found.facts["clock_offset_s"] == str(off_s)
    assert any("clock" in problem for problem in found.problems) is told


def test_a_key_that_ends_soon_is_told_in_time(hall: Hall):
    switched_on(hall)

    soon = looked(hall, key_expires_on="2026-11-30")
    replaced = looked(
        hall, key_expires_on="2026-11-30", next_api_key="n" * 40, next_key_expires_on="2027-02-01"
    )
    over = looked(hall, key_expires_on="2026-11-01")

    assert any("ends on 2026-11-30" in problem for problem in soon.problems)
    assert replaced.ok
    assert any("has ended" in problem for problem in over.problems)


def test_a_wrong_key_is_said_in_one_sentence(hall: Hall):
    found = looked(hall, api_key="f" * 40)

    assert not found.ok
    assert list(found.problems) == [
        "Odoo refuses the API key: it is wrong, has expired, or its user is archived."
    ]


def test_a_location_not_for_sale_that_does_not_exist_is_told(hall: Hall):
    switched_on(hall)

    assert any("'Nowhere'" in problem for problem in looked(hall, unavailable_locations="Nowhere").problems)


def test_an_odoo_too_old_to_be_read_whole_is_refused_in_a_sentence():
    def script(request: httpx.Request) -> httpx.Response:
        if b"version" in request.content:
            return result(16, {"server_serie": "16.0"})
        return result(16, 6)

    found = replaying(script).probe()

    assert any("Odoo 16 cannot" in problem for problem in found.problems)


def test_an_odoo_that_does_not_answer_is_a_problem_and_no_exception():
    found = replaying(lambda request: httpx.Response(503)).probe()

    assert (found.ok, len(found.problems)) == (False, 1)


# ── listings ──


def test_products_are_listed_with_what_staff_should_know_when_mapping(hall: Hall):
    mug = hall.product("MUG", stock=1, barcode="4000000000017")
    twice = hall.product("MUG")
    lotted = hall.product("LOT", tracking="lot")
    old = hall.product("OLD")
    hall.archive(old)
    hall.product("WRAP", is_storable=False)
    with hall.twin.env() as env:
        kit = f"product:{add_kit(env, 'SET', {id_of(mug): 2.0})}"

    found = {each.ref.external_id: each for each in hall.client.listings()}

    assert set(found) == {mug, twice, lotted, old, kit}
    assert (found[mug].sku, found[mug].gtin, found[mug].kind) == ("MUG", "4000000000017", "variant")
    assert f"same reference as {twice}" in found[mug].name
    assert f"same reference as {mug}" in found[twice].name
    assert "tracked by lot" in found[lotted].name
    assert "archived" in found[old].name
    assert (found[kit].kind, found[kit].managed) == ("pack", False)


def test_tills_that_the_sync_user_may_not_see_are_told_and_not_asked_for(hall: Hall):
    switched_on(hall)
    mug = hall.product("MUG", stock=7)
    groups = ("stock.group_stock_manager", "sales_team.group_sale_salesman_all_leads")
    key = person(hall, "keeper", groups, email="keeper@example.com")
    client = hall.new_client(login="keeper", api_key=key)

    assert any("sales of Odoo's tills" in problem for problem in client.probe().problems)
    assert client.read_object("item", mug).topic == "figures.read"
