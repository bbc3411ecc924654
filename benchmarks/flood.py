"""The measure of tiers: what a flood of bulk work does to the shop's orders, from the door to the channel.

Calm and flood take turns. The flood is stored on the bulk tier while orders come at a steady rate; it must be
under way as long as they come, or the figure is void. Deliveries of the flood are of other items.
"""

from __future__ import annotations

from statistics import median

from benchmarks import way
from benchmarks.bench import Bench
from benchmarks.figures import Figure, of_pairs, quantile

RATE, SECONDS, AMONG = 20.0, 12.0, 200
FLOOD = 30_000
LINES = 20
PATIENCE_S = 300.0


def flood(bench: Bench) -> list[Figure]:
    """Send orders in calm and under a flood; the 99th percentile of one against the other."""
    path = bench.way()
    path.limit()
    _orders(bench, path)  # warms up
    path.rest()
    pairs: list[tuple[float, float]] = []
    void = ""
    for nth in range(bench.effort.few):
        calm, _, wrong = _orders(bench, path)
        events = bench.effort.count(FLOOD, 2_000)
        bench.ours.call(
            "store", **bench.with_world(seed=bench.effort.seed + 900 + nth), count=events // LINES,
            first=10_000_000 * (nth + 1), lines=LINES, tier="bulk",
        )  # fmt: skip
        flooded, left, wrong_too = _orders(bench, path)
        path.rest(patience_s=PATIENCE_S)
        void = void or wrong or wrong_too
        if not left and bench.effort.scale >= 1:
            void = void or "the flood was over before the orders were"
        pairs.append((1000 * quantile(flooded, 0.99), 1000 * quantile(calm, 0.99)))
        bench.say(f"  flood {nth + 1}: p99 {pairs[-1][0]:.0f} ms, calm {pairs[-1][1]:.0f} ms, {left} left")
    return [
        of_pairs(
            "flood", "ms from order to figure, p99", pairs, goal="≤ 2× of calm", void=void,
            met=lambda _, ratio: ratio <= 2,
            details={
                "reference": "the same in calm, in the column of naive",
                "orders_per_s": RATE,
                "flood": f"{bench.effort.count(FLOOD, 2_000):,} events, {LINES} a delivery, on the bulk tier",
                "calm_p99_ms": round(median(calm for _, calm in pairs)),
            },
        )
    ]  # fmt: skip


def _orders(bench: Bench, path: way.Way) -> tuple[list[float], int, str]:
    """Return how old their figures were, how much of the flood was left when all were sent, what is wrong."""
    path.told(anew=True)
    seconds = max(2.0, SECONDS * bench.effort.scale)
    asked = path.ask("orders", seconds=seconds, rate=RATE, among=min(AMONG, bench.size.in_stores))
    left = bench.ours.call("owed")["bulk"]
    found, wrong = path.shown(asked)
    return found, left, wrong
