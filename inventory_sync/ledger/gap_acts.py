"""What staff do about a number that a feed left out."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.catalog.authorities import hold_gate
from inventory_sync.ledger.models import Gap
from inventory_sync.ledger.ports import OpenGap
from inventory_sync.ledger.store import PostgresLedger
from inventory_sync.ledger.tenures import give_up


def declare_lost(gap_id: int, *, actor: audit.Actor, reason: str, now: datetime) -> tuple[int, ...]:
    """Close a gap whose number will not come, and return the items that are known again.

    Raises ValidationError for one that is not open, or without a reason.
    """
    if not reason.strip():
        raise ValidationError("Say why the number will not come.")
    with transaction.atomic():
        row = Gap.objects.get(pk=gap_id)
        hold_gate(row.location_id)
        row = Gap.objects.select_for_update().get(pk=gap_id)
        if row.state != Gap.State.OPEN:
            raise ValidationError("It is closed already.")
        before = audit.snapshot(row)
        gap = OpenGap(row.pk, row.connection_id, row.location_id, row.sequence, row.since)
        applied = give_up(gap, reason=reason, store=PostgresLedger(), now=now)
        row.refresh_from_db()
        audit.record_changed(row, before, actor=actor, action="gap.declared_lost", reason=reason)
    return applied.posted.touched
