"""Batches: a call of Odoo applies all or nothing, so what spoils one is looked for by halves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from inventory_sync.domain.errors import Rejected

T = TypeVar("T")


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def alone(items: Sequence[T], do: Callable[[Sequence[T]], None]) -> list[tuple[T, Rejected]]:
    """Do a batch; halve what is refused for good, until each refused item stands alone with its error.

    What is refused was not done. What is no refusal (a lost answer, a server that is away) is raised.
    """
    if not items:
        return []
    try:
        do(items)
    except Rejected as refused:
        if len(items) == 1:
            return [(items[0], refused)]
        middle = len(items) // 2
        return alone(items[:middle], do) + alone(items[middle:], do)
    return []
