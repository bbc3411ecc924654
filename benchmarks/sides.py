"""The processes of a run: both sides' drivers, Celery workers, web servers. Started here, ended here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from benchmarks.world import ROOT
from runner.landscape import WEB
from runner.processes import launched
from runner.servers import LOOPBACK, free_port


class Failed(Exception):
    """A side could not do what it was asked; the run ends, for its figures would mean nothing."""


class Running:
    """One process of this run, with its log."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], logs: Path, **pipes: Any
    ) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                launched(command), env=os.environ | dict(environment), cwd=ROOT, start_new_session=True,
                stdin=pipes.get("stdin", subprocess.DEVNULL), stdout=pipes.get("stdout", log), stderr=log,
                text=True,
            )  # fmt: skip

    def stop(self) -> None:
        """Ask, wait, insist; its children end with it."""
        if self.popen.poll() is not None:
            return
        self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait(timeout=15)
        with suppress(ProcessLookupError):  # its own session: whatever it left there is ours too
            os.killpg(self.popen.pid, signal.SIGKILL)

    def end_of_log(self, lines: int = 25) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Side(Running):
    """A driver process (driver.py)."""

    def __init__(self, name: str, module: str, environment: Mapping[str, str], logs: Path) -> None:
        super().__init__(
            name, [sys.executable, "-m", module], environment, logs,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def ask(self, order: str, **arguments: Any) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(json.dumps({"do": order, "with": arguments}) + "\n")
        self.popen.stdin.flush()

    def answer(self) -> Any:
        """Return the answer to the oldest open question. Raises Failed."""
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        if not line:
            raise Failed(f"{self.name} has ended. The end of its log:\n{self.end_of_log()}")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(f"{self.name} failed:\n{answer['error']}")
        return answer["value"]

    def call(self, order: str, **arguments: Any) -> Any:
        self.ask(order, **arguments)
        return self.answer()

    def stop(self) -> None:
        if self.popen.stdin is not None:
            self.popen.stdin.close()
        try:
            self.popen.wait(timeout=10)
        except subprocess.TimeoutExpired:
            super().stop()


def together(sides: Sequence[Side], order: str, **arguments: Any) -> list[Any]:
    """Give all the same order at once and wait for every answer."""
    for side in sides:
        side.ask(order, **arguments)
    return [side.answer() for side in sides]


SERVERS = {
    "uvicorn": (*WEB, "--host", LOOPBACK, "--port", "{port}"),
    # as the documentation of Django does, with a thread for every client
    "gunicorn": (
        "-k", "gthread", "--workers", "2", "--threads", "16", "--bind", f"{LOOPBACK}:{{port}}",
        "--no-control-socket", "--graceful-timeout", "5", "--keep-alive", "15", "--log-level", "warning",
    ),
}  # fmt: skip


@contextmanager
def web(
    name: str, server_name: str, application: str, environment: Mapping[str, str], logs: Path, *, live: str
) -> Iterator[int]:
    """Run a side's web server, two processes of it, and yield its port."""
    port = free_port()
    options = [option.format(port=port) for option in SERVERS[server_name]]
    command = [sys.executable, "-m", server_name, application, *options]
    server = Running(name, command, environment, logs)
    try:
        deadline = time.monotonic() + 60
        while not _answers(port, live):
            if server.popen.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{name} does not answer. The end of its log:\n{server.end_of_log()}")
            time.sleep(0.1)
        yield port
    finally:
        server.stop()


def _answers(port: int, path: str) -> bool:
    connection = HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        connection.getresponse().read()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True


@contextmanager
def celery_worker(
    name: str, app: str, queue: str, environment: Mapping[str, str], logs: Path
) -> Iterator[None]:
    """Run a Celery worker of two processes on one queue until the block ends."""
    command = [
        sys.executable, "-m", "celery", "-A", app, "worker", "-Q", queue, "-n", f"{name}@%h",
        "--concurrency", "2", "--pool", "prefork", "--without-gossip", "--without-mingle",
        "--loglevel", "INFO",
    ]  # fmt: skip
    worker = Running(name, command, environment, logs)
    try:
        deadline = time.monotonic() + 60
        while " ready" not in worker.end_of_log(200):
            if worker.popen.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{name} did not start. The end of its log:\n{worker.end_of_log()}")
            time.sleep(0.1)
        yield
    finally:
        worker.stop()
