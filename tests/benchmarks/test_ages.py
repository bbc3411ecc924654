"""How old a figure was when it landed."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.ages import ages, oldest
from benchmarks.channel import Shop

SENT = [(1.0, 7), (2.0, 7), (3.0, 8)]


def test_an_event_is_as_old_as_the_first_figure_that_contains_it() -> None:
    landed = [(1.5, 7, 99), (2.5, 7, 98), (4.0, 8, 99)]

    found, never = ages(SENT, landed, 100, {})

    assert (sorted(found), never) == ([0.5, 0.5, 1.0], 0)


def test_one_figure_tells_of_all_that_it_contains() -> None:
    found, never = ages(SENT, [(5.0, 7, 98)], 100, {})

    assert (sorted(found), never) == ([3.0, 4.0], 1)


def test_what_was_sold_before_is_no_event_of_this_run() -> None:
    found, never = ages([(2.0, 7)], [(1.0, 7, 95), (3.0, 7, 94)], 100, Counter({7: 5}))

    assert (found, never) == ([1.0], 0)


def test_the_oldest_is_the_event_that_waits_longest_at_that_moment() -> None:
    landed = [(2.5, 7, 99)]

    assert oldest(SENT, landed, 100, {}, at=2.4) == pytest.approx(1.4)
    assert oldest(SENT, landed, 100, {}, at=2.9) == pytest.approx(0.9)
    assert oldest(SENT, [(3.5, 7, 98), (3.5, 8, 99)], 100, {}, at=4.0) == 0


def test_the_channel_counts_each_call_and_notes_each_figure() -> None:
    shop = Shop()
    status, answer = shop.answer(
        "POST", "/wp-json/wc/v3/products/5/variations/batch", b'{"update":[{"id":9,"stock_quantity":3}]}'
    )
    _, read = shop.answer("GET", "/wp-json/wc/v3/variations?include=9,10", b"")
    shop.answer("GET", "/wp-json/wc/v3/orders?modified_after=x", b"")

    assert (status, answer["update"][0]["stock_quantity"]) == (200, 3)
    assert [row["stock_quantity"] for row in read] == [3, 0]
    assert shop.calls == {"write": 1, "levels": 1, "orders": 1}
    assert [(number, figure) for _, number, figure in shop.landed] == [(9, 3)]


def test_the_channel_refuses_what_is_above_its_limit() -> None:
    shop = Shop()
    shop.answer("POST", "/_twin/told", b'{"anew":true,"per_s":0.001,"burst":2}')

    answered = [shop.answer("GET", "/wp-json/wc/v3/orders", b"")[0] for _ in range(5)]

    assert answered == [200, 200, 200, 429, 429]
    assert shop.over == 2
