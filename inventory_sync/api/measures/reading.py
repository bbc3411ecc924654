"""How a family is written down: from a look at the gauges, or by one short query of its own.

Ages are in seconds; those of queries are counted by the database's clock, which also wrote the rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connection

from inventory_sync.pipeline.gauges import Look
from inventory_sync.support.metrics import Measure, Sample

Read = Callable[[Look], Iterable[Sample]]


def gauge(name: str, help_text: str, labels: tuple[str, ...], read: Read) -> Measure:
    return Measure(f"inventory_sync_{name}", help_text, labels, read)


def counter(name: str, help_text: str, labels: tuple[str, ...], read: Read) -> Measure:
    return Measure(f"inventory_sync_{name}_total", help_text, labels, read, kind="counter")


def queried(query: str, *, labels: int) -> Read:
    """Return a reader of rows whose last column is the number. AGE_S(column) is the seconds since then."""
    query = re.sub(r"AGE_S\(([a-z_.]+)\)", r"GREATEST(0, EXTRACT(EPOCH FROM now() - \1))", query)

    def read(look: Look) -> Iterable[Sample]:
        with connection.cursor() as cursor:
            cursor.execute(query)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return [(tuple(str(value) for value in row[:labels]), float(row[labels] or 0)) for row in rows]

    return read
