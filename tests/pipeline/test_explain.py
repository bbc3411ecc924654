"""Every figure explains itself: now and at any past instant its terms add up, and so do their documents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_sync.availability.services import change_policy
from inventory_sync.catalog.authorities import assign_authority, change_mode
from inventory_sync.catalog.models import ItemMapping
from inventory_sync.catalog.recipes import set_components
from inventory_sync.catalog.services import Effect
from inventory_sync.console.effects import act_on
from inventory_sync.domain.errors import BeforeRecords
from inventory_sync.domain.external import OrderStatus
from inventory_sync.pipeline.explain import (
    explain_channel,
    explain_figure,
    explain_item,
    explain_location,
    explain_place,
)
from inventory_sync.pipeline.explain.types import FigureExplained, PlaceExplained, Term
from tests import factories as make
from tests.pipeline.stories import Story

pytestmark = pytest.mark.django_db
ZERO = Decimal(0)


def sum_of(terms: tuple[Term, ...]) -> Decimal:
    return sum((term.quantity for term in terms), ZERO)


def every_term(terms: tuple[Term, ...]) -> Iterator[Term]:
    for term in terms:
        yield term
        yield from every_term(term.basis)


def check_that_it_adds_up(found: FigureExplained | PlaceExplained) -> None:
    """Σ terms = figure, running totals agree, and documents that have a part add up to their term."""
    whole = found.figure if isinstance(found, FigureExplained) else found.free
    if whole is not None:
        assert sum_of(found.terms) == whole
        assert not found.terms or found.terms[-1].total == whole
    for term in every_term(found.terms):
        parts = [each.quantity for each in term.documents if each.quantity is not None]
        if parts:
            assert sum(parts) == term.quantity, term


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["count", "receipt", "sale", "order", "cancel", "policy", "doubt", "late"]),
        st.sampled_from(["ST-1", "ST-2"]),
        st.integers(min_value=1, max_value=9),
    ),
    min_size=1,
    max_size=14,
)


@settings(max_examples=8)
@given(actions=ACTIONS)
def test_the_terms_add_up_now_and_at_every_instant_there_ever_was(
    actions: list[tuple[str, str, int]],
) -> None:
    with transaction.atomic():
        live_through(actions)
        transaction.set_rollback(True)


def live_through(actions: list[tuple[str, str, int]]) -> None:
    story = Story()
    story.item("MUG")
    story.item("LID")
    story.kit("SET", {"MUG": 2, "LID": 1})
    for store in story.stores:
        story.count("MUG", 20, store)
        story.count("LID", 6, store)
    seen: list[tuple[datetime, dict[tuple[str, str], Decimal | None], dict[str, Decimal | None]]] = []
    orders = 0
    for kind, store, number in [("count", "ST-1", 9), *actions]:
        story.wait()
        match kind:
            case "count":
                story.count("MUG", number, store)
            case "receipt":
                story.move("MUG", number, store)
            case "sale":
                story.move("LID", -number, store)
            case "late":
                story.move("MUG", -number, store, ago=2)
            case "order":
                orders += 1
                story.order(str(orders), "SET" if number % 2 else "MUG", number)
            case "cancel" if orders:
                story.order(str(orders), "MUG", number, stamp=9, status=OrderStatus.CANCELLED)
            case "policy":
                values = {"buffer": Decimal(number), "share_percent": Decimal(100 - 5 * number)}
                change_policy(
                    connection=story.shop,
                    item=None,
                    values=values,
                    actor="tests",
                    reason="try",
                    now=story.now,
                )
            case "doubt":
                story.doubt("MUG", store)
        figures = story.compute()
        places = {
            code: explain_place(item=story.items["MUG"], location=row).on_hand
            for code, row in story.stores.items()
        }
        seen.append((story.now, figures, places))

    for (channel, sku), figure in story.figures().items():
        now = explain_figure(connection=getattr(story, channel), item=story.items[sku])
        assert now is not None
        assert now.figure == figure
        check_that_it_adds_up(now)
    for row in story.stores.values():
        check_that_it_adds_up(explain_place(item=story.items["MUG"], location=row))

    for moment, figures, places in seen:
        for (channel, sku), figure in figures.items():
            then = explain_figure(
                connection=getattr(story, channel),
                item=story.items[sku],
                moment=moment + timedelta(seconds=30),
            )
            assert then is not None
            assert then.figure == figure
            check_that_it_adds_up(then)
            assert not any(each.kind == "newer" for term in every_term(then.terms) for each in term.documents)
        for code, on_hand in places.items():
            found = explain_place(item=story.items["MUG"], location=story.stores[code], moment=moment)
            check_that_it_adds_up(found)
            if on_hand is not None:
                assert found.on_hand == on_hand


def test_a_past_figure_names_the_orders_of_then_and_not_those_of_now() -> None:
    story = Story()
    story.item("MUG")
    story.count("MUG", 10)
    story.count("MUG", 0, "ST-2")
    story.wait()
    story.order("1", "MUG", 3)
    story.compute()
    then = story.wait()
    story.order("1", "MUG", 3, stamp=2, status=OrderStatus.CANCELLED)
    story.order("2", "MUG", 4)
    story.compute()

    past = explain_figure(connection=story.shop, item=story.items["MUG"], moment=then - timedelta(seconds=1))
    now = explain_figure(connection=story.shop, item=story.items["MUG"])

    assert past is not None
    assert now is not None
    assert (past.figure, now.figure) == (7, 6)
    lines = {
        when: [each.title for term in found.terms for each in term.documents if each.kind == "order_line"]
        for when, found in (("then", past), ("now", now))
    }
    assert lines == {"then": ["shop order #1, line 1"], "now": ["shop order #2, line 1"]}


def test_what_was_known_then_and_what_truly_stood_are_told_apart() -> None:
    """A receipt reported an hour late was not known at noon, and was there all the same."""
    story = Story()
    story.item("MUG")
    story.count("MUG", 10, ago=120)
    noon = story.now
    story.wait(60)
    story.move("MUG", 5, ago=90)

    found = explain_place(item=story.items["MUG"], location=story.stores["ST-1"], moment=noon)

    assert (found.on_hand, found.stood, found.stood_known) == (10, 15, True)


def test_what_stood_before_the_first_count_is_reckoned_back_from_it() -> None:
    story = Story()
    story.item("MUG")
    before = story.wait()
    story.wait(10)
    story.move("MUG", -2)
    story.wait()
    story.count("MUG", 8)

    found = explain_place(item=story.items["MUG"], location=story.stores["ST-1"], moment=before)

    assert (found.stood, found.stood_by) == (10, "count")
    assert found.on_hand is None


def test_a_place_that_changed_its_mode_stands_by_the_reports_of_each_time() -> None:
    """It was counted at first; later its authority's books were read."""
    story = Story()
    mug, place = story.item("MUG"), story.stores["ST-1"]
    story.count("MUG", 10)
    counted = story.wait()
    act_on(
        change_mode(
            place, "figures", at=story.wait(), after_reading=5, actor="tests", reason="Odoo takes over."
        ),
        now=story.now,
    )
    story.wait()
    story.read("MUG", 7, reading=6)

    then = explain_place(item=mug, location=place, moment=counted)
    now = explain_place(item=mug, location=place, moment=story.now)

    assert (then.stood, then.stood_by) == (10, "count")
    assert (now.stood, now.stood_by, now.on_hand) == (7, "figure", 7)
    assert then.place.ruling is not None
    assert now.place.ruling is not None
    assert (then.place.ruling.kind, now.place.ruling.kind) == ("count", "reading")


def test_the_channel_is_shown_with_what_it_was_told_at_that_instant() -> None:
    story = Story()
    story.item("MUG")
    story.count("MUG", 10)
    story.count("MUG", 0, "ST-2")
    story.compute()
    story.push("MUG", 10)
    first = story.wait()
    story.steps += 1
    story.push("MUG", 7, read=7)

    then = explain_figure(connection=story.shop, item=story.items["MUG"], moment=first - timedelta(seconds=1))
    now = explain_figure(connection=story.shop, item=story.items["MUG"])

    assert then is not None
    assert now is not None
    assert [(told.wrote, told.shown, told.at) for told in then.told] == [
        (10, 10, first - timedelta(minutes=1))
    ]
    assert [(told.wrote, told.shown, told.at) for told in now.told] == [(7, 7, first)]
    assert now.told[0].write_id != then.told[0].write_id


@pytest.mark.parametrize(("pieces", "left_over"), [(1, 0), (4, 2), (12, 10)])
def test_what_fills_no_pack_of_a_listing_is_said_beside_what_it_shows(pieces: int, left_over: int) -> None:
    story = Story()
    mug = story.item("MUG")
    make.change(ItemMapping.objects.get(connection=story.shop, item=mug), numerator=pieces)
    story.count("MUG", 10)
    story.count("MUG", 0, "ST-2")
    story.compute()
    story.push("MUG", 10 // pieces)

    explained = explain_figure(connection=story.shop, item=mug)

    assert explained is not None
    [told] = explained.told
    assert (told.wrote, told.left_over) == (10 // pieces, left_over)


def test_the_authority_is_the_one_of_that_instant() -> None:
    story = Story()
    mug, place = story.item("MUG"), story.stores["ST-1"]
    story.count("MUG", 10)
    before = story.now
    assign_authority(
        place,
        make.make_till("other"),
        at=story.wait(),
        continues=True,
        actor="tests",
        reason="The store has a new till.",
    )

    then = explain_place(item=mug, location=place, moment=before)
    now = explain_place(item=mug, location=place)

    assert (then.place.authority, now.place.authority) == ("till", "other")


def test_the_limiting_component_of_a_kit_is_named() -> None:
    story = Story()
    story.item("MUG")
    story.item("LID")
    story.kit("SET", {"MUG": 2, "LID": 1})
    for sku, quantity in (("MUG", 20), ("LID", 3)):
        story.count(sku, quantity)
        story.count(sku, 0, "ST-2")
    story.compute()

    found = explain_figure(connection=story.shop, item=story.items["SET"])

    assert found is not None
    assert found.figure == 3
    assert found.why_not_higher[0] == "LID is the limit at ST-1: 3 free there, one kit takes 1."


def test_a_past_kit_is_explained_by_the_recipe_of_then() -> None:
    story = Story()
    mug = story.item("MUG")
    kit = story.kit("SET", {"MUG": 1})
    story.count("MUG", 12)
    story.count("MUG", 0, "ST-2")
    for takes in (2, 3):
        needs = {mug.pk: Decimal(takes)}
        set_components(kit, needs, actor="tests", reason="Another box.", now=story.now)
        act_on(Effect(items=frozenset({kit.pk})), now=story.now)
        story.compute()
        story.wait()

    past = explain_figure(connection=story.shop, item=kit, moment=story.now - timedelta(seconds=90))
    now = explain_figure(connection=story.shop, item=kit)

    assert past is not None
    assert now is not None
    assert (past.figure, past.why_not_higher[0]) == (
        6,
        "MUG is the limit at ST-1: 12 free there, one kit takes 2.",
    )
    assert (now.figure, now.why_not_higher[0]) == (
        4,
        "MUG is the limit at ST-1: 12 free there, one kit takes 3.",
    )


def test_an_unknown_location_is_named_and_nothing_is_shown_as_zero() -> None:
    story = Story()
    story.item("MUG")
    story.count("MUG", 10)
    story.compute()

    found = explain_figure(connection=story.shop, item=story.items["MUG"])

    assert found is not None
    assert found.figure is None
    assert found.why_not_higher == (
        "ST-2 is unknown: no count or reading has ever covered the item there.",
        "Nothing is published: what is not known is never shown as 0.",
    )


def test_an_instant_before_the_first_record_is_refused_by_name() -> None:
    story = Story()
    story.item("MUG")
    story.wait()
    story.count("MUG", 10)
    story.compute()

    with pytest.raises(BeforeRecords, match="MUG"):
        explain_figure(connection=story.shop, item=story.items["MUG"], moment=make.NOON)
    with pytest.raises(BeforeRecords, match=story.now.isoformat()[:16]):
        explain_item(item=story.items["MUG"], moment=make.NOON)


def test_an_item_a_place_and_a_channel_are_explained_as_a_whole() -> None:
    story = Story()
    story.item("MUG")
    story.count("MUG", 10)
    story.move("MUG", -12)
    story.compute()

    item = explain_item(item=story.items["MUG"])
    place = explain_location(location=story.stores["ST-1"])
    channel = explain_channel(connection=story.shop)

    assert [(each.place.location, each.on_hand) for each in item.places] == [("ST-1", -2)]
    assert {each.channel for each in item.figures} == {"shop", "market"}
    assert {each.name: each.number for each in place.counts}["below_zero"] == 1
    assert [each.sku for each in place.worst] == ["MUG"]
    assert {each.name: each.number for each in channel.counts}["unknown"] == 1
    assert [each.location for each in channel.sells_from] == ["ST-1", "ST-2"]
