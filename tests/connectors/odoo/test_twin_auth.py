"""Who the twin lets in, how long their keys last, and what each may see and do."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.odoo.twin_errors import OdooError
from connectors.odoo.twin_seed import add_company, add_product
from connectors.odoo.twin_users import add_key, add_user
from tests.connectors.odoo.world import ADMIN_KEY, KEY, LOW_KEY, STOCK_KEY, OdooWorld, Refused

DAY = 86_400.0


@pytest.fixture(params=[18, 19])
def world(request: pytest.FixtureRequest) -> OdooWorld:
    return OdooWorld(request.param)


@pytest.fixture
def two_companies(world: OdooWorld) -> tuple[OdooWorld, int, int]:
    """Return the world, another company the sync user does not work for, and a product of it."""
    with world.twin.env() as env:
        other = add_company(env, "Other Company")
        warehouse = env.create("stock.warehouse", {"name": "Elsewhere", "code": "ELS", "company_id": other})
        product = add_product(env, "THEIRS", company_id=other)
        stock = env.need("stock.warehouse", warehouse)["lot_stock_id"]
        env.create("stock.quant", {"product_id": product, "location_id": stock, "quantity": 5.0})
    return world, other, product


# ── keys ──


def test_a_wrong_key_is_denied_on_every_door(world: OdooWorld):
    assert world.rpc("common", "authenticate", "odoo", "syncbot", "wrong", {})["result"] is False
    answer = world.execute("res.partner", "search_count", [], key="wrong")
    assert answer["error"]["data"]["name"] == "odoo.exceptions.AccessDenied"
    if world.version >= 19:
        status, document, response = world.send("POST", "/json/2/res.users/context_get", {}, key="wrong")
        assert (status, document["name"]) == (401, "werkzeug.exceptions.Unauthorized")
        assert document["message"] == "Invalid apikey"
        assert dict(response.headers)["WWW-Authenticate"] == "Bearer "
        status, document, _ = world.send("POST", "/json/2/res.users/context_get", {}, key=None)
        assert (status, document["arguments"][1]) == (401, 401)


def test_a_key_of_somebody_else_does_not_stand_for_a_user(world: OdooWorld):
    answer = world.rpc(
        "object", "execute_kw", "odoo", world.people["admin"], KEY, "res.partner", "search_count", [[]]
    )

    assert answer["error"]["data"]["name"] == "odoo.exceptions.AccessDenied"


def test_many_wrong_keys_do_not_block_the_right_one(world: OdooWorld):
    for _ in range(12):
        world.rpc("common", "authenticate", "odoo", "syncbot", "wrong", {})

    assert world.rpc("common", "authenticate", "odoo", "syncbot", KEY, {})["result"] == world.people["sync"]


def test_a_key_ends_on_its_day(world: OdooWorld):
    world.clock.advance(90 * DAY - 60)
    assert world.ask("res.users", "context_get")["uid"] == world.people["sync"]

    world.clock.advance(120)

    with pytest.raises(Refused) as refused:
        world.ask("res.users", "context_get")
    assert refused.value.name in ("odoo.exceptions.AccessDenied", "werkzeug.exceptions.Unauthorized")
    assert world.ask("res.users", "context_get", key=ADMIN_KEY)["uid"] == world.people["admin"]


@pytest.mark.parametrize("days", [None, 91])
def test_only_an_administrator_may_have_a_key_for_longer_than_90_days(world: OdooWorld, days: float | None):
    with world.twin.env() as env:
        assert len(add_key(env, world.people["admin"], "for good", days=days)) == 40
    with pytest.raises(OdooError), world.twin.env() as env:
        add_key(env, world.people["sync"], "for too long", days=days)


def test_two_keys_stand_for_a_user_while_they_are_changed(world: OdooWorld):
    with world.twin.env() as env:
        fresh = add_key(env, world.people["sync"], "next", days=30)

    for key in (KEY, fresh):
        assert (
            world.rpc("common", "authenticate", "odoo", "syncbot", key, {})["result"] == world.people["sync"]
        )


def test_an_archived_user_is_nobody(world: OdooWorld):
    with world.twin.env() as env:
        env.write("res.users", [world.people["stockuser"]], {"active": False})

    with pytest.raises(Refused) as refused:
        world.ask("res.partner", "search_count", domain=[], key=STOCK_KEY)
    assert refused.value.name in ("odoo.exceptions.AccessDenied", "werkzeug.exceptions.Unauthorized")


# ── rights ──


def test_every_user_reads_stock_but_transfers_need_rights(world: OdooWorld):
    assert world.ask("stock.quant", "search_count", domain=[], key=LOW_KEY) == 0
    with pytest.raises(Refused) as refused:
        world.ask("stock.picking", "search_read", domain=[], fields=["name"], key=LOW_KEY)

    assert refused.value.name == "odoo.exceptions.AccessError"
    assert refused.value.message.startswith(
        "You are not allowed to access 'Transfer' (stock.picking) records."
    )
    assert "\t- Inventory/User\n" in refused.value.message


def test_making_products_needs_its_own_right_on_19(world: OdooWorld):
    asked: dict[str, Any] = {"vals_list": [{"name": "x"}]}
    if world.version == 18:
        assert len(world.ask("product.product", "create", **asked)) == 1
        return
    with pytest.raises(Refused) as refused:
        world.ask("product.product", "create", **asked)
    assert "\t- Products/Create\n" in refused.value.message


def test_a_stock_user_may_count_but_not_make_places(world: OdooWorld):
    counted = {"product_id": world.products[0], "location_id": world.places["stock"], "inventory_quantity": 3}

    assert world.ask(
        "stock.quant", "create", vals_list=[counted], key=STOCK_KEY, context={"inventory_mode": True}
    )
    with pytest.raises(Refused, match="not allowed to create"):
        world.ask("stock.location", "create", vals_list=[{"name": "Mine"}], key=STOCK_KEY)


def test_system_settings_are_read_by_administrators_alone(world: OdooWorld):
    for model in ("ir.model.data", "ir.config_parameter", "base.automation"):
        assert isinstance(world.ask(model, "search_count", domain=[], key=ADMIN_KEY), int)
        with pytest.raises(Refused) as refused:
            world.ask(model, "search_count", domain=[])
        assert refused.value.name == "odoo.exceptions.AccessError"


# ── companies ──


def test_records_of_another_company_vanish_from_search_and_are_refused_in_read(
    two_companies: tuple[OdooWorld, int, int],
):
    world, _, product = two_companies

    assert world.ask("product.product", "search", domain=[("default_code", "=", "THEIRS")]) == []
    assert world.ask("stock.quant", "search_count", domain=[]) == 0
    with pytest.raises(Refused) as refused:
        world.ask("product.product", "read", [product], fields=["name"])
    assert refused.value.name == "odoo.exceptions.AccessError"
    assert (
        f"Sorry, syncbot (id={world.people['sync']}) doesn't have 'read' access to:" in refused.value.message
    )
    assert "- Product Variant (product.product)" in refused.value.message


def test_a_foreign_company_in_the_context_is_refused(two_companies: tuple[OdooWorld, int, int]):
    world, other, _ = two_companies

    with pytest.raises(Refused) as refused:
        world.ask("stock.quant", "search_count", domain=[], context={"allowed_company_ids": [other]})
    assert refused.value.message == "Access to unauthorized or invalid companies."


def test_without_a_company_in_the_context_all_of_a_users_companies_are_seen(
    two_companies: tuple[OdooWorld, int, int],
):
    world, other, product = two_companies
    with world.twin.env() as env:
        both = add_user(env, "both", ("stock.group_stock_user",), [1, other])
        key = add_key(env, both, "test", days=30)
    world._by_key[key] = both

    def seen(**context: Any) -> list[int]:
        domain = [("default_code", "in", ["THEIRS", "SKU-0000"])]
        found: list[int] = world.ask(
            "product.product", "search", domain=domain, order="id", key=key, context=context
        )
        return found

    assert seen() == [world.products[0], product]
    assert seen(allowed_company_ids=[other]) == [world.products[0], product]
    assert seen(allowed_company_ids=[1]) == [world.products[0]]
