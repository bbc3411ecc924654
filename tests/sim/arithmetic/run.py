"""One seed is one schedule: trade, then quiet, then everything must be right and independent of order."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from tests.sim.arithmetic.hub import Hub
from tests.sim.arithmetic.real_hub import RealHub
from tests.sim.arithmetic.repairs import Repairs
from tests.sim.arithmetic.trade import Trade
from tests.sim.arithmetic.verdict import depends_on_order, short, unsettled
from tests.sim.arithmetic.world import World

TRADE_S = 70.0
QUIET_S = 110.0
LONGER_S = 400.0  # a schedule that has not come right is given more time once


@dataclass(slots=True)
class Report:
    """What became of a schedule. `wrong` is empty when nothing is."""

    seed: int
    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)

    def kinds(self) -> set[str]:
        """Return the kinds of what is wrong: above, lasting, order."""
        return {line.partition(":")[0] for line in self.wrong}


def simulate(seed: int, repairs: Repairs | None = None, *, trace: bool = False, real: bool = False) -> Report:
    """Play one schedule; `real` with the real ledger on its store in memory, else with the rules alone."""
    report = Report(seed)
    say = report.trace.append if trace else None
    world = World(random.Random(seed), repairs or Repairs(), say, RealHub if real else Hub)
    clock = world.clock
    trade = Trade(world)
    clock.spawn(trade.run(TRADE_S))
    clock.run_until(TRADE_S)
    world.mix.heal()
    clock.spawn(trade.finish())
    clock.run_until(TRADE_S + QUIET_S)
    if unsettled(world):
        report.counts["needed longer"] += 1
        clock.run_until(TRADE_S + QUIET_S + LONGER_S)
    report.wrong += world.above
    report.wrong += [f"lasting: {each}" for each in unsettled(world)]
    report.wrong += [f"order: {each}" for each in depends_on_order(world)]
    report.counts.update(world.counts)
    report.counts["oversold in the end"] += sum(short(world).values())
    return report
