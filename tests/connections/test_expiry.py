"""When keys end: a calendar out of the settings, warned of in steps, over when it is renewed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.test import Client

from connectors.odoo.config import OdooConfig
from inventory_sync.cases.models import Case
from inventory_sync.connections.expiry import calendar
from inventory_sync.connections.models import Connection
from inventory_sync.connections.registry import connector
from inventory_sync.connections.services import create_connection, edit_connection
from inventory_sync.domain.config import expiries_of
from inventory_sync.pipeline import steps, wiring
from inventory_sync.pipeline.expiring import own_expiring
from inventory_sync.support.clock import utc_now
from tests import factories

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 23)
CODE = "connection.key_expires"


def erp(ends: date | None = None, **values: str) -> Connection:
    given = {
        "base_url": "https://odoo.example.com", "database": "books", "login": "sync@example.com",
        "api_key": "k" * 40, "key_expires_on": ends.isoformat() if ends else "", **values,
    }  # fmt: skip
    return create_connection(
        connector=connector("odoo"), code="erp", label="ERP", values=given, owner_team="stock",
        actor="tests", reason="a test", now=factories.NOON,
    )  # fmt: skip


def in_days(days: int) -> date:
    return utc_now().date() + timedelta(days=days)


def renew(row: Connection, ends: date) -> None:
    values = {"next_api_key": "n" * 40, "next_key_expires_on": ends.isoformat()}
    edit_connection(
        connection_id=row.pk, connector=connector("odoo"), values=values, actor="jo", reason="a new key"
    )


def own() -> int:
    return own_expiring(ports=wiring.ports())


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (22, "is far off"),
        (21, "ends within 21 days"),
        (8, "ends within 21 days"),
        (7, "ends within a week"),
        (1, "ends by tomorrow"),
        (0, "ends by tomorrow"),
        (-1, "has ended"),
    ],
)
def test_the_calendar_says_how_near_the_end_is(days: int, words: str) -> None:
    erp(TODAY + timedelta(days=days))

    (found,) = calendar(today=TODAY)

    assert (found.label, found.days, found.urgency) == ("API key", days, words)
    assert found.warned is (days <= 21)


def test_a_connection_that_does_not_say_when_its_key_ends_is_not_in_the_calendar() -> None:
    erp()
    factories.make_channel("shop")

    assert calendar(today=TODAY) == []


def test_of_two_keys_the_one_that_lasts_counts() -> None:
    given = ("https://odoo.example.com", "books", "sync", "k" * 40)

    only = OdooConfig(*given, key_expires_on="2026-12-01", next_key_expires_on="2027-02-01")
    both = OdooConfig(
        *given, key_expires_on="2026-12-01", next_api_key="n" * 40, next_key_expires_on="2027-02-01"
    )

    assert expiries_of(only) == {"API key": date(2026, 12, 1)}, "a date without its key is no key"
    assert expiries_of(both) == {"API key": date(2027, 2, 1)}
    assert expiries_of(object()) == {}


def test_one_case_is_opened_and_reworded_as_the_day_comes_nearer_and_closes_when_renewed() -> None:
    row = erp(in_days(20))

    assert (own(), own()) == (1, 0)
    case = Case.objects.get(code=CODE)
    assert (case.owner_team, case.connection_code, case.times) == ("stock", "erp", 1)
    assert "within 21 days" in case.summary

    renewed = {"key_expires_on": in_days(5).isoformat()}
    edit_connection(
        connection_id=row.pk, connector=connector("odoo"), values=renewed, actor="jo", reason="misread"
    )
    assert own() == 1
    case.refresh_from_db()
    assert "within a week" in case.summary
    assert Case.objects.count() == 1

    renew(row, in_days(90))
    assert own() == 1
    case.refresh_from_db()
    assert case.state == "resolved"


@pytest.mark.django_db(transaction=True)
def test_the_keeping_of_the_house_looks_at_the_calendar() -> None:
    erp(in_days(3))

    steps.keep_house()

    assert Case.objects.get(code=CODE).state == "open"


def test_a_refusal_after_the_last_day_says_so_and_a_new_key_has_it_run_again() -> None:
    row = erp(in_days(-2))

    wiring.pause_misconfigured(row.pk, "Odoo refuses the key.")

    row.refresh_from_db()
    assert row.state == Connection.State.MISCONFIGURED
    assert f"API key ended on {in_days(-2).isoformat()}" in row.state_reason
    assert Case.objects.get(code="connection.misconfigured").state == "open"

    renew(row, in_days(90))
    own()

    row.refresh_from_db()
    assert (row.state, row.state_reason) == (Connection.State.ACTIVE, "")
    assert Case.objects.get(code="connection.misconfigured").state == "resolved"


def test_a_connection_that_is_still_refused_keeps_its_case() -> None:
    row = erp()
    wiring.pause_misconfigured(row.pk, "Odoo refuses the key.")

    own()

    assert Case.objects.get(code="connection.misconfigured").state == "open"


def test_the_first_page_shows_the_calendar(client: Client) -> None:
    row = erp(in_days(3))
    client.force_login(factories.make_user(staff=True, superuser=True))

    shown = client.get("/admin/").content.decode()

    assert in_days(3).isoformat() in shown
    assert "ends within a week" in shown
    assert f"/admin/connections/connection/{row.pk}/change/" in shown
