"""What WooCommerce deliveries come to mean."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest

from connectors.woocommerce.translate import STATUSES, translate
from inventory_sync.domain.errors import MalformedPayload, Rejected, Unsupported
from inventory_sync.domain.external import (
    FigureObserved,
    ObjectHinted,
    OrderReported,
    OrderStatus,
    OrderVanished,
)
from tests.connectors.woocommerce.recordings import (
    answer_of,
    config,
    delivery,
    recorded,
    vector_body,
    vectors,
)

ORDER = recorded("webhook-order-created")["request"]["body"]


def order(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(ORDER), **changes}


def reported(topic: str, body: Any, settings: Any = None, **more: Any) -> OrderReported:
    (event,) = translate(delivery(topic, body, **more), settings)
    assert isinstance(event, OrderReported)
    return event


def refund(number: int, *lines: tuple[int, Any]) -> dict[str, Any]:
    return {
        "id": number,
        "line_items": [
            {
                "id": 900 + n,
                "quantity": quantity,
                "meta_data": [{"key": "_refunded_item_id", "value": str(of)}],
            }
            for n, (of, quantity) in enumerate(lines)
        ],
    }


def read(refunds: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    stubs = [{"id": one["id"], "total": "-1"} for one in refunds]
    return {"order": order(refunds=stubs, **changes), "refunds": refunds}


@pytest.mark.parametrize(
    ("word", "meaning", "hold_minutes"),
    [
        ("checkout-draft", OrderStatus.UNPAID, 60),
        ("pending", OrderStatus.UNPAID, 60),
        ("on-hold", OrderStatus.COMMITTED, 0),
        ("processing", OrderStatus.COMMITTED, 0),
        ("completed", OrderStatus.SHIPPED, 0),
        ("cancelled", OrderStatus.CANCELLED, 0),
        ("refunded", OrderStatus.CANCELLED, 0),
        ("failed", OrderStatus.RELEASED, 0),
        ("auto-draft", OrderStatus.RELEASED, 0),
        ("wc-processing", OrderStatus.COMMITTED, 0),
        ("packed-by-plugin", OrderStatus.COMMITTED, 0),
    ],
)
def test_every_status_has_its_meaning(word: str, meaning: OrderStatus, hold_minutes: int) -> None:
    event = reported("order.updated", order(status=word))

    assert (event.status, event.hold_minutes) == (meaning, hold_minutes)


def test_no_core_status_is_left_to_the_default() -> None:
    assert set(STATUSES) >= {
        "pending",
        "processing",
        "on-hold",
        "completed",
        "cancelled",
        "refunded",
        "failed",
    }


def test_a_connection_may_say_what_its_custom_statuses_mean() -> None:
    settings = config(custom_statuses="lost=cancelled, wc-packed=shipped", hold_unpaid_minutes=15)

    assert reported("order.updated", order(status="lost"), settings).status is OrderStatus.CANCELLED
    assert reported("order.updated", order(status="packed"), settings).status is OrderStatus.SHIPPED
    assert reported("order.updated", order(status="pending"), settings).hold_minutes == 15


def test_an_order_is_read_from_the_recorded_bytes() -> None:
    (vector,) = (one for one in vectors() if one["name"] == "order-created")

    event = reported("order.created", vector_body(vector))

    assert (event.order_ref, event.number, event.stamp) == ("482", "482", 1795401892)
    assert [(line.line_ref, line.item_ref, line.quantity) for line in event.lines] == [
        ("91", "product:92", Decimal(2))
    ]
    assert event.placed_at is not None
    assert event.placed_at.isoformat() == "2026-11-23T02:44:51+00:00"


def test_created_and_updated_mean_the_same_state() -> None:
    created, updated = (reported(topic, ORDER) for topic in ("order.created", "order.updated"))

    assert (created.stamp, created.lines, created.fingerprint) == (
        updated.stamp,
        updated.lines,
        updated.fingerprint,
    )


def test_a_line_is_matched_on_its_variation_and_else_on_its_product() -> None:
    lines = [
        {**ORDER["line_items"][0], "id": 1, "product_id": 261, "variation_id": 262},
        {**ORDER["line_items"][0], "id": 2, "product_id": 92, "variation_id": 0},
        {**ORDER["line_items"][0], "id": 3, "product_id": 0, "variation_id": 0, "sku": "OLD-1"},
        {**ORDER["line_items"][0], "id": 4, "product_id": 0, "variation_id": 0, "sku": ""},
    ]

    event = reported("order.updated", order(line_items=lines))

    assert [line.item_ref for line in event.lines] == [
        "variation:262",
        "product:92",
        "sku:OLD-1",
        "sku:Part 0083",
    ]


def test_a_webhook_of_an_order_with_refunds_is_only_a_hint_to_read_it() -> None:
    (event,) = translate(delivery("order.updated", order(refunds=[{"id": 401, "total": "-10.41"}])))

    assert isinstance(event, ObjectHinted)
    assert (event.kind, event.ref) == ("order", "482")


@pytest.mark.parametrize(
    ("why", "ordered", "refunds", "owed"),
    [
        ("nothing refunded", 5, [], 5),
        ("one unit of five", 5, [refund(1, (91, -1))], 4),
        ("two refunds add up", 5, [refund(1, (91, -1)), refund(2, (91, -2))], 2),
        ("an amount only takes no unit", 5, [refund(1)], 5),
        ("a price correction of the line takes no unit", 5, [refund(1, (91, 0))], 5),
        ("nine of five were accepted by the shop", 5, [refund(1, (91, -9))], 0),
        ("a refund of another line", 5, [refund(1, (92, -3))], 5),
        ("fractions stay exact", Decimal("0.3"), [refund(1, (91, Decimal("-0.1")))], Decimal("0.2")),
    ],
)
def test_refunded_units_are_no_longer_owed(why: str, ordered: Any, refunds: Any, owed: Any) -> None:
    items = [{**ORDER["line_items"][0], "quantity": ordered}]

    event = reported("order.read", read(refunds, line_items=items), reading=3)

    assert [line.quantity for line in event.lines] == [owed], why


def test_the_recorded_refund_takes_its_unit_whether_restocked_or_not() -> None:
    recorded_refund = answer_of("refund-create-default-restocks")
    items = [{**ORDER["line_items"][0], "id": 15, "quantity": 5}]

    event = reported("order.read", read([recorded_refund], line_items=items))

    assert event.lines[0].quantity == 4


def test_a_webhook_and_a_reading_of_the_same_state_have_one_fingerprint() -> None:
    sent = reported("order.updated", ORDER)
    hub_read = reported("order.read", {"order": ORDER, "refunds": []})

    assert sent.fingerprint == hub_read.fingerprint


def test_a_changed_quantity_status_or_refund_changes_the_fingerprint() -> None:
    more = [{**ORDER["line_items"][0], "quantity": 3}]
    prints = {
        reported("order.updated", ORDER).fingerprint,
        reported("order.updated", order(line_items=more)).fingerprint,
        reported("order.updated", order(status="on-hold")).fingerprint,
        reported("order.read", read([refund(1, (91, -1))])).fingerprint,
    }

    assert len(prints) == 4


def test_a_trashed_order_vanishes_announced_and_a_missing_one_unannounced() -> None:
    (trashed,) = translate(delivery("order.deleted", {"id": 482}))
    (read_trashed,) = translate(delivery("order.read", {"order": order(status="trash"), "refunds": []}))
    (gone,) = translate(delivery("order.gone", {"id": 482}))

    assert isinstance(trashed, OrderVanished)
    assert isinstance(gone, OrderVanished)
    assert isinstance(read_trashed, OrderVanished)
    assert (trashed.order_ref, trashed.announced, read_trashed.announced, gone.announced) == (
        "482",
        True,
        True,
        False,
    )


def test_an_order_body_replayed_as_deleted_cancels_nothing() -> None:
    (event,) = translate(delivery("order.deleted", ORDER))

    assert isinstance(event, ObjectHinted)


@pytest.mark.parametrize(
    ("why", "body", "ref", "figure", "managed"),
    [
        ("a simple product", "product-get-full", "product", "number", True),
        ("an unmanaged product", "product-get-unmanaged", "product", None, False),
        ("a parent without a pool", "product-get-variable-parent", "product", None, False),
        ("a variation", "variation-get-full", "variation", "number", True),
        (
            "a variation that shares its parent's pool",
            "variation-get-parent-managed",
            "variation",
            None,
            False,
        ),
    ],
)
def test_a_product_is_an_observation_of_one_listing(
    why: str, body: str, ref: str, figure: str | None, managed: bool
) -> None:
    document = answer_of(body)

    (event,) = translate(delivery("product.updated", document))

    assert isinstance(event, FigureObserved), why
    assert event.item_ref == f"{ref}:{document['id']}"
    assert event.managed is managed
    assert event.figure == (document["stock_quantity"] if figure else None)
    assert event.stamp == document["date_modified_gmt"]


def test_the_float_of_a_decimal_shop_stays_exact() -> None:
    raw = b'{"id":106,"type":"simple","manage_stock":true,"stock_quantity":0.1}'

    (event,) = translate(delivery("product.updated", raw))

    assert isinstance(event, FigureObserved)
    assert event.figure == Decimal("0.1")


def test_a_deleted_product_is_a_hint_for_it_may_be_an_order() -> None:
    (event,) = translate(delivery("product.deleted", {"id": 482}))

    assert isinstance(event, ObjectHinted)
    assert (event.kind, event.ref) == ("product", "482")
    assert translate(delivery("product.gone", {"id": 482})) == []


@pytest.mark.parametrize(
    ("topic", "code", "stream"),
    [
        ("product.updated", "woocommerce_rest_product_invalid_id", "products"),
        ("product.updated", "woocommerce_rest_cannot_view", "products"),
        ("order.updated", "woocommerce_rest_shop_order_invalid_id", "orders"),
        ("order.deleted", "woocommerce_rest_cannot_view", "orders"),
    ],
)
def test_a_signed_error_body_asks_for_a_catch_up_of_its_stream(topic: str, code: str, stream: str) -> None:
    (event,) = translate(delivery(topic, {"code": code, "message": "…", "data": {"status": 404}}))

    assert isinstance(event, ObjectHinted)
    assert (event.kind, event.ref) == ("stream", stream)
    assert code in event.why


@pytest.mark.parametrize("topic", ["action.woocommerce_product_set_stock", "customer.updated", "unknown", ""])
def test_topics_that_tell_nothing_are_unsupported(topic: str) -> None:
    with pytest.raises(Unsupported):
        translate(delivery(topic, recorded("webhook-action-topic")["request"]["body"]))


@pytest.mark.parametrize(
    ("why", "changes", "field"),
    [
        ("no lines", {"line_items": None}, "line_items"),
        ("a quantity that is a word", {"line_items": [{"id": 1, "product_id": 2, "quantity": "x"}]},
         "line_items[0].quantity"),
        ("a line twice", {"line_items": [{"id": 1, "product_id": 2, "quantity": 1}] * 2}, "line_items[1].id"),
        ("no status", {"status": ""}, "status"),
        ("no time", {"date_modified_gmt": "yesterday"}, "date_modified_gmt"),
        ("an id that is a text", {"id": "482"}, "id"),
    ],
)  # fmt: skip
def test_a_malformed_order_names_its_field(why: str, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(MalformedPayload) as caught:
        translate(delivery("order.updated", order(**changes)))

    assert caught.value.field == field, why


def test_naive_times_are_utc_and_the_shop_local_ones_are_never_read() -> None:
    first = reported("order.updated", order())
    second = reported("order.updated", order(date_modified="1999-01-01T00:00:00", date_created="nonsense"))

    assert (first.stamp, first.placed_at) == (second.stamp, second.placed_at)


def test_an_order_never_modified_is_stamped_with_its_creation() -> None:
    event = reported("order.updated", order(date_modified_gmt=None))

    assert event.stamp == 1795401891


def test_the_hubs_own_topics_cannot_be_sent_in_with_another_shape() -> None:
    with pytest.raises(Rejected):
        translate(delivery("order.read", ORDER))
