"""A RabbitMQ of the test itself, of Debian's rabbitmq-server; all of it in one folder, on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from runner.servers import LOOPBACK, free_port, port_is_free

PROGRAMS = Path("/usr/lib/rabbitmq/bin")
MISSING = (
    "" if (PROGRAMS / "rabbitmq-server").exists() else "rabbitmq-server is not installed (Debian's package)"
)


class Rabbit:
    """The server with Erlang's port mapper, both our children."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._log = folder / "rabbit.out"
        mapper, wire = free_port(), free_port()
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"walk{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(wire),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(mapper),
        }
        self._mapper = subprocess.Popen(["epmd", "-port", str(mapper), "-address", LOOPBACK])
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{LOOPBACK}:{self.port}//"

    def start(self, *, patience_s: float = 90) -> None:
        with self._log.open("ab") as output:
            self._server = subprocess.Popen(
                [str(PROGRAMS / "rabbitmq-server")], env=self._environment, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + patience_s
        while port_is_free(self.port):
            assert self._server.poll() is None, self._log.read_text()
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.3)

    def control(self, *words: str) -> str:
        done = subprocess.run(
            [str(PROGRAMS / "rabbitmqctl"), "-q", "--node", self._environment["RABBITMQ_NODENAME"], *words],
            env=self._environment, capture_output=True, text=True, check=False, timeout=90,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def wipe(self) -> None:
        """Have it forget every queue and message; every connection is cut."""
        self.control("stop_app")
        self.control("reset")
        self.control("start_app")

    def stop(self) -> None:
        if self._server is not None:
            self._signal(signal.SIGKILL)
            self._server.wait(20)
        self._mapper.kill()
        self._mapper.wait(20)

    def _signal(self, number: signal.Signals) -> None:
        if self._server is not None and self._server.poll() is None:
            os.killpg(self._server.pid, number)
