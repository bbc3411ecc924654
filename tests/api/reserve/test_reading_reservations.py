"""What was reserved, read again: the same as it was answered, and only by who may see it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from inventory_sync.access.models import ApiKey
from inventory_sync.access.services import create_key
from tests.api.test_openapi import _as_json_schema


@pytest.fixture
def reader(key: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


@pytest.mark.parametrize("quantity", [2, 9])
def test_it_is_read_as_it_was_answered(caller, reader, quantity):
    caller.reserve(quantity=quantity, mode="partial", hold_s=600)
    answered = caller.reserve(quantity=quantity, mode="partial", hold_s=600).body

    assert reader.get("/api/v1/reservations/shop/cart-1").json() == answered


def test_lists_are_narrowed_by_channel_state_and_review(caller, reader):
    caller.reserve("a", hold_s=600)
    caller.reserve("b", review=True)
    caller.reserve("c", quantity=1)

    def found(query: str) -> list[str]:
        answer = reader.get(f"/api/v1/reservations?{query}").json()
        return [row["reference"] for row in answer["results"]]

    assert found("") == ["c", "b", "a"]
    assert found("state=held") == ["b", "a"]
    assert found("review=true") == ["b"]
    assert found("channel=nowhere") == []


def test_a_key_of_another_channel_sees_nothing_of_this_one(caller, shop):
    caller.reserve()
    _, raw = create_key(
        consumer="x", scopes=[ApiKey.Scope.RESERVE], channels=["other"], actor="tests", reason="a test"
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {raw}")

    assert client.get("/api/v1/reservations").json()["results"] == []
    assert client.get("/api/v1/reservations/shop/cart-1").status_code == 404


def test_orders_of_channels_are_not_among_them(caller, reader, shop):
    assert reader.get("/api/v1/reservations/shop/1001").status_code == 404


def test_the_door_answers_what_its_document_says(caller, client: Client):
    document: dict[str, Any] = client.get("/api/v1/openapi.json").json()
    components = _as_json_schema(document["components"])
    one = "/api/v1/reservations/{channel}/{reference}"

    for path, method, told in (
        ("/api/v1/reservations", "post", caller.reserve(hold_s=600)),
        (f"{one}/extend", "post", caller.act("extend", hold_s=900)),
        (f"{one}/commit", "post", caller.act("commit")),
        (f"{one}/release", "post", caller.act("release")),
        ("/api/v1/reservations", "post", caller.reserve("cart-2", quantity=99)),
        (f"{one}/cancel", "post", caller.act("cancel")),
    ):
        operation = document["paths"][path][method]
        content = operation["responses"][str(told.status)]["content"][told.headers["Content-Type"]]
        Draft202012Validator({**_as_json_schema(content["schema"]), "components": components}).validate(
            told.body
        )
