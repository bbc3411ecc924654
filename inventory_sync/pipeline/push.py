"""Push what is owed to one connection: the sandwich.

    claim → read → pull orders → compute → write → read → pull orders → settle

Every step leaves its mark in the rows before the next begins, so a worker may die anywhere: the lease runs
out, and whoever comes next knows that a write may still land. No HTTP inside a transaction. Runs on ports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from inventory_sync.domain import lane, sandwich
from inventory_sync.domain.errors import Misconfigured, NotApplied, OutcomeUnknown, SyncError, Transient
from inventory_sync.domain.guards import GuardKind
from inventory_sync.domain.lane import ListingState
from inventory_sync.domain.ports import LevelWrite, ListingLevel, WriteResult
from inventory_sync.domain.sandwich import (
    AlreadyThere,
    Aside,
    AsideReason,
    Hold,
    HoldReason,
    Outcome,
    PullAgain,
    Write,
)
from inventory_sync.domain.writing import Writing
from inventory_sync.pipeline.asking import ask_lines
from inventory_sync.pipeline.awaiting import ask_ends
from inventory_sync.pipeline.compute import compute
from inventory_sync.pipeline.flight import CALLS_PER_PUSH, SOON, Sandwich, longest_life
from inventory_sync.pipeline.ports import Account, Ports
from inventory_sync.pipeline.settling import heed, settle
from inventory_sync.pipeline.sweep import pull_orders
from inventory_sync.propagation.ports import Row, WouldWrite
from inventory_sync.support import correlation, spending
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

# For a token before anything was written: to give the listings back and come again costs less than a worker
# that waits. Once figures are written a flight waits longer, for it would have to begin anew (gate.py).
PATIENCE_S = 3.0

HELD = {
    GuardKind.FIRST_SYNC: AsideReason.FIRST_SYNC,
    GuardKind.BLAST_RADIUS: AsideReason.BLAST_RADIUS,
}


def push(account: Account, *, ports: Ports) -> dict[str, int]:
    """Carry out one flight for a connection; returns counts. Empty when nothing is due."""
    capabilities = account.capabilities
    now = ports.clock()
    flight = ports.lanes.claim(
        account.id,
        now=now,
        limit=capabilities.batch_lines,
        calls=CALLS_PER_PUSH,
        lease=ports.limits.push_lease,
        longest_life=longest_life(capabilities),
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
    tier = spending.CRITICAL if any(row.state.urgent for row in flight.rows) else spending.STANDARD
    cause = causes.pop() if len(causes) == 1 else ports.new_id()
    about = correlation.bound_all((row.correlation_id for row in flight.rows), new_id=ports.new_id)
    with correlation.bound(correlation_id=cause), about, spending.spending(tier):
        return _carry_out(work, ports=ports)


def _carry_out(work: Sandwich, *, ports: Ports) -> dict[str, int]:
    account = work.account
    pending = 0
    try:
        with spending.waiting_at_most(PATIENCE_S):
            pending = ask_ends(work, ports=ports)
            if not work.rows:
                return {"pending": pending}
            _read_and_pull(work, ports=ports)
        compute(ports=ports)
        writes = _decide(work, ports=ports)
        if writes:
            _write(work, writes, ports=ports)
        _read_back(work)
        pull_orders(account, ports=ports)
        work.pulled_after = True
    except SyncError as error:
        work.whole = error
        log.warning("push.interrupted", connection=account.code, code=error.code, detail=error.detail)
    compute(ports=ports)
    counts = settle(work, ports=ports)
    if pending:
        counts["pending"] = counts.get("pending", 0) + pending
    heed(work, ports=ports)
    log.info("push.done", connection=account.code, **counts)
    return counts


def _read_and_pull(work: Sandwich, *, ports: Ports) -> None:
    """First slice: the figures, then the orders; what fell without an order is remembered."""
    levels = _read(work, list(work.rows.values()))
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


def _read(work: Sandwich, rows: Sequence[Row]) -> list[ListingLevel]:
    return ask_lines(
        "read",
        work.account.client.read_levels,
        [row.ref for row in rows],
        lambda ref, error: ListingLevel(ref, None, error=error),
    )


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
        ours = [row for row in _ours(work, ports=ports) if row.id not in work.errors]
        for row in ours:
            # A report may have come since the figure was computed; what it says is not in it yet.
            work.decisions[row.id] = (
                sandwich.decide_write(row.state, visible_within=visible)
                if row.fresh
                else Hold(HoldReason.STALE)
            )
            work.decided_for[row.id] = (row.state.desired_version, row.state.news)
        _stop(work, ours, ports=ports)
        rows = []
        for row in ours:
            decision = work.decisions[row.id]
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
                case Aside():
                    pass
            rows.append(row)
        ports.lanes.save(rows, now=now)
        work.leased_until = now + ports.limits.push_lease  # _ours has just renewed it: not a moment later
    return writes


def _stop(work: Sandwich, rows: Sequence[Row], *, ports: Ports) -> None:
    """Take back the writes that may not be made: the connection is not live, or a guard holds them.

    Asked in the transaction that aims, so that whoever closed a connection before it sees nothing sent.
    """
    writes = {
        row.id: (row.state, decision) for row in rows if isinstance(decision := work.decisions[row.id], Write)
    }
    if not writes:
        return
    writing = ports.lanes.writing(work.account.id)
    if writing is not Writing.LIVE:
        for listing_id, (_, write) in writes.items():
            shadow = writing is Writing.SHADOW
            work.decisions[listing_id] = (
                Aside(write.figure, AsideReason.SHADOW) if shadow else Hold(HoldReason.CLOSED)
            )
        return
    would = [
        WouldWrite(listing_id, write.expected, write.figure, _is_first(state))
        for listing_id, (state, write) in writes.items()
    ]
    judged = ports.guard(work.account.id, would, now=ports.clock())
    work.unexplained = judged.unexplained
    for listing_id, kind in judged.held.items():
        work.decisions[listing_id] = Aside(writes[listing_id][1].figure, HELD[kind])


def _is_first(state: ListingState) -> bool:
    return state.acknowledged is None and not state.writes


def _write(work: Sandwich, writes: Sequence[tuple[int, LevelWrite]], *, ports: Ports) -> None:
    """Send the writes; a lost answer leaves every one of them ambiguous, never resent blindly.

    Nothing is sent any more once the lease is over: whoever takes the listings over reckons from then how
    long a request may still land.
    """
    until = work.leased_until

    def may_go() -> bool:
        return until is not None and ports.clock() < until

    if not may_go():
        return
    try:
        with spending.writing(may_go):
            results = ask_lines(
                "write",
                work.account.client.write_levels,
                [write for _, write in writes],
                lambda write, error: WriteResult(write.ref, error=error),
            )
    except OutcomeUnknown as error:
        for listing_id, _ in writes:
            work.outcomes[listing_id] = Outcome.AMBIGUOUS
            work.errors[listing_id] = error
        return
    except Transient:  # not carried out, which tells nothing of an earlier one with the same key
        raise
    except SyncError:
        for listing_id, _ in writes:
            work.outcomes[listing_id] = Outcome.REFUSED
        raise
    for (listing_id, _), result in zip(writes, results, strict=True):
        work.outcomes[listing_id] = _outcome(result)
        if result.receipt and result.error is None:
            work.receipts[listing_id] = result.receipt
        if result.error is not None:
            work.errors[listing_id] = result.error
            if _was_overtaken(result.error, result.figure):
                work.overtaken.add(listing_id)
    refusals = [result.error for result in results]
    if all(isinstance(error, Misconfigured) for error in refusals):
        work.whole = refusals[0]  # not one line's: the account itself may not write


def _outcome(result: WriteResult) -> Outcome:
    if result.error is None or _was_overtaken(result.error, result.figure):
        return Outcome.ACCEPTED
    if isinstance(result.error, OutcomeUnknown):
        return Outcome.AMBIGUOUS
    return Outcome.NOT_SENT if isinstance(result.error, Transient) else Outcome.REFUSED


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
        if isinstance(decision, Write | AlreadyThere) and listing_id not in work.receipts
    }
    if not aimed:
        return
    levels = _read(work, list(aimed.values()))
    for listing_id, level in zip(aimed, levels, strict=True):
        if level.error is None and level.figure is not None:
            work.read_after[listing_id] = level.figure


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
