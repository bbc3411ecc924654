"""What can be promised for later, what may be set aside, and what places can serve together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.allotments import Grant, shortfall, standing
from inventory_sync.domain.availability import Allotment, LocationTerms, OpenDemand, PolicyTerms, available
from inventory_sync.domain.promise import Expectation, available_to_promise, with_incoming
from inventory_sync.domain.serving import Serving
from tests.domain.oracles import can_all_be_served

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
W1 = frozenset({"W1"})
pools = st.frozensets(st.sampled_from(["W1", "W2", "W3", "W4"]), min_size=1)
few = st.integers(0, 5).map(Decimal)


def day(number: int) -> datetime:
    return NOON + timedelta(days=number)


# ── serving together ────────────────────────────────────────────────────────────────────────────────


@given(
    stock=st.fixed_dictionaries(dict.fromkeys(("W1", "W2", "W3", "W4"), few)),
    claims=st.lists(st.tuples(few, pools), max_size=5),
)
def test_each_claim_is_served_as_far_as_all_before_it_allow(stock, claims):
    serving = Serving(stock)
    served: list[tuple[Decimal, frozenset[str]]] = []

    for quantity, pool in claims:
        done = serving.add(pool, quantity)

        served.append((done, pool))
        assert can_all_be_served(served, stock)
        if done < quantity:
            assert not can_all_be_served([*served, (Decimal("0.5"), pool)], stock)


# ── allotments ──────────────────────────────────────────────────────────────────────────────────────


@given(
    free=st.fixed_dictionaries(dict.fromkeys(("W1", "W2", "W3", "W4"), few)),
    wanted=st.lists(st.tuples(few, pools), max_size=4),
)
def test_allotments_fit_exactly_when_all_of_them_can_be_kept_at_once(free, wanted):
    allotments = [Allotment(f"C{n}", quantity, pool=pool) for n, (quantity, pool) in enumerate(wanted)]

    assert (shortfall(allotments, free) == 0) is can_all_be_served(wanted, free)


def test_what_was_used_up_needs_no_stock_any_more():
    assert shortfall([Allotment("A", Decimal(5), consumed=Decimal(3), pool=W1)], {"W1": Decimal(2)}) == 0
    assert shortfall([Allotment("A", Decimal(5), consumed=Decimal(2), pool=W1)], {"W1": Decimal(2)}) == 1


@pytest.mark.parametrize(("minute", "stands"), [(-1, False), (0, True), (59, True), (60, False)])
def test_a_lease_holds_back_until_the_moment_it_ends(minute, stands):
    lease = Grant("A", Decimal(5), W1, granted_at=NOON, expires_at=NOON + timedelta(minutes=60))

    assert bool(standing([lease], NOON + timedelta(minutes=minute))) is stands


def test_a_ring_fence_without_an_end_stands_until_it_is_withdrawn():
    fence = Grant("A", Decimal(5), W1, granted_at=NOON)

    assert not fence.is_lease
    assert standing([fence], day(1000)) == [Allotment("A", Decimal(5), pool=W1)]


# ── promises for a date ─────────────────────────────────────────────────────────────────────────────


def promised(number: int, *expected: tuple[int, int], on_hand: int | None = 3, owed: int = 0):
    terms = LocationTerms(
        "W1",
        None if on_hand is None else Decimal(on_hand),
        open_demand=(OpenDemand(Decimal(owed), W1),) if owed else (),
    )
    coming = [Expectation("W1", Decimal(quantity), day(due)) for quantity, due in expected]
    return available_to_promise(
        day(number),
        now=NOON,
        due=[each.due_at for each in coming],
        work_out=lambda moment: available(
            with_incoming([terms], coming, now=NOON, by=moment), PolicyTerms(), pool=W1
        ),
    )


@pytest.mark.parametrize(
    ("why", "number", "figure"),
    [
        ("today only what is there", 0, 3),
        ("the day before it comes", 4, 3),
        ("the day it comes", 5, 8),
        ("with the second delivery", 9, 10),
    ],
)
def test_an_arrival_can_be_promised_from_its_day_on(why, number, figure):
    assert promised(number, (5, 5), (2, 8)).available.figure == figure, why


def test_what_leaves_later_cannot_be_promised_before():
    promise = promised(1, (-2, 3), (9, 8))

    assert (promise.available.figure, promise.limited_at) == (1, day(3))


def test_an_arrival_serves_those_who_wait_first():
    assert promised(6, (5, 5), on_hand=0, owed=4).available.figure == 1


def test_an_overdue_arrival_promises_nothing():
    assert promised(6, (5, -1)).available.figure == 3


def test_what_is_unknown_today_cannot_be_promised_for_tomorrow():
    assert promised(6, (5, 5), on_hand=None).available.figure is None


def test_the_terms_of_a_promise_add_up_and_name_what_comes_in():
    answer = promised(6, (5, 5), owed=1).available

    assert [(step.name, step.amount) for step in answer.steps] == [
        ("on_hand", 3),
        ("incoming", 5),
        ("open_demand", -1),
    ]
