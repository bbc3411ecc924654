"""The measure of availability: dirty items with kits → figures and what is owed to listings."""

from __future__ import annotations

from statistics import median

from benchmarks.bench import Bench
from benchmarks.figures import Figure, of_pairs
from benchmarks.ground import settle
from benchmarks.sides import Side, together

ITEMS = 20_000
NAIVE_ITEMS = 300


def availability(bench: Bench) -> list[Figure]:
    """One worker and two of ours; the naive build computes item by item in one."""
    items, few = bench.effort.count(ITEMS, 100), bench.effort.count(NAIVE_ITEMS, 20)
    pairs: list[tuple[float, float]] = []
    by_two: list[float] = []
    void = ""
    with bench.our_workers(2) as workers:
        for nth in range(bench.effort.pairs):
            bench.reset()
            bench.naive.call("soil", count=items, step=1)
            bench.naive.call("compute", count=few)
            bench.naive.call("soil", count=items, step=1)
            naive = few / bench.naive.call("compute", count=few)
            bench.ours.call("soil", count=items, step=1)
            _rate(bench, workers)
            alone = _rate(bench, workers[:1], dirty=bench.ours.call("soil", count=items, step=1))
            void = void or bench.unequal("figures", count=few)
            by_two.append(_rate(bench, workers, dirty=bench.ours.call("soil", count=items, step=1)))
            pairs.append((alone, naive))
            bench.say(
                f"  availability {nth + 1}: one worker {alone:,.0f}/s, two {by_two[-1]:,.0f}/s,"
                f" naive {naive:,.0f}/s"
            )
    return [
        of_pairs(
            "availability", "dirty items/s, one worker", pairs, goal="≥ 20,000/s", void=void,
            met=lambda ours, _: max(ours, median(by_two)) >= 20_000,
            details={"two_workers": round(median(by_two)), "kits": "one in fifty, of three parts each"},
        )
    ]  # fmt: skip


def _rate(bench: Bench, workers: list[Side], dirty: int = 0) -> float:
    bench.ground.checkpoint()
    settle()
    return dirty / max(float(done["seconds"]) for done in together(workers, "compute"))
