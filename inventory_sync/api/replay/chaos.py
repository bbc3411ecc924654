"""Kill workers while a replay runs: the process itself, or one of its children, with SIGKILL."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from pathlib import Path


def workers(var_dir: Path) -> list[int]:
    """Return the pids of the running workers, as the supervisor notes them."""
    try:
        children = json.loads((var_dir / "children.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [int(entry[0]) for name, entry in children.items() if name.startswith("worker-")]


def offspring(pid: int) -> list[int]:
    """Return the direct children of a process (Linux); elsewhere nothing."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(word) for word in text.split()]


class Killer:
    """Kills `times` workers spread over the run; `step` is told how far the run is, 0 to 1."""

    def __init__(self, var_dir: Path, times: int, *, seed: int) -> None:
        self._var_dir = var_dir
        self._chance = random.Random(seed)
        self._moments = sorted(self._chance.uniform(0.05, 0.95) for _ in range(times))
        self._lock = threading.Lock()
        self.killed = 0

    def step(self, done: float) -> None:
        with self._lock:
            while self._moments and done >= self._moments[0]:
                self._moments.pop(0)
                self._kill_one()

    def _kill_one(self) -> None:
        alive = workers(self._var_dir)
        if not alive:
            return
        victim = self._chance.choice(alive)
        children = offspring(victim)
        target = self._chance.choice([victim, *children])
        for pid in [target, *(children if target == victim else [])]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.killed += 1
