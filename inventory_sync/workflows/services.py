"""What people do about copies and deliveries that do not go through, and the keeping of their rows.

Every deed is audited with its reason. A retry owes again what is wanted then; nothing old is sent.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import connection as database
from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.cases.services import open_summaries, resolve_cases
from inventory_sync.workflows import naming
from inventory_sync.workflows.models import Attempt, Call, Copy, DeliveryTold, Scope, Touched
from inventory_sync.workflows.sending import CASE as COPY_CASE
from inventory_sync.workflows.telling import CASE as DELIVERY_CASE

FOLLOW_AGAIN = 500
_TOUCH_OPEN = """
INSERT INTO workflows_touched (order_id)
SELECT DISTINCT r.order_id FROM ledger_reservation r
WHERE r.state IN ('committed', 'acknowledged', 'picked', 'shipped', 'backordered')
UNION
SELECT c.order_id FROM workflows_copy c WHERE c.target_id = %s AND NOT c.cancelled AND c.seen_state <> 'done'
"""


def retry_copies(copy_ids: Collection[int], *, actor: audit.Actor, reason: str, now: datetime) -> int:
    """Owe copies again at once, given up ones too; one that was cancelled there may be made again.

    Returns how many. Nothing is written while an earlier call may still land.
    """
    with transaction.atomic():
        rows = list(Copy.objects.select_for_update().filter(pk__in=copy_ids).order_by("pk"))
        for row in rows:
            before = {"state": row.state, "error": row.error_code, "attempts": row.attempts}
            row.state, row.run_at, row.attempts, row.failures = Copy.State.OWED, now, 0, 0
            row.may_revive, row.error_code, row.error_detail = True, "", ""
            audit.record(
                actor=actor,
                action="order_copy.retried",
                subject=row,
                before=before,
                after={"state": row.state, "wanted_version": row.wanted_version},
                reason=reason,
            )
        fields = ["state", "run_at", "attempts", "failures", "may_revive", "error_code", "error_detail"]
        Copy.objects.bulk_update(rows, fields)
        touch({row.order_id for row in rows})
    return len(rows)


def give_up_copies(copy_ids: Collection[int], *, actor: audit.Actor, reason: str, now: datetime) -> int:
    """Leave copies as the target has them, for good or until somebody retries; their cases close."""
    with transaction.atomic():
        rows = list(Copy.objects.select_for_update().filter(pk__in=copy_ids).order_by("pk"))
        for row in rows:
            before = {"state": row.state, "error": row.error_code}
            row.state, row.run_at = Copy.State.GIVEN_UP, None
            audit.record(
                actor=actor,
                action="order_copy.given_up",
                subject=row,
                before=before,
                after={"state": row.state, "document": row.seen_document},
                reason=reason,
            )
        Copy.objects.bulk_update(rows, ["state", "run_at"])
        _close(COPY_CASE, rows, reason, now)
    return len(rows)


def retry_deliveries(order_ids: Collection[int], *, actor: audit.Actor, reason: str, now: datetime) -> int:
    """Owe word of these deliveries again, at once; the channel is read before it is told."""
    with transaction.atomic():
        rows = list(DeliveryTold.objects.select_for_update().filter(pk__in=order_ids).order_by("pk"))
        for row in rows:
            before = {"state": row.state, "error": row.error_code, "attempts": row.attempts}
            row.state, row.run_at, row.attempts = DeliveryTold.State.OWED, now, 0
            row.error_code, row.error_detail = "", ""
            audit.record(
                actor=actor,
                action="delivery_told.retried",
                subject=row,
                before=before,
                after={"state": row.state, "version": row.version},
                reason=reason,
            )
        DeliveryTold.objects.bulk_update(rows, ["state", "run_at", "attempts", "error_code", "error_detail"])
    return len(rows)


def give_up_deliveries(order_ids: Collection[int], *, actor: audit.Actor, reason: str, now: datetime) -> int:
    """Leave the channel without word of these deliveries; their cases close."""
    with transaction.atomic():
        rows = list(DeliveryTold.objects.select_for_update().filter(pk__in=order_ids).order_by("pk"))
        for row in rows:
            before = {"state": row.state, "error": row.error_code}
            row.state, row.run_at = DeliveryTold.State.GIVEN_UP, None
            audit.record(
                actor=actor,
                action="delivery_told.given_up",
                subject=row,
                before=before,
                after={"state": row.state, "version": row.version},
                reason=reason,
            )
        DeliveryTold.objects.bulk_update(rows, ["state", "run_at"])
        _close(DELIVERY_CASE, rows, reason, now)
    return len(rows)


def touch(order_ids: Collection[int]) -> None:
    """Have what is wanted of these orders worked out again."""
    Touched.objects.bulk_create(Touched(order_id=each) for each in sorted(order_ids))


def follow_scope() -> int:
    """Follow every open order again where a target was switched on or decides other places now.

    Once more a round later: a transaction that began before the switch noted nothing of what it did. Returns
    how many targets it was for. What waits for a mapping, or could not be followed, is looked at every round.
    """
    with transaction.atomic():
        waiting = Copy.objects.exclude(missing=[]).exclude(cancelled=True).order_by("?")
        incomplete = set(waiting.values_list("order_id", flat=True)[:FOLLOW_AGAIN])
        unplaced = Copy.objects.filter(location_ref="", cancelled=False)
        incomplete |= set(unplaced.values_list("order_id", flat=True)[:FOLLOW_AGAIN])
        touch(incomplete | {int(order_id) for order_id in open_summaries("order.not_followed")})
        targets = naming.targets()
        Scope.objects.exclude(target_id__in=targets).delete()
        changed = 0
        for target in targets.values():
            scope, new = Scope.objects.select_for_update().get_or_create(target=target)
            now_decides = naming.fingerprint(target)
            other = new or scope.fingerprint != now_decides
            if other or not scope.settled:
                scope.fingerprint, scope.settled = now_decides, not other
                scope.save()
                with database.cursor() as cursor:
                    cursor.execute(_TOUCH_OPEN, [target.pk])
                changed += 1
    return changed


def forget_history(*, before: datetime) -> int:
    """Drop what is kept of steps older than a moment; returns how many went."""
    gone, _ = Attempt.objects.filter(at__lt=before).delete()
    Call.objects.filter(at__lt=before, attempts__isnull=True).delete()
    return gone


def _close(kind: str, rows: Collection[Copy] | Collection[DeliveryTold], reason: str, now: datetime) -> None:
    subjects = [str(row.pk) for row in rows]
    if subjects:
        resolve_cases(subject_kind=kind, subject_ids=subjects, resolution=f"Given up: {reason}", now=now)
