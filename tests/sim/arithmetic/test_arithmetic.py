"""Adversarial schedules against the arithmetic: no figure above what the hub's own messages allow.

Nor an undersell that lasts, nor a state that depends on the order in which things were told. The same
schedules with one repair taken away go wrong, so that they prove something.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.drill import Drill
from tests.sim.arithmetic.repairs import NAMES, Repairs
from tests.sim.arithmetic.run import Report, simulate

SCHEDULES, PARTS = 1000, 4
REAL = 60  # schedules of the real ledger, which takes longer
# What comes back without a repair, the seed to begin with, and within how many schedules it is seen.
COMES_BACK = {
    "figures_by_reading": ({"above", "order"}, 0, 50),
    "one_reading_one_call": ({"above"}, 0, 200),
    "confirmed_on_both_sides": ({"above"}, 160, 200),
    "books_decide": ({"above"}, 0, 50),
    "till_waits_for_books": ({"above"}, 0, 50),
    "every_line_routed": ({"above"}, 0, 50),
    "shortage_moves": ({"above"}, 0, 50),
    "backorder_is_open": ({"above"}, 0, 50),
    "newer_version_reopens": ({"above"}, 0, 100),
    "same_version_changes_nothing": ({"order", "lasting"}, 0, 100),
    "refunds_lower_demand": ({"lasting"}, 0, 50),
    "open_orders_read_again": ({"lasting"}, 0, 100),
    "held_figure_may_fall": ({"above"}, 520, 300),
    "settled_by_reading_back": ({"above", "lasting"}, 70, 300),
}


def in_words(report: Report) -> str:
    again = f"python -m tests.sim.arithmetic --seed {report.seed} --trace"
    return "\n    ".join([f"seed {report.seed}; again: {again}", *report.wrong])


@pytest.mark.drill
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_schedule_shows_more_than_is_known_or_less_for_good_or_depends_on_order(
    part: int, drill: Drill
) -> None:
    first = drill.seed * 1_000_000
    counts: Counter[str] = Counter()
    for seed in range(first + part, first + drill.of(SCHEDULES), PARTS):
        report = simulate(seed)
        assert not report.wrong, in_words(report)
        counts.update(report.counts)

    assert counts["orders"] > drill.of(SCHEDULES) // PARTS * 2
    assert counts["writes"] > counts["orders"]
    drill.say(f"{drill.of(SCHEDULES) // PARTS} schedules: {dict(counts)}")


@pytest.mark.drill
@pytest.mark.timeout(3600)
def test_the_real_ledger_and_availability_do_the_same_on_their_stores_in_memory(drill: Drill) -> None:
    counts: Counter[str] = Counter()
    first = drill.seed * 1_000_000 + 500_000
    for seed in range(first, first + drill.of(REAL)):
        report = simulate(seed, real=True)
        assert not report.wrong, in_words(report)
        counts.update(report.counts)

    assert counts["writes"] > counts["orders"] > drill.of(REAL)
    drill.say(f"{drill.of(REAL)} schedules on the real ledger: {dict(counts)}")


def test_every_repair_is_known_to_be_needed() -> None:
    assert COMES_BACK.keys() == set(NAMES)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES)
def test_without_a_repair_wrong_figures_come_back(name: str) -> None:
    kinds, first, within = COMES_BACK[name]

    for seed in range(first, first + within):
        report = simulate(seed, Repairs.without(name))
        if report.kinds() & kinds:
            return

    pytest.fail(f"{within} schedules without {name}, and nothing of {sorted(kinds)}")


def test_a_sale_at_the_till_after_the_last_session_was_closed_is_entered_too() -> None:
    seed = 500009  # its last act is such a sale

    report = simulate(seed, trace=True)

    tills = [line for line in report.trace if "TILL" in line]
    assert [line.split()[2] for line in tills[-3:]] == ["closes", "sells", "closes"]
    assert not report.wrong, in_words(report)


def test_one_seed_is_one_schedule() -> None:
    first, second = simulate(11, trace=True), simulate(11, trace=True)

    assert first.trace == second.trace
    assert len(first.trace) > 50
