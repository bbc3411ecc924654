"""Hold a connection still, in the degrees staff need: drain it, plan a maintenance window, stop its writing.

Pausing and resuming are in services.py. Every act is audited; the windows that are over and the connections
that are drained are found by pipeline/tending.py.
"""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.connections.models import Connection, Maintenance
from inventory_sync.connections.services import read_at_once, set_state
from inventory_sync.domain.writing import Writing


def drain(*, connection_id: int, actor: audit.Actor, reason: str) -> Connection:
    """Finish what is owed to it and begin nothing; when all is paid, it pauses by itself."""
    return set_state(
        connection_id, Connection.State.DRAINING, reason, actor=actor, action="connection.drained", why=reason
    )


def set_writing(*, connection_id: int, writing: Writing, actor: audit.Actor, reason: str) -> Connection:
    """Say how far its writes go; what is owed is worked out in every mode."""
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection_id)
        if row.writing == writing.value:
            return row
        before = audit.snapshot(row)
        row.writing = writing.value
        row.save(update_fields=["writing", "updated_at"])
        audit.record_changed(row, before, actor=actor, action="connection.writing_changed", reason=reason)
    return row


def plan_maintenance(
    *,
    connection_id: int,
    starts_at: datetime,
    ends_at: datetime,
    actor: audit.Actor,
    reason: str,
    now: datetime,
) -> Maintenance:
    """Announce a window in which it is neither read nor written. Raises ValidationError."""
    if ends_at <= starts_at:
        raise ValidationError("The window ends before it starts.")
    if ends_at <= now:
        raise ValidationError("The window is over already.")
    with transaction.atomic():
        connection = Connection.objects.select_for_update().get(pk=connection_id)
        crossing = connection.maintenances.filter(
            closed_at__isnull=True, weekly__isnull=True, starts_at__lt=ends_at, ends_at__gt=starts_at
        ).first()
        if crossing is not None:
            raise ValidationError(f"There is a window at that time already: {crossing}.")
        window = Maintenance.objects.create(
            connection=connection, starts_at=starts_at, ends_at=ends_at, reason=reason
        )
        _record(window, action="connection.maintenance_planned", actor=actor, reason=reason)
    return window


def end_maintenance(*, window_id: int, actor: audit.Actor, reason: str, now: datetime) -> bool:
    """Close a window, at its end or before, and have what happened meanwhile read; False if it was closed."""
    with transaction.atomic():
        window = Maintenance.objects.select_for_update().select_related("connection").get(pk=window_id)
        if window.closed_at is not None:
            return False
        window.closed_at = now
        window.save(update_fields=["closed_at", "updated_at"])
        if window.starts_at <= now:
            read_at_once(window.connection_id)
        _record(window, action="connection.maintenance_ended", actor=actor, reason=reason)
    return True


def _record(window: Maintenance, action: str, *, actor: audit.Actor, reason: str) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject=window.connection,
        after={"starts_at": window.starts_at, "ends_at": window.ends_at},
        reason=reason,
    )
