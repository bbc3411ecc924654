"""The life of a request: held, extended, approved, committed, given back, taken over, shipped."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from inventory_sync.domain.errors import (
    AlreadyCommitted,
    AwaitsReview,
    ChannelDecides,
    HoldExpired,
    NoReservation,
    NotEnough,
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
