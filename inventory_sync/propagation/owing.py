"""Owe a batch of changed figures to their listings, by one statement. Part of PostgresLanes (store.py).

Says in SQL what domain.lane.owe says of one listing; tests/propagation/test_owing.py holds both against each
other. Listings are locked in id order, as everywhere in the lanes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db import connection

from inventory_sync.ledger.services import array_of, words_of
from inventory_sync.propagation.ports import Wanted

# div() is exact, so a figure that fills a pack is never rounded out of it; what is unknown stays unknown. A
# listing is told nothing of a version it has heard of. What failed is tried with each new figure: the channel
# must not go on selling the old one. A listing that shows the figure already stays settled.
_OWE = """
WITH locked AS MATERIALIZED (
    SELECT l.id, l.connection_id, l.dirty_since, l.desired, given.version, given.cause,
        l.dirty_since IS NULL AND l.desired = l.acknowledged AS shown,
        given.version > l.desired_version AS is_news,
        CASE WHEN given.figure > 0 THEN div(given.figure * m.denominator, m.numerator)
            ELSE given.figure * 0 END AS wanted
    FROM unnest(%(connections)s::bigint[], %(items)s::bigint[], %(figures)s::numeric[],
        %(versions)s::bigint[], %(causes)s::text[])
        AS given (connection_id, item_id, figure, version, cause)
    JOIN catalog_itemmapping m ON m.item_id = given.item_id
    JOIN propagation_listing l ON l.mapping_id = m.id AND l.connection_id = given.connection_id
    WHERE m.item_id = ANY((SELECT %(items)s::bigint[])::bigint[])
    ORDER BY l.id FOR NO KEY UPDATE OF l
), told AS (
    UPDATE propagation_listing l SET
        desired = locked.wanted, desired_version = locked.version,
        dirty_since = locked.next_dirty,
        urgent = CASE WHEN locked.settled THEN l.urgent ELSE coalesce(locked.wanted <= %(near_zero)s
            AND (l.observed IS NULL OR l.observed > locked.wanted), false) END,
        state = CASE
            WHEN l.state = 'failed' AND l.desired IS NOT DISTINCT FROM locked.wanted THEN 'failed'
            WHEN locked.wanted IS NULL THEN 'unknown'
            WHEN locked.next_dirty IS NULL THEN 'settled'
            ELSE 'owed' END,
        correlation_id = CASE WHEN l.desired IS DISTINCT FROM locked.wanted THEN locked.cause
            ELSE l.correlation_id END
    FROM (
        SELECT *, coalesce(shown AND desired = wanted, false) AS settled,
            CASE WHEN wanted IS NULL OR (shown AND desired = wanted) THEN NULL
                ELSE coalesce(dirty_since, %(now)s) END AS next_dirty
        FROM locked WHERE is_news
    ) AS locked
    WHERE l.id = locked.id
    RETURNING l.connection_id, l.dirty_since
)
SELECT connection_id FROM told WHERE dirty_since IS NOT NULL
UNION SELECT connection_id FROM locked WHERE NOT is_news AND dirty_since IS NOT NULL
"""


def owe_all(wanted: Sequence[Wanted], *, now: datetime, near_zero: Decimal) -> frozenset[int]:
    """Owe each figure to the listings of its item, in their units; return the connections that owe now."""
    if not wanted:
        return frozenset()
    newest = {one[:2]: one for one in wanted}.values()
    connections, items, figures, versions, causes = zip(*newest, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            _OWE,
            {
                "connections": array_of(connections),
                "items": array_of(items),
                "figures": "{" + ",".join(["NULL" if each is None else str(each) for each in figures]) + "}",
                "versions": array_of(versions),
                "causes": words_of(causes),
                "near_zero": near_zero,
                "now": now,
            },
        )
        return frozenset(row[0] for row in cursor.fetchall())
