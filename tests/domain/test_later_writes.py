"""A write that the channel accepts now and applies later: what its end says of the next reading."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from inventory_sync.domain.lane import Aim, ListingState, Pending
from inventory_sync.domain.sandwich import End, PullAgain, decide_write, note_end, note_read
from tests.factories import NOON

LIFE = timedelta(seconds=60)
VISIBLE = timedelta(seconds=10)


def pending(figure: int, *, read: int, lowered: int = 0) -> ListingState:
    """A listing that wants one more than was sent, last read as `read`; orders known since lowered it."""
    aim = Aim(Decimal(figure), version=1, news=1, write_key="mug:1")
    return ListingState(
        "mug", desired=Decimal(figure + 1), desired_version=2, desired_news=1, news=1, observed=Decimal(read),
        lowered=Decimal(lowered), pending=Pending("job-1", aim, NOON + LIFE),
    )  # fmt: skip


@pytest.mark.parametrize("end", [End.APPLIED, End.LOST])
def test_an_order_known_before_the_write_was_seen_to_land_explains_no_sale_after_it(end: End) -> None:
    state = note_end(pending(4, read=5, lowered=1), end, now=NOON, longest_life=LIFE)

    noted = note_read(state, Decimal(3), now=NOON, pulled_at=NOON, visible_within=VISIBLE)

    assert noted.state.fall is not None
    assert noted.state.fall.quantity == 1
    assert isinstance(decide_write(noted.state, visible_within=VISIBLE), PullAgain)


def test_a_refused_write_leaves_the_reading_before_it_and_what_orders_lowered_since() -> None:
    state = note_end(pending(4, read=5, lowered=1), End.REFUSED, now=NOON, longest_life=LIFE)

    noted = note_read(state, Decimal(4), now=NOON, pulled_at=NOON, visible_within=VISIBLE)

    assert noted.state.fall is None


def test_a_write_that_was_applied_and_reads_as_written_leaves_nothing_to_explain() -> None:
    state = note_end(pending(4, read=5), End.APPLIED, now=NOON, longest_life=LIFE)

    noted = note_read(state, Decimal(4), now=NOON, pulled_at=NOON, visible_within=VISIBLE)

    assert (noted.state.fall, noted.drift) == (None, 0)
