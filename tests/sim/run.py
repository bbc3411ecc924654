"""One seed is one run: trade with faults, then no faults, then everything must be right within a bound."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.sim.oracles import Watch, check_end, written_over
from tests.sim.scheduler import Process
from tests.sim.trade import Trade
from tests.sim.world import World

TRADE_S = 36.0
QUIET_S = 30.0  # every stream was read and every open order looked at again
BOUND_S = 1500.0  # the longest pause after many failures is 300 s


@dataclass(slots=True)
class Report:
    """What became of a run."""

    seed: int
    faults: dict[str, float]
    wrong: list[str] = field(default_factory=list)
    converged_after_s: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)


def simulate(seed: int, *, trace: bool = False) -> Report:
    """Run one seed and return what was wrong with it; the same seed gives the same run."""
    lines: list[str] = []
    world = World(seed, trace=lines.append if trace else None)
    report = Report(seed, world.faults.drawn, trace=lines)
    watch = Watch(world)
    trade = Trade(world)
    scheduler = world.scheduler
    scheduler.spawn(Process("trade", lambda: trade.run(TRADE_S)))
    world.crew.start()
    try:
        scheduler.run_until(TRADE_S)
        scheduler.say("HEALED")
        world.faults.heal()
        world.crew.broker_down_until_s = world.shop_wire.away_until_s = 0.0
        scheduler.run_until(TRADE_S + QUIET_S)
        wrong = check_end(world)
        while wrong and scheduler.now_s < TRADE_S + BOUND_S:
            scheduler.run_until(scheduler.now_s + 20.0)
            wrong = check_end(world)
        report.converged_after_s = scheduler.now_s - TRADE_S
    finally:
        scheduler.abandon()
    report.wrong = [*dict.fromkeys(watch.violations), *written_over(world, watch), *wrong]
    report.counts.update(
        aims=watch.aims,
        landed=len(world.shop.landed),
        orders=len(world.shop.orders),
        entries=len(world.till.versions),
        deliveries=len(world.hub.intake.tables.deliveries),
        tasks=world.crew.done,
    )
    return report
