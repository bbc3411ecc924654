"""The bugs that are seeded on purpose: each a small edit, why it would hurt, and who must catch it.

`before` must occur exactly once in the file: an edit that no longer applies is an error, not a pass.
`caught_by` are pytest targets, or "sim:N" for N seeds of the simulation; the first failing one is enough.
"""

from __future__ import annotations

from tests.mutants.inward import INWARD
from tests.mutants.outward import OUTWARD

MUTANTS = (*INWARD, *OUTWARD)
