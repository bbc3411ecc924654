"""Keys, firewalls, webhooks that die and what a probe says of a shop."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors.woocommerce.auth import base_string, oauth
from connectors.woocommerce.twin import KEY, SECRET, WooTwin
from connectors.woocommerce.twin_auth import ApiKey
from inventory_sync.domain.errors import (
    Misconfigured,
    OutcomeUnknown,
    RateLimited,
    RemoteRefused,
    RemoteUnavailable,
    SyncError,
    Transient,
)
from inventory_sync.domain.ports import Exchange, LevelWrite
from tests.connectors.woocommerce.recordings import PAYLOADS, VALUES, recorded, replaying, response_of
from tests.connectors.woocommerce.shop import PRODUCTS, SIMPLE_REF, client_of, shop

HTML = "<!DOCTYPE html><title>Attention Required!</title>"
URL = "http://127.0.0.1:9/hooks/woo/"
TOPICS = [
    "order.created", "order.updated", "order.deleted", "order.restored",
    "product.updated", "product.restored", "product.deleted",
]  # fmt: skip


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", sorted(path.stem for path in PAYLOADS.glob("auth-*-401.json")))
def test_every_recorded_401_is_for_the_owner_to_mend(name: str) -> None:
    with pytest.raises(Misconfigured):
        replaying(lambda request: response_of(name)).read_levels([SIMPLE_REF])


@pytest.mark.parametrize(
    "language", ["Sorry, you cannot list resources.", "Du kannst leider keine Ressourcen auflisten."]
)
def test_the_code_decides_and_not_the_message(language: str) -> None:
    body = {"code": "woocommerce_rest_cannot_view", "message": language, "data": {"status": 401}}

    with pytest.raises(Misconfigured, match="does not see our key"):
        replaying(lambda request: httpx.Response(401, json=body)).read_levels([SIMPLE_REF])


@pytest.mark.parametrize(
    ("status", "on_read", "on_write"),
    [
        (401, Misconfigured, Misconfigured),
        (403, Transient, Transient),
        (404, RemoteUnavailable, RemoteUnavailable),
        (406, Transient, Transient),
        (429, RateLimited, RateLimited),
        (503, RemoteUnavailable, OutcomeUnknown),
    ],
)
def test_a_page_of_something_in_front_of_the_shop_is_not_the_keys_fault(
    status: int, on_read: type[SyncError], on_write: type[SyncError]
) -> None:
    client = replaying(lambda request: httpx.Response(status, html=HTML))

    with pytest.raises(SyncError) as read:
        client.read_levels([SIMPLE_REF])
    with pytest.raises(SyncError) as write:
        client.write_levels([LevelWrite(SIMPLE_REF, Decimal(1), "k")])

    assert (type(read.value), type(write.value)) == (on_read, on_write)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("error-batch-over-100-413", RemoteRefused),
        ("error-invalid-json-400", RemoteRefused),
        ("error-per-page-101-400", RemoteRefused),
        ("error-bad-date-400", RemoteRefused),
        ("error-unknown-namespace-404", RemoteRefused),
        ("error-refund-too-much-500", OutcomeUnknown),
    ],
)
def test_recorded_errors_of_a_write_are_refusals_when_the_shop_decided(
    name: str, error: type[SyncError]
) -> None:
    with pytest.raises(SyncError) as caught:
        replaying(lambda request: response_of(name)).write_levels([LevelWrite(SIMPLE_REF, Decimal(1), "k")])

    assert type(caught.value) is error
    if isinstance(caught.value, RemoteRefused):
        assert caught.value.vendor_code == recorded(name)["response"]["body"]["code"]


@pytest.mark.parametrize("mode", ["auto", "oauth"])
def test_oauth_opens_a_shop_on_plain_http(mode: str) -> None:
    twin = WooTwin(https=False)
    twin.seed({"products": PRODUCTS})
    with twin.serving(ticking=False):
        client = client_of(twin, auth_mode=mode)
        first, second = client.read_levels([SIMPLE_REF]), client.read_levels([SIMPLE_REF])
        written = client.write_levels([LevelWrite(SIMPLE_REF, Decimal(3), "k")])

    assert [first[0].figure, second[0].figure, written[0].figure] == [10, 10, 3]


@pytest.mark.parametrize("mode", ["basic", "query"])
def test_other_keys_are_silently_ignored_on_plain_http_and_the_owner_is_told(mode: str) -> None:
    twin = WooTwin(https=False)
    with twin.serving(ticking=False), pytest.raises(Misconfigured, match="does not see our key"):
        client_of(twin, auth_mode=mode).read_levels([SIMPLE_REF])


def test_oauth_signs_the_shops_own_home_and_not_the_address_called() -> None:
    twin = WooTwin(https=False, home="http://shop.example.test")
    twin.seed({"products": PRODUCTS})
    with twin.serving(ticking=False):
        right = client_of(twin, auth_mode="oauth", home_url="http://shop.example.test")
        wrong = client_of(twin, auth_mode="oauth")

        assert right.read_levels([SIMPLE_REF])[0].figure == 10
        with pytest.raises(Misconfigured):
            wrong.read_levels([SIMPLE_REF])


def test_the_base_string_is_that_of_the_rfc() -> None:
    query = (("_fields", "id,sku"), ("b5", "=%3D"), ("a3", "a"), ("a3", "2 q"))

    text = base_string("get", "http://example.com/r", query)

    assert (
        text
        == "GET&http%3A%2F%2Fexample.com%2Fr&_fields%3Did%252Csku%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D"
    )


def test_each_oauth_request_has_a_nonce_of_its_own() -> None:
    sign = oauth("ck", "cs", home_url="http://a.test", called_url="http://a.test")

    nonces = {dict(sign("GET", "/x", ())[1])["oauth_nonce"] for _ in range(20)}

    assert len(nonces) == 20


def test_keys_are_in_no_note_whatever_the_way_of_signing() -> None:
    for mode in ("basic", "oauth", "query"):
        notes: list[Exchange] = []
        with shop() as twin:
            client_of(twin, notes, auth_mode=mode).probe()

        assert notes
        assert [note for note in notes if SECRET in repr(note) or KEY in note.path] == []


# ── webhooks ─────────────────────────────────────────────────────────────────────────────────────────


def hooks_of(twin: WooTwin) -> list[dict[str, Any]]:
    return twin.books.all("webhook")


def test_missing_webhooks_are_made_and_healthy_ones_left_alone() -> None:
    with shop() as twin:
        client = client_of(twin)
        first = client.heal_hooks(delivery_url=URL, secret=VALUES["webhook_secret"])
        second = client.heal_hooks(delivery_url=URL, secret=VALUES["webhook_secret"])

    assert [state.topic for state in first] == TOPICS
    assert {state.recreated for state in first} == {True}
    assert [(state.external_id, state.recreated) for state in second] == [
        (s.external_id, False) for s in first
    ]


@pytest.mark.parametrize("status", ["disabled", "paused"])
def test_a_hook_that_is_not_active_is_replaced_and_not_set_active_again(status: str) -> None:
    with shop() as twin:
        client = client_of(twin)
        before = {state.topic: state for state in client.heal_hooks(delivery_url=URL, secret="s" * 20)}
        sick = before["order.updated"].external_id
        httpx.put(
            f"{twin.url}/wp-json/wc/v3/webhooks/{sick}",
            json={"status": status},
            auth=(KEY, SECRET),
            trust_env=False,
        )
        after = {state.topic: state for state in client.heal_hooks(delivery_url=URL, secret="s" * 20)}
        left = [str(hook["id"]) for hook in hooks_of(twin)]
        puts = [row for row in twin.requests if row["method"] == "PUT"]

    assert after["order.updated"].recreated
    assert after["order.updated"].status == "active"
    assert sick not in left
    assert len(left) == len(TOPICS)
    assert len(puts) == 1


def test_our_duplicates_go_and_strangers_stay() -> None:
    with shop() as twin:
        client = client_of(twin)
        client.heal_hooks(delivery_url=URL, secret="s" * 20)
        for url in (URL, "http://127.0.0.1:9/other"):
            httpx.post(
                f"{twin.url}/wp-json/wc/v3/webhooks",
                json={"name": "x", "topic": "order.updated", "delivery_url": url, "secret": "s" * 20},
                auth=(KEY, SECRET),
                trust_env=False,
            )
        client.heal_hooks(delivery_url=URL, secret="s" * 20)
        urls = [hook["delivery_url"] for hook in hooks_of(twin) if hook["topic"] == "order.updated"]

    assert sorted(urls) == sorted([URL, "http://127.0.0.1:9/other"])


# ── probe ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_healthy_shop_has_no_problems() -> None:
    with shop() as twin:
        found = client_of(twin).probe()

    assert (found.ok, list(found.problems)) == (True, [])
    assert found.facts["products"] == "5"
    assert found.facts["variations_in_one_list"] == "yes"


def test_a_probe_changes_nothing() -> None:
    with shop() as twin:
        before = twin.control.book()["products"]
        client_of(twin).probe()

        assert twin.control.book()["products"] == before


@pytest.mark.parametrize(
    ("rights", "missing"),
    [("read", "Cannot write stock"), ("write", "Cannot read products")],
)
def test_a_key_with_half_the_rights_is_named(rights: str, missing: str) -> None:
    twin = WooTwin(more_keys=[ApiKey("ck_half", "cs_half", rights)])
    with twin.serving(ticking=False):
        found = client_of(twin, consumer_key="ck_half", consumer_secret="cs_half").probe()

    assert not found.ok
    assert any(problem.startswith(missing) for problem in found.problems)


def test_a_shop_without_permalinks_is_told_what_to_switch_on() -> None:
    found = replaying(lambda request: httpx.Response(404, html=HTML)).probe()

    assert not found.ok
    assert "permalinks" in found.problems[0]


def test_a_shop_without_woocommerce_is_named() -> None:
    found = replaying(lambda request: response_of("error-unknown-namespace-404")).probe()

    assert "WooCommerce active" in found.problems[0]


def test_a_clock_far_off_is_a_problem() -> None:
    late = {"Date": "Mon, 23 Nov 2009 05:00:00 GMT"}
    found = replaying(lambda request: httpx.Response(200, json=[], headers=late)).probe()

    assert any("clock" in problem for problem in found.problems)
