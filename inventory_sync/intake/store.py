"""The PostgreSQL store of deliveries: claims by shard, fenced outcomes, parked lines, reads due.

Lock order inside one transaction: shard, then deliveries by id.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from inventory_sync.domain.errors import FenceLost
from inventory_sync.domain.ports import Delivery
from inventory_sync.intake import sql
from inventory_sync.intake.models import Delivery as DeliveryRow
from inventory_sync.intake.ports import (
    Claim,
    Finds,
    NewDelivery,
    NumberUsed,
    Outcome,
    ReadWanted,
    Result,
    Stored,
    StoredDelivery,
    Waiting,
    waiting,
)
from inventory_sync.support.columns import unzip
from inventory_sync.support.lookups import LOOK_UP

TAKE_SHARD = """
SELECT s.number, s.token, s.lease_until IS NOT NULL, s.claimed_from, s.claimed_to, s.claimed_for
FROM intake_shard s
WHERE s.tier = %(tier)s AND (s.lease_until IS NULL OR s.lease_until < %(now)s) AND EXISTS (
    SELECT 1 FROM intake_delivery d
    WHERE d.state = 'pending' AND d.tier = s.tier AND d.shard = s.number AND d.run_at <= %(now)s
        AND (%(connection)s::bigint IS NULL OR d.connection_id = %(connection)s)
)
ORDER BY s.token, s.number
LIMIT 1 FOR UPDATE OF s SKIP LOCKED
"""

# The batch of an owner that never gave its shard back: an attempt each, for any of them may have ended it.
COUNT_LOST = """
UPDATE intake_delivery d SET attempts = d.attempts + 1
WHERE d.state = 'pending' AND d.tier = %(tier)s AND d.shard = %(shard)s AND d.run_at <= %(now)s
    AND d.id BETWEEN %(first)s AND %(last)s
    AND (%(lost_for)s::bigint IS NULL OR d.connection_id = %(lost_for)s)
"""

# A row whose batch has died twice is claimed alone: only the one that kills keeps collecting attempts.
SUSPECT_ATTEMPTS = 2

TAKE_ROWS = """
SELECT d.id, d.connection_id, c.code, c.connector, d.topic, d.headers::text, d.body, d.received_at,
    d.source, d.reading, d.correlation_id, d.attempts + 1, d.run_at > d.received_at, d.begun
FROM intake_delivery d JOIN connections_connection c ON c.id = d.connection_id
WHERE d.state = 'pending' AND d.tier = %(tier)s AND d.shard = %(shard)s AND d.run_at <= %(now)s
    AND (%(connection)s::bigint IS NULL OR d.connection_id = %(connection)s)
ORDER BY d.id LIMIT %(limit)s
"""

LEASE = """
UPDATE intake_shard SET token = %(token)s, lease_until = %(until)s, claimed_from = %(first)s,
    claimed_to = %(last)s, claimed_for = %(connection)s
WHERE tier = %(tier)s AND number = %(shard)s
"""

# What leaves a shard is counted in its row: its owner holds that already, so nobody waits for the counter.
FINISH = """
WITH left_it AS (
    UPDATE intake_delivery d SET
        state = CASE o.result WHEN 'retry' THEN 'pending' ELSE o.result END,
        finished_at = CASE o.result WHEN 'retry' THEN NULL ELSE %s::timestamptz END,
        attempts = d.attempts + 1, events = o.events, error_code = o.code, error_detail = o.detail,
        run_at = COALESCE(o.run_at, d.run_at), occurred_at = COALESCE(o.occurred_at, d.occurred_at)
    FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::text[], %s::text[], %s::timestamptz[],
        %s::timestamptz[]) AS o(id, result, events, code, detail, run_at, occurred_at)
    WHERE d.id = o.id
    RETURNING d.tier, d.shard, d.state
)
UPDATE intake_shard s SET drained = s.drained + n.count
FROM (SELECT tier, shard, count(*) FROM left_it WHERE state <> 'pending' GROUP BY tier, shard ORDER BY 1, 2) n
WHERE s.tier = n.tier AND s.number = n.shard
"""

PARK = """
INSERT INTO intake_parkedline (delivery_id, connection_id, event_key, waits_on, code, detail, summary,
    resolution, created_at, updated_at)
SELECT p.delivery_id, p.connection_id, p.event_key, p.waits_on, p.code, p.detail, p.summary, '', %s, %s
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
    AS p(delivery_id, connection_id, event_key, waits_on, code, detail, summary)
ON CONFLICT (delivery_id, event_key) DO UPDATE SET
    waits_on = EXCLUDED.waits_on, code = EXCLUDED.code, detail = EXCLUDED.detail,
    summary = EXCLUDED.summary, resolved_at = NULL, resolution = '', updated_at = EXCLUDED.updated_at
"""

# Before PARK, which opens again what is parked anew, perhaps for another reason.
UNPARK = """
UPDATE intake_parkedline p SET resolved_at = %s, resolution = 'replayed by itself', updated_at = %s
WHERE p.delivery_id = ANY(%s) AND p.resolved_at IS NULL
RETURNING p.code, p.connection_id, p.waits_on, p.delivery_id
"""

STILL = """
SELECT w.code, w.connection_id, w.waits_on, w.delivery_id
FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::bigint[])
    AS w(code, connection_id, waits_on, delivery_id)
WHERE EXISTS (
    SELECT FROM intake_parkedline p WHERE p.resolved_at IS NULL AND p.code = w.code
        AND p.connection_id = w.connection_id AND p.waits_on = w.waits_on
        AND (w.delivery_id = 0 OR p.delivery_id = w.delivery_id))
"""

WANT_READS = """
INSERT INTO intake_readdue AS r (connection_id, kind, ref, why, version, run_at, attempts, token,
    correlation_id, error_detail)
SELECT w.connection_id, w.kind, w.ref, w.why, 1, %s + w.delay_s * interval '1 second', 0, 0,
    w.correlation_id, ''
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[])
    AS w(connection_id, kind, ref, why, correlation_id, delay_s)
ORDER BY 1, 2, 3
ON CONFLICT (connection_id, kind, ref) DO UPDATE SET
    version = r.version + 1, why = EXCLUDED.why, run_at = LEAST(r.run_at, EXCLUDED.run_at),
    correlation_id = EXCLUDED.correlation_id
"""

SWEEP_SOON = """
UPDATE connections_cursor c SET run_at = least(c.run_at, w.run_at)
FROM (
    SELECT w.connection_id, w.stream, %s + min(w.delay_s) * interval '1 second' AS run_at
    FROM unnest(%s::bigint[], %s::text[], %s::int[]) AS w(connection_id, stream, delay_s) GROUP BY 1, 2
) AS w
WHERE c.connection_id = w.connection_id AND (c.stream = w.stream OR NOT EXISTS (
    SELECT FROM connections_cursor named
    WHERE named.connection_id = w.connection_id AND named.stream = w.stream))
"""

TAKE_NUMBERS = """
INSERT INTO intake_sequencenumber (connection_id, place, number, said_by)
SELECT connection_id, place, number, said_by
FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::text[]) WITH ORDINALITY
    AS given(connection_id, place, number, said_by, rank)
ORDER BY rank ON CONFLICT DO NOTHING
"""

NUMBERS_TAKEN = """
SELECT s.connection_id, s.place, s.number, s.said_by FROM intake_sequencenumber s
JOIN unnest(%s::bigint[], %s::text[], %s::bigint[]) AS given(connection_id, place, number)
USING (connection_id, place, number)
"""


class PostgresIntake:
    """See ports.IntakeStore."""

    def __init__(self, *, shards: int | None = None) -> None:
        self.shards = shards or int(settings.INVENTORY_SYNC["INTAKE_SHARDS"])

    def transaction(self) -> AbstractContextManager[Any]:
        return transaction.atomic()

    def store(self, deliveries: Sequence[NewDelivery]) -> Stored:
        with connection.cursor() as cursor:
            return sql.store(cursor, deliveries, shards=self.shards)

    def claim(
        self, tier: str, *, now: datetime, lease: timedelta, limit: int, connection_id: int | None = None
    ) -> Claim | None:
        values: dict[str, Any] = {
            "tier": tier,
            "now": now,
            "until": now + lease,
            "limit": limit,
            "connection": connection_id,
        }
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(TAKE_SHARD, values)
            taken = cursor.fetchone()
            if taken is None:
                return None
            shard, token, lost, first, last, lost_for = taken
            values |= {"shard": shard, "token": token + 1}
            if lost and first is not None:
                cursor.execute(COUNT_LOST, {**values, "first": first, "last": last, "lost_for": lost_for})
            cursor.execute(TAKE_ROWS, values)
            rows = cursor.fetchall()
            if rows and rows[0][11] > SUSPECT_ATTEMPTS:
                rows = rows[:1]
            ends = {"first": rows[0][0], "last": rows[-1][0]} if rows else {"first": None, "last": None}
            cursor.execute(LEASE, {**values, **ends})
        return Claim(tier, shard, token + 1, now + lease, tuple(_stored(row) for row in rows))

    def check_fence(self, claim: Claim) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT token, {LOOK_UP} FROM intake_shard WHERE tier = %s AND number = %s FOR UPDATE",  # noqa: S608
                [claim.tier, claim.shard],
            )
            row = cursor.fetchone()
        if row is None or row[0] != claim.token:
            raise FenceLost(f"Shard {claim.tier}/{claim.shard} has another owner.")

    def renew(self, claim: Claim, *, until: datetime) -> Claim:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE intake_shard SET lease_until = %s WHERE tier = %s AND number = %s AND token = %s",
                [until, claim.tier, claim.shard, claim.token],
            )
            if cursor.rowcount == 0:
                raise FenceLost(f"Shard {claim.tier}/{claim.shard} has another owner.")
        return replace(claim, lease_until=until)

    def finish(self, outcomes: Sequence[Outcome], *, now: datetime) -> set[Waiting]:
        if not outcomes:
            return set()
        parked = [(one, line) for one in outcomes for line in one.parked]
        given = [
            (o.delivery_id, o.result.value, o.events, o.code, o.detail, o.run_at, o.occurred_at)
            for o in outcomes
        ]
        with connection.cursor() as cursor:
            cursor.execute(FINISH, [now, *unzip(given, 7)])
            cursor.execute(
                UNPARK, [now, now, [o.delivery_id for o in outcomes if o.result is not Result.RETRY]]
            )
            waited = {waiting(*row) for row in cursor.fetchall()}
            if parked:
                cursor.execute(
                    PARK,
                    [
                        now,
                        now,
                        [o.delivery_id for o, _ in parked],
                        [o.connection_id for o, _ in parked],
                        [line.event_key for _, line in parked],
                        [line.waits_on[:200] for _, line in parked],
                        [line.code for _, line in parked],
                        [line.detail for _, line in parked],
                        [line.summary[:300] for _, line in parked],
                    ],
                )
        return waited - {o.waiting_of(line) for o, line in parked}

    def still(self, wanted: Collection[Waiting]) -> set[Waiting]:
        if not wanted:
            return set()
        given = [(w.code, w.connection_id, w.waits_on, w.delivery_id) for w in sorted(wanted)]
        with connection.cursor() as cursor:
            cursor.execute(STILL, unzip(given, 4))
            return {Waiting(*row) for row in cursor.fetchall()}

    def release(self, claim: Claim) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE intake_shard SET lease_until = NULL WHERE tier = %s AND number = %s AND token = %s",
                [claim.tier, claim.shard, claim.token],
            )

    def want_reads(self, reads: Collection[ReadWanted], *, now: datetime) -> None:
        streams = [read for read in reads if read.kind == "stream"]
        objects = list({(r.connection_id, r.kind, r.ref): r for r in reads if r.kind != "stream"}.values())
        with connection.cursor() as cursor:
            if streams:
                cursor.execute(
                    SWEEP_SOON,
                    [
                        now,
                        [r.connection_id for r in streams],
                        [r.ref for r in streams],
                        [r.delay_s for r in streams],
                    ],
                )
            if objects:
                cursor.execute(
                    WANT_READS,
                    [
                        now,
                        [r.connection_id for r in objects],
                        [r.kind for r in objects],
                        [r.ref for r in objects],
                        [r.why[:200] for r in objects],
                        [r.correlation_id for r in objects],
                        [r.delay_s for r in objects],
                    ],
                )

    def count_finds(self, finds: Sequence[Finds]) -> None:
        with connection.cursor() as cursor:
            for find in finds:
                cursor.execute(
                    "UPDATE connections_cursor SET finds = finds + %s"
                    " WHERE connection_id = %s AND stream = %s",
                    [find.count, find.connection_id, find.stream],
                )

    def claim_numbers(self, used: Sequence[NumberUsed]) -> set[NumberUsed]:
        if not used:
            return set()
        rows = sorted(dict.fromkeys(used), key=lambda one: one.name)  # a stable sort: the first stays first
        columns = [list(column) for column in zip(*(one.name for one in rows), strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(TAKE_NUMBERS, [*columns, [one.said_by for one in rows]])
            if cursor.rowcount == len(rows):
                return set()
            cursor.execute(NUMBERS_TAKEN, columns)
            holders = {(row[0], row[1], row[2]): row[3] for row in cursor.fetchall()}
        return {one for one in rows if holders[one.name] != one.said_by}

    def numbers_come(self, connection_id: int, place: str, numbers: Collection[int]) -> set[int]:
        asked = sorted(numbers)
        with connection.cursor() as cursor:
            cursor.execute(NUMBERS_TAKEN, [[connection_id] * len(asked), [place] * len(asked), asked])
            return {row[2] for row in cursor.fetchall()}

    def newest(self) -> int:
        return DeliveryRow.objects.aggregate(newest=Max("id"))["newest"] or 0

    def any_pending(self, connection_id: int, tier: str, *, up_to: int | None = None) -> bool:
        pending = DeliveryRow.objects.filter(connection_id=connection_id, tier=tier, state="pending")
        if up_to is not None:
            pending = pending.filter(id__lte=up_to)
        return pending.exists()


def _stored(row: tuple[Any, ...]) -> StoredDelivery:
    return StoredDelivery(
        id=row[0],
        connection_id=row[1],
        connection_code=row[2],
        connector=row[3],
        delivery=Delivery(
            topic=row[4],
            headers=Headers(row[5]),
            body=bytes(row[6]),
            received_at=row[7],
            source=row[8],
            reading=row[9],
            id=row[0],
            begun=row[13],
        ),
        correlation_id=row[10],
        attempts=row[11],
        again=row[12],
    )


class Headers(Mapping[str, str]):
    """Headers as stored, read when somebody looks: few translators do."""

    __slots__ = ("_read", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._read: dict[str, str] | None = None

    def _all(self) -> dict[str, str]:
        if self._read is None:
            self._read = {str(name): str(value) for name, value in json.loads(self._text).items()}
        return self._read

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())
