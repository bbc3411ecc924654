"""What /metrics tells: the debts of every step, read from their rows. One short query per family.

Ages are in seconds and counted by the database's clock, which also wrote the rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connection

from inventory_sync.support.metrics import Measure, Sample


def _sql(query: str, *, labels: int) -> Callable[[], Iterable[Sample]]:
    """Return a reader of rows whose last column is the number."""

    def read() -> Iterable[Sample]:
        with connection.cursor() as cursor:
            cursor.execute(query)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return [(tuple(str(value) for value in row[:labels]), float(row[labels] or 0)) for row in rows]

    return read


def _measure(name: str, help_text: str, labels: tuple[str, ...], query: str) -> Measure:
    """Write AGE_S(column) for the seconds since then."""
    query = re.sub(r"AGE_S\(([a-z_.]+)\)", r"GREATEST(0, EXTRACT(EPOCH FROM now() - \1))", query)
    return Measure(f"inventory_sync_{name}", help_text, labels, _sql(query, labels=len(labels)))


# Done deliveries are counted over an hour only: the whole history has no index and no use here.
MEASURES: tuple[Measure, ...] = (
    _measure(
        "deliveries_open",
        "Deliveries that are not done, by state and tier.",
        ("state", "tier"),
        "SELECT state, tier, count(*) FROM intake_delivery WHERE state <> 'done' GROUP BY 1, 2",
    ),
    _measure(
        "deliveries_oldest_pending_seconds",
        "Age of the oldest pending delivery that is due, by tier.",
        ("tier",),
        """SELECT tier, max(AGE_S(received_at)) FROM intake_delivery
            WHERE state = 'pending' AND run_at <= now() GROUP BY 1""",
    ),
    _measure(
        "deliveries_last_hour",
        "Deliveries received in the last hour, by connection and state.",
        ("connection", "state"),
        """SELECT c.code, d.state, count(*) FROM connections_connection c
            JOIN LATERAL (
                SELECT state, received_at FROM intake_delivery
                WHERE connection_id = c.id ORDER BY id DESC LIMIT 20000
            ) d ON d.received_at > now() - interval '1 hour'
            GROUP BY 1, 2""",
    ),
    _measure(
        "parked_lines",
        "Lines that wait for a person, by connection and code.",
        ("connection", "code"),
        """SELECT c.code, p.code, count(*) FROM intake_parkedline p
            JOIN connections_connection c ON c.id = p.connection_id
            WHERE p.resolved_at IS NULL GROUP BY 1, 2""",
    ),
    _measure(
        "parked_oldest_seconds",
        "Age of the oldest parked line, by connection.",
        ("connection",),
        """SELECT c.code, max(AGE_S(p.created_at)) FROM intake_parkedline p
            JOIN connections_connection c ON c.id = p.connection_id
            WHERE p.resolved_at IS NULL GROUP BY 1""",
    ),
    _measure(
        "reads_due",
        "Objects whose source is to be read again, by connection.",
        ("connection",),
        """SELECT c.code, count(*) FROM intake_readdue r
            JOIN connections_connection c ON c.id = r.connection_id GROUP BY 1""",
    ),
    _measure(
        "dirty_items",
        "Items whose availability is to be computed again.",
        ("urgent",),
        "SELECT CASE WHEN urgent THEN 'yes' ELSE 'no' END, count(*) FROM ledger_dirtyitem GROUP BY 1",
    ),
    _measure(
        "dirty_items_oldest_seconds",
        "Age of the oldest item to be computed again.",
        (),
        "SELECT coalesce(max(AGE_S(since)), 0) FROM ledger_dirtyitem",
    ),
    _measure(
        "listings",
        "Listings by connection and state: owed, settled, unknown, failed.",
        ("connection", "state"),
        """SELECT c.code, l.state, count(*) FROM propagation_listing l
            JOIN connections_connection c ON c.id = l.connection_id GROUP BY 1, 2""",
    ),
    _measure(
        "pushes_oldest_owed_seconds",
        "Age of the oldest owed push, by connection.",
        ("connection",),
        """SELECT c.code, max(AGE_S(l.dirty_since)) FROM propagation_listing l
            JOIN connections_connection c ON c.id = l.connection_id
            WHERE l.state = 'owed' AND l.dirty_since IS NOT NULL GROUP BY 1""",
    ),
    _measure(
        "push_attempts_last_hour",
        "Push attempts begun in the last hour, by connection and outcome.",
        ("connection", "outcome"),
        """SELECT c.code, coalesce(nullif(a.outcome, ''), 'in_flight'), count(*) FROM (
                SELECT listing_id, outcome, at FROM propagation_pushattempt ORDER BY id DESC LIMIT 50000
            ) a JOIN propagation_listing l ON l.id = a.listing_id
            JOIN connections_connection c ON c.id = l.connection_id
            WHERE a.at > now() - interval '1 hour' GROUP BY 1, 2""",
    ),
    _measure(
        "order_copies",
        "Copies of orders by connection and state: owed, settled, refused, given_up.",
        ("connection", "state"),
        """SELECT c.code, w.state, count(*) FROM workflows_copy w
            JOIN connections_connection c ON c.id = w.target_id GROUP BY 1, 2""",
    ),
    _measure(
        "order_copies_oldest_owed_seconds",
        "Age of the oldest copy of an order that a connection lacks or has otherwise.",
        ("connection",),
        """SELECT c.code, max(AGE_S(w.since)) FROM workflows_copy w
            JOIN connections_connection c ON c.id = w.target_id WHERE w.state = 'owed' GROUP BY 1""",
    ),
    _measure(
        "deliveries_told_oldest_owed_seconds",
        "Age of the oldest delivery that a channel is still to be told of.",
        ("connection",),
        """SELECT c.code, max(AGE_S(w.since)) FROM workflows_deliverytold w
            JOIN connections_connection c ON c.id = w.channel_id WHERE w.state = 'owed' GROUP BY 1""",
    ),
    _measure(
        "sweep_age_seconds",
        "Time since a stream was last read to its end, by connection and stream.",
        ("connection", "stream"),
        """SELECT c.code, s.stream, AGE_S(s.swept_at) FROM connections_cursor s
            JOIN connections_connection c ON c.id = s.connection_id WHERE s.swept_at IS NOT NULL""",
    ),
    _measure(
        "sweep_objects_read",
        "Objects a sweep has read since the beginning, by connection and stream.",
        ("connection", "stream"),
        """SELECT c.code, s.stream, s.reads FROM connections_cursor s
            JOIN connections_connection c ON c.id = s.connection_id""",
    ),
    _measure(
        "webhooks_lost",
        "Objects a sweep found that no webhook had announced, by connection and stream.",
        ("connection", "stream"),
        """SELECT c.code, s.stream, s.finds FROM connections_cursor s
            JOIN connections_connection c ON c.id = s.connection_id""",
    ),
    _measure(
        "budget_tokens",
        "Calls a connection may make at once, refilled to now.",
        ("connection",),
        """SELECT c.code, LEAST(b.burst,
                b.tokens + b.rate_per_s * GREATEST(0, EXTRACT(EPOCH FROM now() - b.refilled_at)))
            FROM connections_budget b JOIN connections_connection c ON c.id = b.connection_id""",
    ),
    _measure(
        "connection_active",
        "1 for a connection that is active, 0 for one that is paused or misconfigured.",
        ("connection", "state"),
        "SELECT code, state, CASE WHEN state = 'active' THEN 1 ELSE 0 END FROM connections_connection",
    ),
    _measure(
        "hooks_recreated",
        "How often webhooks had to be made again at the vendor, by connection.",
        ("connection",),
        """SELECT c.code, sum(h.recreated) FROM connections_hook h
            JOIN connections_connection c ON c.id = h.connection_id GROUP BY 1""",
    ),
    _measure(
        "cases_open",
        "Open cases, by code and owner.",
        ("code", "owner"),
        "SELECT code, owner_team, count(*) FROM cases_case WHERE state = 'open' GROUP BY 1, 2",
    ),
    _measure(
        "sign_age_seconds",
        "Time since the last sign of life of the dispatcher and of each queue's canary.",
        ("name",),
        "SELECT name, AGE_S(at) FROM pipeline_sign",
    ),
)
