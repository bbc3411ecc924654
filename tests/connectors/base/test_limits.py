"""What answers say of a vendor's limits is read wherever it stands; what cannot be read says nothing."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from connectors.base.http import HttpClient
from connectors.base.limits import told_by_cost, told_by_headers
from inventory_sync.domain.budget import Told
from inventory_sync.domain.errors import BudgetSpent, RateLimited
from inventory_sync.domain.ports import Exchange, Outside


@pytest.mark.parametrize(
    ("why", "status", "headers", "told"),
    [
        ("says nothing", 200, {}, None),
        ("fields", 200, {"ratelimit-remaining": "7", "ratelimit-reset": "30"}, Told(7, resets_in_s=30)),
        ("old fields", 200, {"x-ratelimit-remaining": "0"}, Told(0)),
        ("a reset that is a moment", 200, {"x-ratelimit-remaining": "3", "x-ratelimit-reset": "1795000000"},
         Told(3)),
        ("one field", 200, {"ratelimit": '"burst";r=12;t=5'}, Told(12, resets_in_s=5)),
        ("used of limit", 200, {"x-shopify-shop-api-call-limit": "32/40"}, Told(8, capacity=40)),
        ("more used than there is", 200, {"x-shopify-shop-api-call-limit": "44/40"}, Told(0, capacity=40)),
        ("too many", 429, {}, Told(refused=True, too_many=True)),
        ("nonsense", 200, {"ratelimit-remaining": "soon"}, None),
        ("not a number", 200, {"ratelimit-remaining": "nan"}, None),
        ("less than nothing", 200, {"ratelimit-remaining": "-4"}, None),
    ],
)  # fmt: skip
def test_headers_in_wide_use_are_read(
    why: str, status: int, headers: dict[str, str], told: Told | None
) -> None:
    assert told_by_headers(status, headers, b"", None) == told


def test_only_a_refusal_that_names_a_time_is_one_when_the_vendor_is_in_trouble() -> None:
    assert told_by_headers(503, {}, b"", None) is None
    assert told_by_headers(503, {}, b"", 9.0) == Told(retry_after_s=9, refused=True)


def answer(**more: Any) -> bytes:
    cost = {
        "requestedQueryCost": 50,
        "actualQueryCost": 12,
        "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 40, "restoreRate": 100.0},
    }
    return json.dumps({"data": {}, "extensions": {"cost": cost}, **more}).encode()


def test_points_that_an_answer_reports_are_read() -> None:
    assert told_by_cost(200, {}, answer(), None) == Told(40, capacity=2000, restore_per_s=100, cost=12)


def test_an_answer_that_was_throttled_says_how_long_until_its_points_are_back() -> None:
    body = answer(errors=[{"message": "Throttled", "extensions": {"code": "THROTTLED"}}])

    told = told_by_cost(200, {}, body, None)

    assert told is not None
    assert (told.refused, told.too_many, told.retry_after_s, told.cost) == (True, True, 0.1, 0.0)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"extensions": 3}', b'{"extensions": {"cost": []}}'])
def test_an_answer_that_reports_no_cost_says_what_its_headers_say(body: bytes) -> None:
    assert told_by_cost(200, {"ratelimit-remaining": "5"}, body, None) == Told(5)


def client(outside: Outside, handler: Any) -> HttpClient:
    return HttpClient(
        connection="shop",
        base_url="http://127.0.0.1:9",
        sign=lambda method, path, query: ({}, query),
        allow_insecure=True,
        outside=outside,
        transport=httpx.MockTransport(handler),
    )


def test_what_was_told_stands_in_the_exchange_of_a_refusal_too() -> None:
    noted: list[Exchange] = []
    outside = Outside(on_exchange=noted.append, private_hosts=("127.0.0.1",))
    refusal = httpx.Response(429, headers={"Retry-After": "20"}, stream=httpx.ByteStream(b""))
    shop = client(outside, lambda _: refusal)

    with pytest.raises(RateLimited):
        shop.get("/products")

    assert noted[0].told == Told(retry_after_s=20, refused=True, too_many=True)


def test_a_call_that_must_not_be_made_is_neither_sent_nor_noted() -> None:
    sent: list[httpx.Request] = []
    noted: list[Exchange] = []

    def refuse() -> None:
        raise BudgetSpent("none left")

    outside = Outside(on_exchange=noted.append, before_call=refuse, private_hosts=("127.0.0.1",))
    shop = client(outside, lambda request: sent.append(request) or httpx.Response(200, json={}))

    with pytest.raises(BudgetSpent):
        shop.get("/products")

    assert (sent, noted) == ([], [])
