"""How one channel may use its pool, as declared: bounds, and what doubt does.

Does not apply it (availability.py), and keeps no versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from inventory_sync.domain.reports import ZERO

ONE = Decimal(1)
HUNDRED = Decimal(100)


class Fallback(StrEnum):
    """What a policy does while a term is unknown."""

    HOLD_LAST = "hold_last"  # at most what is shown, less what was sold since
    SHRINK = "shrink"  # as hold_last, with a declared part of what unknown locations last had free
    STOP_SELLING = "stop_selling"  # a person declared: rather nothing than a guess


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """How one channel may use its pool.

    share: part of the pool (0..1). buffer and buffer_percent: kept back, the greater of the two; the
    percentage is of the share. cap: None for no cap. threshold: below it 0. pack: base units of one selling
    pack. shrink_to: part of last known free that an unknown location still counts under SHRINK. Only when
    declared: backorder_allowance, units that may be sold below nothing; preorder_allowance, units that may be
    sold of what is expected to come in.
    """

    share: Decimal = ONE
    buffer: Decimal = ZERO
    cap: Decimal | None = None
    threshold: Decimal = ZERO
    pack: Decimal = ONE
    fallback: Fallback = Fallback.HOLD_LAST
    shrink_to: Decimal = Decimal("0.5")
    backorder_allowance: Decimal = ZERO
    buffer_percent: Decimal = ZERO
    preorder_allowance: Decimal = ZERO

    def __post_init__(self) -> None:
        if not ZERO <= self.share <= ONE or not ZERO <= self.shrink_to <= ONE:
            raise ValueError("share and shrink_to lie between 0 and 1")
        if not ZERO <= self.buffer_percent <= HUNDRED:
            raise ValueError("a percentage lies between 0 and 100")
        if self.pack <= 0 or self.buffer < 0 or self.threshold < 0:
            raise ValueError("pack is positive; buffer and threshold are not negative")
        if self.backorder_allowance < 0 or self.preorder_allowance < 0:
            raise ValueError("an allowance is positive or nothing")
