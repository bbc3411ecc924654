"""Measures of what lasts: the cost of an event when the ledger has grown, and a worker's memory."""

from __future__ import annotations

from statistics import median

from benchmarks.bench import OUR_SETTINGS, OURS, Bench
from benchmarks.figures import Figure, of_pairs
from benchmarks.ground import settle
from benchmarks.sides import Side

SMALL, LARGE, LARGEST = 100_000, 10_000_000, 100_000_000
LINES = 20
"""Lines a till event, for memory: a million events come in fifty thousand deliveries."""


def growth(bench: Bench) -> list[Figure]:
    """Ours, parsed events: what one costs in a large ledger against a small one, turn by turn."""
    small, large = bench.effort.count(SMALL, 1200), bench.effort.count(LARGE, 12_000)
    found = [_growth(bench, "growth", small, large)]
    if bench.effort.hundred_million:
        found.append(_growth(bench, "growth_100m", small, bench.effort.count(LARGEST, 24_000)))
    return found


def _growth(bench: Bench, name: str, small: int, large: int) -> Figure:
    count = bench.effort.count(20_000)
    bench.reset()
    ledgers: list[Side] = []
    costs: list[tuple[float, float]] = []
    try:
        for label, rows in (("small", small), ("large", large)):
            database = f"bench_{name}_{label}"
            bench.ours.call("let_go")
            bench.ground.create(database, like=OURS)
            environment = bench.ground.environment(database, broker=0, settings=OUR_SETTINGS)
            ledgers.append(Side(f"{name}-{label}", "benchmarks.ours", environment, bench.ground.logs))
            ledgers[-1].call("past", rows=rows, now=bench.now)
            bench.say(f"  {name}: {rows:,} rows are there")
        bench.ground.checkpoint()
        for nth in range(bench.effort.pairs + 1):
            what = bench.with_world(seed=bench.effort.seed + nth, count=count, everywhere=True)
            turn = []
            for side in ledgers:
                turn.append(1e6 * side.call("apply", **what) / count)
                bench.ground.checkpoint()
                settle()
            if nth:  # the first turn only warms the caches
                costs.append((turn[1], turn[0]))
                bench.say(f"  {name} {nth}: large {turn[1]:.1f} µs, small {turn[0]:.1f} µs")
    finally:
        for side in ledgers:
            side.stop()
        for label in ("small", "large"):
            bench.ground.drop(f"bench_{name}_{label}")
    return of_pairs(
        name, f"µs/event at {large:,} rows", costs, goal="≤ 1.2× of 100 k, aim 1.1×",
        met=lambda _, ratio: ratio <= 1.2,
        details={"reference": f"ours at {small:,} rows, in the column of naive", "months": 12},
    )  # fmt: skip


def memory(bench: Bench) -> list[Figure]:
    """One worker of ours drains a million events: its highest and its growing resident memory."""
    bench.reset()
    parts = 20
    deliveries = max(1, bench.effort.count(1_000_000, 2_000) // (parts * LINES))
    sizes: list[dict[str, float]] = []
    with bench.our_workers(1) as [worker]:
        for part in range(parts):
            bench.ours.call(
                "store", **bench.with_world(seed=bench.effort.seed + 70), count=deliveries,
                first=part * deliveries * LINES, lines=LINES,
            )  # fmt: skip
            worker.call("drain")
            sizes.append(worker.call("memory"))
        undone = bench.ours.call("undone")
    warm = sizes[max(0, parts // 10 - 1)]
    growth_mb = sizes[-1]["now_mb"] - warm["now_mb"]
    peak_mb = sizes[-1]["peak_mb"]
    events = parts * deliveries * LINES
    bench.say(f"  memory: peak {peak_mb:.0f} MB, grown {growth_mb:.1f} MB over {events:,} events")
    return [
        Figure(
            "memory", f"MB at most, {events:,} events", round(peak_mb, 1),
            goal="≤ 150 MB, growth ≤ 10 MB", met=peak_mb <= 150 and growth_mb <= 10,
            void=f"{undone} deliveries were not done" if undone else "",
            details={
                "growth_mb": round(growth_mb, 1),
                "median_mb": round(median(size["now_mb"] for size in sizes), 1),
                "measured_after": "the first tenth",
            },
        )
    ]  # fmt: skip
