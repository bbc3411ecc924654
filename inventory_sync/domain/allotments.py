"""Stock set aside for one channel: granted, used up by its sales, and gone when its lease ends.

A ring fence without an end lasts until it is withdrawn; a lease ends at expires_at unless it is renewed, so
that a channel that is cut off cannot sell from a stale share for ever. The allotments of a pool never sum
above what it has: that is decided when one is granted or renewed, exactly, also where pools overlap.

What an allotment does to figures is in availability.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from inventory_sync.domain.availability import Allotment
from inventory_sync.domain.reports import ZERO
from inventory_sync.domain.serving import Serving


@dataclass(frozen=True, slots=True)
class Grant:
    """What was granted: a quantity at the locations of a pool, until a time or until it is withdrawn.

    consumed: what the channel has sold since granted_at; a sale taken back gives its quantity back.
    """

    channel: str
    quantity: Decimal
    pool: frozenset[str]
    granted_at: datetime
    expires_at: datetime | None = None
    consumed: Decimal = ZERO

    @property
    def is_lease(self) -> bool:
        """Say whether it ends by itself."""
        return self.expires_at is not None

    def stands(self, now: datetime) -> bool:
        """Say whether it holds anything back at that moment; at its last moment it no longer does."""
        return self.granted_at <= now and (self.expires_at is None or now < self.expires_at)

    def allotment(self) -> Allotment:
        """Return it as the arithmetic wants it."""
        return Allotment(self.channel, self.quantity, self.consumed, self.pool)


def standing(grants: Iterable[Grant], now: datetime) -> list[Allotment]:
    """Return the allotments that hold something back at that moment."""
    return [each.allotment() for each in grants if each.stands(now)]


def shortfall(allotments: Iterable[Allotment], free: Mapping[str, Decimal]) -> Decimal:
    """Return what of these allotments no stock is there for; 0 when all of them can be kept at once.

    free: what each location has free now, of which nothing is set aside yet; unknown ones are left out.
    """
    serving = Serving(free)
    missing = ZERO
    for each in allotments:
        pool = each.pool if each.pool is not None else frozenset(free)
        missing += each.unconsumed - serving.add(pool, each.unconsumed)
    return missing
