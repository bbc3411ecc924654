"""What people do about copies and deliveries that do not go through, and the keeping of their rows.

Every deed is audited with its reason. A retry owes again what is wanted then; nothing old is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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


@dataclass(frozen=True, slots=True)
class _Kind:
    """What tells the kinds of rows apart: `version` names what is wanted, `afresh` what a retry sets anew."""

    noun: str
    case: str
    version: str
    afresh: Mapping[str, Any]


_KINDS: Mapping[type[Copy] | type[DeliveryTold], _Kind] = {
    Copy: _Kind(
        noun="order_copy",
        case=COPY_CASE,
        version="wanted_version",
        afresh={"failures": 0, "may_revive": True},
    ),
    DeliveryTold: _Kind(noun="delivery_told", case=DELIVERY_CASE, version="version", afresh={}),
}


def retry(
    model: type[Copy] | type[DeliveryTold],
    ids: Collection[int],
    *,
    actor: audit.Actor,
    reason: str,
    now: datetime,
) -> int:
    """Owe these rows again at once, given up ones too; a copy that was cancelled there may be made again.

    Returns how many. Nothing is written while an earlier call may still land, and all is read first.
    """
    again = {"state": model.State.OWED, "run_at": now, "attempts": 0, "error_code": "", "error_detail": ""}
    values = {**again, **_KINDS[model].afresh}
    with transaction.atomic():
        rows = _write(model, ids, values, "retried", actor=actor, reason=reason)
        touch({row.order_id for row in rows if isinstance(row, Copy)})
    return len(rows)


def give_up(
    model: type[Copy] | type[DeliveryTold],
    ids: Collection[int],
    *,
    actor: audit.Actor,
    reason: str,
    now: datetime,
) -> int:
    """Leave these rows as the other side has them, for good or until somebody retries; their cases close."""
    values = {"state": model.State.GIVEN_UP, "run_at": None}
    with transaction.atomic():
        rows = _write(model, ids, values, "given_up", actor=actor, reason=reason)
        resolve_cases(
            subject_kind=_KINDS[model].case,
            subject_ids=[str(row.pk) for row in rows],
            resolution=f"Given up: {reason}",
            now=now,
        )
    return len(rows)


def _write(
    model: type[Copy] | type[DeliveryTold],
    ids: Collection[int],
    values: Mapping[str, Any],
    what: str,
    *,
    actor: audit.Actor,
    reason: str,
) -> list[Copy | DeliveryTold]:
    """Lock the rows, give each the values, and say of each who did it and why."""
    kind = _KINDS[model]
    rows: list[Copy | DeliveryTold] = list(
        model._default_manager.select_for_update().filter(pk__in=ids).order_by("pk")
    )
    for row in rows:
        before = {"state": row.state, "error": row.error_code, "attempts": row.attempts}
        for name, value in values.items():
            setattr(row, name, value)
        audit.record(
            actor=actor,
            action=f"{kind.noun}.{what}",
            subject=row,
            before=before,
            after={"state": row.state, "version": getattr(row, kind.version)},
            reason=reason,
        )
    model._default_manager.bulk_update(rows, list(values))  # type: ignore[arg-type]
    return rows


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
