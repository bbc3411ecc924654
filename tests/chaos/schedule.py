"""Which fault happens when: a pure function of the seed. Does nothing; faults.py does.

plan(7, SMOKE) == plan(7, SMOKE)
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

FAMILIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "kill": (
            "kill_pool_child", "kill_worker", "kill_web", "kill_dispatcher", "freeze_worker", "freeze_web",
            "freeze_dispatcher", "ask_worker_to_end", "poison",
        ),
        "broker": (
            "broker_flush", "broker_kill", "broker_wipe", "broker_frozen", "broker_reset", "broker_silent",
        ),
        "postgres": ("postgres_terminate", "postgres_crash", "postgres_kill"),
        "network": ("net_slow", "net_cut", "net_reset", "net_silent", "net_refused", "net_drip"),
        "channel": (
            "channel_429", "channel_5xx", "channel_applied_unanswered", "channel_lost_unanswered",
            "channel_late_landing", "channel_garbage", "channel_partial", "channel_stale_read",
            "channel_outage",
        ),
        "sender": ("sender_twice", "sender_shuffled", "sender_lost", "sender_late", "sender_clock"),
    }
)  # fmt: skip
SHOPS = ("woo", "outlet")
LONG = frozenset({"channel_outage"})
"""Begun in the first half, so that what they did is seen while trade goes on."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many of each kind, within which time of trade."""

    name: str
    trade_s: float
    counts: Mapping[str, int]
    outage_s: float

    @property
    def total(self) -> int:
        return sum(self.counts.values())


SMOKE = Size(
    "smoke",
    165.0,
    MappingProxyType(
        {
            "kill_pool_child": 14, "kill_worker": 2, "kill_web": 2, "kill_dispatcher": 2, "freeze_worker": 4,
            "freeze_web": 3, "freeze_dispatcher": 3, "ask_worker_to_end": 1, "poison": 1,
            "broker_flush": 8, "broker_kill": 1, "broker_wipe": 1, "broker_frozen": 2, "broker_reset": 6,
            "broker_silent": 1,
            "postgres_terminate": 6, "postgres_crash": 1, "postgres_kill": 1,
            "net_slow": 4, "net_cut": 3, "net_reset": 2, "net_silent": 1, "net_refused": 2, "net_drip": 3,
            "channel_429": 4, "channel_5xx": 4, "channel_applied_unanswered": 4, "channel_lost_unanswered": 2,
            "channel_late_landing": 4, "channel_garbage": 3, "channel_partial": 2, "channel_stale_read": 2,
            "channel_outage": 1,
            "sender_twice": 8, "sender_shuffled": 6, "sender_lost": 6, "sender_late": 6, "sender_clock": 3,
        }
    ),
    20.0,
)  # fmt: skip


def long(minutes: float) -> Size:
    """Return the drill's size: the smoke's mix ten times within 55 minutes, fewer in less time."""
    times = max(1.0, 10 * minutes / 55)
    counts = {kind: max(1, round(number * times)) for kind, number in SMOKE.counts.items()}
    counts["channel_outage"] = 1
    return Size("drill", minutes * 60, MappingProxyType(counts), min(600.0, minutes * 60 / 5))


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault: when it begins after the start of trade, what it hits and for how long."""

    at_s: float
    kind: str
    target: str
    seconds: float
    count: int

    @property
    def family(self) -> str:
        return next(name for name, kinds in FAMILIES.items() if self.kind in kinds)


def plan(seed: int, size: Size) -> tuple[Planned, ...]:
    """Return the schedule of a seed, in order of time."""
    dice = random.Random(f"{size.name}:{size.trade_s}:{seed}")
    kinds = [kind for kind in sorted(size.counts) for _ in range(size.counts[kind])]
    dice.shuffle(kinds)
    pace = (size.trade_s - 5) / max(1, len(kinds))
    made = [_drawn(dice, kind, 2 + (nth + dice.random()) * pace, size) for nth, kind in enumerate(kinds)]
    return tuple(sorted(made, key=lambda one: (one.at_s, one.kind)))


def _drawn(dice: random.Random, kind: str, at_s: float, size: Size) -> Planned:
    target, seconds, count = "", 0.0, 1
    if kind.startswith(("channel_", "net_")):
        target = dice.choice(SHOPS)
    if kind.startswith("sender_"):
        target = dice.choice((*SHOPS, "till"))
    if kind in ("kill_pool_child", "kill_worker", "freeze_worker", "ask_worker_to_end"):
        target = dice.choice(("worker-critical", "worker-second", "worker-bulk"))
    if kind.startswith("freeze_") or kind in ("broker_frozen", "broker_silent"):
        seconds = round(dice.uniform(1.0, 4.0), 2)
    if kind.startswith("net_"):
        seconds = round(dice.uniform(1.0, 3.0), 2)
    if kind in ("channel_429", "channel_5xx", "channel_garbage"):
        count = dice.randint(1, 3)
    if kind == "channel_late_landing":
        seconds = round(dice.uniform(0.5, 4.5), 2)
    if kind == "channel_outage":
        seconds = size.outage_s
    if kind == "sender_clock":
        # A shop's within the overlap of its sweeps; beyond it what lost its message is found by number only.
        seconds = float(dice.choice((-90, -20, 20, 90) if target == "till" else (-20, 20)))
    if kind == "sender_late":
        seconds = round(dice.uniform(1.0, 6.0), 2)
    if kind.startswith("sender_"):
        count = dice.randint(1, 4)
    if kind in LONG:
        at_s = dice.uniform(0.1, 0.5) * max(1.0, size.trade_s - seconds)
    return Planned(round(at_s, 3), kind, target, seconds, count)
