"""The processes of a platform that tests bring up and ill-treat: start, kill, wait, read their logs.

Those of runner.landscape, with its command lines. Knows no twin, no trade and no table.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from celery import Celery

from runner.children import Child
from runner.embedded import Services
from runner.landscape import ROOT, Landscape, Ports
from runner.processes import descendants_of, launched, process
from runner.servers import free_port

PATIENCE_S = 30.0
FAST = {
    "DJANGO_SETTINGS_MODULE": "tests.walks.settings",
    "SYNC_DISPATCH_EVERY_MS": "300",
    "SYNC_INTAKE_LEASE_S": "4",
    "SYNC_PUSH_LEASE_S": "8",
    "SYNC_READ_LEASE_S": "15",
    "SYNC_CANARY_EVERY_S": "2",
    "SYNC_DRAIN_SECONDS": "3",
    "SYNC_SWEEP_SCALE_PERCENT": "20",
}
READY = {"dispatcher": "dispatcher.leads"}
"""What a process says when it is ready; a worker says that it is."""
WORKERS = {"worker-critical": ("critical,standard", 2), "worker-bulk": ("bulk,replay", 1)}


@dataclass(slots=True)
class Running:
    """A process of the platform and where it writes."""

    popen: subprocess.Popen[bytes]
    log: Path
    began: int


class Processes:
    """Web, dispatcher and workers on servers of their own. Every wait is bounded."""

    workers: Mapping[str, tuple[str, int]] = WORKERS
    """Queues and pool size of each worker."""

    def __init__(self, folder: Path, services: Services) -> None:
        self.services = services
        self.folder = folder
        keys = {name: os.environ[name] for name in ("SECRET_KEY", "SYNC_SECRETS_KEY")}
        keys |= {"ADMIN_PASSWORD": "-", "FLOWER_PASSWORD": "-"}
        ports = Ports(web=free_port(), base=free_port(), flower=free_port())
        self.landscape = Landscape(folder, keys, ports, services)
        stages = self.landscape.stages(trade=False)
        self.children = {child.name: child for stage in stages for child in stage}
        self.running: dict[str, Running] = {}

    # ── life ──

    def migrate(self) -> None:
        """Make the tables."""
        migrate = self.landscape.migrate()
        done = subprocess.run(
            migrate.command, env=self._environment(migrate), cwd=ROOT, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]

    def start(self, *names: str) -> None:
        """Start processes and wait until each is ready."""
        for name in names:
            self._spawn(name)
        for name in names:
            self.wait(partial(self._ready, name), f"{name} is ready", patience_s=60)

    def stop(self, *names: str) -> None:
        """End processes politely, then not."""
        going = [(name, self.running.pop(name)) for name in names if name in self.running]
        for _, one in going:
            one.popen.send_signal(signal.SIGTERM)
        for _, one in going:
            try:
                one.popen.wait(timeout=6)
            except subprocess.TimeoutExpired:
                self._kill_all(one)

    def kill(self, name: str) -> None:
        """kill -9 of a process and all that it started, at once."""
        self._kill_all(self.running.pop(name))

    def kill_a_pool_child(self, name: str) -> bool:
        """kill -9 of the process that does a worker's work; its parent lives and makes another.

        A child killed just before is waited for: its parent takes its time on a busy machine.
        """
        parent = self.running[name].popen.pid
        killed: bool = self.wait(lambda: _killed_one_of(descendants_of(parent)), f"{name} has a pool")
        return killed

    def send(self, task: str, queue: str, arguments: dict[str, Any]) -> None:
        """Publish a wake-up on the platform's own broker."""
        Celery("walks", broker=self.services.broker_url, set_as_current=False).send_task(
            task, kwargs=arguments, queue=queue
        )

    # ── looking ──

    def wait(
        self, true: Callable[[], Any], what: str, *, patience_s: float = PATIENCE_S, every_s: float = 0.05
    ) -> Any:
        """Return the first truth, or fail with what was waited for and the end of every log."""
        deadline = time.monotonic() + patience_s
        while True:
            found = true()
            if found:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"It did not happen within {patience_s:g} s: {what}\n{self.tails()}")
            time.sleep(every_s)

    def log_of(self, name: str) -> str:
        path = self.folder / "log" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def tails(self, lines: int = 12) -> str:
        parts = []
        for path in sorted((self.folder / "log").glob("*.log")):
            end = "\n    ".join(line[:300] for line in path.read_text(errors="replace").splitlines()[-lines:])
            parts.append(f"  {path.name}:\n    {end}")
        return "\n".join(parts)

    # ── inside ──

    def _environment(self, child: Child, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return os.environ | dict(child.environment) | FAST | dict(more or {})

    def _spawn(self, name: str) -> None:
        child = self.children["worker-critical" if name in self.workers else name]
        command = list(child.command)
        if name in self.workers:
            queues, size = self.workers[name]
            command[command.index("-Q") + 1] = queues
            command[command.index("--concurrency") + 1] = str(size)
            command[command.index("-n") + 1] = f"{name}@%h"
        if name == "web":
            command[command.index("--workers") + 1] = "1"
        log = self.folder / "log" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        began = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            popen = subprocess.Popen(
                launched(command, death_signal=child.death_signal),
                env=self._environment(replace(child, name=name), {"SYNC_PROCESS": name}),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT, start_new_session=True,
            )  # fmt: skip
        self.running[name] = Running(popen, log, began)

    def _ready(self, name: str) -> bool:
        one = self.running[name]
        assert one.popen.poll() is None, f"{name} ended:\n{self.tails()}"
        if name != "web":
            return READY.get(name, " ready") in one.log.read_text(errors="replace")[one.began :]
        try:
            with urllib.request.urlopen(f"{self.landscape.hub_url}/health/live", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _kill_all(self, one: Running) -> None:
        for pid in (one.popen.pid, *descendants_of(one.popen.pid)):
            if found := process(pid):
                found.send(signal.SIGKILL)
        one.popen.wait(timeout=10)


def _killed_one_of(pids: Iterable[int]) -> bool:
    for pid in pids:
        if found := process(pid):
            found.send(signal.SIGKILL)
            return True
    return False
