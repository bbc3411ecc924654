"""Which one step is missing between the copy that is wanted and the one that was read."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inventory_sync.domain.commands import CopyLine, CopySeen, CopyState, OrderCopy, SeenLine
from inventory_sync.domain.copies import Equal, Refuse, Step, decide, difference


def wanted(quantity: int, *, cancelled: bool = False) -> OrderCopy:
    line = CopyLine("1", "product:7", Decimal(quantity))
    return OrderCopy("shop", "482", "warehouse:1", "482", (line,), cancelled=cancelled)


def seen(state: CopyState, ordered: int, *, left: int = 0, about_to: int = 0) -> CopySeen:
    line = SeenLine("1", "product:7", Decimal(ordered), Decimal(about_to), Decimal(left))
    return CopySeen(state, "S00042", (line,))


def step(copy: OrderCopy, at_target: CopySeen) -> object:
    return decide(copy, at_target, known=True, may_revive=False)


def test_money_given_back_for_what_has_left_takes_nothing_back() -> None:
    all_left = seen(CopyState.DONE, 3, left=3)

    assert step(wanted(2), all_left) == Equal()
    assert step(wanted(0, cancelled=True), all_left) == Equal()


@pytest.mark.parametrize(
    ("quantity", "needed"), [(4, Step.WRITE), (3, Equal()), (2, Step.WRITE), (1, Step.WRITE)]
)
def test_a_line_of_which_a_part_has_left_goes_down_to_that_part(quantity: int, needed: object) -> None:
    part_left = seen(CopyState.CONFIRMED, 3, left=2, about_to=1)

    assert step(wanted(quantity), part_left) == needed


def test_lowered_to_what_has_left_it_is_as_wanted() -> None:
    assert step(wanted(1), seen(CopyState.CONFIRMED, 2, left=2)) == Equal()
    assert "wanted 2, has 3" in difference(wanted(1), seen(CopyState.CONFIRMED, 3, left=2, about_to=1))


@pytest.mark.parametrize("state", [CopyState.CANCELLED, CopyState.ABSENT])
def test_what_people_ended_there_is_not_made_again_before_a_person_asks_for_it(state: CopyState) -> None:
    gone = CopySeen(state, "S00042")

    assert isinstance(step(wanted(3), gone), Refuse)
    assert decide(wanted(3), gone, known=True, may_revive=True) is Step.WRITE


def test_what_is_about_to_leave_is_cancelled_with_its_order() -> None:
    copy = wanted(0, cancelled=True)

    assert step(copy, seen(CopyState.CONFIRMED, 3, left=2, about_to=1)) is Step.CANCEL
    assert step(copy, seen(CopyState.CONFIRMED, 3, left=3)) == Equal()
