"""Requests the hub may refuse: decided whole, answered the same again, changed by the difference."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from inventory_sync.domain.errors import (
    AlreadyCommitted,
    AwaitsReview,
    ChannelDecides,
    HoldExpired,
    NoPool,
    NoReservation,
    NotEnough,
    OlderVersion,
    OtherContent,
    ReservationOver,
)
from inventory_sync.domain.requests import Act
from inventory_sync.domain.routing import ReserveMode
from inventory_sync.ledger.request_types import Terms
from tests.ledger.asking import HOUR, Asking
from tests.ledger.reports import NOW

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


# ── holds ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hold_keeps_stock_until_it_ends_and_then_is_free_for_whoever_asks(asking):
    asking.reserve(7, hold=HOUR)

    early = asking.reserve(1, "r2", now=NOW + HOUR - timedelta(seconds=1))
    late = asking.reserve(1, "r3", now=NOW + HOUR)

    assert isinstance(early.refused, NotEnough)
    assert late.refused is None
    assert asking.status() == "expired"
    assert asking.world.reasons()["r1", "a"] == "its hold expired"
    assert asking.total_open() == 1


def test_a_hold_is_committed_once_however_often_it_is_asked(asking):
    asking.reserve(2, hold=HOUR)

    first, again = asking.act(Act.COMMIT), asking.act(Act.COMMIT, now=NOW + 9 * HOUR)

    assert (first.refused, again.refused) == (None, None)
    assert again.repeated
    assert asking.status() == "committed"
    assert asking.total_open() == 2


def test_an_expired_hold_that_is_committed_is_decided_anew(asking):
    asking.reserve(5, hold=HOUR)
    asking.reserve(5, "r2", hold=HOUR, now=NOW + HOUR)

    refused = asking.act(Act.COMMIT, now=NOW + HOUR)
    asking.act(Act.RELEASE, "r2", now=NOW + HOUR)
    served = asking.act(Act.COMMIT, now=NOW + HOUR)

    assert isinstance(refused.refused, NotEnough)
    assert served.refused is None
    assert asking.total_open() == 5


def test_a_hold_is_extended_inside_the_window_of_its_channel_and_never_shortened(asking):
    asking.with_terms(hold_max=3 * HOUR)
    asking.reserve(2, hold=HOUR)

    def end_after(until):
        return asking.act(Act.EXTEND, until=until).order.lines["a"].expires_at

    assert end_after(NOW + 2 * HOUR) == NOW + 2 * HOUR
    assert end_after(NOW + HOUR) == NOW + 2 * HOUR
    assert end_after(NOW + 50 * HOUR) == NOW + 3 * HOUR


def test_an_ended_hold_is_not_extended(asking):
    asking.reserve(2, hold=HOUR)

    answer = asking.act(Act.EXTEND, until=NOW + 5 * HOUR, now=NOW + HOUR)

    assert isinstance(answer.refused, HoldExpired)


def test_no_hold_is_longer_than_the_window_of_its_channel(asking):
    asking.with_terms(hold_max=HOUR)

    assert asking.reserve(2, hold=9 * HOUR).order.lines["a"].expires_at == NOW + HOUR


def test_a_hold_is_released_and_a_commitment_is_not(asking):
    asking.reserve(2, hold=HOUR)
    asking.reserve(2, "r2")

    assert asking.act(Act.RELEASE).refused is None
    assert asking.act(Act.RELEASE).repeated
    assert isinstance(asking.act(Act.RELEASE, "r2").refused, AlreadyCommitted)
    assert asking.total_open() == 2


def test_a_commitment_is_cancelled_with_its_reason_and_cannot_be_committed_again(asking):
    asking.reserve(2)

    asking.act(Act.CANCEL, reason="customer changed their mind")

    assert asking.world.reasons()["r1", "a"] == "customer changed their mind"
    assert asking.act(Act.CANCEL).repeated
    assert isinstance(asking.act(Act.COMMIT).refused, ReservationOver)
    assert asking.total_open() == 0


@pytest.mark.parametrize("act", [Act.COMMIT, Act.RELEASE, Act.CANCEL, Act.EXTEND, Act.APPROVE])
def test_nothing_is_made_of_a_reference_nobody_knows(asking, act):
    answer = asking.act(act, "nobody")

    assert isinstance(answer.refused, NoReservation)
    assert asking.world.statuses() == {}


# ── review ───────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_held_for_review_keeps_stock_and_is_no_sale_before_it_is_approved(asking):
    asking.reserve(7, review=True)

    assert isinstance(asking.reserve(1, "r2").refused, NotEnough)
    assert isinstance(asking.act(Act.COMMIT).refused, AwaitsReview)
    assert asking.act(Act.APPROVE).refused is None
    assert asking.status() == "committed"
    assert asking.act(Act.APPROVE).repeated


def test_a_review_ends_by_itself_and_says_why(asking):
    asking.with_terms(review_max=HOUR)
    asking.reserve(7, review=True)

    asking.world.expire(NOW + HOUR)

    assert asking.status() == "expired"
    assert asking.world.reasons()["r1", "a"] == "nobody approved it in time"
    assert isinstance(asking.act(Act.APPROVE, now=NOW + HOUR).refused, HoldExpired)


def test_a_further_version_does_not_lift_a_review(asking):
    asking.reserve(2, review=True)

    asking.reserve(3, version=2)

    assert isinstance(asking.act(Act.COMMIT).refused, AwaitsReview)


# ── backorders ───────────────────────────────────────────────────────────────────────────────────────


def test_a_declared_allowance_may_be_promised_below_nothing_and_no_more(asking):
    asking.with_terms(allowance={asking.mug: Decimal(3)})

    first = asking.reserve(9)
    second = asking.reserve(2, "r2")
    third = asking.reserve(1, "r3")

    assert (first.refused, third.refused) == (None, None)
    assert asking.status() == "backordered"
    assert isinstance(second.refused, NotEnough)
    assert asking.total_open() == 10


def test_a_mere_hold_is_never_promised_below_nothing(asking):
    asking.with_terms(allowance={asking.mug: Decimal(3)})

    assert isinstance(asking.reserve(8, hold=HOUR).refused, NotEnough)


# ── beside the orders of channels ────────────────────────────────────────────────────────────────────


def test_the_order_of_the_channel_takes_over_its_request_without_asking_twice(asking):
    asking.reserve(5, hold=HOUR)

    decided = asking.shop.decide(asking.shop.order("r1", {"7": (asking.mug, 5)}, stamp=1_700_000_000))

    assert asking.total_open() == 5
    assert asking.status(line="a") == "released"
    assert asking.status(line="7") == "committed"
    assert [news.delta for news in decided.news] == [5]
    assert isinstance(asking.act(Act.CANCEL).refused, ChannelDecides)


def test_a_request_is_shipped_and_closed_like_any_order(asking):
    asking.reserve(2)

    asking.shop.ship("s1", 2, ref="r1")

    assert asking.status() == "closed"
    assert asking.total_open() == 0
    assert asking.act(Act.COMMIT).repeated
    assert isinstance(asking.act(Act.CANCEL).refused, ReservationOver)


def test_it_is_told_by_which_rule_a_line_was_routed_and_what_was_passed_over(asking):
    asking.terms = {asking.channel: Terms(pool=(asking.shop.far, asking.shop.near))}

    line = asking.reserve(3).order.lines["a"]

    assert line.routing == (
        '{"rule":"whole_order","to":{"NEAR":"3"},"ranking":["FAR","NEAR"],"passed":{"FAR":"2"}}'
    )
