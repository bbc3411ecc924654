"""Runs of retries as they are asked for and called off. Working them off is the pipeline's."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.cases.models import RetryLine, RetryRun
from inventory_sync.cases.services import locked, name_of

MOST_IN_A_RUN = 10_000


def freeze_run(
    case_ids: Collection[int],
    *,
    actor: audit.Actor,
    reason: str,
    now: datetime,
    per_minute: int = 60,
    code: str = "",
    connection_code: str = "",
) -> RetryRun:
    """Freeze these cases as a run to be retried one after the other, the longest open first.

    A case that is over, or waits in another run, is left out; a run with nothing to do is done at once.
    `code` and `connection_code` are the group's, if it is one.
    """
    with transaction.atomic():
        found = sorted(row.pk for row in locked(case_ids))
        elsewhere = RetryLine.objects.filter(
            case_id__in=found,
            run__state=RetryRun.State.RUNNING,
            state__in=(RetryLine.State.WAITING, RetryLine.State.BEGUN),
        )
        waiting = set(elsewhere.values_list("case_id", flat=True))
        frozen = [pk for pk in found if pk not in waiting][:MOST_IN_A_RUN]
        run = RetryRun.objects.create(
            code=code,
            connection_code=connection_code,
            state=RetryRun.State.RUNNING if frozen else RetryRun.State.DONE,
            per_minute=per_minute,
            asked_by=name_of(actor),
            reason=reason,
            run_at=now,
            finished_at=None if frozen else now,
        )
        RetryLine.objects.bulk_create((RetryLine(run=run, case_id=pk) for pk in frozen), batch_size=1_000)
        audit.record(
            actor=actor,
            action="retry_run.started",
            subject=run,
            after={
                "cases": len(frozen),
                "left_out": len(set(case_ids)) - len(frozen),
                "per_minute": per_minute,
            },
            reason=reason,
        )
    return run


def cancel_run(run_id: int, *, actor: audit.Actor, reason: str, now: datetime) -> int:
    """Begin none of a run's cases any more; return how many had not begun. What has begun ends as it does."""
    with transaction.atomic():
        run = RetryRun.objects.select_for_update().get(pk=run_id)
        if run.state != RetryRun.State.RUNNING:
            return 0
        run.state, run.finished_at = RetryRun.State.CANCELLED, now
        run.save(update_fields=["state", "finished_at", "updated_at"])
        left = RetryLine.objects.filter(run=run, state=RetryLine.State.WAITING).update(
            state=RetryLine.State.CANCELLED, ended_at=now
        )
        audit.record(
            actor=actor, action="retry_run.cancelled", subject=run, after={"not_begun": left}, reason=reason
        )
    return left
