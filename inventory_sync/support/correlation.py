"""One id from the door to the channel's answer, carried in a context variable.

It is bound at the door or taken from the row being worked on, and ends up in every log line,
ledger row, push attempt and outgoing request. A batch is about many: its lines carry the list.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog

from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

IN_A_LINE = 100
"""More ids than this make a line that collectors cut."""
GATHERED = 50

_gathered: ContextVar[list[str] | None] = ContextVar("gathered", default=None)

# Nobody gains by guessing an id, and asking the system for each lets other threads in before it is there.
_ids = random.Random()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ids.seed)


def new_id() -> str:
    """Return 16 random hex digits; long enough for one installation's history."""
    return f"{_ids.getrandbits(64):016x}"


@contextmanager
def bound(**values: str | int) -> Iterator[None]:
    """Bind names such as correlation_id and connection to every log line inside."""
    with structlog.contextvars.bound_contextvars(**values):
        yield


@contextmanager
def bound_all(causes: Iterable[str], *, new_id: Callable[[], str]) -> Iterator[None]:
    """Bind what a batch is about to every log line inside: one id under its own name, several as a list.

    More than fit into a line are told ahead in lines of their own, and those inside carry the batch's id.
    """
    ids = list(dict.fromkeys(cause for cause in causes if cause))
    gathered = _gathered.get()
    if gathered is not None and len(gathered) < GATHERED:
        gathered += [each for each in ids if each not in gathered][: GATHERED - len(gathered)]
    if len(ids) == 1:
        bound_values: dict[str, object] = {"correlation_id": ids[0]}
    elif len(ids) <= IN_A_LINE:
        bound_values = {"correlation_ids": ids} if ids else {}
    else:
        bound_values = {"batch": new_id()}
        for start in range(0, len(ids), IN_A_LINE):
            part = ids[start : start + IN_A_LINE]
            log.info("batch.named", batch=bound_values["batch"], correlation_ids=part)
    with structlog.contextvars.bound_contextvars(**bound_values):
        yield


@contextmanager
def gathered() -> Iterator[list[str]]:
    """Collect the first few ids that are bound inside, for whoever tells what a task was about."""
    ids: list[str] = []
    token = _gathered.set(ids)
    try:
        yield ids
    finally:
        _gathered.reset(token)


def current() -> str:
    """Return the bound correlation id, or an empty string outside of any."""
    return str(structlog.contextvars.get_contextvars().get("correlation_id", ""))


def first() -> str:
    """Return an id that what goes on here is about: the bound one, else one of those bound or gathered."""
    bound_ids = structlog.contextvars.get_contextvars().get("correlation_ids") or _gathered.get() or [""]
    return current() or str(bound_ids[0])
