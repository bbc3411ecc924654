"""Pages by key, ETags, exact numbers: what every list and every single resource keeps."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from inventory_sync.api.errors import CursorInvalid
from inventory_sync.api.v1.reading import etag, holds, make_cursor, plain, read_cursor
from tests import factories


def walk(client: APIClient, address: str) -> list[list[dict[str, Any]]]:
    pages = []
    following: str | None = address
    while following:
        body = client.get(following).json()
        pages.append(body["results"])
        following = body["next"]
    return pages


def test_a_list_is_walked_page_by_page_without_gaps_or_repeats(partner: APIClient):
    made = [factories.make_item().sku for _ in range(7)]

    pages = walk(partner, "/api/v1/items?limit=3")

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [row["sku"] for page in pages for row in page] == made


def test_a_row_added_between_two_pages_moves_none_of_the_others(partner: APIClient):
    connection = factories.make_connection()
    made = [factories.make_delivery(connection).id for _ in range(4)]
    first = partner.get("/api/v1/deliveries?limit=2").json()

    newer = factories.make_delivery(connection).id
    second = partner.get(first["next"]).json()

    assert [row["id"] for row in first["results"]] == made[:1:-1]
    assert [row["id"] for row in second["results"]] == made[1::-1]
    assert newer not in [row["id"] for row in second["results"]]


def test_a_page_that_is_just_full_is_the_last(partner: APIClient):
    for _ in range(3):
        factories.make_item()

    body = partner.get("/api/v1/items?limit=3").json()

    assert len(body["results"]) == 3
    assert body["next"] is None


def test_the_filter_travels_with_the_next_page(partner: APIClient):
    for name in "ABC":
        factories.make_item(name)

    pages = walk(partner, "/api/v1/items?sku=A,C&limit=1")

    assert [row["sku"] for page in pages for row in page] == ["A", "C"]


@pytest.mark.parametrize(
    ("why", "cursor"),
    [
        ("noise", "!!!"),
        ("not ours", "eyJhIjoxfQ"),
        ("of another list", make_cursor(5, listing="/api/v1/orders")),
        ("not a number", make_cursor("5 OR 1=1", listing="/api/v1/items")),  # type: ignore[arg-type]
        ("beyond the database's integers", make_cursor(2**63, listing="/api/v1/items")),
        ("negative", make_cursor(-1, listing="/api/v1/items")),
        ("not ASCII", "ü"),
    ],
)
def test_a_cursor_of_somebody_else_is_refused(partner: APIClient, why: str, cursor: str):
    response = partner.get("/api/v1/items", {"cursor": cursor})

    assert (response.status_code, response.json()["code"]) == (400, "request.cursor_invalid"), why


def test_a_cursor_comes_back_as_it_was_made():
    assert read_cursor(make_cursor(42, listing="/x"), listing="/x") == 42
    with pytest.raises(CursorInvalid):
        read_cursor(make_cursor(42, listing="/x"), listing="/y")


def test_a_caller_who_holds_the_newest_version_is_sent_none(partner: APIClient):
    item = factories.make_item("MUG")
    first = partner.get("/api/v1/items/MUG")

    same = partner.get("/api/v1/items/MUG", HTTP_IF_NONE_MATCH=first.headers["ETag"])
    factories.change(item, name="A better mug")
    changed = partner.get("/api/v1/items/MUG", HTTP_IF_NONE_MATCH=first.headers["ETag"])

    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["ETag"] == first.headers["ETag"]
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", False),
        ('"other"', False),
        ("*", True),
        ('"tag"', True),
        ('W/"tag"', True),
        ('"other", "tag"', True),
        ("tag", False),
    ],
)
def test_if_none_match_is_read_as_the_standard_has_it(header: str, expected: bool):
    assert holds(header, '"tag"') is expected


def test_equal_content_has_an_equal_tag():
    assert etag({"a": 1}) == etag({"a": 1}) != etag({"a": 2})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("12.000000", "12"),
        ("0.000000", "0"),
        ("-0.000000", "0"),
        ("120", "120"),
        ("1.2E+3", "1200"),
        ("0.100000", "0.1"),
        ("-3.250000", "-3.25"),
        ("99999999999999.999999", "99999999999999.999999"),
    ],
)
def test_a_quantity_is_an_exact_string_without_needless_zeros(value: str, text: str):
    assert plain(Decimal(value)) == text


def test_head_and_options_are_answered_too(partner: APIClient):
    factories.make_item("MUG")

    assert partner.head("/api/v1/items/MUG").status_code == 200
    assert partner.head("/api/v1/items/MUG").headers["ETag"]
    assert "GET" in partner.options("/api/v1/items").headers["Allow"]


@pytest.mark.parametrize("address", ["/api/v1/items", "/api/v1/items/MUG", "/api/v1/items/NOTHING"])
def test_no_shared_cache_keeps_an_answer(partner: APIClient, address: str):
    factories.make_item("MUG")

    response = partner.get(address)

    assert response.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in response.headers["Vary"]
