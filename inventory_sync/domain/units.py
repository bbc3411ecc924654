"""Units of quantity: exact conversion by rational factors, and whole packs.

Quantities in the platform are decimals in the item's base unit; a mapping carries the unit its system speaks
and how many base units one of it is, as a fraction (1/3 is exact). Unit codes are UN/ECE Rec 20 ("C62" piece,
"KGM" kilogram, "MTR" metre).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction

PIECE = "C62"
PLACES = 6  # decimal places a stored quantity may have
STEP = Decimal(1).scaleb(-PLACES)


class InexactQuantity(ValueError):
    """A quantity has no exact value in the base unit at the stored precision; it waits for a person."""


@dataclass(frozen=True, slots=True)
class Factor:
    """Base units per one unit of the other system, as numerator / denominator; always positive."""

    numerator: int = 1
    denominator: int = 1

    def __post_init__(self) -> None:
        if self.numerator <= 0 or self.denominator <= 0:
            raise ValueError("a factor between units is a positive fraction")

    @property
    def fraction(self) -> Fraction:
        return Fraction(self.numerator, self.denominator)

    def __mul__(self, other: Factor) -> Factor:
        """Chain two conversions."""
        product = self.fraction * other.fraction
        return Factor(product.numerator, product.denominator)


SAME = Factor()


def to_base(quantity: Decimal, factor: Factor) -> Decimal:
    """Convert a reported quantity to base units, exactly.

    Raises InexactQuantity when it has no exact value at the stored precision: stock is never rounded.
    """
    exact = Fraction(quantity) * factor.fraction
    scaled = exact * 10**PLACES
    if scaled.denominator != 1:
        raise InexactQuantity(f"{quantity} × {factor.numerator}/{factor.denominator} is not exact")
    return Decimal(scaled.numerator).scaleb(-PLACES)


def from_base(quantity: Decimal, factor: Factor, *, whole: bool = True) -> Decimal:
    """Convert a figure in base units to what a channel may be told: never more than there is.

    Floored to a whole number (whole), or to the stored precision.
    """
    return _floored(Fraction(quantity) / factor.fraction, Decimal(1) if whole else STEP)


def floor_to_pack(quantity: Decimal, pack: Decimal) -> Decimal:
    """Return the largest whole number of packs in quantity, in the same unit; the remainder stays unsold."""
    if pack <= 0:
        raise ValueError("a pack is positive")
    if pack == 1:
        return quantity.to_integral_value(ROUND_FLOOR)
    return _floored(Fraction(quantity), pack)


def _floored(exact: Fraction, step: Decimal) -> Decimal:
    steps = exact / Fraction(step)
    return Decimal(steps.numerator // steps.denominator) * step
