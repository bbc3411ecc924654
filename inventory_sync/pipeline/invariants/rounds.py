"""The scheduled round of all checks: a slice at a time, resumed where it stopped, with cases for what fails.

A round is a row: which check, up to which id. Whoever holds its lease goes on; each slice is looked at as of
one instant, and its cases and the progress are saved together. A case is opened once per subject, and closed
by the round that no longer finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import DataError, OperationalError, transaction
from django.db.models import Q

from inventory_sync.cases.models import Case
from inventory_sync.cases.services import open_case, resolve_case
from inventory_sync.domain.invariants import Span, Violation
from inventory_sync.domain.ports import Clock
from inventory_sync.pipeline.invariants.look import SUBJECT_KIND, case_subject, find, ids_of, slices
from inventory_sync.pipeline.invariants.registry import Check, checks
from inventory_sync.pipeline.models import Verification
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

LEASE = timedelta(seconds=180)
MOST_CASES = 100  # of one check in one round: more of them are one fault
FIGURES_PER_SLICE = 500
KEEP_ROUNDS = timedelta(days=30)
OWNER = "operations"


def round_due(now: datetime, *, every: timedelta) -> bool:
    """Say whether a round is to be begun or to be gone on with, and nobody is at it."""
    if not every:
        return False
    last = Verification.objects.order_by("-id").first()
    if last is None:
        return True
    if last.finished_at is None:
        return last.lease_until is None or last.lease_until < now
    return now - last.started_at >= every


def go_on(*, clock: Clock, every: timedelta, until: Callable[[], bool]) -> dict[str, int]:
    """Go on with the round under way, or begin one that is due; stop when time is up."""
    row = _claim(clock(), every=every)
    if row is None:
        return {"nothing_due": 1}
    counts = {"slices": 0, "violations": 0}
    every_check = checks(now=clock(), figures=FIGURES_PER_SLICE)
    while row.position < len(every_check):
        check = every_check[row.position]
        if row.upto is None:
            ids = ids_of(check.slice)
            row.after, row.upto = ids.after, ids.upto
        for span in slices(Span(row.after, row.upto)):
            found = _found(row, check, span)
            counts["slices"] += 1
            counts["violations"] += len(found)
            _keep(row, check, found, after=span.upto, clock=clock)
            if until():
                _release(row)
                return counts
        _close_check(row, check, clock=clock)
    row.finished_at = clock()
    _release(row)
    log.info("invariants.verified", **counts, round=row.pk, seconds=row.seconds)
    return counts


def _found(row: Verification, check: Check, span: Span) -> Sequence[Violation]:
    """Return what a slice holds; one that cannot be looked at is told of and passed over, for this round."""
    try:
        return find(check, span)
    except (DataError, OperationalError) as error:
        row.results.setdefault(check.name, {"violations": 0})["error"] = str(error).splitlines()[0]
        log.warning(
            "invariant.unchecked", check=check.name, after=span.after, error=str(error).splitlines()[0]
        )
        return ()


def _claim(now: datetime, *, every: timedelta) -> Verification | None:
    with transaction.atomic():
        open_rounds = Verification.objects.select_for_update(skip_locked=True).filter(finished_at=None)
        row = open_rounds.filter(Q(lease_until=None) | Q(lease_until__lt=now)).order_by("id").first()
        if row is None:
            if not round_due(now, every=every) or Verification.objects.filter(finished_at=None).exists():
                return None
            row = Verification(started_at=now)
            Verification.objects.filter(started_at__lt=now - KEEP_ROUNDS).delete()
        row.lease_until = now + LEASE
        row.save()
    return row


def _keep(row: Verification, check: Check, found: Sequence[Violation], *, after: int, clock: Clock) -> None:
    """Save a slice's progress together with the cases of what it found."""
    with transaction.atomic():
        now = clock()
        told: dict[str, Any] = row.results.setdefault(check.name, {"violations": 0})
        room = max(0, MOST_CASES - told["violations"])
        told["violations"] += len(found)
        for each in found[:room]:
            _open(check, each.subject, each.summary, now=now)
        if len(found) > room:
            _open(
                check,
                "and more",
                f"{told['violations']} violations: {check.rule} See ./manage.py verify.",
                now=now,
            )
        row.after, row.lease_until = after, now + LEASE
        row.save()


def _close_check(row: Verification, check: Check, *, clock: Clock) -> None:
    """Close the cases that this round no longer found, and turn to the next check."""
    with transaction.atomic():
        now = clock()
        told = row.results.setdefault(check.name, {"violations": 0})
        told["finished_at"] = now.isoformat()
        if told["violations"] <= MOST_CASES and "error" not in told:
            gone = Case.objects.filter(
                code=check.code,
                subject_kind=SUBJECT_KIND,
                state=Case.State.OPEN,
                last_seen_at__lt=row.started_at,
            )
            for case_id in gone.values_list("pk", flat=True):
                resolve_case(case_id=case_id, resolution="The invariant holds again.", now=now)
        row.position, row.after, row.upto = row.position + 1, 0, None
        row.lease_until = now + LEASE
        row.save()


def _open(check: Check, subject: str, summary: str, *, now: datetime) -> None:
    open_case(
        code=check.code,
        subject_kind=SUBJECT_KIND,
        subject_id=case_subject(subject),
        summary=summary,
        owner_team=OWNER,
        now=now,
    )


def _release(row: Verification) -> None:
    row.lease_until = None
    row.save()
