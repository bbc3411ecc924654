"""Who does not answer is asked ever more rarely, by one call at a time, and is believed when it answers."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.breaker import Breaker, Phase, Rules, answered, begin, failed, wait
from tests.domain.books import NOON

RULES = Rules()
EVEN = 1.0


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def opened(at: datetime = NOON) -> Breaker:
    breaker = Breaker()
    for _ in range(RULES.in_a_row):
        breaker = failed(breaker, at, RULES, EVEN)
    return breaker


def test_one_failure_opens_nothing_and_an_answer_forgets_it_in_a_while() -> None:
    once = failed(Breaker(), NOON, RULES, EVEN)

    assert once.phase is Phase.CLOSED
    assert not answered(once, after(61), RULES).remembers


def test_a_clock_that_is_set_back_does_not_keep_it_open_for_hours() -> None:
    breaker = opened(after(3 * 3600))

    assert wait(breaker, after(3 * 3600)) > timedelta()
    assert wait(breaker, NOON) == timedelta()


def test_failures_in_a_row_open_it() -> None:
    breaker = Breaker()
    for number in range(RULES.in_a_row):
        assert breaker.phase is Phase.CLOSED
        breaker = failed(breaker, after(number), RULES, EVEN)

    assert breaker.phase is Phase.OPEN


def test_a_connection_that_fails_every_other_call_is_opened_too() -> None:
    breaker, calls = Breaker(), 0
    while breaker.phase is Phase.CLOSED:
        breaker = failed(answered(breaker, NOON, RULES), NOON, RULES, EVEN)
        calls += 2
        assert calls < 50

    assert breaker.failures < RULES.in_a_row


def test_failures_that_are_rare_open_nothing() -> None:
    breaker = Breaker()
    for number in range(300):
        breaker = failed(breaker, after(number), RULES, EVEN)
        for _ in range(3):
            breaker = answered(breaker, after(number), RULES)

    assert breaker.phase is Phase.CLOSED


def test_only_one_probe_goes_and_a_lost_one_is_replaced() -> None:
    breaker = opened()
    due = NOON + wait(breaker, NOON)

    probing = begin(breaker, due, RULES)

    assert probing.phase is Phase.HALF_OPEN
    assert wait(probing, due) == RULES.probe
    assert wait(probing, due + RULES.probe) == timedelta()


def test_an_answered_probe_closes_it_and_a_failed_one_doubles_the_wait_up_to_its_limit() -> None:
    breaker, waits, now = opened(), [], NOON
    for _ in range(7):
        waits.append(wait(breaker, now).total_seconds())
        now += wait(breaker, now)
        breaker = failed(begin(breaker, now, RULES), now, RULES, EVEN)

    assert waits == [2, 4, 8, 16, 32, 60, 60]
    closed = answered(begin(breaker, now, RULES), now, RULES)
    assert closed.phase is Phase.CLOSED
    assert not closed.remembers


def test_it_says_since_when_nothing_answers_however_often_it_was_probed() -> None:
    breaker = opened()
    for minute in range(1, 5):
        breaker = failed(begin(breaker, after(60 * minute), RULES), after(60 * minute), RULES, EVEN)

    assert breaker.since == NOON


def test_one_that_opens_again_soon_goes_on_doubling_and_one_that_was_well_begins_anew() -> None:
    closed = answered(begin(opened(), after(2), RULES), after(2), RULES)

    def again(at: datetime) -> timedelta:
        breaker = closed
        for _ in range(RULES.in_a_row):
            breaker = failed(breaker, at, RULES, EVEN)
        return wait(breaker, at)

    assert again(after(10)) == timedelta(seconds=4)
    assert again(after(400)) == timedelta(seconds=2)


@pytest.mark.parametrize(
    "tell", [lambda b: answered(b, after(1), RULES), lambda b: failed(b, after(1), RULES, 1)]
)
def test_what_was_asked_before_it_opened_proves_nothing(tell) -> None:
    assert tell(opened()) == opened()


@given(chance=st.floats(0, 1), openings=st.integers(0, 10_000))
def test_chance_only_shortens_the_wait_and_by_half_at_most(chance: float, openings: int) -> None:
    half_open = Breaker(Phase.HALF_OPEN, openings=openings, since=NOON)

    longest = wait(failed(half_open, NOON, RULES, 1.0), NOON)
    spread = wait(failed(half_open, NOON, RULES, chance), NOON)

    assert longest / 2 <= spread <= longest <= RULES.longest
