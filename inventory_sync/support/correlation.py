"""One id from the door to the channel's answer, carried in a context variable.

It is bound at the door or taken from the row being worked on, and ends up in every log line,
ledger row, push attempt and outgoing request.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

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


def current() -> str:
    """Return the bound correlation id, or an empty string outside of any."""
    return str(structlog.contextvars.get_contextvars().get("correlation_id", ""))
