"""Signatures: the published vectors, and that nothing but Unauthentic is raised."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base.signatures import sign_body, sign_standard, standard_key, verify_body, verify_standard
from inventory_sync.domain.errors import Misconfigured, Unauthentic
from tests.connectors.woocommerce.recordings import vector_body, vectors

STANDARD = json.loads((Path(__file__).parent / "vectors" / "standard_webhooks_vectors.json").read_bytes())[
    "vectors"
]
SECRET = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
BODY = b'{"id":"T1-17","type":"sale"}'


@pytest.mark.parametrize("vector", STANDARD, ids=lambda vector: vector["name"])
def test_the_vectors_of_standard_webhooks_are_judged_as_written(vector: dict[str, Any]) -> None:
    now = datetime.fromtimestamp(vector["now"], UTC)
    body = vector["raw_body"].encode()

    if vector["valid"]:
        assert (
            verify_standard(vector["secrets"], vector["headers"], body, now=now)
            == vector["headers"]["webhook-id"]
        )
    else:
        with pytest.raises(Unauthentic):
            verify_standard(vector["secrets"], vector["headers"], body, now=now)


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["name"])
def test_the_vectors_of_woocommerce_verify(vector: dict[str, Any]) -> None:
    body = vector_body(vector)

    assert sign_body(vector["secret"], body) == vector["signature"]
    verify_body(vector["secret"], vector["headers"]["X-WC-Webhook-Signature"], body)
    with pytest.raises(Unauthentic):
        verify_body(vector["secret"], vector["signature"], body + b" ")
    with pytest.raises(Unauthentic):
        verify_body(vector["secret"] + "x", vector["signature"], body)


def test_what_is_signed_verifies_with_the_old_and_with_the_new_secret() -> None:
    new = "whsec_" + "ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A="
    headers = sign_standard([SECRET, new], message_id="T1-17", now=NOW, body=BODY)

    assert verify_standard([SECRET], headers, BODY, now=NOW) == "T1-17"
    assert verify_standard([new], headers, BODY, now=NOW) == "T1-17"


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_any_mutation_of_any_part_is_refused_with_unauthentic(data: st.DataObject) -> None:
    headers = sign_standard([SECRET], message_id="T1-17", now=NOW, body=BODY)
    part = data.draw(st.sampled_from(["body", *headers]))
    if part == "body":
        changed = data.draw(st.binary(max_size=60).filter(lambda value: value != BODY))
        with pytest.raises(Unauthentic):
            verify_standard([SECRET], headers, changed, now=NOW)
    else:
        value = data.draw(st.text(max_size=80).filter(lambda text: text != headers[part]))
        with pytest.raises(Unauthentic):
            verify_standard([SECRET], {**headers, part: value}, BODY, now=NOW)


@given(
    st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()),
    st.binary(),
)
@settings(max_examples=200, deadline=None)
def test_arbitrary_headers_and_bytes_raise_only_unauthentic(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Unauthentic):
        verify_standard([SECRET], headers, body, now=NOW)
    with pytest.raises(Unauthentic):
        verify_body("secret", headers.get("webhook-signature", ""), body)


@pytest.mark.parametrize("spelling", ["\n", " ", "=", "A"])
def test_a_second_spelling_of_the_right_signature_is_refused(spelling: str) -> None:
    with pytest.raises(Unauthentic):
        verify_body("secret", sign_body("secret", BODY) + spelling, BODY)


def test_no_secret_verifies_nothing() -> None:
    with pytest.raises(Unauthentic):
        verify_body("", sign_body("", BODY), BODY)
    with pytest.raises(Unauthentic):
        verify_standard([], sign_standard([SECRET], message_id="a", now=NOW, body=BODY), BODY, now=NOW)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_???", "", "plain words"])
def test_a_secret_that_is_none_is_the_owners_mistake(secret: str) -> None:
    with pytest.raises(Misconfigured):
        standard_key(secret)
