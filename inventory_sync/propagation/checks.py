"""Live checks of the lanes: settled means read back, unknown is never sent, no older figure is wanted.

Every function takes a span of listing ids and returns what violates its rule there. Reads only.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import connection

from inventory_sync.domain.invariants import LISTED, Span, Violation
from inventory_sync.domain.reports import plain

_FROM = """
FROM propagation_listing l JOIN connections_connection c ON c.id = l.connection_id
JOIN catalog_itemmapping m ON m.id = l.mapping_id LEFT JOIN catalog_item i ON i.id = m.item_id
LEFT JOIN availability_channelfigure f ON f.connection_id = l.connection_id AND f.item_id = m.item_id
WHERE l.id > %(after)s AND l.id <= %(upto)s
"""
_SETTLED = f"""
SELECT c.code, l.external_id, coalesce(i.sku, ''), l.desired, l.acknowledged,
    l.acknowledged_at IS NULL {_FROM}
    AND l.state = 'settled'
    AND (l.desired IS NULL OR l.acknowledged IS DISTINCT FROM l.desired OR l.acknowledged_at IS NULL)
ORDER BY l.id LIMIT %(limit)s
"""  # noqa: S608
_READ_BACK = """
SELECT c.code, l.external_id, coalesce(i.sku, ''), a.wanted, a.read_after
FROM propagation_pushattempt a JOIN propagation_listing l ON l.id = a.listing_id
JOIN connections_connection c ON c.id = l.connection_id
JOIN catalog_itemmapping m ON m.id = l.mapping_id LEFT JOIN catalog_item i ON i.id = m.item_id
WHERE l.id > %(after)s AND l.id <= %(upto)s AND a.outcome = 'settled'
    AND a.id = (SELECT max(newest.id) FROM propagation_pushattempt newest WHERE newest.listing_id = l.id)
    AND a.read_after IS DISTINCT FROM a.wanted
ORDER BY a.id LIMIT %(limit)s
"""
_UNKNOWN = f"""
SELECT c.code, l.external_id, coalesce(i.sku, ''), l.desired {_FROM}
    AND l.desired IS NOT NULL AND f.figure IS NULL AND f.id IS NOT NULL
    AND NOT EXISTS (SELECT FROM ledger_dirtyitem d WHERE d.item_id = m.item_id)
ORDER BY l.id LIMIT %(limit)s
"""  # noqa: S608
_OLDER = f"""
SELECT c.code, l.external_id, coalesce(i.sku, ''), l.desired_version, f.version {_FROM}
    AND l.desired_version > f.version
ORDER BY l.id LIMIT %(limit)s
"""


def settled_is_read_back(span: Span) -> Sequence[Violation]:
    """Acknowledged is not applied: a listing settles only on a figure that was read from the channel."""
    rows = [
        (code, ref, sku, wanted, None if never else read)
        for code, ref, sku, wanted, read, never in _look(_SETTLED, span)
    ]
    rows += _look(_READ_BACK, span)
    seen: dict[str, Violation] = {}
    for code, ref, sku, wanted, read in rows:
        subject = f"{code} {ref}"
        seen.setdefault(
            subject,
            Violation(
                subject,
                f"{ref} of {code} ({sku}) is settled: {_said(wanted)} was wanted, {_said(read)} was read.",
                _said(wanted),
                _said(read),
            ),
        )
    return list(seen.values())


def unknown_is_not_sent(span: Span) -> Sequence[Violation]:
    """No listing wants a figure while its item's is unknown."""
    return [
        Violation(
            f"{code} {ref}",
            f"{ref} of {code} ({sku}) is owed {_said(wanted)}, and what may be sold is unknown.",
            "unknown",
            _said(wanted),
        )
        for code, ref, sku, wanted in _look(_UNKNOWN, span)
    ]


def listings_want_no_later_figure_than_there_is(span: Span) -> Sequence[Violation]:
    """No listing holds a figure of a version that does not exist, so that no newer one could replace it."""
    return [
        Violation(
            f"{code} {ref}",
            f"{ref} of {code} ({sku}) wants version {wanted}, the newest figure is version {version}.",
            str(version),
            str(wanted),
        )
        for code, ref, sku, wanted, version in _look(_OLDER, span)
    ]


def _said(value: Decimal | None) -> str:
    return "nothing" if value is None else plain(value)


def _look(sql: str, span: Span) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"after": span.after, "upto": span.upto, "limit": LISTED})
        return cursor.fetchall()
