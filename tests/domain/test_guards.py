"""Which changes alarm, how many of them trip, and what a decision covers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.guards import Change, Limits, Tally, alarms, covers, effect_of, trips

LIMITS = Limits(
    least_listings=20,
    zero_share=Decimal(10),
    shift_share=Decimal(30),
    shift_percent=Decimal(50),
    window=timedelta(minutes=10),
)
figures = st.integers(0, 1000).map(Decimal)


def change(shown: int, wanted: int, explained: int = 0) -> Change:
    return Change(1, Decimal(shown), Decimal(wanted), explained=Decimal(explained))


@pytest.mark.parametrize(
    ("what", "alarming"),
    [
        (change(10, 0), True),
        (change(10, 0, explained=10), False),
        (change(10, 0, explained=9), True),
        (change(10, 6), False),
        (change(10, 5), True),
        (change(10, 4, explained=2), False),
        (change(10, 20), True),
        (change(10, 20, explained=10), True),
        (change(0, 1), True),
        (change(7, 7), False),
    ],
)
def test_what_alarms_is_large_and_not_explained_by_orders(what: Change, alarming: bool) -> None:
    assert alarms(what, LIMITS) is alarming


@pytest.mark.parametrize(
    ("shifted", "to_zero", "listings", "tripped"),
    [
        (19, 19, 100, False),
        (20, 20, 100, True),
        (20, 20, 201, False),
        (29, 0, 97, False),
        (30, 0, 100, True),
        (1, 1, 1, False),
    ],
)
def test_it_takes_a_number_and_a_share_to_trip(
    shifted: int, to_zero: int, listings: int, tripped: bool
) -> None:
    assert trips(Tally(shifted, to_zero), listings, LIMITS) is tripped


def test_a_listing_alone_never_trips_whatever_was_declared() -> None:
    strict = Limits(1, Decimal(0), Decimal(0), Decimal(0), timedelta(seconds=1))

    assert not trips(Tally(1, 1), 1, strict)
    assert trips(Tally(2, 0), 1000, strict)


@given(shown=figures, wanted=figures, explained=figures)
def test_orders_never_make_a_change_more_alarming(
    shown: Decimal, wanted: Decimal, explained: Decimal
) -> None:
    if alarms(Change(1, shown, wanted, explained=explained), LIMITS):
        assert alarms(Change(1, shown, wanted), LIMITS)


@given(shown=figures, wanted=figures)
def test_a_decision_covers_exactly_what_was_shown(shown: Decimal, wanted: Decimal) -> None:
    assert covers(shown, wanted, wanted, tolerance_percent=Decimal(0))


def test_a_decision_covers_a_little_more_or_less_and_never_a_zero_nobody_was_shown() -> None:
    def covered(now: int) -> bool:
        return covers(Decimal(0), Decimal(10), Decimal(now), tolerance_percent=Decimal(20))

    assert [now for now in range(15) if covered(now)] == [8, 9, 10, 11, 12]
    assert not covers(Decimal(100), Decimal(1), Decimal(0), tolerance_percent=Decimal(20))


def test_an_effect_counts_ups_and_downs_alike() -> None:
    effect = effect_of([change(10, 0), change(10, 20), change(5, 5)])

    assert (effect.listings, effect.to_zero, effect.shift) == (3, 1, 20)
    assert effect.shift_percent == Decimal("80.0")
    assert effect_of([change(0, 5)]).shift_percent is None
