"""Valkey (or Redis) of our own: append-only, synced every second, nothing evicted, loopback, a password."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from pathlib import Path
from urllib.parse import quote

from runner.binaries import Program, find_valkey
from runner.processes import launched
from runner.servers import LOOPBACK, Server

FOLDER = "valkey"


class Valkey(Server):
    """One broker."""

    name = "valkey"
    stop_signal = signal.SIGTERM
    escalation = ((signal.SIGKILL, 5.0),)

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        password: str,
        log: Path,
        program: Program | None = None,
    ) -> None:
        super().__init__(log)
        self.found = program or find_valkey()
        self.data = folder.resolve()
        self.port, self.password = port, password
        self.url = f"redis://:{quote(password, safe='')}@{LOOPBACK}:{port}/0"

    @property
    def program(self) -> Path:
        return self.found.path

    @property
    def _configuration(self) -> Path:
        return self.data / "valkey.conf"

    def prepare(self) -> None:
        """Write the configuration. The password stands there: a command line can be read by everybody."""
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "requirepass": self.password,
            "protected-mode": "yes",
            "daemonize": "no",
            "dir": f'"{self.data}"',
            "save": '""',
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
        }
        text = "".join(f"{name} {value}\n" for name, value in settings.items())
        descriptor = os.open(self._configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)

    def command(self) -> list[str]:
        return launched([str(self.program), str(self._configuration)], death_signal=signal.SIGTERM)

    def ready(self) -> bool:
        return self.ask("PING", timeout_s=1) == "+PONG"

    def ask(self, *words: str, timeout_s: float = 5) -> str | None:
        """Send one command and return the first line of the answer, or None when there is none."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=timeout_s) as connection:
                connection.sendall(_encode("AUTH", self.password) + _encode(*words))
                with connection.makefile("rb") as answers:
                    answers.readline()
                    return answers.readline().decode().strip() or None
        except OSError:
            return None

    def flush(self) -> None:
        """Empty it while it runs."""
        if self.ask("FLUSHALL") != "+OK":
            raise RuntimeError("FLUSHALL was not answered")

    def wipe(self) -> None:
        """kill -9, lose the data folder, start empty."""
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)
        self.start()


def _encode(*words: str) -> bytes:
    parts = [f"*{len(words)}\r\n".encode()]
    parts += [f"${len(word.encode())}\r\n{word}\r\n".encode() for word in words]
    return b"".join(parts)
