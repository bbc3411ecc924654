"""What may be asked of a reservation in each of its states, and what it becomes.

The rules for requests the hub may refuse. Every act is idempotent: what is done already is answered as it
stands. Does not choose locations (routing.py) or say what an order reported by its channel means
(reservations.py).
"""

from __future__ import annotations

from enum import StrEnum


class Act(StrEnum):
    """What a request asks."""

    RESERVE = "reserve"
    AMEND = "amend"
    COMMIT = "commit"
    RELEASE = "release"
    CANCEL = "cancel"
    EXTEND = "extend"
    APPROVE = "approve"
