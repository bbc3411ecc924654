"""Owed figures: the newest wins, nobody starves, one flight at a time, settled when nothing objects."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.lane import (
    Aim,
    InFlight,
    ListingState,
    aim,
    begin,
    is_urgent,
    note_news,
    observe,
    owe,
    pick,
    retry_after,
)
from inventory_sync.domain.sandwich import (
    AlreadyThere,
    Hold,
    HoldReason,
    Outcome,
    Owed,
    PullAgain,
    Report,
    Settled,
    StillOwed,
    Write,
    decide_write,
    note_read,
    settle,
)
from tests.domain.books import NOON
from tests.domain.model_channel import (
    LEASE,
    LONGEST_LIFE,
    SECOND,
    VISIBLE_WITHIN,
)


def after(seconds: float):
    return NOON + timedelta(seconds=seconds)


def owing(figure: int, key: str = "mug", *, seconds: float = 0, shown: int | None = None) -> ListingState:
    listing = ListingState(key, observed=None if shown is None else Decimal(shown))
    return owe(listing, Decimal(figure), 1, now=after(seconds))


def flying(state: ListingState, *, seconds: float = 0) -> ListingState:
    return aim(begin(state, now=after(seconds), lease=LEASE, longest_life=LONGEST_LIFE))


def aim_of(state: ListingState) -> Aim:
    assert state.in_flight is not None
    assert state.in_flight.aim is not None
    return state.in_flight.aim


def reported(state: ListingState, read: int | None, outcome=Outcome.ACCEPTED, *, seconds: float = 1):
    """Report what the flight found, with no order news since its aim."""
    figure = None if read is None else Decimal(read)
    report = Report(state.token, outcome, figure, aim_of(state).news)
    return settle(state, report, now=after(seconds), longest_life=LONGEST_LIFE)


# ── what is owed ────────────────────────────────────────────────────────────────────────────────────


@given(figures=st.lists(st.integers(0, 9), min_size=1, max_size=6), draw=st.data())
def test_the_newest_version_wins_whatever_the_arrival(figures, draw):
    versions = list(enumerate(figures, start=1))
    state = ListingState("mug")

    for version, figure in draw.draw(st.permutations([*versions, *versions[:2]])):
        state = owe(state, Decimal(figure), version, now=NOON)

    assert (state.desired, state.desired_version) == (figures[-1], len(figures))


def test_an_unknown_figure_is_not_owed_and_never_written_as_zero():
    state = owe(owing(5, shown=9), None, 2, now=NOON)

    assert pick([state], 10, now=after(60)) == ()
    assert decide_write(state, visible_within=VISIBLE_WITHIN) == Hold(HoldReason.UNKNOWN)


def test_order_news_unsettles_a_listing_even_if_the_figure_stays():
    settled = reported(flying(owing(4)), 4).state
    assert settled.is_settled

    told = note_news(settled, now=after(5))
    again = owe(told, Decimal(4), 2, now=after(6))

    assert told.dirty_since == after(5)
    assert not again.is_settled


def test_an_unchanged_figure_of_a_settled_listing_costs_no_call():
    settled = reported(flying(owing(4)), 4).state

    assert owe(settled, Decimal(4), 2, now=after(9)).is_settled


def test_a_sweep_that_reads_something_else_makes_the_listing_owed():
    settled = reported(flying(owing(4)), 4).state

    assert observe(settled, Decimal(4), now=after(9)).is_settled
    assert not observe(settled, Decimal(6), now=after(9)).is_settled


@pytest.mark.parametrize(
    ("why", "figure", "shown", "urgent"),
    [
        ("to zero", 0, 3, True),
        ("near zero", 1, 3, True),
        ("to zero, shown unknown", 0, None, True),
        ("zero is shown already", 0, 0, False),
        ("upwards, near zero", 1, 0, False),
        ("plenty", 7, 9, False),
    ],
)
def test_what_is_urgent(why, figure, shown, urgent):
    seen = None if shown is None else Decimal(shown)

    assert is_urgent(Decimal(figure), seen, near_zero=Decimal(1)) is urgent


# ── whose turn it is ────────────────────────────────────────────────────────────────────────────────


@given(waiting=st.integers(1, 20), limit=st.integers(2, 8))
def test_an_endless_stream_of_urgent_figures_starves_nobody(waiting, limit):
    patient = {f"p{n}": owing(9, f"p{n}", seconds=n / 100) for n in range(waiting)}
    calls = 0

    while patient and calls <= 2 * waiting:
        stream = [owing(0, f"u{calls}-{n}", seconds=1, shown=5) for n in range(limit)]
        carried = pick([*patient.values(), *stream], limit, now=after(2), turn=calls)
        calls += 1
        assert len(carried) == limit
        for listing in carried:
            patient.pop(listing.key, None)

    assert not patient
    assert calls <= 2 * waiting / limit + 1


@given(urgent=st.integers(1, 20), limit=st.integers(1, 8))
def test_an_urgent_figure_waits_for_urgent_ones_only(urgent, limit):
    owed = {f"u{n}": owing(0, f"u{n}", seconds=50, shown=5) for n in range(urgent)}
    crowd = [owing(9, f"p{n}", seconds=n / 100) for n in range(100)]
    calls = 0

    while owed and calls <= 2 * urgent + 2:
        for listing in pick([*crowd, *owed.values()], limit, now=after(60), turn=calls):
            owed.pop(listing.key, None)
        calls += 1

    assert not owed
    assert calls <= 2 * urgent / limit + 2


def test_a_listing_in_flight_or_told_to_wait_is_passed_over_until_its_time():
    busy, waiting = flying(owing(3, "busy")), replace(owing(3, "waiting"), run_at=after(30))

    assert pick([busy, waiting], 9, now=after(1)) == ()
    assert [each.key for each in pick([busy, waiting], 9, now=after(30))] == ["busy", "waiting"]


# ── one in flight, fenced ───────────────────────────────────────────────────────────────────────────


def test_a_second_call_is_not_begun_while_a_lease_runs():
    with pytest.raises(InFlight):
        flying(flying(owing(3)), seconds=5)


def test_the_report_of_an_owner_whose_lease_ran_out_settles_nothing():
    old = flying(owing(3))
    new = flying(old, seconds=20)

    late = settle(new, Report(old.token, Outcome.ACCEPTED, Decimal(3), 0), now=after(21), longest_life=SECOND)

    assert late.verdict == StillOwed(Owed.FENCED)
    assert late.state.in_flight == new.in_flight


def test_a_lost_flight_may_still_land_and_keeps_its_key_and_the_listing_owed():
    lost = flying(owing(3))
    again = flying(lost, seconds=20)

    assert aim_of(again).write_key == aim_of(lost).write_key
    assert reported(again, 3, seconds=21).verdict == StillOwed(Owed.AMBIGUOUS)


def test_a_write_without_an_answer_that_reads_as_not_landed_may_have_been_sold_from():
    """3 was read and 4 written, unanswered; it landed, one was sold, 3 is read: nothing may be raised yet."""
    unanswered = reported(flying(owing(4, shown=3)), 3, Outcome.AMBIGUOUS, seconds=1).state

    raised = owe(unanswered, Decimal(6), 2, now=after(2))

    assert isinstance(decided(read(raised, 3, seconds=3).state), PullAgain)


def test_while_a_request_may_land_no_pull_ends_the_wait_for_a_sale_from_it():
    fallen = read(owing(5, shown=5), 4, seconds=1).state
    doubtful = replace(fallen, ambiguous_until=after(300))

    late = read(doubtful, 4, seconds=200, pulled=200).state
    settled_down = read(late, 4, seconds=400, pulled=400).state

    assert late.fall is not None
    assert settled_down.fall is None


def test_a_sale_after_a_write_nobody_read_back_is_a_fall_from_what_it_may_have_shown():
    """0 was read, 4 written and lost; two sales, one of them known: 1 is read, and is no rise from 0."""
    lost = flying(owing(4, shown=0))
    again = begin(lost, now=after(20), lease=LEASE, longest_life=LONGEST_LIFE)
    unread = reported(flying(owing(4, shown=0)), None, Outcome.AMBIGUOUS).state
    for state in (again, unread):
        told = note_news(state, now=after(21), lowered=Decimal(1))

        noted = read(told, 1, seconds=22).state

        assert noted.fall is not None
        assert noted.fall.quantity == 2


# ── the sandwich ────────────────────────────────────────────────────────────────────────────────────


def read(state: ListingState, figure: int, *, seconds: float, pulled: float | None = None):
    return note_read(
        state,
        Decimal(figure),
        now=after(seconds),
        pulled_at=after(seconds if pulled is None else pulled),
        visible_within=VISIBLE_WITHIN,
    )


def decided(state: ListingState):
    return decide_write(state, visible_within=VISIBLE_WITHIN)


@pytest.mark.parametrize(
    ("why", "wanted", "shown", "decision"),
    [
        ("lower", 3, 5, Write(Decimal(3), expected=Decimal(5))),
        ("raise", 7, 5, Write(Decimal(7), expected=Decimal(5))),
        ("equal", 5, 5, AlreadyThere(Decimal(5))),
    ],
)
def test_a_write_is_absolute_and_compares_with_what_was_read_before_the_pull(why, wanted, shown, decision):
    assert decided(read(owing(wanted, shown=shown), shown, seconds=1).state) == decision


def test_a_listing_not_read_in_this_flight_is_not_written():
    assert decided(owing(3)) == Hold(HoldReason.UNREAD)


def test_a_figure_computed_before_the_newest_order_is_not_written():
    told = note_news(read(owing(3, shown=5), 5, seconds=1).state, now=after(2), lowered=Decimal(1))

    assert decided(told) == Hold(HoldReason.STALE)


def test_a_fall_that_orders_explain_holds_nothing_up():
    told = owe(note_news(owing(5, shown=5), now=NOON, lowered=Decimal(1)), Decimal(9), 2, now=NOON)

    assert decided(read(told, 4, seconds=1).state) == Write(Decimal(9), expected=Decimal(4))


def test_an_unexplained_fall_may_fall_further_but_not_rise_until_a_late_pull_finds_nothing():
    fallen = read(owing(5, shown=5), 4, seconds=1).state
    assert decided(fallen) == PullAgain(Decimal(1), after(5))
    assert decided(owe(fallen, Decimal(2), 2, now=after(1))) == Write(Decimal(2), expected=Decimal(4))

    too_soon = read(fallen, 4, seconds=6, pulled=5)
    assert isinstance(decided(too_soon.state), PullAgain)

    late_enough = read(too_soon.state, 4, seconds=7)
    assert late_enough.drift == 1
    assert decided(late_enough.state) == Write(Decimal(5), expected=Decimal(4))


def test_an_order_in_the_figure_written_explains_no_sale_after_the_write():
    ordered = note_news(read(owing(5, shown=5), 5, seconds=1).state, now=after(1), lowered=Decimal(1))
    restocked = owe(ordered, Decimal(9), 2, now=after(1))

    sold = reported(flying(restocked, seconds=1), 8, seconds=2)

    assert sold.state.fall is not None
    assert isinstance(decided(read(sold.state, 8, seconds=3).state), PullAgain)


def test_an_unexplained_fall_is_remembered_across_our_own_lowering_write():
    fallen = owe(read(owing(5, shown=5), 4, seconds=1).state, Decimal(2), 2, now=after(1))

    lowered = reported(flying(fallen, seconds=1), 2, seconds=2)

    assert lowered.verdict == StillOwed(Owed.UNEXPLAINED_FALL)
    raised = owe(lowered.state, Decimal(6), 3, now=after(3))
    assert isinstance(decided(read(raised, 2, seconds=3).state), PullAgain)


def test_a_request_that_lands_late_does_not_explain_a_fall_away():
    fallen = read(owing(5, shown=5), 4, seconds=1).state
    doubtful = replace(fallen, ambiguous_until=after(30))

    assert isinstance(decided(read(doubtful, 5, seconds=2).state), PullAgain)
    assert decided(read(fallen, 5, seconds=2).state) == AlreadyThere(Decimal(5))


@pytest.mark.parametrize(
    ("why", "outcome", "read_after", "verdict"),
    [
        ("shown", Outcome.ACCEPTED, 4, Settled(Decimal(4))),
        ("found there already", Outcome.NOT_SENT, 4, Settled(Decimal(4))),
        ("accepted, but something else is shown", Outcome.ACCEPTED, 5, StillOwed(Owed.READS_OTHERWISE)),
        ("accepted, not read back", Outcome.ACCEPTED, None, StillOwed(Owed.UNREAD)),
        ("refused", Outcome.REFUSED, 5, StillOwed(Owed.REFUSED)),
        ("no answer, though it reads right", Outcome.AMBIGUOUS, 4, StillOwed(Owed.AMBIGUOUS)),
    ],
)
def test_what_settles_a_listing(why, outcome, read_after, verdict):
    settling = reported(flying(owing(4, shown=4)), read_after, outcome)

    assert settling.verdict == verdict
    assert settling.state.is_settled == isinstance(verdict, Settled)


def test_order_news_between_compute_and_settling_keeps_the_listing_owed():
    state = note_news(flying(owing(4)), now=after(1), lowered=Decimal(1))

    settling = settle(
        state,
        Report(state.token, Outcome.ACCEPTED, Decimal(4), state.news),
        now=after(2),
        longest_life=LONGEST_LIFE,
    )

    assert settling.verdict == StillOwed(Owed.ORDER_NEWS)


def test_a_figure_superseded_in_flight_keeps_the_listing_owed():
    state = owe(flying(owing(4)), Decimal(3), 2, now=after(1))

    assert reported(state, 4).verdict == StillOwed(Owed.SUPERSEDED)


def test_after_an_ambiguous_answer_only_the_end_of_the_requests_life_settles():
    ambiguous = reported(flying(owing(4, shown=5)), 4, Outcome.AMBIGUOUS, seconds=1).state

    early = reported(flying(ambiguous, seconds=30), 4, Outcome.NOT_SENT, seconds=30.5)
    assert early.verdict == StillOwed(Owed.AMBIGUOUS)
    looked = read(early.state, 4, seconds=45, pulled=45).state
    assert isinstance(reported(flying(looked, seconds=46), 4, seconds=47).verdict, Settled)


def test_an_answered_write_that_has_to_be_repeated_is_another_write():
    first = flying(owing(4, shown=5))
    second = flying(reported(first, 5).state, seconds=2)

    assert aim_of(second).write_key != aim_of(first).write_key


# ── waiting ─────────────────────────────────────────────────────────────────────────────────────────


@given(attempts=st.integers(0, 1000), jitter=st.floats(0, 1))
def test_the_wait_between_attempts_doubles_up_to_a_cap_and_is_spread(attempts, jitter):
    wait = retry_after(attempts, jitter, base=SECOND, cap=timedelta(minutes=5))

    whole = min(300.0, 2.0 ** max(0, min(attempts - 1, 20)))
    assert whole / 2 <= wait.total_seconds() <= whole
