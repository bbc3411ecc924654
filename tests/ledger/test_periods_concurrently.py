"""Nothing is posted into a period after it was closed: closing waits for whoever is posting."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event

import pytest
from django.db import connection, transaction

from inventory_sync.ledger import periods
from inventory_sync.ledger.models import Movement
from inventory_sync.ledger.post import post_events
from inventory_sync.ledger.store import PostgresLedger
from tests.factories import make_item, make_location, make_till
from tests.ledger.reports import delta
from tests.sessions import end_other_sessions

pytestmark = pytest.mark.django_db(transaction=True)
LATER = datetime(2027, 1, 5, tzinfo=UTC)


def test_a_period_is_closed_only_when_who_posts_in_it_is_done() -> None:
    till, item, place = make_till(), make_item("MUG"), make_location("WH")
    posted, go_on = Event(), Event()

    def post(key: str, *, hold: bool) -> None:
        try:
            with transaction.atomic():
                event = delta(key, item.pk, place.pk, 1, by=till.pk)
                post_events([event], store=PostgresLedger(), now=LATER)
                posted.set()
                if hold:
                    assert go_on.wait(20)
        finally:
            connection.close()

    def close() -> None:
        try:
            periods.close_period("2026-11", actor="tests", reason="a test", now=LATER)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        poster = pool.submit(post, "before", hold=True)
        assert posted.wait(20)
        closer = pool.submit(close)
        _wait_for_a_lock()
        go_on.set()
        poster.result(20)
        closer.result(20)
        pool.submit(post, "after", hold=False).result(20)
    end_other_sessions()

    assert dict(Movement.objects.values_list("event__key", "period")) == {
        "before": "2026-11", "after": "2026-12",
    }  # fmt: skip


def _wait_for_a_lock() -> None:
    """Return when some session waits for an advisory lock; the one that closes is the only one that can."""
    waiting = """
        SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE l.locktype = 'advisory' AND NOT l.granted AND d.datname = current_database()
    """
    for _ in range(2_000):
        with connection.cursor() as cursor:
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waited")
