"""Whether what is owed to a system is written there. Staff decide; computing goes on in every mode."""

from __future__ import annotations

from enum import StrEnum


class Writing(StrEnum):
    """How far a connection's writes go."""

    LIVE = "live"  # written
    SHADOW = "shadow"  # worked out and recorded as if written, to be compared; nothing is sent
    READ_ONLY = "read_only"  # neither; what is owed waits
