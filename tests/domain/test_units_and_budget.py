"""Exact units, whole packs, and the calls a credential may still make."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.budget import Bucket, refill, shut, take
from inventory_sync.domain.units import Factor, InexactQuantity, floor_to_pack, from_base, to_base
from tests.domain.books import NOON

amounts = st.decimals(0, 10_000, places=3)
factors = st.builds(Factor, st.integers(1, 144), st.integers(1, 12))


def after(seconds: float):
    return NOON + timedelta(seconds=seconds)


def bucket(tokens: int | str = 5, capacity: int = 5, per_s: str = "2") -> Bucket:
    return Bucket(Decimal(capacity), Decimal(per_s), Decimal(tokens), NOON)


@given(quantity=amounts, factor=factors)
def test_a_channel_is_never_told_more_than_there_is(quantity, factor):
    told = from_base(quantity, factor)

    assert told == told.to_integral_value()
    assert told * factor.numerator <= quantity * factor.denominator < (told + 1) * factor.numerator


@given(units=st.integers(0, 1000).map(Decimal), factor=factors)
def test_what_converts_exactly_comes_back_the_same(units, factor):
    try:
        base = to_base(units, factor)
    except InexactQuantity:
        return

    assert from_base(base, factor) == units


@pytest.mark.parametrize(
    ("why", "quantity", "factor", "base"),
    [
        ("pieces", "3", Factor(), "3"),
        ("dozens", "2", Factor(12), "24"),
        ("grams in kilograms", "250", Factor(1, 1000), "0.25"),
        ("thirds that come out even", "3", Factor(1, 3), "1"),
        ("a return", "-2", Factor(12), "-24"),
    ],
)
def test_reported_quantities_are_converted_exactly(why, quantity, factor, base):
    assert to_base(Decimal(quantity), factor) == Decimal(base)


def test_stock_is_never_rounded():
    with pytest.raises(InexactQuantity):
        to_base(Decimal(1), Factor(1, 3))


def test_factors_chain():
    assert Factor(12) * Factor(1, 6) == Factor(2, 1)


@given(quantity=amounts, pack=st.sampled_from([Decimal(1), Decimal(6), Decimal("0.25")]))
def test_a_pack_is_whole_and_leaves_less_than_a_pack(quantity, pack):
    packed = floor_to_pack(quantity, pack)

    assert packed % pack == 0
    assert 0 <= quantity - packed < pack


def test_packs_and_factors_must_be_positive():
    with pytest.raises(ValueError, match="positive"):
        floor_to_pack(Decimal(1), Decimal(0))
    with pytest.raises(ValueError, match="positive"):
        Factor(0)


@given(steps=st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 9)), max_size=20))
def test_no_more_is_ever_granted_than_the_burst_and_the_rate_allow(steps):
    now, state, granted = NOON, bucket(), 0

    for wait_ms, wanted in steps:
        now += timedelta(milliseconds=wait_ms)
        taken = take(state, wanted, now)
        state, granted = taken.bucket, granted + taken.granted

        assert 0 <= taken.granted <= wanted
        assert granted <= 5 + 2 * (now - NOON).total_seconds()


def test_an_empty_bucket_says_how_long_to_wait_and_then_gives():
    empty = take(bucket(), 9, NOON)
    assert (empty.granted, empty.wait_s) == (5, 0)

    refused = take(empty.bucket, 1, NOON)
    assert (refused.granted, refused.wait_s) == (0, Decimal("0.5"))
    assert take(refused.bucket, 1, after(0.5)).granted == 1


def test_a_clock_that_went_back_refills_nothing():
    assert refill(bucket(0), after(-60)) == bucket(0)


def test_a_vendors_refusal_shuts_the_bucket_for_as_long_as_it_asked():
    closed = shut(bucket(), after(30))

    early = take(closed, 1, after(10))
    assert (early.granted, early.wait_s) == (0, 20)
    assert take(closed, 1, after(30)).granted == 1


def test_a_bucket_without_tokens_or_rate_is_refused():
    with pytest.raises(ValueError, match="refills"):
        bucket(per_s="0")
