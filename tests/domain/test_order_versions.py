"""Versions of one order when the clock of its source is wrong: readings tell, no late message undoes them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.order_versions import OrderVersion, Standing, standing
from inventory_sync.domain.reservations import (
    Applied,
    Ignored,
    NeedsReading,
    OrderSnapshot,
    RecordedOrder,
    compare,
    decide,
    expire,
)
from tests.domain.books import NOON
from tests.domain.test_reservations import listed, order, promised, recorded

CANCELLED, UNPAID = OrderStatus.CANCELLED, OrderStatus.UNPAID


@pytest.mark.parametrize(
    ("why", "snapshot", "stands"),
    [
        ("a later stamp", order(6, mug=2), Standing.NEWER),
        ("an earlier stamp", order(4, mug=2), Standing.OLDER),
        ("a later stamp, but here before it was read", order(6, mug=2, begun=2), Standing.OLDER),
        ("an earlier stamp, read later", order(4, mug=2, reading=9), Standing.NEWER),
        ("an earlier stamp, in a list begun later", listed(order(4, mug=2, reading=9)), Standing.UNDECIDABLE),
        ("an earlier stamp, read earlier", order(4, mug=2, reading=2), Standing.OLDER),
        ("the same again", order(5, mug=1), Standing.SAME),
        ("the same, read once more", order(5, mug=1, reading=9), Standing.SAME),
        ("other content in the same second, unasked", order(5, mug=2), Standing.UNDECIDABLE),
        ("other content in the same second, read later", order(5, mug=2, reading=4), Standing.NEWER),
        ("other content in the same second, read earlier", order(5, mug=2, reading=2), Standing.OLDER),
        ("the same, but that reading ended later", order(5, mug=2, reading=2, begun=3), Standing.UNDECIDABLE),
        ("the same, in a list begun earlier", listed(order(5, mug=2, reading=2)), Standing.OLDER),
        ("that list ended later", listed(order(5, mug=2, reading=2, begun=3)), Standing.UNDECIDABLE),
        ("the same, in a list begun later", listed(order(5, mug=2, reading=4)), Standing.NEWER),
    ],
)
def test_how_a_snapshot_stands_to_stamp_5_reading_3(why, snapshot, stands):
    assert compare(recorded(order(5, mug=1, reading=3)), snapshot) is stands


# ── one sentence at a time ──────────────────────────────────────────────────────────────────────────


def test_an_order_cancelled_after_the_shops_clock_was_set_back_is_free_once_the_hub_has_read_it():
    later = decide(recorded(order(1_000, mug=2)), order(980, CANCELLED, reading=7, mug=2), now=NOON)

    assert isinstance(later, Applied)
    assert promised(later.order) == {}
    assert later.order.set_back


def test_a_message_of_a_clock_set_back_that_frees_stock_is_not_believed():
    state = recorded(order(1_000, mug=2))

    assert isinstance(decide(state, order(980, CANCELLED, mug=2), now=NOON), Ignored)


@pytest.mark.parametrize(
    ("why", "before", "message"),
    [
        ("more is wanted", order(1_000, mug=1), order(980, mug=3)),
        ("another article is wanted", order(1_000, mug=1), order(980, mug=1, cap=1)),
        ("what was cancelled is wanted again", order(1_000, CANCELLED, mug=1), order(980, mug=1)),
        ("a hold was paid, and would end", order(1_000, UNPAID, mug=1), order(980, mug=1)),
    ],
)
def test_an_older_message_that_asks_for_more_has_the_order_read(why, before, message):
    assert isinstance(decide(recorded(before), message, now=NOON), NeedsReading)


@pytest.mark.parametrize(
    ("why", "before", "message"),
    [
        ("less is wanted", order(1_000, mug=3), order(980, mug=1)),
        ("it was not paid then", order(1_000, mug=1), order(980, UNPAID, mug=1)),
        ("it was held then too", order(1_000, UNPAID, mug=1), order(980, UNPAID, mug=1, cap=0)),
    ],
)
def test_an_older_message_that_asks_for_no_more_costs_no_reading(why, before, message):
    assert isinstance(decide(recorded(before), message, now=NOON), Ignored)


def test_what_had_come_in_before_an_order_was_read_is_never_asked_about_again():
    read = recorded(order(1_000, mug=3, begun=4), order(1_001, CANCELLED, mug=3, reading=6, begun=6))

    assert isinstance(decide(read, order(1_000, mug=3, begun=4), now=NOON), Ignored)
    assert isinstance(decide(read, order(5_000, mug=9, begun=4), now=NOON), Ignored), "whatever its stamp"


def test_a_reading_that_a_message_overtook_does_not_put_the_older_state_back():
    """Reading 5 sees 2 mugs, the customer makes it 3, the message of that is applied first."""
    state = recorded(order(1_000, mug=2, begun=4), order(1_001, mug=3, begun=5))

    assert isinstance(decide(state, order(1_000, mug=2, reading=5, begun=5), now=NOON), Ignored)


def test_of_two_readings_that_overlap_neither_is_believed_over_the_other_in_one_second():
    """Reading 6 began later and saw less; 5 came back last."""
    state = recorded(order(1_000, mug=3, reading=5, begun=6))

    assert isinstance(decide(state, order(1_000, mug=2, reading=6, begun=6), now=NOON), NeedsReading)


def test_once_a_clock_was_seen_to_go_back_every_message_of_that_order_has_it_read():
    state = recorded(order(1_000, mug=2, begun=3), order(980, CANCELLED, mug=2, reading=7, begun=7))

    late = order(1_005, mug=2, begun=7)
    assert isinstance(decide(state, late, now=NOON), NeedsReading), "sent before the clock was set back"
    assert isinstance(
        decide(state, listed(replace(late, version=OrderVersion(1_005, 8, 8))), now=NOON), NeedsReading
    )
    read = decide(state, order(981, mug=2, reading=9, begun=9), now=NOON)
    assert isinstance(read, Applied)
    assert promised(read.order) == {"mug": 2}


def test_a_stamp_read_again_after_a_list_keeps_what_the_reading_had_proven():
    state = recorded(order(1_000, mug=2, reading=5, begun=5), listed(order(1_001, mug=3, reading=6, begun=6)))

    assert state.version == OrderVersion(1_001, reading=5, begun=6)


# ── any clock, any order of arrival ─────────────────────────────────────────────────────────────────


@dataclass
class Source:
    """A shop with one order, and a clock that anybody may set."""

    clock: int = 1_000
    stamps_rise: bool = True
    versions: list[OrderSnapshot] = field(default_factory=list)

    def change(self, status: OrderStatus, lines: dict[str, Any], tick: int) -> None:
        self.clock += tick
        self.stamps_rise &= tick > 0 or not self.versions
        self.versions.append(order(self.clock, status, **lines))


@dataclass
class Hub:
    """Stores what comes in, in the order it comes, and decides it in any other."""

    source: Source
    readings: int = 1
    inbox: list[tuple[int, OrderSnapshot]] = field(default_factory=list)
    under_way: list[tuple[int, int | None, bool]] = field(default_factory=list)
    state: RecordedOrder | None = None
    shown: int = -1  # the version that is recorded
    proven: int = -1  # the newest version a reading by id has shown

    def store(self, place: int, *, reading: int = 0, of_a_list: bool = False) -> None:
        seen = self.source.versions[place]
        version = OrderVersion(seen.version.stamp, reading, self.readings)
        self.inbox.append((place, replace(seen, version=version, listed=of_a_list)))

    def begin(self, *, of_a_list: bool, late: bool = False) -> None:
        """late: it sees what is there when it ends; a list that is not late may show the version before."""
        self.readings += 1
        place = max(0, len(self.source.versions) - (2 if of_a_list else 1))
        self.under_way.append((self.readings, None if late else place, of_a_list))

    def end(self, which: int) -> None:
        number, place, of_a_list = self.under_way.pop(which % len(self.under_way))
        newest = len(self.source.versions) - 1
        self.store(newest if place is None else place, reading=number, of_a_list=of_a_list)

    def read(self) -> None:
        self.begin(of_a_list=False)
        self.end(-1)

    def decide(self, which: int) -> bool:
        """Take one report out of the inbox; say whether the order must be read."""
        place, snapshot = self.inbox.pop(which % len(self.inbox))
        decision = decide(self.state, snapshot, now=NOON)
        if isinstance(decision, NeedsReading):
            return True
        if isinstance(decision, Applied):
            was_set_back = self.state is not None and self.state.set_back
            by_id = snapshot.version.reading > 0 and not snapshot.listed
            if was_set_back and decision.changes:
                assert by_id, "after a clock was set back only readings change the order"
            if by_id and decision.changes:
                assert place >= self.proven, "a reading undid what a later one had shown"
            self.state, self.shown = decision.order, place
        if snapshot.version.reading and not snapshot.listed and not isinstance(decision, Ignored):
            self.proven = max(self.proven, place)
        return False

    def settle(self) -> None:
        """Nothing more happens at the source: decide what is left, reading as often as is asked for."""
        while self.under_way:
            self.end(0)
        for _ in range(3):
            asked = [self.decide(0) for _ in range(len(self.inbox))]
            if not any(asked):
                return
            self.read()
        raise AssertionError("It never comes to an end.")


statuses = st.sampled_from(OrderStatus)
wants = st.dictionaries(st.sampled_from(["mug", "cap"]), st.integers(0, 3), min_size=1)
changes = st.tuples(st.just("change"), statuses, wants, st.sampled_from([-50, -1, 0, 0, 1, 1, 1, 60]))
acts = st.lists(
    st.one_of(
        changes,
        st.tuples(st.just("message"), st.integers(0, 9)),
        st.tuples(st.just("begin"), st.booleans(), st.booleans()),
        st.tuples(st.just("end"), st.integers(0, 3)),
        st.tuples(st.just("decide"), st.integers(0, 5)),
    ),
    max_size=25,
)


def play(first: tuple, rest: list[tuple]) -> Hub:
    """A message shows any version there was: it may be as late as it likes."""
    hub = Hub(Source())
    hub.source.change(*first[1:])
    for name, *given_ in rest:
        match name:
            case "change":
                hub.source.change(*given_)
            case "message":
                hub.store(len(hub.source.versions) - 1 - given_[0] % len(hub.source.versions))
            case "begin":
                hub.begin(of_a_list=given_[0], late=given_[1])
            case "end" if hub.under_way:
                hub.end(given_[0])
            case "decide" if hub.inbox:
                hub.decide(given_[0])
    return hub


@given(first=changes, rest=acts)
def test_whatever_the_clock_did_a_last_reading_shows_what_is_so_and_nothing_that_came_before_undoes_it(
    first, rest
):
    hub = play(first, rest)
    kept = list(hub.inbox)
    hub.settle()
    hub.read()
    assert not hub.decide(-1), "a reading by id begun after all else is always believed"
    truth = promised(recorded(hub.source.versions[-1]))
    assert hub.state is not None
    assert promised(hub.state) == truth

    hub.inbox += kept
    while hub.inbox:
        assert not hub.decide(0)

    assert promised(hub.state) == truth


@given(first=changes, rest=acts)
def test_while_no_clock_is_set_back_the_newest_version_told_stands(first, rest):
    hub = play(first, rest)
    told = [place for place, _ in hub.inbox] + [place or 0 for _, place, _ in hub.under_way] + [hub.shown]
    hub.settle()

    if hub.source.stamps_rise and hub.state is not None:
        assert not hub.state.set_back
        assert hub.shown >= max(told) or promised(hub.state) == promised(
            recorded(hub.source.versions[max(told)])
        )


@given(
    st.builds(OrderVersion, st.integers(0, 3), st.integers(0, 4), st.integers(0, 4)),
    st.builds(OrderVersion, st.integers(0, 3), st.integers(0, 4), st.integers(0, 4)),
    st.booleans(),
    st.booleans(),
)
def test_what_is_proven_older_is_never_newer_the_other_way_round(one, other, same_content, set_back):
    said = standing(one, other, same_content=same_content, listed=False, set_back=set_back)
    back = standing(other, one, same_content=same_content, listed=False, set_back=set_back)

    assert not (said is Standing.NEWER and back is Standing.NEWER)


def test_an_expired_hold_read_again_with_its_old_stamp_stays_expired():
    held = recorded(order(1_000, UNPAID, mug=2))
    ended = expire(held, now=NOON + timedelta(hours=2)).order

    again = decide(ended, order(1_000, UNPAID, mug=2, reading=4, begun=4), now=NOON)

    assert isinstance(again, Applied)
    assert promised(again.order) == {}
