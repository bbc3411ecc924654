"""What is announced, what arrives of it, and what was picked, in both ledgers and in any order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest

from inventory_sync.domain.external import ExpectationStatus
from inventory_sync.domain.reservations import LineStatus
from inventory_sync.ledger.expectation_types import ExpectationEvent
from inventory_sync.ledger.types import StockEvent
from tests.ledger.goods import announced, applied, expectation, level, picked, receipt, till
from tests.ledger.reports import delta, order
from tests.ledger.worlds import World

CLOSED, CANCELLED = ExpectationStatus.CLOSED, ExpectationStatus.CANCELLED


@pytest.fixture
def erp(world: World) -> int:
    return world.connection("erp")


def open_of(world: World, erp: int, ref: str = "PO") -> dict[str, Decimal]:
    return {line.line_ref: line.open for line in expectation(world, erp, ref).lines}


def test_an_announcement_moves_nothing_and_says_what_is_to_come(world: World, erp: int) -> None:
    item, place = world.item("MUG"), world.place("ST")

    done = applied(world, announced("PO", place, {"1": (item, 12)}, by=erp))

    assert open_of(world, erp) == {"1": 12}
    assert world.on_hand() == {}
    assert world.dirty().keys() == {item}
    assert done.expected.new == {(erp, "PO/1")}


def test_what_arrives_is_no_longer_to_come_and_less_is_said_when_nothing_more_will(
    world: World, erp: int
) -> None:
    item, place = world.item("MUG"), world.place("ST")
    applied(world, announced("PO", place, {"1": (item, 12)}, by=erp))

    first = applied(world, receipt("r1", item, place, 5, "PO"))
    assert open_of(world, erp) == {"1": 7}
    assert first.expected.discrepancies == ()

    last = applied(world, receipt("r2", item, place, 6, "PO", final=True))
    (short,) = last.expected.discrepancies
    assert (short.expected, short.received, short.short, short.over) == (12, 11, 1, 0)
    assert open_of(world, erp) == {"1": 0}
    assert level(world, item, place).on_hand == 11


def test_a_corrected_receipt_corrects_what_arrived_and_settles_the_difference(world: World, erp: int) -> None:
    item, place = world.item("MUG"), world.place("ST")
    applied(world, announced("PO", place, {"1": (item, 12)}, by=erp))
    applied(world, receipt("r", item, place, 13, "PO"))

    done = applied(world, receipt("r", item, place, 12, "PO", revision=1))

    assert done.expected.discrepancies == ()
    assert done.expected.agreed == ((erp, "PO"),)
    assert not expectation(world, erp, "PO").differs


def test_a_receipt_may_turn_out_to_be_of_another_announcement_or_of_none(world: World, erp: int) -> None:
    item, place = world.item("MUG"), world.place("ST")
    applied(
        world,
        announced("PO", place, {"1": (item, 12)}, by=erp),
        announced("QO", place, {"1": (item, 5)}, by=erp),
        receipt("r", item, place, 5, "PO"),
    )

    applied(world, receipt("r", item, place, 5, "QO", revision=1))
    assert (open_of(world, erp), open_of(world, erp, "QO")) == ({"1": 12}, {"1": 0})

    applied(world, delta("r", item, place, 5, revision=2))
    assert (open_of(world, erp), open_of(world, erp, "QO")) == ({"1": 12}, {"1": 5})


def test_an_older_version_changes_nothing_and_a_newer_one_replaces_every_line(world: World, erp: int) -> None:
    item, other, place = world.item("MUG"), world.item("PEN"), world.place("ST")
    applied(world, announced("PO", place, {"1": (item, 12), "2": (other, 3)}, by=erp, version=2))

    applied(world, announced("PO", place, {"1": (item, 99)}, by=erp, version=1))
    assert open_of(world, erp) == {"1": 12, "2": 3}

    applied(world, announced("PO", place, {"2": (other, 4)}, by=erp, version=3))
    assert open_of(world, erp) == {"2": 4}


def test_the_same_version_brings_missing_lines_and_may_not_say_something_else(world: World, erp: int) -> None:
    item, other, place = world.item("MUG"), world.item("PEN"), world.place("ST")
    applied(world, announced("PO", place, {"1": (item, 12)}, by=erp, parked=frozenset({"2"})))

    more = applied(world, announced("PO", place, {"1": (item, 12), "2": (other, 3)}, by=erp))
    assert open_of(world, erp) == {"1": 12, "2": 3}
    assert more.expected.refused == ()

    other_story = announced("PO", place, {"1": (item, 13)}, by=erp)
    assert applied(world, other_story).expected.refused == (other_story,)
    assert open_of(world, erp) == {"1": 12, "2": 3}


def test_nothing_is_to_come_of_what_is_closed_or_cancelled(world: World, erp: int) -> None:
    item, place = world.item("MUG"), world.place("ST")
    lines = {"1": (item, 12)}

    applied(world, announced("PO", place, lines, by=erp, version=2, status=CLOSED))
    applied(world, announced("QO", place, lines, by=erp, version=2, status=CANCELLED))

    assert (open_of(world, erp), open_of(world, erp, "QO")) == ({"1": 0}, {"1": 0})
    assert expectation(world, erp, "PO").differs
    assert not expectation(world, erp, "QO").differs


def test_announcements_and_receipts_lead_to_the_same_in_any_order(world: World, erp: int) -> None:
    place, found = world.place("ST"), set()

    def story(item: int, ref: str) -> list[ExpectationEvent | StockEvent]:
        return [
            announced(ref, place, {"1": (item, 5), "2": (item, 7)}, by=erp),
            announced(ref, place, {"1": (item, 6), "2": (item, 7)}, by=erp, version=2),
            receipt(f"{ref}-r", item, place, 9, ref),
            receipt(f"{ref}-r", item, place, 8, ref, revision=1, final=True),
            receipt(f"{ref}-d", item, place, 1, ref, damaged=True, condition="damaged"),
        ]

    for number, turn in enumerate(list(permutations(range(5)))[::7]):
        item, ref = world.item(f"MUG-{number}"), f"PO-{number}"
        for index in [*turn, *turn]:
            applied(world, story(item, ref)[index])
        held = expectation(world, erp, ref)
        arrived = tuple((line.line_ref, line.arrived, line.open) for line in held.lines)
        found.add((held.version, held.differs, held.over, arrived, level(world, item, place).unavailable))

    assert found == {
        (2, True, True, (("1", Decimal(6), Decimal(0)), ("2", Decimal(3), Decimal(0))), Decimal(1))
    }


def test_goods_that_nobody_announced_are_compared_with_their_paper(world: World, erp: int) -> None:
    item, place = world.item("MUG"), world.place("ST")

    done = applied(world, receipt("r", item, place, 11, "PO", expected=Decimal(12)))

    (found,) = done.expected.discrepancies
    assert (found.expected, found.short, found.ref) == (12, 1, "PO")


# ── picks ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_line_is_picked_when_all_of_it_is_off_the_shelf_whatever_came_first(world: World) -> None:
    shop, item, place = world.connection("shop"), world.item("MUG"), world.place("ST")
    applied(world, delta("in", item, place, 10))
    sold = order("1", {"a": (item, 3)}, by=shop, pool=(place,))
    first, second = (picked(f"p{n}", item, place, n, "1", "a") for n in (1, 2))

    applied(world, first)
    applied(world, sold)
    assert world.statuses() == {("1", "a"): LineStatus.COMMITTED}

    applied(world, second)
    assert world.statuses() == {("1", "a"): LineStatus.PICKED}
    assert world.on_hand() == {(item, place): 10}
    assert world.open() == {(item, place): 3}


def test_a_short_pick_is_told_once_and_a_corrected_one_counts_instead(world: World) -> None:
    shop, item, place = world.connection("shop"), world.item("MUG"), world.place("ST")
    applied(world, delta("in", item, place, 10), order("1", {"a": (item, 3)}, by=shop, pool=(place,)))
    short = picked("p", item, place, 1, "1", "a", short=2, by=till(world))

    assert applied(world, short).expected.short_picks == (short,)
    assert applied(world, short).expected.short_picks == ()
    assert world.statuses() == {("1", "a"): LineStatus.COMMITTED}

    applied(world, replace(short, revision=1, picked=Decimal(3), short=Decimal(0)))
    assert world.statuses() == {("1", "a"): LineStatus.PICKED}
