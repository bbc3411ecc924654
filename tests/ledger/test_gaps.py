"""A number missing in a feed: what came after it is posted, and raises no figure until it came or is lost."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest
from django.core.exceptions import ValidationError

from inventory_sync.audit.models import Entry
from inventory_sync.domain.levels import LevelState, Mode, fold
from inventory_sync.domain.reports import Count, Counterpart, Delta, Position
from inventory_sync.ledger.gap_acts import declare_lost
from inventory_sync.ledger.gaps import is_told
from inventory_sync.ledger.models import Gap
from inventory_sync.ledger.ports import Place
from inventory_sync.ledger.rows import execute
from inventory_sync.ledger.rows_gaps import _MARKED
from tests.ledger.reports import NOW, count, delta, minute
from tests.ledger.worlds import PostgresWorld, World


class Feed:
    """A till's numbered feed about one store, with two items counted at number 1."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.till = world.connection("till")
        self.mug, self.cup = world.item("MUG"), world.item("CUP")
        self.store = world.place("ST")
        for item in (self.mug, self.cup):
            self.say(count(f"c{item}", item, self.store, 5, 0, by=self.till, sequence=1))

    def say(self, event):
        return self.world.apply([event])

    def sale(self, number, item=None, quantity=-1):
        return delta(
            f"n{number}", item or self.mug, self.store, quantity, number, by=self.till, sequence=number
        )

    def known(self, item=None):
        return self.world.facts()[item or self.mug, self.store].known

    def miss(self, number):
        self.world.miss(self.till, self.store, number, since=100 + number)


@pytest.fixture
def feed(world: World) -> Feed:
    return Feed(world)


def test_what_came_after_a_missing_number_is_posted_and_unknown_until_it_comes(feed: Feed) -> None:
    feed.say(feed.sale(3, quantity=4))
    feed.miss(2)

    assert feed.world.on_hand()[feed.mug, feed.store] == 9, "it happened"
    assert (feed.known(), feed.known(feed.cup)) == (False, True)
    assert feed.world.facts()[feed.mug, feed.store].last_known_free == 9

    feed.say(feed.sale(2, item=feed.cup))

    assert (feed.known(), feed.known(feed.cup)) == (True, True)


def test_a_delta_that_comes_while_the_gap_is_open_cannot_raise_what_was_free(feed: Feed) -> None:
    feed.miss(2)
    assert feed.known()

    feed.say(feed.sale(3, quantity=4))

    assert feed.known() is False
    assert feed.world.facts()[feed.mug, feed.store].last_known_free == 5


@pytest.mark.parametrize("order_of_arrival", list(permutations(range(4))))
def test_whatever_the_order_a_gap_ends_known_when_its_number_came(feed: Feed, order_of_arrival) -> None:
    acts = [
        lambda: feed.miss(2),
        lambda: feed.say(feed.sale(2, item=feed.cup)),
        lambda: feed.say(feed.sale(3)),
        lambda: feed.say(feed.sale(4, item=feed.cup)),
    ]

    for number in order_of_arrival:
        acts[number]()

    assert (feed.known(), feed.known(feed.cup)) == (True, True)
    assert feed.world.on_hand() == {(feed.mug, feed.store): 4, (feed.cup, feed.store): 3}


@pytest.mark.parametrize("order_of_arrival", list(permutations(range(4))))
def test_two_gaps_hold_until_both_are_filled(feed: Feed, order_of_arrival) -> None:
    acts = [
        lambda: feed.miss(2),
        lambda: feed.miss(4),
        lambda: feed.say(feed.sale(5)),
        lambda: feed.say(feed.sale(3, item=feed.cup)),
    ]
    for number in order_of_arrival:
        acts[number]()
    assert (feed.known(), feed.known(feed.cup)) == (False, False)

    feed.say(feed.sale(2, item=feed.cup))
    assert (feed.known(), feed.known(feed.cup)) == (False, True)
    feed.say(feed.sale(4))

    assert (feed.known(), feed.known(feed.cup)) == (True, True)


def test_a_number_declared_lost_holds_nothing_any_more(feed: Feed) -> None:
    feed.say(feed.sale(3))
    feed.miss(2)

    feed.world.give_up(feed.store, 2)

    assert feed.known()
    feed.miss(2)
    assert feed.known(), "it is not missed twice"


def test_a_count_made_after_the_missing_number_holds_it(feed: Feed) -> None:
    feed.say(feed.sale(3))
    feed.miss(2)

    feed.say(count("late", feed.mug, feed.store, 7, 4, by=feed.till, sequence=4))
    feed.say(feed.sale(5))

    assert feed.known()
    assert feed.world.on_hand()[feed.mug, feed.store] == 6


def test_a_count_of_before_the_missing_number_does_not(feed: Feed) -> None:
    feed.miss(4)
    feed.say(feed.sale(5))

    feed.say(count("early", feed.mug, feed.store, 7, 2, by=feed.till, sequence=2))

    assert feed.known() is False


def test_a_number_that_came_already_is_no_gap(feed: Feed) -> None:
    feed.say(feed.sale(2))
    feed.say(feed.sale(3))

    feed.miss(2)

    assert feed.known()


def test_closing_a_gap_does_not_make_known_what_a_new_tenure_left_unknown(feed: Feed) -> None:
    feed.say(feed.sale(3))
    feed.miss(2)
    feed.world.change(feed.store, Mode.FIGURES, at=minute(20), after_reading=900)

    feed.world.give_up(feed.store, 2)

    assert feed.known() is False


def test_what_is_known_after_a_gap_was_known_without_it_and_an_opening_balance_is_no_count() -> None:
    place = Place(Mode.MOVEMENTS)
    archived = Delta("archived", 0, Decimal(10), Position(minute(0)), Counterpart.OPENING)
    counted = Count("counted", Decimal(10), Position(minute(1)))

    def folded(*reports: Delta | Count) -> LevelState:
        new = LevelState(Mode.MOVEMENTS)
        return fold(new, reports, deltas_after=lambda _: Decimal(0), superseded={}).state

    opened = folded(archived)
    assert (opened.on_hand, opened.known, is_told(opened, place)) == (10, False, False)
    whole = folded(archived, counted)
    assert (whole.on_hand, whole.known, is_told(whole, place)) == (10, True, True)
    assert is_told(opened, replace(place, complete=True)), "where all is told, silence tells too"


def test_the_levels_a_gap_marks_are_found_by_their_index(db: None) -> None:
    execute("SET LOCAL enable_seqscan = off")  # else an empty table is read whole

    plan = execute(f"EXPLAIN {_MARKED}", ([7, 900],))

    assert "level_unknown" in str(plan), plan


def test_staff_declare_a_number_lost_with_a_reason_that_is_kept(db: None) -> None:
    feed = Feed(PostgresWorld())
    feed.say(feed.sale(3))
    feed.miss(2)
    gap = Gap.objects.get()

    with pytest.raises(ValidationError, match="why"):
        declare_lost(gap.pk, actor="jo", reason=" ", now=NOW)
    items = declare_lost(gap.pk, actor="jo", reason="the till was replaced", now=NOW)

    gap.refresh_from_db()
    assert (gap.state, gap.reason, items) == ("lost", "the till was replaced", (feed.mug,))
    entry = Entry.objects.get(action="gap.declared_lost")
    assert (entry.actor_name, entry.reason) == ("jo", "the till was replaced")
    assert feed.known()
    with pytest.raises(ValidationError, match="closed"):
        declare_lost(gap.pk, actor="jo", reason="again", now=NOW)
