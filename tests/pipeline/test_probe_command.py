"""Staff look at the system behind a connection from the command line: what it is, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from connectors.odoo.twin import DATABASE, KEY, LOGIN, OdooTwin
from inventory_sync.connections import registry
from inventory_sync.connections.services import create_connection
from tests.factories import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def odoo(settings: Any) -> Iterator[OdooTwin]:
    settings.INVENTORY_SYNC = {**settings.INVENTORY_SYNC, "EGRESS_ALLOWED_HOSTS": ["127.0.0.1"]}
    twin = OdooTwin(version=19)
    with twin.serving(ticking=False):
        twin.control.seed({"products": [{"sku": "CHAIR", "name": "Chair", "stock": {"WH": 1}}]})
        yield twin


def connected(twin: OdooTwin) -> None:
    create_connection(
        connector=registry.connector("odoo"),
        code="erp",
        label="Our Odoo",
        values={
            "base_url": twin.url,
            "database": DATABASE,
            "login": LOGIN,
            "api_key": KEY,
            "allow_insecure": True,
        },
        actor="tests",
        reason="a test",
        now=NOON,
    )


def looked(*arguments: str) -> tuple[str, str]:
    """Return what was printed, and what was said to be wrong."""
    out = StringIO()
    try:
        call_command("probe", *arguments, stdout=out, no_color=True)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


def storage_locations(twin: OdooTwin, on: bool) -> None:
    with twin.env() as env:
        for house in env.rows("stock.warehouse"):
            env.write("stock.picking.type", [house["int_type_id"]], {"active": on})


def test_the_places_are_told_under_the_ids_that_mappings_name(odoo: OdooTwin) -> None:
    storage_locations(odoo, on=True)
    connected(odoo)

    told, wrong = looked("erp")

    with odoo.env() as env:
        houses = [row["id"] for row in env.rows("stock.warehouse")]
    assert houses
    assert all(f"warehouse:{number} " in told for number in houses)
    assert KEY not in told + wrong


def test_what_is_missing_is_said_and_the_command_fails(odoo: OdooTwin) -> None:
    storage_locations(odoo, on=False)
    connected(odoo)

    _, wrong = looked("erp")

    assert wrong.startswith("Our Odoo lacks:")
    assert "Storage Locations" in wrong


def test_its_items_are_listed_when_asked_for(odoo: OdooTwin) -> None:
    connected(odoo)
    (row,) = odoo.control.book(["CHAIR"])["products"]

    told, _ = looked("erp", "--listings")

    assert f"product:{row['id']}\tCHAIR" in told
    assert "CHAIR" not in looked("erp")[0]


def test_a_connection_that_is_not_there_is_answered_with_those_that_are(odoo: OdooTwin) -> None:
    connected(odoo)

    assert looked("epr")[1] == "There is no connection 'epr'; there are: erp."
