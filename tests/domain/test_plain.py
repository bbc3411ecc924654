"""The plain case says nothing that the fold does not say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.levels import LevelState, Mode, PostingKind, fold
from inventory_sync.domain.modes import Tenure, Tenures
from inventory_sync.domain.plain import NEVER, add_plain, counts_later_than
from inventory_sync.domain.reports import ZERO, Count, Counterpart, Delta, Position

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

moments = st.integers(-3, 6).map(lambda minute: START + timedelta(minutes=minute))
sequences = st.none() | st.integers(0, 3)
quantities = st.decimals(-50, 50, places=2)
counts = st.builds(Count, st.just("count"), quantities, st.builds(Position, moments, sequences))
states = st.builds(
    LevelState,
    mode=st.sampled_from(Mode),
    on_hand=quantities,
    known=st.booleans(),
    version=st.integers(0, 3),
    count=st.none() | counts,
    reading=st.none() | st.integers(1, 9),
    reserved=st.sampled_from([ZERO, Decimal(2)]),
    unknown_since=st.none() | st.integers(1, 9),
)
batches = st.lists(
    st.tuples(quantities, st.builds(Position, moments, sequences), st.sampled_from(Counterpart)), max_size=6
)


@given(states, batches, st.booleans())
def test_whatever_is_plain_folds_to_the_sum_and_posts_itself(state, batch, changed_its_mode):
    if changed_its_mode:
        past = Mode.FIGURES if state.mode is Mode.MOVEMENTS else Mode.MOVEMENTS
        tenures = Tenures((Tenure(past), Tenure(state.mode, START, 5)))
    else:
        tenures = Tenures.only(state.mode)
    later_than = counts_later_than(state, tenures)
    deltas = [
        Delta(f"d{number}", 0, quantity, at, counterpart)
        for number, (quantity, at, counterpart) in enumerate(batch)
        if at.occurred_at > later_than
    ]

    folded = fold(state, deltas, deltas_after=_not_asked, superseded={}, tenures=tenures)

    on_hand = reduce(add_plain, (delta.quantity for delta in deltas), state.on_hand)
    version = state.version + (on_hand != state.on_hand)
    assert folded.state == replace(state, on_hand=on_hand, version=version)
    assert [(each.key, each.quantity, each.counterpart, each.kind) for each in folded.postings] == [
        (delta.key, delta.quantity, delta.counterpart, PostingKind.DELTA)
        for delta in deltas
        if delta.quantity
    ]
    assert folded.contained is None
    assert folded.read_again is False


@given(states, st.builds(Position, moments, sequences))
def test_a_level_that_changed_its_mode_or_rests_on_a_figure_is_never_plain(state, at):
    tenures = Tenures((Tenure(Mode.FIGURES), Tenure(Mode.MOVEMENTS, START, 5)))

    assert counts_later_than(state, tenures) == NEVER
    assert counts_later_than(replace(state, mode=Mode.FIGURES)) == NEVER
    assert counts_later_than(replace(state, reading=3)) == NEVER


def _not_asked(position: Position) -> Decimal:
    raise AssertionError(f"asked for the deltas after {position}, though nothing new rules")
