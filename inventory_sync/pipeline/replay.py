"""Apply again what waited: after a mapping was made, or because a person asked. Safe by construction."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.connections import registry
from inventory_sync.connections.models import Connection
from inventory_sync.domain.errors import Misconfigured
from inventory_sync.intake import services as intake
from inventory_sync.intake.ports import ReadWanted
from inventory_sync.intake.store import PostgresIntake
from inventory_sync.pipeline.snapshots import READ_KIND
from inventory_sync.pipeline.wake import waker
from inventory_sync.propagation import services as propagation
from inventory_sync.support.clock import utc_now


def replay_waiting(connection_id: int, waits_on: str) -> int:
    """Set every delivery pending that waited for this, and wake its drain; returns how many.

    New mappings also become listings here, so that their figures are pushed, and books are read for what they
    say of a new name.
    """
    count = intake.requeue_waiting(connection_id, waits_on, now=utc_now())
    _read_books(connection_id, waits_on)
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


def _read_books(connection_id: int, waits_on: str) -> None:
    """Have an article read that got a name, or everything after a place got one or another authority."""
    code = Connection.objects.values_list("connector", flat=True).get(pk=connection_id)
    try:
        if not registry.connector(code).capabilities.reads_books:
            return
    except Misconfigured:  # nobody reads a connection whose connector is not installed
        return
    kind, _, ref = waits_on.partition(":")
    wanted = ReadWanted(connection_id, READ_KIND, ref, "mapped") if kind == "item" else None
    with transaction.atomic():
        read = wanted or ReadWanted(connection_id, "stream", "", f"{waits_on} is known now")
        PostgresIntake().want_reads([read], now=utc_now())


def wake_all() -> None:
    """Wake every step that may have something to do now."""
    for tier in ("critical", "standard", "bulk", "replay"):
        waker().drain_intake(tier)
    waker().compute()
