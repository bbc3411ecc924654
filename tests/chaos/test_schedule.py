"""The schedule is a function of the seed, holds what was promised and can be played."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.chaos.faults import Faults
from tests.chaos.schedule import FAMILIES, SMOKE, Planned, Size, long, plan

SIZES = (SMOKE, long(55), long(6))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size.name}-{size.trade_s:g}")
def test_the_same_seed_gives_the_same_schedule_and_another_one_another(size: Size) -> None:
    assert plan(7, size) == plan(7, size)
    assert plan(7, size) != plan(8, size)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size.name}-{size.trade_s:g}")
def test_each_kind_comes_as_often_as_the_size_says_and_while_trade_goes_on(size: Size) -> None:
    planned = plan(20261123, size)

    assert Counter(one.kind for one in planned) == size.counts
    assert all(0 < one.at_s < size.trade_s for one in planned)
    assert [one.at_s for one in planned] == sorted(one.at_s for one in planned)


def test_the_smoke_has_more_than_a_hundred_faults_of_every_kind_and_the_drill_more_than_a_thousand() -> None:
    every_kind = {kind for kinds in FAMILIES.values() for kind in kinds}

    assert SMOKE.total >= 100
    assert long(55).total >= 1000
    assert set(SMOKE.counts) == set(long(55).counts) == every_kind


def test_an_outage_lasts_twenty_seconds_in_the_smoke_and_ten_minutes_in_the_drill() -> None:
    def outages(size: Size) -> list[Planned]:
        return [one for one in plan(1, size) if one.kind == "channel_outage"]

    assert [one.seconds for one in outages(SMOKE)] == [20.0]
    assert [one.seconds for one in outages(long(55))] == [600.0]
    assert all(one.at_s + one.seconds < long(55).trade_s for one in outages(long(55)))


@pytest.mark.parametrize("kind", sorted(SMOKE.counts))
def test_every_kind_can_be_played(kind: str) -> None:
    one = next(one for one in plan(3, SMOKE) if one.kind == kind)

    assert callable(Faults.act_of(one))
