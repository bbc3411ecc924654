"""How a connection is doing: readable per stream, and one that fails is no stop for its neighbours."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from inventory_sync.connections.models import Connection, Cursor
from inventory_sync.console.standing import standing
from inventory_sync.domain.errors import RemoteUnavailable
from inventory_sync.pipeline import reading, wiring
from inventory_sync.pipeline.debts import find_debts
from inventory_sync.pipeline.ports import Account
from tests import factories
from tests.factories import NOON
from tests.pipeline.books import open_books

pytestmark = pytest.mark.django_db


def shop() -> Connection:
    return factories.make_channel("shop")


def read(row: Connection, **values: Any) -> Cursor:
    given = {"swept_at": NOON - timedelta(seconds=20), "run_at": NOON + timedelta(seconds=10), **values}
    return Cursor.objects.create(connection=row, stream="orders", **given)


def orders(row: Connection) -> Any:
    (found,) = [each for each in standing(row, now=NOON).streams if each.name == "orders"]
    return found


def test_a_stream_that_is_read_says_when_and_when_again() -> None:
    row = shop()
    read(row)

    found = orders(row)

    assert (found.sentence, found.tone) == ("read as planned", "good")
    assert (found.read, found.next_try, found.error_code) == ("20 s ago", "in 10 s", "")


def test_a_stream_that_fails_says_how_often_why_and_when_it_is_tried() -> None:
    row = shop()
    read(row, failures=4, error_code="remote.unavailable", error_detail="No answer within 30 s.")

    found = orders(row)

    assert (found.sentence, found.tone) == ("4 tries in a row failed", "bad")
    assert (found.error_code, found.error) == ("remote.unavailable", "No answer within 30 s.")
    assert standing(row, now=NOON).tone == "bad"


@pytest.mark.parametrize(
    ("values", "sentence", "tone"),
    [
        ({"swept_at": NOON - timedelta(hours=2)}, "late: it is read every 30 s", "wait"),
        ({"swept_at": None}, "being read for the first time", "wait"),
        ({"skipped": 1}, "1 page of this round left out: they cannot be read", "bad"),
    ],
)
def test_what_is_not_as_planned_is_said(values: dict[str, Any], sentence: str, tone: str) -> None:
    row = shop()
    read(row, **values)

    assert (orders(row).sentence, orders(row).tone) == (sentence, tone)


def test_a_stream_never_read_is_named_all_the_same() -> None:
    assert (orders(shop()).sentence, orders(Connection.objects.get()).next_try) == (
        "never read yet",
        "at once",
    )


def test_a_misconfigured_connection_says_what_to_do() -> None:
    row = shop()
    factories.change(row, state=Connection.State.MISCONFIGURED, state_reason="401: the key is unknown.")

    stands = standing(row, now=NOON)

    assert (stands.rung, stands.why) == ("stopped", "It refuses us. 401: the key is unknown.")
    assert stands.remedy.startswith("Correct its settings below and save")
    assert orders(row).next_try == "when the connection runs again"


def test_the_page_of_a_connection_shows_it(client: Client) -> None:
    row = shop()
    read(row, failures=2, error_code="remote.unavailable", error_detail="<b>No answer</b>")
    client.force_login(factories.make_user(staff=True, superuser=True))

    shown = client.get(f"/admin/connections/connection/{row.pk}/change/").content.decode()

    assert "2 tries in a row failed" in shown
    assert "&lt;b&gt;No answer&lt;/b&gt;" in shown


def test_a_connection_whose_connector_is_gone_stops_nobody() -> None:
    gone = factories.make_connection("gone", connector="no-such-vendor", sells=False)
    neighbour = shop()
    ports = replace(wiring.ports(), clock=lambda: NOON)

    debts = find_debts(NOON, ports=ports)

    swept = {debt.arguments["connection_id"] for debt in debts if debt.task == "pipeline.sweep"}
    assert swept == {neighbour.pk}
    assert standing(gone, now=NOON).streams == ()
    assert reading.heal_hooks(ports=replace(ports, account=_nobody)) == 0


def _nobody(connection_id: int) -> Account:
    raise RemoteUnavailable("its shop is away")


def test_a_connection_that_fails_moves_only_its_own_rows() -> None:
    hub = open_books()
    hub.has("A", 1)
    hub.books.broken = {"A"}
    neighbour = shop()
    read(neighbour, run_at=NOON - timedelta(seconds=1))
    before = Cursor.objects.filter(connection=neighbour).values().get()

    reading.sweep_due(hub.erp.pk, "stock", ports=hub.ports)

    failed = Cursor.objects.get(connection=hub.erp)
    assert (failed.error_code, failed.failures) == ("remote.unavailable", 1)
    assert Cursor.objects.filter(connection=neighbour).values().get() == before
    hub.books.broken = set()
    hub.clock.advance(60)
    reading.sweep_due(hub.erp.pk, "stock", ports=hub.ports)
    healed = Cursor.objects.get(connection=hub.erp)
    assert (healed.error_code, healed.error_detail, healed.failures) == ("", "", 0)
