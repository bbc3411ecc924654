"""A place kept by book figures: all a figure says is applied together, and what it holds closes lines."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest

from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.levels import Mode, RefusalReason
from inventory_sync.domain.reservations import LineStatus
from tests.ledger.reports import count, delta, figure, minute, order, shipment
from tests.ledger.worlds import World


class Books:
    """An ERP's warehouse kept by figures, a shop that sells from it, and one kit."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.erp = world.connection("erp")
        self.shop = world.connection("shop")
        self.mug, self.cup = world.item("MUG"), world.item("CUP")
        self.set = world.kit("SET", {self.mug: 2, self.cup: 1})
        self.here = world.place("WH", figures=True)

    def figure(self, quantity, reading, *, item=None, place=None, **says):
        return figure(item or self.mug, place or self.here, quantity, reading, by=self.erp, **says)

    def order(self, quantity, *, item=None, ref="1", **values):
        lines = {"a": (item or self.mug, quantity)}
        return order(ref, lines, by=self.shop, pool=(self.here,), **values)

    def say(self, *reports):
        """Apply each report in a batch of its own; orders and stock events alike."""
        applied = None
        for report in reports:
            is_order = hasattr(report, "order_ref")
            applied = self.world.apply([] if is_order else [report], [report] if is_order else [])
        return applied

    def level(self, item=None):
        return self.world.facts()[item or self.mug, self.here]

    def open(self, item=None):
        return self.world.open().get((item or self.mug, self.here), 0)


@pytest.fixture
def books(world: World) -> Books:
    return Books(world)


def test_a_figure_is_applied_with_all_it_says_or_not_at_all(books: Books) -> None:
    books.say(books.order(3))

    newer = books.figure(9, 5, reserved=2, unassigned=1, unavailable=1, held={("1", "a"): (2, 0)})
    books.say(newer, books.figure(20, 4, reserved=7, held={("1", "a"): (3, 0)}))

    assert books.world.on_hand()[books.mug, books.here] == 9
    assert books.level()[:4] == (True, 2, 1, 1)
    assert books.open() == 1


@pytest.mark.parametrize("order_of_arrival", list(permutations(range(3))))
def test_order_and_figure_meet_in_whatever_order_they_come(books: Books, order_of_arrival) -> None:
    heard = [
        books.order(5),
        books.figure(9, 1, held={("1", "a"): (2, 0)}),
        books.figure(8, 2, held={("1", "a"): (4, 1)}),
    ]

    books.say(*(heard[number] for number in order_of_arrival))

    assert books.open() == 1


def test_a_line_the_newest_figure_does_not_name_is_held_not_at_all(books: Books) -> None:
    books.say(books.order(2), books.figure(5, 1, held={("1", "a"): (2, 0)}))
    assert books.open() == 0

    books.say(books.figure(5, 2))

    assert books.open() == 2


def test_a_line_closes_when_a_figure_contains_all_of_it_as_delivered(books: Books) -> None:
    books.say(books.figure(5, 1, held={("1", "a"): (2, 1)}), books.order(2))
    assert books.world.statuses()["1", "a"] is LineStatus.COMMITTED

    books.say(books.figure(3, 2, held={("1", "a"): (2, 2)}))
    assert books.world.statuses()["1", "a"] is LineStatus.CLOSED
    books.say(books.figure(3, 3))

    assert books.world.statuses()["1", "a"] is LineStatus.CLOSED, "what left does not come back undelivered"
    assert books.open() == 0


def test_a_kit_that_is_ordered_after_its_parts_left_is_closed_at_once(books: Books) -> None:
    books.say(
        books.figure(4, 1, held={("1", "a"): (4, 4)}),
        books.figure(1, 1, item=books.cup, held={("1", "a"): (2, 2)}),
    )

    books.say(books.order(2, item=books.set))

    assert books.world.statuses()["1", "a"] is LineStatus.CLOSED
    assert books.world.open() == {}


def test_half_a_kit_in_the_books_leaves_the_other_half_promised(books: Books) -> None:
    books.say(
        books.figure(9, 1, held={("1", "a"): (4, 4)}),
        books.figure(9, 1, item=books.cup),
        books.order(2, item=books.set),
    )

    assert (books.open(books.mug), books.open(books.cup)) == (0, 2)
    assert books.world.statuses()["1", "a"] is LineStatus.COMMITTED


def test_demand_follows_to_the_place_where_the_books_hold_it(books: Books) -> None:
    there = books.world.place("FAR", figures=True)
    books.say(books.figure(5, 1), books.figure(5, 1, place=there), books.order(2))
    assert books.open() == 2

    books.say(books.figure(5, 2), books.figure(3, 2, place=there, held={("1", "a"): (2, 2)}))

    assert books.world.open() == {}
    assert books.world.statuses()["1", "a"] is LineStatus.CLOSED


def test_a_delta_explains_a_figure_asks_for_another_and_is_not_added(books: Books) -> None:
    books.say(books.figure(5, 1))

    applied = books.world.apply([delta("d", books.mug, books.here, -2, by=books.erp)])

    assert books.world.on_hand()[books.mug, books.here] == 5
    assert applied.posted.read_again == (books.mug,)
    assert books.world.totals()[books.mug, books.here, "customer"] == -2, (
        "what was sold is known all the same"
    )


def test_a_shipment_in_figures_mode_releases_nothing(books: Books) -> None:
    books.say(books.figure(5, 1), books.order(2))

    books.say(shipment("s", books.mug, books.here, 2, "1", "a", by=books.erp))

    assert books.open() == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda event: replace(event, quantity=Decimal(6)),
        lambda event: replace(event, figure=replace(event.figure, reserved=Decimal(2))),
        lambda event: replace(event, figure=replace(event.figure, contained=())),
    ],
    ids=["quantity", "reserved", "containment"],
)
@pytest.mark.parametrize("together", [True, False])
def test_one_reading_that_says_two_things_is_refused(books: Books, change, together) -> None:
    books.say(books.order(2))
    first = books.figure(5, 1, reserved=1, held={("1", "a"): (2, 0)})
    other = change(first)

    if together:
        applied = books.world.apply([first, other])
    else:
        books.say(first)
        applied = books.world.apply([other])

    assert [refused.reason for refused in applied.posted.refused] == [RefusalReason.CONTRADICTION]
    assert books.world.on_hand()[books.mug, books.here] == 5
    assert books.level().reserved == 1
    assert books.open() == 0


def test_the_same_figure_twice_is_no_contradiction(books: Books) -> None:
    told = books.figure(5, 1, held={("1", "a"): (2, 0)})

    applied = books.world.apply([told, told])
    again = books.world.apply([told])

    assert (applied.posted.refused, again.posted.refused) == ((), ())
    assert (applied.posted.duplicates, again.posted.duplicates) == (1, 1)


def test_a_cancelled_order_leaves_nothing_open_whatever_the_books_still_hold(books: Books) -> None:
    books.say(books.figure(5, 1, held={("1", "a"): (1, 0)}), books.order(2))

    books.say(books.order(2, stamp=2, status=OrderStatus.CANCELLED), books.figure(5, 2))

    assert books.world.open() == {}


# ── unknown by fault ─────────────────────────────────────────────────────────────────────────────────


def test_what_a_fault_leaves_keeps_what_was_free_and_falls_with_new_sales_only(books: Books) -> None:
    books.say(books.figure(9, 1, reserved=1), books.order(2))

    books.world.lose(books.here, since_reading=5)
    assert books.level()[0] is False
    assert books.level().last_known_free == 6

    books.say(books.order(1, ref="2"))
    assert books.level().last_known_free == 5
    books.say(books.order(1, ref="2", stamp=2, status=OrderStatus.CANCELLED))
    assert books.level().last_known_free == 5, "it falls and never rises"
    books.say(books.figure(20, 4))
    assert (books.level().known, books.level().last_known_free) == (False, 5)

    books.say(books.figure(8, 6))
    assert (books.level().known, books.level().last_known_free) == (True, None)


def test_what_is_promised_while_unknown_is_taken_though_as_much_came_in_the_same_batch(books: Books) -> None:
    books.say(books.figure(9, 1))
    books.world.lose(books.here, since_reading=5)

    books.world.apply([books.figure(20, 4)], [books.order(2)])

    assert (books.level().known, books.level().last_known_free) == (False, 7)


def test_a_reading_begun_after_the_fault_has_cured_it_before_it_was_noted(books: Books) -> None:
    books.say(books.figure(9, 6))

    books.world.lose(books.here, since_reading=5)

    assert books.level().known


def test_at_a_place_kept_by_movements_a_count_makes_it_known_again(books: Books) -> None:
    store = books.world.place("ST")
    books.say(count("c", books.mug, store, 5, 1))

    books.world.lose(store, since_reading=3)
    assert books.world.facts()[books.mug, store][0] is False
    books.say(shipment("s", books.mug, store, 2, "9", "x", 2))
    assert books.world.facts()[books.mug, store].last_known_free == 3
    books.say(count("c2", books.mug, store, 7, 3))

    assert books.world.facts()[books.mug, store][0] is True


def test_a_change_of_mode_needs_nothing_of_what_was_told_long_ago(books: Books) -> None:
    """The events of old levels may be detached with their partition; a change leaves on hand alone."""
    store = books.world.place("ST")
    books.say(count("c", books.mug, store, 5, 1))
    before = len(books.world.kinds())

    books.world.change(store, Mode.FIGURES, at=minute(9), after_reading=1)

    assert books.world.on_hand()[books.mug, store] == 5
    assert books.world.facts()[books.mug, store][0] is False
    assert books.world.facts()[books.mug, store].last_known_free == 5
    assert len(books.world.kinds()) == before
    assert books.mug in books.world.dirty()


# ── a change of mode ─────────────────────────────────────────────────────────────────────────────────


def test_lines_keep_what_left_through_a_change_of_mode_and_open_what_was_only_assigned(books: Books) -> None:
    books.say(books.order(5), books.figure(9, 1, held={("1", "a"): (4, 1)}))
    assert books.open() == 1

    books.world.change(books.here, Mode.MOVEMENTS, at=minute(5), after_reading=1)
    assert (books.level().known, books.open()) == (False, 1), "nothing of the new tenure was told yet"
    books.say(count("c", books.mug, books.here, 8, 6))
    assert (books.level().known, books.open()) == (True, 4)
    books.say(shipment("s", books.mug, books.here, 4, "1", "a", 7))

    assert books.open() == 0
    assert books.world.statuses()["1", "a"] is LineStatus.CLOSED


def test_what_movements_shipped_stays_shipped_when_the_place_is_kept_by_figures(books: Books) -> None:
    store = books.world.place("ST")
    sold = order("1", {"a": (books.mug, 3)}, by=books.shop, pool=(store,))
    books.say(count("c", books.mug, store, 9, 1), sold, shipment("s", books.mug, store, 2, "1", "a", 2))

    books.world.change(store, Mode.FIGURES, at=minute(5), after_reading=3)
    told = books.figure(7, 4, place=store, held={("1", "a"): (2, 2)})
    books.say(told)

    assert books.world.open() == {(books.mug, store): 1}, "the books tell the same two again"
    assert books.world.on_hand()[books.mug, store] == 7
