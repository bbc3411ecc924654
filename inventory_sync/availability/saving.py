"""Write figures down: what holds now, narrow and in place, and a line of history by COPY.

Part of PostgresAvailability (store.py). Arrays go as text literals: for whole numbers nothing is quicker.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from inventory_sync.availability.ports import NewFigure
from inventory_sync.ledger.services import array_of, words_of

_GIVEN = """
SELECT connection_id, item_id, figure * 0.000001 AS figure, last_known * 0.000001 AS last_known, version,
    policy_version, verdict, correlation_id, "unknown"::jsonb
FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[], %s::numeric[], %s::bigint[], %s::int[], %s::text[],
    %s::text[], %s::text[]) AS given (connection_id, item_id, figure, last_known, version, policy_version,
    verdict, correlation_id, "unknown")
"""
_CHANGE = f"""
UPDATE availability_channelfigure now SET figure = given.figure, last_known = given.last_known,
    version = given.version, policy_version = given.policy_version, verdict = given.verdict,
    correlation_id = given.correlation_id, "unknown" = given."unknown", computed_at = %s
FROM ({_GIVEN}) AS given
WHERE now.connection_id = given.connection_id AND now.item_id = given.item_id
"""  # noqa: S608
_ADD = f"""
INSERT INTO availability_channelfigure (connection_id, item_id, figure, last_known, version, policy_version,
    verdict, correlation_id, "unknown", computed_at)
SELECT given.*, %s FROM ({_GIVEN}) AS given
ON CONFLICT (connection_id, item_id) DO UPDATE SET
    figure = excluded.figure, last_known = excluded.last_known, version = excluded.version,
    policy_version = excluded.policy_version, verdict = excluded.verdict, "unknown" = excluded."unknown",
    correlation_id = excluded.correlation_id, computed_at = excluded.computed_at
"""  # noqa: S608
_KEEP = """
COPY availability_figurehistory (computed_at, connection_id, item_id, version, policy_version, figure,
    verdict, correlation_id, terms, basis, "unknown") FROM STDIN
"""


def save_figures(figures: Sequence[NewFigure], *, now: datetime) -> None:
    """Insert or replace what holds now, and append each to the history."""
    new = [each for each in figures if each.version == 1]
    old = [each for each in figures if each.version != 1]
    with connection.cursor() as cursor:
        if old:
            cursor.execute(_CHANGE, [now, *_columns(old)])
        if new:
            cursor.execute(_ADD, [now, *_columns(new)])
        if figures:
            with cursor.copy(_KEEP) as copy:
                copy.write("".join(_lines(figures, now.isoformat())))


def _columns(figures: Sequence[NewFigure]) -> list[Any]:
    connections, items, figure, known, versions, policies, verdicts, causes, _, _, unknown = zip(
        *figures, strict=True
    )
    return [
        array_of(connections),
        array_of(items),
        _numbers(figure),
        _numbers(known),
        array_of(versions),
        array_of(policies),
        words_of(verdicts),
        words_of(causes),
        words_of(_json(each) if each else "[]" for each in unknown),
    ]


def _numbers(values: Iterable[int | None]) -> str:
    """Return an array literal."""
    return "{" + ",".join(["NULL" if each is None else str(each) for each in values]) + "}"


def _lines(figures: Sequence[NewFigure], at: str) -> Iterable[str]:
    """Yield the rows of history in COPY's text format."""
    for each in figures:
        figure = "\\N" if each.figure is None else _decimal(each.figure)
        cause = _escaped(each.correlation_id)
        basis = _escaped(_json(each.basis)) if each.basis else "\\N"
        unknown = _escaped(_json(each.unknown)) if each.unknown else "\\N"
        yield (
            f"{at}\t{each.connection_id}\t{each.item_id}\t{each.version}\t{each.policy_version}\t{figure}\t"
            f"{each.verdict}\t{cause}\t{_escaped(_json(each.terms))}\t{basis}\t{unknown}\n"
        )


def _decimal(micro: int) -> str:
    """Return millionths as PostgreSQL reads a decimal."""
    return f"{micro}e-6"


def _escaped(text: str) -> str:
    if "\\" in text or "\t" in text or "\n" in text or "\r" in text:
        text = text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return text


_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
