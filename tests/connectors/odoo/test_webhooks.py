"""Odoo's unsigned webhooks at the door."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.odoo.translate import translate
from connectors.odoo.webhooks import receive
from inventory_sync.domain.errors import Unauthentic
from inventory_sync.domain.external import ObjectHinted
from inventory_sync.domain.ports import InboundRequest
from tests.connectors.odoo.readings import HINTS, NOW, delivery
from tests.connectors.odoo.replays import config


def at_the_door(body: Any, *, token: str = "t0ken") -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return receive(InboundRequest({}, raw, path_token=token), config(), now=NOW)


@pytest.mark.parametrize("hint", HINTS, ids=lambda hint: hint["_model"])
def test_a_recorded_message_is_a_hint_and_stored_each_time_it_comes(hint: Any):
    received = at_the_door(hint)

    assert received.hint_only
    assert received.dedupe_key == ""
    assert received.tier == "standard"


@pytest.mark.parametrize("hint", HINTS, ids=lambda hint: hint["_model"])
def test_a_recorded_message_names_its_product_or_else_the_changes(hint: Any):
    (event,) = translate(delivery("hint", hint))
    product = hint.get("product_id")

    assert isinstance(event, ObjectHinted)
    expected = ("item", f"product:{product}") if product else ("stream", "changes")
    assert (event.kind, event.ref) == expected


def test_messages_about_one_product_keep_their_turn():
    move, quant = (
        at_the_door({"_model": model, "_id": 1, "product_id": 17}) for model in ("stock.move", "stock.quant")
    )

    assert move.object_key == quant.object_key == "product:17"


def test_without_the_token_nothing_is_believed():
    with pytest.raises(Unauthentic):
        at_the_door(HINTS[0], token="")


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{", b"[" * 100_000, {"_id": 1}, {"_model": "stock.move"}, {"_model": 5, "_id": 1},
     {"_model": "stock.move", "_id": True}, {"_model": "stock.move", "_id": 0},
     {"_model": "x" * 200, "_id": 1}, b'{"_model":"stock.move","_id":1,"x":"' + b"y" * 300_000 + b'"}'],
    ids=range(12),
)  # fmt: skip
def test_what_no_rule_of_odoo_sends_is_refused(body: Any):
    with pytest.raises(Unauthentic):
        at_the_door(body)


@pytest.mark.parametrize("product", [True, "17", -1, 0, None, [17, "Mug"], 2**70])
def test_a_product_that_cannot_be_one_leads_to_the_changes(product: Any):
    (event,) = translate(delivery("hint", {"_model": "stock.quant", "_id": 1, "product_id": product}))

    assert isinstance(event, ObjectHinted)
    assert (event.kind, event.ref) == ("stream", "changes")
