"""Other systems read who is told of cases and whether it works; neither whom nor by what secret."""

from __future__ import annotations

import base64
from datetime import timedelta

from rest_framework.test import APIClient

from inventory_sync.access.models import ApiKey
from inventory_sync.domain.errors import RemoteUnavailable
from inventory_sync.support.clock import utc_now
from tests import factories
from tests.cases.telling import Desk, make_route

SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes for the webhook").decode()


def test_a_route_says_whom_it_is_for_and_not_where_it_leads(partner: APIClient) -> None:
    second = make_route("second", addresses="a@shop.example b@shop.example", team="platform")
    make_route("first", team="support", escalate_to=second, escalate_after_min=10)
    make_route("hook", kind="webhook", url="https://hooks.example/in?key=k3y", secret=SECRET, addresses="")

    answer = partner.get("/api/v1/routes")

    first, hook, other = answer.json()
    assert (first["name"], first["escalates_to"], first["escalate_after_min"]) == ("first", "second", 10)
    assert [row["leads_to"] for row in (first, hook, other)] == ["1 address", "hooks.example", "2 addresses"]
    for secret in ("shop.example", "k3y", "whsec_", SECRET):
        assert secret not in answer.content.decode()
    assert [row["name"] for row in partner.get("/api/v1/routes?team=support").json()] == ["first", "hook"]
    assert partner.get("/api/v1/routes?nonsense=1").json()["code"] == "request.invalid"


def test_a_route_says_what_it_is_owed_and_since_when_it_fails(partner: APIClient) -> None:
    desk = Desk(now=utc_now() - timedelta(hours=1))
    make_route("desk")
    make_route("at night", digest="daily")
    desk.carried.failing = RemoteUnavailable("The mail server cannot be reached.")
    desk.fail(severity="normal")
    desk.tell()

    night, day = partner.get("/api/v1/routes").json()

    assert (night["waiting"], night["unsent"], night["failing_since"]) == (1, 0, None)
    assert (day["waiting"], day["unsent"]) == (0, 1)
    assert day["failing_since"].startswith(f"{desk.now:%Y-%m-%dT%H:%M}")


def test_a_key_of_one_channel_sees_its_routes_alone(partner: APIClient) -> None:
    factories.make_channel("shop")
    make_route("of all")
    make_route("of the shop", connection_code="shop")
    factories.change(ApiKey.objects.get(), channels=["shop"])

    assert [row["name"] for row in partner.get("/api/v1/routes").json()] == ["of the shop"]
