"""A thousand small disasters: whatever goes wrong on the way, in the end every figure is right.

SIM_SEEDS and SIM_FIRST_SEED choose how many and which. A failing seed is printed with the command that
replays it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest

from tests.sim.faults import draw
from tests.sim.run import Report, simulate

SEEDS = int(os.environ.get("SIM_SEEDS", "1000"))
FIRST = int(os.environ.get("SIM_FIRST_SEED", "1"))
CHUNKS = 20
LAST_LINES = 60


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The steps log what they do; a thousand runs of it help nobody."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def in_words(report: Report) -> str:
    """Return what went wrong, how to see it again, and how it ended."""
    end = simulate(report.seed, trace=True).trace[-LAST_LINES:]
    return "\n".join(
        [
            f"seed {report.seed} with {report.faults}",
            *(f"    {line}" for line in report.wrong),
            f"replay: python -m tests.sim --seed {report.seed} --trace",
            *end,
        ]
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_whatever_fails_on_the_way_every_figure_is_right_in_the_end(chunk: int) -> None:
    for seed in range(FIRST + chunk, FIRST + SEEDS, CHUNKS):
        report = simulate(seed)
        assert not report.wrong, in_words(report)


def test_one_seed_is_one_run() -> None:
    first, second = simulate(7, trace=True), simulate(7, trace=True)

    assert first.trace == second.trace
    assert len(first.trace) > 100


def test_a_run_really_trades_and_really_writes() -> None:
    reports = [simulate(seed) for seed in range(900_000, 900_020)]

    for name in ("orders", "entries", "landed", "aims", "deliveries"):
        assert sum(report.counts[name] for report in reports) > 20, name


def test_every_fault_is_drawn_by_some_seed_and_some_seeds_have_a_single_one() -> None:
    import random

    drawn = [draw(random.Random(seed)).drawn for seed in range(300)]

    assert {name for faults in drawn for name in faults} >= {"crash", "commit_unknown", "lands_late", "hides"}
    assert any(len(faults) == 1 for faults in drawn)
