"""The database as a witness: which process applied each delivery, posted each movement, did each push.

Triggers write down the name under which the process at the other end of the session goes. A step done by the
web process, the dispatcher or the test itself (an eager Celery, say) is seen.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection

WITNESSED = {
    "delivery": "AFTER UPDATE OF state ON intake_delivery FOR EACH ROW WHEN (NEW.state <> 'pending')",
    "movement": "AFTER INSERT ON ledger_movement FOR EACH ROW",
    "push": "AFTER INSERT ON propagation_pushattempt FOR EACH ROW",
}


def install() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE walk_witness (id bigserial PRIMARY KEY, what text, row_id bigint,"
            " process text DEFAULT current_setting('application_name'));"
            "CREATE FUNCTION walk_witness() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " INSERT INTO walk_witness (what, row_id) VALUES (TG_ARGV[0], NEW.id); RETURN NULL; END $$"
        )
        for what, when in WITNESSED.items():
            cursor.execute(
                f"CREATE TRIGGER walk_witness_{what} {when} EXECUTE FUNCTION walk_witness('{what}')"
            )


def mark() -> int:
    """Return where the book of the witness stands."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(max(id), 0) FROM walk_witness")
        return int(cursor.fetchone()[0])


def processes(since: int, what: str = "", row_ids: Collection[int] | None = None) -> set[str]:
    """Return the processes that did what was done since the mark."""
    rows = None if row_ids is None else list(row_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT process FROM walk_witness WHERE id > %s AND (%s = '' OR what = %s)"
            " AND (%s::bigint[] IS NULL OR row_id = ANY(%s))",
            [since, what, what, rows, rows],
        )
        return {row[0] for row in cursor.fetchall()}


def seen(since: int) -> set[str]:
    """Return which kinds of steps were done since the mark."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT what FROM walk_witness WHERE id > %s", [since])
        return {row[0] for row in cursor.fetchall()}
