"""One id per request: the caller's when sane, ours otherwise; bound while it lasts."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from inventory_sync.api.middleware import CorrelationMiddleware, accepted_id
from inventory_sync.support import correlation


def test_a_sane_id_of_the_caller_is_kept_bound_and_returned():
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(correlation.current())
        return HttpResponse()

    request = RequestFactory().get("/x", HTTP_X_CORRELATION_ID="order-4711.retry_2")
    response = CorrelationMiddleware(view)(request)

    assert seen == ["order-4711.retry_2"]
    assert response.headers["X-Correlation-ID"] == "order-4711.retry_2"
    assert correlation.current() == ""


@pytest.mark.parametrize(
    ("why", "given"),
    [
        ("missing", ""),
        ("too short to be unique", "abc"),
        ("longer than its column", "a" * 41),
        ("forges a log line", "abcdefgh\nlevel=info"),
        ("spaces", "abc def ghi"),
        ("not ASCII", "größe-größe"),
        ("markup", "<script>alert(1)</script>"),
    ],
)
def test_any_other_is_replaced(why: str, given: str):
    made = accepted_id(given)

    assert made != given, why
    assert accepted_id(made) == made


@pytest.mark.django_db
def test_every_answer_tells_its_id_also_outside_the_api(client: Client):
    first, second = client.get("/health/live"), client.get("/nothing/here")

    assert first.headers["X-Correlation-ID"] != second.headers["X-Correlation-ID"]


@pytest.mark.django_db
def test_a_logged_path_cannot_forge_a_line(client: Client, caplog: pytest.LogCaptureFixture):
    with caplog.at_level("INFO"):
        client.get("/api/v1/nothing%0Alevel=info%20event=stock.posted%00")

    (record,) = [each for each in caplog.records if "request.answered" in str(each.msg)]
    assert isinstance(record.msg, dict)
    assert record.msg["path"] == "/api/v1/nothing%0Alevel%3Dinfo%20event%3Dstock.posted%00"
