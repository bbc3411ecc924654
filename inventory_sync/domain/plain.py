"""The plain case of the fold: deltas only, each of them counted, nothing replaced.

Nearly all that a till or a warehouse reports is this, and here it costs one addition a delta. It says nothing
that fold() (levels.py) does not say; tests hold one against the other.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from inventory_sync.domain.levels import LevelState
from inventory_sync.domain.modes import Mode, Tenures

ALWAYS = datetime.min.replace(tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)


def counts_later_than(state: LevelState, tenures: Tenures | None = None) -> datetime:
    """Return a time after which on hand counts every delta: ALWAYS where none is left out, or NEVER.

    NEVER only says that the plain case does not apply: fold() decides. tenures: as for fold().
    """
    if state.mode is not Mode.MOVEMENTS or state.reading is not None:
        return NEVER
    if tenures is not None and len(tenures.all) > 1:
        return NEVER
    return ALWAYS if state.count is None else state.count.at.occurred_at


def add_plain(on_hand: Decimal, quantity: Decimal) -> Decimal:
    """Return on hand after a delta that is counted and was never seen before.

    If it is not zero it is one posting of its own quantity with its own counterpart, and there is no other.
    The version rises by one if on hand has changed after the last delta of a batch; nothing else does.
    """
    return on_hand + quantity
