"""Push what is owed to one connection: the sandwich.

    claim → read → pull orders → compute → write → read → pull orders → settle

Every step leaves its mark in the rows before the next begins, so a worker may die anywhere: the lease runs
out, and whoever comes next knows that a write may still land. No HTTP inside a transaction. Runs on ports.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from inventory_sync.domain import lane, sandwich
from inventory_sync.domain.errors import (
    Misconfigured,
    NotApplied,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    SyncError,
    Transient,
)
from inventory_sync.domain.ports import LevelWrite, ListingLevel, WriteResult
from inventory_sync.domain.sandwich import (
    AlreadyThere,
    Hold,
    HoldReason,
    Outcome,
    Owed,
    PullAgain,
    Report,
    Settled,
    Write,
)
from inventory_sync.pipeline.compute import compute
from inventory_sync.pipeline.ports import Account, Acknowledged, Ports
from inventory_sync.pipeline.sweep import pull_orders
from inventory_sync.propagation.ports import Attempt, Row
from inventory_sync.support import correlation
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

CALLS_PER_PUSH = 6
SOON = timedelta(milliseconds=200)
READ_AGAIN = timedelta(seconds=2)
SETTLED = "settled"


@dataclass(slots=True)
class Sandwich:
    """What one flight learned, per listing id."""

    account: Account
    started_at: datetime
    rows: dict[int, Row]
    tokens: dict[int, int]
    read_before: dict[int, Decimal] = field(default_factory=dict)
    decisions: dict[int, sandwich.WriteDecision] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    write_keys: dict[int, str] = field(default_factory=dict)
    read_after: dict[int, Decimal] = field(default_factory=dict)
    errors: dict[int, SyncError] = field(default_factory=dict)
    wait: dict[int, datetime] = field(default_factory=dict)
    leased_until: datetime | None = None
    overtaken: set[int] = field(default_factory=set)
    pulled_after: bool = False
    whole: SyncError | None = None


def push(account: Account, *, ports: Ports) -> dict[str, int]:
    """Carry out one flight for a connection; returns counts. Empty when nothing is due."""
    capabilities = account.capabilities
    longest_life = timedelta(seconds=capabilities.max_request_life_s)
    now = ports.clock()
    flight = ports.lanes.claim(
        account.id,
        now=now,
        limit=capabilities.batch_lines,
        calls=CALLS_PER_PUSH,
        lease=ports.limits.push_lease,
        longest_life=longest_life,
    )
    if flight.wait_s:
        return {"waits_for_budget_ms": int(flight.wait_s * 1000)}
    if not flight.rows:
        return {}
    account.exchanges.clear()
    work = Sandwich(
        account,
        started_at=now,
        rows={row.id: row for row in flight.rows},
        tokens={row.id: row.state.token for row in flight.rows},
    )
    # A call for one cause goes under its id; one for several has an id of its own, the attempts name theirs.
    causes = {row.correlation_id for row in flight.rows} - {""}
    with correlation.bound(correlation_id=causes.pop() if len(causes) == 1 else ports.new_id()):
        return _carry_out(work, longest_life=longest_life, ports=ports)


def _carry_out(work: Sandwich, *, longest_life: timedelta, ports: Ports) -> dict[str, int]:
    account = work.account
    try:
        _read_and_pull(work, ports=ports)
        compute(ports=ports)
        writes = _decide(work, ports=ports)
        if writes and work.leased_until is not None and ports.clock() < work.leased_until:
            _write(work, writes)
        _read_back(work)
        pull_orders(account, ports=ports)
        work.pulled_after = True
    except SyncError as error:
        work.whole = error
        log.warning("push.interrupted", connection=account.code, code=error.code, detail=error.detail)
    ports.lanes.charge(account.id, len(account.exchanges) - CALLS_PER_PUSH, now=ports.clock())
    compute(ports=ports)
    counts = _settle(work, longest_life=longest_life, ports=ports)
    _heed(work, ports=ports)
    log.info("push.done", connection=account.code, **counts)
    return counts


def _read_and_pull(work: Sandwich, *, ports: Ports) -> None:
    """First slice: the figures, then the orders; what fell without an order is remembered."""
    levels = work.account.client.read_levels([row.ref for row in work.rows.values()])
    read = _figures(work, levels)
    pulled_at = ports.clock()
    pull_orders(work.account, ports=ports)
    visible = timedelta(seconds=work.account.capabilities.orders_visible_within_s)
    with ports.lanes.transaction():
        now = ports.clock()
        rows = []
        for row in _ours(work, ports=ports):
            if row.id in read:
                noted = sandwich.note_read(
                    row.state,
                    read[row.id],
                    now=now,
                    pulled_at=pulled_at,
                    visible_within=visible,
                )
                if noted.drift:
                    log.warning("listing.drifted", listing=row.id, quantity=str(noted.drift))
                row = replace(row, state=noted.state)
            rows.append(row)
        ports.lanes.save(rows, now=now)
    work.read_before = read


def _figures(work: Sandwich, levels: Sequence[ListingLevel]) -> dict[int, Decimal]:
    """Return the figures read, by listing id; what cannot be read is an error of that line alone."""
    read: dict[int, Decimal] = {}
    for row, level in zip(work.rows.values(), levels, strict=True):
        if level.error is not None:
            work.errors[row.id] = level.error
        elif level.figure is None:
            work.errors[row.id] = NotApplied("The channel does not keep stock for this listing.")
        else:
            read[row.id] = level.figure
    return read


def _decide(work: Sandwich, *, ports: Ports) -> list[tuple[int, LevelWrite]]:
    """Aim each listing at the figure wanted now and return the writes; the aim is saved before they go."""
    visible = timedelta(seconds=work.account.capabilities.orders_visible_within_s)
    writes: list[tuple[int, LevelWrite]] = []
    with ports.lanes.transaction():
        now = ports.clock()
        rows = []
        for row in _ours(work, ports=ports):
            if row.id in work.errors:
                continue
            # A report may have come since the figure was computed; what it says is not in it yet.
            decision = (
                sandwich.decide_write(row.state, visible_within=visible)
                if row.fresh
                else Hold(HoldReason.STALE)
            )
            work.decisions[row.id] = decision
            match decision:
                case Write() | AlreadyThere():
                    row = replace(row, state=lane.aim(row.state))
                    flight = row.state.in_flight
                    if isinstance(decision, Write) and flight is not None and flight.aim is not None:
                        write = LevelWrite(row.ref, decision.figure, flight.aim.write_key, decision.expected)
                        writes.append((row.id, write))
                        work.write_keys[row.id] = write.idempotency_key
                case PullAgain():
                    work.wait[row.id] = decision.after
                case Hold():
                    work.wait[row.id] = now + SOON
            rows.append(row)
        ports.lanes.save(rows, now=now)
        work.leased_until = now + ports.limits.push_lease  # _ours has just renewed it: not a moment later
    return writes


def _write(work: Sandwich, writes: Sequence[tuple[int, LevelWrite]]) -> None:
    """Send the writes; a lost answer leaves every one of them ambiguous, never resent blindly."""
    try:
        results = work.account.client.write_levels([write for _, write in writes])
    except OutcomeUnknown as error:
        for listing_id, _ in writes:
            work.outcomes[listing_id] = Outcome.AMBIGUOUS
            work.errors[listing_id] = error
        return
    except SyncError:
        for listing_id, _ in writes:
            work.outcomes[listing_id] = Outcome.REFUSED
        raise
    for (listing_id, _), result in zip(writes, results, strict=True):
        work.outcomes[listing_id] = _outcome(result)
        if result.error is not None:
            work.errors[listing_id] = result.error
            if _was_overtaken(result.error, result.figure):
                work.overtaken.add(listing_id)


def _outcome(result: WriteResult) -> Outcome:
    if result.error is None or _was_overtaken(result.error, result.figure):
        return Outcome.ACCEPTED
    return Outcome.AMBIGUOUS if isinstance(result.error, OutcomeUnknown) else Outcome.REFUSED


def _was_overtaken(error: SyncError, figure: Decimal | None) -> bool:
    """Say whether the answer shows another figure of a listing that keeps stock: a sale may have come first.

    The second read tells; only a channel that never takes the figure fails in the end.
    """
    return isinstance(error, NotApplied) and figure is not None


def _read_back(work: Sandwich) -> None:
    """Second slice: read the listings that were aimed at."""
    aimed = {
        listing_id: work.rows[listing_id]
        for listing_id, decision in work.decisions.items()
        if isinstance(decision, Write | AlreadyThere)
    }
    if not aimed:
        return
    levels = work.account.client.read_levels([row.ref for row in aimed.values()])
    for listing_id, level in zip(aimed, levels, strict=True):
        if level.error is None and level.figure is not None:
            work.read_after[listing_id] = level.figure


def _settle(work: Sandwich, *, longest_life: timedelta, ports: Ports) -> dict[str, int]:
    """Settle what is proven to be shown; everything else stays owed, with the reason and a time."""
    counts: Counter[str] = Counter()
    with ports.lanes.transaction():
        now = ports.clock()
        rows: list[Row] = []
        attempts: list[Attempt] = []
        settled: list[str] = []
        acknowledged: list[Acknowledged] = []
        for row in ports.lanes.lock(list(work.rows)):
            after, reason = _settle_one(work, row, now=now, longest_life=longest_life, ports=ports)
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


def _settle_one(
    work: Sandwich, row: Row, *, now: datetime, longest_life: timedelta, ports: Ports
) -> tuple[Row, str]:
    """Return the listing after the flight, and in a word why it is still owed."""
    error = work.errors.get(row.id) or work.whole
    decision = work.decisions.get(row.id)
    ours = row.state.in_flight is not None and row.state.in_flight.token == work.tokens[row.id]
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
        longest_life=longest_life,
        retry_in=_retry_in(work, row, error, ports),
    )
    if isinstance(result.verdict, Settled):
        return replace(row, state=result.state, failed=False, error_code="", error_detail=""), SETTLED
    state, reason = result.state, result.verdict.reason.value
    if reason == Owed.FENCED.value:
        return replace(row, state=state), reason
    if reason == Owed.READS_OTHERWISE.value:
        state = replace(state, attempts=row.state.attempts + 1)
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


def _retry_in(work: Sandwich, row: Row, error: SyncError | None, ports: Ports) -> timedelta:
    if isinstance(error, Transient) and error.retry_after_s is not None:
        return timedelta(seconds=error.retry_after_s)
    if error is not None:
        return lane.retry_after(row.state.attempts + 1, ports.jitter())
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
    )


def _heed(work: Sandwich, *, ports: Ports) -> None:
    """Do what the vendor asked of the whole connection: wait, or be put right by its owner."""
    error = work.whole
    if isinstance(error, RateLimited):
        wait = timedelta(seconds=error.retry_after_s if error.retry_after_s is not None else 5.0)
        ports.lanes.shut_budget(work.account.id, until=ports.clock() + wait)
    if isinstance(error, Misconfigured):
        ports.misconfigured(work.account.id, error.detail)


def _ours(work: Sandwich, *, ports: Ports) -> list[Row]:
    """Lock the rows of the flight that nobody has taken over since, and renew their lease.

    The lease is short, so that a killed worker's listings do not wait long; each step lengthens it.
    """
    until = ports.clock() + ports.limits.push_lease
    return [
        replace(row, state=replace(row.state, in_flight=replace(row.state.in_flight, lease_until=until)))
        for row in ports.lanes.lock(list(work.rows))
        if row.state.in_flight is not None and row.state.in_flight.token == work.tokens[row.id]
    ]
