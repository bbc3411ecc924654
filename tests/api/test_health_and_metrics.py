"""Health says which part is missing; metrics tell every debt to those who may know."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.test import Client, override_settings

from inventory_sync.api import health
from inventory_sync.api.health import Part
from inventory_sync.pipeline.models import Sign
from inventory_sync.support.clock import utc_now

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
