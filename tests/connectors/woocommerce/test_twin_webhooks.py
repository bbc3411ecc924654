"""The unkindness of the shop's webhooks, one row each: what is sent, when, signed how, and when it stops."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.woocommerce.twin_shop import Quirks
from connectors.woocommerce.twin_webhooks import deliverable
from tests.connectors.woocommerce.twin_world import World, recording

TOPICS = (
    "product.created",
    "product.updated",
    "product.deleted",
    "order.created",
    "order.updated",
    "order.deleted",
)


def listening(**options: Any) -> World:
    world = World(**options)
    for topic in TOPICS:
        world.hook(topic)
    return world


def topics(world: World) -> list[str]:
    return [topic for topic, _ in world.cron()]


# ── registering ──────────────────────────────────────────────────────────────────────────────────────


def test_the_ping_is_a_form_unsigned_and_without_headers_of_its_own_as_recorded() -> None:
    world = World()

    body = {"topic": "product.updated", "delivery_url": "https://hub.example.test/hooks/woo/", "secret": "s"}
    world.call("POST", "/webhooks", body)

    (url, headers, sent) = world.sent[0]
    recorded = recording("webhook-ping")["request"]
    assert url == body["delivery_url"]
    assert sent == b"webhook_id=1"
    assert set(headers) | {"Host", "Content-Length"} == set(recorded["headers"])
    assert headers["Content-Type"] == recorded["headers"]["Content-Type"]


def test_the_secret_is_never_shown_and_one_is_made_up_when_none_is_given() -> None:
    world = World()
    body = {"topic": "product.updated", "delivery_url": "https://hub.example.test/"}

    _, made, _ = world.call("POST", "/webhooks", body)
    _, read, _ = world.call("GET", f"/webhooks/{made['id']}")

    kept = world.twin.books.get("webhook", made["id"])
    assert kept is not None
    assert "secret" not in made.keys() | read.keys()
    assert len(kept["secret"]) == 50


def test_a_failed_ping_is_told_to_nobody_and_repeated_on_the_next_update() -> None:
    world = World()
    world.receiver_says = 500
    body = {"topic": "product.updated", "delivery_url": "https://hub.example.test/", "secret": "s"}
    status, made, _ = world.call("POST", "/webhooks", body)
    world.receiver_says = 200

    for change in ({"name": "a"}, {"name": "b"}, {"delivery_url": "https://hub.example.test/2"}):
        world.call("PUT", f"/webhooks/{made['id']}", change)

    assert (status, made["status"]) == (201, "active")
    assert [url for url, _, _ in world.sent] == [
        "https://hub.example.test/", "https://hub.example.test/", "https://hub.example.test/2",
    ]  # fmt: skip


@pytest.mark.parametrize("topic", ["stock.updated", "order.published", ""])
def test_a_topic_the_shop_does_not_have_is_refused(topic: str) -> None:
    status, _, _ = World().call(
        "POST", "/webhooks", {"topic": topic, "delivery_url": "https://hub.example.test/"}
    )

    assert status == 400


def test_the_same_topic_and_address_twice_delivers_twice() -> None:
    world = World()
    world.hook("product.updated")
    world.hook("product.updated")

    world.call("PUT", "/products/10", {"stock_quantity": 1})

    assert topics(world) == ["product.updated", "product.updated"]


def test_the_list_shows_what_the_recording_shows() -> None:
    world = World()
    recorded = {row["topic"]: row for row in recording("webhooks-list")["response"]["body"]}
    for topic in recorded:
        world.hook(topic)

    _, rows, response = world.call("GET", "/webhooks")

    assert dict(response.headers)["X-WP-Total"] == str(len(recorded))
    for row in rows:
        assert set(row) == set(recorded[row["topic"]])
        assert row["hooks"] == recorded[row["topic"]]["hooks"]
        assert row["event"] == recorded[row["topic"]]["event"]


@pytest.mark.parametrize(
    ("url", "delivered"),
    [
        ("https://hub.example.test/hooks/", True),
        ("https://hub.example.test:8080/hooks/", True),
        ("https://hub.example.test:8443/hooks/", False),
        ("http://127.0.0.1/hooks/", False),
        ("http://localhost/hooks/", False),
        ("http://192.168.1.10/hooks/", False),
        ("http://169.254.1.1/hooks/", False),
        ("http://[2001:db8::1]/hooks/", False),
    ],
)
def test_an_unreachable_address_is_taken_never_called_and_counted_until_disabled(
    url: str, delivered: bool
) -> None:
    world = World(allow_local=False)
    number = world.hook("product.updated", url=url)

    for figure in range(7):
        world.call("PUT", "/products/10", {"stock_quantity": figure})
        world.twin.run_cron()

    _, hook, _ = world.call("GET", f"/webhooks/{number}")
    assert deliverable(url) is delivered
    assert len(world.sent) == (7 if delivered else 0)
    assert hook["status"] == ("active" if delivered else "disabled")


# ── what an act announces ────────────────────────────────────────────────────────────────────────────

# (act, method, path, body, topics in the order they are delivered, ids named)
ACTS: list[tuple[str, str, str, Any, list[str], set[int]]] = [
    ("stock set", "PUT", "/products/10", {"stock_quantity": 1}, ["product.updated"], {10}),
    ("the same stock set", "PUT", "/products/10", {"stock_quantity": 10}, ["product.updated"], {10}),
    (
        "a variation's stock names the variation alone",
        "PUT",
        "/products/261/variations/262",
        {"stock_quantity": 1},
        ["product.updated"],
        {262},
    ),
    (
        "a pool names the parent alone",
        "PUT",
        "/products/382",
        {"stock_quantity": 1},
        ["product.updated"],
        {382},
    ),
    (
        "a batch of n",
        "POST",
        "/products/batch",
        {"update": [{"id": n, "stock_quantity": 1} for n in (10, 11, 12)]},
        ["product.updated"] * 3,
        {10, 11, 12},
    ),
    (
        "a pending order",
        "POST",
        "/orders",
        {"line_items": [{"product_id": 10}]},
        ["order.created", "order.updated"],
        {385},
    ),
    (
        "an order that reduces",
        "POST",
        "/orders",
        {"line_items": [{"product_id": 10}], "status": "processing"},
        ["order.created", "order.updated", "product.updated"],
        {385, 10},
    ),
    ("a product trashed", "DELETE", "/products/10", None, ["product.deleted"], {10}),
    ("a product deleted for good", "DELETE", "/products/10?force=true", None, [], set()),
]


@pytest.mark.parametrize(
    ("act", "method", "path", "body", "said", "named"), ACTS, ids=[row[0] for row in ACTS]
)
def test_what_an_act_announces(
    act: str, method: str, path: str, body: Any, said: list[str], named: set[int]
) -> None:
    world = listening()

    world.call(method, path, body)

    delivered = world.cron()
    assert [topic for topic, _ in delivered] == said
    assert {document["id"] for _, document in delivered} == named


# (act on a processing order, what is delivered)
ORDER_ACTS: list[tuple[str, str, str, Any, list[str]]] = [
    ("a status that moves no stock", "PUT", "", {"status": "completed"}, ["order.updated"]),
    ("a status that moves stock", "PUT", "", {"status": "cancelled"}, ["product.updated", "order.updated"]),
    ("an edit", "PUT", "", {"customer_note": "x"}, ["order.updated"]),
    ("a refund that restocks", "POST", "/refunds", {"units": 1}, ["product.updated", "order.updated"]),
    ("a refund that does not", "POST", "/refunds", {"amount": "1.00"}, ["order.updated"]),
    ("the trash", "DELETE", "", None, ["order.deleted"]),
    ("deleted for good", "DELETE", "?force=true", None, []),
]


@pytest.mark.parametrize(
    ("act", "method", "tail", "body", "said"), ORDER_ACTS, ids=[row[0] for row in ORDER_ACTS]
)
def test_what_an_act_on_an_order_announces(
    act: str, method: str, tail: str, body: Any, said: list[str]
) -> None:
    world = listening()
    order = world.order(10, 5, status="processing")
    world.cron()
    if tail == "/refunds":
        units = body.get("units")
        lines = (
            [{"id": order["line_items"][0]["id"], "quantity": units, "refund_total": "1.00"}] if units else []
        )
        body = {"api_refund": False, "amount": "1.00", "line_items": lines}

    world.call(method, f"/orders/{order['id']}{tail}", body)

    delivered = world.cron()
    assert sorted(topic for topic, _ in delivered) == sorted(said)
    if method == "DELETE" and said:
        assert set(delivered[0][1]) == set(recording("webhook-order-deleted")["request"]["body"])


def test_without_order_tables_a_trashed_order_also_says_product_deleted_with_its_id() -> None:
    world = listening(quirks=Quirks(hpos=False))
    order = world.order(10, 1)
    world.cron()

    world.call("DELETE", f"/orders/{order['id']}")

    assert world.cron() == [("order.deleted", {"id": order["id"]}), ("product.deleted", {"id": order["id"]})]


def test_a_storefront_checkout_says_updated_before_created_as_recorded() -> None:
    world = listening()

    world.twin.control.checkout([{"product_id": 105, "quantity": 2}], status="on-hold")

    recorded = recording("webhook-sequence-storefront-checkout")["deliveries"]
    delivered = world.cron()
    assert [topic for topic, _ in delivered] == [row["X-WC-Webhook-Topic"] for row in recorded]
    assert [body["status"] for _, body in delivered] == [row["body.status"] for row in recorded]
    assert delivered[2][1]["stock_quantity"] == recorded[2]["body.stock_quantity"]
