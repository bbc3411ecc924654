"""What leaves for the error service: where it failed, never a secret, a body or a person."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from inventory_sync.support import correlation, sentry
from inventory_sync.support.redaction import CUT, redact

CANARIES = {
    "local": "canary-local-variable",
    "body": "canary-in-the-body",
    "cookie": "canary-cookie",
    "header": "canary-header",
    "extra": "canary-extra",
    "query": "canary-query",
    "crumb": "canary-crumb-data",
    "user": "canary-user",
}


class Kept(Transport):
    """A transport that keeps what would have been sent."""

    def __init__(self) -> None:
        super().__init__({})
        self.sent: list[dict[str, Any]] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        for item in envelope.items:
            if (event := item.get_event()) is not None:
                self.sent.append(json.loads(json.dumps(event, default=str)))


@pytest.fixture
def kept() -> Iterator[Kept]:
    transport = Kept()
    sentry.start("https://public@errors.invalid/1", environment="tests", transport=transport)
    yield transport
    sentry_sdk.get_client().close(timeout=0)
    sentry_sdk.get_global_scope().set_client(None)


def fail(message: str) -> None:
    secret_local = CANARIES["local"]
    raise RuntimeError(message + secret_local[:0])


def test_an_error_is_reported_with_its_place_and_its_correlation_id(kept: Kept):
    with correlation.bound(correlation_id="c0ffee00c0ffee00"):
        try:
            fail("It broke.")
        except RuntimeError as error:
            sentry_sdk.capture_exception(error)

    (event,) = kept.sent
    value = event["exception"]["values"][-1]
    assert (value["type"], value["value"]) == ("RuntimeError", "It broke.")
    assert value["stacktrace"]["frames"][-1]["function"] == "fail"
    assert event["tags"]["correlation_id"] == "c0ffee00c0ffee00"
    assert event["environment"] == "tests"


def test_no_local_body_cookie_header_extra_query_crumb_or_user_leaves(kept: Kept):
    def add_a_request(event: Any, hint: Any) -> Any:
        event["request"] = {
            "method": "POST",
            "url": f"https://hub.example/hooks/shop/{CANARIES['query']}?k={CANARIES['query']}",
            "query_string": CANARIES["query"],
            "data": {"billing": CANARIES["body"]},
            "cookies": {"sessionid": CANARIES["cookie"]},
            "headers": {
                "Authorization": CANARIES["header"],
                "X-WC-Webhook-Signature": CANARIES["header"],
                "Content-Type": "application/json",
            },
            "env": {"REMOTE_ADDR": CANARIES["user"]},
        }
        event["modules"] = {"x": CANARIES["extra"]}
        return event

    with sentry_sdk.new_scope() as scope:
        scope.add_event_processor(add_a_request)
        scope.set_extra("anything", CANARIES["extra"])
        scope.set_context("order", {"buyer": CANARIES["extra"]})
        scope.set_tag("buyer", CANARIES["extra"])
        scope.set_user({"email": CANARIES["user"]})
        sentry_sdk.add_breadcrumb(
            category="httplib",
            data={"url": f"https://shop.example/x?consumer_key={CANARIES['crumb']}", "b": CANARIES["crumb"]},
        )
        try:
            fail("It broke.")
        except RuntimeError as error:
            sentry_sdk.capture_exception(error)

    (event,) = kept.sent
    text = json.dumps(event)
    assert {name for name, canary in CANARIES.items() if canary in text} == set()
    assert event["request"]["headers"] == {"Content-Type": "application/json"}
    assert event["request"]["url"] == "https://hub.example/hooks/shop/[cut]"


@pytest.mark.parametrize(
    ("what", "text", "hidden"),
    [
        ("an e-mail address", "no such buyer jane.doe@example.org here", "jane.doe"),
        ("a database password", "postgresql://sync:hunter2@db:5432/x is away", "hunter2"),
        ("a bearer key", "sent Authorization: Bearer sync12ab_abcdefghij and failed", "abcdefghij"),
        ("a shop's secret", "used cs_0123456789abcdef0123456789abcdef01234567 twice", "0123456789abcdef"),
        ("a hook secret", "secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw= unknown", "MfKQ9r8G"),
        ("a named password", "login failed: {'password': 'hunter2', 'user': 'x'}", "hunter2"),
        ("what the database quoted", "duplicate key\nDETAIL:  Key (name)=(Jane Doe) exists", "Jane"),
        ("a query string", "GET https://shop.example/v3/orders?search=jane failed", "jane"),
        ("a telephone number", "call +49 40 1234 5678 now", "1234"),
    ],
)
def test_a_message_is_cut_where_it_would_tell_too_much(what: str, text: str, hidden: str):
    redacted = redact(text)

    assert hidden not in redacted, what
    assert CUT in redacted


@pytest.mark.parametrize(
    "text",
    [
        "No item is mapped to the external id 'product:4021' (Blue mug).",
        "Stock at WH-HAM fell to -3 at 2026-11-23T12:00:00+00:00.",
        "migration ledger.0002_append_only is missing",
    ],
)
def test_what_a_person_needs_to_act_is_left_alone(text: str):
    assert redact(text) == text


def test_a_logged_error_is_reported_by_its_words_only(kept: Kept):
    logging.getLogger("tests.sentry").error("push failed for %s", "jane@example.org")

    (event,) = kept.sent
    text = json.dumps(event)
    assert "push failed for [cut]" in text
    assert "jane" not in text
