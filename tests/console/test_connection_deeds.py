"""What staff do to a connection from its page: previewed, with a reason, and seen afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from connectors.odoo.twin import DATABASE, KEY, LOGIN, OdooTwin
from inventory_sync.audit.models import Entry
from inventory_sync.connections import registry
from inventory_sync.connections.models import Breaker, Budget, Connection, Maintenance
from inventory_sync.connections.running import runnable
from inventory_sync.connections.services import create_connection
from inventory_sync.support.clock import utc_now
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Connection:
    return factories.make_channel("woo")


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(factories.make_user(staff=True, superuser=True))
    return client


def page(deed: str, row: Connection) -> str:
    return f"/admin/connections/connection/deed/{deed}/?ids={row.pk}"


@pytest.mark.parametrize(
    ("deed", "column", "value", "action"),
    [
        ("drain", "state", "draining", "connection.drained"),
        ("pause", "state", "paused", "connection.paused"),
        ("write-shadow", "writing", "shadow", "connection.writing_changed"),
        ("read-only", "writing", "read_only", "connection.writing_changed"),
    ],
)
def test_it_is_held_as_asked_and_the_reason_is_kept(
    staff: Client, shop: Connection, deed: str, column: str, value: str, action: str
) -> None:
    staff.post(page(deed, shop), {"reason": "the shop moves house"})

    shop.refresh_from_db()
    assert getattr(shop, column) == value
    assert Entry.objects.get(action=action).reason == "the shop moves house"


def test_a_window_is_planned_and_ended_from_the_page(staff: Client, shop: Connection) -> None:
    now = utc_now()
    when = {
        "starts_at": f"{now - timedelta(minutes=5):%Y-%m-%dT%H:%M}",
        "ends_at": f"{now + timedelta(hours=2):%Y-%m-%dT%H:%M}",
        "reason": "the vendor updates",
    }

    staff.post(page("maintenance", shop), when)
    shown = staff.get(f"/admin/connections/connection/{shop.pk}/change/").content.decode()

    assert "Under maintenance until" in shown
    staff.post(page("end-maintenance", shop), {"reason": "they are done"})
    assert Maintenance.objects.get().closed_at is not None


def test_a_window_that_crosses_another_is_refused_on_the_page(staff: Client, shop: Connection) -> None:
    when = {"starts_at": "2099-01-01T10:00", "ends_at": "2099-01-01T12:00", "reason": "an update"}
    staff.post(page("maintenance", shop), when)

    answer = staff.post(page("maintenance", shop), when).content.decode()

    assert "There is a window at that time already" in answer
    assert Maintenance.objects.count() == 1


@pytest.fixture
def odoo(settings: Any) -> Iterator[OdooTwin]:
    settings.INVENTORY_SYNC = {**settings.INVENTORY_SYNC, "EGRESS_ALLOWED_HOSTS": ["127.0.0.1"]}
    twin = OdooTwin(version=19)
    with twin.serving(ticking=False):
        yield twin


def connected(twin: OdooTwin, key: str = KEY) -> Connection:
    values = {"base_url": twin.url, "database": DATABASE, "login": LOGIN, "api_key": key}
    return create_connection(
        connector=registry.connector("odoo"),
        code="erp",
        label="Our Odoo",
        values={**values, "allow_insecure": True},
        actor="tests",
        reason="a test",
        now=utc_now(),
    )


def test_a_look_at_the_system_says_what_it_is_and_ends_the_silence(staff: Client, odoo: OdooTwin) -> None:
    row = connected(odoo)
    factories.change(row, state=Connection.State.PAUSED)
    Breaker.objects.create(
        connection=row, phase="open", since=utc_now(), next_at=utc_now() + timedelta(seconds=50)
    )

    answer = staff.post(page("probe", row), {"reason": "does it work?"}).content.decode()

    assert "It answers and lacks nothing." in answer
    assert "version" in answer
    assert Breaker.objects.get().phase == "closed"
    assert Budget.objects.get().calls > 0
    assert Entry.objects.get(action="connection.probed").after == {"problems": []}


def test_a_look_in_vain_says_why_and_is_paid_all_the_same(staff: Client, odoo: OdooTwin) -> None:
    row = connected(odoo, key="stale" * 8)

    answer = staff.post(page("probe", row), {"reason": "does it work?"}).content.decode()

    assert "It does not work as it should." in answer
    assert Budget.objects.get().calls > 0
    told = Entry.objects.get(action="connection.probed").after
    assert told is not None
    assert told["problems"]


def test_a_window_is_of_the_zone_that_was_chosen(staff: Client, shop: Connection) -> None:
    when = {"starts_at": "2099-07-01T10:00", "ends_at": "2099-07-01T12:00", "reason": "an update"}

    staff.post(page("maintenance", shop), {**when, "zone": "Europe/Berlin"})

    assert Maintenance.objects.get().starts_at == datetime(2099, 7, 1, 8, tzinfo=UTC)


def test_a_weekly_window_is_planned_held_to_and_ended_from_the_page(staff: Client, shop: Connection) -> None:
    now = utc_now()
    every_day = {
        "days": list(range(1, 8)),
        "begins": f"{now - timedelta(minutes=5):%H:%M}",
        "ends": f"{now + timedelta(hours=1):%H:%M}",
        "zone": "UTC",
        "reason": "the vendor updates each night",
    }

    staff.post(page("weekly-maintenance", shop), every_day)

    assert runnable(now).to_pay == {}
    shown = staff.get(page("pause", shop)).content.decode()
    assert f"daily {every_day['begins']}" in shown
    shown = staff.get(f"/admin/connections/connection/{shop.pk}/change/").content.decode()
    assert "Every week: daily" in shown
    assert "Next maintenance window:" in shown
    again = staff.post(page("weekly-maintenance", shop), every_day).content.decode()
    assert "There is such a window already" in again
    staff.post(page("end-weekly-maintenance", shop), {"reason": "they moved"})
    assert runnable(utc_now()).to_pay == {shop.pk: shop}
    assert not Maintenance.objects.filter(closed_at__isnull=True).exists()


def test_without_the_permission_nothing_is_held(client: Client, shop: Connection) -> None:
    client.force_login(factories.make_user(staff=True))

    assert client.post(page("drain", shop), {"reason": "mischief"}).status_code == 403
    shop.refresh_from_db()
    assert shop.state == "active"
