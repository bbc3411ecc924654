"""The measure of a vendor's limit: each side is offered twice the figures that it lets through.

The lane keeps the newest figure of each listing, so what is owed cannot outgrow the listings, and how old a
figure gets stays within the bound of its class (propagation/selectors.bounds). The naive build has a call for
every figure, each of which waits behind all others: it falls behind by half of what it is offered.
"""

from __future__ import annotations

import threading
import time
from statistics import median
from typing import Any

from benchmarks import way
from benchmarks.ages import ages, oldest
from benchmarks.bench import Bench
from benchmarks.figures import Figure, of_pairs
from benchmarks.sides import celery_worker

PER_S, BURST = 5.0, 5.0
LINES, CALLS = 100, 5
"""Of a flight: figures it carries at most, and the calls it is made of."""
THROUGH_PER_S = PER_S / CALLS * LINES
SECONDS, AMONG = 30.0, 600
NAIVE_SECONDS = 16.0
SAMPLED_EVERY_S = 1.0
PATIENCE_S = 240.0


def twice_limit(bench: Bench) -> list[Figure]:
    """Send twice what gets through; compare the oldest figure with the bound of what is owed."""
    path = bench.way()
    among = min(AMONG, bench.size.in_stores)
    pairs: list[tuple[float, float]] = []
    lags: list[tuple[float, float]] = []
    void, over = "", 0
    for nth in range(bench.effort.few):
        stalest, bound, wrong, refused = _ours(bench, path, among)
        lags.append(_naive(bench, among, nth))
        void, over = void or wrong, over + refused
        pairs.append((stalest, bound))
        bench.say(
            f"  twice_limit {nth + 1}: oldest {stalest:.1f} s, bound {bound:.1f} s;"
            f" naive lag {lags[-1][0]:.1f} s, then {lags[-1][1]:.1f} s"
        )
    path.limit()
    half, whole = median(one for one, _ in lags), median(other for _, other in lags)
    return [
        of_pairs(
            "twice_limit", "s, oldest figure", pairs, goal="≤ 1.15× its bound while naive grows", void=void,
            met=lambda _, ratio: ratio <= 1.15 and whole > half and not over,
            details={
                "reference": "the bound of its class, in the column of naive",
                "offered_per_s": 2 * THROUGH_PER_S,
                "limit": f"{PER_S:g} calls/s, {CALLS} calls a flight of {LINES} lines",
                "naive_lag_s_at_half_and_end": f"{half:.1f}, {whole:.1f}",
                "calls_above_the_limit": over,
            },
        )
    ]  # fmt: skip


def _ours(bench: Bench, path: way.Way, among: int) -> tuple[float, float, str, int]:
    """Return the oldest a figure got, the highest bound told meanwhile, what is wrong, calls refused."""
    path.rest()
    path.limit(PER_S, BURST)
    ended = threading.Event()
    told: list[dict[str, Any]] = []
    watcher = threading.Thread(target=_watch, args=(bench, ended, told))
    watcher.start()
    try:
        asked = path.ask(
            "sales", seconds=max(3.0, SECONDS * bench.effort.scale), rate=2 * THROUGH_PER_S, among=among
        )
    finally:
        ended.set()
        watcher.join()
    last = asked.sent[-1][0]
    path.rest(patience_s=PATIENCE_S)
    seen = path.told()
    _, never = ages(asked.sent, seen["landed"], way.SHOWN, asked.before)
    wrong = f"{never} sales never came to the channel" if never else path.wrong(asked, seen["landed"])
    stalest = max(_oldest_at(asked, seen, at) for at in _moments(asked, last))
    bound = max((one["every_s"] for one in told), default=0.0)
    return stalest, bound or 0.001, wrong, seen["over"]


def _oldest_at(asked: way.Asked, seen: dict[str, Any], at: float) -> float:
    return oldest(asked.sent, seen["landed"], way.SHOWN, asked.before, at=at)


def _moments(asked: way.Asked, until: float) -> list[float]:
    """Return moments of the sending, one a second."""
    began = asked.sent[0][0]
    return [began + nth for nth in range(1, int(until - began) + 1)] or [until]


def _watch(bench: Bench, ended: threading.Event, told: list[dict[str, Any]]) -> None:
    while not ended.wait(SAMPLED_EVERY_S):
        told.append(bench.ours.call("bounds"))


def _naive(bench: Bench, among: int, nth: int) -> tuple[float, float]:
    """Return how far the naive build is behind at half of the time, and at its end."""
    seconds = max(4.0, NAIVE_SECONDS * bench.effort.scale)
    count, first = max(8, int(2 * PER_S * seconds)), 0
    seed = bench.effort.seed + 700 + nth
    sent: list[tuple[float, int]] = []
    with way.channel(bench, "naive-throttled") as url:
        way.tell(url, anew=True, per_s=PER_S, burst=BURST)
        environment = bench.naive_environment | {"CHANNEL_URL": url}
        with celery_worker(
            "naive-throttled-worker", "benchmarks.naive.celery", "celery,availability", environment,
            bench.ground.logs,
        ):  # fmt: skip
            began = time.monotonic()
            while first < count:
                some = max(1, round(2 * PER_S * 0.5))
                numbers = bench.naive.call(
                    "sell", now=bench.now, seed=seed, count=some, among=among, first=first
                )
                sent += [(time.monotonic(), number) for number in numbers]
                first += some
                time.sleep(max(0.0, began + first / (2 * PER_S) - time.monotonic()))
            ended = time.monotonic()
        calls = [when for when, number, _ in way.tell(url)["landed"] if number <= among]
    return _behind(sent, calls, (began + ended) / 2), _behind(sent, calls, ended)


def _behind(sent: list[tuple[float, int]], calls: list[float], at: float) -> float:
    """Return the age of the oldest event that has not been called for, as one call is one event."""
    made = sum(1 for when in calls if when <= at)
    waiting = [when for when, _ in sent if when <= at][made:]
    return at - waiting[0] if waiting else 0.0
