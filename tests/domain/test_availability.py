"""What a channel may sell: the formula, its terms, and what doubt does to it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inventory_sync.domain.availability import (
    Allotment,
    Fallback,
    LocationTerms,
    OpenDemand,
    PolicyTerms,
    Verdict,
    available,
    free,
    movable_shortage,
)
from tests.domain.oracles import can_all_be_served

POOL = frozenset({"W1", "W2"})
ONLY_W1 = frozenset({"W1"})
PLAIN = PolicyTerms()


def at(place: str, on_hand: int | None, *open_demand: tuple[int, frozenset[str]], **terms) -> LocationTerms:
    """Return a location's terms; numbers become decimals."""
    promised = tuple(OpenDemand(Decimal(q), pool) for q, pool in open_demand)
    exact: dict[str, Any] = {k: Decimal(v) if type(v) is int else v for k, v in terms.items()}
    stock = None if on_hand is None else Decimal(on_hand)
    return LocationTerms(place, stock, open_demand=promised, **exact)


pools = st.frozensets(st.sampled_from(["W1", "W2", "W3"]), min_size=1)
few = st.integers(0, 6)


@st.composite
def places(draw, known=st.just(value=True)):
    return [
        at(
            place,
            draw(st.integers(-2, 30)),
            *[(draw(st.integers(0, 4)), draw(pools) | {place}) for _ in range(draw(st.integers(0, 2)))],
            unavailable=draw(st.integers(0, 2)),
            authority_reserved=draw(st.integers(0, 2)),
            authority_unassigned=draw(st.integers(0, 1)),
            safety_stock=draw(st.integers(0, 2)),
            known=draw(known),
            last_known_free=draw(st.none() | st.integers(-1, 25).map(Decimal)),
        )
        for place in ("W1", "W2", "W3")
    ]


policies = st.builds(
    PolicyTerms,
    share=st.sampled_from([Decimal("0.3"), Decimal("0.5"), Decimal(1)]),
    buffer=few.map(Decimal),
    cap=st.none() | st.integers(0, 40).map(Decimal),
    threshold=st.integers(0, 3).map(Decimal),
    pack=st.sampled_from([Decimal(1), Decimal(2), Decimal("0.25")]),
    fallback=st.sampled_from(Fallback),
    backorder_allowance=st.integers(0, 3).map(Decimal),
    buffer_percent=st.sampled_from([Decimal(0), Decimal(10), Decimal(50)]),
    preorder_allowance=st.integers(0, 2).map(Decimal),
)
allotments = st.lists(
    st.builds(Allotment, st.sampled_from("AB"), few.map(Decimal), few.map(Decimal), st.none() | pools),
    max_size=2,
)


def left_by_cuts(locations, pool) -> Decimal:
    """What the pool can add to all that is promised, by trying every cut of the places."""
    stock, promised = {}, []
    for here in locations:
        rest = here.on_hand - here.unavailable - here.authority_reserved - here.authority_unassigned
        stock[here.location] = max(rest - here.safety_stock, Decimal(0))
        promised += [(d.pool | {here.location}, d.quantity) for d in here.open_demand]

    def cut(inside) -> Decimal:
        owed = [quantity for places, quantity in promised if not places <= inside]
        return sum((stock[place] for place in inside), Decimal(0)) + sum(owed, Decimal(0))

    every = [frozenset(some) for size in range(len(stock) + 1) for some in combinations(stock, size)]
    return min(cut(inside) for inside in every if pool <= inside) - min(map(cut, every))


def by_the_book(locations, policy, pool, fenced, expected) -> Decimal:
    """The formula in one go, in plain arithmetic."""
    stock = missing = stuck = Decimal(0)
    for here in locations:
        owed = sum((d.quantity for d in here.open_demand), Decimal(0))
        rest = here.on_hand - here.unavailable - here.authority_reserved - here.authority_unassigned
        rest -= owed + here.safety_stock
        movable = sum((d.quantity for d in here.open_demand if (d.pool - {here.location}) & pool), Decimal(0))
        part = min(-rest, movable) if rest < 0 else Decimal(0)
        missing += part
        if here.location in pool:
            stock += max(rest, Decimal(0))
            stuck += max(min(-rest, owed) - part, Decimal(0)) if rest < 0 else Decimal(0)
    unused = [(a.channel, max(a.quantity - a.consumed, Decimal(0))) for a in fenced if a.concerns(pool)]
    others = sum((left for name, left in unused if name != "A"), Decimal(0))
    own = sum((left for name, left in unused if name == "A"), Decimal(0))
    served = min(stock, left_by_cuts(locations, pool))
    stuck += max(served - (stock - missing), Decimal(0))  # owed to lines that no stock can serve
    in_pool = served - others
    figure = policy.share * in_pool
    figure -= max(policy.buffer, max(figure, Decimal(0)) * policy.buffer_percent / 100)
    figure = max(figure, min(own, in_pool)) if own else figure
    figure += max(policy.backorder_allowance - stuck, Decimal(0)) + min(policy.preorder_allowance, expected)
    figure = max(figure, Decimal(0))
    figure = figure if policy.cap is None else min(figure, policy.cap)
    figure -= figure % policy.pack
    return figure if figure >= policy.threshold else Decimal(0)


@given(locations=places(), policy=policies, pool=pools, fenced=allotments, expected=few.map(Decimal))
def test_a_known_figure_is_the_formula(locations, policy, pool, fenced, expected):
    answer = available(locations, policy, pool=pool, channel="A", allotments=fenced, expected=expected)

    assert answer.verdict is Verdict.KNOWN
    assert answer.figure == by_the_book(locations, policy, pool, fenced, expected)


@given(
    locations=places(known=st.booleans()),
    policy=policies,
    pool=pools,
    fenced=allotments,
    shown=st.none() | few.map(Decimal),
)
def test_the_terms_add_up_to_the_figure(locations, policy, pool, fenced, shown):
    answer = available(locations, policy, pool=pool, channel="A", allotments=fenced, last_published=shown)

    if answer.figure is None:
        assert answer.steps == ()
    else:
        assert sum(step.amount for step in answer.steps) == answer.figure
        assert answer.figure >= 0


@given(locations=places(known=st.booleans()), policy=policies, pool=pools, shown=few.map(Decimal))
def test_in_doubt_a_figure_never_rises_and_without_any_basis_there_is_none(locations, policy, pool, shown):
    assume(any(not place.is_known for place in locations if place.location in pool))

    answer = available(locations, policy, pool=pool, last_published=shown)

    assert answer.unknown
    assert answer.verdict is not Verdict.KNOWN
    assert answer.figure is None or answer.figure <= shown
    assert available(locations, policy, pool=pool, last_published=None).figure is None


@given(locations=places(), pool=pools, sold=st.integers(1, 3), where=st.integers(0, 2), line_pool=pools)
def test_a_sale_anywhere_never_raises_a_figure_anywhere(locations, pool, sold, where, line_pool):
    before = available(locations, PLAIN, pool=pool)
    here = locations[where]
    sale = OpenDemand(Decimal(sold), line_pool | {here.location})
    locations[where] = replace(here, open_demand=(*here.open_demand, sale))

    after = available(locations, PLAIN, pool=pool)

    assert before.figure is not None
    assert after.figure is not None
    assert after.figure <= before.figure


@given(data=st.data(), stock=st.tuples(few, few, few))
def test_of_two_channels_neither_is_shown_a_unit_the_other_was_promised(data, stock):
    pool_a, pool_b = data.draw(pools), data.draw(pools)
    levels = {place: Decimal(n) for place, n in zip(("W1", "W2", "W3"), stock, strict=True)}
    lines = data.draw(
        st.lists(st.tuples(st.integers(1, 3).map(Decimal), st.sampled_from([pool_a, pool_b])), max_size=4)
    )
    assume(can_all_be_served(lines, levels))
    routed = [(q, p, data.draw(st.sampled_from(sorted(p)))) for q, p in lines]
    terms = [
        at(place, int(levels[place]), *[(int(q), p) for q, p, where in routed if where == place])
        for place in levels
    ]

    figure = available(terms, PLAIN, pool=pool_a).figure

    assert figure is not None
    assert can_all_be_served([*lines, (figure, pool_a)], levels)


# ── unknown is not zero ─────────────────────────────────────────────────────────────────────────────


def unknown(place: str, on_hand: int | None, *demand, last: int | None) -> LocationTerms:
    return at(place, on_hand, *demand, known=False, last_known_free=None if last is None else Decimal(last))


def test_a_location_never_known_yields_no_figure_rather_than_zero():
    never = available([at("W1", None)], PLAIN, pool=ONLY_W1, last_published=Decimal(4))
    unseen = available([], PLAIN, pool=ONLY_W1, last_published=Decimal(4))

    for answer in (never, unseen):
        assert (answer.figure, answer.verdict, answer.unknown) == (None, Verdict.UNKNOWN, ("W1",))


def test_a_missing_mapping_makes_the_figure_unknown():
    answer = available([at("W1", 5)], PLAIN, pool=ONLY_W1, missing=["mapping"])

    assert (answer.figure, answer.unknown) == (None, ("mapping",))


def test_holding_the_last_figure_still_subtracts_new_sales():
    terms = [at("W1", 3, (2, POOL)), unknown("W2", 4, last=4)]

    held = available(terms, PLAIN, pool=POOL, last_published=Decimal(7))

    assert (held.figure, held.verdict) == (5, Verdict.HELD)


def test_while_in_doubt_a_cancellation_raises_nothing_above_what_was_last_free():
    held = available([unknown("W1", 9, last=4)], PLAIN, pool=ONLY_W1, last_published=Decimal(6))

    assert held.figure == 4


def test_shrinking_counts_a_part_of_what_is_in_doubt_and_never_takes_the_last_pack():
    policy = PolicyTerms(fallback=Fallback.SHRINK, shrink_to=Decimal("0.5"))

    much = available([unknown("W1", 8, last=8)], policy, pool=ONLY_W1, last_published=Decimal(8))
    little = available([unknown("W1", 1, last=1)], policy, pool=ONLY_W1, last_published=Decimal(1))

    assert (much.figure, much.verdict) == (4, Verdict.SHRUNK)
    assert little.figure == 1


def test_only_a_declared_stop_shows_zero_in_doubt_and_says_so():
    policy = PolicyTerms(fallback=Fallback.STOP_SELLING)

    stopped = available([unknown("W1", 8, last=8)], policy, pool=ONLY_W1, last_published=Decimal(8))

    assert (stopped.figure, stopped.verdict) == (0, Verdict.STOPPED)


@given(locations=places(), pool=pools)
def test_what_a_pool_shows_can_be_served_together_with_every_promise_whatever_the_chain(locations, pool):
    plain = [
        LocationTerms(here.location, max(here.on_hand, Decimal(0)), open_demand=here.open_demand)
        for here in locations
    ]
    lines = [(d.quantity, d.pool | {here.location}) for here in plain for d in here.open_demand]
    stock = {here.location: here.on_hand or Decimal(0) for here in plain}
    assume(can_all_be_served(lines, stock))

    figure = available(plain, PLAIN, pool=pool).figure

    assert figure is not None
    assert can_all_be_served([*lines, (figure, pool)], stock)


def test_a_shortage_travels_along_a_chain_of_pools():
    """A is short at W1, takes from W2 where B's line stands, which takes from W3: that is not C's."""
    a_pool, b_pool, c_pool = frozenset({"W1", "W2"}), frozenset({"W2", "W3"}), frozenset({"W3"})
    terms = [at("W1", 0, (2, a_pool)), at("W2", 2, (2, b_pool)), at("W3", 3)]

    answer = available(terms, PLAIN, pool=c_pool)

    assert answer.figure == 1
    assert [(step.name, step.amount) for step in answer.steps] == [("on_hand", 3), ("chained_shortage", -2)]


def test_a_shortage_that_no_stock_of_its_pool_can_serve_costs_other_pools_nothing():
    """A line waits at S1 for S1 or W2, both empty. Who sells from W1 and W2 loses nothing of W1."""
    terms = [at("S1", 0, (1, frozenset({"S1", "W2"}))), at("W1", 2), at("W2", 0)]

    answer = available(terms, PLAIN, pool=frozenset({"W1", "W2"}))

    assert answer.figure == 2
    assert ("unserved_shortage", 1) in [(step.name, step.amount) for step in answer.steps]


def test_a_chain_of_four_pools_costs_the_last_no_more_than_what_reaches_it():
    pairs = [frozenset({f"W{n}", f"W{n + 1}"}) for n in (1, 2, 3)]
    terms = [at("W1", 0, (3, pairs[0])), at("W2", 2, (1, pairs[1])), at("W3", 2, (2, pairs[2])), at("W4", 5)]

    # W2 has one left for A and may lend the one of its own line; that line pushes one out of W3.
    assert available(terms, PLAIN, pool=frozenset({"W4"})).figure == 4


def test_a_shortage_that_ends_before_the_pool_costs_it_nothing():
    terms = [at("W1", 0, (2, POOL)), at("W2", 5, (1, frozenset({"W2", "W3"}))), at("W3", 3)]

    assert available(terms, PLAIN, pool=frozenset({"W3"})).figure == 3


# ── allotments and allowances ───────────────────────────────────────────────────────────────────────


def test_what_is_set_aside_for_a_channel_is_its_own_and_nobody_elses():
    fenced = [Allotment("A", Decimal(6), consumed=Decimal(2), pool=ONLY_W1)]
    policy = PolicyTerms(share=Decimal("0.1"))

    mine = available([at("W1", 10)], policy, pool=ONLY_W1, channel="A", allotments=fenced)
    other = available([at("W1", 10)], PLAIN, pool=ONLY_W1, channel="B", allotments=fenced)
    far = available(
        [at("W1", 10), at("W2", 10)], PLAIN, pool=frozenset({"W2"}), channel="B", allotments=fenced
    )

    assert (mine.figure, other.figure, far.figure) == (4, 6, 10)


def test_an_allotment_that_stock_no_longer_covers_promises_no_more_than_there_is():
    fenced = [Allotment("A", Decimal(6))]

    assert available([at("W1", 2)], PLAIN, pool=ONLY_W1, channel="A", allotments=fenced).figure == 2
    assert available([at("W1", 2)], PLAIN, pool=ONLY_W1, channel="B", allotments=fenced).figure == 0


@pytest.mark.parametrize(
    ("why", "buffer", "percent", "figure", "term"),
    [
        ("the percentage keeps back more", 1, 10, 45, "buffer_percent"),
        ("the absolute keeps back more", 8, 10, 42, "buffer"),
        ("neither", 0, 0, 50, "share"),
    ],
)
def test_the_greater_buffer_is_kept_back(why, buffer, percent, figure, term):
    policy = PolicyTerms(share=Decimal("0.5"), buffer=Decimal(buffer), buffer_percent=Decimal(percent))

    answer = available([at("W1", 100)], policy, pool=ONLY_W1)

    assert (answer.figure, answer.steps[-1].name) == (figure, term), why


def test_what_is_expected_is_sold_only_as_far_as_pre_orders_are_declared():
    policy = PolicyTerms(preorder_allowance=Decimal(3))

    sold = [
        available([at("W1", 2)], each, pool=ONLY_W1, expected=Decimal(expected)).figure
        for each, expected in ((PLAIN, 9), (policy, 9), (policy, 1), (policy, 0))
    ]

    assert sold == [2, 5, 3, 2]


# ── terms ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("why", "place", "pool", "shortage"),
    [
        ("nothing short", at("W1", 2, (1, POOL)), POOL, 0),
        ("short, and another place of the pool may serve it", at("W1", 0, (2, POOL)), POOL, 2),
        ("short, but the line may be served nowhere else", at("W1", 0, (2, ONLY_W1)), POOL, 0),
        ("only the movable part", at("W1", 0, (1, POOL), (2, ONLY_W1)), POOL, 1),
        ("outside the pool, served from inside it", at("W1", 0, (2, POOL)), frozenset({"W2"}), 2),
        ("the other place lies outside the pool", at("W1", 0, (2, POOL)), ONLY_W1, 0),
    ],
)
def test_a_shortage_counts_where_its_lines_may_be_served(why, place, pool, shortage):
    assert movable_shortage(place, pool) == shortage


def test_everything_owed_at_a_location_is_taken_off():
    terms = at(
        "W1", 20, (3, POOL), unavailable=2, authority_reserved=4, authority_unassigned=1, safety_stock=5
    )

    assert free(terms) == 5


def test_backorder_allowance_is_used_up_by_what_is_owed():
    policy = PolicyTerms(backorder_allowance=Decimal(5))

    assert available([at("W1", 0)], policy, pool=ONLY_W1).figure == 5
    assert available([at("W1", 0, (3, ONLY_W1))], policy, pool=ONLY_W1).figure == 2


@pytest.mark.parametrize(
    "bad", [{"share": Decimal(2)}, {"pack": Decimal(0)}, {"buffer": Decimal(-1)}, {"shrink_to": Decimal(-1)}]
)
def test_a_policy_out_of_bounds_is_refused(bad):
    with pytest.raises(ValueError, match=r"lie between|positive"):
        PolicyTerms(**bad)
