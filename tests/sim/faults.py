"""The fault mix of one seed: what may go wrong, how often, and whether it still may.

Swarm testing: each seed draws its own mix, so that faults meet in ever other company; one seed in ten has a
single fault at 50 %.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, fields


@dataclass(slots=True)
class Faults:
    """Probabilities per opportunity, all 0 once healed. Durations are in seconds of virtual time."""

    crash: float = 0.0  # a worker dies at a switch point
    stall: float = 0.0  # a process stands still, longer than a shard's lease
    commit_lost: float = 0.0  # a transaction is rolled back
    commit_unknown: float = 0.0  # committed, but the caller is told otherwise
    wake_lost: float = 0.0
    wake_doubled: float = 0.0
    hook_lost: float = 0.0
    hook_doubled: float = 0.0
    hook_late: float = 0.0
    answer_lost: float = 0.0  # of a write that was applied
    lands_late: float = 0.0
    line_unknown: float = 0.0  # an answered batch says of one line that nobody knows
    request_lost: float = 0.0
    throttled: float = 0.0
    reads_fail: float = 0.0
    outage: float = 0.0  # chance per second that the shop is away for a while
    broker_down: float = 0.0  # chance per second
    killer: float = 0.0  # chance per action of a message that ends whoever translates it
    poison: float = 0.0  # chance per action of a message the ledger chokes on
    hides: float = 0.0  # an order version is hidden from pulls for some seconds
    steps_slow: float = 0.0
    drawn: dict[str, float] = field(default_factory=dict)

    def heal(self) -> None:
        """End all faults: from here on everything must come right by itself."""
        for each in fields(self):
            if each.name != "drawn":
                setattr(self, each.name, 0.0)


MILD = {
    "crash": 0.01,
    "stall": 0.1,
    "commit_lost": 0.03,
    "commit_unknown": 0.03,
    "wake_lost": 0.3,
    "wake_doubled": 0.2,
    "hook_lost": 0.2,
    "hook_doubled": 0.2,
    "hook_late": 0.3,
    "answer_lost": 0.15,
    "lands_late": 0.15,
    "line_unknown": 0.1,
    "request_lost": 0.1,
    "throttled": 0.1,
    "reads_fail": 0.08,
    "outage": 0.01,
    "broker_down": 0.02,
    "killer": 0.01,
    "poison": 0.01,
    "hides": 0.5,
    "steps_slow": 0.3,
}
SINGLE = {
    "crash": 0.08,
    "stall": 0.4,
    "outage": 0.05,
    "broker_down": 0.1,
    "killer": 0.1,
    "poison": 0.1,
    "commit_lost": 0.1,
    "commit_unknown": 0.1,
}


def draw(rng: random.Random) -> Faults:
    """Return the mix of a seed."""
    if rng.random() < 0.1:
        name = rng.choice(sorted(MILD))
        drawn = {name: SINGLE.get(name, 0.5)}
    else:
        drawn = {
            name: usual * rng.choice((0.5, 1.0, 2.0)) for name, usual in MILD.items() if rng.random() < 0.5
        }
    return Faults(drawn=drawn, **drawn)
