"""What `make drill` runs, with and without --smoke."""

from __future__ import annotations

import argparse

from tests.chaos.drill import commands


def asked(**given: object) -> argparse.Namespace:
    return argparse.Namespace(**{"smoke": False, "minutes": 55.0, "report": None, **given})


def test_the_smoke_is_the_short_campaign_of_faults_alone() -> None:
    ((_, command),) = commands(7, asked(smoke=True, report="r.json"))

    assert command == ["tests.chaos", "--seed", "7", "--report", "r.json", "--smoke"]


def test_a_drill_runs_ten_thousand_simulations_every_campaign_and_the_long_faults_from_one_seed() -> None:
    ran = dict(commands(7, asked()))

    assert ran["simulation"] == ["tests.sim", "--seed", "7", "--seeds", "10000"]
    assert ran["campaigns"] == ["pytest", "--drill", "-m", "drill", "--drill-seed", "7"]
    assert ran["faults, long"] == ["tests.chaos", "--seed", "7", "--minutes", "55.0"]
