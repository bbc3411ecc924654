"""What one flight of a lane knows while it is under way; push.py flies it, settling.py ends it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from inventory_sync.domain import sandwich
from inventory_sync.domain.errors import SyncError
from inventory_sync.domain.ports import Capabilities
from inventory_sync.domain.sandwich import Outcome
from inventory_sync.pipeline.ports import Account
from inventory_sync.propagation.ports import Row

CALLS_PER_PUSH = 6
SOON = timedelta(milliseconds=200)
AFTER_THE_PROBE = timedelta(seconds=1)  # what did not answer is begun by nobody until its breaker allows it
READ_AGAIN = timedelta(seconds=2)
POLL_AGAIN = timedelta(seconds=3)
SETTLED = "settled"


@dataclass(slots=True)
class Sandwich:
    """What one flight learned, per listing id."""

    account: Account
    started_at: datetime
    rows: dict[int, Row]
    tokens: dict[int, int]
    read_before: dict[int, Decimal] = field(default_factory=dict)
    decisions: dict[int, sandwich.WriteDecision] = field(default_factory=dict)
    decided_for: dict[int, tuple[int, int]] = field(default_factory=dict)  # version and order news
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    write_keys: dict[int, str] = field(default_factory=dict)
    receipts: dict[int, str] = field(default_factory=dict)
    read_after: dict[int, Decimal] = field(default_factory=dict)
    errors: dict[int, SyncError] = field(default_factory=dict)
    wait: dict[int, datetime] = field(default_factory=dict)
    leased_until: datetime | None = None
    overtaken: set[int] = field(default_factory=set)
    unexplained: frozenset[int] = frozenset()
    pulled_after: bool = False
    whole: SyncError | None = None

    @property
    def longest_life(self) -> timedelta:
        return longest_life(self.account.capabilities)


def longest_life(can: Capabilities) -> timedelta:
    """Return how long after it was sent a write may still change what the channel shows.

    One that was accepted, and whose answer was lost, is applied when its vendor comes to it.
    """
    return timedelta(seconds=can.max_request_life_s + (can.applies_within_s if can.answers_later else 0))
