"""A location that changes its mode: each report belongs to one tenure for good, whenever it arrives."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.levels import Mode, PostingKind
from inventory_sync.domain.modes import Tenures
from inventory_sync.domain.reports import Counterpart
from tests.domain.books import SmallLedger, count, delta, figure, minute
from tests.domain.oracles import level_by_tenures

minutes = st.builds(minute, st.integers(0, 9), st.none() | st.integers(0, 2))
deltas = st.builds(
    delta,
    st.sampled_from("abcd"),
    st.integers(-4, 4),
    minutes,
    revision=st.integers(0, 2),
    counterpart=st.sampled_from([Counterpart.CUSTOMER, Counterpart.VENDOR]),
)
counts = st.builds(count, st.sampled_from(["m", "n", "o"]), st.integers(0, 9), minutes)
figures = st.builds(
    figure, st.integers(1, 12), st.integers(0, 9), reserved=st.integers(0, 3), unavailable=st.integers(0, 2)
)


@st.composite
def lives(draw: st.DrawFn):
    """Draw reports, the changes of mode among them, and two orders of arrival with repetitions."""
    reports = [
        *draw(st.lists(deltas, max_size=6, unique_by=lambda each: (each.key, each.revision))),
        *draw(st.lists(counts, max_size=3, unique_by=lambda each: each.key)),
        *draw(st.lists(figures, max_size=4, unique_by=lambda each: each.reading)),
    ]
    first = draw(st.sampled_from(Mode))
    dates = sorted(draw(st.sets(st.integers(1, 9), max_size=3)))
    readings = sorted(draw(st.lists(st.integers(0, 12), min_size=len(dates), max_size=len(dates))))
    changes = [
        (at, reading, draw(st.sampled_from(Mode))) for at, reading in zip(dates, readings, strict=True)
    ]
    arrivals = []
    for _ in range(2):
        order = draw(
            st.permutations(
                [*reports, *draw(st.lists(st.sampled_from(reports), max_size=3))] if reports else []
            )
        )
        places = sorted(draw(st.lists(st.integers(0, len(order)), min_size=len(dates), max_size=len(dates))))
        arrivals.append((list(order), places))
    return first, reports, changes, arrivals


def lived(first, changes, arrival) -> SmallLedger:
    """Play one arrival: changes come in their own order, each after so many reports."""
    order, places = arrival
    ledger = SmallLedger(first)
    done = 0
    for place, (at, reading, mode) in zip(places, changes, strict=True):
        for report in order[done:place]:
            ledger.offer(report)
        done = place
        ledger.change(mode, at=minute(at), after_reading=reading)
    ledger.offer(*order[done:])
    return ledger


@given(lives())
def test_through_changes_of_mode_a_level_is_what_going_through_its_tenures_gives(life):
    first, reports, changes, arrivals = life
    tenures = [(first.value, float("-inf"), 0), *((mode.value, at, above) for at, above, mode in changes)]
    on_hand, known, reserved, moved = level_by_tenures(reports, tenures)

    for arrival in arrivals:
        ledger = lived(first, changes, arrival)

        state = ledger.state
        assert (state.on_hand, state.known, state.reserved) == (on_hand, known, reserved)
        assert sum(posting.quantity for posting in ledger.postings) == on_hand
        happened = ledger.totals()
        happened.pop(Counterpart.ADJUSTMENT, None)
        assert sum(happened.values()) == moved


@given(lives())
def test_two_arrivals_of_the_same_life_have_one_state_hash(life):
    first, _, changes, arrivals = life

    hashes = {lived(first, changes, arrival).hash() for arrival in arrivals}

    assert len(hashes) == 1


def test_a_change_of_mode_makes_a_level_unknown_until_the_new_mode_tells_the_whole_stock():
    ledger = SmallLedger(Mode.MOVEMENTS)
    ledger.record(count("stocktake", 7, minute(0)))

    ledger.change(Mode.FIGURES, at=minute(5), after_reading=10)
    assert (ledger.state.on_hand, ledger.state.known) == (7, False)

    ledger.offer(figure(10, 9))
    assert (ledger.state.on_hand, ledger.state.known) == (7, False), "begun before the change"
    ledger.offer(figure(11, 6))
    assert (ledger.state.on_hand, ledger.state.known) == (6, True)


def test_what_belongs_to_an_older_period_is_posted_and_absorbed_once_the_new_one_was_told():
    ledger = SmallLedger(Mode.MOVEMENTS)
    ledger.record(count("stocktake", 7, minute(0)))
    ledger.change(Mode.FIGURES, at=minute(5), after_reading=10)

    ledger.offer(delta("late sale", -2, minute(4)))
    assert ledger.state.on_hand == 5, "nothing of the new tenure contains it yet"
    ledger.offer(figure(11, 6))
    folded = ledger.offer(delta("later sale", -1, minute(4)))

    assert ledger.state.on_hand == 6
    assert [posting.kind for posting in folded.postings] == [PostingKind.DELTA, PostingKind.ABSORPTION]


def test_a_figure_of_the_old_period_that_arrives_late_leaves_the_count_of_the_new_one_alone():
    ledger = SmallLedger(Mode.FIGURES)
    ledger.record(figure(1, 7, reserved=2))
    ledger.change(Mode.MOVEMENTS, at=minute(5), after_reading=3)
    ledger.offer(count("stocktake", 4, minute(6)))

    ledger.offer(figure(2, 9, reserved=1))

    state = ledger.state
    assert (state.on_hand, state.reserved, state.known) == (4, 0, True)


def test_a_report_foreign_to_its_period_is_refused_and_accepted_once_its_period_is_declared():
    ledger = SmallLedger(Mode.MOVEMENTS)
    ledger.record(count("stocktake", 7, minute(0)))

    ledger.offer(figure(4, 5))
    assert ledger.state.on_hand == 7
    assert len(ledger.parked) == 1

    ledger.change(Mode.FIGURES, at=minute(1), after_reading=3)
    assert ledger.parked == []
    assert (ledger.state.on_hand, ledger.state.known) == (5, True)


def test_tenures_begin_each_later_than_the_one_before():
    one = Tenures.only(Mode.MOVEMENTS)
    two = one.begun(Mode.FIGURES, at=minute(5).occurred_at, after_reading=3)

    assert [two.at(minute(number).occurred_at) for number in (4, 5, 6)] == [0, 1, 1]
    assert [two.of_reading(number) for number in (1, 3, 4)] == [0, 0, 1]
    with pytest.raises(ValueError, match="begins later"):
        two.begun(Mode.MOVEMENTS, at=minute(5).occurred_at, after_reading=9)
    with pytest.raises(ValueError, match="begins later"):
        two.begun(Mode.MOVEMENTS, at=minute(6).occurred_at, after_reading=2)
    with pytest.raises(ValueError, match="from the beginning"):
        Tenures(two.all[1:])


def test_the_state_hash_sees_every_fact_of_a_figure():
    hashes = set()
    plain, one = figure(1, 5), Decimal(1)
    for told in (
        plain,
        replace(plain, reserved=one),
        replace(plain, unassigned=one),
        replace(plain, unavailable=one),
    ):
        ledger = SmallLedger(Mode.FIGURES)
        ledger.record(told)
        hashes.add(ledger.hash())

    assert len(hashes) == 4
