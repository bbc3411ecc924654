"""Requests the hub may refuse: decided whole, answered the same again, changed by the difference."""

from __future__ import annotations

import pytest

from inventory_sync.domain.errors import (
    NoPool,
    NotEnough,
    OlderVersion,
    OtherContent,
)
from inventory_sync.domain.requests import Act
from inventory_sync.domain.routing import ReserveMode
from tests.ledger.asking import HOUR, Asking
from tests.ledger.reports import delta

PARTIAL, RECORD = ReserveMode.PARTIAL, ReserveMode.RECORD


@pytest.fixture
def asking(world):
    return Asking(world)


# ── what may be refused ──────────────────────────────────────────────────────────────────────────────


def test_what_is_free_is_committed_and_subtracted(asking):
    answer = asking.reserve(2)

    assert answer.refused is None
    assert asking.status() == "committed"
    assert asking.world.open() == {(asking.mug, asking.shop.near): 2}


def test_what_is_not_free_is_refused_whole_and_nothing_is_promised(asking):
    answer = asking.reserve(lines={"a": (asking.mug, 6), "b": (asking.mug, 2)})

    assert isinstance(answer.refused, NotEnough)
    assert sum(answer.missing.values()) == 1
    assert asking.world.open() == {}
    assert {asking.status(line=line) for line in "ab"} == {"rejected"}


def test_a_request_that_takes_part_is_served_as_far_as_it_goes_and_says_how_far(asking):
    answer = asking.reserve(9, mode=PARTIAL)

    assert answer.refused is None
    assert answer.missing == {"a": 2}
    assert answer.order.lines["a"].demand == 7
    assert asking.total_open() == 7


def test_one_item_in_two_lines_is_decided_once_for_both(asking):
    first = asking.reserve(lines={"a": (asking.mug, 4), "b": (asking.mug, 4)})
    second = asking.reserve(lines={"a": (asking.mug, 4), "b": (asking.mug, 3)}, ref="r2")

    assert isinstance(first.refused, NotEnough)
    assert second.refused is None
    assert asking.total_open() == 7


def test_what_was_sold_already_is_never_refused(asking):
    answer = asking.reserve(9, mode=RECORD)

    assert answer.refused is None
    assert asking.status() == "backordered"
    assert asking.total_open() == 9


def test_many_requests_of_one_transaction_are_decided_in_the_order_asked(asking):
    wanted = [
        asking.request(Act.RESERVE, f"r{n}", {"a": (asking.mug, quantity)})
        for n, quantity in enumerate((4, 4, 3, 1))
    ]

    refused = [answer.refused is not None for answer in asking.ask(*wanted)]

    assert refused == [False, True, False, True]
    assert asking.total_open() == 7


def test_a_kit_and_its_component_take_from_the_same_shelf(asking):
    tray = asking.world.kit("TRAY", {asking.mug: 2})

    kits = asking.reserve(lines={"k": (tray, 3)})
    mug = asking.reserve(1, "r2")
    more = asking.reserve(1, "r3")

    assert kits.refused is None
    assert mug.refused is None
    assert isinstance(more.refused, NotEnough)


def test_a_channel_without_locations_is_told_so_and_nothing_is_kept(asking):
    asking.terms = {}

    answer = asking.reserve()

    assert isinstance(answer.refused, NoPool)
    assert asking.world.statuses() == {}


def test_a_place_nobody_has_counted_offers_nothing(asking):
    spoon = asking.world.item("SPOON")

    answer = asking.reserve(lines={"a": (spoon, 1)})

    assert isinstance(answer.refused, NotEnough)


def test_stock_that_an_older_order_waits_for_elsewhere_is_not_free(asking):
    asking.shop.decide(asking.shop.order("sold", {"a": (asking.mug, 7)}))
    asking.shop.count("down", asking.mug, asking.shop.near, 3, at=5)  # two of the seven are gone
    asking.shop.count("up", asking.mug, asking.shop.far, 4, at=6)  # and two are found elsewhere

    refused = asking.reserve(1)
    asking.shop.count("more", asking.mug, asking.shop.far, 5, at=7)
    served = asking.reserve(1, "r2")

    assert isinstance(refused.refused, NotEnough)
    assert served.refused is None


def test_what_one_gives_back_goes_to_who_waits_before_it_is_free_for_another(asking):
    asking.reserve(4)
    asking.shop.decide(asking.shop.order("sold", {"a": (asking.mug, 9)}))

    given, asked = asking.ask(
        asking.request(Act.CANCEL), asking.request(Act.RESERVE, "r2", {"a": (asking.mug, 1)})
    )

    assert given.refused is None
    assert isinstance(asked.refused, NotEnough)


# ── the same again, and other content ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("quantity", [2, 9])
def test_the_same_request_again_is_answered_the_same_and_changes_nothing(asking, quantity):
    first = asking.reserve(quantity)
    asking.shop.count("more", asking.mug, asking.shop.near, 20, at=9)

    again = asking.reserve(quantity)

    assert again.repeated
    assert again.missing == first.missing
    assert type(again.refused) is type(first.refused)
    assert again.order == first.order


def test_the_same_request_twice_in_one_transaction_counts_once(asking):
    request = asking.request(Act.RESERVE, lines={"a": (asking.mug, 4)})

    first, second = asking.ask(request, request)

    assert (first.repeated, second.repeated) == (False, True)
    assert asking.total_open() == 4


def test_other_content_under_the_same_version_is_a_conflict(asking):
    asking.reserve(2)

    answer = asking.reserve(3)

    assert isinstance(answer.refused, OtherContent)
    assert asking.total_open() == 2


def test_an_older_version_is_refused(asking):
    asking.reserve(2, version=5)

    assert isinstance(asking.reserve(3, version=4).refused, OlderVersion)


def test_a_higher_version_brings_back_what_was_refused(asking):
    asking.reserve(9)
    asking.shop.count("more", asking.mug, asking.shop.near, 20, at=9)

    answer = asking.reserve(9, version=2)

    assert answer.refused is None
    assert asking.status() == "committed"


# ── amendments ───────────────────────────────────────────────────────────────────────────────────────


def test_a_raise_takes_only_the_difference(asking):
    asking.reserve(4)
    asking.reserve(2, "r2")

    answer = asking.act(Act.AMEND, lines={"a": (asking.mug, 5)}, version=2)

    assert answer.refused is None
    assert asking.total_open() == 7


def test_a_raise_that_cannot_be_served_leaves_the_version_before_in_force(asking):
    asking.reserve(4)
    asking.reserve(2, "r2")

    answer = asking.act(Act.AMEND, lines={"a": (asking.mug, 6)}, version=2)

    assert isinstance(answer.refused, NotEnough)
    assert answer.missing == {"a": 1}
    assert asking.total_open() == 6
    assert asking.act(Act.AMEND, lines={"a": (asking.mug, 5)}, version=2).refused is None


def test_an_amendment_leaves_lines_alone_that_it_does_not_name(asking):
    asking.reserve(lines={"a": (asking.mug, 2), "b": (asking.mug, 1)})

    asking.act(Act.AMEND, lines={"a": (asking.mug, 0)}, version=2)

    assert asking.status(line="a") == "released"
    assert asking.status(line="b") == "committed"
    assert asking.total_open() == 1


def test_a_whole_new_version_releases_lines_it_no_longer_names(asking):
    asking.reserve(lines={"a": (asking.mug, 2), "b": (asking.mug, 1)})

    asking.reserve(lines={"b": (asking.mug, 3)}, version=2)

    assert asking.status(line="a") == "released"
    assert asking.total_open() == 3


def test_a_line_may_give_its_stock_to_another_line_of_the_same_request(asking):
    asking.reserve(7)

    answer = asking.reserve(lines={"a": (asking.mug, 3), "b": (asking.mug, 4)}, version=2)

    assert answer.refused is None
    assert asking.total_open() == 7


def test_a_refused_part_of_a_partial_amendment_leaves_the_floor_as_it_was(asking):
    asking.reserve(7, hold=HOUR, mode=PARTIAL)
    cups = asking.request(Act.AMEND, lines={"a": (asking.mug, 0), "c": (asking.cup, 1)}, version=2)
    other = asking.request(Act.RESERVE, "r2", {"a": (asking.mug, 1)})

    refused, late = asking.ask(cups, other)

    assert isinstance(refused.refused, NotEnough)
    assert isinstance(late.refused, NotEnough)
    assert asking.total_open() == 7


# ── what is in doubt ─────────────────────────────────────────────────────────────────────────────────


def test_what_came_to_an_unknown_place_is_promised_to_nobody_however_often_somebody_asks(asking):
    asking.world.lose(asking.shop.near, since_reading=5)
    asking.world.apply([delta("more", asking.mug, asking.shop.near, 10, 5, by=asking.shop.till)])
    asking.with_terms(pool=(asking.shop.near,))

    refused = [asking.reserve(3, ref).refused is not None for ref in ("r1", "r2", "r3")]

    assert refused == [False, True, True]
    assert asking.total_open() == 3
    assert asking.world.facts()[asking.mug, asking.shop.near].last_known_free == 2


def test_a_version_that_was_refused_is_refused_again_though_it_dropped_a_line_that_had_ended(asking):
    asking.reserve(lines={"a": (asking.mug, 1)})
    asking.act(Act.CANCEL)

    first = asking.reserve(lines={"b": (asking.mug, 9)}, version=2)
    again = asking.reserve(lines={"b": (asking.mug, 9)}, version=2)

    assert isinstance(first.refused, NotEnough)
    assert isinstance(again.refused, NotEnough)
    assert again.missing == first.missing


def test_a_version_that_was_served_in_part_and_then_cancelled_is_not_called_refused(asking):
    asking.reserve(lines={"a": (asking.mug, 7), "b": (asking.mug, 2)}, mode=PARTIAL)
    asking.act(Act.CANCEL)

    again = asking.reserve(lines={"a": (asking.mug, 7), "b": (asking.mug, 2)}, mode=PARTIAL)

    assert again.repeated
    assert again.refused is None
