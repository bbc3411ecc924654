"""The twin answers every recorded request as the real shop did: status, codes, messages and fields."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest

from connectors.base.twinkit import Request
from connectors.woocommerce.twin_webhooks import sign
from connectors.woocommerce.twin_wire import php_json
from tests.connectors.woocommerce.twin_world import HOME, KEY, PAYLOADS, SECRET, World, recording

Arrange = Callable[[World], None]

# What no two shops have in common, or what only decorates.
VOLATILE = {
    "id",
    "related_ids",
    "price_html",
    "order_key",
    "payment_url",
    "_links",
    "date_created",
    "date_created_gmt",
    "date_modified",
    "date_modified_gmt",
    "date_completed",
    "date_completed_gmt",
    "date_paid",
    "date_paid_gmt",
    "number",
    "name",
    "average_rating",
    "tax_class",
    "variations",
    "permalink",
    "permalink_template",
    "generated_slug",
    "slug",
    "hooks_order",
}


def figure(product_id: int, quantity: float) -> Arrange:
    return lambda world: world.set_figure(product_id, quantity)


def nothing(_: World) -> None:
    return None


def order(product_id: int, quantity: int, status: str, *, number: int, total: str = "") -> Arrange:
    """Put an order with this id and status into the shop."""

    def arrange(world: World) -> None:
        world.twin.books.put("sequence", "post", {"next": number})
        line: dict[str, Any] = {"product_id": product_id, "quantity": quantity}
        if total:
            line |= {"total": total, "subtotal": total}
        world.call("POST", "/orders", {"line_items": [line], "status": status, "billing": BILLING})

    return arrange


def refunding(world: World) -> None:
    """The order of the refund recordings: five units of product 50, line 15."""
    world.twin.books.put("sequence", "order_item", {"next": 15})
    order(50, 5, "processing", number=399)(world)


def hooked(world: World) -> None:
    """The hook of the recording is the twenty-fourth."""
    for _ in range(24):
        world.hook("product.updated")


BILLING = {"first_name": "A", "last_name": "B", "email": "a@example.test", "country": "DE"}

EXCHANGES: dict[str, Arrange] = {
    "product-get-full": figure(10, 1),
    "product-get-stock-fields": figure(10, 1),
    "product-get-parent-managed": nothing,
    "product-get-unmanaged": nothing,
    "product-get-variable-parent": nothing,
    "product-inventory-delta": nothing,
    "product-manage-stock-off": nothing,
    "product-set-backorders-notify": nothing,
    "product-set-stock": nothing,
    "product-set-stock-decimal": nothing,
    "product-set-stock-decimal-string": nothing,
    "product-set-stock-empty-string": nothing,
    "product-set-stock-form-encoded": nothing,
    "product-set-stock-negative": nothing,
    "product-set-stock-null": nothing,
    "product-set-stock-parent-managed": nothing,
    "product-set-stock-same-value": figure(10, 44),
    "product-set-stock-string": nothing,
    "product-set-stock-text-400": nothing,
    "product-set-stock-text-plain-ignored": figure(10, 33),
    "product-set-stock-unmanaged-ignored": nothing,
    "product-set-stock-zero": nothing,
    "product-set-stock-zero-claims-instock": nothing,
    "product-unknown-field-ignored": figure(10, 44),
    "products-batch-partial-failure": figure(13, 4),
    "products-batch-text-plain-ignored": nothing,
    "products-batch-update": nothing,
    "products-by-sku": nothing,
    "products-list-page2": nothing,
    "products-list-past-end": nothing,
    "variation-get-full": nothing,
    "variation-get-parent-managed": nothing,
    "variation-get-through-products-endpoint": nothing,
    "variation-set-stock": nothing,
    "variation-set-stock-parent-managed-ignored": nothing,
    "variation-set-through-products-endpoint-404": nothing,
    "variations-batch-update": nothing,
    "variations-batch-wrong-parent": nothing,
    "variations-list": nothing,
    "error-bad-date-400": nothing,
    "error-bad-enum-400": nothing,
    "error-batch-over-100-413": nothing,
    "error-duplicate-sku-400": nothing,
    "error-invalid-json-400": nothing,
    "error-method-not-allowed-404": nothing,
    "error-order-bad-status-400": order(30, 3, "pending", number=385),
    "error-per-page-101-400": nothing,
    "error-product-get-not-found-404": nothing,
    "error-product-not-found-400": nothing,
    "error-refund-too-much-500": refunding,
    "error-unknown-namespace-404": nothing,
    "error-variation-not-found": nothing,
    "error-variation-wrong-parent": nothing,
    "error-webhook-delete-no-force-501": hooked,
    "order-create-pending": nothing,
    "order-delete-force": order(33, 4, "processing", number=398),
    "order-edit-line-quantity": lambda world: (
        world.twin.books.put("sequence", "order_item", {"next": 11}),
        order(31, 2, "processing", number=396)(world),
    )[1],
    "order-status-cancelled": order(30, 3, "completed", number=385),
    "order-status-processing": order(30, 3, "pending", number=385),
    "order-status-refunded": order(30, 3, "completed", number=385),
    "refund-create-amount-only": refunding,
    "refund-create-default-restocks": refunding,
    "refund-create-no-restock": refunding,
    "webhook-create": nothing,
}
AUTH = (
    "auth-bad-secret-401", "auth-basic-https-ok", "auth-basic-plain-http-401", "auth-none-401",
    "auth-query-string-https-ok", "auth-read-key-write-401", "auth-rest-route-query-401",
    "auth-unknown-key-401", "auth-write-key-read-401",
)  # fmt: skip
OAUTH = (
    "auth-oauth1-plain-http-ok", "auth-oauth1-bad-signature-401", "auth-oauth1-nonce-reuse-401",
    "auth-oauth1-old-timestamp-401",
)  # fmt: skip


def send(world: World, recorded: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
    """Send a recorded request, its placeholders filled in."""
    asked = recorded["request"]
    path, _, query = asked["path"].partition("?")
    query = query.replace("ck_<CONSUMER_KEY>", KEY).replace("cs_<CONSUMER_SECRET>", SECRET)
    headers = {name.lower(): value for name, value in asked["headers"].items()}
    if "<BASE64" in headers.get("authorization", ""):
        pair = {"auth-read": "ck_read:cs_read", "auth-writ": "ck_write:cs_write"}.get(
            recorded["operation"][:9], f"{KEY}:{SECRET}"
        )
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    body = asked.get("body")
    content = body.encode() if isinstance(body, str) else b"" if body is None else json.dumps(body).encode()
    response = world.twin.answer(Request(asked["method"], path, query, headers, content))
    return response.status, json.loads(response.body), dict(response.headers)


def same(recorded: Any, answered: Any, path: str = "") -> list[str]:
    """Return where the twin's answer differs from the recorded one, volatile fields aside."""
    if isinstance(recorded, dict) and isinstance(answered, dict):
        found = []
        if recorded.keys() - VOLATILE - answered.keys():
            found.append(f"{path}: misses {sorted(recorded.keys() - VOLATILE - answered.keys())}")
        for name in recorded.keys() & answered.keys() - VOLATILE:
            found += same(recorded[name], answered[name], f"{path}.{name}")
        return found
    if isinstance(recorded, list) and isinstance(answered, list) and len(recorded) == len(answered):
        pairs = zip(recorded, answered, strict=True)
        return [line for n, pair in enumerate(pairs) for line in same(*pair, f"{path}[{n}]")]
    return [] if recorded == answered else [f"{path}: recorded {recorded!r}, answered {answered!r}"]


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_recorded_exchange_is_answered_as_the_shop_did(name: str) -> None:
    world, recorded = World(), recording(name)
    EXCHANGES[name](world)
    if name == "error-batch-over-100-413":
        recorded["request"]["body"] = {"update": [{"id": 10, "stock_quantity": n} for n in range(101)]}

    status, body, headers = send(world, recorded)

    expected = recorded["response"]["body"]
    if "shortened to" in recorded.get("note", "") and isinstance(expected, list):
        body = body[: len(expected)]
    assert status == recorded["response"]["status"]
    assert same(expected, body) == []
    for header in ("X-WP-Total", "X-WP-TotalPages", "Content-Type"):
        assert headers.get(header) == recorded["response"]["headers"].get(header), header


@pytest.mark.parametrize("name", [n for n in EXCHANGES if recording(n)["request"]["method"] == "GET"])
def test_a_recorded_read_shows_the_recorded_ids(name: str) -> None:
    world, recorded = World(), recording(name)
    EXCHANGES[name](world)

    _, body, _ = send(world, recorded)

    expected = recorded["response"]["body"]
    if isinstance(expected, list):
        assert [row["id"] for row in body[: len(expected)]] == [row["id"] for row in expected]
    elif "id" in expected:
        assert set(body) == set(expected)
        assert body["id"] == expected["id"]


@pytest.mark.parametrize("name", AUTH)
def test_a_key_is_taken_or_refused_as_the_shop_did(name: str) -> None:
    world, recorded = World(https="plain-http" not in name), recording(name)
    if name == "auth-bad-secret-401":
        wrong = base64.b64encode(f"{KEY}:cs_wrong".encode()).decode()
        recorded["request"]["headers"]["Authorization"] = f"Basic {wrong}"

    status, body, _ = send(world, recorded)

    assert status == recorded["response"]["status"]
    if status == 401:
        assert body == recorded["response"]["body"]
    else:
        assert [list(row) for row in body] == [list(row) for row in recorded["response"]["body"]]


@pytest.mark.parametrize("name", OAUTH)
def test_one_legged_oauth_over_plain_http_is_judged_as_the_shop_did(name: str) -> None:
    world, recorded = World(https=False), recording(name)
    path, _, query = recorded["request"]["path"].partition("?")
    pairs = [
        (k, KEY if k == "oauth_consumer_key" else v) for k, v in parse_qsl(query) if k != "oauth_signature"
    ]
    stamp = int(dict(pairs)["oauth_timestamp"])
    world.clock.at = datetime.fromtimestamp(stamp + (1000 if "old" in name else 1), UTC)
    signature = "wrong" if "bad" in name else oauth_signature(path, pairs)
    recorded["request"]["path"] = (
        f"{path}?{urlencode([*pairs, ('oauth_signature', signature)], quote_via=quote)}"
    )

    status, body, _ = send(world, recorded)
    if "reuse" in name:
        assert status == 200
        status, body, _ = send(world, recorded)

    assert status == recorded["response"]["status"]
    if status == 401:
        assert body == recorded["response"]["body"]


def oauth_signature(path: str, pairs: list[tuple[str, str]]) -> str:
    """Sign as RFC 5849 says, written apart from the twin."""
    encoded = sorted((quote(k, safe="~"), quote(v, safe="~")) for k, v in pairs)
    text = "&".join(f"{k}={v}" for k, v in encoded)
    base = f"GET&{quote(HOME.replace('https:', 'http:') + path, safe='~')}&{quote(text, safe='~')}"
    return base64.b64encode(hmac.new(f"{SECRET}&".encode(), base.encode(), hashlib.sha256).digest()).decode()


@pytest.mark.parametrize("vector", recording("webhook-signature-vectors")["vectors"], ids=lambda v: v["name"])
def test_bodies_are_printed_and_signed_as_php_does(vector: dict[str, Any]) -> None:
    raw = base64.b64decode(vector["body_base64"])

    assert php_json(json.loads(raw)) == raw
    assert sign(vector["secret"], raw) == vector["signature"]


def test_every_recording_is_held_against_the_twin_somewhere() -> None:
    here = {*EXCHANGES, *AUTH, *OAUTH, "webhook-signature-vectors"}
    elsewhere = {
        "product-get-decimal-shop", "products-modified-after", "variations-global-modified-after",
        "orders-list", "refunds-list-global", "webhook-action-topic", "webhook-delivery-id-collision",
        "webhook-disabled", "webhook-error-body", "webhook-order-created", "webhook-order-deleted",
        "webhook-order-updated", "webhook-ping", "webhook-product-updated", "webhook-reactivate",
        "webhook-sequence-storefront-checkout", "webhook-variation-updated", "webhooks-list",
    }  # fmt: skip

    assert {path.stem for path in PAYLOADS.glob("*.json")} == here | elsewhere
