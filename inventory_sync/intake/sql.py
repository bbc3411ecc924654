"""The SQL of storing deliveries, for the door's own connection and for Django's alike.

A row is kept only if its dedupe key is new; key and row are written by one statement. Each row notes how many
readings had begun: a later one shows what the row tells, or newer, whatever the clocks say (decision 0009).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Protocol

from inventory_sync.intake.ports import NewDelivery, Stored


class Cursor(Protocol):
    def execute(self, query: Any, params: Any = None) -> Any: ...

    def fetchall(self) -> list[tuple[Any, ...]]: ...


STORE = """
WITH incoming AS (
    SELECT nextval(pg_get_serial_sequence('intake_delivery', 'id')) AS id, t.* FROM unnest(
        %s::int[], %s::bigint[], %s::bytea[], %s::text[], %s::text[], %s::text[], %s::int[], %s::text[],
        %s::jsonb[], %s::bytea[], %s::bigint[], %s::timestamptz[], %s::text[]
    ) AS t(place, connection_id, key, topic, source, tier, shard, object_key,
           headers, body, reading, received_at, correlation_id)
), fresh AS (
    INSERT INTO intake_dedupekey (connection_id, key)
    SELECT connection_id, key FROM incoming WHERE key IS NOT NULL ORDER BY connection_id, key
    ON CONFLICT DO NOTHING
    RETURNING connection_id, key
), kept AS (
    INSERT INTO intake_delivery (id, connection_id, topic, source, tier, shard, object_key, headers, body,
        reading, received_at, run_at, correlation_id, state, attempts, events, error_code, error_detail,
        begun)
    SELECT i.id, i.connection_id, i.topic, i.source, i.tier, i.shard, i.object_key, i.headers, i.body,
        i.reading, i.received_at, i.received_at, i.correlation_id, 'pending', 0, 0, '', '',
        (SELECT last_value FROM intake_reading)
    FROM incoming i LEFT JOIN fresh f ON f.connection_id = i.connection_id AND f.key = i.key
    WHERE i.key IS NULL OR f.key IS NOT NULL
    ORDER BY i.id
    RETURNING id
)
SELECT i.place, k.id FROM kept k JOIN incoming i ON i.id = k.id
"""


def shard_of(connection_id: int, object_key: str, shards: int) -> int:
    """Return the shard of one vendor object, so that its messages stay in turn."""
    digest = hashlib.blake2b(f"{connection_id}:{object_key}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % shards


def store(cursor: Cursor, deliveries: Sequence[NewDelivery], *, shards: int) -> Stored:
    """Insert the deliveries whose key is new, in order; one statement, inside the caller's transaction."""
    seen: set[tuple[int, bytes]] = set()
    rows = []
    for place, one in enumerate(deliveries):
        key = hashlib.sha256(one.dedupe_key.encode()).digest() if one.dedupe_key else None
        if key is not None:
            if (one.connection_id, key) in seen:
                continue
            seen.add((one.connection_id, key))
        shard = shard_of(one.connection_id, one.object_key or str(place), shards)
        rows.append(
            (
                place,
                one.connection_id,
                key,
                one.topic[:80],
                one.source,
                one.tier,
                shard,
                one.object_key[:160],
                json.dumps(one.headers),
                one.body,
                one.reading,
                one.received_at,
                one.correlation_id,
            )
        )
    ids: list[int | None] = [None] * len(deliveries)
    if rows:
        cursor.execute(STORE, [list(column) for column in zip(*rows, strict=True)])
        for place, delivery_id in cursor.fetchall():
            ids[place] = delivery_id
    return Stored(tuple(ids))
