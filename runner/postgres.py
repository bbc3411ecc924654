"""PostgreSQL of our own: its data folder, its start after any end, its password.

Listens on loopback only, with a password; no Unix socket, whose path has a limit of about 100 bytes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from runner.binaries import Program, find_postgres
from runner.identity import choose_identity, reachable_folder, reachable_program
from runner.processes import Trouble, birth_of, command_of, directory_of, end, launched, process
from runner.servers import LOOPBACK, Server

USER = "inventory"
FOLDER = "postgres"
TUNING = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
}
FORGETFUL = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
"""For tests: data outlive kill -9 of every process, not a power cut."""


class Postgres(Server):
    """One PostgreSQL server and its one database."""

    name = "postgres"
    stop_signal = signal.SIGINT  # fast: open transactions are rolled back, connections closed
    escalation = ((signal.SIGQUIT, 20.0), (signal.SIGKILL, 5.0))

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        password: str,
        log: Path,
        database: str = "inventory_sync",
        durable: bool = True,
        program: Program | None = None,
        root_as: str | None = None,
    ) -> None:
        super().__init__(log)
        self.found = program or find_postgres()
        self.identity = choose_identity(root_as)
        self._program = reachable_program(self.found.path, self.identity)
        self.data = reachable_folder(folder.resolve(), self.identity)
        self.port, self.password, self.database = port, password, database
        self.options = TUNING if durable else TUNING | FORGETFUL
        self.durable = durable
        self.url = self.url_of(database)

    def url_of(self, database: str) -> str:
        return f"postgresql://{USER}:{quote(self.password, safe='')}@{LOOPBACK}:{self.port}/{database}"

    @property
    def program(self) -> Path:
        return self._program

    def command(self) -> list[str]:
        options = self.options | {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
        }
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        # SIGINT when we die: a fast shutdown, which ends the backends too.
        return launched(
            [str(self._program), "-D", str(self.data), *flags],
            identity=self.identity.name, death_signal=signal.SIGINT,
        )  # fmt: skip

    def prepare(self) -> None:
        version = self.data / "PG_VERSION"
        if not version.exists():
            self._initialize()
            return
        major = self.found.version.split(".")[0]
        if version.read_text().strip() != major:
            made_by = version.read_text().strip()
            raise Trouble(
                f"{self.data} was made by PostgreSQL {made_by}, and {self.found.path} is {major}. Move the "
                "data with pg_dump, or remove the folder to begin anew."
            )
        self._clear_stale_pid()

    def ready(self) -> bool:
        """Whether our password opens our database; makes the database at the first call that finds none."""
        try:
            with psycopg.connect(self.url, connect_timeout=2):
                return True
        except psycopg.OperationalError as error:
            if f'database "{self.database}" does not exist' not in str(error):
                return False
        with psycopg.connect(self.url_of("postgres"), connect_timeout=5, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.database)))
        return True

    def worth_another_try(self) -> bool:
        """After kill -9 the old backends may hold the shared memory for a moment longer."""
        end_of_log = self.log_end(6)
        return "pre-existing shared memory block" in end_of_log or "shared memory block" in end_of_log

    def wipe(self) -> None:
        """Stop, lose the data folder, start anew and empty."""
        self.stop()
        self.wipe_folder()
        self.start()

    def wipe_folder(self) -> None:
        """Empty the data folder of a stopped server; the folder itself keeps its owner."""
        for inside in self.data.iterdir():
            shutil.rmtree(inside) if inside.is_dir() and not inside.is_symlink() else inside.unlink()

    def _initialize(self) -> None:
        """Run initdb in an empty folder; what an interrupted initdb left is cleared first."""
        self.wipe_folder()
        self.data.chmod(0o700)
        with tempfile.NamedTemporaryFile("w", dir=self.data.parent, prefix="pw-") as secret:
            secret.write(self.password)
            secret.flush()
            self.identity.own(Path(secret.name))
            command = [
                str(self._program.with_name("initdb")), "-D", str(self.data), "-U", USER,
                "--pwfile", secret.name,
                "--auth", "scram-sha-256", "-E", "UTF8",
                "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
            ]  # fmt: skip
            if not self.durable:
                command += ["--no-sync"]
            done = subprocess.run(
                launched(command, identity=self.identity.name),
                capture_output=True, text=True, cwd="/", check=False, env=os.environ | {"LC_ALL": "C"},
            )  # fmt: skip
        if done.returncode != 0:
            raise Trouble(f"initdb failed in {self.data}:\n{(done.stderr or done.stdout).strip()}")

    def _clear_stale_pid(self) -> None:
        """Remove postmaster.pid unless a server of this very folder lives; such a one is asked to stop first.

        The pid in it may long belong to somebody else: PostgreSQL would then never start again.
        """
        file = self.data / "postmaster.pid"
        try:
            pid = int(file.read_text().split()[0])
        except (FileNotFoundError, IndexError, ValueError):
            file.unlink(missing_ok=True)
            return
        if self._is_our_postmaster(pid):
            left_over = process(pid)
            if left_over and end([left_over], ((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0))):
                raise Trouble(
                    f"PostgreSQL of an earlier start (process {pid}) does not stop. End it yourself."
                )
        file.unlink(missing_ok=True)

    def _is_our_postmaster(self, pid: int) -> bool:
        if birth_of(pid) is None:
            return False
        command = command_of(pid)
        if not command or "postgres" not in Path(command[0]).name:
            return False
        standing = directory_of(pid)
        return str(self.data) in command if standing is None else standing == self.data
