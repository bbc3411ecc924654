"""PostgreSQL and a broker for the test run: addresses at once, servers when a test first needs them.

Loaded by `-p tests.services` (pyproject.toml), for Django reads its settings before any conftest.py is.
DATABASE_URL and BROKER_URL, when set, name servers to use instead. Data live in a temporary folder, unsynced.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from runner import keys
from runner.embedded import External, Services, check_database
from runner.postgres import Postgres
from runner.servers import free_port
from runner.valkey import Valkey

INHERITED = "SYNC_TEST_RUN"
"""Set for the workers of pytest-xdist and every other child: the servers are their parent's."""


class Run:
    """The servers of this test run; none is started before it is asked for."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.inherited = INHERITED in os.environ
        fresh = keys.make()
        self.ports = {name: free_port() for name in ("DATABASE_URL", "BROKER_URL")}
        self.secrets = fresh
        self.ours = {name for name in self.ports if name not in os.environ}
        for name in ("SECRET_KEY", "SYNC_SECRETS_KEY"):
            os.environ.setdefault(name, fresh[name])
        if "DATABASE_URL" in self.ours:
            address = f"127.0.0.1:{self.ports['DATABASE_URL']}"
            os.environ["DATABASE_URL"] = (
                f"postgresql://inventory:{fresh['POSTGRES_PASSWORD']}@{address}/postgres"
            )
        if "BROKER_URL" in self.ours:
            os.environ["BROKER_URL"] = (
                f"redis://:{fresh['BROKER_PASSWORD']}@127.0.0.1:{self.ports['BROKER_URL']}/0"
            )
        os.environ[INHERITED] = "1"
        os.environ.pop(
            "PYTHONDONTWRITEBYTECODE", None
        )  # workers of the walks would compile every import anew
        self._services: Services | None = None

    @property
    def services(self) -> Services:
        """Both servers, PostgreSQL started; the broker starts with the `broker` fixture."""
        if self._services is None:
            self._services = self._assemble()
            database = self._services.database
            if isinstance(database, Postgres):
                database.start()
            elif not self.inherited:
                check_database(database.url)
        return self._services

    def _assemble(self) -> Services:
        database: Postgres | External = External("postgres", os.environ["DATABASE_URL"])
        queue: Valkey | External = External("broker", os.environ["BROKER_URL"])
        if self.ours:
            self.folder = Path(tempfile.mkdtemp(prefix="sync-test-"))
            atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        if "DATABASE_URL" in self.ours and self.folder:
            database = Postgres(
                self.folder / "postgres", log=self.folder / "postgres.log", durable=False,
                database="postgres", port=self.ports["DATABASE_URL"],
                password=self.secrets["POSTGRES_PASSWORD"],
            )  # fmt: skip
        if "BROKER_URL" in self.ours and self.folder:
            queue = Valkey(
                self.folder / "valkey", log=self.folder / "valkey.log",
                port=self.ports["BROKER_URL"], password=self.secrets["BROKER_PASSWORD"],
            )  # fmt: skip
        return Services(database, queue)

    def stop(self) -> None:
        if self._services is not None:
            self._services.stop()
            self._services = None


RUN = Run()


def environment_for_processes(database: str) -> dict[str, str]:
    """Return the environment for real workers and web processes that use the database `database`."""
    url = urlsplit(os.environ["DATABASE_URL"])
    return dict(os.environ) | {"DATABASE_URL": urlunsplit(url._replace(path=f"/{database}"))}


def pytest_configure(config: pytest.Config) -> None:
    """Under pytest-xdist the workers share the servers of the process that started them."""
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        services = RUN.services
        if isinstance(services.queue, Valkey):
            services.queue.start()


def pytest_unconfigure() -> None:
    RUN.stop()
