"""Is what a channel is about to be told plausible? The first-sync and the blast-radius guard.

A wrong mapping, an empty reading or a bad import would close a shop within a minute. What would go to zero or
shift, beyond a declared share of the channel and without orders to explain it, waits for a person; so does
the first figure for listings that show others. One listing alone never trips anything.

Pure. Finding the changes and keeping what is held is in propagation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from inventory_sync.domain.reports import ZERO

HUNDRED = Decimal(100)


class GuardKind(StrEnum):
    FIRST_SYNC = "first_sync"
    BLAST_RADIUS = "blast_radius"


class FirstSync(StrEnum):
    """Whether first figures of a channel wait for a person."""

    OFF = "off"  # they are written: nobody asked for the guard
    ARMED = "armed"  # they wait
    PASSED = "passed"  # approved once; what is listed later counts for the blast radius


@dataclass(frozen=True, slots=True)
class Limits:
    """What may change at once. Shares in percent of the channel's listings, over a window of time.

    A listing shifts when `shift_percent` of the larger of its two figures changes without an order.
    """

    least_listings: int
    zero_share: Decimal
    shift_share: Decimal
    shift_percent: Decimal
    window: timedelta


@dataclass(frozen=True, slots=True)
class Change:
    """What one listing shows and would be told, in its own units. explained: how much orders lowered it."""

    listing_id: int
    shown: Decimal
    wanted: Decimal
    explained: Decimal = ZERO
    first: bool = False

    @property
    def to_zero(self) -> bool:
        return self.wanted <= 0 < self.shown

    @property
    def shift(self) -> Decimal:
        return abs(self.wanted - self.shown)

    @property
    def unexplained(self) -> Decimal:
        """The part of the change that no order made; orders explain a fall, never a rise."""
        if self.wanted >= self.shown:
            return self.shift
        return max(ZERO, self.shift - self.explained)


@dataclass(frozen=True, slots=True)
class Tally:
    """Listings that change without orders: how many in all, and how many of them to zero."""

    shifted: int = 0
    to_zero: int = 0


@dataclass(frozen=True, slots=True)
class Effect:
    """What a number of changes would do to a channel, for a person to judge."""

    listings: int
    to_zero: int
    shown: Decimal
    wanted: Decimal
    shift: Decimal

    @property
    def shift_percent(self) -> Decimal | None:
        """How much of what is shown moves; None where nothing is shown."""
        return (self.shift * HUNDRED / self.shown).quantize(Decimal("0.1")) if self.shown else None


def alarms(change: Change, limits: Limits) -> bool:
    """Say whether a change is large and not explained by orders; small ones are trade."""
    if change.unexplained <= 0:
        return False
    larger = max(change.shown, change.wanted)
    return change.to_zero or change.unexplained * HUNDRED >= limits.shift_percent * larger


def trips(tally: Tally, listings: int, limits: Limits) -> bool:
    """Say whether so many alarming changes, of a channel with so many listings, wait for a person."""
    return _too_many(tally.to_zero, limits.zero_share, listings, limits) or _too_many(
        tally.shifted, limits.shift_share, listings, limits
    )


def covers(shown: Decimal, wanted: Decimal, now_wanted: Decimal, *, tolerance_percent: Decimal) -> bool:
    """Say whether a decision about shown → wanted also holds for what is wanted now.

    It does while the figure has moved by no more than a share of the change that was looked at: an order
    that came meanwhile does not void an approval, another figure does. What would go to zero must have been
    shown to go there.
    """
    if now_wanted <= 0 < wanted:
        return False
    return abs(now_wanted - wanted) * HUNDRED <= abs(wanted - shown) * tolerance_percent


def effect_of(changes: Iterable[Change]) -> Effect:
    listings = to_zero = 0
    shown = wanted = shift = ZERO
    for each in changes:
        listings += 1
        to_zero += each.to_zero
        shown, wanted, shift = shown + max(ZERO, each.shown), wanted + each.wanted, shift + each.shift
    return Effect(listings, to_zero, shown, wanted, shift)


def _too_many(count: int, share: Decimal, listings: int, limits: Limits) -> bool:
    return count > 1 and count >= limits.least_listings and count * HUNDRED >= share * listings
