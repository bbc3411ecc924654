"""Wake workers. A message says that something is owed, never what; losing or doubling one costs time only.

Requests never wait for the broker: a background thread sends, at most one message per task and arguments
at a time, however many were asked for. When sending fails it rests for a while; the dispatcher finds every
debt without it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from django.conf import settings

from inventory_sync.pipeline.routes import queue_of
from inventory_sync.support import correlation
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

SEND_EVERY_S = 0.05  # a message costs the process that sends it about a millisecond
REST_S = 10.0
EXPIRES_S = 60

Message = tuple[str, str, tuple[tuple[str, Any], ...]]
"""(task name, queue, arguments)."""


class Waker:
    """`send` publishes one message and may block or fail; it runs in this object's own thread."""

    def __init__(
        self,
        send: Callable[[str, str, dict[str, Any]], None],
        *,
        every_s: float = SEND_EVERY_S,
        rest_s: float = REST_S,
    ) -> None:
        self._send, self._every_s, self._rest_s = send, every_s, rest_s
        self._wanted: dict[Message, str] = {}  # and the correlation id of who asked first
        self._lock = threading.Lock()
        self._something = threading.Event()
        self._thread: threading.Thread | None = None
        self.failures = 0

    def drain_intake(self, tier: str) -> None:
        self.want("pipeline.drain_intake", on=tier, tier=tier)

    def compute(self) -> None:
        self.want("pipeline.compute")

    def push(self, connection_id: int, tier: str = "critical") -> None:
        self.want("pipeline.push", on=tier, connection_id=connection_id)

    def mirror(self, connection_id: int) -> None:
        self.want("pipeline.mirror", connection_id=connection_id)

    def follow_orders(self) -> None:
        self.want("pipeline.follow_orders")

    def send_orders(self, connection_id: int) -> None:
        self.want("pipeline.send_orders", connection_id=connection_id)

    def tell_deliveries(self, connection_id: int) -> None:
        self.want("pipeline.tell_deliveries", connection_id=connection_id)

    def want(self, task: str, *, on: str = "", **arguments: Any) -> None:
        """Ask for a wake-up; returns at once, raises only for what pipeline/routes.py does not declare."""
        queue = queue_of(task, on)
        with self._lock:
            self._wanted.setdefault((task, queue, tuple(sorted(arguments.items()))), correlation.first())
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
                self._thread.start()
        self._something.set()

    def _run(self) -> None:
        while True:
            self._something.wait()
            self._something.clear()
            self.flush()
            time.sleep(self._every_s)

    def flush(self) -> bool:
        """Send what is wanted now; returns False when the broker did not take it."""
        with self._lock:
            wanted, self._wanted = sorted(self._wanted.items()), {}
        for (task, queue, arguments), cause in wanted:
            try:
                with correlation.bound(correlation_id=cause):
                    self._send(task, queue, dict(arguments))
            except Exception as error:  # noqa: BLE001 - a broker's failure is never a caller's
                self.failures += 1
                log.warning("wake.failed", task=task, error=repr(error), rests_s=self._rest_s)
                time.sleep(self._rest_s)
                return False
        return True


def send(task: str, queue: str, arguments: dict[str, Any]) -> None:
    """Publish through Celery; blocks for about three seconds at worst and raises when it fails.

    Flower shows who asked for it first by the correlation id that the admin searches by. It is a word for
    people: the task is not told, for what it finds to do is mostly others'.
    """
    cause = correlation.current()
    import_module(settings.CELERY_APP).app.send_task(
        task,
        kwargs=arguments,
        kwargsrepr=f"{arguments!r} asked for by {cause}" if cause else repr(arguments),
        queue=queue,
        expires=EXPIRES_S,
        retry=True,
    )


@cache
def waker() -> Waker:
    """Return this process's waker."""
    return Waker(send)
