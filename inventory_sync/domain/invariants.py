"""What a live check of an invariant finds: violations, each with its subject and the two numbers that differ.

Plain values, shared by the rooms that look (each at its own tables) and the pipeline that gathers them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

LISTED = 1000  # violations told of one span: more of them are one fault, not a thousand


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that must not be. `subject` is stable: seen again, it is the same one."""

    subject: str
    summary: str
    expected: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Ids above `after`, up to and including `upto`: a slice of a table that one statement looks at."""

    after: int = 0
    upto: int = 2**62


Find = Callable[[Span], Sequence[Violation]]
EVERYTHING = Span()
