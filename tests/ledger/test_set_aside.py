"""What is set aside for one channel, no other channel's request may take."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.errors import NotEnough
from inventory_sync.domain.requests import Act
from inventory_sync.domain.routing import ReserveMode
from inventory_sync.ledger.placing import Floor
from inventory_sync.ledger.request_types import Spared, Terms
from inventory_sync.ledger.sparing import sparing
from tests.ledger.asking import HOUR, Asking
from tests.ledger.reports import NOW
from tests.ledger.worlds import MemoryWorld


@pytest.fixture
def asking(world):
    """Five mugs near and two far; three of them are set aside for another channel that sells from both."""
    asking = Asking(world)
    aside(asking, 3, asking.shop.pool)
    return asking


def aside(asking, quantity: int, places, item=None) -> None:
    asking.with_terms(spared={item or asking.mug: (Spared(Decimal(quantity), tuple(places)),)})


def test_more_than_what_the_others_leave_is_refused_with_the_reason(asking):
    answer = asking.reserve(5)

    assert isinstance(answer.refused, NotEnough)
    assert "set aside for other channels" in answer.refused.detail
    assert answer.missing == {"a": 1}


def test_what_the_others_leave_is_served_and_what_is_theirs_stays(asking):
    assert asking.reserve(4).refused is None
    assert asking.reserve(1, ref="r2").refused is not None

    asking.with_terms(spared={})
    assert asking.reserve(3, ref="r3").refused is None, "the other channel's three are all there"


def test_many_requests_of_one_transaction_spare_it_once_each(asking):
    wanted = [asking.request(Act.RESERVE, f"r{n}", {"a": (asking.mug, 1)}) for n in range(6)]

    answers = asking.ask(*wanted)

    assert [answer.refused is None for answer in answers] == [True] * 4 + [False] * 2


def test_a_request_for_a_part_gets_what_the_others_leave(asking):
    answer = asking.reserve(9, mode=ReserveMode.PARTIAL)

    assert (answer.order.lines["a"].demand, answer.missing) == (4, {"a": 5})


def test_what_was_sold_already_is_recorded_wherever_it_is(asking):
    assert asking.reserve(6, mode=ReserveMode.RECORD).refused is None
    assert asking.total_open() == 6


def test_a_change_may_keep_what_the_reservation_has_and_not_take_more(asking):
    asking.reserve(4)

    more = asking.reserve(5, version=2)
    less = asking.reserve(3, version=3)

    assert (more.refused is None, less.refused) == (False, None)
    assert asking.total_open() == 3


def test_a_hold_that_has_ended_is_decided_anew_beside_what_is_set_aside(asking):
    aside(asking, 0, ())
    asking.reserve(5, hold=HOUR)
    aside(asking, 3, asking.shop.pool)

    answer = asking.act(Act.COMMIT, now=NOW + 2 * HOUR)

    assert isinstance(answer.refused, NotEnough)
    assert asking.total_open() == 0


def test_what_lies_where_the_channel_cannot_be_served_is_spared_first(asking):
    away = asking.world.place("AWAY")
    asking.shop.count("c9", asking.mug, away, 2)
    aside(asking, 3, (asking.shop.far, away))

    assert asking.reserve(6).refused is None
    assert asking.reserve(1, ref="r2").refused is not None


def test_a_kit_leaves_its_components_to_whom_they_are_set_aside(asking):
    tray = asking.world.kit("TRAY", {asking.mug: 2})

    assert asking.reserve(lines={"k": (tray, 3)}).refused is not None
    assert asking.reserve(lines={"k": (tray, 2)}, ref="r2").refused is None


PLACES = (1, 2, 3)
stocks = st.fixed_dictionaries({place: st.integers(-2, 6) for place in PLACES})
grants = st.lists(
    st.tuples(st.integers(0, 6), st.lists(st.sampled_from(PLACES), unique=True, max_size=3)), max_size=3
)


@given(stock=stocks, given_away=grants, pool=st.permutations(PLACES))
def test_the_floor_is_lowered_by_no_more_than_there_is_and_is_as_it_was_afterwards(stock, given_away, pool):
    floor = Floor({(7, place): Decimal(n) for place, n in stock.items()}, {}, {})
    before = dict(floor.free)
    spared = {7: tuple(Spared(Decimal(n), tuple(places)) for n, places in given_away)}

    with sparing(floor, Terms(pool=tuple(pool[:2]), spared=spared), [7]):
        lowered = {place: before[place] - floor.free[place] for place in before}
        assert all(0 <= lowered[place] <= max(Decimal(0), before[place]) for place in before)
        for each in spared[7]:
            there = sum((max(Decimal(0), before["7", str(place)]) for place in each.places), Decimal(0))
            kept = sum((lowered["7", str(place)] for place in each.places), Decimal(0))
            assert kept >= min(each.quantity, there)

    assert floor.free == before


def test_nothing_is_lowered_where_nothing_is_set_aside():
    asking = Asking(MemoryWorld())

    assert asking.reserve(7).refused is None
