"""What staff do to a connection from its page: previewed, with a reason, and seen afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from inventory_sync.audit.models import Entry
from inventory_sync.connections.models import Connection, Maintenance
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


def test_without_the_permission_nothing_is_held(client: Client, shop: Connection) -> None:
    client.force_login(factories.make_user(staff=True))

    assert client.post(page("drain", shop), {"reason": "mischief"}).status_code == 403
    shop.refresh_from_db()
    assert shop.state == "active"
