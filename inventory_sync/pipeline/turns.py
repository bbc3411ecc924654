"""Turns of reading on PostgreSQL: an advisory lock of the session that will store what is read.

Numbers say which of two readings is newer, and that is true only if the next begins after the last has ended
(decision 0017). The lock goes with its session, so a worker that dies frees it, and one whose session was
replaced finds that it holds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from django.db import Error as DatabaseError
from django.db import OperationalError, connection, transaction

from inventory_sync.domain.errors import NotOurTurn

SPACE = 0x1D15BA7D  # the first half of every turn's key; any number, the same everywhere
PATIENCE_S = 2.0

_HELD = (
    "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s"
    " AND objsubid = 2 AND granted AND pid = pg_backend_pid()"
)


@dataclass(frozen=True, slots=True)
class SessionTurn:
    """See pipeline.ports.Turn."""

    connection_id: int

    def held(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(_HELD, [SPACE, self.connection_id])
            return bool(cursor.fetchone()[0])


@dataclass(frozen=True, slots=True)
class SessionTurns:
    """See pipeline.ports.Turns. PostgreSQL serves those who wait in order, so a long sweep starves nobody."""

    patience_s: float = PATIENCE_S

    @contextmanager
    def take(self, connection_id: int) -> Iterator[SessionTurn]:
        self._wait(connection_id)
        try:
            yield SessionTurn(connection_id)
        finally:
            _let_go(connection_id)

    def _wait(self, connection_id: int) -> None:
        """Return when the turn is ours. A time limit that strikes meanwhile costs the session."""
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "SELECT set_config('lock_timeout', %s, true)", [f"{int(self.patience_s * 1000)}ms"]
                )
                cursor.execute("SELECT pg_advisory_lock(%s, %s)", [SPACE, connection_id])
        except OperationalError as error:
            if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise NotOurTurn("Another reading of these books goes on.") from None
            raise
        except BaseException:
            connection.close()
            raise


def _let_go(connection_id: int) -> None:
    """Give the turn back, or end the session that has it: a worker uses one for hundreds of tasks."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [SPACE, connection_id])
    except DatabaseError:
        connection.close()
    except BaseException:  # a time limit may strike in the middle of this too
        connection.close()
        raise
