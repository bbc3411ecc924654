"""How a webhook is delivered and when the shop stops: signed, coalesced, built late, and never retried."""

from __future__ import annotations

import json

import pytest

from connectors.woocommerce.twin_webhooks import sign
from tests.connectors.woocommerce.test_twin_webhooks import listening
from tests.connectors.woocommerce.twin_world import World, recording

# ── delivery ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("webhook-product-updated", "product.updated"),
        ("webhook-variation-updated", "product.updated"),
        ("webhook-order-created", "order.created"),
        ("webhook-order-updated", "order.updated"),
        ("webhook-order-deleted", "order.deleted"),
        ("webhook-action-topic", "action.woocommerce_product_set_stock"),
    ],
)
def test_a_delivery_has_the_recorded_headers_and_body_fields_and_a_right_signature(
    name: str, topic: str
) -> None:
    world = World()
    world.hook(topic, secret="a secret")
    if name == "webhook-variation-updated":
        world.call("PUT", "/products/261/variations/323", {"stock_quantity": 32})
    elif topic.startswith(("product", "action")):
        world.call("PUT", "/products/91", {"stock_quantity": 31})
    else:
        order = world.order(92, 2, status="processing")
        world.call("DELETE", f"/orders/{order['id']}") if topic == "order.deleted" else None

    world.twin.run_cron()

    recorded = recording(name)["request"]
    (_, headers, raw) = world.sent[-1]
    assert [n for n in recorded["headers"] if n != "Content-Length"] == list(headers)
    assert {n: v for n, v in headers.items() if n in FIXED} == {
        n: v for n, v in recorded["headers"].items() if n in FIXED
    }
    assert headers["X-WC-Webhook-Signature"] == sign("a secret", raw)
    assert set(json.loads(raw)) == set(recorded["body"])


FIXED = {
    "User-Agent", "Content-Type", "X-WC-Webhook-Source", "X-WC-Webhook-Topic", "X-WC-Webhook-Resource",
    "X-WC-Webhook-Event", "Connection", "Accept",
}  # fmt: skip


def test_entities_in_a_secret_are_decoded_before_signing() -> None:
    assert sign("a&amp;b", b"body") == sign("a&b", b"body") != sign("a&amp;amp;b", b"body")


def test_the_delivery_id_is_shared_by_all_deliveries_of_a_second() -> None:
    world = World()
    world.hook("product.updated")
    world.call(
        "POST", "/products/batch", {"update": [{"id": n, "stock_quantity": 700 + n} for n in range(10, 16)]}
    )

    world.cron()

    deliveries = {headers["X-WC-Webhook-Delivery-ID"] for _, headers, _ in world.sent}
    bodies = {body for _, _, body in world.sent}
    assert (len(deliveries), len(bodies)) == (1, 6)


def test_while_one_is_pending_further_events_are_dropped_and_the_body_shows_the_last_state() -> None:
    world = World()
    world.hook("product.updated")
    for figure in (3, 2, 1):
        world.call("PUT", "/products/10", {"stock_quantity": figure})

    delivered = world.cron()

    assert [body["stock_quantity"] for _, body in delivered] == [1]
    assert world.cron() == []


def test_the_body_is_built_at_delivery_so_created_may_say_completed() -> None:
    world = listening()
    order = world.order(10, 1)
    world.call("PUT", f"/orders/{order['id']}", {"status": "completed"})

    delivered = dict(world.cron())

    assert (delivered["order.created"]["status"], delivered["order.updated"]["status"]) == ("completed",) * 2


def test_a_body_may_be_a_signed_error_as_recorded() -> None:
    world = World()
    world.hook("product.updated", secret="x")
    world.call("PUT", "/products/10", {"stock_quantity": 1})
    world.call("DELETE", "/products/10?force=true")

    delivered = world.cron()

    recorded = recording("webhook-error-body")["request"]
    assert delivered == [("product.updated", recorded["body"])]
    assert world.sent[0][1]["X-WC-Webhook-Signature"] == sign("x", world.sent[0][2])


def test_a_hook_whose_maker_lost_the_rights_delivers_a_refusal() -> None:
    world = World()
    world.hook("product.updated")
    world.twin.faults.inject("webhook_user_revoked")
    world.call("PUT", "/products/10", {"stock_quantity": 1})

    ((_, body),) = world.cron()

    assert body["code"] == "woocommerce_rest_cannot_view"


# ── when it stops ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        (200, False),
        (204, False),
        (301, False),
        (302, False),
        (303, True),
        (401, True),
        (404, True),
        (410, True),
        (429, True),
        (500, True),
        (503, True),
        (0, True),
    ],
)
def test_the_seventh_failure_in_a_row_disables_and_nothing_is_ever_sent_again(
    answer: int, counted: bool
) -> None:
    world = World()
    number = world.hook("product.updated")
    world.receiver_says = answer
    for figure in range(8):
        world.call("PUT", "/products/10", {"stock_quantity": figure})
        world.twin.run_cron()
        world.twin.run_cron()

    _, hook, _ = world.call("GET", f"/webhooks/{number}")
    assert len(world.sent) == (7 if counted else 8)
    assert hook["status"] == ("disabled" if counted else "active")
    if counted:
        assert set(hook) == set(recording("webhook-disabled")["response"]["body"])


def test_one_success_forgives_six_failures() -> None:
    world = World()
    number = world.hook("product.updated")
    for answer in (500,) * 6 + (200,) + (500,) * 6:
        world.receiver_says = answer
        world.call("PUT", "/products/10", {"stock_quantity": 1})
        world.twin.run_cron()

    assert world.call("GET", f"/webhooks/{number}")[1]["status"] == "active"


def test_reactivating_forgives_nothing_but_a_new_hook_begins_anew() -> None:
    world = World()
    number = world.hook("product.updated")
    world.receiver_says = 500
    for _ in range(7):
        world.call("PUT", "/products/10", {"stock_quantity": 1})
        world.twin.run_cron()

    _, active, _ = world.call("PUT", f"/webhooks/{number}", {"status": "active"})
    world.call("PUT", "/products/10", {"stock_quantity": 2})
    world.twin.run_cron()

    assert set(active) == set(recording("webhook-reactivate")["response"]["body"])
    assert active["status"] == "active"
    assert world.call("GET", f"/webhooks/{number}")[1]["status"] == "disabled"
    assert world.call("GET", f"/webhooks/{world.hook('product.updated')}")[1]["status"] == "active"


def test_what_happens_while_paused_is_never_told_but_what_was_queued_before_is() -> None:
    world = World()
    number = world.hook("product.updated")
    world.call("PUT", "/products/10", {"stock_quantity": 1})

    world.call("PUT", f"/webhooks/{number}", {"status": "paused"})
    world.call("PUT", "/products/11", {"stock_quantity": 1})
    world.call("PUT", f"/webhooks/{number}", {"status": "active"})

    assert [body["id"] for _, body in world.cron()] == [10]


def test_the_queue_runs_by_cron_and_a_quiet_shop_sends_nothing() -> None:
    eager, quiet = World(cron_s=60.0), World(cron_s=60.0, cron_needs_traffic=True)
    for world in (eager, quiet):
        world.hook("product.updated")
        world.call("PUT", "/products/10", {"stock_quantity": 1})
        world.twin._visited = False
        world.twin.tick()
        assert world.sent == []
        world.clock.forward(61)
        world.twin.tick()

    assert (len(eager.sent), len(quiet.sent)) == (1, 0)
    quiet.call("GET", "/products/10")
    quiet.twin.tick()
    assert len(quiet.sent) == 1
