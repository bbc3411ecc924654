"""What channels were told, and what they were read to show, now or at a past moment. Reads only.

Push attempts are kept for some weeks (PUSH_HISTORY_DAYS); of what is older nothing is told here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection as database

_TOLD = """
SELECT l.id, l.external_id, l.external_location, l.state, m.numerator, m.denominator,
    written.id, written.at, written.wanted, written.wrote, written.write_key, written.version,
    last.id, last.at, last.wanted, last.outcome, last.error_code, last.version,
    seen.shown, seen.at
FROM propagation_listing l
JOIN catalog_itemmapping m ON m.id = l.mapping_id
LEFT JOIN LATERAL (
    SELECT a.* FROM propagation_pushattempt a WHERE a.listing_id = l.id AND a.wrote IS NOT NULL
        AND a.at <= coalesce(%(moment)s::timestamptz, 'infinity')
    ORDER BY a.id DESC LIMIT 1
) AS written ON true
LEFT JOIN LATERAL (
    SELECT a.* FROM propagation_pushattempt a WHERE a.listing_id = l.id
        AND a.at <= coalesce(%(moment)s::timestamptz, 'infinity')
    ORDER BY a.id DESC LIMIT 1
) AS last ON true
LEFT JOIN LATERAL (
    SELECT coalesce(a.read_after, a.read_before) AS shown,
        CASE WHEN a.read_after IS NULL THEN a.at ELSE coalesce(a.finished_at, a.at) END AS at
    FROM propagation_pushattempt a
    WHERE a.listing_id = l.id AND coalesce(a.read_after, a.read_before) IS NOT NULL
        AND a.at <= coalesce(%(moment)s::timestamptz, 'infinity')
    ORDER BY a.id DESC LIMIT 1
) AS seen ON true
WHERE m.item_id = %(item)s AND (%(connection)s::bigint IS NULL OR l.connection_id = %(connection)s)
ORDER BY l.connection_id, l.external_id, l.external_location
"""
_WRITES = """
SELECT c.code, count(*) FILTER (WHERE a.wrote IS NOT NULL), count(*) FILTER (WHERE a.outcome = 'settled'),
    count(*) FILTER (WHERE a.error_code <> '')
FROM propagation_pushattempt a JOIN propagation_listing l ON l.id = a.listing_id
JOIN connections_connection c ON c.id = l.connection_id
WHERE a.at >= %(since)s AND a.at < %(until)s GROUP BY c.code
"""
_OLDEST = "SELECT min(at) FROM propagation_pushattempt"


@dataclass(frozen=True, slots=True)
class Pushed:
    """One listing of an item: the last write and the last look at the channel, in the vendor's unit."""

    listing_id: int
    external_id: str
    external_location: str
    state: str
    numerator: int
    denominator: int
    write_id: int | None
    wrote_at: datetime | None
    write_wanted: Decimal | None
    wrote: Decimal | None
    write_key: str | None
    write_version: int | None
    attempt_id: int | None
    attempt_at: datetime | None
    wanted: Decimal | None
    outcome: str | None
    error_code: str | None
    version: int | None
    shown: Decimal | None
    shown_at: datetime | None


def pushed(item_id: int, *, connection_id: int | None = None, moment: datetime | None = None) -> list[Pushed]:
    """Return what the listings of an item were last told by then, on one channel or on all of them."""
    rows = _rows(_TOLD, {"item": item_id, "connection": connection_id, "moment": moment})
    return [Pushed(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Written:
    """What was pushed to one channel in a span: figures written, pushes read back as wanted, and failed."""

    channel: str
    figures: int
    settled: int
    failed: int


def written_between(since: datetime, until: datetime) -> list[Written]:
    """Return what was pushed to each channel in a span."""
    return [Written(*row) for row in _rows(_WRITES, {"since": since, "until": until})]


def told_since() -> datetime | None:
    """Return when the oldest attempt still kept was made."""
    found: datetime | None = _rows(_OLDEST, {})[0][0]
    return found


def _rows(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with database.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()
