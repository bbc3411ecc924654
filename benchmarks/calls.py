"""The measure of calls: how many a vendor gets for each event, reads included, under skewed trade.

Till sales by Zipf's law, a third of the listings variations, which are written parent by parent. Ours within
the limit the connector declares, and without one; the naive build calls for every figure. The channel counts.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from benchmarks import way
from benchmarks.ages import ages
from benchmarks.bench import Bench
from benchmarks.figures import Figure, of_pairs, quantile
from benchmarks.ground import settle
from benchmarks.sides import celery_worker

ZIPF = 1.1
DECLARED_PER_S, DECLARED_BURST = 2.0, 10.0
"""Of connectors/woocommerce: a host that says nothing of its limits."""
RATE, SECONDS, AMONG = 100.0, 25.0, 2_000
NAIVE_COUNT = 400
PATIENCE_S = 240.0


def calls(bench: Bench) -> list[Figure]:
    """Count the calls of both sides for events drawn alike."""
    path = bench.way()
    among = min(AMONG, bench.size.in_stores)
    bench.ours.call("vary", among=among)
    pairs: list[tuple[float, float]] = []
    stale: list[float] = []
    kinds: dict[str, int] = {}
    void = ""
    with way.channel(bench, "naive-channel") as url:
        environment = bench.naive_environment | {"CHANNEL_URL": url}
        with celery_worker(
            "naive-pusher", "benchmarks.naive.celery", "celery,availability", environment, bench.ground.logs
        ):
            for nth in range(bench.effort.few):
                naive = _naive(bench, url, among, nth)
                settle()
                bound, wrong, p99, counted = _ours(bench, path, among, DECLARED_PER_S, DECLARED_BURST)
                void, kinds = void or wrong, counted
                pairs.append((bound, naive))
                stale.append(p99)
                bench.say(f"  calls {nth + 1}: ours {bound:.3f} an event, naive {naive:.2f}")
    free, wrong, _, _ = _ours(bench, path, among, way.FREE_PER_S, way.FREE_BURST)
    void = void or wrong
    path.limit()
    return [
        of_pairs(
            "calls", "calls/event, Zipf 1.1", pairs, goal="−95 %: ≤ 0.05× of naive", void=void,
            met=lambda _, ratio: ratio <= 0.05,
            details={
                "limit": f"{DECLARED_PER_S:g}/s, burst {DECLARED_BURST:g}, as the connector declares",
                "events_per_s": RATE,
                "figures_p99_s": round(median(stale), 1),
                "without_a_limit": round(free, 3),
                "of_the_last": kinds,
            },
        )
    ]  # fmt: skip


def _ours(
    bench: Bench, path: way.Way, among: int, per_s: float, burst: float
) -> tuple[float, str, float, dict[str, Any]]:
    """Return calls an event until all is told, what is wrong, how old figures were, and calls by kind."""
    path.rest()
    path.limit(per_s, burst)
    seconds = max(2.0, SECONDS * bench.effort.scale)
    asked = path.ask("sales", seconds=seconds, rate=RATE, among=among, zipf=ZIPF)
    path.rest(patience_s=PATIENCE_S)
    told = path.told()
    found, never = ages(asked.sent, told["landed"], way.SHOWN, asked.before)
    wrong = f"{never} sales never came to the channel" if never else path.wrong(asked, told["landed"])
    made = sum(told["calls"].values()) + told["over"]
    return made / len(asked.sent), wrong, quantile(found, 0.99), told["calls"]


def _naive(bench: Bench, url: str, among: int, nth: int) -> float:
    """Return calls an event, once nothing has come for a while."""
    count = bench.effort.count(NAIVE_COUNT, 20)
    way.tell(url, anew=True)
    bench.naive.call(
        "sell",
        now=bench.now,
        seed=bench.effort.seed + 600 + nth,
        count=count,
        among=among,
        first=0,
        zipf=ZIPF,
    )
    bench.naive.call("wait", patience_s=PATIENCE_S)
    seen, made = -1, 0
    while made != seen:
        settle(5.0)
        seen, made = made, sum(way.tell(url)["calls"].values())
    return made / count
