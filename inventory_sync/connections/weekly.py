"""Maintenance windows that come every week: planned as single windows some weeks ahead, by whoever tends.

Each is a window like any other (holding.py): it can be ended alone, and the next one comes all the same.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.connections.holding import end_maintenance
from inventory_sync.connections.models import Connection, Maintenance, WeeklyWindow
from inventory_sync.domain.maintenance import Weekly, occurrences

AHEAD = timedelta(weeks=4)  # however long nobody tends, the windows of this time are held
AGAIN = timedelta(weeks=1)


def rule_of(row: WeeklyWindow) -> Weekly:
    return Weekly(frozenset(row.days), row.begins, row.ends, ZoneInfo(row.zone))


def plan_weekly(
    *,
    connection_id: int,
    days: Collection[int],
    begins: time,
    ends: time,
    zone: str,
    actor: audit.Actor,
    reason: str,
    now: datetime,
) -> WeeklyWindow:
    """Announce windows of every week in which it is neither read nor written. Raises ValidationError."""
    if zone not in available_timezones():
        raise ValidationError(f"There is no time zone {zone}.")
    if not days:
        raise ValidationError("Choose at least one day.")
    row = WeeklyWindow(
        connection_id=connection_id, days=sorted(days), begins=begins, ends=ends, zone=zone, reason=reason,
        planned_until=now,
    )  # fmt: skip
    with transaction.atomic():
        connection = Connection.objects.select_for_update().get(pk=connection_id)
        for other in connection.weekly_windows.filter(ended_at__isnull=True):
            if rule_of(other) == rule_of(row):
                raise ValidationError(f"There is such a window already: {rule_of(row).in_words}.")
        row.save()
        _plan(row, now=now)
        _record(row, action="connection.weekly_planned", actor=actor, reason=reason)
    return row


def end_weekly(*, weekly_id: int, actor: audit.Actor, reason: str, now: datetime) -> bool:
    """Have no more windows of it, one that is open ends now; False when that was so already."""
    with transaction.atomic():
        row = (
            WeeklyWindow.objects.select_for_update(of=("self",))
            .select_related("connection")
            .get(pk=weekly_id)
        )
        if row.ended_at is not None:
            return False
        row.ended_at = now
        row.save(update_fields=["ended_at", "updated_at"])
        mine = Maintenance.objects.filter(weekly=row, closed_at__isnull=True)
        mine.filter(starts_at__gt=now).delete()
        for pk in mine.order_by("pk").values_list("pk", flat=True):
            end_maintenance(window_id=pk, actor=actor, reason=reason, now=now)
        _record(row, action="connection.weekly_ended", actor=actor, reason=reason)
    return True


def plan_ahead(now: datetime) -> int:
    """Plan the windows of the coming weeks; returns how many are new."""
    due = WeeklyWindow.objects.filter(ended_at__isnull=True, planned_until__lt=now + AHEAD - AGAIN)
    planned = 0
    for pk in due.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            row = due.select_for_update(skip_locked=True).filter(pk=pk).first()
            planned += 0 if row is None else _plan(row, now=now)
    return planned


def _plan(row: WeeklyWindow, *, now: datetime) -> int:
    """Make the windows not made yet. Called with the row locked or new."""
    until = now + AHEAD
    made = [
        Maintenance(
            connection_id=row.connection_id, weekly=row, starts_at=start, ends_at=end, reason=row.reason
        )
        for start, end in occurrences(rule_of(row), after=now, until=until)
    ]
    # One that was planned before stays as it is, ended by hand or not.
    before = row.windows.count()
    Maintenance.objects.bulk_create(made, ignore_conflicts=True)
    row.planned_until = until
    row.save(update_fields=["planned_until", "updated_at"])
    return row.windows.count() - before


def _record(row: WeeklyWindow, action: str, *, actor: audit.Actor, reason: str) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject=row.connection,
        after={"weekly": rule_of(row).in_words},
        reason=reason,
    )
