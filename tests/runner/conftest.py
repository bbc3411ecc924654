"""Servers to be cruel to, and the runner's programs as a shell starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from runner.embedded import Services, services
from runner.landscape import ROOT

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """PostgreSQL and broker of one module. One pair, for each costs an initdb."""
    with services(tmp_path_factory.mktemp("pair"), durable=False, external=False) as running:
        yield running


@pytest.fixture
def both(pair: Services) -> Services:
    """The module's pair, both running whatever the test before did to them."""
    pair.postgres.start()
    pair.broker.start()
    return pair


@pytest.fixture
def start() -> Iterator[Start]:
    """Start Python programs of this checkout; whatever the test leaves is stopped after it."""
    started: list[subprocess.Popen[str]] = []

    def _start(*arguments: str, prefix: tuple[str, ...] = (), **environment: str) -> subprocess.Popen[str]:
        clean = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
        process = subprocess.Popen(
            [*prefix, sys.executable, *arguments], cwd=ROOT, env=clean | environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        started.append(process)
        return process

    yield _start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate(timeout=10)
