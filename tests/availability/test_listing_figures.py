"""A figure in base units, as one listing may show it."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.availability.compute import listing_figure, listing_remainder
from inventory_sync.domain.units import Factor


@pytest.mark.parametrize(
    ("why", "figure", "factor", "whole", "shown", "remainder"),
    [
        ("one piece is one piece", "7", Factor(1), True, "7", "0"),
        ("a pack that cannot be filled is not for sale", "11", Factor(6), True, "1", "5"),
        ("not one pack", "5", Factor(6), True, "0", "5"),
        ("half a base unit each", "3.5", Factor(1, 2), True, "7", "0"),
        ("whole numbers only", "2.75", Factor(1), True, "2", "0.75"),
        ("fractions where the vendor takes them", "2.75", Factor(1), False, "2.75", "0"),
        ("a third of a carton each", "1", Factor(1, 3), True, "3", "0"),
        ("below nothing is nothing", "-4", Factor(1), True, "0", "0"),
    ],
)
def test_a_listing_shows_what_it_can_fill(why, figure, factor, whole, shown, remainder):
    assert listing_figure(Decimal(figure), factor, whole_numbers=whole) == Decimal(shown), why
    assert listing_remainder(Decimal(figure), factor, whole_numbers=whole) == Decimal(remainder), why


@given(
    figure=st.decimals(0, 100_000, places=3),
    factor=st.builds(Factor, st.integers(1, 500), st.integers(1, 500)),
    whole=st.booleans(),
)
def test_a_listing_never_shows_more_than_there_is_nor_a_pack_less(figure, factor, whole):
    shown = listing_figure(figure, factor, whole_numbers=whole)
    step = Fraction(1) if whole else Fraction(1, 10**6)

    assert Fraction(shown) * factor.fraction <= Fraction(figure)
    assert (Fraction(shown) + step) * factor.fraction > Fraction(figure)
