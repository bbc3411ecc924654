"""Close and open accounting periods: audited acts of people, each with a reason.

Whoever posts holds the periods shared until it commits, so nothing is posted into a period after it was
closed. What happens in a closed period is said in domain/periods.py and done in apply.py.
"""

from __future__ import annotations

import re
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.domain.periods import period_of
from inventory_sync.ledger.models import Period
from inventory_sync.ledger.rows import execute
from inventory_sync.ledger.rows_incoming import PERIODS_LOCK

_CODE = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])\Z")


def close_period(code: str, *, actor: audit.Actor, reason: str, now: datetime) -> Period:
    """Close a month that is over: from the next batch on nothing is posted in it."""
    if not _CODE.match(code):
        raise ValidationError({"code": "A period is a year and a month, as 2026-11."})
    if code >= period_of(now):
        raise ValidationError({"code": f"{code} is not over yet (months of UTC)."})
    return _set(code, Period.State.CLOSED, action="period.closed", actor=actor, reason=reason, now=now)


def open_period(code: str, *, actor: audit.Actor, reason: str, now: datetime) -> Period:
    """Open a closed month again; what waits for it is the caller's to have applied."""
    if not Period.objects.filter(code=code).exists():
        raise ValidationError({"code": f"{code} was never closed."})
    return _set(code, Period.State.OPEN, action="period.opened", actor=actor, reason=reason, now=now)


def _set(
    code: str, state: Period.State, *, action: str, actor: audit.Actor, reason: str, now: datetime
) -> Period:
    if not reason.strip():
        raise ValidationError("A period is closed and opened with a reason.")
    with transaction.atomic():
        execute("SELECT pg_advisory_xact_lock(%s)", (PERIODS_LOCK,))
        row = Period.objects.filter(code=code).first()
        if row is not None and row.state == state:
            raise ValidationError(f"{code} is {row.get_state_display().lower()} already.")
        before = audit.snapshot(row) if row is not None else None
        row = row or Period(code=code)
        row.state, row.reason, row.changed_at = state, reason, now
        row.changed_by = actor if isinstance(actor, str) else actor.get_username()
        row.full_clean()
        row.save()
        audit.record(
            actor=actor, action=action, subject=row, before=before, after=audit.snapshot(row), reason=reason
        )
    return row
