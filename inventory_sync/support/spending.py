"""Whose errand the calls under way are: the tier that pays for them, carried in a context variable.

Only the critical tier may touch the reserve of a connection's budget (connections/budgets.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

CRITICAL, STANDARD, BULK = "critical", "standard", "bulk"

_tier: ContextVar[str] = ContextVar("spending_tier", default=STANDARD)


@contextmanager
def spending(tier: str) -> Iterator[None]:
    """Have every call inside paid as one of this tier."""
    token = _tier.set(tier)
    try:
        yield
    finally:
        _tier.reset(token)


def current() -> str:
    return _tier.get()
