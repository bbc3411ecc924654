"""One run: the ground, both sides, and what the measures need of them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from benchmarks.figures import Figure
from benchmarks.ground import Ground, settle
from benchmarks.sides import Side, together
from benchmarks.way import Way, open_way
from benchmarks.world import ROOT, Size

OURS, NAIVE = "bench_ours", "bench_naive"
OUR_SETTINGS, NAIVE_SETTINGS = "inventory_sync.config.settings", "benchmarks.naive.settings"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured. `scale` shrinks every count, for the smoke test."""

    pairs: int = 5
    scale: float = 1.0
    seed: int = 1
    hundred_million: bool = False

    @property
    def few(self) -> int:
        """Return how many pairs of what takes the better part of a minute each."""
        return min(3, self.pairs)

    def count(self, full: int, least: int = 8) -> int:
        return max(least, int(full * self.scale))


@dataclass
class Bench:
    """Both sides, ready. `say` shows progress."""

    ground: Ground
    effort: Effort
    size: Size
    say: Callable[[str], None]
    ours: Side
    naive: Side
    keys: dict[str, str]
    now: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    ends: ExitStack = field(default_factory=ExitStack)
    _way: Way | None = None

    def way(self) -> Way:
        """Return all processes of the platform, started at the first call; they end with the run."""
        if self._way is None:
            self._way = self.ends.enter_context(open_way(self))
        return self._way

    def with_world(self, **more: Any) -> dict[str, Any]:
        return {"size": asdict(self.size), "now": self.now, **more}

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.now)

    @property
    def our_environment(self) -> dict[str, str]:
        return self.ground.environment(OURS, broker=0, settings=OUR_SETTINGS)

    @property
    def naive_environment(self) -> dict[str, str]:
        return self.ground.environment(NAIVE, broker=1, settings=NAIVE_SETTINGS)

    @contextmanager
    def our_workers(self, count: int, database: str = OURS) -> Iterator[list[Side]]:
        """Yield worker processes of ours, warmed up by their imports."""
        environment = self.ground.environment(database, broker=0, settings=OUR_SETTINGS)
        workers = [
            Side(f"our-worker-{nth}", "benchmarks.ours", environment, self.ground.logs)
            for nth in range(1, count + 1)
        ]
        try:
            yield workers
        finally:
            for worker in workers:
                worker.stop()

    def reset(self) -> None:
        """Empty both sides' tables and have the disk at rest."""
        together([self.ours, self.naive], "reset")
        self.ground.checkpoint()
        settle()

    def unequal(self, order: str = "levels", **arguments: Any) -> str:
        """Return why the two sides' results differ, or ""."""
        ours, naive = together([self.ours, self.naive], order, **arguments)
        if ours["sha256"] == naive["sha256"] and ours["rows"] > 0:
            return ""
        if not ours["rows"]:
            return "nothing has moved on our side"
        return (
            f"results differ: ours {ours['rows']} rows {ours['some']}, naive {naive['rows']} {naive['some']}"
        )

    def load(self, **plan: Any) -> dict[str, Any]:
        """Run the generator of reservations in a process of its own and return its outcome."""
        return _generated("benchmarks.load", plan)

    def pace(self, **plan: Any) -> dict[str, Any]:
        """Run the generator of webhooks in a process of its own and return its outcome."""
        return _generated("benchmarks.pace", {"now": self.now, **plan})


def _generated(module: str, plan: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", module], input=json.dumps(plan), capture_output=True, text=True, cwd=ROOT,
        check=False, timeout=300,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{module} failed:\n{done.stderr[-2000:]}")
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


Measure = Callable[[Bench], list[Figure]]


@contextmanager
def sides(
    ground: Ground, effort: Effort, size: Size, say: Callable[[str], None], *, naive: bool = True
) -> Iterator[Bench]:
    """Make both databases and worlds at once, and yield them; both drivers end with the block."""
    began = time.monotonic()
    for database in (OURS, NAIVE):
        ground.create(database)
    first = ground.environment(OURS, broker=0, settings=OUR_SETTINGS)
    second = ground.environment(NAIVE, broker=1, settings=NAIVE_SETTINGS)
    ours = Side("ours", "benchmarks.ours", first, ground.logs)
    other = Side("naive", "benchmarks.naive.drive", second, ground.logs)
    try:
        both = together([ours, other], "prepare", size=asdict(size))
        ground.checkpoint()
        say(f"Both worlds made in {time.monotonic() - began:.0f} s: {size.items:,} items.")
        keys = {"ours": both[0]["key"], "naive": both[1]["key"]}
        with ExitStack() as ends:
            yield Bench(ground, effort, size, say, ours, other, keys, ends=ends)
    finally:
        ours.stop()
        other.stop()
