"""The processes of a worker: Celery's prefork pool, which outlives the loss of a process while it starts.

Celery takes any process that is gone before the first message for a broken installation and ends the whole
worker. One that was killed (no memory, an impatient operator) proves nothing of the kind: the pool makes
another, as it does at any later moment. One that ended by itself while starting still ends the worker.
"""

from __future__ import annotations

from celery.concurrency.prefork import TaskPool


class SteadyPool(TaskPool):  # type: ignore[misc]  # celery has no types
    """Named by `worker_pool` in celery.py."""

    def did_start_ok(self) -> bool:
        """Say whether no process ended by itself; those that a signal ended are replaced by the pool."""
        return all(process.exitcode is None or process.exitcode < 0 for process in self._pool._pool)
