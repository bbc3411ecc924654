"""The measure of the whole way: a sale at the door → the figure with it at the channel.

A real door, real workers and a real broker; the channel stamps arrivals by the clock the sender uses. Beside
it what no build can be under here: one commit, one wake-up and one call in a row.
"""

from __future__ import annotations

from statistics import median

from benchmarks import least, way, world
from benchmarks.ages import ages
from benchmarks.bench import Bench
from benchmarks.figures import Figure, of_pairs, quantile
from benchmarks.ground import settle

RATES = (500.0, 250.0, 100.0, 50.0)
"""Sales a second; the first that this machine bears is measured."""
SECONDS = 15.0
WARM_S = 4.0
AMONG = 2_000
FALLS_BEHIND_S = 3.0
FLOOR_ROUNDS = 200
P50_MS, P99_MS = 150.0, 750.0


def freshness(bench: Bench) -> list[Figure]:
    """Send sales at a steady rate; the highest of RATES that does not fall behind."""
    path = bench.way()
    path.limit()
    among = min(AMONG, bench.size.in_stores)
    body = world.till_body(*world.sales(1, 1, seed=1, now=bench.at)).body
    pairs: list[tuple[float, float]] = []
    p99s, p50_floors, p99_floors = [], [], []
    void, rate = "", _borne(bench, path, among)
    for nth in range(bench.effort.few):
        found, late, void_now = _once(bench, path, rate=rate, among=among)
        void = void or void_now
        settle()
        floor = least.in_a_row(
            bench.ground, path.channel, count=bench.effort.count(FLOOR_ROUNDS, 20), body=body
        )
        pairs.append((1000 * quantile(found, 0.5), floor.p50_ms))
        p99s.append(1000 * quantile(found, 0.99))
        p50_floors.append(floor.p50_ms)
        p99_floors.append(floor.p99_ms)
        bench.say(
            f"  freshness {nth + 1} at {rate:.0f}/s: p50 {pairs[-1][0]:.0f} ms, p99 {p99s[-1]:.0f} ms,"
            f" floor {floor.p50_ms:.1f} and {floor.p99_ms:.1f} ms, behind {late:.1f} s"
        )
    p99 = median(p99s)
    return [
        of_pairs(
            "freshness", f"ms at {rate:.0f} events/s, p50", pairs, void=void,
            goal="p50 ≤ 150 ms, p99 ≤ 750 ms at 500/s",
            met=lambda p50, _: rate >= RATES[0] and p50 <= P50_MS and p99 <= P99_MS,
            details={
                "p99_ms": round(p99), "floor_p50_ms": median(p50_floors), "floor_p99_ms": median(p99_floors),
                "reference": "a commit, a wake and a call in a row, in the column of naive",
                "listings": among, "channel": "answers at once; its limit is not reached",
            },
        )
    ]  # fmt: skip


def _borne(bench: Bench, path: way.Way, among: int) -> float:
    """Return the highest rate after which all comes to rest at once; warms everything up."""
    for rate in RATES:
        path.ask("sales", seconds=bench.effort.scale * WARM_S + 1, rate=rate, among=among)
        if path.rest() <= FALLS_BEHIND_S:
            return rate
        bench.say(f"  freshness: {rate:.0f}/s is more than this machine bears")
    return RATES[-1]


def _once(bench: Bench, path: way.Way, *, rate: float, among: int) -> tuple[list[float], float, str]:
    """Return the ages of one run, how long it took to come to rest after it, and what is wrong with it."""
    path.told(anew=True)
    asked = path.ask("sales", seconds=max(2.0, SECONDS * bench.effort.scale), rate=rate, among=among)
    late = path.rest()
    landed = path.told()["landed"]
    found, never = ages(asked.sent, landed, way.SHOWN, asked.before)
    missing = f"{never} of {len(asked.sent)} sales never came to the channel" if never else ""
    return found, late, missing or path.wrong(asked, landed)
