"""What Hypothesis draws depends on the test and its seed, and on nothing else.

It would also draw numbers that stand somewhere in the code, of the modules loaded so far: then a changed
line anywhere, or another selection of tests, plays other lives under the same seed, and a failure is found
once and never again.
"""

from __future__ import annotations

from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
from hypothesis.internal.constants_ast import Constants


class SeededProvider(HypothesisProvider):
    """Hypothesis's own way to draw, without the constants of our code."""

    _local_constants = Constants()


def draw_by_seed_alone() -> None:
    """Have every test of this process draw so."""
    AVAILABLE_PROVIDERS["hypothesis"] = SeededProvider
