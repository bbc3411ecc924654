"""Measures of events: deliveries (raw → levels, two workers) and apply (parsed → levels, one)."""

from __future__ import annotations

from statistics import median

from benchmarks.bench import Bench
from benchmarks.figures import Figure, of_pairs
from benchmarks.ground import settle
from benchmarks.sides import celery_worker, together

COMMON = 1_600
"""Deliveries and events that both sides are given and whose results are compared."""
MORE = 20_000
"""What ours is given besides, so that its clock runs for seconds too."""
PATIENCE_S = 180.0


def deliveries(bench: Bench) -> list[Figure]:
    """Raw deliveries → committed levels and dirty marks, two worker processes a side."""
    common, more = bench.effort.count(COMMON), bench.effort.count(MORE)
    pairs: list[tuple[float, float]] = []
    void = ""
    environment, logs = bench.naive_environment, bench.ground.logs
    with (
        bench.our_workers(2) as workers,
        celery_worker("naive-worker", "benchmarks.naive.celery", "celery", environment, logs),
    ):
        for nth in range(bench.effort.pairs):
            bench.reset()
            what = bench.with_world(seed=bench.effort.seed + nth)
            bench.naive.call("rest", rests=True)
            bench.naive.call("store", **what, count=common, first=0)
            settle()
            bench.naive.call("rest", rests=False)
            naive = common / bench.naive.call("wait", patience_s=PATIENCE_S)

            bench.ours.call("store", **what, count=common, first=0)
            together(workers, "drain")
            void = void or bench.unequal()
            stored = bench.ours.call("store", **what, count=more, first=1_000_000)
            settle()
            ours = stored / max(done["seconds"] for done in together(workers, "drain"))
            if left := bench.ours.call("undone"):
                void = void or f"{left} of our deliveries were not done"
            pairs.append((ours, naive))
            bench.say(
                f"  deliveries {nth + 1}: ours {ours:,.0f}/s, naive {naive:,.0f}/s, {ours / naive:.1f}×"
            )
    bench.reset()
    what = bench.with_world(seed=bench.effort.seed + 90)
    ours_at = bench.ours.call("shares", **what, count=more // 4, first=0)
    naive_at = bench.naive.call("shares", **what, count=common // 2)
    return [
        of_pairs(
            "deliveries", "events/s", pairs, goal="≥ 20×, aim 40×", void=void,
            met=lambda _, ratio: ratio >= 20,
            details={
                "workers": 2,
                "mix": "half till events, half shop orders, one line each",
                "our_shares": _shares(ours_at),
                "naive_shares_till_events": _shares(naive_at),
            },
        )
    ]  # fmt: skip


def apply(bench: Bench) -> list[Figure]:
    """Parsed events → committed levels and dirty marks, one process a side."""
    common, more = bench.effort.count(1_200), bench.effort.count(40_000)
    pairs: list[tuple[float, float]] = []
    void = ""
    for nth in range(bench.effort.pairs):
        bench.reset()
        what = bench.with_world(seed=bench.effort.seed + nth)
        naive = common / bench.naive.call("apply", **what, count=common)
        bench.ours.call("apply", **what, count=common)
        void = void or bench.unequal()
        settle()
        ours = more / bench.ours.call("apply", **what, count=more, first=1_000_000)
        pairs.append((ours, naive))
        bench.say(f"  apply {nth + 1}: ours {ours:,.0f}/s, naive {naive:,.0f}/s, {ours / naive:.1f}×")
    return [
        of_pairs(
            "apply", "events/s, one worker", pairs, goal="≥ 40× and ≥ 20,000/s, aim 100×", void=void,
            met=lambda ours, ratio: ratio >= 40 and ours >= 20_000,
            details={"batch": 1000, "us_per_event": round(1e6 / median(ours for ours, _ in pairs), 1)},
        )
    ]  # fmt: skip


def skew(bench: Bench) -> list[Figure]:
    """Ours, parsed events: keys by Zipf's law with exponent 1.5 against keys drawn evenly."""
    more = bench.effort.count(40_000)
    pairs: list[tuple[float, float]] = []
    for nth in range(bench.effort.pairs):
        what = bench.with_world(seed=bench.effort.seed + nth, count=more)
        bench.reset()
        even = more / bench.ours.call("apply", **what)
        bench.reset()
        skewed = more / bench.ours.call("apply", **what, zipf=1.5)
        pairs.append((skewed, even))
        bench.say(f"  skew {nth + 1}: Zipf {skewed:,.0f}/s, even {even:,.0f}/s")
    found = of_pairs(
        "skew", "events/s, Zipf 1.5", pairs, goal="0.8–2× of even keys",
        met=lambda _, ratio: 0.8 <= ratio <= 2,
        details={"reference": "ours with keys drawn evenly, in the column of naive"},
    )  # fmt: skip
    return [found]


def _shares(seconds: dict[str, float]) -> dict[str, str]:
    total = seconds.get("total") or sum(seconds.values())
    return {name: f"{100 * value / total:.0f} %" for name, value in seconds.items() if name != "total"}
