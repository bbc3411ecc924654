"""What an Odoo may do to us: each a readable state or a case, and none stops the neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connectors.odoo.twin_users import group_field
from inventory_sync.cases.models import Case
from inventory_sync.connections import registry
from inventory_sync.connections.models import Connection, Cursor
from inventory_sync.connections.services import edit_connection
from inventory_sync.ledger.models import StockLevel
from inventory_sync.workflows.models import Copy
from tests.pipeline.followed import OPENING, SKU, Retailer, retailer

pytestmark = pytest.mark.django_db(transaction=True)


both_versions = pytest.mark.parametrize("world", [18, 19], indirect=True)


@pytest.fixture
def world(request: pytest.FixtureRequest, settings: Any) -> Iterator[Retailer]:
    settings.INVENTORY_SYNC = {**settings.INVENTORY_SYNC, "EGRESS_ALLOWED_HOSTS": ["127.0.0.1"]}
    with retailer(getattr(request, "param", 19)) as made:
        yield made


def erp() -> Connection:
    return Connection.objects.get(code="odoo")


def the_shops_go_on(world: Retailer) -> None:
    """An order at one shop is known and shown at the other, whatever Odoo does."""
    before = world.figure("outlet")
    assert before is not None
    world.buys("outlet", 1)
    for _ in range(12):
        world.go_on()
        world.clock.advance(20)
    assert world.figure("woo") == before - 1
    assert world.shown("woo") == before - 1


def down(world: Retailer) -> None:
    world.odoo.stop()


def slow(world: Retailer) -> None:
    world.odoo.faults.inject("timeout_lost", count=500)


def restarting(world: Retailer) -> None:
    world.odoo.faults.inject("5xx", count=500, status=503)


@pytest.mark.parametrize("trouble", [down, slow, restarting])
def test_an_odoo_that_does_not_answer_is_said_and_asked_again(
    world: Retailer, trouble: Callable[[Retailer], None]
) -> None:
    trouble(world)
    world.clock.advance(60)

    the_shops_go_on(world)

    row = Cursor.objects.get(connection=erp(), stream="changes")
    assert row.error_code == "remote.unavailable"
    assert row.error_detail
    assert row.run_at is not None
    assert erp().state == Connection.State.ACTIVE


def test_after_a_restart_what_happened_meanwhile_is_read_and_the_error_is_gone(world: Retailer) -> None:
    restarting(world)
    world.clock.advance(60)
    the_shops_go_on(world)
    world.odoo.control.acts.scrap(SKU, "WH", 2)
    world.odoo.faults.clear()

    world.settle()

    assert world.on_hand() == OPENING - 2
    assert Cursor.objects.get(connection=erp(), stream="changes").error_code == ""


def wrong_key(world: Retailer) -> None:
    edit_connection(
        connection_id=erp().pk, connector=registry.connector("odoo"), values={"api_key": "0" * 40},
        actor="tests", reason="a test",
    )  # fmt: skip


def expired_key(world: Retailer) -> None:
    world.odoo.faults.inject("key_expired", count=500)


def no_right_to_stock(world: Retailer) -> None:
    with world.odoo.env() as env:
        nobody = env.ids("res.groups", [("full_name", "ilike", "Internal User")], limit=1)
        env.write("res.users", [world.odoo.uid], {group_field(env.version): [(6, 0, nobody)]})


@both_versions
@pytest.mark.parametrize("trouble", [wrong_key, expired_key, no_right_to_stock])
def test_what_only_its_owner_can_mend_pauses_the_connection_and_says_why(
    world: Retailer, trouble: Callable[[Retailer], None]
) -> None:
    trouble(world)
    world.clock.advance(60)

    the_shops_go_on(world)

    row = erp()
    assert row.state == Connection.State.MISCONFIGURED
    assert row.state_reason
    assert Case.objects.get(code="connection.misconfigured", subject_id=str(row.pk)).state == "open"


def archived(world: Retailer) -> None:
    world.odoo.control.acts.archive(SKU)


def of_another_company(world: Retailer) -> None:
    with world.odoo.env() as env:
        other = env.create("res.company", {"name": "Other"})
        (product,) = env.ids("product.product", [("default_code", "=", SKU)])
        env.write("product.product", [product], {"company_id": other})


@both_versions
@pytest.mark.parametrize("trouble", [archived, of_another_company])
def test_an_order_that_odoo_cannot_keep_is_a_case_and_stays_subtracted(
    world: Retailer, trouble: Callable[[Retailer], None]
) -> None:
    trouble(world)
    world.buys("woo", 2)

    world.settle()

    (copy,) = Copy.objects.all()
    assert copy.state == Copy.State.REFUSED
    assert Case.objects.get(subject_kind="order_copy", subject_id=str(copy.pk)).state == "open"
    assert world.line().demand == 2
    assert world.line().state != "closed"


def test_stock_below_nothing_is_what_it_is_and_is_shown_as_none(world: Retailer) -> None:
    world.odoo.control.acts.edit_quantity(SKU, "WH", -3)

    world.settle()
    world.clock.advance(1000)
    world.settle()

    assert world.on_hand() == -3
    assert world.shown("woo") == 0


def test_a_row_that_odoo_deleted_at_zero_is_nothing_there(world: Retailer) -> None:
    with world.odoo.env() as env:
        (product,) = env.ids("product.product", [("default_code", "=", SKU)])
        env.delete("stock.quant", env.ids("stock.quant", [("product_id", "=", product)]))

    world.clock.advance(1000)
    world.settle()

    level = StockLevel.objects.get(item=world.item)
    assert (level.on_hand, level.known) == (0, True)
    assert world.shown("outlet") == 0
