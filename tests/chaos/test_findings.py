"""What the campaigns found and nobody has mended yet: each fails for the reason given, and only for that."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.reservations import Applied, LineSnapshot, OrderSnapshot, OrderVersion, decide

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.xfail(
    strict=True,
    reason="A stamp of the sender's clock decides alone: after the clock was set back, a change is taken for"
    " older, even when the hub itself reads the order later. Stock sleeps; nothing is oversold.",
)
def test_an_order_cancelled_after_the_shops_clock_was_set_back_is_free_once_the_hub_has_read_it() -> None:
    placed = _order(stamp=1_000, reading=0, status=OrderStatus.COMMITTED)
    cancelled = _order(stamp=980, reading=7, status=OrderStatus.CANCELLED)
    first = decide(None, placed, now=NOW)
    assert isinstance(first, Applied)

    later = decide(first.order, cancelled, now=NOW)

    assert isinstance(later, Applied)
    assert later.order.status is OrderStatus.CANCELLED


def _order(*, stamp: int, reading: int, status: OrderStatus) -> OrderSnapshot:
    line = LineSnapshot("1", "MUG", Decimal(2))
    return OrderSnapshot(OrderVersion(stamp, reading), f"{status}", status, (line,))
