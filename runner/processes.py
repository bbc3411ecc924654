"""What the operating system knows of processes: who lives, since when, whose child.

A process is named by pid and birth together, for pids are used again. Reads /proc, else `ps`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

LAUNCH = str(Path(__file__).with_name("launch.py"))
PROC = Path("/proc")


class Trouble(Exception):
    """Something the person at the terminal can act on; the message is the whole sentence."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    born: str

    def alive(self) -> bool:
        return birth_of(self.pid) == self.born

    def send(self, number: signal.Signals) -> None:
        """Signal it if it still lives; a dead one is no error."""
        if self.alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return


def launched(
    command: Sequence[str], *, identity: str = "same", death_signal: int = signal.SIGTERM
) -> list[str]:
    """Return the command wrapped so that it dies with this process and runs as `identity`."""
    return [
        sys.executable, "-I", "-S", LAUNCH, str(os.getpid()), str(int(death_signal)), identity, *command,
    ]  # fmt: skip


def birth_of(pid: int) -> str | None:
    """Return when the process began, or None when it is gone or only waits to be reaped."""
    if PROC.joinpath("self").exists():
        fields = _stat(pid)
        return None if fields is None or fields[0] in "ZX" else fields[19]
    shown = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split(None, 1)
    return shown[1].strip() if len(shown) == 2 and not shown[0].startswith("Z") else None


def process(pid: int) -> Process | None:
    """Return the living process with this pid, or None."""
    born = birth_of(pid)
    return None if born is None else Process(pid, born)


def command_of(pid: int) -> list[str]:
    """Return the command line of a process, empty when it cannot be read."""
    try:
        raw = PROC.joinpath(str(pid), "cmdline").read_bytes()
        return [part.decode(errors="replace") for part in raw.split(b"\0") if part]
    except OSError:
        shown = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return shown.stdout.split()


def directory_of(pid: int) -> Path | None:
    """Return where a process stands, or None when the system does not tell."""
    try:
        return PROC.joinpath(str(pid), "cwd").readlink()
    except OSError:
        return None


def descendants_of(pid: int) -> list[int]:
    """Return the pids below a process, nearest first."""
    parents: dict[int, list[int]] = {}
    if PROC.joinpath("self").exists():
        for entry in PROC.iterdir():
            fields = _stat(int(entry.name)) if entry.name.isdigit() else None
            if fields is not None:
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
    else:
        shown = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=False)
        for line in shown.stdout.splitlines():
            child, parent = line.split()
            parents.setdefault(int(parent), []).append(int(child))
    found, queue = [], list(parents.get(pid, ()))
    while queue:
        child_pid = queue.pop(0)
        found.append(child_pid)
        queue.extend(parents.get(child_pid, ()))
    return found


def wait_until(true: Callable[[], bool], *, timeout_s: float, every_s: float = 0.02) -> bool:
    """Return whether `true()` came true in time."""
    deadline = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True


def end(processes: Iterable[Process], escalation: Sequence[tuple[signal.Signals, float]]) -> list[Process]:
    """Send each signal in turn, waiting its seconds for all to go; return those that remain."""
    left = [one for one in processes if one.alive()]
    for number, wait_s in escalation:
        for one in left:
            one.send(number)
        wait_until(partial(_all_gone, left), timeout_s=wait_s)
        left = [one for one in left if one.alive()]
    return left


def kill_group(leader: int) -> None:
    """End a process group that has lost its leader; none left is fine."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _all_gone(processes: Sequence[Process]) -> bool:
    return not any(one.alive() for one in processes)


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the state on: [0] state, [1] parent, [19] start time."""
    try:
        raw = PROC.joinpath(str(pid), "stat").read_text(errors="replace")
    except OSError:
        return None
    return raw.rpartition(")")[2].split()
