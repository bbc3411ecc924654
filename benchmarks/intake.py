"""The measure of the door: signed webhooks → answered after their commit, and how long an answer takes.

Two processes a side, no worker behind either: what is measured is taking in. All messages are stored, for
what is acknowledged and not stored is lost: a figure with one missing is void.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from statistics import median
from typing import Any

from benchmarks import least, pace, world
from benchmarks.bench import Bench
from benchmarks.figures import Figure, of_pairs
from benchmarks.ground import settle
from benchmarks.requests import NAIVE, OURS, Face
from benchmarks.sides import web
from runner.servers import LOOPBACK

CLIENTS = 32
WARM_UP = 128
NAIVE_COUNT, OUR_COUNT = 1_200, 10_000
HALF_LOAD_S = 6.0
REPEATED = 64
P99_MS = 25.0


def intake(bench: Bench) -> list[Figure]:
    """Ask both doors to store the same orders, then ours for more; then ours at half of what it bore."""
    common, more = bench.effort.count(NAIVE_COUNT, 64), bench.effort.count(OUR_COUNT, 128)
    pairs: list[tuple[float, float]] = []
    full: list[dict[str, Any]] = []
    half: list[tuple[dict[str, Any], least.Least]] = []
    void = ""
    with (
        _web(bench, "our-door", OURS, bench.our_environment) as our_port,
        _web(bench, "naive-door", NAIVE, bench.naive_environment) as other,
    ):
        ask_ours = partial(_ask, bench, pace.OURS, our_port)
        ask_naive = partial(_ask, bench, pace.NAIVE, other)
        for nth in range(bench.effort.pairs):
            bench.reset()
            seed = bench.effort.seed + nth
            for ask in (ask_naive, ask_ours):
                ask(count=WARM_UP, first=0, seed=seed)
            naive = ask_naive(count=common, first=WARM_UP, seed=seed)
            settle()
            ours = ask_ours(count=more, first=WARM_UP, seed=seed)
            again = ask_ours(count=REPEATED, first=WARM_UP, seed=seed)
            pairs.append((more / ours["seconds"], common / naive["seconds"]))
            half.append(_at_half(bench, ask_ours, rate=pairs[-1][0] / 2, first=WARM_UP + more, seed=seed))
            full.append(ours)
            void = void or _refused(naive, ours, again, half[-1][0])
            void = void or _missing(bench, naive=WARM_UP + common, ours=WARM_UP + more + half[-1][0]["count"])
            bench.say(
                f"  intake {nth + 1}: ours {pairs[-1][0]:,.0f}/s, naive {pairs[-1][1]:,.0f}/s;"
                f" half: p99 {half[-1][0]['p99_ms']:.1f} ms, bare insert {half[-1][1].p99_ms:.1f} ms"
            )
    p99 = median(one["p99_ms"] for one, _ in half)
    return [
        of_pairs(
            "intake", f"acknowledgements/s, {CLIENTS} clients", pairs,
            goal="≥ 5×, aim 9×, p99 ≤ 25 ms at half load", void=void,
            met=lambda _, ratio: ratio >= 5 and p99 <= P99_MS,
            details={
                "half_load_p50_ms": round(median(one["p50_ms"] for one, _ in half), 2),
                "half_load_p99_ms": round(p99, 2),
                "bare_insert_p50_ms": median(floor.p50_ms for _, floor in half),
                "bare_insert_p99_ms": median(floor.p99_ms for _, floor in half),
                "full_load_p99_ms": round(median(one["p99_ms"] for one in full), 2),
                "generator_cpu_share": round(median(one["cpu_share"] for one in full), 2),
                "message": "a shop's order, signed, 3 to 4 kB",
            },
        )
    ]  # fmt: skip


def _at_half(
    bench: Bench, ask: partial[dict[str, Any]], *, rate: float, first: int, seed: int
) -> tuple[dict[str, Any], least.Least]:
    """Return what the door did at a rate, and what bare inserts of such bodies do at the same."""
    count = max(64, int(rate * HALF_LOAD_S * bench.effort.scale))
    settle()
    done = ask(count=count, first=first, seed=seed, rate=rate)
    settle()
    body = world.orders(1, 1, seed=seed, now=bench.at, first=first)[0].raw.body
    floor = least.inserts(bench.ground, clients=CLIENTS, rate=rate, count=count, body=body)
    return {**done, "count": count}, floor


def _web(bench: Bench, name: str, face: Face, environment: dict[str, str]) -> AbstractContextManager[int]:
    return web(name, face.server, face.application, environment, bench.ground.logs, live=face.live)


def _ask(bench: Bench, side: str, port: int, **plan: Any) -> dict[str, Any]:
    among = bench.size.in_stores
    return bench.pace(
        side=side, what="orders", host=LOOPBACK, port=port, among=among, clients=CLIENTS, **plan
    )


def _refused(*outcomes: dict[str, Any]) -> str:
    for one in outcomes:
        if set(one["statuses"]) - {"200", "202"}:
            return f"refused: {one['statuses']} {one['refused'][-200:]}"
    return ""


def _missing(bench: Bench, *, naive: int, ours: int) -> str:
    """Return what was acknowledged and is not there, or is there twice."""
    found = bench.naive.call("stored"), bench.ours.call("stored")
    return "" if found == (naive, ours) else f"stored {found}, acknowledged {(naive, ours)}"
