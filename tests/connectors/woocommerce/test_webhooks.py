"""The door's view of WooCommerce webhooks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.base.signatures import sign_body
from connectors.woocommerce.webhooks import receive
from inventory_sync.domain.errors import Misconfigured, Unauthentic
from inventory_sync.domain.ports import InboundRequest, Received, Reply
from tests.connectors.woocommerce.recordings import NOW, VALUES, config, recorded, request_of, vectors

CONFIG = config()


def signed(body: bytes, topic: str = "order.updated", hook: str = "21", **headers: str) -> InboundRequest:
    return InboundRequest(
        {
            "x-wc-webhook-signature": sign_body(VALUES["webhook_secret"], body),
            "x-wc-webhook-topic": topic,
            "x-wc-webhook-id": hook,
            **headers,
        },
        body,
    )


def received(request: InboundRequest) -> Received:
    found = receive(request, CONFIG, now=NOW)
    assert isinstance(found, Received)
    return found


@pytest.mark.parametrize("name", ["order-created", "order-updated", "order-deleted", "product-updated"])
def test_recorded_deliveries_are_named_by_their_object(name: str) -> None:
    (vector,) = (one for one in vectors() if one["name"] == name)
    request = request_of(vector)
    request = replace(
        request,
        headers={
            **request.headers,
            "x-wc-webhook-signature": sign_body(VALUES["webhook_secret"], request.body),
        },
    )

    found = received(request)

    resource, event = name.split("-")
    assert found.topic == f"{resource}.{event}"
    assert found.object_key == f"{resource}:{91 if resource == 'product' else 482}"
    assert found.tier == ("critical" if resource == "order" else "standard")


def test_a_recorded_signature_is_accepted_with_its_own_secret() -> None:
    (vector,) = (one for one in vectors() if one["name"] == "product-updated")

    found = receive(request_of(vector), config(webhook_secret=vector["secret"]), now=NOW)

    assert isinstance(found, Received)


def test_the_unsigned_ping_is_answered_and_forgotten() -> None:
    ping = recorded("webhook-ping")["request"]["body_bytes"].encode()

    assert receive(InboundRequest({}, ping), CONFIG, now=NOW) == Reply(200)


@pytest.mark.parametrize(
    "body",
    [b"webhook_id=2&x=1", b"webhook_id=", b"webhook_id=2\n", b' {"webhook_id":2}', b"", b"webhook_id=x"],
)
def test_whatever_only_looks_like_a_ping_is_refused(body: bytes) -> None:
    with pytest.raises(Unauthentic):
        receive(InboundRequest({}, body), CONFIG, now=NOW)


def test_hundred_changes_under_one_delivery_id_are_hundred_deliveries() -> None:
    keys = {
        received(
            signed(
                b'{"id":%d,"stock_quantity":1}' % n, "product.updated", **{"x-wc-webhook-delivery-id": "same"}
            )
        ).dedupe_key
        for n in range(1, 101)
    }

    assert len(keys) == 100


def test_the_same_body_under_another_delivery_id_is_the_same_delivery() -> None:
    one, other = (
        received(signed(b'{"id":1,"stock_quantity":1}', **{"x-wc-webhook-delivery-id": value}))
        for value in ("a", "b")
    )

    assert one.dedupe_key == other.dedupe_key != ""


def test_the_same_body_from_another_hook_is_another_delivery() -> None:
    assert (
        received(signed(b'{"id":1}', hook="1")).dedupe_key
        != received(signed(b'{"id":1}', hook="2")).dedupe_key
    )


@pytest.mark.parametrize(
    ("why", "topic", "body"),
    [
        ("a second trashing of a restored order looks the same", "order.deleted", b'{"id":482}'),
        ("an error body names no object", "product.updated", b'{"code":"woocommerce_rest_cannot_view"}'),
    ],
)
def test_bodies_without_state_are_stored_each_time(why: str, topic: str, body: bytes) -> None:
    assert received(signed(body, topic)).dedupe_key == "", why


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b'{"id":482,"status":"x"}', "order:482"),
        (b'{"id":482}', "order:482"),
        (b'{ "id" : 482 }', "order:482"),
        (b'{"status":"x","id":482}', "order:482"),
        (b'{"id":"482"}', ""),
        (b'{"id":true}', ""),
        (b'{"code":"x"}', ""),
        (b"[1]", ""),
        (b"not json", ""),
        (b"[" * 100_000, ""),
        (b"", ""),
    ],
)
def test_the_object_is_found_wherever_the_id_stands(body: bytes, key: str) -> None:
    assert received(signed(body)).object_key == key


@pytest.mark.parametrize("topic", ["", "order", "ORDER.x y", "a" * 200, "order.updated\x00"])
def test_a_topic_that_is_none_is_kept_as_unknown(topic: str) -> None:
    assert received(signed(b'{"id":1}', topic)).topic == "unknown"


@pytest.mark.parametrize("secret", ["short", "with space 0123456789", "a&amp;b-0123456789", "ü" * 20])
def test_a_secret_the_shop_would_sign_differently_is_refused_in_the_settings(secret: str) -> None:
    with pytest.raises(Misconfigured):
        config(webhook_secret=secret)
