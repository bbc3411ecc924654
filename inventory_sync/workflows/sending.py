"""Work off the copies of orders owed to one connection: read, take the one step that is missing, read again.

    claim the writer → read → decide → arm → write | confirm | cancel → note the answer → read → …

Before a call the row is armed: until the longest life of a request has passed nothing else is written for it.
Only a plain answer disarms it, so a lost answer, a killed worker and a fence lost in between are one and the
same case: wait, read, go on. Runs on ports.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from inventory_sync.connections.writers import Writer
from inventory_sync.domain.commands import CopySeen, CopyState, Done, OrderCopy, OrderTaker
from inventory_sync.domain.copies import Equal, Refuse, Step, decide, difference
from inventory_sync.domain.errors import (
    CopyReadsOtherwise,
    FenceLost,
    Misconfigured,
    OutcomeUnknown,
    SyncError,
    Transient,
)
from inventory_sync.domain.lane import retry_after
from inventory_sync.domain.ports import Clock, Exchange
from inventory_sync.support import correlation, spending
from inventory_sync.support.logs import get_logger
from inventory_sync.workflows import progress
from inventory_sync.workflows.ports import Attempt, CaseBook, CopyStore, Made, Row, State

log = get_logger(__name__)

CASE = "order_copy"
BATCH = 50
ALONE_AFTER = 4  # steps without an end: whatever ails it, its neighbours go on without it
MAX_ATTEMPTS = 8
GONE = (CopyState.ABSENT, CopyState.CANCELLED)
MARGIN = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=1)


class Interrupted(Exception):
    """The other side asked for a pause or is away; `error` says so."""

    def __init__(self, error: Transient, rows: Sequence[Row]) -> None:
        super().__init__(error.detail)
        self.error = error
        self.failures = 1 + max((row.failures for row in rows), default=0)


@dataclass(slots=True)
class Sending:
    """One stretch of writing to one connection. `exchanges` is filled by the client as it calls."""

    connection_id: int
    code: str
    client: OrderTaker
    longest_life: timedelta
    store: CopyStore
    cases: CaseBook
    clock: Clock
    jitter: Callable[[], float]
    exchanges: list[Exchange] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    interrupted: Transient | None = None

    @property
    def lease(self) -> timedelta:
        """Longer than any call, so that nobody else writes while one is under way."""
        return self.longest_life + MARGIN


def send(work: Sending, *, until: Callable[[], bool]) -> dict[str, int]:
    """Work until nothing is due, `until` says stop or the other side wants a pause. Raises Misconfigured."""
    now = work.clock()
    writer = work.store.claim_writer(work.connection_id, now=now, until=now + work.lease)
    if writer is None:
        return {"another_writes": 1}
    try:
        while not until():
            rows = _next(work)
            if not rows:
                break
            writer = work.store.renew_writer(writer, until=work.clock() + work.lease)
            causes = {row.correlation_id for row in rows} - {""}
            # A turn for one cause goes under its id; one for several under that of this stretch of work.
            cause = causes.pop() if len(causes) == 1 else correlation.current()
            with correlation.bound(correlation_id=cause):
                _turn(work, writer, rows)
        work.store.release_writer(writer)
    except FenceLost:
        log.warning("lease.lost", connection=work.code)
    except Interrupted as pause:
        work.interrupted = pause.error
        log.warning("orders.interrupted", code=pause.error.code, detail=pause.error.detail)
        _rest(work, writer, pause)
    except BaseException:
        work.store.release_writer(writer)
        raise
    if work.counts:
        log.info("orders.sent", **work.counts)
    return dict(work.counts)


def _rest(work: Sending, writer: Writer, pause: Interrupted) -> None:
    """Keep the turn without using it: what ails the other side ails every writer."""
    wait = retry_after(pause.failures, work.jitter(), cap=LONGEST_REST)
    if pause.error.retry_after_s is not None:
        wait = max(wait, timedelta(seconds=pause.error.retry_after_s))
    with suppress(FenceLost):
        work.store.renew_writer(writer, until=work.clock() + wait)


def _next(work: Sending) -> list[Row]:
    rows = work.store.due(work.connection_id, now=work.clock(), limit=BATCH)
    if rows and rows[0].attempts >= ALONE_AFTER:
        return rows[:1]
    return [row for row in rows if row.attempts < ALONE_AFTER]


def _turn(work: Sending, writer: Writer, rows: Sequence[Row]) -> None:
    """Read these copies and take one step with each."""
    _forget_calls(work)
    started = work.clock()
    read = _read(work, writer, rows)
    if read is None:
        return
    steps = _decide(work, writer, read, started=started)
    for step in Step:
        if group := steps.get(step):
            _take(work, writer, step, group)


def _read(work: Sending, writer: Writer, rows: Sequence[Row]) -> dict[int, CopySeen] | None:
    """Return what the target has of each, or None when that is settled otherwise."""
    started = work.clock()
    try:
        seen = work.client.read_copies([row.copy for row in rows])
        return {row.id: one for row, one in zip(rows, seen, strict=True)}
    except Transient as error:
        _put_off(work, writer, rows, error, step="read", started=started, armed=False)
        raise Interrupted(error, rows) from error
    except Misconfigured:
        raise
    except SyncError as error:
        if len(rows) > 1:
            _halve(work, writer, rows)
        else:
            _refuse(work, writer, rows, error, step="read", started=started)
    except Exception as error:
        log.exception("orders.failed", step="read", copies=len(rows))
        if len(rows) == 1 and rows[0].attempts + 1 >= MAX_ATTEMPTS:
            _refuse(work, writer, rows, _odd(error), step="read", started=started)
            return None
        _put_off(work, writer, rows, _odd(error), step="read", started=started, armed=False)
    return None


def _decide(
    work: Sending, writer: Writer, read: dict[int, CopySeen], *, started: datetime
) -> dict[Step, list[tuple[Row, OrderCopy]]]:
    """Store what was read, settle what is as wanted and return the step each of the others needs."""
    steps: dict[Step, list[tuple[Row, OrderCopy]]] = {}
    settled: list[Row] = []
    with work.store.transaction():
        now = work.clock()
        saved: list[Row] = []
        for row in work.store.lock(writer, list(read)):
            seen = read[row.id]
            decision = decide(row.copy, seen, known=row.known, may_revive=row.may_revive)
            row = replace(
                row,
                seen=seen,
                known=row.known or seen.state is not CopyState.ABSENT,
                may_revive=row.may_revive and seen.state in GONE,
                failures=0,
            )
            if row.state is State.GIVEN_UP:
                pass  # as in _refused
            elif isinstance(decision, Equal):
                if row.state is State.SETTLED:
                    work.counts["read_again"] += 1
                else:
                    work.counts["settled"] += 1
                    settled.append(row)
                row = progress.settled(row, seen, now=now, jitter=work.jitter())
            elif row.state is State.REFUSED:
                row = replace(row, run_at=progress.look_again(now, work.jitter()))
            elif isinstance(decision, Refuse):
                row = _refused(work, row, decision.error, now)
            elif row.attempts >= MAX_ATTEMPTS:
                row = _refused(work, row, CopyReadsOtherwise(f"{difference(row.copy, seen)}."), now)
            else:
                row = replace(row, state=State.OWED)
                steps.setdefault(decision, []).append((row, row.copy))
            saved.append(row)
        work.store.save(saved, now=now)
        if settled:
            work.cases.close(CASE, [str(row.id) for row in settled], "The target has it as wanted.")
            seen_now = [
                progress.attempt(row, "read", None, started=started, now=now, document=read[row.id].document)
                for row in settled
            ]
            _record(work, [replace(each, outcome="settled") for each in seen_now])
    return steps


def _take(work: Sending, writer: Writer, step: Step, group: Sequence[tuple[Row, OrderCopy]]) -> None:
    """Take one step with these copies, and note what the answer says."""
    started = work.clock()
    writer = work.store.renew_writer(writer, until=started + work.lease)
    rows = _arm(work, writer, step, group)
    if not rows:
        return
    if work.clock() >= started + MARGIN:
        raise FenceLost("It stood still between arming and calling.")
    call = {
        Step.WRITE: work.client.write_copies,
        Step.CONFIRM: work.client.confirm_copies,
        Step.CANCEL: work.client.cancel_copies,
    }[step]
    try:
        with spending.writing(lambda: work.clock() < started + MARGIN):
            results = call([_asked(row) for row in rows])
        if len(results) != len(rows):
            raise RuntimeError(f"{len(results)} results for {len(rows)} copies")
    except OutcomeUnknown as error:
        _put_off(work, writer, rows, error, step=step, started=started, armed=True)
        return
    except Transient as error:
        _put_off(work, writer, rows, error, step=step, started=started, armed=False)
        raise Interrupted(error, rows) from error
    except Misconfigured as error:
        _put_off(work, writer, rows, error, step=step, started=started, armed=False)
        raise
    except SyncError as error:
        if len(rows) > 1:  # refused as a whole, so nothing of it was done: find the one it is about
            _put_off(work, writer, rows, None, step=step, started=started, armed=False)
            _halve(work, writer, rows)
        else:
            _refuse(work, writer, rows, error, step=step, started=started)
        return
    except Exception as error:
        log.exception("orders.failed", step=step.value, copies=len(rows))
        _put_off(work, writer, rows, _odd(error), step=step, started=started, armed=True)
        return
    _note(work, writer, step, rows, results, started=started)


def _arm(work: Sending, writer: Writer, step: Step, group: Sequence[tuple[Row, OrderCopy]]) -> list[Row]:
    """Say in the rows what is about to be called; one wanted otherwise by now is left for the next turn."""
    decided = {row.id: copy for row, copy in group}
    with work.store.transaction():
        now = work.clock()
        rows = [
            replace(
                row,
                step=step.value,
                not_before=now + work.lease,
                attempts=row.attempts + 1,
                may_revive=row.may_revive or step is Step.CANCEL,
            )
            for row in work.store.lock(writer, list(decided))
            if row.state is State.OWED and row.copy == decided[row.id] and progress.is_free(row, now)
        ]
        work.store.save(rows, now=now)
    return rows


def _note(
    work: Sending,
    writer: Writer,
    step: Step,
    rows: Sequence[Row],
    results: Sequence[Done],
    *,
    started: datetime,
) -> None:
    """Store each copy's own answer. Done is not settled: it is read again at once."""
    answers = {row.id: done for row, done in zip(rows, results, strict=True)}
    with work.store.transaction():
        now = work.clock()
        saved, attempts = [], []
        for row in work.store.lock(writer, list(answers)):
            done = answers[row.id]
            error = done.error
            if error is None:
                work.counts[f"{step.value}_done"] += 1
                row = progress.done(row, now=now, jitter=work.jitter())
            elif isinstance(error, OutcomeUnknown):
                row = _waiting(work, row, error, now, armed=True)
            elif isinstance(error, Transient):
                row = _waiting(work, progress.counted(row, step, error, armed=False), error, now, armed=False)
            else:
                row = _refused(work, replace(row, not_before=None), error, now)
            saved.append(row)
            attempts.append(
                progress.attempt(row, step, error, started=started, now=now, document=done.document)
            )
        work.store.save(saved, now=now)
        _record(work, attempts)


def _put_off(
    work: Sending,
    writer: Writer,
    rows: Sequence[Row],
    error: SyncError | None,
    *,
    step: str,
    started: datetime,
    armed: bool,
) -> None:
    """Have these copies wait; `armed`: what was sent may still land, so longer than it can live."""
    with work.store.transaction():
        now = work.clock()
        after = [
            _waiting(work, progress.counted(row, step, error, armed=armed), error, now, armed=armed)
            for row in work.store.lock(writer, [row.id for row in rows])
        ]
        work.store.save(after, now=now)
        _record(work, [progress.attempt(row, step, error, started=started, now=now) for row in after])


def _refuse(
    work: Sending, writer: Writer, rows: Sequence[Row], error: SyncError, *, step: str, started: datetime
) -> None:
    with work.store.transaction():
        now = work.clock()
        after = [
            _refused(work, replace(row, not_before=None), error, now)
            for row in work.store.lock(writer, [row.id for row in rows])
        ]
        work.store.save(after, now=now)
        _record(work, [progress.attempt(row, step, error, started=started, now=now) for row in after])


def _halve(work: Sending, writer: Writer, rows: Sequence[Row]) -> None:
    """Read and try each half by itself."""
    middle = len(rows) // 2
    for half in (rows[:middle], rows[middle:]):
        writer = work.store.renew_writer(writer, until=work.clock() + work.lease)
        _turn(work, writer, half)


# ── one row ──────────────────────────────────────────────────────────────────────────────────────────────


def _asked(row: Row) -> OrderCopy:
    """Return what the target is asked for: what was read to be there may not be made."""
    return replace(row.copy, may_make=row.seen is None or row.seen.state in GONE)


def _refused(work: Sending, row: Row, error: SyncError, now: datetime) -> Row:
    if row.state is State.GIVEN_UP:  # a person was quicker
        return row
    work.counts["refused"] += 1
    copy = row.copy
    work.cases.open(
        error.code,
        CASE,
        str(row.id),
        f"{work.code} does not have order {copy.number} of {copy.source} as it should: {error.detail}",
        connection=work.code,
        correlation_id=row.correlation_id,
        order=copy.order_ref,
    )
    return progress.refused(row, error, now=now, jitter=work.jitter())


def _waiting(work: Sending, row: Row, error: SyncError | None, now: datetime, *, armed: bool) -> Row:
    if error is not None:
        work.counts["unknown" if armed else "put_off"] += 1
    return progress.waiting(row, error, now=now, jitter=work.jitter(), armed=armed)


def _record(work: Sending, attempts: Sequence[Attempt]) -> None:
    """Keep the attempts with the calls made since the last were kept."""
    if attempts:
        work.store.record(work.connection_id, Made(tuple(attempts), tuple(work.exchanges)))
    _forget_calls(work)


def _forget_calls(work: Sending) -> None:
    work.calls += len(work.exchanges)
    work.exchanges.clear()


def _odd(error: Exception) -> SyncError:
    """Return what a fault of our own connector is for the copy: nobody knows what it did."""
    return OutcomeUnknown(f"{type(error).__name__}: {error}")
