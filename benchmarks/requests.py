"""Measures of reservations through the real web server: one hot item, and a hundred thousand."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

from benchmarks.bench import Bench
from benchmarks.figures import Figure, of_pairs
from benchmarks.ground import settle
from benchmarks.sides import web
from benchmarks.world import SHOP
from runner.servers import LOOPBACK

CLIENTS = 32
WARM_UP = 64


@dataclass(frozen=True, slots=True)
class Face:
    """How one side is asked for a reservation."""

    server: str
    application: str
    live: str
    path: str
    scheme: str
    template: str
    more: tuple[tuple[str, str], ...] = ()

    def plan(self, key: str, port: int, *, count: int, first: int, among: int, seed: int) -> dict[str, Any]:
        return {
            "host": LOOPBACK, "port": port, "path": self.path, "template": self.template,
            "headers": {"Authorization": f"{self.scheme} {key}", **dict(self.more)},
            "clients": CLIENTS, "count": count, "first": first, "among": among, "seed": seed,
        }  # fmt: skip


OURS = Face(
    server="uvicorn",
    application="inventory_sync.config.asgi:application",
    live="/health/live",
    path="/api/v1/reservations",
    scheme="Bearer",
    template=f'{{"channel":"{SHOP}","reference":"B@N@","lines":[{{"line":"1","sku":"@SKU@","quantity":"1"}}]}}',
)
NAIVE = Face(
    server="gunicorn",
    application="benchmarks.naive.wsgi:application",
    live="/api/reservations/",
    path="/api/reservations/",
    scheme="Token",
    template=f'{{"channel":"{SHOP}","order_ref":"B@N@","line":"1","sku":"@SKU@","quantity":"1"}}',
)


def _web(name: str, face: Face, environment: Mapping[str, str], bench: Bench) -> AbstractContextManager[int]:
    return web(name, face.server, face.application, environment, bench.ground.logs, live=face.live)


def reservations(bench: Bench, *, name: str, among: int, naive_count: int, our_count: int) -> list[Figure]:
    """Ask both sides for the same reservations, one each request; then ours for more, to fill seconds."""
    common, more = bench.effort.count(naive_count), bench.effort.count(our_count)
    pairs: list[tuple[float, float]] = []
    seen: dict[str, list[dict[str, Any]]] = {"ours": [], "naive": []}
    void = ""
    with (
        _web("our-web", OURS, bench.our_environment, bench) as our_port,
        _web("naive-web", NAIVE, bench.naive_environment, bench) as other,
    ):
        ask_ours = partial(OURS.plan, bench.keys["ours"], our_port, among=among)
        ask_naive = partial(NAIVE.plan, bench.keys["naive"], other, among=among)
        for nth in range(bench.effort.pairs):
            bench.reset()
            seed = bench.effort.seed + nth
            for plan in (ask_naive, ask_ours):
                bench.load(**plan(count=WARM_UP, first=0, seed=seed))
            naive = bench.load(**ask_naive(count=common, first=WARM_UP, seed=seed))
            settle()
            same = bench.load(**ask_ours(count=common, first=WARM_UP, seed=seed))
            void = void or bench.unequal()
            ours = bench.load(**ask_ours(count=more, first=WARM_UP + common, seed=seed))
            for outcome in (naive, same, ours):
                if set(outcome["statuses"]) - {"200", "201"}:
                    void = void or f"refused: {outcome['statuses']} {outcome['refused'][-200:]}"
            seen["ours"].append(ours)
            seen["naive"].append(naive)
            pairs.append((more / ours["seconds"], common / naive["seconds"]))
            bench.say(
                f"  {name} {nth + 1}: ours {pairs[-1][0]:,.0f}/s p99 {ours['p99_ms']:.1f} ms,"
                f" naive {pairs[-1][1]:,.0f}/s p99 {naive['p99_ms']:.1f} ms"
            )
    details = {
        f"{side}_{what}": round(median(one[what] for one in outcomes), 2)
        for side, outcomes in seen.items()
        for what in ("p50_ms", "p99_ms")
    }
    details["generator_cpu_share"] = round(median(one["cpu_share"] for one in seen["ours"]), 2)
    goal = {"hot_item": "≥ 25×, p99 ≤ 50 ms, aim 40×", "spread": "≥ 5×"}[name]
    least, p99 = (25, 50.0) if name == "hot_item" else (5, float("inf"))
    return [
        of_pairs(
            name, f"reservations/s, {CLIENTS} clients", pairs, goal=goal, void=void, details=details,
            met=lambda _, ratio: ratio >= least and details["ours_p99_ms"] <= p99,
        )
    ]  # fmt: skip


def hot_item(bench: Bench) -> list[Figure]:
    return reservations(bench, name="hot_item", among=1, naive_count=800, our_count=10_000)


def spread(bench: Bench) -> list[Figure]:
    return reservations(bench, name="spread", among=bench.size.stocked, naive_count=1_200, our_count=8_000)
