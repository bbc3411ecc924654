"""Whose errand the calls under way are, carried in context variables: who pays, how long a call may wait.

Only the critical tier may touch the reserve of a connection's budget (connections/budgets.py). Whether a call
is made at all is asked at the gate, right before it goes (connections/gate.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

CRITICAL, STANDARD, BULK = "critical", "standard", "bulk"

MayGo = Callable[[], bool]

_tier: ContextVar[str] = ContextVar("spending_tier", default=STANDARD)
_patience_s: ContextVar[float] = ContextVar("spending_patience_s", default=math.inf)
_may_go: ContextVar[MayGo | None] = ContextVar("spending_may_go", default=None)


@contextmanager
def spending(tier: str) -> Iterator[None]:
    """Have every call inside paid as one of this tier."""
    token = _tier.set(tier)
    try:
        yield
    finally:
        _tier.reset(token)


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """Have no call inside wait longer than this for its turn: who asks had rather come again."""
    token = _patience_s.set(seconds)
    try:
        yield
    finally:
        _patience_s.reset(token)


@contextmanager
def writing(may_go: MayGo) -> Iterator[None]:
    """Have the calls inside made only while the connection is written to and `may_go` says so.

    Both are asked again for every call, however long it waited for its turn.
    """
    token = _may_go.set(may_go)
    try:
        yield
    finally:
        _may_go.reset(token)


def current() -> str:
    return _tier.get()


def patience_s() -> float:
    return _patience_s.get()


def writes() -> MayGo | None:
    """Return what is asked before each call that writes; None of calls that only read."""
    return _may_go.get()
