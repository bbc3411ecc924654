"""Rows as columns for set-based statements: an array literal per column, as PostgreSQL's unnest has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from types import NoneType
from typing import Any


def unzip(rows: Iterable[Sequence[Any]], width: int) -> tuple[str, ...]:
    """Turn rows into one array literal per column, as unnest wants them; `width` columns even without rows.

    Literals are written here because the driver's own lists cost several times the statement itself.
    """
    columns = list(zip(*rows, strict=True)) or [()] * width
    return tuple("{" + _literal(column) + "}" for column in columns)


def _literal(column: Sequence[Any]) -> str:
    """Write one column; its values are of one type, or None."""
    kinds = {*map(type, column)}
    kind = next(iter(kinds - {NoneType}), NoneType)
    is_text = issubclass(kind, str)
    if is_text and kinds == {str}:
        written = '","'.join(column)
        if "\\" not in written and written.count('"') == 2 * len(column) - 2:  # nothing to be escaped in any
            return f'"{written}"'
    write: Callable[[Any], str] = _text if is_text else _WRITERS.get(kind, str)
    if NoneType in kinds:
        return ",".join(["NULL" if value is None else write(value) for value in column])
    return ",".join(map(write, column))


def _text(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'


_WRITERS: dict[type, Callable[[Any], str]] = {datetime: datetime.isoformat}
