"""What a Celery worker does around the tasks: say what each process is at, and leave no doubtful session.

Imported with the tasks; nothing of it runs outside of a worker.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

from celery import current_app
from celery.signals import (
    task_failure,
    task_postrun,
    task_prerun,
    worker_process_init,
    worker_process_shutdown,
    worker_shutdown,
)
from django.db import Error as DatabaseError
from django.db import connection
from structlog.contextvars import bind_contextvars, unbind_contextvars

from inventory_sync.pipeline.models_workers import Worker
from inventory_sync.pipeline.presence import Presence
from inventory_sync.support.clock import utc_now

_mine: list[Presence] = []
"""This process's presence, once it is a worker's."""


@worker_process_init.connect
def arrive(**_: Any) -> None:
    queues = ",".join(current_app.amqp.queues.consume_from)
    presence = Presence(queues=queues, clock=utc_now, host=socket.gethostname())
    _mine[:] = [presence]
    presence.start()


@task_prerun.connect
def begin(task_id: str = "", task: Any = None, kwargs: Mapping[str, Any] | None = None, **_: Any) -> None:
    """Note what is done here; every log line of it carries the id that Flower shows it under."""
    bind_contextvars(task_id=task_id)
    for presence in _mine:
        presence.begin(task.name, kwargs or {}, task_id)


@task_postrun.connect
def end(**_: Any) -> None:
    unbind_contextvars("task_id")
    for presence in _mine:
        presence.end()


@task_failure.connect
def leave_no_session(**_: Any) -> None:
    """End the session of a task that failed: a time limit may have struck while it held a lock of it."""
    if _mine:
        connection.close()


@worker_process_shutdown.connect
def leave(**_: Any) -> None:
    for presence in _mine:
        presence.stop()
        _quietly(presence.host, pid=presence.pid)


@worker_shutdown.connect
def leave_all(**_: Any) -> None:
    """Take away the rows of this worker's processes, for one that is stopped at once cannot do it itself."""
    _quietly(socket.gethostname(), parent=os.getpid())


def _quietly(host: str, **which: int) -> None:
    try:
        Worker.objects.filter(host=host, **which).delete()
    except DatabaseError:
        pass  # the row is missed for a while, and forgotten
    finally:
        connection.close()
