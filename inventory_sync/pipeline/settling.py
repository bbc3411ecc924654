"""End a flight: settle what is proven to be shown; everything else stays owed, with the reason and a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from inventory_sync.domain import lane, sandwich
from inventory_sync.domain.errors import (
    NOT_ASKED,
    Misconfigured,
    NotAnswering,
    RateLimited,
    Rejected,
    SyncError,
    Transient,
)
from inventory_sync.domain.sandwich import (
    Aside,
    AsideReason,
    Hold,
    Outcome,
    Owed,
    PullAgain,
    Report,
    Settled,
    Write,
)
from inventory_sync.domain.units import STEP
from inventory_sync.pipeline.flight import (
    AFTER_THE_PROBE,
    POLL_AGAIN,
    READ_AGAIN,
    SETTLED,
    SOON,
    Sandwich,
)
from inventory_sync.pipeline.ports import Acknowledged, Ports
from inventory_sync.propagation.ports import Attempt, Row

WAITING, SHADOW = "waiting", "shadow"
LONGEST_REST = timedelta(seconds=15)
"""Of listings whose whole flight failed: how often a connection in trouble is asked its breaker says."""


def settle(work: Sandwich, *, ports: Ports) -> dict[str, int]:
    """Settle what is proven to be shown; everything else stays owed, with the reason and a time."""
    counts: Counter[str] = Counter()
    with ports.lanes.transaction():
        now = ports.clock()
        rows: list[Row] = []
        attempts: list[Attempt] = []
        settled: list[str] = []
        acknowledged: list[Acknowledged] = []
        for row in ports.lanes.lock(list(work.rows)):
            after, reason = _settle_one(work, row, now=now, ports=ports)
            counts[reason] += 1
            rows.append(after)
            if reason == Owed.FENCED.value:
                continue
            attempts.append(_attempt(work, row, reason))
            if reason == SETTLED:
                settled.append(str(row.id))
                since = row.state.dirty_since or work.started_at
                acknowledged.append(Acknowledged(since, row.correlation_id, row.state.urgent))
            elif after.failed or after.state.attempts == ports.limits.push_max_attempts:
                _open_case(work, after, ports=ports)
        ports.lanes.save(rows, now=now)
        ports.lanes.record(attempts, now=now)
        if settled:
            ports.cases.close("listing", settled, "A later push succeeded.")
        ports.count_flight(work.account.id, counts, acknowledged, now=now)
    return dict(counts)


def _settle_one(work: Sandwich, row: Row, *, now: datetime, ports: Ports) -> tuple[Row, str]:
    """Return the listing after the flight, and in a word why it is still owed."""
    error = work.errors.get(row.id) or work.whole
    decision = work.decisions.get(row.id)
    ours = row.state.in_flight is not None and row.state.in_flight.token == work.tokens[row.id]
    if row.id in work.receipts:
        return _await_end(work, row, now=now), Owed.PENDING.value if ours else Owed.FENCED.value
    if ours and error is None and isinstance(decision, Aside):
        return _set_aside(work, row, decision, until=now + SOON), decision.reason.value
    if ours and error is None and isinstance(decision, PullAgain | Hold):
        reason = Owed.UNEXPLAINED_FALL.value if isinstance(decision, PullAgain) else decision.reason.value
        until = max(now + SOON, work.wait[row.id])
        return replace(row, state=sandwich.stand_down(row.state, work.tokens[row.id], until=until)), reason
    report = Report(
        token=work.tokens[row.id],
        outcome=work.outcomes.get(row.id, Outcome.NOT_SENT),
        # A figure read counts once orders were pulled after it: without them a sale may be hidden in it.
        read_after=work.read_after.get(row.id) if work.pulled_after else None,
        news_after=row.state.news,
    )
    result = sandwich.settle(
        row.state,
        report,
        now=now,
        longest_life=work.longest_life,
        retry_in=_retry_in(work, row, error, ports),
    )
    if isinstance(result.verdict, Settled):
        return replace(row, state=result.state, failed=False, error_code="", error_detail=""), SETTLED
    state, reason = result.state, result.verdict.reason.value
    if reason == Owed.FENCED.value:
        return replace(row, state=state), reason
    if reason == Owed.READS_OTHERWISE.value:
        state = replace(state, attempts=row.state.attempts + 1)
    if isinstance(error, NOT_ASKED) and report.outcome is Outcome.NOT_SENT:
        state = replace(state, attempts=row.state.attempts)  # nobody was asked: that was no try
    stubborn = state.attempts >= ports.limits.push_max_attempts and not isinstance(error, Transient)
    refused = isinstance(error, Rejected) and row.id not in work.overtaken
    return (
        replace(
            row,
            state=state,
            failed=refused or (stubborn and error is not None),
            error_code=error.code if error else "",
            error_detail=error.detail if error else "",
        ),
        reason,
    )


def _await_end(work: Sandwich, row: Row, *, now: datetime) -> Row:
    """Return the listing whose write was accepted; what the call said besides does not undo that."""
    state = sandwich.await_end(
        row.state,
        work.tokens[row.id],
        work.receipts[row.id],
        until=now + timedelta(seconds=work.account.capabilities.applies_within_s),
        look_at=now + POLL_AGAIN,
        longest_life=work.longest_life,
    )
    return replace(row, state=state)


def _set_aside(work: Sandwich, row: Row, decision: Aside, *, until: datetime) -> Row:
    """Return the listing owed and claimed by nobody, unless there was news of it since the decision."""
    stood_down = replace(row, state=sandwich.stand_down(row.state, work.tokens[row.id], until=until))
    if work.decided_for[row.id] != (row.state.desired_version, row.state.news):
        return stood_down
    return replace(
        stood_down,
        state=replace(stood_down.state, run_at=None),
        aside=SHADOW if decision.reason is AsideReason.SHADOW else WAITING,
    )


def _retry_in(work: Sandwich, row: Row, error: SyncError | None, ports: Ports) -> timedelta:
    if isinstance(error, NotAnswering):
        return AFTER_THE_PROBE  # until the breaker allows it nobody begins; then nothing should sleep on
    if isinstance(error, Transient) and error.retry_after_s is not None:
        return timedelta(seconds=error.retry_after_s)
    tries = row.state.attempts + 1
    if isinstance(error, Transient) and (error is work.whole or tries <= ports.limits.push_max_attempts):
        # Its own failure may still be the connection's: one answer that was lost opens no breaker, whose
        # closing would wake it. What fails on and on alone is asked ever more rarely.
        return lane.retry_after(tries, ports.jitter(), cap=LONGEST_REST)
    if error is not None:
        return lane.retry_after(tries, ports.jitter())
    shown = work.read_after.get(row.id)
    if row.state.ambiguous_until is not None or (shown is not None and shown != row.state.desired):
        return READ_AGAIN
    return timedelta(0)


def _attempt(work: Sandwich, row: Row, reason: str) -> Attempt:
    error = work.errors.get(row.id) or work.whole
    decision = work.decisions.get(row.id)
    return Attempt(
        listing_id=row.id,
        wanted=row.state.desired,
        version=row.state.desired_version,
        read_before=work.read_before.get(row.id),
        wrote=decision.figure if isinstance(decision, Write) else None,
        read_after=work.read_after.get(row.id),
        outcome=reason,
        started_at=work.started_at,
        error_code=error.code if error else "",
        error_detail=error.detail if error else "",
        exchanges=tuple(work.account.exchanges),
        correlation_id=row.correlation_id,
        write_key=work.write_keys.get(row.id, ""),
        unexplained=row.id in work.unexplained,
    )


def _open_case(work: Sandwich, row: Row, *, ports: Ports) -> None:
    ports.cases.open(
        row.error_code or "push.stuck",
        "listing",
        str(row.id),
        f"{work.account.code} does not take the figure of {row.ref.external_id}: "
        f"{row.error_detail or 'it shows another figure after every write.'}",
        connection=work.account.code,
        correlation_id=row.correlation_id,
        item_id=row.item_id,
        units=_at_risk(row),
    )


def _at_risk(row: Row) -> Decimal | None:
    """Return how many base units more the channel shows than may be sold, None where either is not known."""
    if row.state.observed is None or row.state.desired is None:
        return None
    packs = max(Decimal(0), row.state.observed - row.state.desired)
    return (packs * row.factor.numerator / row.factor.denominator).quantize(STEP)


def heed(work: Sandwich, *, ports: Ports) -> None:
    """Do what the vendor asked of the whole connection: wait, or be put right by its owner."""
    error = work.whole
    if isinstance(error, RateLimited):
        wait = timedelta(seconds=error.retry_after_s if error.retry_after_s is not None else 5.0)
        now = ports.clock()
        ports.lanes.shut_budget(work.account.id, now=now, until=now + wait)
    if isinstance(error, Misconfigured):
        ports.misconfigured(work.account.id, error.detail)
