"""Reports about one item at one location, folded in any order, any number of times, in any batches."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.levels import (
    LevelState,
    MixedKinds,
    Mode,
    PostingKind,
    RefusalReason,
    fold,
    mark_unknown,
    sift,
    state_hash,
)
from inventory_sync.domain.reports import (
    BookFigure,
    BookReading,
    Counterpart,
    LineContained,
    Report,
    figures_in,
    is_after,
)
from tests.domain.books import NOON, SmallLedger, count, delta, figure, minute
from tests.domain.oracles import figure_by_sorting, level_by_sorting

positions = st.builds(minute, st.integers(0, 3), st.none() | st.integers(0, 3))
quantities = st.integers(-5, 5).map(Decimal) | st.decimals(-5, 5, places=3)
deltas = st.builds(
    delta,
    st.sampled_from(["a", "b", "c", "d", "e"]),
    quantities,
    positions,
    revision=st.integers(0, 2),
    counterpart=st.sampled_from(Counterpart),
)
counts = st.builds(count, st.sampled_from(["m", "n", "o"]), st.integers(0, 9), positions)
histories = st.tuples(
    st.lists(deltas, max_size=8, unique_by=lambda d: (d.key, d.revision)),
    st.lists(counts, max_size=3, unique_by=lambda c: c.key),
).map(lambda pair: [*pair[0], *pair[1]])


def shuffled_batches(draw: st.DataObject, reports: list) -> list[list[Report]]:
    """Every report at least once, some twice, in any order, cut anywhere."""
    again = draw.draw(st.lists(st.sampled_from(reports), max_size=4)) if reports else []
    order = draw.draw(st.permutations([*reports, *again]))
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(order)), max_size=5)))
    edges = [0, *cuts, len(order)]
    return [list(order[a:b]) for a, b in itertools.pairwise(edges)]


@given(reports=histories, draw=st.data())
def test_a_level_is_what_sorting_everything_and_adding_up_gives(reports, draw):
    ledger = SmallLedger(Mode.MOVEMENTS)

    for batch in shuffled_batches(draw, reports):
        ledger.record(*batch)

    on_hand, totals = level_by_sorting(reports)
    assert ledger.state.on_hand == on_hand
    assert ledger.totals() == totals


@given(reports=histories, draw=st.data())
def test_two_arrivals_of_the_same_reports_end_in_the_same_state_hash(reports, draw):
    one, other = SmallLedger(Mode.MOVEMENTS), SmallLedger(Mode.MOVEMENTS)

    for batch in shuffled_batches(draw, reports):
        one.record(*batch)
    for batch in shuffled_batches(draw, reports):
        other.record(*batch)

    assert one.hash() == other.hash()


@given(reports=histories, draw=st.data())
def test_postings_sum_to_on_hand_after_every_batch(reports, draw):
    ledger = SmallLedger(Mode.MOVEMENTS)

    for batch in shuffled_batches(draw, reports):
        ledger.record(*batch)

        assert sum(posting.quantity for posting in ledger.postings) == ledger.state.on_hand


@given(
    figures=st.lists(
        st.builds(figure, st.integers(1, 9), quantities, reserved=st.integers(0, 3)),
        max_size=6,
        unique_by=lambda f: f.reading,
    ),
    lines=st.lists(deltas, max_size=4, unique_by=lambda d: (d.key, d.revision)),
    draw=st.data(),
)
def test_a_level_of_figures_is_the_newest_reading_whatever_lines_arrive_around_it(figures, lines, draw):
    ledger = SmallLedger(Mode.FIGURES)

    for batch in shuffled_batches(draw, [*figures, *lines]):
        ledger.record(*batch)

    newest = figure_by_sorting(figures)
    assert ledger.state.on_hand == (newest.quantity if newest else 0)
    assert ledger.state.reserved == (newest.reserved if newest else 0)
    assert ledger.state.known == (newest is not None)
    assert sum(posting.quantity for posting in ledger.postings) == ledger.state.on_hand


@pytest.mark.parametrize(
    ("why", "delta_at", "count_at", "after"),
    [
        ("a later time", minute(2), minute(1), True),
        ("an earlier time", minute(1), minute(2), False),
        ("an earlier time with a larger number", minute(1, 9), minute(2, 1), False),
        ("a tie without numbers is contained", minute(1), minute(1), False),
        ("a tie with a larger number", minute(1, 5), minute(1, 4), True),
        ("a tie with a smaller number", minute(1, 3), minute(1, 4), False),
        ("a tie with the same number", minute(1, 4), minute(1, 4), False),
        ("a tie with only the delta numbered", minute(1, 5), minute(1), False),
        ("a tie with only the count numbered", minute(1), minute(1, 4), False),
    ],
)
def test_what_happened_after_a_count(why, delta_at, count_at, after):
    assert is_after(delta_at, count_at) is after


def test_a_delta_older_than_the_count_is_posted_and_absorbed():
    ledger = SmallLedger(Mode.MOVEMENTS)
    ledger.record(count("stocktake", 7, minute(10)))

    folded = ledger.record(delta("sale", -2, minute(5)))

    assert ledger.state.on_hand == 7
    assert [(p.counterpart, p.quantity, p.kind) for p in folded.postings] == [
        (Counterpart.CUSTOMER, Decimal(-2), PostingKind.DELTA),
        (Counterpart.ADJUSTMENT, Decimal(2), PostingKind.ABSORPTION),
    ]


def test_a_delta_later_than_a_count_that_arrives_after_it_survives_the_count():
    ledger = SmallLedger(Mode.MOVEMENTS)
    ledger.record(delta("opening", 10, minute(0), counterpart=Counterpart.OPENING))
    ledger.record(delta("sale", -2, minute(15)))

    folded = ledger.record(count("stocktake", 9, minute(10)))

    assert ledger.state.on_hand == 7
    assert [(p.quantity, p.kind) for p in folded.postings] == [(Decimal(-1), PostingKind.COUNT)]


def test_a_correction_takes_the_first_statement_back_and_a_late_first_statement_changes_nothing():
    ledger = SmallLedger(Mode.MOVEMENTS)
    first, second = delta("sale", -2, minute(1)), delta("sale", -3, minute(1), revision=1)

    ledger.record(second)
    late = ledger.record(first)

    assert ledger.state.on_hand == -3
    assert late.postings == ()
    ledger = SmallLedger(Mode.MOVEMENTS)
    ledger.record(first)
    corrected = ledger.record(second)
    assert ledger.state.on_hand == -3
    assert [p.kind for p in corrected.postings] == [PostingKind.CORRECTION, PostingKind.DELTA]


def test_a_level_is_unknown_until_a_count_told_the_whole_stock_and_an_opening_balance_tells_nothing():
    ledger = SmallLedger(Mode.MOVEMENTS)

    ledger.record(delta("sale", -1, minute(1)))
    ledger.record(delta("archived", 10, minute(-60), counterpart=Counterpart.OPENING))
    assert ledger.state.on_hand == 9, "the sum is kept"
    assert not ledger.state.known
    ledger.record(delta("archived", 0, minute(-60), counterpart=Counterpart.OPENING, revision=1))

    ledger.record(count("first", 4, minute(0)))
    assert ledger.state.known
    assert ledger.state.on_hand == 3


def test_a_report_from_the_future_and_one_of_the_other_kind_are_refused_and_their_neighbours_pass():
    movements, figures = LevelState(Mode.MOVEMENTS), LevelState(Mode.FIGURES, reading=4, on_hand=Decimal(2))
    allowed = timedelta(minutes=5)
    fine, ahead = delta("fine", -1, minute(4)), delta("ahead", -1, minute(6))

    sifted = sift(movements, [fine, ahead, figure(1, 3)], now=NOON, tolerance=allowed)
    assert sifted.accepted == (fine,)
    assert [refusal.reason for refusal in sifted.refused] == [
        RefusalReason.FUTURE,
        RefusalReason.MIXED_KINDS,
    ]

    sifted = sift(figures, [count("c", 1, minute(0)), figure(4, 3)], now=NOON, tolerance=allowed)
    assert [refusal.reason for refusal in sifted.refused] == [
        RefusalReason.MIXED_KINDS,
        RefusalReason.CONTRADICTION,
    ]


@pytest.mark.parametrize(
    ("mode", "report"), [(Mode.FIGURES, count("c", 1, minute(0))), (Mode.MOVEMENTS, figure(1, 1))]
)
def test_a_report_of_the_other_kind_never_reaches_a_level(mode, report):
    with pytest.raises(MixedKinds):
        fold(LevelState(mode), [report], deltas_after=lambda _: Decimal(0), superseded={})


def test_in_a_complete_reading_an_absent_key_is_zero_and_what_was_not_covered_is_not_mentioned():
    reading = BookReading(7, frozenset({"mug", "cap"}), frozenset({"W1"}), rows={("mug", "W1"): figure(7, 3)})

    figures = figures_in(reading)

    assert {pair: f.quantity for pair, f in figures.items()} == {("mug", "W1"): 3, ("cap", "W1"): 0}
    assert ("bag", "W1") not in figures
    assert figures_in(replace(reading, complete=False)) == {}


def test_a_row_outside_its_reading_is_an_error():
    with pytest.raises(ValueError, match="does not cover bag at W1"):
        BookReading(7, frozenset({"mug"}), frozenset({"W1"}), rows={("bag", "W1"): figure(7, 3)})
    with pytest.raises(ValueError, match="does not cover mug at W1"):
        BookReading(7, frozenset({"mug"}), frozenset({"W1"}), rows={("mug", "W1"): figure(6, 3)})


def test_a_figure_brings_quantity_reserved_and_containment_together_or_not_at_all():
    holds = (LineContained("line", Decimal(2), Decimal(1)),)
    ledger = SmallLedger(Mode.FIGURES)

    newer = ledger.record(BookFigure("r5", 5, Decimal(8), Decimal(2), holds))
    older = ledger.record(BookFigure("r4", 4, Decimal(9), Decimal(0)))

    assert newer.contained == holds
    assert older.contained is None
    assert (ledger.state.on_hand, ledger.state.reserved) == (8, 2)


def test_after_a_fault_only_a_reading_begun_later_makes_a_level_known_again():
    ledger = SmallLedger(Mode.FIGURES)
    ledger.record(figure(3, 5))

    ledger.state = mark_unknown(ledger.state, since_reading=6)
    ledger.record(figure(5, 4))
    assert (ledger.state.on_hand, ledger.state.known) == (4, False)

    ledger.record(figure(7, 4))
    assert ledger.state.known


def test_the_state_hash_sees_meaning_only():
    one = LevelState(Mode.MOVEMENTS, on_hand=Decimal("1.50"), version=3)
    place = ("mug", "W1")

    assert state_hash({place: one}) == state_hash({place: replace(one, on_hand=Decimal("1.5"), version=9)})
    assert state_hash({place: one}) != state_hash({place: replace(one, on_hand=Decimal("1.6"))})
    assert state_hash({place: one}) != state_hash({place: replace(one, known=True)})
