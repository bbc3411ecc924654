"""How long a campaign is: `make drill` runs ten times what the suite runs, from a seed it prints."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

FACTOR = 10


@dataclass(frozen=True, slots=True)
class Drill:
    """The size of this run. `seed` is fixed in the suite, drawn anew by a drill."""

    factor: int
    seed: int
    say: Callable[[str], None]

    def of(self, number: int) -> int:
        """Return how many to run where the suite runs this many."""
        return number * self.factor


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("drill")
    group.addoption("--drill", action="store_true", help=f"campaigns of {FACTOR} times the suite's size")
    group.addoption("--drill-seed", type=int, default=None, help="the seed of a campaign, to run it again")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.drill_seed is None:
        # Every worker of one run must draw the same.
        config.option.drill_seed = random.SystemRandom().randrange(10_000) if config.option.drill else 0


def pytest_report_header(config: pytest.Config) -> list[str]:
    drill = f"drill ×{FACTOR}, " if config.option.drill else ""
    return [f"{drill}seed {config.option.drill_seed} (again: --drill-seed {config.option.drill_seed})"]


@pytest.fixture
def drill(request: pytest.FixtureRequest) -> Drill:
    def say(text: str) -> None:
        reporter = request.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and request.config.option.drill:
            reporter.write_line(f"\n{request.node.name}: {text}")

    option = request.config.option
    return Drill(FACTOR if option.drill else 1, option.drill_seed, say)
