"""The whole way of a message: door, broker, workers, dispatcher and a channel, as processes of this run.

With the command lines of `make run`. Two chores are off that would run in the middle of a measure and not in
every one: the round of invariant checks and the daily evidence. Made once in a run, at the first measure that
asks for it.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.ages import Landed, ages
from benchmarks.sides import Failed, Running
from benchmarks.world import BUFFER, OPENING
from runner.landscape import PYTHON, WORKERS, Landscape, Ports
from runner.servers import LOOPBACK, free_port

if TYPE_CHECKING:
    from benchmarks.bench import Bench

OFF = {"SYNC_VERIFY_EVERY_S": "0", "SYNC_EVIDENCE_DAILY": "false", "LOG_LEVEL": "INFO"}
FREE_PER_S, FREE_BURST = 2_000.0, 4_000.0
"""A limit that nothing here reaches."""
SHOWN = OPENING - BUFFER
"""What the shop may show of an item of which nothing was sold."""
LEAN = 0.1
"""Below this scale one worker serves all queues: a smoke test need not start six."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was sent: when each was due and its item, what had been sold of each before, and the outcome."""

    sent: list[tuple[float, int]]
    before: Counter[int]
    outcome: dict[str, Any]


@dataclass
class Way:
    """Its processes by name, and what was sent down it so far."""

    bench: Bench
    channel: str
    port: int
    running: dict[str, Running] = field(default_factory=dict)
    sold: Counter[int] = field(default_factory=Counter)
    sent: int = 0

    def ask(self, what: str, *, seconds: float, rate: float, among: int, **more: Any) -> Asked:
        """Send so many messages a second for so long, of one unit each; return what came of it."""
        count = max(8, int(seconds * rate))
        first, self.sent = self.sent, self.sent + count
        done = self.bench.pace(
            side="ours", what=what, host=LOOPBACK, port=self.port, seed=self.bench.effort.seed + 500,
            count=count, first=first, among=among, rate=rate, trace=True, **more,
        )  # fmt: skip
        if set(done["statuses"]) - {"200", "202"}:
            raise RuntimeError(f"refused: {done['statuses']} {done['refused'][-200:]}")
        before = self.sold.copy()
        self.sold.update(number for _, number in done["sent"])
        return Asked(done["sent"], before, done)

    def told(self, **wanted: Any) -> dict[str, Any]:
        """Return what the channel counted and what landed there; with `anew=True` it begins to count anew."""
        return tell(self.channel, **wanted)

    def limit(self, per_s: float = FREE_PER_S, burst: float = FREE_BURST) -> None:
        """Have the channel allow so many calls, and the lane know it."""
        self.bench.ours.call("point", url=self.channel, per_s=per_s, burst=burst)
        self.told(anew=True, per_s=per_s, burst=burst)

    def rest(self, *, patience_s: float = 120.0) -> float:
        """Wait until nothing is pending, dirty or owed; returns the seconds waited."""
        began = time.monotonic()
        while any((owed := self.bench.ours.call("owed")).values()):
            if time.monotonic() - began > patience_s:
                raise RuntimeError(f"not at rest after {patience_s:.0f} s: {owed}")
            time.sleep(0.2)
        return time.monotonic() - began

    def shown(self, asked: Asked, *, patience_s: float = 120.0) -> tuple[list[float], str]:
        """Wait until all of it came to the channel; return how old each was then, and what never came."""
        deadline = time.monotonic() + patience_s
        while True:
            found, never = ages(asked.sent, self.told()["landed"], SHOWN, asked.before)
            if not never:
                return found, ""
            if time.monotonic() > deadline:
                return found, f"{never} of {len(asked.sent)} never came to the channel"
            time.sleep(0.3)

    def wrong(self, asked: Asked, landed: Landed) -> str:
        """Return which of these items the channel shows otherwise than what was sold leaves, or ""."""
        shown = {number: figure for _, number, figure in landed}
        for number in {number for _, number in asked.sent}:
            right = SHOWN - self.sold[number]
            if shown.get(number) != right:
                return f"the channel shows {shown.get(number)} of item {number}, not {right}"
        return ""


def tell(channel: str, **wanted: Any) -> dict[str, Any]:
    request = urllib.request.Request(f"{channel}/_twin/told", json.dumps(wanted).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        told: dict[str, Any] = json.loads(answer.read())
    return told


@contextmanager
def channel(bench: Bench, name: str = "channel") -> Iterator[str]:
    """Run a channel and yield its address."""
    port = free_port()
    server = Running(name, [PYTHON, "-m", "benchmarks.channel", "--port", str(port)], {}, bench.ground.logs)
    url = f"http://{LOOPBACK}:{port}"
    try:
        _wait(server, partial(_answers, f"{url}/_twin/told"))
        yield url
    finally:
        server.stop()


@contextmanager
def open_way(bench: Bench) -> Iterator[Way]:
    """Start everything, wait until all of it is ready, and end it with the block."""
    ports = Ports(web=free_port(), base=free_port(), flower=free_port())
    keys = bench.ground.secrets | {"ADMIN_PASSWORD": "-", "FLOWER_PASSWORD": "-"}
    landscape = Landscape(bench.ground.folder, keys, ports, bench.ground.services)
    children = {child.name: child for stage in landscape.stages(trade=False) for child in stage}
    with channel(bench) as url:
        way = Way(bench, url, ports.web)
        way.limit()
        try:
            for name, command in _crew(bench, {name: one.command for name, one in children.items()}).items():
                environment = {
                    **children.get(name, children["web"]).environment,
                    **bench.our_environment,
                    **OFF,
                }
                environment |= {"SYNC_HUB_URL": landscape.hub_url, "SYNC_PROCESS": name}
                way.running[name] = Running(name, command, environment, bench.ground.logs)
            for name, one in way.running.items():
                _wait(one, partial(_is_ready, name, one, f"{landscape.hub_url}/health/live"))
            bench.say(f"  {', '.join(way.running)} are ready")
            yield way
        finally:
            for one in way.running.values():
                one.popen.terminate()
            for one in way.running.values():
                one.stop()


def _crew(bench: Bench, commands: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """Return the command of each process: workers as in `make run`, or one for all queues."""
    names = [f"worker-{queue}" for queue in WORKERS]
    found = {name: list(commands[name]) for name in ("web", "dispatcher", *names)}
    if bench.effort.scale < LEAN:
        one = found["worker-critical"]
        one[one.index("-Q") + 1] = ",".join(WORKERS)
        found = {name: found[name] for name in ("web", "dispatcher", "worker-critical")}
    return found


def _is_ready(name: str, one: Running, live: str) -> bool:
    if name == "web":
        return _answers(live)
    return ("dispatcher.leads" if name == "dispatcher" else " ready") in one.end_of_log(200)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


def _wait(one: Running, ready: Callable[[], bool], *, patience_s: float = 90.0) -> None:
    deadline = time.monotonic() + patience_s
    while not ready():
        if one.popen.poll() is not None or time.monotonic() > deadline:
            raise Failed(f"{one.name} is not ready. The end of its log:\n{one.end_of_log()}")
        time.sleep(0.1)
