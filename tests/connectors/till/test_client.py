"""Reading a till system: events by sequence, stock, items, and what its failures mean."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors.base.signatures import sign_standard
from connectors.till.client import TillClient
from connectors.till.config import TillConfig
from connectors.till.webhooks import receive
from inventory_sync.domain.config import build
from inventory_sync.domain.errors import Misconfigured, RateLimited, RemoteRefused, Transient, Unsupported
from inventory_sync.domain.ports import Found, InboundRequest, ListingRef, Outside
from tests.connectors.till.events import NOW, SECRET, VALUES, event


def settings(**changes: Any) -> TillConfig:
    return build(TillConfig, {**VALUES, **changes})


class Books:
    """A till system of two stores, answering as the contract says."""

    def __init__(self, **events: int) -> None:
        self.events = {
            name.replace("_", "-"): [event(id=f"{name}-{n}", store=name.replace("_", "-"), sequence=n)
                                     for n in range(1, count + 1)]
            for name, count in events.items()
        }  # fmt: skip
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer tok_0123456789"
        self.asked.append(f"{request.url.path}?{request.url.query.decode()}")
        answer = self._answer(request.url.path, request.url.params)
        stream = httpx.ByteStream(json.dumps(answer).encode())
        return httpx.Response(200, headers={"content-type": "application/json"}, stream=stream)

    def _answer(self, path: str, query: httpx.QueryParams) -> Any:
        if path == "/v1/stores":
            return {"stores": [{"store": name} for name in self.events]}
        if path == "/v1/stock":
            items = [{"sku": "MUG-BLUE", "on_hand": "7.5"}, {"sku": "BAD", "on_hand": "x"}]
            return {"as_of_sequence": 9, "time": "2026-11-23T05:00:00Z", "items": items}
        if path == "/v1/items":
            skus = [sku for sku in ("A", "B", "C") if sku > query["after"]][:2]
            return {"items": [{"sku": sku, "name": f"Item {sku}", "gtin": "4006381333931"} for sku in skus]}
        store, after, limit = query["store"], int(query["after_sequence"]), int(query["limit"])
        rows = [one for one in self.events[store] if one["sequence"] > after]
        page = rows[:limit]
        further = page[-1]["sequence"] if len(rows) > limit else None
        return {"events": page, "last_sequence": len(self.events[store]), "next_after": further}


def client_of(script: Any, **changes: Any) -> TillClient:
    values = settings(**{"base_url": "https://127.0.0.1", **changes})
    outside = Outside(private_hosts=("127.0.0.1",))
    return TillClient(values, connection="till", outside=outside, transport=httpx.MockTransport(script))


def sweep(client: TillClient, cursor: str = "") -> tuple[list[Found], str]:
    found: list[Found] = []
    for _ in range(50):
        page = client.sweep("events", cursor, now=NOW)
        found, cursor = found + list(page.found), page.cursor
        if page.done:
            return found, cursor
    raise AssertionError("the sweep does not end")


def test_every_store_is_read_to_its_end_and_then_only_what_is_new() -> None:
    books = Books(BER_1=7, HAM_1=2)
    client = client_of(books, page_size=3)

    first, cursor = sweep(client)
    second, cursor = sweep(client, cursor)
    books.events["HAM-1"].append(event(id="HAM_1-3", store="HAM-1", sequence=3))
    third, _ = sweep(client, cursor)

    assert len(first) == 9
    assert second == []
    assert [(one.topic, one.object_key) for one in third] == [("sale", "store:HAM-1")]


def test_a_store_that_opens_later_is_read_from_its_beginning() -> None:
    books = Books(BER_1=1)
    client = client_of(books)
    _, cursor = sweep(client)
    books.events["NEW-1"] = [event(id="N-1", store="NEW-1", sequence=1)]

    found, _ = sweep(client, cursor)

    assert [one.object_key for one in found] == ["store:NEW-1"]


def test_a_swept_event_is_the_delivery_its_webhook_was() -> None:
    document = event()
    body = json.dumps(document, separators=(",", ":")).encode()
    headers = sign_standard([SECRET], message_id="T1-000017", now=NOW, body=body)
    sent = receive(InboundRequest(headers, body), settings(), now=NOW)

    class One(Books):
        def _answer(self, path: str, query: httpx.QueryParams) -> Any:
            return (
                {"stores": ["BER-1"]} if path == "/v1/stores" else {"events": [document], "next_after": None}
            )

    (found,), _ = sweep(client_of(One()))

    assert (found.dedupe_key, found.object_key, found.topic) == (sent.dedupe_key, sent.object_key, sent.topic)


def test_one_event_and_one_stores_stock_can_be_read_by_themselves() -> None:
    client = client_of(Books(BER_1=5))

    one = client.read_object("event", "BER-1:3")
    stock = client.read_object("store", "BER-1")

    assert json.loads(one.body)["sequence"] == 3
    assert (stock.topic, stock.object_key) == ("stock.read", "store:BER-1")
    assert json.loads(stock.body)["store"] == "BER-1"


@pytest.mark.parametrize(
    ("kind", "ref", "error"),
    [
        ("event", "BER-1:9", RemoteRefused),
        ("event", "17", Unsupported),
        ("event", "BER-1:x", Unsupported),
        ("order", "1", Unsupported),
    ],
)
def test_what_is_not_there_or_cannot_be_read_is_said(kind: str, ref: str, error: type[Exception]) -> None:
    books = Books(BER_1=5)
    with pytest.raises(error):
        client_of(books).read_object(kind, ref)


def test_levels_are_read_once_per_store() -> None:
    books = Books(BER_1=1)
    refs = [
        ListingRef("MUG-BLUE", location_ref="BER-1"),
        ListingRef("GONE", location_ref="BER-1"),
        ListingRef("X"),
    ]

    levels = client_of(books).read_levels(refs)

    assert [(level.figure, level.stamp) for level in levels] == [
        (Decimal("7.5"), "9"),
        (None, "9"),
        (None, ""),
    ]
    assert len(books.asked) == 1


def test_items_are_listed_page_by_page() -> None:
    found = list(client_of(Books(BER_1=1)).listings())

    assert [(one.sku, one.name, one.gtin) for one in found] == [
        (sku, f"Item {sku}", "4006381333931") for sku in ("A", "B", "C")
    ]


def test_nothing_is_written_to_a_till() -> None:
    with pytest.raises(Unsupported):
        client_of(Books()).write_levels([])
    assert client_of(Books()).heal_hooks(delivery_url="https://hub.example/", secret="s") == []


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (401, {}, Misconfigured),
        (404, {}, RemoteRefused),
        (429, {"Retry-After": "3"}, RateLimited),
        (403, {"Content-Type": "text/html"}, Transient),
    ],
)
def test_failures_are_named_by_what_happens_next(
    status: int, headers: dict[str, str], error: type[Exception]
) -> None:
    body = b"<html>" if headers.get("Content-Type") else b'{"error":"x"}'

    def script(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))

    with pytest.raises(error):
        client_of(script).stores()


def test_a_probe_names_the_stores_or_the_trouble() -> None:
    good = client_of(Books(BER_1=1, HAM_1=1)).probe()
    bad = client_of(lambda request: httpx.Response(401, stream=httpx.ByteStream(b"{}"))).probe()

    assert (good.ok, good.facts["stores"]) == (True, "BER-1, HAM-1")
    assert not bad.ok
    assert "token" in bad.problems[0]
