"""What is noted of a call holds no secret and names nobody."""

from __future__ import annotations

import json

from connectors.base.redaction import EXCERPT, Redactor


def test_an_order_is_noted_without_who_bought() -> None:
    order = {
        "id": 482,
        "billing": {"first_name": "Erika", "email": "erika@example.org", "phone": "040 123", "company": ""},
        "customer_note": 'Ring at "Mustermann"',
        "line_items": [{"name": "Blue mug", "quantity": 2}],
    }

    noted = Redactor([]).body(json.dumps(order).encode())

    for told in ("Erika", "erika@example.org", "040 123", "Mustermann"):
        assert told not in noted, told
    for kept in ("482", "Blue mug", '"quantity": 2', '"email": "…"'):
        assert kept in noted, kept


def test_a_value_that_the_clip_cuts_in_two_is_cut_whole() -> None:
    body = b'{"pad": "' + b"x" * (EXCERPT - 30) + b'", "email": "erika@example.org", "token": "hunter2"}'

    noted = Redactor(["s3cr3t-key"]).body(body)

    assert "erika" not in noted
    assert "hunter2" not in noted


def test_known_secrets_are_cut_from_addresses_and_bodies() -> None:
    redactor = Redactor(["s3cr3t-key"])

    assert "s3cr3t" not in redactor.path("/orders?consumer_key=ck_1&after=2&sig=s3cr3t-key")
    assert "ck_1" not in redactor.path("/orders?consumer_key=ck_1&after=2")
    assert "s3cr3t" not in redactor.body(b'{"said": "your key s3cr3t-key is no good"}')
