"""Wake what was put off because a connection did not answer, now that it answers.

Each row waits longer with every failure of its own, for the failure may be its own: one line that no vendor
takes must not be tried as often as its neighbours succeed. But while a connection answers nobody, every row
of it fails, and sleeps for minutes when the vendor is long back. So the answer that closes its breaker wakes
them all, but for those that failed so often that they are cases. Calls nobody; the dispatcher finds what is
due.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from inventory_sync.domain.errors import NotAnswering, OutcomeUnknown, RemoteUnavailable, Transient
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

UNREACHED = [each.code for each in (NotAnswering, RemoteUnavailable, Transient)]
"""Nothing came of the call. A vendor that named a time (RateLimited) is left alone until then."""
UNANSWERED = [*UNREACHED, OutcomeUnknown.code]
"""For figures: what may have landed is read before anything is written again."""
TRIED_FEW = 5
"""Objects that failed more often wait for their own time: after ten tries their figure is doubted."""

# Rows that somebody works on are passed over: what becomes of them is decided there.
_LISTINGS = """
UPDATE propagation_listing SET run_at = %(now)s WHERE id IN (
    SELECT id FROM propagation_listing WHERE connection_id = %(connection)s AND state = 'owed'
        AND run_at > %(now)s AND error_code = ANY(%(unanswered)s) AND attempts < %(most)s
        AND (lease_until IS NULL OR lease_until <= %(now)s)
    ORDER BY id FOR UPDATE SKIP LOCKED
)
"""
_STREAMS = """
UPDATE connections_cursor SET run_at = %(now)s WHERE id IN (
    SELECT id FROM connections_cursor WHERE connection_id = %(connection)s
        AND run_at > %(now)s AND error_code = ANY(%(unanswered)s) AND lease_until IS NULL
    ORDER BY id FOR UPDATE SKIP LOCKED
)
"""
_OBJECTS = """
UPDATE intake_readdue SET run_at = %(now)s WHERE id IN (
    SELECT id FROM intake_readdue WHERE connection_id = %(connection)s
        AND run_at > %(now)s AND attempts BETWEEN 1 AND %(few)s AND lease_until IS NULL
    ORDER BY id FOR UPDATE SKIP LOCKED
)
"""
_DOCUMENTS = """
UPDATE propagation_mirrordocument SET run_at = %(now)s WHERE id IN (
    SELECT id FROM propagation_mirrordocument WHERE connection_id = %(connection)s AND state = 'owed'
        AND run_at > %(now)s AND error_code = ANY(%(unreached)s) AND attempts < %(most)s
    ORDER BY id FOR UPDATE SKIP LOCKED
)
"""
_DELIVERIES = """
UPDATE workflows_deliverytold SET run_at = %(now)s WHERE order_id IN (
    SELECT order_id FROM workflows_deliverytold WHERE channel_id = %(connection)s AND state = 'owed'
        AND run_at > %(now)s AND error_code = ANY(%(unreached)s) AND attempts < %(most)s
        AND (lease_until IS NULL OR lease_until <= %(now)s)
    ORDER BY order_id FOR UPDATE SKIP LOCKED
)
"""


def wake(connection_id: int, *, now: datetime) -> int:
    """Have all that waits for this connection tried again at once; returns how many rows."""
    values = {
        "connection": connection_id,
        "now": now,
        "unreached": UNREACHED,
        "unanswered": UNANSWERED,
        "most": settings.INVENTORY_SYNC["PUSH_MAX_ATTEMPTS"],
        "few": TRIED_FEW,
    }
    woken = 0
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in (_LISTINGS, _STREAMS, _OBJECTS, _DOCUMENTS, _DELIVERIES):
            cursor.execute(statement, values)
            woken += cursor.rowcount
    if woken:
        log.info("connection.woken", connection_id=connection_id, rows=woken)
    return woken
