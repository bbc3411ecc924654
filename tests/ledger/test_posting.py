"""Stock events become movements and levels, once each, whatever order they come in."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inventory_sync.domain.external import Reason
from inventory_sync.domain.levels import RefusalReason
from tests.ledger.reports import count, delta, figure, minute
from tests.ledger.worlds import World


@pytest.fixture
def till(world: World) -> int:
    return world.connection("till")


@pytest.fixture
def mug(world: World) -> int:
    return world.item("MUG")


@pytest.fixture
def berlin(world: World) -> int:
    return world.place("BER")


def test_deltas_add_up_and_their_counterparts_follow_the_reason(world, till, mug, berlin):
    moves = [("r", 10, Reason.RECEIPT), ("s", -3, Reason.SALE), ("b", 1, Reason.RETURN)]
    moves += [("o", -2, Reason.TRANSFER_OUT), ("x", -1, Reason.SCRAP), ("a", 4, Reason.ADJUSTMENT)]

    posted = world.apply([delta(key, mug, berlin, n, by=till, reason=why) for key, n, why in moves]).posted

    assert (posted.recorded, posted.duplicates, posted.touched) == (6, 0, (mug,))
    assert world.on_hand() == {(mug, berlin): 9}
    assert world.totals() == {
        (mug, berlin, "vendor"): 10,
        (mug, berlin, "customer"): -2,
        (mug, berlin, "transit"): -2,
        (mug, berlin, "scrap"): -1,
        (mug, berlin, "adjustment"): 4,
    }
    assert world.sums() == {(mug, berlin): 9}


def test_the_same_event_counts_once_in_one_batch_and_in_the_next(world, till, mug, berlin):
    sale = delta("s1", mug, berlin, -2, by=till)

    first = world.apply([sale, sale]).posted
    second = world.apply([sale]).posted

    assert (first.recorded, first.duplicates) == (1, 1)
    assert (second.recorded, second.duplicates, second.touched) == (0, 1, ())
    assert world.on_hand() == {(mug, berlin): -2}


def test_the_same_key_of_another_connection_is_another_event(world, till, mug, berlin):
    other = world.connection("other-till")

    world.apply([delta("s1", mug, berlin, -2, by=till), delta("s1", mug, berlin, -2, by=other)])

    assert world.on_hand() == {(mug, berlin): -4}


def test_a_count_posts_the_difference_and_a_late_delta_before_it_is_neutralised(world, till, mug, berlin):
    world.apply([delta("r", mug, berlin, 10, 0, by=till)])
    world.apply([count("c", mug, berlin, 7, 30, by=till)])
    late = world.apply([delta("late", mug, berlin, -3, 20, by=till)]).posted

    assert late.recorded == 1
    assert world.on_hand() == {(mug, berlin): 7}
    assert world.sums() == {(mug, berlin): 7}
    assert world.kinds() == ["receipt", "count", "sale", "absorption"]
    assert world.totals()[mug, berlin, "customer"] == -3
    assert (mug, berlin, "adjustment") not in world.totals(), "the missing sale explains the difference"


def test_a_late_count_finds_the_deltas_that_came_after_it(world, till, mug, berlin):
    world.apply([delta("r", mug, berlin, 10, 0, by=till), delta("s", mug, berlin, -2, 40, by=till)])
    world.apply([count("c", mug, berlin, 9, 30, by=till)])

    assert world.on_hand() == {(mug, berlin): 7}


@pytest.mark.parametrize(
    ("why", "delta_sequence", "count_sequence", "on_hand"),
    [
        ("its sequence is later than the count's", 6, 5, 8),
        ("its sequence is not later", 4, 5, 10),
        ("it has none: contained in the count", None, 5, 10),
    ],
)
def test_at_an_equal_time_the_sequence_decides(
    world, till, mug, berlin, why, delta_sequence, count_sequence, on_hand
):
    sale = delta("s", mug, berlin, -2, 30, by=till, sequence=delta_sequence)
    found = count("c", mug, berlin, 10, 30, by=till, sequence=count_sequence)

    world.apply([sale])
    world.apply([found])

    assert world.on_hand() == {(mug, berlin): on_hand}, why


def test_a_higher_revision_replaces_what_was_posted_and_a_lower_one_changes_nothing(world, till, mug, berlin):
    world.apply([delta("s", mug, berlin, -5, by=till)])
    world.apply([delta("s", mug, berlin, -3, by=till, revision=2)])
    stale = world.apply([delta("s", mug, berlin, -4, by=till, revision=1)]).posted

    assert (stale.recorded, stale.movements) == (1, 0)
    assert world.on_hand() == {(mug, berlin): -3}
    assert world.kinds() == ["sale", "correction", "sale"]
    assert world.sums() == {(mug, berlin): -3}


def test_only_the_highest_of_several_revisions_in_one_batch_is_posted(world, till, mug, berlin):
    revisions = [delta("s", mug, berlin, -n, by=till, revision=n) for n in (2, 3, 1)]

    posted = world.apply(revisions).posted

    assert (posted.recorded, posted.movements) == (3, 1)
    assert world.on_hand() == {(mug, berlin): -3}


def test_a_correction_that_names_another_item_gives_the_first_one_back(world, till, mug, berlin):
    cup = world.item("CUP")
    world.apply([delta("s", mug, berlin, -5, by=till)])

    world.apply([delta("s", cup, berlin, -5, by=till, revision=1)])

    assert world.on_hand() == {(mug, berlin): 0, (cup, berlin): -5}
    assert world.totals() == {(cup, berlin, "customer"): -5}
    assert world.dirty().keys() == {mug, cup}


def test_a_corrected_count_gives_way_to_the_count_that_rules_now(world, till, mug, berlin):
    world.apply([count("c1", mug, berlin, 10, 10, by=till), delta("s", mug, berlin, -1, 15, by=till)])
    world.apply([count("c2", mug, berlin, 50, 20, by=till)])

    world.apply([count("c2", mug, berlin, 5, 20, by=till, revision=1)])
    assert world.on_hand() == {(mug, berlin): 5}

    cup = world.item("CUP")
    world.apply([count("c2", cup, berlin, 5, 20, by=till, revision=2)])
    assert world.on_hand() == {(mug, berlin): 9, (cup, berlin): 5}
    assert world.sums() == world.on_hand()


def test_figures_are_ordered_by_reading_and_deltas_only_ask_for_another_reading(world, till, mug):
    odoo = world.place("WH", figures=True)

    world.apply([figure(mug, odoo, 12, reading=7, by=till)])
    world.apply([figure(mug, odoo, 20, reading=6, by=till)])
    posted = world.apply([delta("m", mug, odoo, -5, by=till)]).posted

    assert world.on_hand() == {(mug, odoo): 12}
    assert posted.read_again == (mug,)
    assert world.sums() == {(mug, odoo): 12}


def test_reports_of_the_future_or_of_the_wrong_kind_are_refused_and_may_come_again(world, till, mug, berlin):
    odoo = world.place("WH", figures=True)
    early = delta("s", mug, berlin, -1, 60 * 24 * 31, by=till)
    strays = [early, count("c", mug, odoo, 1, by=till), figure(mug, berlin, 1, 1, by=till)]

    posted = world.apply(strays).posted

    assert [each.reason for each in posted.refused] == [
        RefusalReason.FUTURE,
        RefusalReason.MIXED_KINDS,
        RefusalReason.MIXED_KINDS,
    ]
    assert world.on_hand() == {}
    assert world.apply([early], now=minute(60 * 24 * 31)).posted.recorded == 1
    assert world.on_hand() == {(mug, berlin): -1}


def test_touched_items_are_dirty_and_urgent_where_little_is_left(world, till, mug, berlin):
    plenty = world.item("PLENTY")

    world.apply([delta("a", mug, berlin, 2, by=till), delta("b", plenty, berlin, 200, by=till)])

    assert world.dirty() == {mug: True, plenty: False}


def test_fractions_are_exact(world, till, mug, berlin):
    world.apply([delta(f"s{n}", mug, berlin, "0.1", by=till) for n in range(3)])

    assert world.on_hand() == {(mug, berlin): Decimal("0.3")}
