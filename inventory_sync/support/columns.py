"""Rows as columns for set-based statements: an array literal per column, as PostgreSQL's unnest has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any


def unzip(rows: Iterable[Sequence[Any]], width: int) -> tuple[str, ...]:
    """Turn rows into one array literal per column, as unnest wants them; `width` columns even without rows.

    Literals are written here because the driver's own lists cost several times the statement itself.
    """
    columns = list(zip(*rows, strict=True)) or [()] * width
    return tuple("{" + ",".join(_literals(column)) + "}" for column in columns)


def _literals(column: Sequence[Any]) -> Iterable[str]:
    """Write one column; its values are of one type, or None."""
    kind = type(next((value for value in column if value is not None), None))
    write: Callable[[Any], str] = _text if issubclass(kind, str) else _WRITERS.get(kind, str)
    if None in column:
        return ["NULL" if value is None else write(value) for value in column]
    return map(write, column)


def _text(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'


_WRITERS: dict[type, Callable[[Any], str]] = {datetime: datetime.isoformat}
