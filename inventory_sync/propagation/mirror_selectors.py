"""Reads of mirrors: whom to wake, what to compare, which movements a line sums. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection as database

from inventory_sync.propagation.mirror_sums import reason_of
from inventory_sync.propagation.models import MirrorLine, MirrorPlace

_DUE = """
SELECT connection_id FROM propagation_mirrordocument
WHERE state IN ('owed', 'unknown') AND run_at <= %(now)s
UNION
SELECT place.connection_id FROM propagation_mirrorlevel m
JOIN propagation_mirrorplace place ON place.id = m.place_id
JOIN connections_connection c ON c.id = place.connection_id
WHERE m.due_since IS NOT NULL AND (m.run_at IS NULL OR m.run_at <= %(now)s)
    AND NOT (c.state = 'draining' AND c.state_since < m.due_since)
UNION
SELECT connection_id FROM propagation_mirrorplace
WHERE (until IS NULL AND compared_at < %(compared)s) OR compared_at IS NULL
ORDER BY 1
"""
_BEHIND_LINE = """
SELECT v.id, v.recorded_at, v.occurred_at, v.kind, other.kind, v.destination_id = %(location)s, v.quantity,
    v.reference, v.correlation_id, v.lot
FROM ledger_movement v JOIN catalog_location other
    ON other.id = CASE WHEN v.destination_id = %(location)s THEN v.source_id ELSE v.destination_id END
WHERE v.item_id = %(item)s AND v.id > %(after)s AND v.id <= %(upto)s
    AND %(location)s IN (v.source_id, v.destination_id)
ORDER BY v.id
"""


@dataclass(frozen=True, slots=True)
class Behind:
    """One movement that a line sums; `quantity` as seen from the place, negative when stock left."""

    id: int
    recorded_at: datetime
    occurred_at: datetime
    kind: str
    quantity: Decimal
    reference: str
    correlation_id: str


def mirrors_due(now: datetime, *, compared_before: datetime) -> list[int]:
    """Return the connections that are owed documents or whose places are to be compared with the ledger."""
    with database.cursor() as cursor:
        cursor.execute(_DUE, {"now": now, "compared": compared_before})
        return [row[0] for row in cursor.fetchall()]


def connections_mirroring() -> list[int]:
    """Return the connections that keep a copy of a location now."""
    places = MirrorPlace.objects.filter(until__isnull=True).order_by("connection_id")
    return list(places.values_list("connection_id", flat=True).distinct())


def places_to_compare(connection_id: int, *, before: datetime) -> list[int]:
    """Return the places that were not compared since; one that has ended is compared once more."""
    rows = MirrorPlace.objects.filter(connection_id=connection_id).order_by("pk")
    return [
        row.pk for row in rows if row.compared_at is None or (row.until is None and row.compared_at <= before)
    ]


def movements_behind(line: MirrorLine) -> list[Behind]:
    """Return the movements that a line sums, oldest first."""
    place = line.document.place
    values = {
        "location": place.location_id,
        "item": line.item_id,
        "after": line.after_id,
        "upto": line.upto_id,
    }
    with database.cursor() as cursor:
        cursor.execute(_BEHIND_LINE, values)
        rows = cursor.fetchall()
    found = []
    for row_id, recorded, occurred, kind, other, arrives, quantity, reference, cause, lot in rows:
        reason = reason_of(kind, other, arrives=arrives)
        is_netted = reason.value == "adjustment"
        same_way = is_netted or arrives == line.document.arrives
        if reason.value == line.document.reason and same_way and lot == line.lot:
            signed = quantity if arrives else -quantity
            found.append(Behind(row_id, recorded, occurred, kind, signed, reference, cause))
    return found
