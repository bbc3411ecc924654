"""The naive build under the same kind of faults: what the ordinary way of building this loses.

The build of benchmarks/naive with servers of its own; a sender that repeats what was refused, as a till does;
kills, broker and PostgreSQL faults drawn by the same seed. Its losses are counted by what it acknowledged.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from benchmarks.sides import SERVERS, Running, Side
from benchmarks.world import Raw, Size, deliveries
from runner.embedded import Services, services
from runner.processes import descendants_of, process, wait_until
from runner.servers import LOOPBACK, free_port
from tests.chaos.journal import Doc
from tests.chaos.schedule import Planned, plan
from tests.chaos.schedule import Size as Schedule

WORLD = Size(items=300, in_stores=100, kits=10)
SECRETS = {"till": "t" * 24, "shop": "w" * 24}
TRADE_S, EVERY_S, STUCK_S, REST_S = 60.0, 0.05, 45.0, 300.0
APPLIES = frozenset(
    {
        "kill_pool_child", "kill_worker", "kill_web", "broker_flush", "broker_kill", "broker_wipe",
        "postgres_terminate", "postgres_kill",
    }
)  # fmt: skip


class Naive:
    """Its processes, started again whenever they end, as a supervisor does."""

    def __init__(self, running: Services, logs: Path) -> None:
        self.services, self.logs, self.port = running, logs, free_port()
        self.environment = running.environment | {
            "DJANGO_SETTINGS_MODULE": "benchmarks.naive.settings", "SECRET_KEY": "naive" * 12,
        }  # fmt: skip
        serve = [option.format(port=self.port) for option in SERVERS["gunicorn"]]
        worker = (
            "-A", "benchmarks.naive.celery", "worker", "-Q", "celery,availability", "--concurrency", "2",
            "--without-gossip", "--without-mingle", "--loglevel", "INFO",
        )  # fmt: skip
        self.commands = {
            "web": [sys.executable, "-m", "gunicorn", "benchmarks.naive.wsgi:application", *serve],
            "worker": [sys.executable, "-m", "celery", *worker],
        }
        self.alive: dict[str, Running] = {}
        self._guard = threading.Lock()

    def keep(self) -> None:
        with self._guard:
            for name, command in self.commands.items():
                one = self.alive.get(name)
                if one is None or one.popen.poll() is not None:
                    self.alive[name] = Running(f"naive-{name}", command, self.environment, self.logs)

    def kill(self, name: str, *, whole: bool) -> None:
        with self._guard:
            one = self.alive[name]
            below = descendants_of(one.popen.pid)
            for pid in [one.popen.pid, *below] if whole else below[:1]:
                if found := process(pid):
                    found.send(signal.SIGKILL)
            if whole:
                one.popen.wait(timeout=10)

    def play(self, one: Planned) -> None:
        broker, postgres = self.services.broker, self.services.postgres
        match one.kind:
            case "kill_pool_child":
                self.kill("worker", whole=False)
            case "kill_worker":
                self.kill("worker", whole=True)
            case "kill_web":
                self.kill("web", whole=True)
            case "broker_flush":
                broker.flush()
            case "broker_kill":
                broker.kill()
                broker.start()
            case "broker_wipe":
                broker.wipe()
            case "postgres_terminate":
                with psycopg.connect(self.services.database_url) as connection:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
            case "postgres_kill":
                postgres.kill()
                postgres.start()

    def stop(self) -> None:
        for one in self.alive.values():
            one.stop()


def naive_losses(seed: int, size: Schedule, folder: Path, say: Callable[[str], None]) -> Doc:
    """Run it through those faults of the schedule that apply, squeezed into a minute; return its figures."""
    chosen = [one for one in plan(seed, size) if one.kind in APPLIES]
    chosen = random.Random(seed).sample(chosen, min(24, len(chosen)))
    chosen.sort(key=lambda one: one.at_s)
    with services(folder / "naive", durable=False, external=False) as running:
        build = Naive(running, folder / "naive" / "log")
        side = Side("naive-driver", "benchmarks.naive.drive", build.environment, build.logs)
        try:
            side.call(
                "prepare", size={"items": WORLD.items, "in_stores": WORLD.in_stores, "kits": WORLD.kits}
            )
            build.keep()
            wait_until(lambda: _post(build.port, "shop", b"{}", "") == 401, timeout_s=60, every_s=0.3)
            raws = deliveries(int(TRADE_S / EVERY_S), WORLD, seed=seed, now=datetime.now(UTC))
            acknowledged = _trade(build, raws, chosen, size.trade_s)
            _rest(build)
            found = _counted(running, acknowledged, len(chosen))
        finally:
            side.stop()
            build.stop()
    say(f"naive build: {found}")
    return found


def _trade(build: Naive, raws: Sequence[Raw], faults: Sequence[Planned], trade_s: float) -> set[str]:
    """Send, repeat what was refused, break; return what was acknowledged, by its key."""
    acknowledged: set[str] = set()
    waiting, began, due = list(reversed(raws)), time.monotonic(), list(faults)
    last_kept = 0.0
    while time.monotonic() - began < TRADE_S + 20 and waiting:
        passed = time.monotonic() - began
        if passed - last_kept > 0.5:
            build.keep()
            last_kept = passed
        while due and passed > due[0].at_s * TRADE_S / trade_s:
            build.play(due.pop(0))
        raw = waiting.pop()
        status = _post(build.port, raw.sender, raw.body, raw.topic)
        if 200 <= status < 300:
            acknowledged.add(hashlib.sha256(raw.body).hexdigest())
            time.sleep(EVERY_S / 2)
        else:
            waiting.insert(0, raw)
            time.sleep(EVERY_S)
    build.keep()
    return acknowledged


def _rest(build: Naive) -> None:
    """Wait until nothing is open, or nothing has moved for so long that nothing will: its workers are up."""
    began = moved = time.monotonic()
    left = -1
    while left != 0 and time.monotonic() - moved < STUCK_S and time.monotonic() - began < REST_S:
        build.keep()
        with psycopg.connect(build.services.database_url) as connection:
            row = connection.execute(
                "SELECT count(*) FROM shop_webhookevent WHERE processed_at IS NULL"
            ).fetchone()
        if row and row[0] != left:
            left, moved = row[0], time.monotonic()
        time.sleep(1)


def _counted(running: Services, acknowledged: set[str], faults: int) -> Doc:
    with psycopg.connect(running.database_url) as connection:
        rows = connection.execute("SELECT key, processed_at IS NOT NULL FROM shop_webhookevent").fetchall()
        twice = connection.execute(
            "SELECT count(*) - count(DISTINCT (channel_id, key)) FROM shop_movement"
        ).fetchone()
        wrong = connection.execute(
            "SELECT count(*) FROM shop_stock s WHERE on_hand - 1000000 <> (SELECT COALESCE(sum(quantity), 0)"
            " FROM shop_movement m WHERE m.stock_id = s.id)"
        ).fetchone()
    stored = dict(rows)
    return {
        "faults": faults,
        "acknowledged": len(acknowledged),
        "lost": len([key for key in acknowledged if not stored.get(key)]),
        "doubled": twice[0] if twice else 0,
        "levels_wrong": wrong[0] if wrong else 0,
    }


def _post(port: int, channel: str, body: bytes, topic: str) -> int:
    signed = base64.b64encode(hmac.digest(SECRETS[channel].encode(), body, "sha256")).decode()
    headers = {"Content-Type": "application/json", "X-WC-Webhook-Topic": topic}
    if topic:
        headers["X-WC-Webhook-Signature"] = signed
    request = urllib.request.Request(f"http://{LOOPBACK}:{port}/webhooks/{channel}/", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0
