"""Database sessions that threads of a test leave behind: a test database with guests cannot be dropped."""

from __future__ import annotations

from django.db import connection


def end_other_sessions() -> None:
    """End every session of this database but our own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
