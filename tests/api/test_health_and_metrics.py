"""Health says which part is missing; metrics tell every debt to those who may know."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.test import Client, override_settings
from prometheus_client.parser import text_string_to_metric_families

from inventory_sync.api import health
from inventory_sync.api.health import Part
from inventory_sync.api.measures import MEASURES
from inventory_sync.catalog.models import ItemMapping
from inventory_sync.connections.models import Cursor
from inventory_sync.ledger.models import DirtyItem
from inventory_sync.pipeline.models import Sign
from inventory_sync.propagation.models import Listing, PushAttempt
from inventory_sync.support.clock import utc_now
from tests import factories

pytestmark = pytest.mark.django_db

NOBODY_LISTENS = "redis://127.0.0.1:1/0"


def broker_is(ok: bool):
    return lambda: Part("broker", ok=ok, needed=False)


def test_a_living_process_says_so_without_looking_at_anything(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.get("/health/live")

    assert (response.status_code, response.json()) == (200, {"status": "alive"})


@override_settings(BROKER_URL=NOBODY_LISTENS)
def test_without_its_broker_the_platform_is_degraded_and_still_ready(client: Client):
    Sign.objects.update_or_create(name="dispatcher", defaults={"at": utc_now()})

    response = client.get("/health/ready")

    assert response.status_code == 200
    assert (response.json()["status"], response.json()["missing"]) == ("degraded", ["broker"])
    assert "127.0.0.1" not in response.content.decode()


def test_without_its_database_it_is_not_ready_and_says_so(client: Client, monkeypatch):
    def refuse(*_: Any) -> Any:
        raise OperationalError("connection to 10.0.0.7 refused, password=hunter2")

    monkeypatch.setattr(type(connections["default"]), "cursor", refuse)
    monkeypatch.setattr(health, "_broker", broker_is(True))
    response = client.get("/health/ready")

    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert (response.json()["status"], response.json()["missing"]) == ("unready", ["database"])
    assert b"hunter2" not in response.content


def test_a_schema_that_is_behind_is_not_ready(monkeypatch):
    def behind() -> None:
        raise health._NotMigrated("2 migrations are not applied yet; run ./manage.py migrate.")

    monkeypatch.setattr(health, "_assert_migrated", behind)
    parts = {part.name: part for part in health.look(now=utc_now(), broker=broker_is(True))}

    assert not parts["schema"].ok
    assert parts["schema"].needed
    assert "2 migrations" in parts["schema"].detail


def test_a_dispatcher_without_a_recent_sign_of_life_is_reported():
    now = utc_now()
    Sign.objects.filter(name="dispatcher").delete()

    def dispatcher() -> Part:
        return next(p for p in health.look(now=now, broker=broker_is(True)) if p.name == "dispatcher")

    assert not dispatcher().ok
    Sign.objects.create(name="dispatcher", at=now - timedelta(minutes=5))
    assert "300 s" in dispatcher().detail
    Sign.objects.filter(name="dispatcher").update(at=now)
    assert dispatcher().ok


# ── metrics ──────────────────────────────────────────────────────────────────────────────────────────


def scrape(client: Client, **headers: Any) -> dict[tuple[str, tuple[str, ...]], float]:
    response = client.get("/metrics", **headers)
    assert response.status_code == 200
    return {
        (
            sample.name.removeprefix("inventory_sync_"),
            tuple(value for _, value in sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def test_every_debt_is_a_number(client: Client):
    shop = factories.make_channel("shop")
    before = utc_now() - timedelta(minutes=10)
    delivery = factories.make_delivery(shop, received_at=before, run_at=before, tier="critical")
    factories.make_delivery(shop, state="done", received_at=utc_now())
    factories.park_line(delivery)
    item = factories.make_item("MUG")
    mapping: ItemMapping = factories.map_item(shop, item)
    listing = factories.make_listing(mapping, state=Listing.State.OWED, dirty_since=before)
    factories.make_listing(factories.map_item(shop, factories.make_item("CUP")), state=Listing.State.FAILED)
    PushAttempt.objects.create(listing=listing, at=utc_now(), outcome="settled")
    DirtyItem.objects.update_or_create(item=item, defaults={"since": before, "urgent": True})
    Cursor.objects.create(connection=shop, stream="orders", swept_at=before, reads=100, finds=3)
    Sign.objects.update_or_create(name="canary:critical", defaults={"at": before})

    found = scrape(client)

    assert found["deliveries_open", ("pending", "critical")] == 1
    assert 599 < found["deliveries_oldest_pending_seconds", ("critical",)] < 700
    assert found["deliveries_last_hour", ("shop", "done")] == 1
    assert found["parked_lines", ("mapping.item_unknown", "shop")] == 1
    assert found["listings", ("shop", "owed")] == 1
    assert found["listings", ("shop", "failed")] == 1
    assert 599 < found["pushes_oldest_owed_seconds", ("shop",)] < 700
    assert found["push_attempts_last_hour", ("shop", "settled")] == 1
    assert found["dirty_items", ("yes",)] >= 1
    assert found["dirty_items_oldest_seconds", ()] > 599
    assert found["webhooks_lost", ("shop", "orders")] == 3
    assert 599 < found["sweep_age_seconds", ("shop", "orders")] < 700
    assert found["budget_tokens", ("shop",)] == 100
    assert found["connection_active", ("shop", "active")] == 1
    assert 599 < found["sign_age_seconds", ("canary:critical",)] < 700


def test_every_family_is_named_explained_and_readable_when_nothing_has_happened(client: Client):
    text = client.get("/metrics").content.decode()

    for measure in MEASURES:
        assert f"# HELP {measure.name} {measure.help}" in text
        assert measure.help.endswith(".")


@pytest.mark.parametrize(
    ("why", "headers", "status"),
    [
        ("this machine", {}, 200),
        ("this machine, IPv6", {"REMOTE_ADDR": "::1"}, 200),
        ("another machine", {"REMOTE_ADDR": "10.0.0.7"}, 403),
        ("a guest of the proxy on this machine", {"HTTP_X_FORWARDED_FOR": "10.0.0.7"}, 403),
        ("no address at all", {"REMOTE_ADDR": ""}, 403),
    ],
)
def test_without_a_token_only_this_machine_reads_them(client: Client, why, headers, status):
    assert client.get("/metrics", **headers).status_code == status, why


def test_with_a_token_only_its_holder_reads_them(client: Client, settings):
    settings.INVENTORY_SYNC = {**settings.INVENTORY_SYNC, "METRICS_TOKEN": "t0ken"}

    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer wrong").status_code == 403
    assert (
        client.get("/metrics", HTTP_AUTHORIZATION="Bearer t0ken", REMOTE_ADDR="10.0.0.7").status_code == 200
    )


def test_without_the_database_there_is_no_half_answer(client: Client, monkeypatch):
    def refuse(*_: Any) -> Any:
        raise OperationalError("password=hunter2")

    monkeypatch.setattr("inventory_sync.api.metrics.render", refuse)
    response = client.get("/metrics")

    assert response.status_code == 503
    assert b"hunter2" not in response.content
