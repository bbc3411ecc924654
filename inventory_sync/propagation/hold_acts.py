"""What people decide of held writes, and what time does to them. Audited.

A decision is about the effect that was frozen: it holds for the figures shown, within a tolerance, and for a
while. What it does not cover is judged anew. Lock order: the guard, then its hold; listings are not touched:
a lane takes back by itself what nobody is asked about any more (store.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.cases.services import resolve_cases
from inventory_sync.domain.errors import DecidedAlready, StillGathering
from inventory_sync.domain.guards import FirstSync, GuardKind
from inventory_sync.propagation.guarding import CASE_KIND, freeze
from inventory_sync.propagation.models import LaneGuard, Listing, WriteHold

GATHERS_AT_MOST = timedelta(minutes=10)
LIMITS = ("least_listings", "zero_share", "shift_share", "shift_percent", "window_s")
State = WriteHold.State


def approve(hold_id: int, *, actor: audit.Actor, reason: str, now: datetime) -> WriteHold:
    """Let the frozen figures be written for a while; a first sync that was approved is passed for good."""
    with transaction.atomic():
        hold = _deciding(hold_id, (State.WAITING, State.REJECTED), now=now)
        lasts = timedelta(seconds=settings.INVENTORY_SYNC["GUARD_APPROVAL_S"])
        _decide(
            hold,
            State.APPROVED,
            action="hold.approved",
            ends_at=now + lasts,
            actor=actor,
            reason=reason,
            now=now,
        )
        if hold.kind == GuardKind.FIRST_SYNC:
            LaneGuard.objects.filter(pk=hold.connection_id).update(
                first_sync=FirstSync.PASSED, updated_at=now
            )
    return hold


def reject(hold_id: int, *, actor: audit.Actor, reason: str, now: datetime) -> WriteHold:
    """Leave the channel as it is; the figures shown stay held until they change or the day is over.

    What came to wait after the effect was frozen was shown to nobody: it is judged by itself now.
    """
    with transaction.atomic():
        hold = _deciding(hold_id, (State.WAITING,), now=now)
        lasts = timedelta(hours=settings.INVENTORY_SYNC["GUARD_HOLD_HOURS"])
        _decide(
            hold,
            State.REJECTED,
            action="hold.rejected",
            ends_at=now + lasts,
            actor=actor,
            reason=reason,
            now=now,
        )
    return hold


def change_guard(
    connection_id: int, values: Mapping[str, Any], *, actor: audit.Actor, reason: str
) -> LaneGuard:
    """Declare what a channel may be told without asking."""
    with transaction.atomic():
        guard = _guard(connection_id)
        before = audit.snapshot(guard)
        for name in ("first_sync", *LIMITS):
            if name in values:
                setattr(guard, name, values[name])
        guard.full_clean()
        guard.save()
        audit.record_changed(guard, before, actor=actor, action="guard.changed", reason=reason)
    return guard


def arm_first_sync(connection_id: int, *, actor: audit.Actor, reason: str) -> LaneGuard:
    """Have the first figures of a new channel wait for a person."""
    return change_guard(connection_id, {"first_sync": FirstSync.ARMED.value}, actor=actor, reason=reason)


def keep_holds(*, now: datetime) -> int:
    """End holds nobody decided in time, and gatherings that take too long; returns how many."""
    done = 0
    open_now = WriteHold.objects.filter(state__in=WriteHold.OPEN).values_list("pk", "connection_id")
    for hold_id, connection_id in open_now:
        with transaction.atomic():
            _guard(connection_id)
            hold = WriteHold.objects.select_for_update().filter(pk=hold_id, state__in=WriteHold.OPEN).first()
            if hold is None:
                continue
            unread = Listing.objects.filter(
                connection_id=connection_id, state=Listing.State.OWED, observed=None
            ).exists()
            if hold.ends_at <= now:
                hold.state = State.EXPIRED
                hold.save(update_fields=["state"])
                _close(hold, "Nobody decided in time: it is judged anew.", now=now)
                done += 1
            elif hold.state == State.GATHERING and (not unread or hold.opened_at + GATHERS_AT_MOST <= now):
                freeze(hold, now=now)
                done += 1
    return done


def _guard(connection_id: int) -> LaneGuard:
    LaneGuard.objects.bulk_create([LaneGuard(connection_id=connection_id)], ignore_conflicts=True)
    return LaneGuard.objects.select_for_update().get(pk=connection_id)


def _deciding(hold_id: int, states: tuple[str, ...], *, now: datetime) -> WriteHold:
    """Lock a hold that may still be decided."""
    _guard(WriteHold.objects.values_list("connection_id", flat=True).get(pk=hold_id))
    hold = WriteHold.objects.select_for_update().get(pk=hold_id)
    if hold.state == State.GATHERING:
        raise StillGathering("Listings are still being read: what would be written is not known yet.")
    if hold.state not in states or hold.ends_at <= now:
        raise DecidedAlready(f"It is not waiting any more: {hold.get_state_display().lower()}.")
    return hold


def _decide(
    hold: WriteHold,
    state: str,
    *,
    action: str,
    ends_at: datetime,
    actor: audit.Actor,
    reason: str,
    now: datetime,
) -> None:
    before = audit.snapshot(hold)
    hold.state, hold.ends_at, hold.decided_at, hold.reason = state, ends_at, now, reason
    hold.decided_by = actor if isinstance(actor, str) else actor.get_username()
    hold.save()
    audit.record_changed(hold, before, actor=actor, action=action, reason=reason)
    _close(hold, f"{hold.get_state_display()} by {hold.decided_by}: {reason}", now=now)


def _close(hold: WriteHold, resolution: str, *, now: datetime) -> None:
    resolve_cases(subject_kind=CASE_KIND, subject_ids=[str(hold.pk)], resolution=resolution, now=now)
