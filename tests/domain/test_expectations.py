"""What is still to come of an announcement, whatever became known first."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.expectations import Announced, Arrival, Difference, stand
from inventory_sync.domain.external import ExpectationStatus

OPEN, CLOSED, CANCELLED = ExpectationStatus.OPEN, ExpectationStatus.CLOSED, ExpectationStatus.CANCELLED
MUG, PEN = 1, 2


def came(quantity: int, item: int = MUG, **more: object) -> Arrival:
    return Arrival(item, Decimal(quantity), **more)  # type: ignore[arg-type]


def announced(*quantities: int, item: int = MUG) -> list[Announced]:
    return [
        Announced(str(number), item, Decimal(quantity), datetime(2026, 12, number, tzinfo=UTC))
        for number, quantity in enumerate(quantities, start=1)
    ]


def test_what_arrived_fills_the_line_that_is_due_first() -> None:
    found = stand(announced(5, 7), [came(3), came(4)], status=OPEN)

    assert found.arrived == {"1": 5, "2": 2}
    assert found.open == {"1": 0, "2": 5}
    assert (found.differences, found.over) == ((), False)


def test_too_little_is_no_difference_while_more_may_come() -> None:
    lines = announced(12)

    assert stand(lines, [came(11)], status=OPEN).differences == ()
    (short,) = stand(lines, [came(11, final=True)], status=OPEN).differences
    assert short == Difference(MUG, Decimal(12), Decimal(11), Decimal(0), Decimal(0), Decimal(1))
    assert stand(lines, [came(11)], status=CLOSED).differences == (short,)
    assert stand(lines, [came(11)], status=CLOSED).open == {"1": 0}


def test_too_much_and_damage_are_differences_at_once() -> None:
    (over,) = stand(announced(12), [came(13)], status=OPEN).differences
    (broken,) = stand(announced(12), [came(10), came(2, damaged=True)], status=OPEN).differences

    assert (over.over, over.short) == (1, 0)
    assert (broken.received, broken.damaged, broken.over) == (12, 2, 0)


def test_what_arrives_of_a_cancelled_announcement_is_too_much() -> None:
    (found,) = stand(announced(12), [came(2)], status=CANCELLED).differences

    assert (found.expected, found.over) == (0, 2)


def test_an_item_nobody_announced_is_too_much() -> None:
    found = stand(announced(12), [came(12), came(1, PEN)], status=OPEN)

    assert [(each.item, each.over) for each in found.differences] == [(PEN, 1)]


def test_without_an_announcement_the_paper_is_compared_and_without_paper_nothing() -> None:
    (found,) = stand([], [came(11, paper=Decimal(12))], status=None).differences

    assert (found.expected, found.short) == (12, 1)
    assert stand([], [came(11)], status=None).differences == ()


@given(
    st.lists(st.tuples(st.sampled_from([MUG, PEN]), st.integers(0, 20)), max_size=4),
    st.lists(
        st.tuples(st.sampled_from([MUG, PEN]), st.integers(0, 20), st.booleans(), st.booleans()), max_size=4
    ),
    st.sampled_from([OPEN, CLOSED, CANCELLED, None]),
)
def test_the_order_of_arrivals_does_not_matter_and_nothing_is_counted_twice(
    lines: list[tuple[int, int]],
    arrivals: list[tuple[int, int, bool, bool]],
    status: ExpectationStatus | None,
) -> None:
    given_lines = [Announced(str(n), item, Decimal(q)) for n, (item, q) in enumerate(lines)]
    given_arrivals = [came(q, item, damaged=d, final=f) for item, q, d, f in arrivals]

    found = {repr(stand(given_lines, order, status=status)) for order in permutations(given_arrivals)}
    once = stand(given_lines, given_arrivals, status=status)

    assert len(found) == 1
    for line in given_lines:
        assert 0 <= once.arrived[line.line] <= line.quantity
        assert once.open[line.line] in (0, line.quantity - once.arrived[line.line])
    for item in (MUG, PEN):
        came_of_it = sum(each.quantity for each in given_arrivals if each.item == item)
        filled = sum(once.arrived[line.line] for line in given_lines if line.item == item)
        assert filled == min(came_of_it, sum(line.quantity for line in given_lines if line.item == item))
