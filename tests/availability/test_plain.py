"""The quick way to a figure comes to what the domain says, term by term, over random landscapes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory_sync.availability.desk import Desk, Worked
from inventory_sync.availability.micro import exact
from inventory_sync.availability.ports import (
    Channel,
    Demand,
    Expected,
    ItemFacts,
    Landscape,
    Level,
    Place,
    PolicyFacts,
    Recipe,
    SetAside,
    Stock,
)
from inventory_sync.availability.steps import rows_of, total_of
from inventory_sync.availability.terms import Terms
from inventory_sync.domain.availability import Fallback
from tests.availability.worlds import NOON

SHOPS, PLACES = (1, 2), (11, 12, 13)
MUG, LID, FLOUR, SET, LONE = 21, 22, 23, 31, 32
ITEMS = {
    MUG: ItemFacts(MUG, "MUG"),
    LID: ItemFacts(LID, "LID"),
    FLOUR: ItemFacts(FLOUR, "FLOUR", whole=False),
    SET: ItemFacts(SET, "SET", is_kit=True),
    LONE: ItemFacts(LONE, "LONE", is_kit=True),
}
pools = st.frozensets(st.sampled_from(PLACES), min_size=1)
few = st.integers(0, 4).map(lambda n: n * 1_000_000)
parts = st.integers(0, 9_000_000)  # millionths, so that shares and percentages come out uneven
percent = st.sampled_from([0, 1, 3333, 5000, 10_000])
policies = st.builds(
    PolicyFacts,
    connection_id=st.just(0),
    item_id=st.none(),
    share=percent,
    buffer=st.one_of(st.just(0), parts),
    buffer_percent=percent,
    cap=st.none() | parts,
    threshold=st.one_of(st.just(0), parts),
    safety_stock=st.one_of(st.just(0), parts),
    pack=st.none() | st.sampled_from([1, 250_000, 1_000_000, 6_000_000]),
    fallback=st.sampled_from(Fallback),
    shrink_to=percent,
    backorder_allowance=st.one_of(st.just(0), parts),
    version=st.integers(1, 9),
)


@st.composite
def worlds(draw: st.DrawFn, *, special: bool = True) -> Terms:
    """Three items and two kits at three places, sold by two shops; special: with all that is not plain."""
    rows, owed = [], []
    for item in (MUG, LID, FLOUR):
        for place in PLACES:
            if special and draw(st.integers(0, 9)) == 0:
                continue
            rows.append(
                Level(
                    item,
                    place,
                    draw(st.integers(-2_000_000, 30_000_000)),
                    known=not special or draw(st.integers(0, 9)) > 0,
                    unavailable=draw(few),
                    reserved=draw(few),
                    unassigned=draw(few),
                    last_known_free=draw(st.none() | parts) if special else None,
                    version=draw(st.integers(0, 99)),
                )
            )
    if special:
        line = st.builds(
            Demand, st.sampled_from([MUG, LID, FLOUR]), st.sampled_from(PLACES), st.sampled_from(SHOPS), parts
        )
        owed = draw(st.lists(line, max_size=4))
    declared: dict[tuple[int, int | None], PolicyFacts] = {}
    for shop in SHOPS:
        for item in (None, MUG, SET):
            if draw(st.booleans()):
                declared[shop, item] = draw(policies)
    safety = draw(
        st.dictionaries(
            st.tuples(st.sampled_from([None, MUG, LID]), st.sampled_from(PLACES)), parts, max_size=2
        )
    )
    rare = st.integers(0, 5).map(lambda n: n == 0) if special else st.just(value=False)
    aside: dict[int, list[SetAside]] = {}
    if draw(rare):
        for item in (MUG, SET):
            aside[item] = [SetAside(draw(st.sampled_from(SHOPS)), item, draw(few), draw(few))]
    landscape = Landscape(
        places={
            place: Place(place, f"W{place}", complete=draw(st.booleans()), stale=draw(rare))
            for place in PLACES
        },
        channels={shop: Channel(shop, f"shop-{shop}", draw(pools), draw(pools)) for shop in SHOPS},
        policies=declared,
        safety=safety,
        set_aside=aside,
    )
    soon = [Expected(MUG, PLACES[0], 5_000_000, NOON + timedelta(days=2))]
    return Terms(items=ITEMS, landscape=landscape, stock=Stock(rows, owed), now=NOON, expected=soon)


def both(terms: Terms, pooled: bool) -> list[tuple[Worked, Worked]]:
    recipes = {
        SET: Recipe(SET, ((MUG, 2_000_000), (LID, 1_000_000)), pooled=pooled),
        LONE: Recipe(LONE, ((FLOUR, 1_500_000),), pooled=not pooled),
    }
    desk = Desk(terms, recipes)
    return [
        (
            desk.figure(channel, item, None, mapped=True),
            desk.figure(channel, item, None, mapped=True, plainly=False),
        )
        for channel in terms.landscape.channels.values()
        for item in ITEMS
    ]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), st.booleans())
def test_the_quick_way_and_the_domain_agree_term_by_term(terms: Terms, pooled: bool):
    for quick, slow in both(terms, pooled):
        assert quick[:7] == slow[:7]
        assert _plain_lists(quick) == _plain_lists(slow)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), st.booleans())
def test_the_terms_add_up_to_the_figure_whichever_way(terms: Terms, pooled: bool):
    for quick, _ in both(terms, pooled):
        if quick.figure is not None:
            rows, basis = quick.terms()
            assert total_of(rows_of(rows, basis, policy_version=1)) == exact(quick.figure)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(special=False), st.booleans())
def test_what_is_plain_never_asks_the_domain(terms: Terms, pooled: bool):
    with pytest.MonkeyPatch.context() as patch:

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("the domain was asked for a plain figure")

        patch.setattr("inventory_sync.availability.desk.available", refuse)
        patch.setattr("inventory_sync.availability.desk.available_kits", refuse)
        recipe = Recipe(SET, ((MUG, 2_000_000), (LID, 1_000_000)), pooled=pooled)
        desk = Desk(terms, {SET: recipe})
        for channel in terms.landscape.channels.values():
            for item in (MUG, LID, FLOUR, SET):
                assert desk.figure(channel, item, None, mapped=True).figure is not None


def _plain_lists(worked: Worked) -> tuple[list[list[object]], list[list[object]] | None]:
    rows, basis = worked.terms()
    return [list(row) for row in rows], [list(row) for row in basis] if basis else None


def test_a_quantity_goes_to_millionths_and_back_exactly():
    assert exact(2_500_000) == Decimal("2.5")
    assert exact(-1) == Decimal("-0.000001")
