"""Work off runs of retries: begin each case through its remedy at the pace asked for, follow it to its end.

A run has one worker at a time (lease and token). A line is begun in one transaction with what it owes again,
so whoever dies in between leaves it either waiting or begun, and no line is ever begun twice. What was begun
ends as it does, even when its run was cancelled meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from inventory_sync.audit import services as audit
from inventory_sync.cases.models import Case, RetryLine, RetryRun
from inventory_sync.cases.services import resolve_case
from inventory_sync.domain.errors import SyncError
from inventory_sync.domain.ports import Clock
from inventory_sync.pipeline.remedies.registry import remedy_for
from inventory_sync.pipeline.remedies.types import Asked
from inventory_sync.pipeline.wake import Waker
from inventory_sync.support.logs import get_logger
from inventory_sync.support.redaction import in_words

log = get_logger(__name__)

LEASE = timedelta(seconds=30)
FOLLOW_EVERY = timedelta(seconds=2)
PATIENCE = timedelta(minutes=15)
FOLLOWED_AT_ONCE = 200
MINUTE = timedelta(minutes=1)
CATCH_UP = timedelta(seconds=2)
"""What a run may make up for at once when nobody came to work it off in time."""

State = RetryLine.State


@dataclass(frozen=True, slots=True)
class Turn:
    """A run in our hands: `token` is the fence."""

    run_id: int
    token: int


class Fenced(Exception):
    """Somebody else has the run now."""


def any_due(now: datetime) -> bool:
    return _due(now).exists()


def retry_due(*, clock: Clock, wake: Waker, until: Callable[[], bool] = lambda: False) -> dict[str, int]:
    """Take every run that is due one step further; returns what became of its lines."""
    counts: Counter[str] = Counter()
    seen: set[int] = set()
    while not until():
        turn = _claim(clock(), besides=seen)
        if turn is None:
            break
        seen.add(turn.run_id)
        try:
            _follow(turn, counts, clock=clock)
            _begin(turn, counts, clock=clock, wake=wake, until=until)
            _release(turn, clock())
        except Fenced:
            counts["fenced"] += 1
    return dict(counts)


def _due(now: datetime) -> QuerySet[RetryRun]:
    begun = RetryLine.objects.filter(run=OuterRef("pk"), state=State.BEGUN)
    return RetryRun.objects.filter(
        Q(lease_until=None) | Q(lease_until__lt=now),
        Q(state=RetryRun.State.RUNNING) | Q(Exists(begun), state=RetryRun.State.CANCELLED),
        run_at__lte=now,
    )


def _claim(now: datetime, *, besides: set[int]) -> Turn | None:
    with transaction.atomic():
        rows = _due(now).exclude(pk__in=besides).order_by("run_at", "pk")
        run = rows.select_for_update(of=("self",), skip_locked=True).first()
        if run is None:
            return None
        run.token, run.lease_until = run.token + 1, now + LEASE
        run.save(update_fields=["token", "lease_until"])
    return Turn(run.pk, run.token)


def _ours(turn: Turn, now: datetime) -> RetryRun:
    """Lock the run for one line's transaction and lengthen its lease; raises Fenced."""
    run = RetryRun.objects.select_for_update().filter(pk=turn.run_id, token=turn.token).first()
    if run is None:
        raise Fenced
    run.lease_until = now + LEASE
    run.save(update_fields=["lease_until"])
    return run


def _release(turn: Turn, now: datetime) -> None:
    """Give the run back until its next line is due; it is done when every line has its outcome."""
    with transaction.atomic():
        run = _ours(turn, now)
        states = set(run.lines.values_list("state", flat=True).distinct())
        run.lease_until = None
        if not states & {State.WAITING, State.BEGUN}:
            if run.state == RetryRun.State.RUNNING:
                run.state, run.finished_at = RetryRun.State.DONE, now
        elif State.BEGUN in states:
            run.run_at = now + FOLLOW_EVERY
            if State.WAITING in states:
                run.run_at = min(run.run_at, max(now, _next_at(run, now)))
        else:
            run.run_at = _next_at(run, now)
        run.save(update_fields=["state", "finished_at", "lease_until", "run_at", "updated_at"])


# ── beginning ────────────────────────────────────────────────────────────────────────────────────────


def _begin(turn: Turn, counts: Counter[str], *, clock: Clock, wake: Waker, until: Callable[[], bool]) -> None:
    with transaction.atomic():
        allowed = _allowed(_ours(turn, clock()), clock())
    while allowed > 0 and not until():
        begun = _begin_next(turn, clock=clock, wake=wake)
        if begun is None:
            return
        counts[begun] += 1
        allowed -= begun == State.BEGUN


def _begin_next(turn: Turn, *, clock: Clock, wake: Waker) -> str | None:
    """Begin the next waiting line; returns what became of it, None when none waits."""
    now = clock()
    line_id = 0
    try:
        with transaction.atomic():
            run = _ours(turn, now)
            waiting = run.lines.select_for_update(of=("self",)).select_related("case")
            line = waiting.filter(state=State.WAITING).order_by("pk").first()
            if line is None or run.state != RetryRun.State.RUNNING:
                return None
            line_id = line.pk
            return _begin_line(line, run, now=now, wake=wake)
    except (OperationalError, InterfaceError):  # the database's trouble is no case's
        raise
    except SyncError as error:
        why = error.detail
    except Fenced:
        raise
    except Exception as error:
        log.exception("retry.not_begun", line=line_id)
        why = in_words(error)
    with transaction.atomic():
        _ours(turn, now)
        RetryLine.objects.filter(pk=line_id, state=State.WAITING).update(
            state=State.FAILED, begun_at=now, ended_at=now, outcome=f"It could not be begun. {why}"
        )
    return str(State.FAILED)


def _begin_line(line: RetryLine, run: RetryRun, *, now: datetime, wake: Waker) -> str:
    case = line.case
    if case.state != Case.State.OPEN:
        words = f"It was over already: {case.resolution or case.get_state_display()}"
        return _end(line, State.SKIPPED, words, now)
    remedy = remedy_for(case)
    seen = remedy.foresee(case, now=now)
    if not seen.possible:
        return _end(line, State.SKIPPED, seen.sentence, now)
    remedy.begin(case, Asked(actor=run.asked_by, reason=run.reason, now=now, wake=wake))
    line.state, line.begun_at, line.outcome = State.BEGUN, now, seen.waits
    line.save(update_fields=["state", "begun_at", "outcome"])
    audit.record(
        actor=run.asked_by,
        action="case.retried",
        subject=case,
        after={"manner": seen.manner.value, "run": run.pk},
        reason=run.reason,
    )
    return str(State.BEGUN)


def _interval(run: RetryRun) -> timedelta:
    return MINUTE / max(1, run.per_minute)


def _last_begun(run: RetryRun) -> datetime | None:
    begun = run.lines.exclude(begun_at=None).order_by("-begun_at")
    return begun.values_list("begun_at", flat=True).first()


def _allowed(run: RetryRun, now: datetime) -> int:
    """Return how many may begin now: evenly over the minute, never more than asked for in any minute."""
    last = _last_begun(run)
    if last is None:
        return 1
    in_a_minute = run.lines.filter(begun_at__gt=now - MINUTE).count()
    evenly = int(min(now - last, max(CATCH_UP, _interval(run))) / _interval(run))
    return max(0, min(evenly, run.per_minute - in_a_minute))


def _next_at(run: RetryRun, now: datetime) -> datetime:
    last = _last_begun(run)
    return now if last is None else last + _interval(run)


# ── following ────────────────────────────────────────────────────────────────────────────────────────


def _follow(turn: Turn, counts: Counter[str], *, clock: Clock) -> None:
    """End the lines whose subject succeeded or failed since, and those that nobody heard of for too long."""
    for line_id in _to_look_at(turn):
        now = clock()
        try:
            with transaction.atomic():
                _ours(turn, now)
                line = RetryLine.objects.select_related("case").get(pk=line_id)
                ended = _outcome(line, now)
        except (OperationalError, InterfaceError):  # the database's trouble is no case's
            raise
        except Fenced:
            raise
        except Exception as error:
            log.exception("retry.not_followed", line=line_id)
            ended = _lost(turn, line_id, f"How it ended cannot be said. {in_words(error)}", now)
        if ended is not None:
            counts[ended] += 1


def _to_look_at(turn: Turn) -> list[int]:
    """Return some of the lines under way: others in each turn, so that those that hang hide no outcome."""
    begun = RetryLine.objects.filter(run_id=turn.run_id, state=State.BEGUN).order_by("pk")
    ids = list(begun.values_list("pk", flat=True))
    if len(ids) <= FOLLOWED_AT_ONCE:
        return ids
    first = turn.token * FOLLOWED_AT_ONCE % len(ids)
    return [*ids[first:], *ids[:first]][:FOLLOWED_AT_ONCE]


def _outcome(line: RetryLine, now: datetime) -> str | None:
    """Write down how the line ended, None while it is under way. A success closes its case."""
    assert line.begun_at is not None, "it was begun"
    case = line.case
    if case.state != Case.State.OPEN and case.closed_by:
        words = f"{case.closed_by} closed it while it was under way: {case.resolution}"
        return _end(line, State.SKIPPED, words, now)
    remedy = remedy_for(case)
    fate = remedy.fate(case, since=line.begun_at)
    if fate is not None:
        if fate.good:
            resolve_case(case_id=line.case_id, resolution=f"A retry succeeded: {fate.words}", now=now)
        return _end(line, State.SUCCEEDED if fate.good else State.FAILED, fate.words, now)
    if now - line.begun_at < PATIENCE:
        return None
    why = remedy.foresee(case, now=now).waits or "It is still under way, or waits for its turn."
    minutes = int(PATIENCE.total_seconds() // 60)
    return _end(line, State.FAILED, f"No outcome within {minutes} minutes. {why}", now)


def _lost(turn: Turn, line_id: int, why: str, now: datetime) -> str:
    """End a line of which the outcome cannot be found out; its case stays open."""
    with transaction.atomic():
        _ours(turn, now)
        return _end(RetryLine.objects.get(pk=line_id), State.FAILED, why, now)


def _end(line: RetryLine, state: RetryLine.State, outcome: str, now: datetime) -> str:
    line.state, line.ended_at, line.outcome = state, now, outcome
    line.save(update_fields=["state", "ended_at", "outcome"])
    return str(state)
