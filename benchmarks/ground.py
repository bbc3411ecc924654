"""What a run stands on: one PostgreSQL with syncing on, a broker, a database per side, in one folder.

The folder is removed at the end. Nothing here knows what is measured.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from benchmarks.sides import Failed
from benchmarks.world import ROOT
from runner import keys
from runner.embedded import Services, services
from runner.postgres import Postgres

SHOWN = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_level", "shared_buffers",
         "max_wal_size", "autovacuum")  # fmt: skip
MUST_BE_ON = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True, slots=True)
class Ground:
    """Where everything of this run is."""

    services: Services
    folder: Path
    secrets: dict[str, str]
    settings: dict[str, str]

    @property
    def postgres(self) -> Postgres:
        return self.services.postgres

    @property
    def database_url(self) -> str:
        return self.services.database_url

    @property
    def broker_url(self) -> str:
        return self.services.broker_url

    @property
    def logs(self) -> Path:
        return self.folder / "log"

    def url_of(self, database: str) -> str:
        return urlunsplit(urlsplit(self.database_url)._replace(path=f"/{database}"))

    def environment(self, database: str, *, broker: int, settings: str) -> dict[str, str]:
        """Return what a process of one side is told; each side has its own database in the broker too."""
        return {
            "DATABASE_URL": self.url_of(database),
            "BROKER_URL": self.broker_url.rsplit("/", 1)[0] + f"/{broker}",
            "DJANGO_SETTINGS_MODULE": settings,
            "SECRET_KEY": self.secrets["SECRET_KEY"],
            "SYNC_SECRETS_KEY": self.secrets["SYNC_SECRETS_KEY"],
            "SYNC_EGRESS_ALLOWED_HOSTS": "127.0.0.1",
            "SYNC_VAR_DIR": str(self.folder),
            "LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPATH": str(ROOT),
        }

    def create(self, database: str, *, like: str = "template1") -> None:
        """Make a database, empty or as another one is, to which nobody may be connected then."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            names = {"made": sql.Identifier(database), "like": sql.Identifier(like)}
            connection.execute(sql.SQL("CREATE DATABASE {made} TEMPLATE {like}").format(**names))

    def drop(self, database: str) -> None:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
            )

    def one(self, database: str, query: str) -> object:
        """Return the first value of a query, over a connection of its own."""
        with psycopg.connect(self.url_of(database), autocommit=True) as connection:
            row = connection.execute(query.encode()).fetchone()
        return None if row is None else row[0]

    def checkpoint(self) -> None:
        """Have written pages on disk before a clock starts, so that no side pays for the other's."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")


@contextmanager
def stand(folder: Path | None = None) -> Iterator[Ground]:
    """Start both servers, check that commits are durable, remove everything at the end."""
    made = folder is None
    folder = folder or Path(tempfile.mkdtemp(prefix="bench-", dir=_room()))
    try:
        with services(folder, external=False) as running:
            with psycopg.connect(running.database_url, autocommit=True) as connection:
                shown = {}
                for name in SHOWN:
                    row = connection.execute(sql.SQL("SHOW {}").format(sql.Identifier(name))).fetchone()
                    shown[name] = str(row[0]) if row else ""
            off = [name for name in MUST_BE_ON if shown[name] != "on"]
            if off:
                raise Failed(
                    f"PostgreSQL runs without {', '.join(off)}; figures without durability say nothing."
                )
            yield Ground(running, folder, keys.load(folder / "secrets.json"), shown)
    finally:
        if made:
            shutil.rmtree(folder, ignore_errors=True)


def _room() -> Path:
    """Return the folder for the run's own: on the checkout's disk, for that is the disk meant."""
    room = Path(os.environ.get("SYNC_VAR_DIR") or ROOT / "var") / "bench"
    room.mkdir(parents=True, exist_ok=True)
    return room


def machine() -> dict[str, object]:
    """Return what the figures were measured on."""
    model, memory = "", 0
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    if hasattr(os, "sysconf"):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return {
        "cpu": model or platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_mb": memory,
        "system": platform.system() + " " + platform.release().split("-")[0],
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def commit() -> str:
    """Return the commit that was measured, marked when the tree holds more."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "inventory_sync", "connectors", "benchmarks")
    return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")


def settle(seconds: float = 0.3) -> None:
    """Let the machine come to rest between two halves of a pair."""
    time.sleep(seconds)
