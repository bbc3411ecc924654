"""Ask a channel about many lines at once, so that one bad line never holds the others.

A call refused as a whole, of which nothing was done, is made again in halves until the line at fault stands
alone. A fault of the connector is an answer nobody can use. Decides nothing about figures (push.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import InterfaceError, OperationalError

from inventory_sync.domain.errors import OutcomeUnknown, Rejected, RemoteUnavailable, SyncError
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

T = TypeVar("T")
R = TypeVar("R")

MOST_CALLS = 16  # enough to find one among a hundred; several are found flight by flight


def ask_lines(
    step: str,
    call: Callable[[Sequence[T]], Sequence[R]],
    lines: Sequence[T],
    refused: Callable[[T, SyncError], R],
) -> list[R]:
    """Return one result for each line, in their order; `refused` makes that of a line refused by itself.

    Raises SyncError when nothing came of it for a reason that is no line's.
    """
    left = MOST_CALLS

    def ask(some: Sequence[T]) -> list[R]:
        nonlocal left
        left -= 1
        if left < 0:
            unasked = RemoteUnavailable("Not asked in this flight: others of its call were refused.")
            return [refused(line, unasked) for line in some]
        try:
            return answer(step, call, some)
        except Rejected as error:
            if len(some) == 1:
                return [refused(some[0], error)]
        except SyncError as error:
            if len(some) == len(lines):
                raise
            return [refused(line, error) for line in some]
        middle = len(some) // 2
        return [*ask(some[:middle]), *ask(some[middle:])]

    return ask(lines)


def answer(step: str, call: Callable[[Sequence[T]], Sequence[R]], lines: Sequence[T]) -> list[R]:
    """Return one result for each line; raises SyncError. What a fault of the connector did nobody knows."""
    try:
        results = call(lines)
        if len(results) != len(lines):
            raise RuntimeError(f"{len(results)} results for {len(lines)} lines")
    except (SyncError, OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.exception("push.failed", step=step, lines=len(lines))
        raise OutcomeUnknown(f"{type(error).__name__}: {error}") from error
    return list(results)
