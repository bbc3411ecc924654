"""Live check of mirrors: what documents say adds up to what moved. Takes a span of item ids; reads only."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from inventory_sync.domain.invariants import LISTED, Span, Violation
from inventory_sync.domain.reports import plain

# A document that was split is told by its parts. The net of a level: stock that came less stock that left.
_SUMS = """
SELECT c.code, i.sku, place_of.code, m.upto_id,
    coalesce(moved.net, 0), coalesce(told.net, 0)
FROM propagation_mirrorlevel m JOIN propagation_mirrorplace place ON place.id = m.place_id
JOIN connections_connection c ON c.id = place.connection_id JOIN catalog_item i ON i.id = m.item_id
JOIN catalog_location place_of ON place_of.id = place.location_id
CROSS JOIN LATERAL (
    SELECT sum(CASE WHEN v.destination_id = place.location_id THEN v.quantity ELSE -v.quantity END) AS net
    FROM ledger_movement v WHERE v.item_id = m.item_id AND v.id > place.after_id AND v.id <= m.upto_id
        AND place.location_id IN (v.source_id, v.destination_id)
) AS moved
CROSS JOIN LATERAL (
    SELECT sum(CASE WHEN d.arrives THEN line.quantity ELSE -line.quantity END) AS net
    FROM propagation_mirrorline line JOIN propagation_mirrordocument d ON d.id = line.document_id
    WHERE line.item_id = m.item_id AND d.place_id = place.id AND d.state <> 'split'
) AS told
WHERE m.item_id > %(after)s AND m.item_id <= %(upto)s AND m.upto_id IS NOT NULL
    AND coalesce(moved.net, 0) <> coalesce(told.net, 0)
ORDER BY m.id LIMIT %(limit)s
"""


def documents_add_up(span: Span) -> Sequence[Violation]:
    """What the documents of a mirrored level say adds up to its movements since the mirror began."""
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, {"after": span.after, "upto": span.upto, "limit": LISTED})
        rows = cursor.fetchall()
    return [
        Violation(
            f"{code} {place} {sku}",
            f"{sku} at {place}: up to movement {mark} {plain(moved)} have moved, the documents for {code} "
            f"say {plain(told)}.",
            plain(moved),
            plain(told),
        )
        for code, sku, place, mark, moved, told in rows
    ]
