"""Every error leaves as application/problem+json with a stable code, and never with a traceback."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from rest_framework import exceptions, serializers
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.views import APIView

from inventory_sync.api.errors import MEDIA_TYPE, describe
from inventory_sync.api.permissions import PUBLIC
from inventory_sync.api.problems import KINDS
from inventory_sync.api.v1 import selectors
from inventory_sync.domain import errors

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "correlation_id"}


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["Content-Type"] == MEDIA_TYPE
    body: dict[str, Any] = response.json()
    assert set(body) >= MEMBERS
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"].endswith(f"/api/v1/problems/{code}")
    assert body["correlation_id"] == response.headers["X-Correlation-ID"]
    assert "Traceback" not in response.content.decode()
    return body


@pytest.mark.parametrize(
    ("why", "address", "code"),
    [
        ("no such item", "/api/v1/items/NOTHING", "resource.not_found"),
        ("no such route", "/api/v1/nothing", "resource.not_found"),
        ("no such version", "/api/v9/items", "resource.not_found"),
        ("an id beyond the database's integers", f"/api/v1/deliveries/{10**30}", "resource.not_found"),
        ("no such channel", "/api/v1/channels/nowhere/availability", "channel.unknown"),
        ("no such channel of an item", "/api/v1/channels/nowhere/availability/MUG", "channel.unknown"),
        ("a NUL in a name", "/api/v1/items/%00", "resource.not_found"),
        ("a NUL in two names", "/api/v1/stock-levels/%00/%00", "resource.not_found"),
    ],
)
def test_what_is_not_there_is_a_problem(partner: APIClient, why: str, address: str, code: str):
    body = assert_problem(partner.get(address), 404, code)

    assert body["instance"].startswith("/api/")
    assert body["instance"].isprintable()


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_method_that_is_not_offered_is_a_problem_and_names_the_others(partner: APIClient, method: str):
    response = getattr(partner, method)("/api/v1/items", {"sku": "X"}, format="json")

    assert_problem(response, 405, "request.method_not_allowed")
    assert "GET" in response.headers["Allow"]


def test_only_json_is_offered(partner: APIClient):
    response = partner.get("/api/v1/items", HTTP_ACCEPT="text/csv")

    assert_problem(response, 406, "request.not_acceptable")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=many", "limit"),
        ("updated_since=yesterday", "updated_since"),
        ("skus=A", "skus"),
        ("gtin=%00", "gtin"),
        ("sku=a%00b", "sku"),
        ("sku=" + ",".join(f"S{n}" for n in range(501)), "sku"),
    ],
)
def test_a_wrong_parameter_is_named(partner: APIClient, query: str, parameter: str):
    body = assert_problem(partner.get(f"/api/v1/items?{query}"), 400, "request.invalid")

    assert [error["parameter"] for error in body["errors"]] == [parameter]


class _EchoSerializer(serializers.Serializer):
    quantity = serializers.IntegerField()


class _Echo(APIView):
    """Takes a body, as the endpoints that write will; fails on demand."""

    required_scope = PUBLIC
    authentication_classes: list[Any] = []
    failure: Exception | None = None

    def post(self, request: Any) -> Any:
        if self.failure:
            raise self.failure
        _EchoSerializer(data=request.data).is_valid(raise_exception=True)


def post(body: bytes, content_type: str = "application/json", failure: Exception | None = None) -> Any:
    request = APIRequestFactory().post("/api/v1/echo", body, content_type=content_type)
    response = _Echo.as_view(failure=failure)(request)
    return response.render()


@pytest.mark.parametrize(
    ("why", "body", "content_type", "status", "code"),
    [
        ("not JSON", b"{", "application/json", 400, "request.malformed"),
        ("not UTF-8", b"\xff\xfe", "application/json", 400, "request.malformed"),
        ("a form", b"a=1", "application/x-www-form-urlencoded", 415, "request.media_type_unsupported"),
        ("a wrong field", b'{"quantity": "x"}', "application/json", 400, "request.invalid"),
        ("a list", b"[]", "application/json", 400, "request.invalid"),
    ],
)
def test_a_body_that_cannot_be_used_is_a_problem(why: str, body: bytes, content_type: str, status, code):
    response = post(body, content_type)

    assert (response.status_code, response.data["code"]) == (status, code), why
    assert response.headers["Content-Type"] == MEDIA_TYPE


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.RateLimited("Slow down.", retry_after_s=7), 503, "remote.rate_limited"),
        (errors.UnmappedItem("4021"), 409, "mapping.item_unknown"),
        (errors.MalformedPayload("No lines.", field="lines"), 422, "payload.malformed"),
        (errors.Misconfigured("No key."), 409, "connection.misconfigured"),
        (errors.FenceLost(), 409, "lease.lost"),
        (exceptions.Throttled(wait=3), 429, "request.throttled"),
        (OperationalError("password=hunter2"), 503, "server.database_unavailable"),
        (RuntimeError("the secret of the house"), 500, "server.failed"),
    ],
)
def test_an_error_of_ours_keeps_its_code_and_a_strange_one_keeps_its_words(error, status, code):
    response = post(b"{}", failure=error)

    assert (response.status_code, response.data["code"]) == (status, code)
    assert b"hunter2" not in response.content
    assert b"secret" not in response.content


def test_a_caller_who_should_wait_is_told_how_long():
    assert post(b"{}", failure=errors.RateLimited("", retry_after_s=7)).headers["Retry-After"] == "7"
    assert int(post(b"{}", failure=OperationalError()).headers["Retry-After"]) > 0


def test_a_failing_view_answers_a_problem_and_tells_the_error_watchers(partner, monkeypatch):
    def fail(**_: Any) -> Any:
        raise ZeroDivisionError("not for your eyes")

    monkeypatch.setattr(selectors, "items", fail)
    partner.raise_request_exception = True  # the signal is sent: the test client re-raises what it carries
    with pytest.raises(ZeroDivisionError):
        partner.get("/api/v1/items")
    partner.raise_request_exception = False
    response = partner.get("/api/v1/items")

    assert_problem(response, 500, "server.failed")
    assert b"not for your eyes" not in response.content


@pytest.mark.parametrize("error", errors.all_errors())
def test_every_error_of_the_domain_has_a_problem(error: type[errors.SyncError]):
    raised = error.__new__(error)
    errors.SyncError.__init__(raised, "Words.")
    if isinstance(raised, errors.Transient):
        raised.retry_after_s = None

    body, _ = describe(raised, instance="/x")

    assert body["code"] == error.code
    assert 400 <= body["status"] < 600


@pytest.mark.django_db
@pytest.mark.parametrize("code", [*KINDS, "mapping.item_unknown", "lease.lost"])
def test_the_type_of_a_problem_leads_to_its_explanation(client: Client, code: str):
    body = client.get(f"/api/v1/problems/{code}").json()

    assert body["code"] == code
    assert body["title"]
    assert body["remedy"]


@pytest.mark.django_db
def test_the_page_of_an_unknown_problem_is_itself_a_problem(client: Client):
    assert_problem(client.get("/api/v1/problems/no.such"), 404, "resource.not_found")
