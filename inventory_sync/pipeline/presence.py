"""A worker process says every few seconds that it lives and what it is at.

A thread of its own writes the row, from what the tasks leave in memory, so that a task that hangs is told as
such and costs nothing while it does not. What the rows mean is judged in watch.py.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import Error as DatabaseError
from django.db import connection

from inventory_sync.pipeline.models_workers import Worker
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

EVERY_S = 5.0
FORGET_AFTER = timedelta(days=1)
WORDS = 200

_WRITE = """
WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO pipeline_worker (host, pid, parent, queues, started_at, seen_at, task, arguments, task_id, since,
    taken)
SELECT %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s FROM unhurried
ON CONFLICT (host, pid) DO UPDATE SET parent = excluded.parent, queues = excluded.queues,
    started_at = excluded.started_at, seen_at = excluded.seen_at, task = excluded.task,
    arguments = excluded.arguments, task_id = excluded.task_id, since = excluded.since, taken = excluded.taken
"""


@dataclass(frozen=True, slots=True)
class At:
    """What a process is at; replaced as a whole, so that the thread never sees half of it."""

    task: str = ""
    arguments: str = ""
    task_id: str = ""
    since: datetime | None = None
    taken: int = 0


@dataclass(slots=True)
class Presence:
    """This process's presence. `begin` and `end` are called around each task and touch no database."""

    queues: str
    clock: Callable[[], datetime]
    host: str
    pid: int = field(default_factory=os.getpid)
    parent: int = field(default_factory=os.getppid)
    every_s: float = EVERY_S
    at: At = At()
    started_at: datetime = field(init=False)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.started_at = self.clock()
        self.at = At(since=self.started_at)

    def begin(self, task: str, arguments: Mapping[str, Any], task_id: str) -> None:
        words = ", ".join(f"{name}={value}" for name, value in sorted(arguments.items()))[:WORDS]
        self.at = At(task, words, task_id, self.clock(), self.at.taken + 1)

    def end(self) -> None:
        self.at = At(since=self.clock(), taken=self.at.taken)

    def write(self) -> None:
        """Write the row, without waiting for the disk: losing the last one costs nothing."""
        at = self.at
        with connection.cursor() as cursor:
            cursor.execute(
                _WRITE,
                [
                    self.host, self.pid, self.parent, self.queues, self.started_at, self.clock(),
                    at.task, at.arguments, at.task_id, at.since, at.taken,
                ],
            )  # fmt: skip

    def clear_dead(self) -> None:
        """Take away the rows of processes of this host that are gone, and of hosts not heard of for a day."""
        Worker.objects.filter(seen_at__lt=self.clock() - FORGET_AFTER).delete()
        for row in Worker.objects.filter(host=self.host).exclude(pid=self.pid):
            if not _lives(row.pid):
                row.delete()

    def start(self) -> None:
        threading.Thread(target=self._run, name="presence", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        cleared = False
        try:
            while True:
                try:
                    self.write()
                    if not cleared:
                        self.clear_dead()
                        cleared = True
                except DatabaseError:
                    connection.close()  # whoever needs the database says that it is away
                except Exception:
                    log.exception("presence.failed")
                if self._stop.wait(self.every_s):
                    return
        finally:
            connection.close()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
