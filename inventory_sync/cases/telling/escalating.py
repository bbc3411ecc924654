"""Tell the next route when nobody said within N minutes that they have seen a case or an alert.

The minutes begin when the message is written, whether or not it could be sent. Exactly once per step: the
moment is taken off the notice in the transaction that owes the next one.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from inventory_sync.cases.models import Case
from inventory_sync.cases.models_telling import Message, Notice, Route
from inventory_sync.cases.telling.terms import terms_of
from inventory_sync.domain.telling import due_at

AT_ONCE = 5_000


def escalate(*, now: datetime) -> int:
    """Owe the next route word of all that nobody acknowledged in time; return how many."""
    with transaction.atomic():
        rows = list(
            Notice.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("happening", "case", "route")
            .filter(escalate_at__lte=now)
            .order_by("id")[:AT_ONCE]
        )
        next_of = {route: _next_active(route) for route in {row.route for row in rows}}
        owed = []
        for row in rows:
            to = next_of[row.route]
            row.escalate_at = None
            seen = who_saw(row)
            row.why = seen or (f"escalated to {to}" if to else "nobody left to escalate to")
            if to is not None and not seen:
                moment = due_at(terms_of(to), row.happening.severity, now)
                owed.append(
                    Notice(
                        happening_id=row.happening_id,
                        case_id=row.case_id,
                        route=to,
                        step=row.step + 1,
                        due_at=moment,
                    )
                )
        Notice.objects.bulk_create(owed, batch_size=1_000, ignore_conflicts=True)
        Notice.objects.bulk_update(rows, ["escalate_at", "why"], batch_size=1_000)
    return len(owed)


def who_saw(row: Notice) -> str:
    """Return why nobody further need be told: it is over, or who acknowledged it; empty when nobody did."""
    case = row.case
    if case is None:
        told = Message.objects.filter(notices__happening=row.happening_id, acknowledged_at__isnull=False)
        by = told.values_list("acknowledged_by", flat=True).first()
        return f"acknowledged by {by}"[:200] if by else ""
    if case.state != Case.State.OPEN:
        return "over"
    return f"acknowledged by {case.acknowledged_by}" if case.acknowledged_at else ""


def _next_active(route: Route) -> Route | None:
    """Return the next route that is switched on, passing over those that are not."""
    step, seen = route.escalate_to, {route.pk}
    while step is not None and not step.active and step.pk not in seen:
        seen.add(step.pk)
        step = step.escalate_to
    return step if step is not None and step.active else None
