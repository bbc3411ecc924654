"""Live checks of what channels may sell: figures add up, follow from the ledger, and unknown is no zero.

Every function takes a span of item ids and returns what violates its rule there. Reads only: a figure is
computed again on a store whose writes go nowhere.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from inventory_sync.availability.compute import recompute_claimed
from inventory_sync.availability.micro import maybe_exact
from inventory_sync.availability.ports import DirtyItem, NewFigure, Plainly
from inventory_sync.availability.store import PostgresAvailability
from inventory_sync.domain.invariants import LISTED, Span, Violation
from inventory_sync.domain.reports import plain

BATCH = 500

_STANDS = """
SELECT c.code, i.sku, f.figure, f.version, h.figure, h.version, h.total, h.parts, f."unknown" <> '[]',
    f.verdict
FROM availability_channelfigure f
JOIN connections_connection c ON c.id = f.connection_id JOIN catalog_item i ON i.id = f.item_id
LEFT JOIN LATERAL (
    SELECT h.figure, h.version, jsonb_array_length(h.terms) AS parts,
        (SELECT sum((t ->> 1)::numeric) FROM jsonb_array_elements(h.terms) AS t) AS total
    FROM availability_figurehistory h
    WHERE h.item_id = f.item_id AND h.connection_id = f.connection_id
    ORDER BY h.computed_at DESC, h.version DESC, h.id DESC LIMIT 1
) AS h ON true
WHERE f.item_id > %(after)s AND f.item_id <= %(upto)s
"""
_ADD_UP = f"""
SELECT stands.* FROM ({_STANDS}) AS stands (code, sku, figure, version, then_figure, then_version, total,
    parts, doubtful, verdict)
WHERE then_version IS NULL OR then_version <> version OR then_figure IS DISTINCT FROM figure
    OR (figure IS NOT NULL AND coalesce(total, 0) <> figure)
ORDER BY code, sku LIMIT %(limit)s
"""  # noqa: S608
_ZERO = f"""
SELECT stands.* FROM ({_STANDS}) AS stands (code, sku, figure, version, then_figure, then_version, total,
    parts, doubtful, verdict)
WHERE (figure IS NOT NULL AND verdict = 'unknown') OR (figure = 0 AND doubtful AND coalesce(parts, 0) = 0)
ORDER BY code, sku LIMIT %(limit)s
"""  # noqa: S608
_BACKWARDS = """
SELECT c.code, i.sku, life.version, life.before FROM (
    SELECT h.connection_id, h.item_id, h.version, lag(h.version) OVER (
        PARTITION BY h.connection_id, h.item_id ORDER BY h.computed_at, h.id) AS before
    FROM availability_figurehistory h WHERE h.item_id > %(after)s AND h.item_id <= %(upto)s
) AS life
JOIN connections_connection c ON c.id = life.connection_id JOIN catalog_item i ON i.id = life.item_id
WHERE life.version < life.before ORDER BY c.code, i.sku LIMIT %(limit)s
"""
# What is set aside at the places of a channel, against what those places have free of the item.
_ALLOTTED = """
SELECT i.sku, sums.codes, sums.allotted, pool.free
FROM (
    SELECT a.item_id, sum(a.quantity) AS allotted, string_agg(DISTINCT c.code, ', ' ORDER BY c.code) AS codes,
        array_agg(DISTINCT a.connection_id) AS channels
    FROM availability_allotment a JOIN connections_connection c ON c.id = a.connection_id
    WHERE a.ended_at IS NULL AND (a.expires_at IS NULL OR a.expires_at > %(now)s)
        AND a.item_id > %(after)s AND a.item_id <= %(upto)s
    GROUP BY a.item_id
) AS sums
CROSS JOIN LATERAL (
    SELECT coalesce(sum(greatest(0, l.on_hand - l.unavailable - l.reserved - l.unassigned)), 0) AS free,
        coalesce(bool_and(l.known), true) AS known
    FROM ledger_stocklevel l
    WHERE l.item_id = sums.item_id AND l.location_id IN (
        SELECT m.location_id FROM catalog_locationmapping m
        WHERE m.sells_for AND m.connection_id = ANY(sums.channels))
) AS pool
JOIN catalog_item i ON i.id = sums.item_id
WHERE pool.known AND i.kind <> 'kit' AND sums.allotted > pool.free ORDER BY i.sku LIMIT %(limit)s
"""
_ITEMS = """
SELECT DISTINCT f.item_id FROM availability_channelfigure f
WHERE f.item_id > %(after)s AND f.item_id <= %(upto)s ORDER BY f.item_id
"""
_NAMES = """
SELECT f.connection_id, f.item_id, c.code, i.sku, f.figure FROM availability_channelfigure f
JOIN connections_connection c ON c.id = f.connection_id JOIN catalog_item i ON i.id = f.item_id
WHERE f.item_id = ANY(%(items)s)
"""
_DIRTY = """
SELECT item_id FROM ledger_dirtyitem WHERE item_id = ANY(%(items)s)
UNION SELECT k.kit_id FROM catalog_kitcomponent k JOIN ledger_dirtyitem d ON d.item_id = k.component_id
WHERE k.kit_id = ANY(%(items)s)
"""


def terms_add_up(span: Span) -> Sequence[Violation]:
    """The terms of every figure that stands add up to it."""
    return [
        Violation(
            f"{code} {sku}",
            f"{sku} on {code}: the figure is {_said(figure)} (version {version}), its terms add up to "
            f"{_said(total)} (version {then_version or 'none'}).",
            _said(total),
            _said(figure),
        )
        for code, sku, figure, version, _, then_version, total, *_ in _look(_ADD_UP, span)
    ]


def unknown_is_not_zero(span: Span) -> Sequence[Violation]:
    """No figure stands on nothing: what is unknown has no figure."""
    return [
        Violation(
            f"{code} {sku}",
            f"{sku} on {code}: {_said(figure)} is shown, and nothing is known to stand behind it.",
            "unknown",
            _said(figure),
        )
        for code, sku, figure, *_ in _look(_ZERO, span)
    ]


def figures_never_go_back(span: Span) -> Sequence[Violation]:
    """No figure was followed by an older version of it."""
    return [
        Violation(
            f"{code} {sku}",
            f"{sku} on {code}: version {before} was followed by version {version}.",
            f"{before} or later",
            str(version),
        )
        for code, sku, version, before in _look(_BACKWARDS, span)
    ]


def allotments_fit(span: Span, *, now: datetime) -> Sequence[Violation]:
    """What is set aside for channels is never more than their places hold; a case owns what was sold away."""
    rows = _rows(_ALLOTTED, {"after": span.after, "upto": span.upto, "limit": LISTED, "now": now})
    return [
        Violation(
            sku,
            f"{sku}: {plain(allotted)} are set aside for {channels}, {plain(free)} stand at their places.",
            plain(free),
            plain(allotted),
        )
        for sku, channels, allotted, free in rows
    ]


def figures_are_reproducible(span: Span, *, now: datetime, most: int | None = None) -> Sequence[Violation]:
    """Ledger and policy give every figure again. Items that wait to be computed are left out.

    most: look at so many items of the span at most, spread evenly.
    """
    ids = [row[0] for row in _look(_ITEMS, span)]
    if most is not None and len(ids) > most:
        ids = ids[:: max(1, len(ids) // most)][:most]
    found: list[Violation] = []
    for start in range(0, len(ids), BATCH):
        found += _reproduced(ids[start : start + BATCH], now=now)
    return found[:LISTED]


class _Again(PostgresAvailability):
    """The store as it reads; what would be written is kept for comparison."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[NewFigure] = []

    def hold(self, item_ids: Collection[int]) -> frozenset[int]:
        return frozenset()

    def save_plain(self, item_ids: Collection[int], **how: object) -> Plainly:
        return Plainly(special=item_ids)  # a check goes the other way round

    def save(self, figures: Sequence[NewFigure], *, now: datetime) -> None:
        self.kept += figures

    def settle(self, claimed: Collection[DirtyItem]) -> None:
        return None

    def mark(self, item_ids: Collection[int], *, now: datetime, correlation_id: str) -> None:
        return None


def _reproduced(item_ids: Sequence[int], *, now: datetime) -> list[Violation]:
    waiting = {row[0] for row in _rows(_DIRTY, {"items": list(item_ids)})}
    clean = [item_id for item_id in item_ids if item_id not in waiting]
    stored = {(row[0], row[1]): row[2:] for row in _rows(_NAMES, {"items": clean})}
    store = _Again()
    claimed = [DirtyItem(item_id, 1, urgent=False, since=now) for item_id in clean]
    recompute_claimed(claimed, store=store, now=now, urgent_at_or_below=0, with_kits=False)
    found = []
    for each in store.kept:
        code, sku, figure = stored.get((each.connection_id, each.item_id), (None, None, None))
        again = maybe_exact(each.figure)
        if code is not None and figure != again:
            found.append(
                Violation(
                    f"{code} {sku}",
                    f"{sku} on {code}: {_said(figure)} stands, ledger and policy give {_said(again)}.",
                    _said(again),
                    _said(figure),
                )
            )
    return found


def _said(value: Decimal | None) -> str:
    return "unknown" if value is None else plain(value)


def _look(sql: str, span: Span) -> list[tuple[Any, ...]]:
    return _rows(sql, {"after": span.after, "upto": span.upto, "limit": LISTED})


def _rows(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()
