"""Apply again what waited: after a mapping was made, or because a person asked. Safe by construction."""

from __future__ import annotations

from collections.abc import Collection

from inventory_sync.audit import services as audit
from inventory_sync.intake import services as intake
from inventory_sync.pipeline.wake import waker
from inventory_sync.propagation import services as propagation
from inventory_sync.support.clock import utc_now


def replay_waiting(connection_id: int, waits_on: str) -> int:
    """Set every delivery pending that waited for this, and wake its drain; returns how many.

    New mappings also become listings here, so that their figures are pushed.
    """
    count = intake.requeue_waiting(connection_id, waits_on, now=utc_now())
    propagation.sync_listings(connection_id, now=utc_now())
    wake_all()
    return count


def replay_waiting_everywhere(waits_on: str) -> int:
    """Apply again what waited for something that is no connection's own (a period); returns how many."""
    return sum(replay_waiting(each, waits_on) for each in intake.connections_waiting(waits_on))


def replay(delivery_ids: Collection[int], *, actor: audit.Actor, reason: str) -> int:
    """Set deliveries pending again by a person's wish; returns how many."""
    count = intake.requeue(delivery_ids, actor=actor, reason=reason, now=utc_now())
    wake_all()
    return count


def wake_all() -> None:
    """Wake every step that may have something to do now."""
    for tier in ("critical", "standard", "bulk", "replay"):
        waker().drain_intake(tier)
    waker().compute()
