"""An embedded server as tests and walks handle it: start, stop, kill, freeze, wipe.

The supervisor uses the same parts (`prepare`, `command`, `ready`) and minds the process itself.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path

from runner.processes import Process, Trouble, descendants_of, end, process, wait_until

LOOPBACK = "127.0.0.1"


def free_port(preferred: int | None = None) -> int:
    """Return a loopback port that nobody listens on, outside the range outgoing connections use."""
    candidates = [preferred] if preferred else []
    candidates += [20_000 + int.from_bytes(os.urandom(2), "big") % 12_000 for _ in range(50)]
    for port in candidates:
        if port_is_free(port):
            return port
    raise Trouble("No free port was found between 20000 and 32000.")


def port_is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


class Server(ABC):
    """One embedded server: data in a folder, one address, one process at a time."""

    name: str
    url: str
    stop_signal: signal.Signals
    escalation: tuple[tuple[signal.Signals, float], ...]
    """After how many seconds the next, less polite signal follows."""
    ready_timeout_s = 60.0

    def __init__(self, log: Path) -> None:
        self.log = log
        self.process: Process | None = None
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def program(self) -> Path:
        """The program that runs."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the data folder ready for a start, after whatever happened before."""

    @abstractmethod
    def command(self) -> list[str]:
        """The whole command line, wrapped to die with us."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether it answers a question now."""

    @abstractmethod
    def wipe(self) -> None:
        """Lose every row or key, as a disk would."""

    def start(self) -> None:
        """Start and wait until it answers. Raises Trouble with the end of its log."""
        if self.running():
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        for _attempt in range(20):
            self.prepare()
            with self.log.open("ab") as log:
                self._popen = subprocess.Popen(
                    self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                    start_new_session=True,
                )  # fmt: skip
            self.process = process(self._popen.pid)
            wait_until(lambda: not self.running() or self.ready(), timeout_s=self.ready_timeout_s)
            if self.running() and self.ready():
                return
            self.stop()
            if not self.worth_another_try():
                break
        raise Trouble(f"{self.name} did not start. The end of {self.log}:\n{self.log_end()}")

    def worth_another_try(self) -> bool:
        """Whether the failed start had a cause that passes by itself."""
        return False

    def running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def stop(self) -> None:
        """End it politely and wait; a stopped server stays stopped without complaint."""
        if self._popen is None or self.process is None:
            return
        self.thaw()
        # A child of ours stays a zombie until it is asked for, which `Process.alive` counts as gone.
        end([self.process], ((self.stop_signal, 30.0), *self.escalation))
        self._popen.wait(timeout=30)
        self._popen = None

    def kill(self) -> None:
        """kill -9, as the kernel does it when memory runs out."""
        if self._popen is None:
            return
        self._popen.kill()
        self._popen.wait(timeout=30)
        self._popen = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Accept connections and answer nothing, until `thaw`."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def log_end(self, lines: int = 15) -> str:
        if not self.log.exists():
            return "(nothing)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _signal_all(self, number: signal.Signals) -> None:
        if self._popen is None or self._popen.poll() is not None:
            return
        for pid in [self._popen.pid, *descendants_of(self._popen.pid)]:
            if found := process(pid):
                found.send(number)
