"""A worker outlives the loss of a process while it starts. Real processes of Celery's own pool."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from runner.landscape import ROOT

PROBE = """
import os, signal, sys, time
from celery import Celery
from celery.concurrency import get_implementation
from celery.signals import worker_process_init

name, how = sys.argv[1:]

@worker_process_init.connect
def begin(**_):
    if how == "ends itself":
        os._exit(3)

app = Celery("probe", broker="memory://")
pool = get_implementation(name)(2, app=app, threads=False, initargs=(app, "probe"))
pool.on_start()
first = pool._pool._pool[0]
if how == "is killed":
    os.kill(first.pid, signal.SIGKILL)
deadline = time.monotonic() + 20
while how != "lives" and first.exitcode is None and time.monotonic() < deadline:
    time.sleep(0.01)
print("GOES ON" if pool.did_start_ok() else "ENDS", flush=True)
for each in pool._pool._pool:
    each._popen.terminate()
os._exit(0)
"""


def said_by(pool: str, how: str) -> str:
    """Return what a pool says of its start, after the first of two processes met that end."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, pool, how],
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr[-2000:]
    return done.stdout


def test_the_workers_have_it() -> None:
    from inventory_sync.config.celery import app

    assert app.conf.worker_pool == "inventory_sync.config.worker_pool:SteadyPool"


@pytest.mark.parametrize(
    ("how", "then"), [("lives", "GOES ON\n"), ("is killed", "GOES ON\n"), ("ends itself", "ENDS\n")]
)
def test_a_process_that_is_killed_while_starting_ends_nothing_and_one_that_fails_ends_the_worker(
    how: str, then: str
) -> None:
    assert said_by("inventory_sync.config.worker_pool:SteadyPool", how) == then


def test_celerys_own_pool_would_end_the_worker_of_a_killed_process() -> None:
    assert said_by("prefork", "is killed") == "ENDS\n"
