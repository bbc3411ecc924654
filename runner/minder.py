"""The last one out: ends whoever outlives a supervisor that was killed with -9.

Started by the supervisor, holding the other end of a pipe that closes when the supervisor is gone, however
it went. The kernel has told the children by then; this waits for them and insists. After an orderly stop
there is nobody left. A new supervisor may be starting meanwhile: processes are known by birth.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from runner.processes import Process, birth_of, end, kill_group

CHILDREN_FILE = "children.json"


def read_noted(var_dir: Path) -> tuple[list[Process], list[Process]]:
    """Return the servers and the other children that a supervisor noted last, living or not."""
    try:
        noted = json.loads((var_dir / CHILDREN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return [], []
    servers = [Process(pid, born) for pid, born, is_server in noted.values() if is_server]
    others = [Process(pid, born) for pid, born, is_server in noted.values() if not is_server]
    return servers, others


def end_left_overs(servers: list[Process], others: list[Process], *, patience_s: float) -> None:
    """End the others and what is left of their own children, then the servers, these only politely."""
    end(others, ((signal.SIGTERM, patience_s), (signal.SIGKILL, 5.0)))
    for one in others:
        if birth_of(one.pid) is None:  # the group's number cannot have been given to anybody else yet
            kill_group(one.pid)
    end(servers, ((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0)))


def main(var_dir: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    end_left_overs(*read_noted(var_dir), patience_s=3.0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
