"""Transient: retried by itself, by a run_at in the row."""

from __future__ import annotations

from inventory_sync.domain.errors.base import SyncError


class Transient(SyncError):
    """`retry_after_s` is the vendor's own wish or None."""

    code = "remote.transient"

    def __init__(self, detail: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class RateLimited(Transient):
    """The vendor asked for fewer calls."""

    code = "remote.rate_limited"


class RemoteUnavailable(Transient):
    """No answer, or an answer that proves the request was not carried out."""

    code = "remote.unavailable"


class NotOurTurn(Transient):
    """Somebody else reads these books just now, or took over while we did: what we read is not kept."""

    code = "reading.not_our_turn"


class BudgetSpent(Transient):
    """No call is left in the connection's budget for now; nothing was sent."""

    code = "budget.spent"


class NotAnswering(Transient):
    """The connection's breaker is open: it did not answer, and is asked again by one call at a time."""

    code = "connection.not_answering"


class OnHold(Transient):
    """Staff do not want the connection called just now: paused, drained, or in a maintenance window."""

    code = "connection.on_hold"


class OutcomeUnknown(Transient):
    """A write was sent and its answer is missing or unreadable: it may land now, later or never."""

    code = "remote.outcome_unknown"


NOT_ASKED = (BudgetSpent, NotAnswering, OnHold)
"""No call was made: it says nothing of what was asked for, and counts as no failure of it."""
