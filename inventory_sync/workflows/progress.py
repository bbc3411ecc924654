"""What an answer makes of a copy's row. Pure: time and jitter are arguments. Opens no case (sending.py)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from inventory_sync.domain.commands import CopySeen, CopyState
from inventory_sync.domain.errors import OutcomeUnknown, SyncError, Transient
from inventory_sync.domain.lane import retry_after
from inventory_sync.workflows.ports import Attempt, Row, State

USUAL_STEPS = 3
READ_AGAIN = timedelta(minutes=30)
LIVE = (CopyState.DRAFT, CopyState.CONFIRMED)


def is_free(row: Row, now: datetime) -> bool:
    """Say whether no call of ours may still land."""
    return row.not_before is None or row.not_before <= now


def settled(row: Row, seen: CopySeen, *, now: datetime, jitter: float) -> Row:
    """Return the copy as wanted. An open one is read again for good, a cancelled one once more: somebody may
    have taken it up there at the same moment."""
    looks = seen.state in LIVE or (seen.state is CopyState.CANCELLED and row.state is not State.SETTLED)
    return replace(
        row,
        state=State.SETTLED,
        done_version=row.version,
        attempts=0,
        step="",
        run_at=look_again(now, jitter) if looks else None,
        error_code="",
        error_detail="",
    )


def refused(row: Row, error: SyncError, *, now: datetime, jitter: float) -> Row:
    """Return the copy left to a person; it is looked at now and then, for they may put it right there."""
    return replace(
        row,
        state=State.REFUSED,
        run_at=look_again(now, jitter),
        error_code=error.code,
        error_detail=error.detail,
    )


def waiting(row: Row, error: SyncError | None, *, now: datetime, jitter: float, armed: bool) -> Row:
    """Return the copy put off. Not armed: what was called was surely not done, or only read."""
    if error is not None:
        row = replace(row, failures=row.failures + 1)
        if row.state is State.OWED:  # what a refused one waits for is not what ailed the last look at it
            row = replace(row, error_code=error.code, error_detail=error.detail)
    if armed:
        return replace(row, run_at=row.not_before)
    row = replace(row, not_before=None)
    if error is None:
        return row
    wait = retry_after(row.failures, jitter)
    if isinstance(error, Transient) and error.retry_after_s is not None:
        wait = max(wait, timedelta(seconds=error.retry_after_s))
    return replace(row, run_at=now + wait)


def counted(row: Row, step: str, error: SyncError | None, *, armed: bool) -> Row:
    """Count a step only if it may have been taken, and a reading only if it failed for a reason of ours."""
    if step == "read":
        return replace(row, attempts=row.attempts + isinstance(error, OutcomeUnknown))
    return row if armed else replace(row, attempts=max(0, row.attempts - 1))


def done(row: Row, *, now: datetime, jitter: float) -> Row:
    """Return the copy after a plain yes: due again at once, later if it takes more steps than it should."""
    extra = row.attempts - USUAL_STEPS
    wait = timedelta(0) if extra < 0 else retry_after(extra + 1, jitter)
    return replace(row, not_before=None, run_at=now + wait, error_code="", error_detail="")


def look_again(now: datetime, jitter: float) -> datetime:
    return now + READ_AGAIN * (0.5 + jitter)


def attempt(
    row: Row, step: str, error: SyncError | None, *, started: datetime, now: datetime, document: str = ""
) -> Attempt:
    """Return what is kept of one step, `row` as it is after it."""
    outcome = "done" if error is None else "refused" if row.state is State.REFUSED else "owed"
    return Attempt(
        copy_id=row.id,
        version=row.version,
        step=str(step),
        outcome=outcome,
        started_at=started,
        finished_at=now,
        error_code=error.code if error else "",
        error_detail=error.detail if error else "",
        document=document,
        correlation_id=row.correlation_id,
    )
