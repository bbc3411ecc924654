"""Lines that wait are moved to where stock is, the oldest first, and say so."""

from __future__ import annotations

import json
from contextlib import nullcontext

import pytest
from django.db import transaction

from inventory_sync.domain.requests import Act
from inventory_sync.domain.routing import ReserveMode, Rule
from inventory_sync.ledger.request_types import Terms
from inventory_sync.ledger.rerouting import reroute
from tests.ledger.asking import Asking
from tests.ledger.reports import NOW
from tests.ledger.worlds import PostgresWorld

RECORD = ReserveMode.RECORD


@pytest.fixture
def asking(world):
    return Asking(world)


def look_again(asking, items=None, limit=200):
    scope = transaction.atomic() if isinstance(asking.world, PostgresWorld) else nullcontext()
    with scope:
        return reroute(
            items, terms_of=lambda ids: asking.terms, store=asking.world.store, now=NOW, limit=limit
        )


def test_a_line_that_waits_is_moved_to_where_stock_came(asking):
    asking.reserve(9, mode=RECORD)

    asking.shop.count("more", asking.mug, asking.shop.far, 4, at=9)
    done = look_again(asking, [asking.mug])

    assert asking.status() == "committed"
    assert asking.world.open() == {(asking.mug, asking.shop.near): 5, (asking.mug, asking.shop.far): 4}
    assert done.touched == (asking.mug,)
    assert asking.world.reasons()["r1", "a"].startswith("stock came, routed: ")


def test_a_line_whose_own_place_is_filled_up_waits_no_more_and_stays(asking):
    asking.reserve(9, mode=RECORD)
    before = asking.world.open()

    asking.shop.count("more", asking.mug, asking.shop.near, 7, at=9)
    look_again(asking)

    assert asking.status() == "committed"
    assert asking.world.open() == before


def test_the_oldest_is_served_first_whatever_younger_ones_were_promised(asking):
    asking.reserve(7, mode=RECORD, ref="full")
    asking.reserve(2, mode=RECORD, ref="old")
    asking.reserve(2, mode=RECORD, ref="young")

    asking.shop.count("more", asking.mug, asking.shop.far, 4, at=9)
    look_again(asking)

    assert asking.status("old") == "committed"
    assert asking.status("young") == "backordered"
    assert asking.total_open() == 11


def test_looking_again_without_news_changes_nothing(asking):
    asking.reserve(9, mode=RECORD)

    first, second = look_again(asking), look_again(asking)

    assert not second.changed
    assert asking.status() == "backordered"
    assert asking.total_open() == 9
    assert first.touched == second.touched == ()


def test_lines_of_other_items_are_left_alone(asking):
    asking.reserve(9, mode=RECORD)
    asking.shop.count("more", asking.mug, asking.shop.far, 9, at=9)

    look_again(asking, [asking.cup])

    assert asking.status() == "backordered"


def test_no_more_orders_are_looked_at_than_asked(asking):
    asking.reserve(9, mode=RECORD, ref="old")
    asking.reserve(1, mode=RECORD, ref="young")
    asking.shop.count("more", asking.mug, asking.shop.far, 99, at=9)

    look_again(asking, limit=1)

    assert asking.status("old") == "committed"
    assert asking.status("young") == "backordered"


def test_what_left_stays_where_it_left_and_only_the_rest_moves(asking):
    asking.reserve(9, mode=RECORD)
    asking.shop.ship("s1", 3, ref="r1", place=asking.shop.near)

    asking.shop.count("more", asking.mug, asking.shop.far, 20, at=20)
    look_again(asking)

    assert asking.status() == "committed"
    assert asking.total_open() == 6


def test_a_kit_that_waits_is_made_whole_at_one_place(asking):
    tray = asking.world.kit("TRAY", {asking.mug: 2, asking.cup: 1})
    asking.reserve(lines={"k": (tray, 1)}, mode=RECORD)

    asking.shop.count("cups", asking.cup, asking.shop.far, 1, at=9)
    look_again(asking, [asking.cup])

    assert asking.status(line="k") == "committed"
    assert asking.world.open() == {(asking.mug, asking.shop.far): 2, (asking.cup, asking.shop.far): 1}


def test_a_move_is_recorded_with_where_the_line_stood(asking):
    asking.terms[asking.channel] = Terms(pool=asking.shop.pool, rules=(Rule.FEWEST_SPLITS,))
    asking.reserve(9, mode=RECORD)
    asking.shop.count("more", asking.mug, asking.shop.far, 9, at=9)
    look_again(asking)

    (answer,) = asking.ask(asking.request(Act.COMMIT))

    told = json.loads(answer.order.lines["a"].routing)
    assert told["rule"] == "fewest_splits"
    assert told["to"] == {"FAR": "9"}
    assert sum(int(quantity) for quantity in told["was"].values()) == 9


def test_an_order_of_a_channel_is_routed_by_the_rules_of_its_channel(asking, monkeypatch):
    monkeypatch.setattr(
        asking.world.store, "routing_rules", lambda ids: {asking.channel: (Rule.RANK,)}, raising=False
    )
    asking.shop.count("less", asking.mug, asking.shop.near, 1, at=3)
    asking.shop.count("more", asking.mug, asking.shop.far, 9, at=4)

    asking.shop.decide(asking.shop.order("sold", {"a": (asking.mug, 3)}))

    assert asking.world.open() == {(asking.mug, asking.shop.near): 1, (asking.mug, asking.shop.far): 2}
