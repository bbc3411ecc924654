"""One instant of the database for a whole answer, without a lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def snapshot(*, timeout_s: float | None = None, work_mem_mb: int | None = None) -> Iterator[None]:
    """Read everything inside as of one instant; nothing can be written.

    Inside a transaction that is open already it is that transaction's instant: it cannot be changed.
    timeout_s: no statement may take longer; raises OperationalError. work_mem_mb: for sums over much.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            if len(connection.savepoint_ids) == 0:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            if timeout_s is not None:
                limit = str(int(timeout_s * 1000))
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [limit])
            if work_mem_mb is not None:
                cursor.execute("SELECT set_config('work_mem', %s, true)", [f"{work_mem_mb}MB"])
        yield
